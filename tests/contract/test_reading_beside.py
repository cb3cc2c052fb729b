"""PostgreSQL: the vectors of an entity that is loaded are read beside the rest, which need not be the same moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest

from gateway.domain import Changes, Scope
from gateway.errors import StoreError
from gateway.store import encoding
from gateway.store.database import Asked, Result
from gateway.store.postgres import PostgresDatabase, PostgresStore
from gateway.store.postgres_server import Server
from tests.turns import Conversation

pytestmark = pytest.mark.anyio

ALICE = Scope("acme", "alice", "support", "s1")
MODEL = "model"


class Overtaken(PostgresDatabase):
    """Something happens between the two questions that are asked at once."""

    def __init__(self, url: str, vectors_first: bool, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(Server(url))
        self._vectors_first, self._meanwhile = vectors_first, meanwhile
        self._happened = asyncio.Event()
        self.asked = 0

    async def ask(self, question: Callable[[], Asked[Result]], tenant: str | None, *, heavy: bool = False) -> Result:
        self.asked += 1
        of_vectors = isinstance(question, partial) and question.func is encoding.begun
        if of_vectors != self._vectors_first:
            await self._happened.wait()
        answer = await super().ask(question, tenant, heavy=heavy)
        if not self._happened.is_set():
            await self._meanwhile()
            self._happened.set()
        return answer


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(database)
    yield store
    await store.close()


async def encode(store: PostgresStore) -> None:
    """Give all that waits its vectors."""
    waiting = await store.unencoded(100)
    await store.keep_encodings(MODEL, [(text, [text.text.encode()]) for text in waiting])


async def loaded(
    url: str, vectors_first: bool, meanwhile: Callable[[], Awaitable[None]], most: int | None = None
) -> tuple[Changes, int]:
    """What is loaded of the entity, and in how many looks."""
    database = Overtaken(url, vectors_first, meanwhile)
    beside = PostgresStore(database)
    try:
        return await beside.changes(ALICE, 0, MODEL, most), database.asked
    finally:
        await beside.close()


def vectors(changes: Changes) -> set[bytes]:
    return {packed for _, _, packed in changes.encodings}


@pytest.mark.parametrize("vectors_first", [True, False])
async def test_what_is_said_between_the_two_looks_is_not_left_without_vectors(
    database: str, store: PostgresStore, vectors_first: bool
) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("One."))
    await encode(store)

    async def meanwhile() -> None:
        await store.record(talk.turn("Two."))
        await encode(store)

    changes, looks = await loaded(database, vectors_first, meanwhile)
    told = [said.text for said in changes.messages]
    assert told == (["One.", "Two."] if vectors_first else ["One."])
    assert vectors(changes) >= {text.encode() for text in told}
    assert looks == (3 if vectors_first else 2)
    later = await store.changes(ALICE, changes.sequence, MODEL)
    assert vectors(changes) | vectors(later) == {b"One.", b"Two."}
    assert [said.text for said in later.messages] == ["One.", "Two."][len(told) :]


@pytest.mark.parametrize("vectors_first", [True, False])
async def test_vectors_that_are_made_between_the_two_looks_are_found(
    database: str, store: PostgresStore, vectors_first: bool
) -> None:
    await store.record(Conversation(ALICE).turn("One."))
    changes, _ = await loaded(database, vectors_first, partial(encode, store))
    later = await store.changes(ALICE, changes.sequence, MODEL)
    assert vectors(changes) | vectors(later) == {b"One."}


async def test_an_entity_that_is_erased_between_the_two_looks_is_another_one_next_time(
    database: str, store: PostgresStore
) -> None:
    await store.record(Conversation(ALICE).turn("One."))
    await encode(store)

    async def meanwhile() -> None:
        await store.library.erase(ALICE.tenant, ALICE.entity)

    changes, _ = await loaded(database, False, meanwhile)
    assert ([said.text for said in changes.messages], vectors(changes)) == (["One."], set())
    assert (await store.changes(ALICE, changes.sequence, MODEL)).epoch > changes.epoch


class Crowded(PostgresDatabase):
    """No second connection is free."""

    async def ask(self, question: Callable[[], Asked[Result]], tenant: str | None, *, heavy: bool = False) -> Result:
        if isinstance(question, partial) and question.func is encoding.begun:
            raise StoreError
        return await super().ask(question, tenant, heavy=heavy)


async def test_where_no_other_connection_is_free_vectors_are_read_afterwards(
    database: str, store: PostgresStore
) -> None:
    await store.record(Conversation(ALICE).turn("One."))
    await encode(store)
    crowded = PostgresStore(Crowded(Server(database), 4))
    try:
        assert vectors(await crowded.changes(ALICE, 0, MODEL)) == {b"One."}
    finally:
        await crowded.close()


async def test_what_another_tenants_entity_of_that_name_has_is_not_read(database: str, store: PostgresStore) -> None:
    other = replace(ALICE, tenant="globex")
    await store.record(Conversation(other).turn("One."))
    await encode(store)
    assert await store.changes(ALICE, 0, MODEL) == Changes(0, 0, 0, (), (), ())
    assert vectors(await store.changes(other, 0, MODEL)) == {b"One."}


@pytest.mark.parametrize(("most", "found"), [(1, set()), (2, {b"One.", b"Two."})])
async def test_vectors_of_more_messages_than_may_be_are_not_read(
    database: str, store: PostgresStore, most: int, found: set[bytes]
) -> None:
    talk = Conversation(ALICE)
    for text in ("One.", "Two."):
        await store.record(talk.turn(text))
    await encode(store)

    async def meanwhile() -> None:
        pass

    changes, _ = await loaded(database, True, meanwhile, most)
    assert vectors(changes) == found
