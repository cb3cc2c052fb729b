"""What a request of mem0's platform API asks for: every option is understood or refused."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.api.mem0_filters import APP, IDS, All, Node, Test, confined, named, parse, same
from gateway.api.mem0_values import count, expiry, identifier, moment, number, strings, truth
from gateway.attribution import Access
from gateway.errors import BadRequest, NotBuilt

TOP_K = 10
MOST = 1000
"""Memories of one answer, and of one batch."""
PAGE = 100
USERS = 100
"""Users that one filter may name."""
WRITTEN = 8192
"""Characters of filters in a query: four ids, escaped."""
LONGEST = 20_000
"""Characters of a query, or of a memory that is kept as it was said."""

_CLIENT = frozenset({"org_id", "project_id", "output_format", "api_version", "version", "source", "async_mode"})
"""What clients say of themselves and of the answer's shape."""
_SCOPE = frozenset({*IDS, APP, "filters"})
_FILTERS = frozenset({"categories", "keywords", "metadata", "show_expired", "latest_only", "fields", "top_k", "limit"})
_PAGES = frozenset({"page", "page_size"})
_SEARCH = frozenset({"query", "threshold", "rerank", "reference_date", "keyword_search"})
_ADD = frozenset({"messages", "metadata", "infer", "expiration_date", "timestamp"})
_GUIDANCE = frozenset(
    {"custom_instructions", "agent_custom_instructions", "custom_categories", "structured_data_schema"}
)
"""For the language model that reads messages on mem0's platform; here there is none to guide."""
_NOT_SERVED = frozenset({"enable_graph", "immutable", "includes", "excludes", "memory_type", "prompt"})


@dataclass(frozen=True, slots=True)
class Call:
    """One request, allowed in and read."""

    access: Access
    arguments: tuple[str, ...]
    """The parts of the path that are no words of the API."""
    query: Mapping[str, str]
    body: Any
    path: str
    """Where the client sees it."""

    def options(self, *known: Collection[str]) -> Mapping[str, Any]:
        """The body as an object without nulls; raises BadRequest for options that are not known."""
        if not isinstance(self.body, dict):
            raise BadRequest("The body must be a JSON object.")
        return _only({name: value for name, value in self.body.items() if value is not None}, *known)

    def parameters(self, *known: Collection[str]) -> Mapping[str, str]:
        """The query; raises BadRequest for parameters that are not known."""
        return _only(self.query, *known)


@dataclass(frozen=True, slots=True)
class Wish:
    """Which memories are wanted, and how they are to be told."""

    node: Node
    """Confined to users, and to the one whom the key may touch."""
    users: tuple[str, ...]
    """Whose memories these can be; NOBODY may be among them."""
    expired: bool
    superseded: bool
    fields: tuple[str, ...]
    limit: int | None
    query: str = ""
    threshold: float = 0.0
    asked_at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Place:
    """The scope that a memory is put into: exactly the ids that were given."""

    user: str
    agent: str
    run: str
    app: str


def wish(call: Call) -> Wish:
    """What a list asks for."""
    options = call.options(_CLIENT, _SCOPE, _FILTERS, _PAGES, {"start_date", "end_date"})
    return _wish(call.access, options)


def searched(call: Call) -> Wish:
    """What a search asks for."""
    options = call.options(_CLIENT, _SCOPE, _FILTERS, _SEARCH)
    query = options.get("query")
    if not isinstance(query, str) or not query.strip() or len(query) > LONGEST:
        raise BadRequest(f"query must be a string of 1 to {LONGEST} characters.", param="query")
    for name in ("rerank", "keyword_search"):
        truth(options.get(name, True), name)
    found = _wish(call.access, options)
    when = options.get("reference_date")
    return Wish(
        *(found.node, found.users, found.expired, found.superseded, found.fields, found.limit or TOP_K, query.strip()),
        threshold=number(options.get("threshold", 0), "threshold", 0, 1),
        asked_at=moment(when, "reference_date") if when is not None else found.asked_at,
    )


def deleted(call: Call) -> tuple[Node, str]:
    """Which memories are to go, and whose; raises BadRequest unless user, agent or run is named."""
    options: dict[str, Any] = dict(call.parameters(_CLIENT, _SCOPE))
    if "filters" in options:
        options["filters"] = _written(options["filters"])
    place = _place(call.access, options)
    return All(tuple(same(name, value) for name, value in _given(options).items())), place.user


