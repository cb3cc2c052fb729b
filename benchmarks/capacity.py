"""What memory weighs and what a replica carries: bytes on disk and in memory, requests a second, at a million messages.

    python -m benchmarks.capacity [--messages COUNT] [--sqlite COUNT]

An entity of 1,000 messages, each one memory with its vectors and one turn, is written by the store itself, moved to
PostgreSQL (the tests' own server, or that of GATEWAY_TEST_POSTGRES) and multiplied in both databases by their own SQL.
Then one gateway on PostgreSQL is asked: of entities that it never heard of, and by many clients at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks import asked, stored
from benchmarks.client import Samples, load
from benchmarks.overhead import cpu_seconds, free_port, resident, running
from gateway.app import open_store
from gateway.config import Config
from gateway.dense import pack
from gateway.model import ID, default_folder
from gateway.store import copying
from gateway.store.postgres_vectors import pooled
from tests.postgres import command, named, server
from tests.replicas import rows

SIZE = 1_000
"""Messages of one entity."""
HOT = 100
"""Entities whose indexes are weighed."""
AT_ONCE = (1, 8)
REQUESTS = 480
"""Of one row."""
AT_A_TIME = 20
"""Entities that one statement adds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000, help="that PostgreSQL is grown to")
    parser.add_argument("--sqlite", type=int, default=100_000, help="that SQLite is grown to")
    given = parser.parse_args()
    console = Console(width=120)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = os.environ.get("GATEWAY_TEST_POSTGRES") or stack.enter_context(server())
        name = f"bench_{uuid.uuid4().hex[:12]}"
        command(url, f"CREATE DATABASE {name}")
        stack.callback(command, url, f"DROP DATABASE {name} WITH (FORCE)")
        database, file, pool = named(url, name), folder / "memory.db", stored.sentences(500)
        known = asked.encode(pool, default_folder(os.environ))
        packed = [pack(known[text]) for text in pool if text in known]
        stored.fill(file, {"cold": SIZE}, pool, packed, ID)
        asyncio.run(_moved(file, database))
        _sqlite(file, given.sqlite, console)
        _postgres(database, given.messages, console)
        asyncio.run(_replica(folder, database, pool, "auto" if packed else "none", console))


async def _moved(file: Path, url: str) -> None:
    """Everything of the file into the database."""
    async with contextlib.AsyncExitStack() as stack:
        old, new = [await open_store(Config.model_validate({"store": place})) for place in (f"sqlite:///{file}", url)]
        stack.push_async_callback(old.close)
        stack.push_async_callback(new.close)
        for table in copying.tables():
            await copying.copy(old.database, new.database, table, pooled, lambda _: None)


# --- on disk ----------------------------------------------------------------------------------------------------


