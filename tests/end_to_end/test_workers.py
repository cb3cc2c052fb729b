"""`serve --workers`: several processes behind one address, on one PostgreSQL database."""

from __future__ import annotations

import os
import pathlib
import signal
import threading
from collections.abc import Iterator
from http.client import HTTPException

import pytest

from tests.process import Answer, Gateway
from tests.upstream import Received, Step, Upstream, chat
from tests.waiting import until

COUNT = 3


class Several(Gateway):
    """A gateway of several workers."""

    arguments = ("--workers", str(COUNT))

    def workers(self) -> set[int]:
        """Process ids of those that live."""
        assert self.process is not None
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(child) for child in children if b"spawn_main" in _command(int(child))}


def _command(process: int) -> bytes:
    try:
        return pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def several(tmp_path: pathlib.Path, upstream: Upstream, database: str) -> Iterator[Several]:
    gateway = Several(tmp_path, upstream.url, store=database)
    with gateway:
        until(lambda: len(gateway.workers()) == COUNT)
        yield gateway


def total(gateway: Gateway, name: str) -> float:
    lines = gateway.get("/metrics").body.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_workers_share_memory_are_counted_together_and_replaced(several: Several) -> None:
    before = total(several, "memory_gateway_requests_total")
    for number in range(20):
        several.chat(f"My lucky number was {number}.", entity=f"user-{number}")
        told = several.chat("What was my lucky number?", entity=f"user-{number}")
        assert told.header("x-memory-recalled") == "1"
    until(lambda: total(several, "memory_gateway_requests_total") == before + 40)
    victim = min(several.workers())
    os.kill(victim, signal.SIGKILL)
    for number in range(20):
        while True:  # who has just connected to the one that dies is cut off, as with any server
            try:
                assert several.chat("What was my lucky number?", entity=f"user-{number}").status == 200
                break
            except (OSError, HTTPException):
                continue
    until(lambda: len(several.workers()) == COUNT and victim not in several.workers())
    until(lambda: total(several, "memory_gateway_requests_total") >= before + 60)


def test_a_signal_drains_all_workers(several: Several, upstream: Upstream) -> None:
    signalled = threading.Event()

    def script(request: Received) -> Iterator[Step]:
        while not signalled.is_set():
            yield 0.01
        yield from chat("A long answer of many words.", delay=0.1)(request)

    upstream.script = script
    answers = list[Answer]()
    clients = [
        threading.Thread(target=lambda n=n: answers.append(several.chat("Hello.", entity=f"user-{n}", stream=True)))
        for n in range(6)
    ]
    for client in clients:
        client.start()
    until(lambda: total(several, "memory_gateway_active_requests") == 6)
    workers = several.workers()
    assert several.process is not None
    several.process.terminate()
    signalled.set()
    assert several.process.wait(60) == 0
    for client in clients:
        client.join()
    assert [answer.status for answer in answers] == [200] * 6
    assert all(b"[DONE]" in answer.body for answer in answers)
    assert not any(_command(worker) for worker in workers)


def test_workers_end_with_what_began_them(several: Several) -> None:
    workers = several.workers()
    assert len(workers) == COUNT
    several.kill()
    until(lambda: not any(_command(worker) for worker in workers))
