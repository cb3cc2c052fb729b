"""PostgreSQL beside SQLite: time of a question, of a turn and of a cold entity; and what a million messages weigh.

    python -m benchmarks.postgres [--quick] [--messages COUNT]

A SQLite store is filled, moved to a PostgreSQL server (the tests' own, or that of GATEWAY_TEST_POSTGRES), and both are
asked the same by turns: a gateway process each, plain HTTP, a scripted upstream. Times are `memory` of the answer's
Server-Timing. Then one entity is multiplied to COUNT messages, for sizes on disk and in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import asked, stored
from benchmarks.overhead import resident
from benchmarks.recall import _chat
from gateway.app import open_store
from gateway.config import Config
from gateway.dense import pack
from gateway.model import ID, default_folder
from gateway.store import copying
from gateway.store.postgres_vectors import pooled
from tests.postgres import command, named, server
from tests.process import Gateway
from tests.replicas import rows
from tests.upstream import Upstream

WARM = (100, 1_000, 5_000)
COLD = 1_000
"""Messages of an entity that nobody asked for yet."""
HOT = 50
"""Entities whose indexes are weighed."""
LARGE_TABLES = ("messages", "encodings", "memories", "turns", "mentions", "sessions", "triples", "blocks", "requests")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer questions")
    parser.add_argument("--messages", type=int, default=100_000, help="that the store is grown to")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        upstream = stack.enter_context(Upstream())
        url = os.environ.get("GATEWAY_TEST_POSTGRES") or stack.enter_context(server())
        name = f"bench_{uuid.uuid4().hex[:12]}"
        command(url, f"CREATE DATABASE {name}")
        stack.callback(command, url, f"DROP DATABASE {name} WITH (FORCE)")
        bench = Bench(folder, upstream, named(url, name), 100 if given.quick else 1000, Console(width=120))
        bench.fill()
        bench.times()
        bench.weigh(given.messages)


class Bench:
    """The measurements, on one store in both databases."""

    def __init__(self, folder: Path, upstream: Upstream, url: str, questions: int, console: Console) -> None:
        self.folder, self.upstream, self.url, self.questions, self.console = folder, upstream, url, questions, console
        self.pool = stored.sentences(500)
        known = asked.encode(self.pool, default_folder(os.environ))
        self.packed = [pack(known[text]) for text in self.pool if text in known]
        self.kind = "auto" if self.packed else "none"

    def fill(self) -> None:
        """The same rows in both."""
        file = self.folder / "memory.db"
        sizes = {f"warm-{size}": size for size in WARM} | {"cold": COLD}
        stored.fill(file, sizes, self.pool, self.packed, ID)
        stored.multiply(file, "cold", HOT)
        begun = time.monotonic()
        moved = asyncio.run(_moved(file, self.url))
        spent = time.monotonic() - begun
        self.console.print(f"Moved and compared {moved:,} rows in {spent:.0f} s: {moved / spent:,.0f} rows a second.")

    def times(self) -> None:
        """Questions and turns, by turns to both."""
        table = Table(title=f"Milliseconds, embedder {self.kind}; SQLite and PostgreSQL asked by turns")
        for column in ("what", "SQLite p50", "p95", "PostgreSQL p50", "p95", "ratio of p95"):
            table.add_column(column, justify="left" if column == "what" else "right")
        with self._gateway(None) as one, self._gateway(self.url) as other:
            gateways = (one, other)
            for gateway in gateways:
                gateway.chat("Hello.", "warm-up")
            cold = [
                [_chat(each, stored.question(2, self.pool), f"other-{n}")[0] for n in range(HOT)] for each in gateways
            ]
            for size in WARM:
                _row(table, f"question, warm, {size:,} messages", self._asked(gateways, f"warm-{size}"))
            _row(table, f"question, cold entity of {COLD:,} messages", cold)
            _row(table, "turn, from request to its end", self._told(gateways))
        self.console.print(table)

    def weigh(self, messages: int) -> None:
        """Bytes on disk and in memory."""
        begun = time.monotonic()
        grown = max(messages // COLD - HOT, 0)
        self._grow(grown)
        spent = time.monotonic() - begun
        total = rows(self.url, "SELECT count(*) FROM messages")[0][0]
        self.console.print(f"{total:,} messages in the store; {grown:,} entities were added in {spent:.0f} s.")
        table = Table(title="Bytes for each message (one memory, its vectors, one turn), PostgreSQL")
        for column in ("table", "rows", "table", "indexes"):
            table.add_column(column, justify="left" if column == "table" else "right")
        whole = [0.0, 0.0]
        for name in LARGE_TABLES:
            sql = f"SELECT (SELECT count(*) FROM {name}), pg_table_size('{name}'), pg_indexes_size('{name}')"
            count, data, indexes = rows(self.url, sql)[0]
            whole = [whole[0] + data, whole[1] + indexes]
            table.add_row(name, f"{count:,}", f"{data / total:,.0f}", f"{indexes / total:,.0f}")
        table.add_row("together", "", f"{whole[0] / total:,.0f}", f"{whole[1] / total:,.0f}")
        self.console.print(table)
        with self._gateway(self.url) as gateway:
            gateway.chat("Hello.", "warm-up")
            before = resident(gateway.process.pid)  # type: ignore[union-attr]
            times = [_chat(gateway, stored.question(2, self.pool), f"other-{n}")[0] for n in range(HOT)]
            after = resident(gateway.process.pid)  # type: ignore[union-attr]
            warm = [_chat(gateway, stored.question(n, self.pool), "warm-1000")[0] for n in range(self.questions)]
        each = (after - before) * 1e6 / HOT
        self.console.print(
            f"A replica holds {before:.0f} MB, and {each / 1e6:.1f} MB for each hot entity of {COLD:,} messages"
            f" ({each / COLD:,.0f} bytes a message). In this store a cold one takes {_shown(times)} ms,"
            f" a warm one {_shown(warm)} ms (p50, p95)."
        )

    def _grow(self, count: int) -> None:
        """So many more entities, all like the cold ones, written by the database itself."""
        for table in copying.tables():
            if table.name in LARGE_TABLES or table.name == "entities":
                columns = ", ".join([*table.columns, *(["embedding"] if table.name == "encodings" else [])])
                values = columns.replace("entity", "'grown-' || n", 1)
                command(
                    self.url,
                    f"INSERT INTO memory_gateway.{table.name} ({columns}) SELECT {values}"
                    f" FROM memory_gateway.{table.name}, generate_series(1, {count}) AS n WHERE entity = 'cold'",
                )
                command(self.url, f"VACUUM ANALYZE memory_gateway.{table.name}")

    def _asked(self, gateways: Sequence[Gateway], entity: str) -> list[list[float]]:
        times: list[list[float]] = [[] for _ in gateways]
        for number in range(-20, self.questions):
            for place, gateway in enumerate(gateways):
                spent, _ = _chat(gateway, stored.question(number, self.pool), entity)
                if number >= 0:  # the others warm up
                    times[place].append(spent)
        return times

    def _told(self, gateways: Sequence[Gateway]) -> list[list[float]]:
        times: list[list[float]] = [[] for _ in gateways]
        for number in range(-20, self.questions):
            for place, gateway in enumerate(gateways):
                begun = time.monotonic()
                answer = gateway.chat(
                    f"My number {number} is {number * 7}.", f"told-{number % 10}", session=f"s{number}"
                )
                assert answer.status == 200
                if number >= 0:
                    times[place].append(1000 * (time.monotonic() - begun))
        return times

    @contextlib.contextmanager
    def _gateway(self, url: str | None) -> Iterator[Gateway]:
        """A gateway on SQLite, or on this database."""
        store: dict[str, Any] = {"store": url} if url else {}
        memory = {"recall": {"deadline": 60}}
        with Gateway(self.folder, self.upstream.url, embedder={"kind": self.kind}, memory=memory, **store) as gateway:
            yield gateway


def _row(table: Table, what: str, times: list[list[float]]) -> None:
    cuts = [statistics.quantiles(each, n=100) for each in times]
    cells = [f"{cut[at]:.1f}" for cut in cuts for at in (49, 94)]
    table.add_row(what, *cells, f"{cuts[1][94] / cuts[0][94]:.2f}")


def _shown(times: Sequence[float]) -> str:
    cuts = statistics.quantiles(times, n=100)
    return f"{cuts[49]:.1f}, {cuts[94]:.1f}"


async def _moved(file: Path, url: str) -> int:
    """Move everything; how many rows there are."""
    stores = [await open_store(Config.model_validate({"store": each})) for each in (f"sqlite:///{file}", url)]
    old, new = (store.database for store in stores)
    count = 0
    for table, number, _ in await copying.plan(old, new):
        await copying.copy(old, new, table, pooled, lambda _: None)
        assert await copying.counted(old, table, lambda _: None) == await copying.counted(new, table, lambda _: None)
        count += number
    for store in stores:
        await store.close()
    return count


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
