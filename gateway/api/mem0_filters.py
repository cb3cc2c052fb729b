"""The filters of mem0's platform API: read, confined to the users that they name, and applied to memories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from gateway.api.mem0_values import compare, identifier, interval, listed
from gateway.domain import NOBODY
from gateway.errors import BadRequest
from gateway.store.library import Entry

DEEPEST = 20
"""Filters within filters."""
MOST = 500
"""Conditions of one filter."""

Id = Literal["user_id", "agent_id", "run_id"]
IDS: tuple[Id, ...] = ("user_id", "agent_id", "run_id")
APP = "app_id"
"""A label in the metadata: no scope of the gateway's own."""

_ORDER = frozenset({"gt", "gte", "lt", "lte"})
_EQUALITY = frozenset({"eq", "ne", "in"})
_OPERATORS = _EQUALITY | _ORDER | {"contains", "icontains"}
_ALLOWED: dict[str, frozenset[str]] = {
    **dict.fromkeys((*IDS, APP, "memory_ids"), _EQUALITY),
    **dict.fromkeys(("created_at", "updated_at", "timestamp", "expiration_date"), _EQUALITY | _ORDER),
    "text": _EQUALITY | {"contains", "icontains"},
    "keywords": frozenset({"contains", "icontains"}),
    "categories": _EQUALITY | {"contains", "icontains"},
    "metadata": frozenset({"eq", "ne", "contains"}),
}
"""The operators of each field."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A memory as a filter sees it."""

    user_id: str
    """NOBODY: it belongs to an agent or to a session alone."""
    agent_id: str
    run_id: str
    entry: Entry | None = None
    """Only filters on these three ids do without it."""


@dataclass(frozen=True, slots=True)
class Test:
    """One condition."""

    field: str
    operator: str
    value: Any
    key: str = ""
    """Of the metadata; empty: the metadata as a whole."""


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Neither:
    """No part holds."""

    parts: tuple[Node, ...]


Node = Test | All | Either | Neither

_LISTS: dict[str, Callable[[tuple[Node, ...]], Node]] = {"AND": All, "OR": Either, "NOT": Neither}


def parse(given: Any) -> Node:
    """The filter that the JSON says, all of it; raises BadRequest for what is not understood."""
    left = [MOST]
    return _all(given, "filters", DEEPEST, left)


def same(field: str, value: str | None) -> Test:
    """The condition that the id is this one; None: that there is none."""
    return Test(field, "eq", value)


def named(node: Node, field: Id) -> frozenset[str] | None:
    """The ids that the memories which the filter lets through can have, NOBODY for none; None: any."""
    match node:
        case Test(field=tested, operator="eq" | "in" as operator, value=value) if tested == field:
            return frozenset(one or NOBODY for one in (value if operator == "in" else [value]))
        case All(parts=parts):
            found = [ids for part in parts if (ids := named(part, field)) is not None]
            return frozenset.intersection(*found) if found else None
        case Either(parts=parts):
            alternatives = [named(part, field) for part in parts]
            sure = [one for one in alternatives if one is not None]
            return frozenset[str]().union(*sure) if len(sure) == len(alternatives) else None
    return None


def confined(node: Node) -> Node:
    """The filter with what it leaves out: where no user is named, memories that have none are meant."""
    if named(node, "user_id") is not None:
        return node
    match node:
        case Either(parts=parts):
            return Either(tuple(map(confined, parts)))
        case All(parts=parts):
            for at, part in enumerate(parts):
                if _mentions(part):
                    return All((*parts[:at], confined(part), *parts[at + 1 :]))
    return All((node, same("user_id", None)))


def on_ids(node: Node) -> bool:
    """Whether it asks for nothing but user, agent and run."""
    if isinstance(node, Test):
        return node.field in IDS
    return all(map(on_ids, node.parts))


def holds(node: Node, subject: Subject) -> bool:
    """Whether the filter lets the memory through."""
    match node:
        case All(parts=parts):
            return all(holds(part, subject) for part in parts)
        case Either(parts=parts):
            return any(holds(part, subject) for part in parts)
        case Neither(parts=parts):
            return not any(holds(part, subject) for part in parts)
    return _passes(node, subject)


def made_at(entry: Entry) -> datetime:
    """When a memory was said first, or written where it was said later than that."""
    return min(entry.created_at, entry.first_seen)


def _mentions(node: Node) -> bool:
    """It names a user in some of its alternatives."""
    if isinstance(node, All | Either):
        return any(map(_mentions, node.parts))
    return named(node, "user_id") is not None


