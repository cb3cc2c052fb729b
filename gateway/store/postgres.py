"""The store on PostgreSQL: any number of replicas on one database."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import cast

from gateway.dense import Floats
from gateway.domain import NOBODY, Changes, Scope
from gateway.errors import StoreError
from gateway.store import Compared, encoding, postgres_claims, postgres_vectors
from gateway.store.database import Asked, Connection, Result, Wipes, Work
from gateway.store.jobs import Job
from gateway.store.postgres_link import ANSWER, Task
from gateway.store.postgres_pool import Pool
from gateway.store.postgres_schema import BACKGROUND, PATH, ROLE
from gateway.store.postgres_server import Server, Unreachable
from gateway.store.sql_jobs import SqlJobs
from gateway.store.sql_store import SqlStore
from gateway.wire.chat import hashed

CONNECTIONS = 10
"""Of one process, at most."""
LONG = 30.0
"""Seconds that a statement may take which reads or removes much."""

_log = logging.getLogger(__name__)


class PostgresDatabase:
    """`Database` on a PostgreSQL server, which need not answer yet.

    A transaction is done as one of two roles that own nothing, for one tenant, and waits for its entities' locks.
    """

    def __init__(self, server: Server, connections: int = CONNECTIONS) -> None:
        """A fifth of the `connections`, at most, is for what chats ask, one for indexes and one for what nobody's chat
        waits for; the others write. There have to be four."""
        fifth = max(connections // 5, 1)
        self._lookups = Pool(server, fifth, "lookup")
        self._loads = Pool(server, fifth, "load")
        self._writers = Pool(server, connections - 3 * fifth, "writer")
        self._beside = Pool(server, fifth, "reader")

    @property
    def healthy(self) -> bool:
        return self._writers.healthy

    @healthy.setter
    def healthy(self, healthy: bool) -> None:
        self._writers.healthy = healthy

    async def ask(self, question: Callable[[], Asked[Result]], tenant: str | None, *, heavy: bool = False) -> Result:
        pool, deadline = (self._loads, LONG) if heavy else (self._lookups, ANSWER)
        task = Task(_reading(tenant, deadline, planned=not heavy), partial(_answer, question=question), False, deadline)
        return cast("Result", await pool.submit(task))

    async def read(self, work: Work[Result], tenant: str | None) -> Result:
        return cast("Result", await self._beside.submit(Task(_reading(tenant, LONG), work, False, LONG)))

    async def write(self, work: Work[Result], tenant: str | None, *entities: str, wipes: Wipes = "") -> Result:
        deadline = LONG if wipes else ANSWER
        task = Task(_writing(tenant, entities, deadline, alone=bool(wipes)), work, True, deadline)
        return cast("Result", await self._writers.submit(task, (tenant, entities[0]) if entities else None))

    async def close(self) -> None:
        for pool in (self._lookups, self._loads, self._beside, self._writers):
            await asyncio.to_thread(pool.close)


class PostgresJobs(SqlJobs):
    """`Jobs` that many replicas work on."""

    def __init__(self, database: PostgresDatabase) -> None:
        super().__init__(database)
        self._replica = uuid.uuid4().hex

    async def recover(self) -> None:
        """Those of this replica; what others hold that are gone is free when its lease is over."""
        await self._database.write(partial(postgres_claims.recover, replica=self._replica), None)

    async def claim(self, now: datetime, idle: float, lease: float, only: Sequence[Scope] | None = None) -> Job | None:
        if only is not None and not only:
            return None
        work = partial(postgres_claims.claim, now=now, idle=idle, lease=lease, only=only, replica=self._replica)
        return await self._database.write(work, None)


class PostgresStore(SqlStore):
    """`Store` on a PostgreSQL database that other replicas use too."""

    def __init__(self, database: PostgresDatabase) -> None:
        super().__init__(database, PostgresJobs(database), postgres_vectors.place)

    @property
    def compares(self) -> bool:
        return True

    async def changes(self, scope: Scope, after: int, embedder: str | None, most: int | None = None) -> Changes:
        """Of a whole entity, the vectors are read at the same time, on another connection.

        They need not be seen in the same state of the database: one of a later change comes along too early, which
        hurts nobody, and those that were not there yet are read after.
        """
        if after or embedder is None:
            return await super().changes(scope, after, embedder, most)
        changes, (upto, vectors) = await asyncio.gather(
            super().changes(scope, 0, None), self._begun(scope, embedder, most)
        )
        if upto < changes.sequence and (most is None or len(changes.messages) <= most):
            vectors += await self.encoded(scope, embedder, upto, changes.sequence)
        return replace(changes, encodings=tuple(vectors))

    async def _begun(self, scope: Scope, embedder: str, most: int | None) -> tuple[int, list[tuple[int, int, bytes]]]:
        """As `encoding.begun`; none, and 0, while no other connection is free."""
        try:
            return await self._database.ask(partial(encoding.begun, scope, embedder, most), scope.tenant, heavy=True)
        except StoreError:
            return 0, []

    async def compared(self, scope: Scope, vectors: Sequence[Floats]) -> Compared:
        question = partial(postgres_vectors.compared, scope, vectors)
        return await self._database.ask(question, scope.tenant, heavy=True)

    @classmethod
    async def open(cls, url: str, connections: int = CONNECTIONS) -> PostgresStore:
        """Open the database, migrated as needed; raises ConfigError where it cannot be used.

        One that cannot be reached is opened all the same: its methods raise StoreError until it can.
        """
        server = Server(url)
        reached = True
        try:
            await server.try_out()
        except Unreachable as error:
            _log.warning("the store cannot be reached; chats go on without memory", extra={"reason": str(error)})
            reached = False
        database = PostgresDatabase(server, connections)
        database.healthy = reached
        return cls(database)


def _answer(connection: Connection, question: Callable[[], Asked[Result]]) -> Result:
    asked, rows = question(), None
    try:
        while True:
            rows = connection.execute(*asked.send(rows)).fetchall()  # type: ignore[arg-type]  # None comes first
    except StopIteration as answer:
        return cast("Result", answer.value)


def _reading(tenant: str | None, deadline: float, *, planned: bool = False) -> str:
    """The beginning of a transaction that sees one state of the database.

    `planned`: each statement is planned for its own values. A plan for all of them would be one for an entity of
    average size, and read through all of a large one.
    """
    mode = ", set_config('plan_cache_mode', 'force_custom_plan', TRUE)" if planned else ""
    return f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_settings(tenant, deadline)}{mode}"


def _writing(tenant: str | None, entities: Sequence[str], deadline: float, *, alone: bool) -> str:
    """The beginning of a transaction that changes these entities, with the locks that keep it in order.

    What is taken out of what all of a tenant's entities were told is done alone: no block may be kept meanwhile.
    """
    begin = f"BEGIN ISOLATION LEVEL READ COMMITTED; {_settings(tenant, deadline)}"
    if tenant is None:
        return begin
    shared = "" if alone and NOBODY in entities else "_shared"
    locks = [f"pg_advisory_xact_lock{shared}({_key(tenant)})"]
    locks += [f"pg_advisory_xact_lock({_key(tenant, entity)})" for entity in entities]
    return f"{begin}; SELECT {', '.join(locks)}"


def _settings(tenant: str | None, deadline: float) -> str:
    """What holds for one transaction. The tenant is written in hexadecimal, since there are no parameters here."""
    settings = {
        "search_path": f"'{PATH}'",
        "statement_timeout": f"'{round(deadline * 950)}'",
        "lock_timeout": f"'{round(ANSWER * 900)}'",
        "idle_in_transaction_session_timeout": f"'{round(deadline * 1000)}'",
    }
    if tenant is not None:
        settings["memory_gateway.tenant"] = f"convert_from(decode('{tenant.encode().hex()}', 'hex'), 'UTF8')"
    values = ", ".join(f"set_config('{name}', {value}, TRUE)" for name, value in settings.items())
    return f"SET LOCAL ROLE {ROLE if tenant is not None else BACKGROUND}; SELECT {values}"


def _key(*names: str) -> int:
    """The key of an advisory lock."""
    return int.from_bytes(hashed(*(name.encode() for name in names))[:8], signed=True)
