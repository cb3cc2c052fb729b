"""What the wire's requirements bound in milliseconds, measured against a scripted upstream; see REQUIREMENTS.md.

    python -m benchmarks.wire [--quick]

R-40 the end of a body after the upstream's; R-41 the first byte and every frame of a paced stream; R-69 two hundred
calls at once; R-19 and R-107 small requests and /healthz beside bodies of 5 MB; R-97 chats while the store is locked.
Events carry the time when they were sent, by the clock that all processes of a machine share.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.overhead import cpu_seconds, free_port, running

FRAMES, GAP = 64, 0.02
"""Of a paced stream, and the seconds between two of them."""
STREAMS = 16
AT_ONCE, DELAY = 200, 0.2
"""Calls at once, and the seconds that the upstream takes for each."""
MB = 1024 * 1024
LOCKED = 10.0
"""Seconds that another process holds the store."""
OFF, ON = {"x-memory": "off"}, {"x-entity-id": "alice"}


# --- the upstream


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Paced streams, and whole answers after DELAY for the model `late`."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
            body = await reader.readexactly(length)
            if b'"stream":true' in body:
                await _stream(writer)
            else:
                await asyncio.sleep(DELAY if b'"model":"late"' in body else 0)
                answer = json.dumps({"choices": [{"message": {"content": "Noted."}, "finish_reason": "stop"}]}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                writer.write(b"content-length: %d\r\n\r\n" % len(answer) + answer)


async def _stream(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    due = time.perf_counter()
    for number in range(FRAMES + 1):
        due += GAP
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        finish = "stop" if number == FRAMES else None
        sent = f"{time.perf_counter():.7f}"
        choice = {"index": 0, "delta": {} if finish else {"content": sent}, "finish_reason": finish, "sent": sent}
        data = b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
        if finish:
            data += b"data: [DONE]\n\n"
        writer.write(b"%x\r\n%s\r\n" % (len(data), data) + (b"0\r\n\r\n" if finish else b""))


async def _upstream(port: int) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


# --- the client


@dataclass
class Stream:
    """Of paced streams, in milliseconds after the upstream sent it: the first frame, every frame, the body's end."""

    first: list[float] = field(default_factory=list)
    frames: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)
    together: int = 0
    """Frames that did not come alone."""


def request(body: bytes, headers: dict[str, str], path: str = "/v1/chat/completions") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", "content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items())]).encode() + b"\r\n\r\n" + body


def chat(content: object, *, stream: bool = False, model: str = "m") -> bytes:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": content}]}
    return json.dumps(body, separators=(",", ":")).encode()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=64 * MB)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ask(port: int, sent: bytes) -> float:
    """Milliseconds of one whole answer on a connection of its own."""
    async with connected(port) as (reader, writer):
        begun = time.perf_counter()
        writer.write(sent)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        return (time.perf_counter() - begun) * 1000


async def listen(port: int, headers: dict[str, str], found: Stream) -> None:
    """Read one paced stream to its end."""
    async with connected(port) as (reader, writer):
        writer.write(request(chat("Hello there.", stream=True), headers))
        await reader.readuntil(b"\r\n\r\n")
        held, sent, frames = b"", 0.0, 0
        while not held.endswith(b"0\r\n\r\n"):
            piece = await reader.read(65536)
            now = time.perf_counter()
            assert piece, "broken off"
            held += piece
            events = held.split(b"\n\n")
            held = events.pop()
            times = [float(event.partition(b'"sent": "')[2].split(b'"')[0]) for event in events if b'"sent"' in event]
            found.together += max(len(times) - 1, 0)
            found.frames += [(now - at) * 1000 for at in times]
            if times and not frames:
                found.first.append((now - times[0]) * 1000)
            frames += len(times)
            sent = times[-1] if times else sent
        assert frames == FRAMES + 1, "frames were lost"
        found.end.append((time.perf_counter() - sent) * 1000)


# --- what is measured


@dataclass
class Row:
    """A figure, and what it is held against."""

    number: str
    what: str
    figure: str
    bound: str


async def paced(direct: int, gateway: int, rounds: int) -> list[Row]:
    """R-40, R-41: the added delay of first frames, of all frames and of the end."""
    found = {name: Stream() for name in ("direct", "off", "on")}
    for _ in range(rounds):
        for name, port, headers in (("direct", direct, {}), ("off", gateway, OFF), ("on", gateway, ON)):
            async with asyncio.TaskGroup() as group:
                for number in range(STREAMS):
                    own = headers | ({"x-entity-id": f"e{number}"} if name == "on" else {})
                    group.create_task(listen(port, own, found[name]))
    rows = []
    for name, told in (("off", "memory off"), ("on", "recording")):
        for part, requirement, bound in (("first", "R-41", "< 5"), ("frames", "R-41", "< 5"), ("end", "R-40", "< 20")):
            before, after = _percentiles(getattr(found["direct"], part)), _percentiles(getattr(found[name], part))
            figure = " / ".join(f"{b - a:.2f}" for a, b in zip(before, after, strict=True))
            rows.append(
                Row(requirement, f"{part} of {STREAMS} paced streams, {told}: added p50 / p99, ms", figure, bound)
            )
        figure = f"{found[name].together - found['direct'].together} of {len(found[name].frames)}"
        rows.append(Row("R-41", f"frames that came together, more than direct, {told}", figure, "0"))
    return rows


