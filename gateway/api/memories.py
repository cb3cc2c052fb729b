"""Memories over HTTP: listed, made, corrected, judged, deleted."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from gateway.api.calls import Caller, MemoryId
from gateway.api.given import FeedbackIn, MemoriesQuery, MemoryIn, MemoryPatch, Scoped
from gateway.api.shapes import Deleted, FeedbackOut, HistoryOut, MemoryList, MemoryOut, memory_out
from gateway.api.stating import stated
from gateway.attribution import Access
from gateway.domain import Learnt
from gateway.errors import BadRequest, NotFound
from gateway.recall import Recall
from gateway.store.library import Edit, Entry, Library, Wanted


class Memories:
    """The calls under /api/memories, and /api/feedback."""

    def __init__(self, library: Library, recall: Recall) -> None:
        self._library, self._recall = library, recall
        self.router = APIRouter(tags=["memories"])
        add = self.router.add_api_route
        add("/api/memories", self.list, methods=["GET"], response_model=MemoryList)
        add("/api/memories", self.remember, methods=["POST"], response_model=MemoryOut, status_code=201)
        add("/api/memories", self.delete_all, methods=["DELETE"], response_model=Deleted)
        add("/api/memories/{memory}", self.read, methods=["GET"], response_model=MemoryOut)
        add("/api/memories/{memory}", self.correct, methods=["PATCH"], response_model=MemoryOut)
        add("/api/memories/{memory}", self.delete, methods=["DELETE"], response_model=Deleted)
        add("/api/memories/{memory}/history", self.history, methods=["GET"], response_model=HistoryOut)
        add("/api/feedback", self.judge, methods=["POST"], response_model=FeedbackOut)

    async def list(self, caller: Caller, query: Annotated[MemoriesQuery, Query()]) -> Any:
        """The memories of an entity, or of a process alone, newest first."""
        entity = _owner(caller, query)
        wanted = Wanted(query.process, query.session, tuple(query.kind), tuple(query.status), query.q)
        found = await self._library.memories(caller.tenant, entity, wanted, query.page)
        return {"memories": [memory_out(entry) for entry in found.items], "cursor": found.cursor}

    async def remember(self, caller: Caller, given: MemoryIn) -> Any:
        """Remember something explicitly, in exactly the scope that is given."""
        if given.entity is None and given.process is None:
            raise BadRequest("Name an entity, a process, or both.", param="entity")
        said_at = given.said_at or datetime.now(UTC)
        process, session = given.process or "", given.session or ""
        learnt = Learnt(
            stated(given.text, said_at, given.kind, given.standing),
            said_at,
            learnt_process=process,
            learnt_session=session,
            process=process,
            session=session,
            closed=process if process and self._recall.closed(process) else "",
            origin="api",
            expires_at=given.expires_at,
            metadata=given.metadata or {},
        )
        return memory_out(await self._library.add(caller.tenant, caller.entity(given.entity), learnt))

    async def delete_all(self, caller: Caller, query: Annotated[Scoped, Query()]) -> Any:
        """Delete all memories of an entity, or of a process alone, or those of them that are named."""
        wanted = Wanted(query.process, query.session, tuple(query.kind))
        return {"deleted": await self._library.delete(caller.tenant, _owner(caller, query), wanted)}

    async def read(self, caller: Caller, memory: MemoryId) -> Any:
        """One memory."""
        return memory_out(await self._entry(caller, memory))

    async def correct(self, caller: Caller, memory: MemoryId, given: MemoryPatch) -> Any:
        """Change a memory; its old text goes into its history, and only the new one is recalled."""
        entry = await self._entry(caller, memory)
        now = datetime.now(UTC)
        edit = Edit(
            statement=stated(given.text, now, given.kind or entry.kind) if given.text is not None else None,
            kind=given.kind,
            standing=given.standing,
            status=given.status,
            metadata=given.metadata,
            expires_at=given.expires_at,
            lasting="expires_at" in given.model_fields_set and given.expires_at is None,
        )
        edited = await self._library.edit(caller.tenant, entry.entity, memory, edit)
        if edited is None:
            raise _missing()
        return memory_out(edited)

    async def delete(self, caller: Caller, memory: MemoryId) -> Any:
        """Delete a memory, wherever its text was put."""
        entry = await self._entry(caller, memory)
        deleted = await self._library.delete(caller.tenant, entry.entity, Wanted(ids=(memory,)))
        if not deleted:
            raise _missing()
        return {"deleted": deleted}

    async def history(self, caller: Caller, memory: MemoryId) -> Any:
        """Every change of a memory, with the messages that it came from."""
        entry = await self._entry(caller, memory)
        return {"history": await self._library.history(caller.tenant, entry.entity, memory)}

    async def judge(self, caller: Caller, given: FeedbackIn) -> Any:
        """useful: trusted more; outdated: holds no more; wrong: never held; private: deleted."""
        entry = await self._entry(caller, given.memory_id)
        if given.request_id is not None:
            trace = await self._library.request(caller.tenant, given.request_id)
            if trace is None or caller.only not in (None, trace.scope.entity):
                raise NotFound("There is no request with this id.", param="request_id")
        if not await self._library.judge(caller.tenant, entry.entity, given.memory_id, given.verdict):
            raise _missing()
        return {"memory_id": given.memory_id, "verdict": given.verdict}

    async def _entry(self, caller: Access, memory: str) -> Entry:
        """The memory, as far as the caller may know that it is there."""
        entry = await self._library.memory(caller.tenant, memory)
        if entry is None or caller.only not in (None, entry.entity):
            raise _missing()
        return entry


def _owner(caller: Access, query: Scoped) -> str:
    """The entity that is named, NOBODY for what a process alone owns."""
    if query.entity is None and query.process is None:
        raise BadRequest("Name an entity, a process, or both.", param="entity")
    return caller.entity(query.entity)


def _missing() -> NotFound:
    return NotFound("There is no memory with this id.", param="memory")
