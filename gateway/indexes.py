"""The indexes of the entities in use, kept coherent with the store."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.dense import Floats
from gateway.domain import Changes, Scope
from gateway.entity import Entity
from gateway.errors import StoreError
from gateway.lending import Lender
from gateway.store import Compared, Store

CACHE = 256 * 1024 * 1024
"""Bytes of all indexes that are kept in memory."""
MOST = 50_000
"""Messages of an entity whose vectors are kept in memory: 150 MB."""
PORTION = 10_000
"""Changes whose vectors are read at once."""
MANY = 200
"""Changed rows that are worth a thread."""


Refresh = asyncio.Task[Entity | StoreError]
"""An index that is being brought up to date."""


async def refreshed(refresh: Refresh) -> Entity:
    """The index when it is done; raises StoreError where the store did not answer."""
    outcome = await asyncio.shield(refresh)
    if isinstance(outcome, StoreError):
        raise outcome
    return outcome


class Indexes:
    """Keeps an index of each entity that was asked for, coherent with the store by the entity's sequence number.

    Used as an async context, which owns their loading.
    """

    def __init__(self, store: Store, most: int = MOST) -> None:
        """`most`: messages of an entity whose vectors are kept here, where the store can compare them itself."""
        self._store = store
        self._most = most if store.compares else None
        self._entities: OrderedDict[tuple[str, str], Entity] = OrderedDict()
        self._size = 0
        """Bytes of all of them."""
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Indexes:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tasks.__aexit__(None, None, None)

    def begin(self, scope: Scope, embedder: str | None) -> Refresh:
        """Bring the entity's index up to date: every change that was committed before this call.

        The work goes on when a caller's time is up, so that the next one finds it done.
        """
        return self._tasks.create_task(self._refresh(scope, embedder))

    async def current(self, scope: Scope, embedder: str | None) -> Entity:
        """The entity's index, with every change that was committed before this call."""
        return await refreshed(self.begin(scope, embedder))

    async def _refresh(self, scope: Scope, embedder: str | None) -> Entity | StoreError:
        name = (scope.tenant, scope.entity)
        entity = self._entities.setdefault(name, Entity())
        self._entities.move_to_end(name)
        async with entity.lock:
            try:
                known = entity.sequence
                changes = await self._store.changes(scope, known, embedder, self._most)
                if changes.epoch != entity.epoch or embedder != entity.embedder:
                    self._size -= entity.size
                    entity.clear(changes.epoch, embedder)
                    self._size += entity.size
                    if known:
                        changes = await self._store.changes(scope, 0, embedder, self._most)
                if changes.sequence != entity.sequence:
                    await self._take(scope, entity, changes)
            except StoreError as error:
                return error
            entity.knowledge = changes.knowledge
        self._shrink()
        return entity

    async def _take(self, scope: Scope, entity: Entity, changes: Changes) -> None:
        before, after = entity.size, entity.sequence
        try:
            if len(changes.messages) + len(changes.memories) + len(changes.encodings) > MANY:
                await asyncio.to_thread(entity.apply, changes)
            else:
                entity.apply(changes)
            if self._most is not None and len(entity.index) > self._most:
                await self._lighten(scope, entity, len(changes.messages) > self._most, after)
        except StoreError:
            entity.clear(0, None)  # it knows of a part of its vectors only
            raise
        finally:
            self._size += entity.size - before

    async def _lighten(self, scope: Scope, entity: Entity, without: bool, after: int) -> None:
        """Leave the vectors of a large entity to the store.

        `without`: those of the changes after this number did not come along, since they are too many. They are read
        once, in portions, for how rare their tokens are.
        """
        if entity.index.distant is None:
            await asyncio.to_thread(entity.let_go)
        if without and entity.embedder is not None:
            for start in range(after, entity.sequence, PORTION):
                upto = min(start + PORTION, entity.sequence)
                encodings = await self._store.encoded(scope, entity.embedder, start, upto)
                await asyncio.to_thread(entity.take_vectors, encodings)

    def lender(self, entity: Entity, scope: Scope, seconds: float) -> Lender:
        """The store, for a ranking of this entity that may take so long."""
        return _Lender(self._store, scope, entity.embedder or "", seconds)

    def _shrink(self) -> None:
        """Let go of the indexes that were asked for longest ago."""
        while self._size > CACHE and len(self._entities) > 1:
            self._size -= self._entities.popitem(last=False)[1].size


@dataclass(frozen=True, slots=True)
class _Lender:
    """The store, for one large entity (`lending.Lender`)."""

    store: Store
    scope: Scope
    embedder: str
    seconds: float

    async def compared(self, vectors: Sequence[Floats]) -> Compared:
        return await self.store.compared(self.scope, vectors)

    async def encodings(self, keys: Sequence[int]) -> list[tuple[int, int, bytes]]:
        return await self.store.encodings(self.scope, self.embedder, keys)