async def at_once(gateway: int, pid: int, rounds: int) -> list[Row]:
    """R-69: processor time for each call, and the wall time of a batch."""
    rows = []
    for name, headers in (("memory off", OFF), ("recording", ON)):
        sent = request(chat("Hello there.", model="late"), headers)
        walls, spent = [], 0.0
        for number in range(rounds + 1):
            begun, before = time.perf_counter(), cpu_seconds(pid)
            await asyncio.gather(*(ask(gateway, sent) for _ in range(AT_ONCE)))
            if number:  # the first makes connections
                walls.append(time.perf_counter() - begun)
                spent += cpu_seconds(pid) - before
        cost, wall = spent / rounds / AT_ONCE * 1000, statistics.median(walls) / DELAY
        rows.append(Row("R-69", f"processor time of a call, {AT_ONCE} at once, {name}, ms", f"{cost:.2f}", "< 3"))
        rows.append(Row("R-69", f"batch of {AT_ONCE} calls over the ideal, {name}, times", f"{wall:.2f}", "< 3"))
    return rows


async def beside(gateway: int, rounds: int) -> list[Row]:
    """R-19, R-107: small chats and /healthz while bodies of 5 MB pass one after the other."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 5 * MB}}
    turns = [{"role": ("user", "assistant")[n % 2], "content": "word " * 2000} for n in range(501)]
    history = json.dumps({"model": "m", "messages": turns}).encode()
    bodies = {"an image": chat([{"type": "text", "text": "What is it?"}, image]), "500 messages": history}
    rows = []
    for name, body in bodies.items():
        small, lag, done = list[float](), list[float](), asyncio.Event()
        probe = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        async with asyncio.TaskGroup() as group:
            group.create_task(_repeat(gateway, request(chat("Hello there."), {"x-entity-id": "small"}), small, done))
            group.create_task(_repeat(gateway, probe, lag, done))
            for _ in range(rounds * 5):
                await ask(gateway, request(body, {"x-entity-id": "large"}))
            done.set()
        for number, what, found, bound in (("R-19", "a small chat", small, "< 50"), ("R-107", "/healthz", lag, "< 20")):
            p50, p99 = _percentiles(found)
            figure = f"{p50:.1f} / {p99:.1f} / {max(found):.1f}"
            rows.append(Row(number, f"{what} beside 5 MB of {name}: p50 / p99 / worst, ms", figure, bound))
    return rows


async def _repeat(port: int, sent: bytes, found: list[float], done: asyncio.Event) -> None:
    while not done.is_set():
        found.append(await ask(port, sent))
        await asyncio.sleep(0.002)


async def locked(gateway: int, store: Path) -> list[Row]:
    """R-97: whole chats before and while another connection holds the store; design 9 allows the end 250 ms."""
    sent = request(chat("Hello there."), {"x-entity-id": "locked"})
    before = [await ask(gateway, sent) for _ in range(50)]
    during = []
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        end = time.perf_counter() + LOCKED
        while time.perf_counter() < end:
            during.append(await ask(gateway, sent))
            await asyncio.sleep(0.05)
        connection.execute("ROLLBACK")
    added = statistics.median(during) - statistics.median(before), max(during) - statistics.median(before)
    figure = f"{added[0]:.1f} / {added[1]:.1f}"
    return [Row("R-97", f"a chat while the store is locked for {LOCKED:.0f} s: added p50 / worst, ms", figure, "< 250")]


def _percentiles(values: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(values, n=100)
    return cuts[49], cuts[98]


async def _measure(rounds: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        upstream, gateway, store = free_port(), free_port(), Path(folder) / "memory.db"
        command = [sys.executable, "-m", "benchmarks.wire", "--upstream", str(upstream)]
        stack.enter_context(running(command, upstream, cores[-1]))
        config = Path(folder) / "gateway.yaml"
        settings = {
            "listen": f"127.0.0.1:{gateway}",
            "store": f"sqlite:///{store}",
            "upstreams": [{"base_url": f"http://127.0.0.1:{upstream}/v1"}],
            "embedder": {"kind": "none"},
            "log": {"level": "warning"},
        }
        config.write_text(yaml.safe_dump(settings))
        command = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
        process = stack.enter_context(running(command, gateway, cores[0]))
        rows = await paced(upstream, gateway, rounds)
        rows += await at_once(gateway, process.pid, rounds)
        rows += await locked(gateway, store)
        rows += await beside(gateway, rounds)
    table = Table("requirement", "what", "measured", "bound", title="Bounds of the wire")
    for row in rows:
        table.add_row(row.number, row.what, row.figure, row.bound)
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the rounds")
    parser.add_argument("--upstream", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    uvloop.run(_upstream(given.upstream) if given.upstream else _measure(2 if given.quick else 10))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
