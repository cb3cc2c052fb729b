"""Whatever happens to a PostgreSQL server, its store refuses for a while, heals by itself, and loses nothing."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.domain import Scope, Turn
from gateway.errors import StoreError
from gateway.metrics import Metrics
from gateway.recorder import Recorder
from gateway.store.database import Connection
from gateway.store.postgres import PostgresStore
from gateway.store.postgres_link import ANSWER
from gateway.store.postgres_pool import PATIENCE
from tests.postgres import WAIT, Server, command, named
from tests.replicas import rows
from tests.tunnel import Tunnel
from tests.turns import Conversation, fact

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

ALICE = Scope("acme", "alice", "support", "s1")
HEALED = 5.0
SLACK = 5.0
"""Seconds: what is promised, and what a loaded machine may add."""


@pytest.fixture(scope="module")
def machine() -> Iterator[Server]:
    """A server of the module's own, which its tests ill-treat."""
    with ExitStack() as stack:
        try:
            server = Server()
        except ImportError as error:
            if os.environ.get("CI"):
                pytest.fail(f"no PostgreSQL to test with: {error}")
            pytest.skip(f"no PostgreSQL to test with: {error}")
        stack.callback(server.close)
        yield server


@pytest.fixture
def place(machine: Server) -> str:
    """The URL of an empty database."""
    name = f"faults_{time.monotonic_ns()}"
    command(machine.url, f"CREATE DATABASE {name}")
    return named(machine.url, name)


@pytest.fixture
async def store(place: str) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(place)
    yield opened
    await opened.close()


async def healed(store: PostgresStore) -> float:
    """Seconds until it answers and writes again."""
    begun = time.monotonic()
    probe = Conversation(replace(ALICE, entity="probe", session=f"s{begun}"))
    while time.monotonic() - begun < 60:
        try:
            await store.record(probe.turn("Hello."))
            await store.session(ALICE)
        except StoreError:
            probe.history.clear()
            await asyncio.sleep(0.1)
            continue
        assert store.healthy
        return time.monotonic() - begun
    raise AssertionError("it did not heal")


def turns(count: int) -> list[Turn]:
    talks = [Conversation(replace(ALICE, entity=f"e{n}")) for n in range(4)]
    return [talks[n % 4].turn(f"Message {n}.", states=[fact(f"Fact {n}.")]) for n in range(count)]


async def recorded(store: PostgresStore) -> list[str]:
    said: list[str] = []
    for n in range(4):
        said += [m.text for m in (await store.changes(replace(ALICE, entity=f"e{n}"), 0, None)).messages]
    return said


async def test_a_server_that_crashes_again_and_again_loses_no_acknowledged_turn(
    machine: Server, store: PostgresStore
) -> None:
    acknowledged: list[str] = []

    async def record(turn: Turn) -> None:
        while True:
            try:
                await store.record(turn)
            except StoreError:
                await asyncio.sleep(0.1)
                continue
            acknowledged.append(turn.messages[0].text)
            return

    waiting = turns(200)
    async with asyncio.TaskGroup() as group:
        done = [group.create_task(_in_order(record, waiting[n::4])) for n in range(4)]
        for _ in range(3):
            await asyncio.sleep(0.3)
            await asyncio.to_thread(machine.restart, "immediate")
            assert await healed(store) < HEALED + SLACK
    assert all(task.done() for task in done)
    assert sorted(await recorded(store)) == sorted(acknowledged)
    assert len(acknowledged) == 200


async def _in_order(record: Callable[[Turn], Awaitable[None]], turns: list[Turn]) -> None:
    for turn in turns:
        await record(turn)


async def test_turns_wait_in_the_recorder_while_the_server_is_gone(machine: Server, store: PostgresStore) -> None:
    async with Recorder(store, Metrics()) as recorder:
        before, during = turns(20)[:10], turns(20)[10:]
        assert all([await recorder.committed(recorder.submit(turn)) for turn in before])
        await asyncio.to_thread(machine.stop, "immediate")
        for turn in during:
            begun = time.monotonic()
            assert not await recorder.committed(recorder.submit(turn))
            assert time.monotonic() - begun < 0.25 + SLACK
        assert not store.healthy
        await asyncio.to_thread(machine.start)
        assert await healed(store) < HEALED + SLACK
        end = time.monotonic() + 30
        while recorder.waiting and time.monotonic() < end:
            await asyncio.sleep(0.1)
        assert recorder.waiting == 0
    assert len(await recorded(store)) == 20


async def test_a_paused_server_is_waited_for_no_longer_than_its_deadline(machine: Server, store: PostgresStore) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("One."))
    machine.pause()
    try:
        begun = time.monotonic()
        outcomes = await asyncio.gather(
            store.session(ALICE), store.record(talk.turn("Two.")), store.changes(ALICE, 0, None), return_exceptions=True
        )
        assert all(isinstance(outcome, StoreError) for outcome in outcomes)
        assert time.monotonic() - begun < 10 + SLACK
    finally:
        machine.resume()
    assert await healed(store) < HEALED + SLACK


