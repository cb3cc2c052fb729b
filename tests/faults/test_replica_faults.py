"""Replicas, their database and the way to it fail under load: chats go on, what was acknowledged is kept, it heals."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import pathlib
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.faults.test_store_faults import DEADLINE, directly, metric, ready, timed
from tests.postgres import Server, command, named
from tests.process import Gateway
from tests.replicas import Replicas, replicas
from tests.tunnel import Tunnel
from tests.upstream import Upstream, chat
from tests.waiting import until

HEALED = 5.0
SLACK = 5.0
"""Seconds: what is promised, and what a loaded machine may add."""
CONNECTIONS = 40
"""That the server has."""
RECALL = {"recall": {"deadline": DEADLINE}}
_GATEWAYS = "FROM pg_stat_activity WHERE application_name = 'memory-gateway'"


@pytest.fixture(scope="module")
def machine() -> Iterator[Server]:
    """A server of the module's own, which its tests ill-treat."""
    try:
        server = Server()
    except ImportError as error:
        if os.environ.get("CI"):
            pytest.fail(f"no PostgreSQL to test with: {error}")
        pytest.skip(f"no PostgreSQL to test with: {error}")
    with contextlib.closing(server):
        command(server.url, f"ALTER SYSTEM SET max_connections = {CONNECTIONS}")
        server.restart()
        yield server


@pytest.fixture
def place(machine: Server) -> str:
    """The URL of an empty database."""
    name = f"faults_{time.monotonic_ns()}"
    command(machine.url, f"CREATE DATABASE {name}")
    return named(machine.url, name)


# --- kills and crashes ------------------------------------------------------------------------------------------


