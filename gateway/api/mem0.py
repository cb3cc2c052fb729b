"""mem0's platform API under /mem0: an unmodified `MemoryClient(host=".../mem0")` finds its memory here."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson

from gateway.api.access import Doorkeeper
from gateway.api.mem0_events import Events
from gateway.api.mem0_options import Call
from gateway.api.mem0_reading import Reading
from gateway.api.mem0_writing import Writing
from gateway.attribution import Attributor
from gateway.config import Limits
from gateway.errors import BadRequest, GatewayError, NotBuilt, RequestTimeout, StoreError, StoreSilent
from gateway.recall import Recall
from gateway.relay import Client, Gone, Pairs, Receive, Send
from gateway.store.library import Library
from gateway.tagging import Tagger

PREFIX = b"/mem0/"
ORGANISATION = "memory-gateway"
"""What clients are told as their organisation; there is none here."""

Handler = Callable[[Call], Awaitable[Any]]

_log = logging.getLogger(__name__)


class _Detailed(GatewayError):
    """An error in mem0's words: its clients look for `detail`."""

    def __init__(self, error: GatewayError) -> None:
        super().__init__(error.message)
        self.status, self.retry = error.status, error.retry

    def body(self) -> bytes:
        return orjson.dumps({"detail": self.message})


class Mem0:
    """The ASGI application for every path under /mem0."""

    def __init__(
        self,
        limits: Limits,
        doorkeeper: Doorkeeper,
        attributor: Attributor,
        library: Library,
        recall: Recall,
        notice: Callable[[], None],
        tagger: Callable[[], Tagger | None],
    ) -> None:
        """`notice` is called when there may be texts without vectors, `tagger` gives the one that is ready now."""
        self._limits, self._doorkeeper, self._attributor = limits, doorkeeper, attributor
        reading = Reading(library, recall)
        self._writing, self._events = Writing(library, recall, reading, notice, tagger), Events(library)
        writing, events = self._writing, self._events
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", "v1/ping"): _ping,
            ("POST", "v1/memories"): self._add_at_once,
            ("POST", "v3/memories/add"): self._add,
            ("POST", "v2/memories"): reading.wanted,
            ("POST", "v3/memories"): reading.wanted,
            ("POST", "v2/memories/search"): reading.search,
            ("POST", "v3/memories/search"): reading.search,
            ("DELETE", "v1/memories"): writing.delete_all,
            ("GET", "v1/memories/*"): reading.get,
            ("PUT", "v1/memories/*"): writing.update,
            ("DELETE", "v1/memories/*"): writing.delete,
            ("GET", "v1/memories/*/history"): reading.history,
            ("PUT", "v1/batch"): writing.update_many,
            ("DELETE", "v1/batch"): writing.delete_many,
            ("GET", "v1/entities"): reading.users,
            ("DELETE", "v1/entities/*/*"): writing.delete_owner,
            ("DELETE", "v2/entities/*/*"): writing.delete_owner,
            ("GET", "v1/event/*"): events.event,
            ("GET", "v1/events"): events.events,
        }

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        client = Client(scope, receive, send, self._limits)
        begun = time.perf_counter()
        try:
            await self._serve(client)
        except Gone:
            client.status = 499
        finally:
            ms = round((time.perf_counter() - begun) * 1000, 1)
            _log.info("mem0 call", extra={"method": client.method, "status": client.status, "ms": ms})

    async def _serve(self, client: Client) -> None:
        """Answer, whatever it is; raises Gone."""
        shared = self._doorkeeper.shared(client.headers)
        try:
            self._doorkeeper.check(client.headers)
            answer = await self._answer(client)
        except StoreError as error:
            _log.warning("mem0 call failed", extra={"reason": str(error)})
            await client.refuse(_Detailed(StoreSilent()), shared)
        except GatewayError as error:
            await client.refuse(_Detailed(RequestTimeout() if client.stalled else error), shared)
        else:
            await _send(client, answer, shared)

    async def _answer(self, client: Client) -> Any:
        access = self._attributor.access(client.headers)
        parts = _parts(client.path)
        handler, arguments = self._route(client.method, parts)
        body = await client.body()
        path = client.path.decode("ascii", "replace")
        return await handler(Call(access, arguments, _query(client.query), _json(body), path))

    def _route(self, method: str, parts: list[str]) -> tuple[Handler, tuple[str, ...]]:
        """Who serves the path, and its parts that are no words of the API."""
        if len(parts) > 4 and parts[1] == "entities":  # clients before 2.0 do not encode a name's slashes
            parts = [*parts[:3], "/".join(parts[3:])]
        for (served, pattern), handler in self._routes.items():
            words = pattern.split("/")
            if served == method and len(words) == len(parts):
                pairs = list(zip(words, parts, strict=True))
                if all(word in ("*", part) for word, part in pairs):
                    return handler, tuple(part for word, part in pairs if word == "*")
        raise NotBuilt("This gateway does not serve that part of mem0's API.")

    async def _add(self, call: Call) -> dict[str, Any]:
        """With inference the platform answers before it is done; here it is done, and tells the results as well."""
        happened, infer = await self._writing.add(call)
        results = await self._events.results(happened)
        if not infer:
            return {"results": results}
        queued = {"message": "Memories are added.", "status": "PENDING", "event_id": self._events.keep(happened)}
        return {**queued, "results": results}

    async def _add_at_once(self, call: Call) -> Any:
        """As clients before 2.0 read it."""
        happened, _ = await self._writing.add(call)
        results = await self._events.results(happened)
        return {"results": results} if call.body.get("output_format", "v1.1") == "v1.1" else results


async def _ping(call: Call) -> dict[str, Any]:
    return {
        "status": "ok",
        "org_id": ORGANISATION,
        "project_id": call.access.tenant,
        "user_email": ORGANISATION,
    }


def _parts(path: bytes) -> list[str]:
    """The path below the prefix, cut at its slashes before they are decoded."""
    try:
        parts = [unquote_to_bytes(part).decode() for part in path.removeprefix(PREFIX).split(b"/")]
    except UnicodeDecodeError:
        raise BadRequest("The path is not UTF-8.") from None
    return parts[:-1] if parts[-1] == "" else parts


def _query(query: bytes) -> dict[str, str]:
    """The parameters; raises BadRequest for one that is given twice."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise BadRequest("The query cannot be read.") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadRequest("A parameter of the query is given twice.")
    return found


def _json(body: bytes) -> Any:
    """The body, None if there is none."""
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest("The body is not JSON.") from None


async def _send(client: Client, answer: Any, shared: Pairs) -> None:
    body = orjson.dumps(answer)
    length = (b"content-length", b"%d" % len(body))
    await client.start(200, [(b"content-type", b"application/json"), length, *shared])
    await client.end(body)
