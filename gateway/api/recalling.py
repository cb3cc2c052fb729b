"""Recall over HTTP: what a chat would be told, without one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter

from gateway.api.calls import Caller
from gateway.api.given import RecallIn
from gateway.api.shapes import RecallOut, memory_out
from gateway.attribution import Access
from gateway.domain import DEFAULT_PROCESS, Line, Recalled, Scope
from gateway.errors import BadRequest, StoreError
from gateway.prompt import compose
from gateway.recall import Question, Recall
from gateway.store.library import Library, Wanted
from gateway.store.pages import Page

DEADLINE = 10.0
"""Seconds that an index may take to load."""


class Recalling:
    """POST /api/recall; it writes nothing."""

    def __init__(self, library: Library, recall: Recall) -> None:
        self._library, self._recall = library, recall
        self.router = APIRouter(tags=["recall"])
        self.router.add_api_route("/api/recall", self.recall, methods=["POST"], response_model=RecallOut)

    async def recall(self, caller: Caller, given: RecallIn) -> Any:
        """What would be recalled for this question, and the block that it would make."""
        if given.entity is None and given.process is None:
            raise BadRequest("Name an entity, a process, or both.", param="entity")
        scope = Scope(caller.tenant, caller.entity(given.entity), given.process or DEFAULT_PROCESS, given.session)
        question = Question(
            text=given.query,
            before="",
            asked_at=given.as_of or datetime.now(UTC),
            narrow=given.sharing == "process",
            present=frozenset(),
            shown=frozenset(),
            said="",
            first=True,
            spent=0,
            back_dated=given.as_of is not None,
            tokens=given.tokens,
        )
        try:
            async with asyncio.timeout(DEADLINE):
                lines = await self._recall.recall(scope, question)
        except TimeoutError as error:
            raise StoreError("recall took too long") from error
        lines = _first(lines, given.limit)
        memories = await self._told(caller, scope, [recalled for line in lines for recalled in line.memories])
        return {"memories": memories, "block": compose(lines)}

    async def _told(self, caller: Access, scope: Scope, found: list[Recalled]) -> list[dict[str, Any]]:
        """The recalled memories with all that is known of them; those that were deleted meanwhile are left out."""
        ids = tuple(recalled.memory.id for recalled in found)
        entries: dict[str, dict[str, Any]] = {}
        for entity in {scope.entity, ""} if ids else ():
            listing = await self._library.memories(caller.tenant, entity, Wanted(ids=ids), Page(len(ids)))
            entries |= {entry.id: memory_out(entry) for entry in listing.items}
        return [
            {**entries[recalled.memory.id], "score": recalled.score, "signals": recalled.signals}
            for recalled in found
            if recalled.memory.id in entries
        ]


def _first(lines: list[Line], limit: int | None) -> list[Line]:
    """The first lines that tell at most so many memories."""
    if limit is None:
        return lines
    kept: list[Line] = []
    for line in lines:
        limit -= len(line.memories)
        if limit < 0:
            break
        kept.append(line)
    return kept
