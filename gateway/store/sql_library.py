"""Looking after what is remembered: `Library` on any database that follows our SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from gateway.domain import Learnt, Scope, Trace
from gateway.store import bringing, editing, erasing, looking, moving, threads, tracing
from gateway.store.database import Database
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

PURGED_AT_ONCE = 1000
"""Traces that one transaction lets go of."""


class SqlLibrary:
    """`Library` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entities(self, tenant: str, page: Page) -> Listing[Profile]:
        return await self._database.read(partial(looking.entities, tenant=tenant, page=page), tenant)

    async def entity(self, tenant: str, entity: str) -> Profile | None:
        return await self._database.read(partial(looking.entity, tenant=tenant, name=entity), tenant)

    async def owners(self, tenant: str, entity: str | None, page: Page) -> Listing[Owner]:
        return await self._database.read(partial(looking.owners, tenant=tenant, name=entity, page=page), tenant)

    async def memories(self, tenant: str, entity: str, wanted: Wanted, page: Page) -> Listing[Entry]:
        return await self._database.read(
            partial(looking.memories, tenant=tenant, name=entity, wanted=wanted, page=page), tenant
        )

    async def memory(self, tenant: str, memory: str) -> Entry | None:
        return await self._database.read(partial(looking.memory, tenant=tenant, memory=memory), tenant)

    async def history(self, tenant: str, entity: str, memory: str) -> list[Change]:
        return await self._database.read(partial(looking.history, tenant=tenant, name=entity, memory=memory), tenant)

    async def add(self, tenant: str, entity: str, learnt: Learnt) -> Entry:
        return await self._database.write(
            partial(editing.add, tenant=tenant, entity=entity, learnt=learnt), tenant, entity
        )

    async def edit(self, tenant: str, entity: str, memory: str, edit: Edit) -> Entry | None:
        return await self._database.write(
            partial(editing.edit, tenant=tenant, entity=entity, name=memory, change=edit), tenant, entity
        )

    async def judge(self, tenant: str, entity: str, memory: str, verdict: Verdict) -> bool:
        work = partial(editing.judge, tenant=tenant, entity=entity, name=memory, verdict=verdict)
        return await self._database.write(work, tenant, entity, wipes="log" if verdict == "private" else "")

    async def delete(self, tenant: str, entity: str, wanted: Wanted) -> int:
        return await self._database.write(
            partial(editing.delete, tenant=tenant, entity=entity, wanted=wanted), tenant, entity, wipes="log"
        )

    async def erase(self, tenant: str, entity: str) -> Mapping[str, int]:
        return await self._database.write(
            partial(erasing.erase, tenant=tenant, entity=entity), tenant, entity, wipes="file"
        )

    async def sessions(self, tenant: str, entity: str, process: str | None, page: Page) -> Listing[Conversation]:
        return await self._database.read(
            partial(threads.sessions, tenant=tenant, entity=entity, process=process, page=page), tenant
        )

    async def session(self, scope: Scope, page: Page) -> tuple[Conversation, Listing[PastTurn]] | None:
        return await self._database.read(partial(threads.session, scope=scope, page=page), scope.tenant)

    async def delete_session(self, scope: Scope) -> bool:
        return await self._database.write(
            partial(erasing.delete_session, scope=scope), scope.tenant, scope.entity, wipes="log"
        )

    async def graph(self, tenant: str, entity: str) -> list[Edge]:
        return await self._database.read(partial(looking.graph, tenant=tenant, name=entity), tenant)

    async def export(self, tenant: str, entity: str) -> AsyncIterator[dict[str, Any]]:
        for part in moving.PARTS:
            cursor: Any = None
            while True:
                records, cursor = await self._database.read(
                    partial(part, tenant=tenant, entity=entity, after=cursor), tenant
                )
                for record in records:
                    yield record
                if cursor is None:
                    break

    async def bring(self, tenant: str, entity: str, records: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
        return await self._database.write(
            partial(bringing.bring, tenant=tenant, entity=entity, records=records), tenant, entity
        )

    async def keep_trace(self, trace: Trace) -> None:
        await self._database.write(partial(tracing.keep_alone, trace=trace), trace.scope.tenant, trace.scope.entity)

    async def requests(self, tenant: str, entity: str | None, page: Page) -> Listing[Trace]:
        return await self._database.read(partial(tracing.requests, tenant=tenant, entity=entity, page=page), tenant)

    async def request(self, tenant: str, request: str) -> Trace | None:
        return await self._database.read(partial(tracing.request, tenant=tenant, name=request), tenant)

    async def totals(self, tenant: str) -> Totals:
        return await self._database.read(partial(looking.totals, tenant=tenant), tenant)

    async def purge(self, requests: datetime | None, turns: datetime | None) -> int:
        gone = 0
        while requests:
            some = await self._database.write(
                partial(erasing.purge_traces, before=micros(requests), limit=PURGED_AT_ONCE), None
            )
            gone += some
            if some < PURGED_AT_ONCE:
                break
        if turns:
            before = micros(turns)
            for tenant, entity in await self._database.read(partial(erasing.old_owners, before=before), None):
                gone += await self._database.write(
                    partial(erasing.purge_turns, tenant=tenant, entity=entity, before=before), tenant, entity
                )
        return gone
