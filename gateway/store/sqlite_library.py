"""Looking after what a SQLite file holds: `Library` on the store's writer and a reader of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar, cast

from gateway.domain import Learnt, Scope, Trace
from gateway.store import bringing, editing, erasing, looking, moving, threads, tracing
from gateway.store.learning import micros
from gateway.store.library import (
    Change,
    Conversation,
    Edge,
    Edit,
    Entry,
    Owner,
    PastTurn,
    Profile,
    Totals,
    Verdict,
    Wanted,
)
from gateway.store.pages import Listing, Page
from gateway.store.reading import Reader
from gateway.store.writer import Wipes, Writer

PURGED_AT_ONCE = 1000
"""Traces that one transaction lets go of."""

Result = TypeVar("Result")


class SqliteLibrary:
    """`Library` on a SQLite file."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader

    async def entities(self, tenant: str, page: Page) -> Listing[Profile]:
        return await self._reader.run(partial(looking.entities, tenant=tenant, page=page))

    async def entity(self, tenant: str, entity: str) -> Profile | None:
        return await self._reader.run(partial(looking.entity, tenant=tenant, name=entity))

    async def owners(self, tenant: str, entity: str | None, page: Page) -> Listing[Owner]:
        return await self._reader.run(partial(looking.owners, tenant=tenant, name=entity, page=page))

    async def memories(self, tenant: str, entity: str, wanted: Wanted, page: Page) -> Listing[Entry]:
        return await self._reader.run(partial(looking.memories, tenant=tenant, name=entity, wanted=wanted, page=page))

    async def memory(self, tenant: str, memory: str) -> Entry | None:
        return await self._reader.run(partial(looking.memory, tenant=tenant, memory=memory))

    async def history(self, tenant: str, entity: str, memory: str) -> list[Change]:
        return await self._reader.run(partial(looking.history, tenant=tenant, name=entity, memory=memory))

    async def add(self, tenant: str, entity: str, learnt: Learnt) -> Entry:
        return await self._write(partial(editing.add, tenant=tenant, entity=entity, learnt=learnt))

    async def edit(self, tenant: str, entity: str, memory: str, edit: Edit) -> Entry | None:
        return await self._write(partial(editing.edit, tenant=tenant, entity=entity, name=memory, change=edit))

    async def judge(self, tenant: str, entity: str, memory: str, verdict: Verdict) -> bool:
        work = partial(editing.judge, tenant=tenant, entity=entity, name=memory, verdict=verdict)
        return await self._write(work, wipes="log" if verdict == "private" else "")

    async def delete(self, tenant: str, entity: str, wanted: Wanted) -> int:
        return await self._write(partial(editing.delete, tenant=tenant, entity=entity, wanted=wanted), wipes="log")

    async def erase(self, tenant: str, entity: str) -> Mapping[str, int]:
        return await self._write(partial(erasing.erase, tenant=tenant, entity=entity), wipes="file")

    async def sessions(self, tenant: str, entity: str, process: str | None, page: Page) -> Listing[Conversation]:
        return await self._reader.run(
            partial(threads.sessions, tenant=tenant, entity=entity, process=process, page=page)
        )

    async def session(self, scope: Scope, page: Page) -> tuple[Conversation, Listing[PastTurn]] | None:
        return await self._reader.run(partial(threads.session, scope=scope, page=page))

    async def delete_session(self, scope: Scope) -> bool:
        return await self._write(partial(erasing.delete_session, scope=scope), wipes="log")

    async def graph(self, tenant: str, entity: str) -> list[Edge]:
        return await self._reader.run(partial(looking.graph, tenant=tenant, name=entity))

    async def export(self, tenant: str, entity: str) -> AsyncIterator[dict[str, Any]]:
        for part in moving.PARTS:
            cursor: Any = None
            while True:
                records, cursor = await self._reader.run(partial(part, tenant=tenant, entity=entity, after=cursor))
                for record in records:
                    yield record
                if cursor is None:
                    break

    async def bring(self, tenant: str, entity: str, records: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
        return await self._write(partial(bringing.bring, tenant=tenant, entity=entity, records=records))

    async def keep_trace(self, trace: Trace) -> None:
        await self._write(partial(tracing.keep_alone, trace=trace))

    async def requests(self, tenant: str, entity: str | None, page: Page) -> Listing[Trace]:
        return await self._reader.run(partial(tracing.requests, tenant=tenant, entity=entity, page=page))

    async def request(self, tenant: str, request: str) -> Trace | None:
        return await self._reader.run(partial(tracing.request, tenant=tenant, name=request))

    async def totals(self, tenant: str) -> Totals:
        return await self._reader.run(partial(looking.totals, tenant=tenant))

    async def purge(self, requests: datetime | None, turns: datetime | None) -> int:
        gone = 0
        while requests:
            some = await self._write(partial(erasing.purge_traces, before=micros(requests), limit=PURGED_AT_ONCE))
            gone += some
            if some < PURGED_AT_ONCE:
                break
        if turns:
            before = micros(turns)
            for tenant, entity in await self._reader.run(partial(erasing.old_owners, before=before)):
                gone += await self._write(partial(erasing.purge_turns, tenant=tenant, entity=entity, before=before))
        return gone

    async def _write(self, work: Callable[[sqlite3.Connection], Result], *, wipes: Wipes = "") -> Result:
        return cast("Result", await self._writer.submit(work, wipes=wipes))