def _sqlite(file: Path, messages: int, console: Console) -> None:
    begun = time.monotonic()
    stored.multiply(file, "cold", messages // SIZE - 1)
    spent = time.monotonic() - begun
    total = messages // SIZE * SIZE
    each = file.stat().st_size / total
    console.print(f"SQLite: {total:,} messages, written in {spent:.0f} s: {each:,.0f} bytes of the file for each.")
    with contextlib.closing(sqlite3.connect(file)) as connection, contextlib.suppress(sqlite3.OperationalError):
        sql = (
            "SELECT m.tbl_name, sum(pgsize * (m.type = 'table')), sum(pgsize * (m.type = 'index'))"
            " FROM dbstat AS d JOIN sqlite_master AS m ON m.name = d.name"
            " GROUP BY 1 HAVING sum(pgsize) > 100000 ORDER BY sum(pgsize) DESC"
        )
        found = connection.execute(sql).fetchall()
        console.print(_sizes(found, total))


def _postgres(url: str, messages: int, console: Console) -> None:
    begun = time.monotonic()
    names = ("entities", "sessions", "messages", "turns", "memories", "mentions", "triples", "encodings")
    every = {table.name: table for table in copying.tables()}
    for first in range(1, messages // SIZE, AT_A_TIME):
        last = min(first + AT_A_TIME, messages // SIZE) - 1
        for name in names:
            columns = ", ".join([*every[name].columns, *(["embedding"] if name == "encodings" else [])])
            values = ", ".join(_copied(name, column) for column in columns.split(", "))
            command(
                url,
                f"INSERT INTO memory_gateway.{name} ({columns}) SELECT {values}"
                f" FROM memory_gateway.{name}, generate_series({first}, {last}) AS n WHERE entity = 'cold'",
            )
    for name in names:
        command(url, f"ANALYZE memory_gateway.{name}")
    total = rows(url, "SELECT count(*) FROM messages")[0][0]
    spent = time.monotonic() - begun
    whole = rows(url, "SELECT pg_database_size(current_database())")[0][0]
    console.print(f"PostgreSQL: {total:,} messages, written in {spent:.0f} s: {whole / total:,.0f} bytes for each.")
    found = [
        (name, *rows(url, f"SELECT pg_table_size('{name}'), pg_indexes_size('{name}')")[0])
        for name in every
        if rows(url, f"SELECT pg_total_relation_size('{name}')")[0][0] > 100_000
    ]
    console.print(_sizes(sorted(found, key=lambda row: -row[1] - row[2]), total))


def _copied(table: str, column: str) -> str:
    """What the copy has in this column; ids of memories are unique, as those that the store makes."""
    if column == "entity":
        return "'other-' || n"
    named = column == "memory" or (table, column) == ("memories", "id")
    return f"md5({column} || n)::UUID::TEXT" if named else column


def _sizes(found: Sequence[tuple[str, int, int]], total: int) -> Table:
    table = Table(title="Bytes for each message (one memory, its vectors, one turn)")
    for column in ("table", "table", "indexes"):
        table.add_column(column, justify="left" if not table.columns else "right")
    for name, data, indexes in [*found, ("together", sum(row[1] for row in found), sum(row[2] for row in found))]:
        table.add_row(name, f"{data / total:,.0f}", f"{indexes / total:,.0f}")
    return table


# --- one gateway ------------------------------------------------------------------------------------------------


async def _replica(folder: Path, url: str, pool: Sequence[str], embedder: str, console: Console) -> None:
    upstream, port = free_port(), free_port()
    settings = {
        "listen": f"127.0.0.1:{port}",
        "store": url,
        "upstreams": [{"base_url": f"http://127.0.0.1:{upstream}/v1"}],
        "embedder": {"kind": embedder},
        "memory": {"recall": {"deadline": 60}},
        "log": {"level": "error"},
    }
    config = folder / "gateway.yaml"
    config.write_text(yaml.safe_dump(settings))
    core = max(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        stack.enter_context(running([sys.executable, "-m", "benchmarks.upstream", str(upstream)], upstream, core))
        serve = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
        process = stack.enter_context(running(serve, port, min(os.sched_getaffinity(0))))
        await _hot(port, process.pid, pool, console)
        table = Table(title="One gateway on PostgreSQL, one core; each client is another user, of 1,000 messages")
        for column in ("at once", "what", "requests/s", "ms p50", "ms p95", "CPU ms each"):
            table.add_column(column, justify="left" if column == "what" else "right")
        for clients in AT_ONCE:
            for what, mode in (("recorded only", "write"), ("recalled only", "read"), ("both", "on")):
                spent = cpu_seconds(process.pid)
                samples = await _together(port, clients, REQUESTS // clients, pool, mode)
                spent = cpu_seconds(process.pid) - spent
                cuts = statistics.quantiles(samples.full, n=100)
                cells = (f"{samples.rate:,.0f}", f"{cuts[49]:.1f}", f"{cuts[94]:.1f}")
                table.add_row(str(clients), what, *cells, f"{1000 * spent / len(samples.full):.1f}")
        console.print(table)


async def _hot(port: int, process: int, pool: Sequence[str], console: Console) -> None:
    """Weigh indexes: of entities that nobody asked for yet."""

    async def ask(entity: str) -> float:
        headers = {"x-entity-id": entity, "x-memory": "read"}
        samples = await load(port, 1, 1, lambda _: stored.question(2, pool), headers, stream=False)
        return samples.full[0]

    for _ in range(20):
        await ask("warm-up")
    await ask("cold")
    before = resident(process)
    times = [await ask(f"other-{number}") for number in range(1, HOT + 1)]
    each = (resident(process) - before) * 1e6 / HOT
    cuts = statistics.quantiles(times, n=100)
    console.print(
        f"A gateway holds {before:.0f} MB, and {each / 1e6:.2f} MB for each hot entity of {SIZE:,} messages"
        f" ({each / SIZE:,.0f} bytes a message). A first question: {cuts[49]:.0f} ms p50, {cuts[94]:.0f} ms p95."
    )


async def _together(port: int, clients: int, count: int, pool: Sequence[str], mode: str) -> Samples:
    """Chats of so many clients at the same time, each another user."""

    def text(number: int) -> str:
        return stored.question(number, pool) if mode != "write" else f"My number {number} is {number * 7}."

    begun = time.monotonic()
    found = await asyncio.gather(
        *(
            load(port, count, 1, text, {"x-entity-id": f"other-{number}", "x-memory": mode}, stream=False)
            for number in range(1, clients + 1)
        )
    )
    whole = Samples()
    for samples in found:
        whole.add(samples)
    whole.seconds = time.monotonic() - begun
    return whole


if __name__ == "__main__":
    main()
