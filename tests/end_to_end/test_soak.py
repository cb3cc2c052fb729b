"""Many requests under a small pool, one in five given up at any moment: nothing stays behind."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from tests.connection import Broken, Connection
from tests.doors import DOORS, EveryDoor, texts
from tests.process import Gateway
from tests.upstream import Received, Script, Step, Upstream
from tests.waiting import until

POOL = 10
CLIENTS = 30
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
MOMENTS = ("in the request", "before the answer", "after the head", "within the body", "at the end")
"""When a client leaves."""
TASKS = """
import asyncio, os, signal
signal.signal(signal.SIGUSR1, lambda *_: open(os.environ["TASKS"], "w").write(f"{len(asyncio.all_tasks())}\\n"))
"""
"""Runs at the gateway's start: a signal makes it tell how many tasks it has."""


ECHO = EveryDoor(said=lambda asked: texts(asked)[-1])


def busy(choice: random.Random) -> Script:
    """Answers with the number that it was asked with, after a while and with pauses."""

    def script(request: Received) -> Iterator[Step]:
        yield choice.random() * 0.004
        for step in ECHO(request):
            yield step
            yield choice.random() * 0.001

    return script


@dataclass
class Held:
    """A script that keeps requests until it has POOL of them, and half a second more; the most that it had at once."""

    now: int = 0
    most: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Received) -> Iterator[Step]:
        self._count(1)
        end = time.monotonic() + 15
        while self.most < POOL and time.monotonic() < end:
            yield 0.01
        yield 0.5
        self._count(-1)
        yield from ECHO(request)

    def _count(self, change: int) -> None:
        with self._lock:
            self.now += change
            self.most = max(self.most, self.now)


@dataclass
class Client:
    """Sends requests until there are no more numbers, and gives up one in five."""

    port: int
    numbers: Iterator[int]
    choice: random.Random
    left: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MOMENTS, 0))
    wrong: list[str] = field(default_factory=list)

    def run(self, gives_up: float = 0.2) -> None:
        for number in self.numbers:
            moment = self.choice.choice(MOMENTS) if self.choice.random() < gives_up else None
            with Connection(self.port) as connection:
                try:
                    self.ask(connection, number, moment)
                except (Broken, OSError) as error:
                    self.wrong.append(f"{number}, {moment}: {error!r}")
                if moment:
                    self.left[moment] += 1
                    if self.choice.random() < 0.5:
                        connection.reset()

    def ask(self, connection: Connection, number: int, moment: str | None) -> None:
        door, streams = DOORS[number % 3], number % 2 == 0
        given = [{"role": "user", "content": f"number {number:06d} of many"}]
        body = {"model": "m", "input" if door == "responses" else "messages": given, "stream": streams, "max_tokens": 9}
        data = json.dumps(body).encode()
        lines = [[], [f"X-Entity-Id: e{number % 20}"], [f"X-Entity-Id: e{number % 20}", "X-Memory: off"]][
            number % 7 % 3
        ]
        if moment == "in the request":
            head = [f"POST {PATHS[door]} HTTP/1.1", "Host: g", f"Content-Length: {len(data)}", *lines, "", ""]
            sent = "\r\n".join(head).encode() + data
            connection.send(sent[: self.choice.randrange(1, len(sent))])
            time.sleep(self.choice.random() * 0.01)
            return
        connection.request("POST", PATHS[door], data, *lines)
        if moment == "before the answer":
            time.sleep(self.choice.random() * 0.02)
            return
        status, headers = connection.head()
        if moment == "after the head":
            return
        got = b""
        stop = self.choice.randrange(1, 6) if moment == "within the body" else 1000
        for piece in itertools.islice(connection.pieces(headers), stop):
            got += piece
            if moment == "at the end" and (b"number" in got or (streams and len(got) > 300)):
                return
        if moment is None and (status != 200 or b"%06d" % number not in got):
            self.wrong.append(f"{number}: {status} {got[-200:]!r}")


def tasks(gateway: Gateway, told: pathlib.Path) -> int:
    assert gateway.process is not None
    told.unlink(missing_ok=True)
    gateway.process.send_signal(signal.SIGUSR1)
    until(lambda: told.exists() and told.read_text().endswith("\n"))
    return int(told.read_text())


