"""Whatever happens to the store, a chat is what it would be without the gateway, and recording resumes by itself."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import resource
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.process import Answer, Gateway
from tests.upstream import Upstream, chat
from tests.waiting import until

DEADLINE = 0.25
COMMIT_WAIT = 0.25
SLOW = "degraded; reason=deadline"
"""Of a chat that had to go on before the store could say that it is broken."""
SLACK = 4.0
"""Seconds: what a loaded machine may add to an answer; the faults themselves last as long as the test wants."""


@pytest.fixture
def gateway(start: Callable[..., Gateway], upstream: Upstream) -> Gateway:
    upstream.script = chat("An answer of some words.")
    return start(memory={"recall": {"deadline": DEADLINE}})


def directly(upstream: Upstream, *, stream: bool) -> Answer:
    """The same chat sent to the upstream without a gateway."""
    direct = object.__new__(Gateway)
    direct.port = upstream.port
    return direct.chat("Hello.", stream=stream)


def timed(gateway: Gateway, text: str, **options: object) -> tuple[Answer, float]:
    begun = time.monotonic()
    answer = gateway.chat(text, entity="alice", **options)  # type: ignore[arg-type]
    return answer, time.monotonic() - begun


def metric(gateway: Gateway, name: str) -> float:
    lines = gateway.get("/metrics").body.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name) and not line.startswith("#"))


def ready(gateway: Gateway) -> str:
    return str(gateway.get("/readyz").json["store"])


def texts(gateway: Gateway) -> list[str]:
    return [row[0] for row in gateway.rows("SELECT text FROM messages WHERE role = 'user' ORDER BY key")]


def begin(gateway: Gateway, *said: str) -> list[str]:
    """Say this while all is well; once it is stored, it is given back."""
    for text in said:
        gateway.chat(text, entity="alice")
    until(lambda: sorted(texts(gateway)) == sorted(said))
    return list(said)


def assert_chats_go_on(gateway: Gateway, upstream: Upstream, said: list[str], status: str, count: int = 4) -> None:
    """Streamed and whole chats equal direct ones, in time; what is said is added to `said`."""
    for number in range(count):
        if number == 1:  # the first may be the one that finds out
            until(lambda: metric(gateway, "memory_gateway_waiting_turns") > 0)
        stream = bool(number % 2)
        said.append(f"Said while it was broken, number {number}.")
        answer, seconds = timed(gateway, said[-1], stream=stream)
        direct = directly(upstream, stream=stream)
        assert (answer.status, answer.body) == (direct.status, direct.body)
        assert seconds < DEADLINE + COMMIT_WAIT + SLACK
        if not stream:
            assert answer.header("x-memory-recorded") == "false"
        if number and answer.header("x-memory-status") != SLOW:
            assert answer.header("x-memory-status") == status


def recorded_at_once(gateway: Gateway, said: list[str]) -> bool:
    """Say something; whether it was stored when the answer ended, and memory was whole."""
    said.append(f"I said this after it was mended, at {time.monotonic()}.")
    answer = gateway.chat(said[-1], entity="alice")
    whole = not (answer.header("x-memory-status") or "").startswith("degraded")
    return whole and answer.header("x-memory-recorded") == "true"


def assert_recording_resumes(gateway: Gateway, said: list[str]) -> None:
    until(lambda: ready(gateway) == "ok")
    until(lambda: metric(gateway, "memory_gateway_waiting_turns") == 0)
    until(lambda: recorded_at_once(gateway, said))
    until(lambda: sorted(texts(gateway)) == sorted(said))
    assert metric(gateway, 'memory_gateway_turns_total{outcome="waiting"}') > 0
    assert metric(gateway, "memory_gateway_degraded_total") > 0
    assert metric(gateway, 'memory_gateway_turns_total{outcome="dropped"}') == 0


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
connection.execute("ROLLBACK")
"""