def _all(given: Any, where: str, depth: int, left: list[int]) -> Node:
    if not isinstance(given, dict):
        raise BadRequest(f"{where} must be an object.", param="filters")
    if depth < 1:
        raise BadRequest(f"filters are nested more than {DEEPEST} deep.", param="filters")
    parts: list[Node] = []
    for field, value in given.items():
        if join := _LISTS.get(field):
            children = [value] if field == "NOT" and isinstance(value, dict) else value
            if not isinstance(children, list) or not children:
                raise BadRequest(f"{field} must be a list of filters.", param="filters")
            parts.append(join(tuple(_all(child, f"an item of {field}", depth - 1, left) for child in children)))
        elif field in _ALLOWED:
            parts += _tests(field, value)
        else:
            raise BadRequest(f"There is no filter {field[:100]!r}.", param="filters")
        left[0] -= 1
        if left[0] < 0:
            raise BadRequest(f"filters have more than {MOST} conditions.", param="filters")
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _tests(field: str, value: Any) -> list[Node]:
    """The conditions on one field."""
    if field == "metadata":
        return _metadata(value)
    return [Test(field, operator, _value(field, operator, one)) for operator, one in _operations(field, value).items()]


def _metadata(value: Any) -> list[Node]:
    """Conditions on the metadata as a whole, or on single keys of it."""
    if not isinstance(value, dict) or not value:
        raise BadRequest("metadata must be an object that is not empty.", param="filters")
    if value.keys() <= _ALLOWED["metadata"]:
        return [Test("metadata", operator, _whole(operator, one)) for operator, one in value.items()]
    tests: list[Node] = []
    for key, one in value.items():
        operations = one if isinstance(one, dict) and one and one.keys() <= _OPERATORS else {"eq": one}
        for operator, expected in operations.items():
            if operator == "in":
                listed(expected, f"metadata.{key}")
            tests.append(Test("metadata", operator, expected, key))
    return tests


def _whole(operator: str, value: Any) -> Any:
    if not isinstance(value, dict if operator != "contains" else dict | str):
        raise BadRequest(f"metadata cannot be compared with this by {operator}.", param="filters")
    return value


def _operations(field: str, value: Any) -> dict[str, Any]:
    """The operators with their values; a bare value stands for the operator that is usual for it."""
    if isinstance(value, list):
        operations: dict[str, Any] = {"in": value}
    elif isinstance(value, dict):
        operations = value
    else:
        operations = {"contains" if field in ("categories", "keywords") else "eq": value}
    if not operations:
        raise BadRequest(f"{field} is compared with nothing.", param="filters")
    for operator in operations:
        if operator not in _ALLOWED[field]:
            raise BadRequest(f"{field} cannot be compared by {operator[:100]!r}.", param="filters")
    return operations


def _value(field: str, operator: str, value: Any) -> Any:
    """What a field is compared with, checked."""
    if operator == "in":
        return [_value(field, "eq", one) for one in listed(value, field)]
    if field in IDS or field == APP:
        return None if value is None else identifier(value, field)
    if field in ("created_at", "updated_at", "timestamp", "expiration_date"):
        if value is None and operator in _EQUALITY:
            return None
        return interval(value, field)
    if not isinstance(value, str):
        raise BadRequest(f"{field} is compared with strings.", param="filters")
    return value


def _passes(test: Test, subject: Subject) -> bool:
    """Whether one condition holds."""
    match test.field:
        case "user_id":
            return _equal(test, subject.user_id or None)
        case "agent_id":
            return _equal(test, subject.agent_id or None)
        case "run_id":
            return _equal(test, subject.run_id or None)
    entry = subject.entry
    assert entry is not None
    match test.field:
        case "memory_ids":
            return _equal(test, entry.id)
        case "app_id":
            return _equal(test, entry.metadata.get(APP))
        case "metadata":
            return _of_metadata(test, entry)
        case "categories":
            return compare(test.operator, entry.kind, test.value, part=False)
        case "text" | "keywords":
            return compare(test.operator, entry.text, test.value)
    moments = {
        "created_at": made_at(entry),
        "updated_at": entry.updated_at,
        "timestamp": entry.last_seen,
        "expiration_date": entry.expires_at,
    }
    return compare(test.operator, moments[test.field], test.value)


def _equal(test: Test, value: object) -> bool:
    if test.operator == "in":
        return value in test.value
    return (value == test.value) is (test.operator == "eq")


def _of_metadata(test: Test, entry: Entry) -> bool:
    known = entry.metadata
    if test.key:
        return compare(test.operator, known.get(test.key), test.value)
    if test.operator != "contains":
        return (dict(known) == test.value) is (test.operator == "eq")
    if isinstance(test.value, str):
        return test.value in known
    return all(key in known and known[key] == value for key, value in test.value.items())