async def test_a_server_without_connections_left_is_used_again_when_it_has_some(machine: Server) -> None:
    name = f"limited_{time.monotonic_ns()}"
    admin = machine.url
    await asyncio.to_thread(_free_the_roles, admin)
    await asyncio.to_thread(
        command,
        admin,
        f"CREATE ROLE {name} LOGIN CREATEROLE",
        f"CREATE DATABASE {name} OWNER {name} CONNECTION LIMIT 1",
    )
    await asyncio.to_thread(command, named(admin, name), "CREATE EXTENSION vector")
    store = await PostgresStore.open(named(admin, name).replace("postgres:@", f"{name}@"))
    talk = Conversation(ALICE)
    await store.record(talk.turn("One."))  # the only connection that there is
    outcomes = await asyncio.gather(*(store.session(ALICE) for _ in range(4)), return_exceptions=True)
    assert all(isinstance(outcome, StoreError) for outcome in outcomes)
    await store.record(talk.turn("Two."))
    await asyncio.to_thread(command, admin, f"ALTER DATABASE {name} CONNECTION LIMIT -1")
    assert await healed(store) < HEALED
    assert len(await store.find(ALICE, [m.chain for m in talk.history])) == 4
    await store.close()


def _free_the_roles(url: str) -> None:
    """Give the roles of earlier tests other names, so that a user who is no superuser makes them again."""
    rename = "ALTER ROLE %I RENAME TO %I"
    command(
        url,
        "DO $$ DECLARE name TEXT; BEGIN"
        " FOR name IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'memory_gateway%' LOOP"
        f" EXECUTE format('{rename}', name, 'old_' || name || '_' || txid_current()); END LOOP; END $$",
    )


async def test_an_entity_that_another_replica_holds_up_holds_up_no_others(place: str, store: PostgresStore) -> None:
    other = await PostgresStore.open(place)
    holds, leave = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        holds.set()
        leave.wait(30)

    async with Recorder(store, Metrics()) as recorder, asyncio.TaskGroup() as group:
        talk = Conversation(ALICE)
        assert await recorder.submit(talk.turn("Hello."))
        group.create_task(other.database.write(hold, ALICE.tenant, "bob"))
        assert await asyncio.to_thread(holds.wait, 10)
        held = recorder.submit(Conversation(replace(ALICE, entity="bob")).turn("Hello."))
        try:
            for n in range(5):
                assert await asyncio.wait_for(recorder.submit(talk.turn(f"Message {n}.")), ANSWER / 2)
            assert not held.done()
        finally:
            leave.set()
        assert await held
    await other.close()


async def test_connections_that_lost_their_way_are_not_tried_one_after_the_other(place: str) -> None:
    tunnel = Tunnel(parse_qs(urlsplit(place).query)["host"][0] + "/.s.PGSQL.5432")
    with closing(tunnel):
        store = await PostgresStore.open(f"postgresql://postgres:@127.0.0.1:{tunnel.port}{urlsplit(place).path}")
        for _ in range(3):  # all that write, and all that look up
            await asyncio.gather(*map(store.record, turns(4)), *(store.session(ALICE) for _ in range(4)))
        tunnel.forget()
        assert await healed(store) < ANSWER + SLACK
        await store.close()


async def test_a_connection_that_broke_after_its_answer_makes_nobody_wait(
    machine: Server, place: str, store: PostgresStore
) -> None:
    def look(connection: Connection) -> None:
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
        command(place, f"SELECT pg_terminate_backend({pid}, {round(WAIT * 1000)})")

    await store.database.read(look, ALICE.tenant)
    await asyncio.to_thread(machine.stop)
    try:
        begun = time.monotonic()
        with pytest.raises(StoreError):
            await store.database.read(look, ALICE.tenant)
        assert time.monotonic() - begun < PATIENCE / 2
    finally:
        await asyncio.to_thread(machine.start)


async def test_a_server_that_crashed_before_it_looked_at_its_tables_is_told_to(
    machine: Server, place: str, store: PostgresStore
) -> None:
    talk = Conversation(ALICE)
    for n in range(8):
        await store.record(talk.turn(f"Message {n}.", states=[fact(f"Fact {n} {m}.") for m in range(50)]))
    await asyncio.to_thread(machine.restart, "immediate")
    assert await healed(store) < HEALED + SLACK
    sql = "SELECT reltuples FROM pg_class WHERE oid = 'memory_gateway.memories'::regclass"
    (known,) = (await asyncio.to_thread(rows, place, sql))[0]
    assert 100 < known < 500


async def test_a_server_that_comes_after_the_gateway_is_found(machine: Server, place: str) -> None:
    await asyncio.to_thread(machine.stop)
    store = await PostgresStore.open(place)
    assert not store.healthy
    with pytest.raises(StoreError):
        await store.session(ALICE)
    await asyncio.to_thread(machine.start)
    assert await healed(store) < HEALED + SLACK
    await store.close()
