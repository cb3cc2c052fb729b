"""What only PostgreSQL promises: replicas beside each other, roles that see one tenant, a server that may be gone."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import numpy as np
import pytest

from gateway.dense import pack
from gateway.domain import NOBODY, Block, Learnt, Scope, Statement
from gateway.errors import ConfigError, StoreError
from gateway.store import postgres_schema
from gateway.store.jobs import Findings, Job
from gateway.store.library import Wanted
from gateway.store.postgres import PostgresStore
from tests.postgres import command, named
from tests.turns import Conversation, fact

pytestmark = pytest.mark.anyio

ALICE = Scope("acme", "alice", "support", "s1")
OTHER = replace(ALICE, tenant="globex")


@pytest.fixture
async def replicas(database: str) -> AsyncIterator[list[PostgresStore]]:
    """Three stores on one database."""
    async with contextlib.AsyncExitStack() as stack:
        stores = []
        for _ in range(3):
            stores.append(await PostgresStore.open(database))
            stack.push_async_callback(stores[-1].close)
        yield stores


@pytest.fixture
async def owner(database: str) -> AsyncIterator[Any]:
    """A connection as the user of the URL."""
    connection = await asyncpg.connect(database, server_settings={"search_path": "memory_gateway"})
    yield connection
    await connection.close()


async def rows(owner: Any, tenant: str | None, sql: str, role: str = "memory_gateway") -> list[Any]:
    """What the statement gives to the role, for this tenant."""
    async with owner.transaction():
        await owner.execute(f"SET LOCAL ROLE {role}")
        if tenant is not None:
            await owner.execute("SELECT set_config('memory_gateway.tenant', $1, TRUE)", tenant)
        found: list[Any] = await owner.fetch(sql)
        return found


# --- the second wall --------------------------------------------------------------------------------------------


async def tables(owner: Any, column: str = "tenant") -> list[str]:
    found = await owner.fetch(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'memory_gateway' AND column_name = $1",
        column,
    )
    return [row[0] for row in found]


async def fill(store: PostgresStore, scope: Scope) -> None:
    """Leave a row in every table that belongs to a tenant."""
    talk = Conversation(scope)
    turn = talk.turn("I like tea.", states=[fact("I like tea.")])
    await store.record(replace(turn, extract=True))
    await store.keep_block(scope, Block(talk.history[0].chain, "block", ("m",)), None)


VALUES = {"text": "'x'", "bigint": "1", "bytea": "'\\x00'", "boolean": "FALSE", "double precision": "0"}


async def put_rows(owner: Any, *tenants: str) -> dict[str, str]:
    """A row of each of the tenants in every table that has one, whatever the row means.

    Returns how each table is written to, but for the tenant.
    """
    written = {}
    for table in await tables(owner):
        columns = await owner.fetch(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'memory_gateway'"
            " AND table_name = $1 AND is_nullable = 'NO' AND column_name <> 'tenant'",
            table,
        )
        names, values = [row[0] for row in columns], [VALUES[row[1]] for row in columns]
        written[table] = f"INSERT INTO {table} ({', '.join(names)}, tenant) VALUES ({', '.join(values)}, "
        for tenant in tenants:
            await owner.execute(f"{written[table]}'{tenant}')")
    return written


async def test_a_query_without_its_predicate_returns_nothing_foreign(database: str, owner: Any) -> None:
    for table in await put_rows(owner, "acme", "globex"):
        assert [row[0] for row in await rows(owner, "acme", f"SELECT tenant FROM {table}")] == ["acme"], table
        assert await rows(owner, None, f"SELECT tenant FROM {table}") == [], table
        assert await rows(owner, "", f"SELECT tenant FROM {table}") == [], table


async def test_a_change_without_its_predicate_reaches_nothing_foreign(database: str, owner: Any) -> None:
    for table, insertion in (await put_rows(owner, "acme", "globex")).items():
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await rows(owner, "acme", f"UPDATE {table} SET tenant = 'globex'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await rows(owner, "acme", f"{insertion}'initech')")
        await rows(owner, "acme", f"UPDATE {table} SET tenant = tenant")
        await rows(owner, "acme", f"DELETE FROM {table}")
        assert [row[0] for row in await owner.fetch(f"SELECT tenant FROM {table}")] == ["globex"], table


async def test_only_these_tables_are_of_no_tenant(owner: Any) -> None:
    every = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'memory_gateway'")
    others = {row[0] for row in every} - set(await tables(owner))
    assert others == {"migrations", "embedders", "erased"}  # the last holds hashes, not names


async def test_every_table_of_a_tenant_is_guarded_and_none_belongs_to_a_role_that_serves(owner: Any) -> None:
    guarded = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'memory_gateway'::regnamespace AND relkind = 'r'"
        " AND relrowsecurity AND relforcerowsecurity"
    )
    assert {row[0] for row in guarded} == set(await tables(owner))
    owned = "SELECT count(*) FROM pg_class WHERE relowner::regrole::TEXT LIKE 'memory_gateway%'"
    assert await owner.fetchval(owned) == 0
    for role in (postgres_schema.ROLE, postgres_schema.BACKGROUND):
        row = await owner.fetchrow("SELECT rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = $1", role)
        assert tuple(row) == (False, False, False)


@pytest.mark.parametrize(
    "sql", ["DELETE FROM memories", "UPDATE messages SET text = ''", "INSERT INTO embedders VALUES ('x')"]
)
async def test_the_background_finds_what_waits_and_changes_no_memory(owner: Any, sql: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rows(owner, None, sql, postgres_schema.BACKGROUND)


async def test_a_user_who_may_only_take_on_the_roles_serves_what_the_owner_made(database: str, owner: Any) -> None:
    name = f"app_{time.monotonic_ns()}"
    roles = f"{postgres_schema.ROLE}, {postgres_schema.BACKGROUND}"
    await owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret' IN ROLE {roles}")
    parts = urlsplit(database)
    host = parts.netloc.rpartition("@")[2]
    store = await PostgresStore.open(urlunsplit(parts._replace(netloc=f"{name}:secret@{host}")))
    await fill(store, ALICE)
    assert (await store.library.totals("acme")).turns == 1
    await store.close()
    await owner.execute(f"DROP ROLE {name}")


async def test_every_key_begins_with_tenant_and_entity(owner: Any) -> None:
    for table in set(await tables(owner)) & set(await tables(owner, "entity")):
        definition = await owner.fetchval(
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'memory_gateway' AND indexname = $1", f"{table}_pkey"
        )
        assert "(tenant, entity" in definition, table


# --- replicas ---------------------------------------------------------------------------------------------------


async def test_what_one_replica_recorded_the_next_one_finds(replicas: list[PostgresStore]) -> None:
    talk = Conversation(ALICE)
    for number in range(30):
        await replicas[number % 3].record(talk.turn(f"I own {number} cats.", states=[fact(f"I own {number} cats.")]))
        reader = replicas[(number + 1) % 3]
        session = await reader.session(ALICE)
        assert session
        assert session.head == talk.history[-1].chain
        assert f"I own {number} cats." in [m.text for m in (await reader.changes(ALICE, 0, None)).memories]


async def test_replicas_that_record_one_entity_at_once_give_every_change_its_number(
    replicas: list[PostgresStore],
) -> None:
    talks = [Conversation(replace(ALICE, process=f"p{n}", session=f"s{n}")) for n in range(6)]
    turns = [
        talk.turn(f"Round {i}.", states=[fact(f"{i} of {talk.scope.process}.")]) for i in range(10) for talk in talks
    ]
    await asyncio.gather(*(replicas[number % 3].record(turn) for number, turn in enumerate(turns)))
    changes = await replicas[0].changes(ALICE, 0, None)
    numbers = [said.key for said in changes.messages] + [memory.sequence for memory in changes.memories]
    assert len(set(numbers)) == len(numbers) == 120
    assert max(numbers) <= changes.sequence


async def test_a_turn_that_two_replicas_write_is_there_once(replicas: list[PostgresStore]) -> None:
    turn = Conversation(ALICE).turn("I own a cat.", states=[fact("I own a cat.")])
    await asyncio.gather(*(store.record(turn) for store in replicas * 3))
    (memory,) = (await replicas[0].changes(ALICE, 0, None)).memories
    assert len(memory.sources) == 1
    assert (await replicas[0].library.totals("acme")).turns == 1


async def test_a_job_is_claimed_by_one_replica_and_of_an_entity_one_at_a_time(replicas: list[PostgresStore]) -> None:
    for entity in range(8):
        for process in ("a", "b"):
            scope = replace(ALICE, entity=f"e{entity}", process=process)
            turn = Conversation(scope).turn("I own a cat.", states=[fact("I own a cat.")])
            await replicas[0].record(replace(turn, extract=True))
    now = datetime.now(UTC) + timedelta(minutes=1)
    claims = [store.jobs.claim(now, 5, 60) for _ in range(8) for store in replicas]
    jobs = [job for job in await asyncio.gather(*claims) if job]
    while job := await replicas[0].jobs.claim(now, 5, 60):
        jobs.append(job)
    assert sorted(job.scope.entity for job in jobs) == [f"e{entity}" for entity in range(8)]
    await asyncio.gather(*(finish(replicas[n % 3], job) for n, job in enumerate(jobs)))
    assert (await replicas[0].jobs.counts())[0] == 8


async def finish(store: PostgresStore, job: Job) -> None:
    assert await store.jobs.finish(job, job.upto, Findings())


async def test_a_replica_that_starts_leaves_the_claims_of_others(replicas: list[PostgresStore]) -> None:
    turn = Conversation(ALICE).turn("I own a cat.", states=[fact("I own a cat.")])
    await replicas[0].record(replace(turn, extract=True))
    now = datetime.now(UTC) + timedelta(minutes=1)
    job = await replicas[0].jobs.claim(now, 5, 60)
    await replicas[1].jobs.recover()
    assert await replicas[1].jobs.claim(now, 5, 60) is None
    later = await replicas[1].jobs.claim(now + timedelta(seconds=61), 5, 60)
    assert job
    assert later
    assert not await replicas[0].jobs.finish(job, job.upto, Findings())


async def test_calls_of_a_day_are_counted_across_replicas(replicas: list[PostgresStore]) -> None:
    jobs = []
    for entity in range(6):
        scope = replace(ALICE, entity=f"e{entity}")
        turn = Conversation(scope).turn("I own a cat.", states=[fact("I own a cat.")])
        await replicas[0].record(replace(turn, extract=True))
    now = datetime.now(UTC) + timedelta(minutes=1)
    while job := await replicas[0].jobs.claim(now, 5, 60):
        jobs.append(job)
    spent = await asyncio.gather(*(replicas[n % 3].jobs.spend(job, now, 9, 10) for n, job in enumerate(jobs * 4)))
    assert sum(spent) == 10


async def test_no_block_keeps_what_an_agent_was_told_to_forget(replicas: list[PostgresStore]) -> None:
    learnt = Learnt(
        Statement("Refunds take 30 days.", "fact"), datetime.now(UTC), "", "", process="support", origin="api"
    )
    for number in range(20):
        entry = await replicas[0].library.add("acme", NOBODY, learnt)
        block = Block(bytes([number]) * 16, "Refunds take 30 days.", (entry.id,))
        scopes = [replace(ALICE, entity=f"e{n}") for n in range(6)]
        deleting = replicas[0].library.delete("acme", NOBODY, Wanted(ids=(entry.id,)))
        keeping = [replicas[n % 3].keep_block(scope, block, None) for n, scope in enumerate(scopes)]
        await asyncio.gather(*keeping[:3], deleting, *keeping[3:])
        assert [block for scope in scopes for block in await replicas[1].blocks(scope)] == []


@pytest.mark.parametrize("connections", [4, 11])
async def test_a_process_has_no_more_connections_than_it_may(database: str, owner: Any, connections: int) -> None:
    store = await PostgresStore.open(database, connections)
    scopes = [replace(ALICE, entity=f"e{number}") for number in range(40)]
    turns = [Conversation(scope).turn("I own a cat.", states=[fact("I own a cat.")]) for scope in scopes]
    await asyncio.gather(
        *(store.record(turn) for turn in turns),
        *(store.session(scope) for scope in scopes),
        *(store.changes(scope, 0, "model") for scope in scopes),
        *(store.library.totals("acme") for _ in scopes),
    )
    mine = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert await owner.fetchval(mine) == connections
    await store.close()


# --- what text and vectors become -------------------------------------------------------------------------------


async def test_text_with_a_nul_is_kept_without_it(replicas: list[PostgresStore]) -> None:
    await replicas[0].record(Conversation(ALICE).turn("a\0b", states=[fact("I like \0 tea.")]))
    changes = await replicas[0].changes(ALICE, 0, None)
    assert ([said.text for said in changes.messages], changes.memories[0].text) == (["a\ufffdb"], "I like \ufffd tea.")


class Encoded:
    """Vectors of a text of two tokens."""

    vector = np.eye(64, dtype=np.float32)[3]
    tokens = np.array([2000, 2001], np.int32)
    token_vectors = np.eye(64, dtype=np.float32)[:2]
    turned = None


async def test_the_pooled_vector_can_be_searched_by_the_database(replicas: list[PostgresStore], owner: Any) -> None:
    await replicas[0].record(Conversation(ALICE).turn("I like tea.", states=[fact("I like tea.")]))
    (waiting,) = await replicas[0].unencoded(10)
    await replicas[0].keep_encodings("model", [(waiting, [pack(Encoded()), b"no vector"])])
    query = "[" + ",".join(str(int(n == 3)) for n in range(64)) + "]"
    found = await owner.fetch(f"SELECT piece, embedding <=> '{query}' FROM encodings ORDER BY piece")
    assert [tuple(row) for row in found] == [(0, 0.0), (1, None)]


# --- opening ----------------------------------------------------------------------------------------------------


@pytest.fixture
def empty(postgres: str) -> Iterator[str]:
    """The URL of a database without a schema."""
    name = f"empty_{time.monotonic_ns()}"
    command(postgres, f"CREATE DATABASE {name}")
    yield named(postgres, name)
    command(postgres, f"DROP DATABASE {name} WITH (FORCE)")


async def test_replicas_can_start_together_on_an_empty_database(empty: str) -> None:
    stores = await asyncio.gather(*(PostgresStore.open(empty) for _ in range(6)))
    for number, store in enumerate(stores):
        await store.record(Conversation(replace(ALICE, session=f"s{number}")).turn("Hello."))
    assert (await stores[0].library.totals("acme")).turns == 6
    await asyncio.gather(*(store.close() for store in stores))


async def test_a_newer_schema_is_refused(database: str, owner: Any) -> None:
    await owner.execute("INSERT INTO migrations (number) VALUES (1000)")
    with pytest.raises(ConfigError, match="written by a newer gateway"):
        await PostgresStore.open(database)


async def test_a_database_that_is_not_there_is_refused_without_its_password(postgres: str) -> None:
    url = named(postgres, "nowhere").replace("postgres:@", "postgres:secret@")
    with pytest.raises(ConfigError, match="nowhere") as caught:
        await PostgresStore.open(url)
    assert "secret" not in str(caught.value)


async def test_a_server_that_cannot_be_reached_is_opened_all_the_same() -> None:
    store = await PostgresStore.open("postgresql://nobody@127.0.0.1:9/nothing")
    assert not store.healthy
    with pytest.raises(StoreError):
        await store.session(ALICE)
    with pytest.raises(StoreError):
        await store.record(Conversation(ALICE).turn("One."))
    await store.close()


# --- a server that comes and goes -------------------------------------------------------------------------------

KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"


async def test_killed_backends_lose_nothing_that_was_acknowledged(replicas: list[PostgresStore], owner: Any) -> None:
    name = await owner.fetchval("SELECT current_database()")
    store, acknowledged, refused = replicas[0], list[str](), list[str]()

    async def chat(number: int) -> None:
        talk = Conversation(replace(ALICE, entity=f"e{number}"))
        for turn in (talk.turn(f"{number}: {n}.", states=[fact(f"{number}: {n}.")]) for n in range(40)):
            while True:
                try:
                    await store.record(turn)
                except StoreError:
                    refused.append(turn.id)
                    await asyncio.sleep(0.05)
                    continue
                acknowledged.append(turn.id)
                break

    async with asyncio.TaskGroup() as group:
        chats = [group.create_task(chat(number)) for number in range(6)]
        pause = 0.1
        while not all(chat.done() for chat in chats):
            await owner.fetch(KILL, name)
            await asyncio.sleep(pause)
            pause *= 1.05  # on a slow machine a connection lives long enough at last
    assert await owner.fetchval("SELECT count(*) FROM turns") == len(set(acknowledged)) == 240
    assert await owner.fetchval("SELECT count(*) FROM memories WHERE times_seen = 1") == 240
    assert store.healthy


async def test_a_connection_that_was_closed_meanwhile_is_noticed_by_nobody(
    replicas: list[PostgresStore], owner: Any
) -> None:
    store = replicas[0]
    name = await owner.fetchval("SELECT current_database()")
    talk = Conversation(ALICE)
    await store.record(talk.turn("One."))
    assert await store.session(ALICE)
    await owner.fetch(KILL, name)
    await asyncio.sleep(0.1)
    assert await store.session(ALICE)
    await store.record(talk.turn("Two."))