def placed(call: Call) -> tuple[Place, Mapping[str, Any]]:
    """The scope of what is added, and the other options."""
    options = call.options(_CLIENT, _SCOPE, _ADD, _GUIDANCE)
    return _place(call.access, options), options


def expires(options: Mapping[str, Any]) -> datetime | None:
    """When a memory stops to hold, if that is given."""
    return expiry(options["expiration_date"]) if "expiration_date" in options else None


def labels(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """The caller's metadata, None if there is none."""
    metadata = options.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise BadRequest("metadata must be an object.", param="metadata")
    return metadata


def text_of(value: object, name: str) -> str:
    """A memory's text; raises BadRequest."""
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
        raise BadRequest(f"{name} must be a string of 1 to {LONGEST} characters.", param=name)
    return value.strip()


def paged(call: Call) -> tuple[int, int] | None:
    """Number and size of the page that is asked for; None: everything."""
    given = call.parameters(_CLIENT, _PAGES)
    body = call.body if isinstance(call.body, dict) else {}
    given = {**{name: body[name] for name in _PAGES if body.get(name) is not None}, **given}
    if not _PAGES.intersection(given):
        return None
    return count(given.get("page", 1), "page", 10**9), count(given.get("page_size", PAGE), "page_size", MOST)


def _wish(access: Access, options: Mapping[str, Any]) -> Wish:
    parts: list[Node] = [parse(options.get("filters", {}))]
    parts += [same(name, value) for name, value in _ids(options).items()]
    for name, operator in (("start_date", "gte"), ("end_date", "lte")):
        if name in options:
            parts.append(parse({"created_at": {operator: options[name]}}))
    for name in ("categories", "keywords", "metadata"):
        if options.get(name):
            parts.append(_also(name, options[name]))
    node = confined(All(tuple(parts)))
    if access.only is not None:
        node = All((same("user_id", access.only), node))
    users = tuple(sorted(named(node, "user_id") or ()))
    if len(users) > USERS:
        raise BadRequest(f"filters name more than {USERS} users.", param="filters")
    size = options.get("top_k", options.get("limit"))
    return Wish(
        node,
        users,
        expired=truth(options.get("show_expired", False), "show_expired"),
        superseded=not truth(options.get("latest_only", True), "latest_only"),
        fields=strings(options.get("fields", []), "fields"),
        limit=count(size, "top_k", MOST) if size is not None else None,
    )


def _also(name: str, value: Any) -> Node:
    """What an option beside the filters asks for."""
    if name != "keywords":
        return parse({name: value})
    return All(tuple(Test("keywords", "icontains", word) for word in strings(value, name)))


def _place(access: Access, options: Mapping[str, Any]) -> Place:
    ids = _given(options)
    if not any(ids.get(name) for name in IDS):
        raise BadRequest("At least one of user_id, agent_id and run_id is needed.")
    user = ids.get("user_id")
    return Place(access.entity(user), ids.get("agent_id", ""), ids.get("run_id", ""), ids.get(APP, ""))


def _given(options: Mapping[str, Any]) -> dict[str, str]:
    """The ids beside the filters and in them, which hold nothing else here."""
    inner = options.get("filters", {})
    if not isinstance(inner, dict) or not inner.keys() <= {*IDS, APP}:
        raise BadRequest("filters may only be ids here: user_id, agent_id, run_id, app_id.", param="filters")
    ids = _ids(options)
    for name, value in _ids(inner).items():
        if ids.setdefault(name, value) != value:
            raise BadRequest(f"{name} is given twice.", param=name)
    return ids


def _ids(options: Mapping[str, Any]) -> dict[str, str]:
    return {name: identifier(options[name], name) for name in (*IDS, APP) if options.get(name) is not None}


def _written(text: str) -> Any:
    """Filters in a query, as JSON or as Python writes a dict: mem0's client sends the latter."""
    if len(text) > WRITTEN:
        raise BadRequest("filters are too long.", param="filters")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise BadRequest("filters must be an object of ids.", param="filters") from None


def _only(given: Mapping[str, Any], *known: Collection[str]) -> Mapping[str, Any]:
    for name in given:
        if not any(name in some for some in known):
            if name in _NOT_SERVED:
                raise NotBuilt(f"The option {name} of mem0 is not served here.")
            raise BadRequest(f"There is no option {name[:100]!r} here.", param=name[:100])
    return given