@dataclass
class Load:
    """Clients that chat on and on with all replicas, and note what they were told was recorded."""

    replicas: Replicas
    acknowledged: list[str] = field(default_factory=list)
    answers: int = 0
    wrong: list[object] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _count: Iterator[int] = field(default_factory=itertools.count)

    def run(self) -> None:
        while not self._stop.is_set():
            number = next(self._count)
            text, stream = f"My cat number {number} is called Tom{number}.", number % 3 == 0
            with contextlib.suppress(OSError, HTTPException):  # the replica was killed, and the client tries again
                answer = self.replicas.next().chat(text, f"user-{number % 8}", stream=stream, session=f"s{number % 16}")
                self.answers += 1
                whole = b"[DONE]" in answer.body if stream else answer.body.endswith(b"}")
                if answer.status != 200 or not whole or b"Noted" not in answer.body:
                    self.wrong.append((answer.status, answer.body))
                if answer.header("x-memory-recorded") == "true":
                    self.acknowledged.append(text)

    @contextlib.contextmanager
    def running(self, clients: int) -> Iterator[None]:
        threads = [threading.Thread(target=self.run) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()


def healed(gateways: list[Gateway]) -> float:
    """Seconds until all of them record at once again."""
    begun = time.monotonic()
    for gateway in gateways:
        until(lambda g=gateway: g.chat("Hello.", "probe").header("x-memory-recorded") == "true", 60)  # type: ignore[misc]
    return time.monotonic() - begun


def kill_a_backend(url: str, order: random.Random) -> None:
    """kill -9: the server ends all others, and recovers."""
    found = Replicas([], url).rows(f"SELECT pid {_GATEWAYS} AND datname = current_database() ORDER BY pid")
    with contextlib.suppress(ProcessLookupError, IndexError):
        os.kill(order.choice(found)[0], signal.SIGKILL)


def assert_nothing_is_lost(machine: Server, place: str, folder: pathlib.Path, upstream: Upstream, rounds: int) -> None:
    order, healing = random.Random(3), list[float]()
    upstream.script = chat("Noted.", delay=0.01)
    with replicas(folder, upstream.url, place, 3, memory=RECALL, log={"level": "error"}) as three:
        load = Load(three)

        def kill_a_replica() -> None:
            victim = order.choice(three.gateways)
            victim.kill()
            victim.start()

        faults: list[Callable[[], object]] = [
            kill_a_replica,
            lambda: kill_a_backend(place, order),
            lambda: machine.restart("immediate"),
            lambda: kill_a_backend(place, order),
            lambda: machine.restart("immediate"),
        ]
        begun = time.monotonic()
        with load.running(4):
            for number in range(rounds):
                time.sleep(order.uniform(0.1, 0.5))
                faults[number % len(faults)]()
                healing.append(healed(three.gateways))
        print(
            f"\n{rounds} rounds in {time.monotonic() - begun:.0f} s, {load.answers} answers, "
            f"{len(load.acknowledged)} recorded at once, healed after {max(healing):.1f} s at most"
        )
        for gateway in three.gateways:
            until(lambda g=gateway: metric(g, "memory_gateway_waiting_turns") == 0, 30)  # type: ignore[misc]
            assert metric(gateway, 'memory_gateway_turns_total{outcome="dropped"}') == 0
        messages = three.rows(
            "SELECT text, count(*) FROM messages WHERE role = 'user' AND entity <> 'probe' GROUP BY 1"
        )
        known = {text for (text,) in three.rows("SELECT text FROM memories")}
    assert load.wrong == []
    stored = {str(text): count for text, count in messages}
    assert [text for text in load.acknowledged if text not in stored or text not in known] == []
    assert {text: count for text, count in stored.items() if count > 1} == {}
    assert len(load.acknowledged) > 5 * rounds
    assert sorted(healing)[-1 - rounds // 20] < HEALED + SLACK  # the slowest may be a neighbour's doing


@pytest.mark.timeout(300)
def test_twenty_kills_and_crashes_lose_nothing(
    machine: Server, place: str, tmp_path: pathlib.Path, upstream: Upstream
) -> None:
    assert_nothing_is_lost(machine, place, tmp_path, upstream, 20)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_hundred_kills_and_crashes_lose_nothing(
    machine: Server, place: str, tmp_path: pathlib.Path, upstream: Upstream
) -> None:
    assert_nothing_is_lost(machine, place, tmp_path, upstream, 100)


# --- a server that does not answer ------------------------------------------------------------------------------


def tunnel_to(place: str) -> Tunnel:
    return Tunnel(parse_qs(urlsplit(place).query)["host"][0] + "/.s.PGSQL.5432")


@contextlib.contextmanager
def changed(tunnel: Tunnel, state: Any) -> Iterator[None]:
    tunnel.state = state
    try:
        yield
    finally:
        tunnel.state = "open"


@contextlib.contextmanager
def paused(machine: Server) -> Iterator[None]:
    machine.pause()
    try:
        yield
    finally:
        machine.resume()


@contextlib.contextmanager
def without_connections(machine: Server) -> Iterator[None]:
    """Somebody else holds all connections that the server has."""
    import asyncpg

    taken, stop = threading.Event(), threading.Event()

    async def hold() -> None:
        held = [await asyncpg.connect(machine.url)]
        await held[0].execute(f"SELECT pg_terminate_backend(pid) {_GATEWAYS}")
        refused = 0
        while refused < 20:
            try:
                held.append(await asyncpg.connect(machine.url))
            except asyncpg.TooManyConnectionsError:
                await held[0].execute(f"SELECT pg_terminate_backend(pid) {_GATEWAYS}")
                refused += 1
                await asyncio.sleep(0.02)
        taken.set()
        while not stop.is_set():
            await asyncio.sleep(0.05)
        for connection in held:
            await connection.close()

    holder = threading.Thread(target=asyncio.run, args=(hold(),))
    holder.start()
    try:
        assert taken.wait(30)
        yield
    finally:
        stop.set()
        holder.join()


FAULTS: dict[str, Callable[[Server, Tunnel], contextlib.AbstractContextManager[None]]] = {
    "paused": lambda machine, _: paused(machine),
    "out of connections": lambda machine, _: without_connections(machine),
    "cut off": lambda _, tunnel: changed(tunnel, "cut"),
    "silent": lambda _, tunnel: changed(tunnel, "blocked"),
}


def said_meanwhile(gateway: Gateway, upstream: Upstream, number: int) -> tuple[str, str]:
    """A chat that equals a direct one, in time: what was said, and its memory status."""
    text, stream = f"Said meanwhile, number {number}.", bool(number % 2)
    answer, seconds = timed(gateway, text, stream=stream)
    direct = directly(upstream, stream=stream)
    assert (answer.status, answer.body) == (direct.status, direct.body)
    assert seconds < 2 * DEADLINE + SLACK
    return text, answer.header("x-memory-status") or ""


@pytest.mark.timeout(240)
def test_chats_go_on_and_memory_heals(
    start: Callable[..., Gateway], upstream: Upstream, machine: Server, place: str
) -> None:
    """One gateway bears all of them, one after the other."""
    upstream.script = chat("An answer of some words.")
    tunnel = tunnel_to(place)
    with contextlib.closing(tunnel):
        gateway = start(memory=RECALL, store=f"postgresql://postgres:@127.0.0.1:{tunnel.port}{urlsplit(place).path}")
        said = ["Said before."]
        assert gateway.chat(said[0], entity="alice").header("x-memory-recorded") == "true"
        for name, fault in FAULTS.items():
            with fault(machine, tunnel):
                begun = time.monotonic()
                statuses = list[str]()
                while time.monotonic() - begun < 2 or len(statuses) < 6:
                    text, status = said_meanwhile(gateway, upstream, len(said))
                    said.append(text)
                    statuses.append(status)
                assert statuses[-1].startswith("degraded"), name
                until(lambda: ready(gateway) == "degraded")
            assert healed([gateway]) < HEALED + SLACK, name
            until(lambda: metric(gateway, "memory_gateway_waiting_turns") == 0)
        found = Replicas([], place).rows("SELECT text FROM messages WHERE role = 'user' AND entity = 'alice'")
        assert sorted(str(text) for (text,) in found) == sorted(said)
        assert metric(gateway, 'memory_gateway_turns_total{outcome="dropped"}') == 0
        gateway.stop()


def test_a_gateway_starts_without_its_database_and_finds_it_later(
    start: Callable[..., Gateway], upstream: Upstream, machine: Server, place: str
) -> None:
    tunnel = tunnel_to(place)
    tunnel.state = "cut"
    with contextlib.closing(tunnel):
        gateway = start(memory=RECALL, store=f"postgresql://postgres:@127.0.0.1:{tunnel.port}{urlsplit(place).path}")
        assert ready(gateway) == "degraded"
        said = [said_meanwhile(gateway, upstream, number)[0] for number in range(4)]
        tunnel.state = "open"
        assert healed([gateway]) < HEALED + SLACK
        until(lambda: metric(gateway, "memory_gateway_waiting_turns") == 0)
        found = Replicas([], place).rows("SELECT text FROM messages WHERE role = 'user' AND entity = 'alice'")
        assert sorted(str(text) for (text,) in found) == sorted(said)
        gateway.stop()
