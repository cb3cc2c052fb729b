"""What the gateway adds to a chat: direct and through it, on one scripted upstream, interleaved in one run.

    python -m benchmarks.overhead [--quick]

The gateway has one core, client and upstream share another where there are two. Added time is the difference of the
same percentile through and direct. Rates are with as many requests at once as the row says.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import uvloop
import yaml
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.client import Samples, load
from gateway.domain import Scope, Statement, Turn
from gateway.store.sqlite import SqliteStore
from gateway.wire.chat import ROOT, hashed, read_message

PYTHON = sys.executable
CONCURRENT = (1, 16, 64)
MEMORIES = 1000
ROUNDS = 10
_THINGS = "garden guitar bicycle kitchen telescope library aquarium camera piano carpet lantern violin".split()
_PLACES = "Rome Oslo Lima Kyoto Porto Quito Cairo Riga Turin Seville Bergen Lyon".split()


@dataclass(frozen=True)
class Way:
    """A way for a chat to reach the upstream."""

    name: str
    port: int
    process: int = 0
    """Id of the process in the middle; 0: there is none."""
    headers: dict[str, str] = field(default_factory=dict)
    asks: bool = False
    """It asks for memories; otherwise it says small things."""
    entities: bool = False
    """Each measurement has an entity of its own, since what it records makes the next recall slower."""

    def text(self, number: int) -> str:
        if self.asks:
            return f"What did I buy for my {_THINGS[number % len(_THINGS)]} in {_PLACES[number % 7]}?"
        return f"Hello there, number {number}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests")
    parser.add_argument("--requests", type=int, default=6000, help="of one row, in interleaved rounds")
    given = parser.parse_args()
    uvloop.run(_measure(given.requests // 10 if given.quick else given.requests))


async def _measure(count: int) -> None:
    console = Console()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[-1]})
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        path = Path(folder) / "memory.db"
        await _remember(path)
        upstream, bare, gateway = free_port(), free_port(), free_port()
        stack.enter_context(running([PYTHON, "-m", "benchmarks.upstream", str(upstream)], upstream, cores[-1]))
        url = f"http://127.0.0.1:{upstream}/v1"
        relay = stack.enter_context(running([PYTHON, "-m", "benchmarks.bare_relay", url, str(bare)], bare, cores[0]))
        config = Path(folder) / "gateway.yaml"
        settings = {
            "listen": f"127.0.0.1:{gateway}",
            "store": f"sqlite:///{path}",
            "upstreams": [{"base_url": url}],
            "embedder": {"kind": "none"},
            "log": {"level": "warning"},
        }
        config.write_text(yaml.safe_dump(settings))
        command = [PYTHON, "-m", "gateway", "serve", "--config", str(config)]
        process = stack.enter_context(running(command, gateway, cores[0]))
        before = resident(process.pid)
        ways = [
            Way("direct", upstream),
            Way("starlette + httpx2", bare, relay.pid),
            Way("gateway, memory off", gateway, process.pid, {"x-memory": "off"}),
            Way("gateway, recording", gateway, process.pid, {"x-entity-id": "writer", "x-memory": "write"}),
            Way(
                f"gateway, recall of {MEMORIES:,}",
                gateway,
                process.pid,
                {"x-entity-id": "reader", "x-memory": "read"},
                asks=True,
            ),
            Way("gateway, recording + recall", gateway, process.pid, asks=True, entities=True),
        ]
        found = await _rounds(ways, count, console)
        console.print(_table(found, ways))
        console.print(_rates(found, ways))
        after = f"{resident(process.pid):.0f} MB at the end, with the indexes of {len(_ENTITIES) + 2} entities"
        console.print(f"Gateway memory: {before:.0f} MB after its start, {after}.")


_ENTITIES = [f"entity-{n}-{c}-{s}" for n in range(ROUNDS + 1) for c in CONCURRENT for s in (False, True)]


Found = dict[tuple[str, int, bool], Samples]


async def _rounds(ways: list[Way], count: int, console: Console) -> Found:
    """ROUNDS rounds of every row, the ways in another order each time."""
    found: Found = {}
    order = random.Random(7)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("measuring", total=ROUNDS * 2 * len(CONCURRENT) * len(ways))
        for number in range(ROUNDS + 1):
            for concurrent in CONCURRENT:
                for stream in (False, True):
                    for way in order.sample(ways, len(ways)):
                        each = max(count // ROUNDS, concurrent) if number else concurrent * 4
                        headers = way.headers
                        if way.entities:
                            headers = {"x-entity-id": f"entity-{number}-{concurrent}-{stream}"}
                            await load(way.port, 1, 1, way.text, headers, stream=stream)  # its index is made
                        base = number * 1_000_000

                        def text(n: int, way: Way = way, base: int = base) -> str:
                            return way.text(base + n)

                        spent = cpu_seconds(way.process)
                        samples = await load(way.port, each, concurrent, text, headers, stream=stream)
                        samples.cpu = cpu_seconds(way.process) - spent
                        if number:  # the first round warms up
                            found.setdefault((way.name, concurrent, stream), Samples()).add(samples)
                            progress.advance(task)
    return found


def _table(found: Found, ways: list[Way]) -> Table:
    table = Table(title="Time in ms; rows through a relay: added to direct (p50 / p95 / p99)")
    for column in ("at once", "way", "first byte, whole", "full, whole", "first byte, streamed", "full, streamed"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for concurrent in CONCURRENT:
        for way in ways:
            cells = []
            for stream in (False, True):
                for part in ("first", "full"):
                    direct = _percentiles(getattr(found[ways[0].name, concurrent, stream], part))
                    own = _percentiles(getattr(found[way.name, concurrent, stream], part))
                    shown = own if way is ways[0] else [a - b for a, b in zip(own, direct, strict=True)]
                    cells.append(" / ".join(f"{value:.2f}" for value in shown))
            table.add_row(str(concurrent), way.name, *cells)
        table.add_section()
    return table


def _rates(found: Found, ways: list[Way]) -> Table:
    table = Table(title="Requests per second, one core for the gateway, and its CPU time for each in microseconds")
    table.add_column("way")
    for concurrent in CONCURRENT:
        for kind in ("whole", "streamed"):
            table.add_column(f"{concurrent} {kind}", justify="right")
    for way in ways:
        rows = [found[way.name, c, stream] for c in CONCURRENT for stream in (False, True)]
        rates = [f"{row.rate:,.0f} ({row.cpu / len(row.full) * 1e6:,.0f})" for row in rows]
        table.add_row(way.name, *rates)
    return table


def _percentiles(values: list[float]) -> list[float]:
    cuts = statistics.quantiles(values, n=100)
    return [cuts[49], cuts[94], cuts[98]]


async def _remember(path: Path) -> None:
    """Give an entity MEMORIES memories, and copy it for each measurement that records."""
    store = await SqliteStore.open(path)
    order = random.Random(7)
    for number in range(MEMORIES):
        text = f"I bought item {number} for my {order.choice(_THINGS)} in {order.choice(_PLACES)} last week."
        await store.record(_turn(Scope("default", "reader", "default", f"s{number // 20}"), text))
    await store.close()
    names = [(name,) for name in _ENTITIES]
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for table in ("entities", "sessions", "messages", "turns", "memories", "mentions"):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            copied = ", ".join("?" if column == "entity" else column for column in columns)
            connection.executemany(f"INSERT INTO {table} SELECT {copied} FROM {table} WHERE entity = 'reader'", names)


def _turn(scope: Scope, text: str) -> Turn:
    now = datetime.now(UTC)
    said = read_message({"role": "user", "content": text}, f'{{"role":"user","content":"{text}"}}', None)
    learnt = ((said, (Statement(text, "fact"),)),)
    return Turn(text, scope, hashed(text.encode()), None, ROOT, (said,), learnt, None, "complete", False, now, now)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextlib.contextmanager
def running(command: list[str], port: int, core: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own on one core, ready when its port is."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        os.sched_setaffinity(process.pid, {core})
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def cpu_seconds(pid: int) -> float:
    """Seconds of processor time that all threads of the process took."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat") if pid else ()
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def resident(pid: int) -> float:
    """Megabytes of memory that the process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