def descriptors(gateway: Gateway, port: int) -> tuple[int, int]:
    """Open files and sockets of the gateway: its connections to a port of this machine, and all others."""
    assert gateway.process is not None
    held = set()
    for descriptor in pathlib.Path(f"/proc/{gateway.process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            held.add((descriptor.name, str(descriptor.readlink())))
    rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[2].endswith(f":{port:04X}")}
    kept = sum(target in sockets for _, target in held)
    return kept, len(held) - kept


def resident(gateway: Gateway) -> int:
    """Bytes of memory that it holds."""
    assert gateway.process is not None
    pages = pathlib.Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def at_once(count: int, does: Callable[[int], object]) -> None:
    """Run it in so many threads, each with its number, to their end."""
    threads = [threading.Thread(target=does, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)


@dataclass(frozen=True)
class State:
    """What a gateway holds."""

    tasks: int
    upstream: int
    """Connections to its upstream."""
    others: int
    """All other open files and sockets."""
    memory: int
    """Bytes."""


@dataclass
class Soak:
    """A gateway with a pool of POOL connections to its upstream."""

    gateway: Gateway
    upstream: Upstream
    told: pathlib.Path
    crowd: list[int] = field(default_factory=list)
    """Connections to the upstream, looked at now and then."""

    def run(self, count: int, seed: int) -> list[Client]:
        """So many requests; the clients that sent them."""
        numbers = iter(range(count))
        lock = threading.Lock()

        def each() -> Iterator[int]:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                if number % 50 == 0:
                    self.crowd.append(self.connections())
                    self.upstream.received.clear()
                yield number

        clients = [Client(self.gateway.port, each(), random.Random(seed + number)) for number in range(CLIENTS)]
        at_once(CLIENTS, lambda number: clients[number].run())
        return clients

    def connections(self) -> int:
        """To the upstream; one that is just being closed is gone at the second look."""
        first = descriptors(self.gateway, self.upstream.port)[0]
        time.sleep(0.02)
        return min(first, descriptors(self.gateway, self.upstream.port)[0])

    def full(self) -> int:
        """How many of twice as many requests as the pool has places reach the upstream at once."""
        self.upstream.script = held = Held()
        clients = [Client(self.gateway.port, iter((number,)), random.Random(number)) for number in range(2 * POOL)]
        at_once(len(clients), lambda number: clients[number].run(gives_up=0))
        assert wrong(clients) == []
        return held.most

    def state(self) -> State:
        kept, others = descriptors(self.gateway, self.upstream.port)
        return State(tasks(self.gateway, self.told), kept, others, resident(self.gateway))

    def idle(self) -> bool:
        return b"memory_gateway_active_requests 0.0\n" in self.gateway.get("/metrics").body


def wrong(clients: list[Client]) -> list[str]:
    return [what for client in clients for what in client.wrong]


@pytest.mark.requirement("R-68", "R-108")
@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_nothing_stays_behind(tmp_path: pathlib.Path, count: int) -> None:
    (tmp_path / "sitecustomize.py").write_text(TASKS)
    environ = {"PYTHONPATH": str(tmp_path), "TASKS": str(tmp_path / "tasks")}
    with Upstream() as upstream:
        common = {"base_url": upstream.url, "max_connections": POOL, "timeouts": {"connect": 60}}
        upstreams = [{"name": "scripted", **common}]
        with Gateway(tmp_path, upstream.url, environ, upstreams=upstreams) as gateway:
            soak = Soak(gateway, upstream, tmp_path / "tasks")
            assert soak.full() == POOL
            upstream.script = busy(random.Random(11))
            soak.run(200, seed=1)
            until(soak.idle)
            before = soak.state()
            clients = soak.run(count, seed=1000)
            assert wrong(clients) == []
            left = {moment: sum(client.left[moment] for client in clients) for moment in MOMENTS}
            assert all(left.values())
            assert count * 0.15 < sum(left.values()) < count * 0.25
            until(soak.idle)
            until(lambda: soak.state().others <= before.others)
            until(lambda: soak.state().tasks <= before.tasks)
            after = soak.state()
            assert after.memory - before.memory < 48 * 1024 * 1024, (after, before)
            assert max(soak.crowd) <= POOL
            assert soak.full() == POOL, "places of the pool were lost"