@contextlib.contextmanager
def locked(path: pathlib.Path) -> Iterator[None]:
    """Another process holds the database's write lock."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        yield
    finally:
        holder.stdin.close()
        holder.wait(60)
        holder.stdout.close()


@pytest.mark.requirement("R-97", "R-104", "R-106")
def test_a_locked_store_holds_up_no_chat(gateway: Gateway, upstream: Upstream) -> None:
    said = begin(gateway, "I said this before.")
    with locked(gateway.store):
        begun = time.monotonic()
        while time.monotonic() - begun < 3:
            assert_chats_go_on(gateway, upstream, said, "degraded; reason=store")
        assert ready(gateway) == "degraded"
    assert_recording_resumes(gateway, said)


@pytest.mark.requirement("R-97", "R-104")
def test_many_chats_at_once_are_not_held_up_by_a_locked_store(gateway: Gateway) -> None:
    begin(gateway, "Hello.")
    slowest: list[float] = []

    def client(number: int) -> None:
        for turn in range(5):
            answer, seconds = timed(gateway, f"Client {number}, turn {turn}.", process=f"p{number}")
            assert answer.status == 200
            slowest.append(seconds)

    with locked(gateway.store):
        clients = [threading.Thread(target=client, args=(number,)) for number in range(16)]
        for thread in clients:
            thread.start()
        for thread in clients:
            thread.join()
    assert len(slowest) == 80
    assert max(slowest) < DEADLINE + COMMIT_WAIT + 2 * SLACK
    until(lambda: len(texts(gateway)) == 81)


@contextlib.contextmanager
def no_room(gateway: Gateway) -> Iterator[None]:
    """No file of the gateway may grow, as on a full disk."""
    assert gateway.process is not None
    pid = gateway.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.requirement("R-104")
def test_a_file_that_cannot_grow_holds_up_no_chat(gateway: Gateway, upstream: Upstream) -> None:
    said = begin(gateway, "I said this before.")
    with no_room(gateway):
        assert_chats_go_on(gateway, upstream, said, "degraded; reason=store", count=8)
        assert ready(gateway) == "degraded"
    assert_recording_resumes(gateway, said)


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.requirement("R-104")
def test_a_full_disk_holds_up_no_chat(
    start: Callable[..., Gateway], upstream: Upstream, small_disk: pathlib.Path
) -> None:
    gateway = start(memory={"recall": {"deadline": DEADLINE}}, store=f"sqlite:///{small_disk}/memory.db")
    gateway.store = small_disk / "memory.db"
    said = begin(gateway, "I said this before.")
    ballast = small_disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)
    for _ in range(8):
        assert_chats_go_on(gateway, upstream, said, "degraded; reason=store", count=1)
    assert_chats_go_on(gateway, upstream, said, "degraded; reason=store")
    ballast.unlink()
    until(lambda: ready(gateway) == "ok")
    until(lambda: metric(gateway, "memory_gateway_waiting_turns") == 0)
    until(lambda: recorded_at_once(gateway, said))
    assert set(texts(gateway)) == set(said)


READ_LOCKS = (120, 8)
"""First byte and number of the locks in the -shm file: writer, checkpoint, recovery, readers (sqlite.org/walformat)."""


@contextlib.contextmanager
def stalled(path: pathlib.Path) -> Iterator[None]:
    """Another process holds every lock of the database: whoever reads or writes waits inside SQLite, for seconds."""
    shm = path.with_name(path.name + "-shm")
    begin, count = READ_LOCKS
    with shm.open("r+b") as file:
        lock = struct.pack("hhqqhh", fcntl.F_WRLCK, os.SEEK_SET, begin, count, 0, 0)
        fcntl.fcntl(file, fcntl.F_SETLKW, lock)
        yield


@pytest.mark.requirement("R-104")
def test_a_stalled_recall_holds_up_no_chat(gateway: Gateway, upstream: Upstream) -> None:
    said = begin(gateway, "I said this before.")
    with stalled(gateway.store):
        for number in range(4):
            stream = bool(number % 2)
            said.append(f"Said while it was stalled, number {number}.")
            answer, seconds = timed(gateway, said[-1], stream=stream)
            direct = directly(upstream, stream=stream)
            assert (answer.status, answer.body) == (direct.status, direct.body)
            assert answer.header("x-memory-status") == SLOW
            assert seconds < DEADLINE + COMMIT_WAIT + SLACK
    assert metric(gateway, 'memory_gateway_degraded_total{reason="deadline"}') == 4
    until(lambda: sorted(texts(gateway)) == sorted(said))
    until(lambda: ready(gateway) == "ok")
    until(lambda: recorded_at_once(gateway, said))


def test_a_session_goes_on_though_a_turn_of_it_could_not_be_looked_up(gateway: Gateway, upstream: Upstream) -> None:
    gateway.chat("I plan a trip to Tokyo.", entity="alice", session="s")
    until(lambda: len(texts(gateway)) == 1)
    with stalled(gateway.store):
        gateway.chat("With my sister.", entity="alice", session="s")
    until(lambda: len(texts(gateway)) == 2)
    gateway.chat("What was I planning?", entity="alice", session="s")
    said = [message["content"] for message in upstream.last.json["messages"]]
    assert said[0] == "I plan a trip to Tokyo."
    assert said[2] == "With my sister."
    assert len(said) == 5


def load(gateway: Gateway, stop: threading.Event, answers: list[tuple[int, float]]) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        answer, seconds = timed(gateway, f"I own {number} cats.", stream=bool(number % 2), process="load")
        answers.append((answer.status, seconds))


@contextlib.contextmanager
def loaded(gateway: Gateway) -> Iterator[list[tuple[int, float]]]:
    """Four clients chat meanwhile; every answer has to be one."""
    stop, answers = threading.Event(), list[tuple[int, float]]()
    clients = [threading.Thread(target=load, args=(gateway, stop, answers)) for _ in range(4)]
    for client in clients:
        client.start()
    try:
        yield answers
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert {status for status, _ in answers} == {200}
    assert max(seconds for _, seconds in answers) < DEADLINE + COMMIT_WAIT + 2 * SLACK


def empty(path: pathlib.Path) -> None:
    os.truncate(path, 0)


def halve(path: pathlib.Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def scribble(path: pathlib.Path) -> None:
    with path.open("r+b") as file:
        for place in range(0, path.stat().st_size, 512):
            file.seek(place)
            file.write(os.urandom(256))


@pytest.mark.requirement("R-104")
@pytest.mark.timeout(400)
@pytest.mark.parametrize("harm", [empty, halve, scribble])
@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_a_file_broken_under_load_holds_up_no_chat(
    gateway: Gateway, upstream: Upstream, harm: Callable[[pathlib.Path], None], suffix: str
) -> None:
    with loaded(gateway) as answers:
        until(lambda: len(answers) > 40)
        harm(gateway.store.with_name(gateway.store.name + suffix))
        seen = len(answers)
        until(lambda: len(answers) > seen + 100, 200)
    for stream in (False, True):
        answer, direct = gateway.chat("Hello.", entity="bob", stream=stream), directly(upstream, stream=stream)
        assert (answer.status, answer.body) == (direct.status, direct.body)
    assert gateway.get("/healthz").status == 200


def test_a_file_that_was_moved_away_is_missed_and_used_again_when_it_is_back(
    gateway: Gateway, upstream: Upstream
) -> None:
    said = begin(gateway, "I said this before.")
    away = gateway.store.with_name("away.db")
    gateway.store.rename(away)
    assert_chats_go_on(gateway, upstream, said, "degraded; reason=store")
    assert ready(gateway) == "degraded"
    away.rename(gateway.store)
    assert_recording_resumes(gateway, said)


def test_a_mended_file_is_used_again(gateway: Gateway, upstream: Upstream) -> None:
    said = begin(gateway, *(f"I said this before, number {number}." for number in range(20)))
    with contextlib.closing(sqlite3.connect(gateway.store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = gateway.store.read_bytes()
    scribble(gateway.store)
    assert_chats_go_on(gateway, upstream, said, "degraded; reason=store")
    gateway.store.write_bytes(whole)
    assert_recording_resumes(gateway, said)
