"""The store on any database that follows our SQL: `Store`, and beside it `Library` and `Jobs`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from gateway.dense import Floats
from gateway.domain import Block, Changes, Scope, Session, StoredMessage, Turn
from gateway.errors import StoreError
from gateway.store import (
    Answered,
    Attempt,
    Compared,
    Contested,
    Left,
    Place,
    Superseded,
    Unencoded,
    contesting,
    encoding,
    lookups,
    recording,
)
from gateway.store.database import Database, Work
from gateway.store.jobs import Jobs
from gateway.store.learning import micros
from gateway.store.sql_library import SqlLibrary

LATEST = 2**63 - 1


class SqlStore:
    """`Store` on a database; whoever inherits it opens one."""

    def __init__(self, database: Database, jobs: Jobs, place: encoding.Place = encoding.place) -> None:
        """`place` writes vectors as the database keeps them."""
        self._database, self._place = database, place
        self.library = SqlLibrary(database)
        self.jobs = jobs

    @property
    def database(self) -> Database:
        """What it runs on, for what is done to the whole of it."""
        return self._database

    @property
    def healthy(self) -> bool:
        return self._database.healthy

    async def close(self) -> None:
        await self._database.close()

    async def session(self, scope: Scope) -> Session | None:
        return await self._database.ask(partial(lookups.session, scope), scope.tenant)

    async def attempt(self, scope: Scope, request: bytes, since: datetime) -> Attempt | None:
        return await self._database.ask(partial(lookups.attempt, scope, request, since), scope.tenant)

    async def find(self, scope: Scope, chains: Sequence[bytes]) -> list[Place]:
        return await self._database.ask(partial(lookups.find, scope, chains), scope.tenant)

    async def answered(self, scope: Scope, upstream_id: str) -> Answered | None:
        return await self._database.ask(partial(lookups.answered, scope, upstream_id), scope.tenant)

    async def find_link(self, scope: Scope, links: Sequence[bytes]) -> Place | None:
        return await self._database.ask(partial(lookups.find_link, scope, links), scope.tenant)

    async def path(self, scope: Scope, chain: bytes, until: bytes, limit: int) -> list[StoredMessage]:
        return await self._database.ask(partial(lookups.path, scope, chain, until, limit), scope.tenant, heavy=True)

    async def blocks(self, scope: Scope, chains: Sequence[bytes] | None = None) -> list[Block]:
        return await self._database.ask(partial(lookups.blocks, scope, chains), scope.tenant)

    @property
    def compares(self) -> bool:
        return False

    async def changes(self, scope: Scope, after: int, embedder: str | None, most: int | None = None) -> Changes:
        question = partial(lookups.changes, scope, after, embedder, most)
        return await self._database.ask(question, scope.tenant, heavy=True)

    async def encoded(self, scope: Scope, embedder: str, after: int, upto: int) -> list[tuple[int, int, bytes]]:
        question = partial(encoding.encoded, scope, embedder, after, upto)
        return await self._database.ask(question, scope.tenant, heavy=True)

    async def encodings(self, scope: Scope, embedder: str, keys: Sequence[int]) -> list[tuple[int, int, bytes]]:
        return await self._database.ask(partial(encoding.encodings, scope, embedder, keys), scope.tenant, heavy=True)

    async def compared(self, scope: Scope, vectors: Sequence[Floats]) -> Compared:
        raise StoreError("this database compares no vectors")

    async def keep_block(
        self, scope: Scope, block: Block, replay_from: bytes | None, began: datetime | None = None
    ) -> Block:
        work: Work[Block] = partial(
            recording.keep_block, scope=scope, block=block, replay_from=replay_from, began=began
        )
        return await self._database.write(work, scope.tenant, scope.entity)

    async def record(self, turn: Turn) -> None:
        await self._database.write(partial(recording.record, turn=turn), turn.scope.tenant, turn.scope.entity)

    async def add_usage(self, turn: Turn) -> None:
        await self._database.write(partial(recording.add_usage, turn=turn), turn.scope.tenant, turn.scope.entity)

    async def unencoded(self, limit: int) -> list[Unencoded]:
        return await self._database.ask(partial(encoding.unencoded, limit), None, heavy=True)

    async def waiting(self, since: datetime | None = None) -> int:
        before = micros(since) if since else LATEST
        return await self._database.ask(partial(encoding.counted, encoding.WAITING, (before,)), None)

    async def encoded_by_others(self, embedder: str) -> int:
        return await self._database.ask(partial(encoding.counted, encoding.OTHERS, (embedder, embedder)), None)

    async def keep_encodings(self, embedder: str, encodings: Sequence[tuple[Unencoded, Sequence[bytes]]]) -> None:
        owners = dict.fromkeys((text.scope.tenant, text.scope.entity) for text, _ in encodings)
        for owner in owners:
            own = [item for item in encodings if (item[0].scope.tenant, item[0].scope.entity) == owner]
            await self._database.write(
                partial(encoding.keep, embedder=embedder, encodings=own, place=self._place), *owner
            )

    async def contested(self, scope: Scope, message: int, embedder: str, dimension: int) -> Contested:
        question = partial(contesting.contested, scope, message, embedder, dimension)
        return await self._database.ask(question, scope.tenant, heavy=True)

    async def supersede(self, scope: Scope, older: str, by: str, *, standing: bool, left: Left | None = None) -> bool:
        work = partial(contesting.supersede, scope=scope, older=older, by=by, standing=standing, left=left)
        return await self._database.write(work, scope.tenant, scope.entity)

    async def retain(self, scope: Scope, superseded: Superseded, left: Left) -> bool:
        work = partial(contesting.retain, scope=scope, superseded=superseded, left=left)
        return await self._database.write(work, scope.tenant, scope.entity)

    async def forget_encodings(self, embedder: str) -> int:
        forgotten, done = 0, False
        while not done:
            again, done = await self._database.write(partial(encoding.forget, embedder=embedder), None)
            forgotten += again
        return forgotten
