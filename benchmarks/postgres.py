"""PostgreSQL beside SQLite: time of a question, of a turn and of a cold entity; and an entity with many messages.

    python -m benchmarks.postgres [--quick] [--large COUNT]

A SQLite store is filled, moved to a PostgreSQL server (the tests' own, or that of GATEWAY_TEST_POSTGRES), and both are
asked the same by turns: a gateway process each, plain HTTP, a scripted upstream. Times are `memory` of the answer's
Server-Timing. Then one entity is made of COUNT messages, whose vectors stay in the database.
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
"""Entities that nobody asked for yet."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer questions")
    parser.add_argument("--large", type=int, default=100_000, help="messages of the largest entity")
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
        bench.large(given.large)


class Bench:
    """The measurements, on one store in both databases."""

    def __init__(self, folder: Path, upstream: Upstream, url: str, questions: int, console: Console) -> None:
        self.folder, self.upstream, self.url, self.questions, self.console = folder, upstream, url, questions, console
        self.pool = stored.sentences(500)
        known = asked.encode(self.pool, default_folder(os.environ))
        self.packed = [pack(known[text]) for text in self.pool if text in known]
        self.everyday = asked.cases("everyday")[:COLD]
        self.said = [case["say"] for case in self.everyday]
        known = asked.encode(self.said, default_folder(os.environ))
        self.packed_said = [pack(known[text]) for text in self.said if text in known]
        self.kind = "auto" if self.packed else "none"

    def fill(self) -> None:
        """The same rows in both."""
        file = self.folder / "memory.db"
        sizes = {f"warm-{size}": size for size in WARM} | {"cold": COLD}
        stored.fill(file, sizes, self.pool, self.packed, ID)
        stored.multiply(file, "cold", HOT)
        stored.fill(file, {"said": COLD}, self.said, self.packed_said, ID, repeated=False)
        stored.multiply(file, "said", HOT, "said")
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
            said = [[_chat(each, self.everyday[n]["ask"][1], f"said-{n}")[0] for n in range(HOT)] for each in gateways]
            for size in WARM:
                _row(table, f"question, warm, {size:,} messages", self._asked(gateways, f"warm-{size}"))
            _row(table, f"question, cold entity of {COLD:,} messages of 20 words", cold)
            _row(table, f"question, cold entity of {COLD:,} memories of 12 words", said)
            _row(table, "turn, from request to its end", self._told(gateways))
        self.console.print(table)

    def large(self, messages: int) -> None:
        """One entity whose vectors stay in the database."""
        stretch(self.url, messages // COLD)
        with self._gateway(self.url) as gateway:
            gateway.chat("Hello.", "warm-up")
            before = resident(gateway.process.pid)  # type: ignore[union-attr]
            begun = time.monotonic()
            _chat(gateway, stored.question(2, self.pool), "large")
            cold = time.monotonic() - begun
            after = resident(gateway.process.pid)  # type: ignore[union-attr]
            times = [_chat(gateway, stored.question(n, self.pool), "large")[0] for n in range(self.questions // 2)]
        self.console.print(
            f"An entity of {messages:,} messages: the first question takes {cold:.1f} s, the others {_shown(times)} ms"
            f" (p50, p95); a replica holds {after - before:.0f} MB of it."
        )

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


def stretch(url: str, times: int) -> None:
    """An entity `large` that is so many times the cold one."""
    span = "n * (SELECT sequence FROM entities WHERE entity = 'cold')"
    changed = {
        "entities": {"sequence": f"{times} * sequence"},
        "messages": {
            "key": f"key + {span}",
            "session": "session || '-' || n",
            "chain": "decode(md5(n || '-' || key), 'hex')",
            "said_at": f"said_at + {span}",
        },
        "memories": {"id": "id || '-' || n", "sequence": f"sequence + {span}", "form": "decode(md5(id || n), 'hex')"},
        "mentions": {"message": f"message + {span}", "memory": "memory || '-' || n"},
        "encodings": {"key": f"key + {span}", "sequence": f"sequence + {span}"},
    }
    for table, values in changed.items():
        found = rows(url, f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0")
        columns = [row[0] for row in found]
        selected = ", ".join("'large'" if name == "entity" else values.get(name, name) for name in columns)
        copies = 1 if table == "entities" else times
        command(
            url,
            f"SET search_path = memory_gateway; INSERT INTO {table} ({', '.join(columns)}) SELECT {selected}"
            f" FROM {table} AS old, generate_series(0, {copies - 1}) AS n WHERE entity = 'cold'",
            f"VACUUM ANALYZE memory_gateway.{table}",
        )


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
