"""The models of several servers, as one list."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.config import Kind
from gateway.errors import GatewayError, UpstreamSilent, UpstreamUnreachable
from gateway.routing import Routes
from gateway.upstream import Headers, StreamBroken, Upstream
from gateway.wire.lenient import dumps, loads

PATH = b"/v1/models"
LIST_WAIT = 5.0
"""Seconds that one server has for its list; those that are slower are left out."""
MAX_LIST = 16 * 1024 * 1024
"""Bytes of one server's list."""

_WITHOUT_LIST = (404, 405, 501)
_WHOLE = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
_WILD = frozenset("*?[")

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """The answer to a request for the models."""

    status: int
    body: bytes
    kind: bytes = b"application/json"
    """Content-Type."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What one server lists."""

    upstream: Upstream
    entries: list[Entry]
    more: bool = False
    failure: Listed | GatewayError | None = None
    """Why there is no list; None: there is one."""


async def listed(routes: Routes, kind: Kind, target: bytes, headers: Headers) -> Listed:
    """The models of all servers of a kind, each under the names by which it would be chosen.

    A server that fails is left out. Where all fail, the first one's failure is the answer, or is raised.
    """
    group = routes.group(kind)
    sent = [(name, value) for name, value in headers if name not in _WHOLE]
    home = next((upstream.config.origin for upstream in group if upstream.config.api_key is None), None)
    async with asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(_asked(upstream, target, sent, foreign=upstream.config.origin != home))
            for upstream in group
        ]
    found = [task.result() for task in asked]
    failures = [one.failure for one in found if one.failure is not None]
    if len(failures) == len(found):
        if isinstance(failures[0], GatewayError):
            raise failures[0]
        return failures[0]
    entries: dict[str, Entry] = {}
    for one in found:
        for entry in _named(one, kind):
            if routes.serving(kind, entry["id"]) is one.upstream:
                entries.setdefault(entry["id"], entry)
    return Listed(200, _body(kind, list(entries.values()), more=any(one.more for one in found)))


async def _asked(upstream: Upstream, target: bytes, headers: Headers, *, foreign: bool) -> _Found:
    """Ask one server; the client's own key goes to the first that takes one, and to no other address."""
    identity = [*headers, (b"accept-encoding", b"identity")]
    try:
        async with asyncio.timeout(LIST_WAIT):
            async with upstream.send("GET", target, identity, None, foreign=foreign) as answer:
                body = bytearray()
                async for piece in answer.pieces():
                    body += piece
                    if len(body) > MAX_LIST:
                        raise UpstreamUnreachable("The upstream's list of models is too long.", code="upstream_closed")
    except TimeoutError:
        return _Found(upstream, [], failure=UpstreamSilent())
    except StreamBroken:
        return _Found(upstream, [], failure=UpstreamUnreachable("The list was cut off.", code="upstream_closed"))
    except GatewayError as error:
        return _Found(upstream, [], failure=error)
    if answer.status in _WITHOUT_LIST:
        return _Found(upstream, [])
    if answer.status != 200:
        return _Found(upstream, [], failure=Listed(answer.status, bytes(body), answer.header(b"content-type")))
    return _read(upstream, bytes(body))


def _read(upstream: Upstream, body: bytes) -> _Found:
    unreadable = UpstreamUnreachable("The upstream's list of models cannot be read.", code="upstream_closed")
    try:
        value = loads(body)
    except ValueError:
        return _Found(upstream, [], failure=unreadable)
    entries = value.get("data", unreadable) if isinstance(value, dict) else value
    if entries is None:  # Ollama, when it has none
        entries = []
    if not isinstance(entries, list):
        return _Found(upstream, [], failure=unreadable)
    whole = [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]
    return _Found(upstream, whole, more=isinstance(value, dict) and value.get("has_more") is True)


def _named(found: _Found, kind: Kind) -> Iterator[Entry]:
    """A server's models under the names that clients use, with those that only the configuration names."""
    config = found.upstream.config
    known = {entry["id"]: entry for entry in found.entries}
    for name in (*config.rename, *config.models):
        if not _WILD.intersection(name) and name not in known:
            own = found.upstream.own_name(name)
            yield known[own] | {"id": name} if own in known else _made(kind, name, config.name)
    yield from found.entries


def _made(kind: Kind, name: str, owner: str) -> Entry:
    if kind == "anthropic":
        return {"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def _body(kind: Kind, entries: list[Entry], *, more: bool) -> bytes:
    if kind == "openai":
        return dumps({"object": "list", "data": entries}).encode()
    names = [entry["id"] for entry in entries] or [None]
    return dumps({"data": entries, "has_more": more, "first_id": names[0], "last_id": names[-1]}).encode()
