"""A turn that a client saw end is in the store, whenever the gateway is killed after that."""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.process import Gateway
from tests.upstream import Upstream, chat
from tests.waiting import until

WRITERS = 8
NAMES = ("Ada", "Bea", "Cleo", "Dora", "Emil", "Finn", "Greta", "Hugo")
TERMINAL = b'"finish_reason": "stop"'


@dataclass
class Writer:
    """One client that chats on and on, streaming every other time, and notes the turns that it saw end."""

    number: int
    ended: list[str] = field(default_factory=list)

    def chat_until_killed(self, gateway: Gateway, counter: itertools.count[int]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
        try:
            while True:
                self._turn(connection, next(counter))
        except (OSError, http.client.HTTPException):
            return
        finally:
            connection.close()

    def _turn(self, connection: http.client.HTTPConnection, count: int) -> None:
        text = f"My cat number {count} is called {NAMES[self.number]}."
        stream = count % 2 == 0
        body = json.dumps({"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]})
        headers = {
            "content-type": "application/json",
            "x-entity-id": f"entity-{count % 5}",
            "x-session-id": f"session-{count}",
        }
        connection.request("POST", "/v1/chat/completions", body, headers)
        response = connection.getresponse()
        if stream:
            seen = b""
            while TERMINAL not in seen:  # the answer has ended for a client that stops at the finish_reason
                piece = response.read1(4096)
                if not piece:
                    raise http.client.IncompleteRead(seen)
                seen += piece
            self.ended.append(text)
            response.read()
        elif response.read() and response.getheader("x-memory-recorded") == "true":
            self.ended.append(text)


def kill_at_a_random_moment(gateway: Gateway, counter: itertools.count[int], moment: float) -> list[str]:
    """Load the gateway, kill it `moment` seconds after a first turn ended, start it; the turns that clients saw end."""
    writers = [Writer(number) for number in range(WRITERS)]
    threads = [threading.Thread(target=writer.chat_until_killed, args=(gateway, counter)) for writer in writers]
    for thread in threads:
        thread.start()
    until(lambda: any(writer.ended for writer in writers))
    time.sleep(moment)
    gateway.kill()
    for thread in threads:
        thread.join()
    gateway.start()
    return [text for writer in writers for text in writer.ended]


def assert_kills_lose_nothing(start: Callable[..., Gateway], upstream: Upstream, kills: int) -> None:
    upstream.script = chat("Noted.", delay=0.002)
    gateway = start(log={"level": "warning"})
    counter = itertools.count()
    moments = random.Random(7)
    ended: list[str] = []
    for _ in range(kills):
        ended += kill_at_a_random_moment(gateway, counter, moments.uniform(0, 0.4))
        upstream.received.clear()
        assert gateway.rows("PRAGMA integrity_check") == [("ok",)]
    stored = {row[0] for row in gateway.rows("SELECT text FROM messages WHERE role = 'user'")}
    learnt = {row[0] for row in gateway.rows("SELECT text FROM memories")}
    late = gateway.log.read_text().count("an answer ended before its turn was durable")
    missing = [text for text in ended if text not in stored or text not in learnt]
    print(f"\n{kills} kills, {len(ended)} turns seen to end, {late} of them late, {len(missing)} missing")
    assert len(ended) >= kills
    assert len(missing) <= late


@pytest.mark.requirement("R-102")
@pytest.mark.timeout(600)
def test_twenty_kills_lose_no_turn(start: Callable[..., Gateway], upstream: Upstream) -> None:
    assert_kills_lose_nothing(start, upstream, 20)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_two_hundred_kills_lose_no_turn(start: Callable[..., Gateway], upstream: Upstream) -> None:
    assert_kills_lose_nothing(start, upstream, 200)
