"""Taking everything of an entity out over HTTP, and bringing it in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from gateway.api import chatgpt
from gateway.api.calls import Caller, EntityId
from gateway.api.given import ImportQuery
from gateway.api.shapes import Imported
from gateway.domain import Scope
from gateway.errors import BadRequest, NotFound
from gateway.recall import Recall
from gateway.store import Store

AT_ONCE = 500
"""Records, or turns, that are brought in before the next are looked at."""
JSON_LINES = "application/jsonl"

_EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {"description": "One record a line.", "content": {JSON_LINES: {"schema": {"type": "string"}}}}
}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "An export of this gateway, or the conversations.json of ChatGPT.",
        "content": {
            JSON_LINES: {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
        },
    }
}


class Moving:
    """Export and import."""

    def __init__(self, store: Store, recall: Recall, *, learns: bool) -> None:
        """`learns`: statements are looked for in conversations."""
        self._store, self._recall, self._learns = store, recall, learns
        self.router = APIRouter(tags=["moving"])
        add = self.router.add_api_route
        add(
            "/api/entities/{entity}/export",
            self.export,
            methods=["GET"],
            response_class=StreamingResponse,
            responses=_EXPORTED,
        )
        add("/api/import", self.bring, methods=["POST"], response_model=Imported, openapi_extra=_BODY)

    async def export(self, caller: Caller, entity: EntityId) -> StreamingResponse:
        """Everything of an entity as JSON Lines: sessions, turns with messages, memories, edges."""
        if await self._store.library.entity(caller.tenant, caller.entity(entity)) is None:
            raise NotFound("Nothing is known of this entity.", param="entity")
        return StreamingResponse(self._lines(caller.tenant, entity), media_type=JSON_LINES)

    async def _lines(self, tenant: str, entity: str) -> AsyncIterator[bytes]:
        lines: list[bytes] = []
        async for record in self._store.library.export(tenant, entity):
            lines.append(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
            if len(lines) == AT_ONCE:
                yield b"".join(lines)
                lines = []
        yield b"".join(lines)

    async def bring(self, caller: Caller, request: Request, query: Annotated[ImportQuery, Query()]) -> Any:
        """Bring in an export, or ChatGPT's conversations; what is there already is passed over."""
        scope = Scope(caller.tenant, caller.entity(query.entity), query.process)
        body = (await request.body()).strip()
        read = await asyncio.to_thread(_read, body)
        if isinstance(read, list):
            return await self._records(scope, read)
        return await self._conversations(scope, read.conversations)

    async def _records(self, scope: Scope, records: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        counts = {"sessions": 0, "turns": 0, "memories": 0}
        for start in range(0, len(records), AT_ONCE):
            some = records[start : start + AT_ONCE]
            new = await self._store.library.bring(scope.tenant, scope.entity, some)
            counts = {name: counts[name] + new[name] for name in counts}
        return counts

    async def _conversations(self, scope: Scope, found: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        before = await self._known(scope)
        closed = self._recall.closed(scope.process)
        for conversation in found:
            made = await asyncio.to_thread(chatgpt.turns, conversation, scope, learns=self._learns, closed=closed)
            for start in range(0, len(made), AT_ONCE):
                await asyncio.gather(*map(self._store.record, made[start : start + AT_ONCE]))
        after = await self._known(scope)
        return {name: max(0, after[name] - before[name]) for name in after}

    async def _known(self, scope: Scope) -> dict[str, int]:
        """How much there is, so that what came can be counted."""
        profile = await self._store.library.entity(scope.tenant, scope.entity)
        if profile is None:
            return {"sessions": 0, "turns": 0, "memories": 0}
        return {"sessions": profile.sessions, "turns": profile.turns, "memories": profile.memories}


class _Conversations:
    """What came is ChatGPT's."""

    def __init__(self, document: object) -> None:
        self.conversations = chatgpt.conversations(document)


def _read(body: bytes) -> list[Any] | _Conversations:
    """The records of a body, or its conversations; raises BadRequest where it is neither."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _records(body)
    if isinstance(document, Mapping) and "mapping" not in document and "conversations" not in document:
        return [document]
    return _Conversations(document)


def _records(body: bytes) -> list[Any]:
    records = []
    for number, line in enumerate(body.split(b"\n"), 1):
        if line.strip():
            try:
                records.append(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                raise BadRequest(f"Line {number} is not JSON.") from error
    return records
