"""Four replicas on one database, asked in turn: each knows at once what the others were told."""

from __future__ import annotations

import itertools
import pathlib
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.extractor import answering, settings
from tests.faults.test_store_faults import metric
from tests.postgres import fresh
from tests.process import Answer, Gateway
from tests.replicas import Replicas, replicas
from tests.upstream import Received, Upstream, chat
from tests.waiting import until

COUNT, CLIENTS = 4, 4
CITIES = (
    "Porto Lisbon Madrid Paris London Berlin Vienna Prague Warsaw Rome Milan Turin Naples Athens Sofia Belgrade Zagreb"
    " Budapest Oslo Stockholm Helsinki Copenhagen Dublin Edinburgh Glasgow Cardiff Bristol Leeds York Geneva Zurich"
    " Basel Lyon Nice Marseille Bordeaux Toulouse Seville Valencia Bilbao Granada Cairo Tunis Rabat Nairobi Lagos"
    " Accra Dakar Lima Quito"
).split()


@pytest.fixture(scope="module")
def scripted() -> Iterator[Upstream]:
    with Upstream() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def begun(
    tmp_path_factory: pytest.TempPathFactory, scripted: Upstream, postgres: str, migrated: str
) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("replicas")
    with fresh(postgres, migrated) as url, replicas(folder, scripted.url, url, COUNT) as begun:
        yield begun


@pytest.fixture
def four(begun: Replicas, upstream: Upstream) -> Replicas:
    """The replicas, none of whose users was heard yet."""
    upstream.script = chat()
    upstream.received.clear()
    for entity in {str(entity) for (entity,) in begun.rows("SELECT entity FROM entities")}:
        assert begun.next().request("DELETE", f"/api/entities/{entity}").status == 200
    return begun


@pytest.fixture
def upstream(scripted: Upstream) -> Upstream:
    return scripted


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


# --- one after the other ----------------------------------------------------------------------------------------


def assert_the_next_replica_knows(four: Replicas, upstream: Upstream, pairs: int) -> None:
    def client(number: int) -> None:
        turns = Replicas(four.gateways, four.url)
        for pair in range(number, pairs, CLIENTS):
            entity, code = f"user-{pair % 40}", f"{pair * 7919 % 100_000:05}"
            turns.tell(f"The code of my locker number {pair} is {code}.", entity, f"told-{pair}")
            answer = turns.chat(f"What is the code of locker number {pair}?", entity)
            assert answer.header("x-memory-status") == "ok"

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(client, range(CLIENTS)))
    asked = [request.json["messages"][-1]["content"] for request in upstream.received]
    blocks = {text.rpartition("number ")[2]: text for text in asked if text.endswith("?")}
    blind = [pair for pair in range(pairs) if f"{pair} is {pair * 7919 % 100_000:05}." not in blocks[f"{pair}?"]]
    assert blind == []


def test_the_next_replica_knows_the_turn_before(four: Replicas, upstream: Upstream) -> None:
    assert_the_next_replica_knows(four, upstream, 500)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_next_replica_knows_the_turn_before_five_thousand_times(four: Replicas, upstream: Upstream) -> None:
    assert_the_next_replica_knows(four, upstream, 5000)


# --- one session ------------------------------------------------------------------------------------------------


def test_a_session_goes_on_from_replica_to_replica(four: Replicas, upstream: Upstream) -> None:
    upstream.script = chat(lambda request: f"Answer {len(request.json['messages'])}.")
    four.chat("I am allergic to nuts. My dog is called Biscuit.", "alice")
    history = list[dict[str, Any]]()
    seen = list[list[dict[str, Any]]]()
    sessions = set[str | None]()
    for text in ("What is my dog called?", "And what am I allergic to?", "What may I cook?", "Thank you.", "Bye."):
        history.append(user(text))
        answer = four.chat(history, "alice")
        sessions.add(answer.header("x-session-id"))
        history.append({"role": "assistant", "content": answer.json["choices"][0]["message"]["content"]})
        seen.append(upstream.last.json["messages"])
    assert len(sessions) == 1
    assert "Biscuit" in seen[0][0]["content"]
    for before, after in itertools.pairwise(seen):
        assert after[: len(before)] == before
    assert four.rows("SELECT count(*) FROM messages WHERE entity = 'alice'") == [(2 * 6,)]


def test_a_named_session_is_put_back_by_every_replica(four: Replicas, upstream: Upstream) -> None:
    for number in range(6):
        four.chat(f"This is my line number {number}.", "alice", session="s")
        said = [message["content"] for message in upstream.last.json["messages"] if message["role"] == "user"]
        assert [block_free(text) for text in said] == [f"This is my line number {n}." for n in range(number + 1)]


def block_free(text: str) -> str:
    return text.rpartition("</memory>\n\n")[2]


@pytest.mark.parametrize("session", [None, "s"])
def test_what_is_tried_again_elsewhere_is_recorded_once(
    four: Replicas, upstream: Upstream, session: str | None
) -> None:
    upstream.script = failing
    first, second, third, fourth = four.gateways
    failed = first.chat("My kite is red.", "alice", session=session)
    assert failed.status == 500
    for again in (second, third):
        assert again.chat("My kite is red.", "alice", session=session).status == 500
    upstream.script = chat()
    answer = fourth.chat("My kite is red.", "alice", session=session)
    assert answer.header("x-session-id") == failed.header("x-session-id")
    assert four.rows("SELECT state FROM turns") == [("complete",)]
    assert four.rows("SELECT count(*) FROM messages JOIN turns USING (tenant, entity, turn)") == [(2,)]
    assert four.rows("SELECT text, times_seen FROM memories") == [("My kite is red.", 1)]


def test_what_is_tried_again_before_it_is_recorded_is_recorded_once(four: Replicas, upstream: Upstream) -> None:
    upstream.script = chat("Noted.", delay=0.01)
    for number in range(10):
        entity, text = f"user-{number}", f"My kite number {number} is red."

        def attempt(place: int, entity: str = entity, text: str = text) -> Answer:
            headers = {"x-stainless-retry-count": str(place + 1)}
            return four.gateways[place].chat(text, entity, session="s", headers=headers)

        with ThreadPoolExecutor(COUNT) as clients:
            assert [answer.status for answer in clients.map(attempt, range(COUNT))] == [200] * COUNT
        for gateway in four.gateways:
            until(lambda g=gateway: metric(g, "memory_gateway_waiting_turns") == 0)  # type: ignore[misc]
        assert four.rows("SELECT text FROM messages WHERE entity = $1 AND role = 'user'", entity) == [(text,)]
        assert four.rows("SELECT text, times_seen FROM memories WHERE entity = $1", entity) == [(text, 1)]


def failing(_: Received) -> Iterator[bytes]:
    yield b"HTTP/1.1 500 X\r\ncontent-length: 2\r\ncontent-type: application/json\r\n\r\n{}"


# --- contradictions, while replicas die -------------------------------------------------------------------------


@contextmanager
def dying(gateways: list[Gateway], pause: float) -> Iterator[list[int]]:
    """Again and again one of the gateways is killed, and started anew."""
    stop, kills = threading.Event(), list[int]()
    order = random.Random(11)

    def kill() -> None:
        while not stop.wait(order.uniform(0.5, 1.5) * pause):
            victim = order.randrange(len(gateways))
            gateways[victim].kill()
            kills.append(victim)
            gateways[victim].start()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield kills
    finally:
        stop.set()
        killer.join()


def assert_contradictions_end_right(
    folder: pathlib.Path, upstream: Upstream, database: str, entities: int, turns: int, pause: float
) -> None:
    """Every turn says where the user lives now; a model reads all turns meanwhile, and says each once more."""
    with (
        Upstream(answering()) as extractor,
        replicas(folder, upstream.url, database, COUNT, **settings(extractor.url, upstream.url)) as four,
    ):

        def client(number: int) -> None:
            for turn in range(turns):
                four.tell(f"I live in {CITIES[(number + turn) % len(CITIES)]}.", f"user-{number}", f"turn-{turn}")

        begun = time.monotonic()
        with dying(four.gateways, pause) as kills, ThreadPoolExecutor(CLIENTS) as clients:
            list(clients.map(client, range(entities)))
        spent = time.monotonic() - begun
        four.rows("UPDATE jobs SET lease = 1 WHERE lease > 0")  # as if the time of the dead ones' claims had passed
        waiting = "SELECT count(*) FROM jobs WHERE upto > cursor OR again > 0 OR lease > 0"
        until(lambda: four.rows(waiting) == [(0,)], 300)
        print(f"\n{entities} entities, {turns} turns each, {len(kills)} kills, {spent:.0f} s")
        now = four.rows(
            "SELECT entity, text FROM memories WHERE status = 'active' AND origin = 'local' ORDER BY entity"
        )
        wanted = {f"user-{n}": f"I live in {CITIES[(n + turns - 1) % len(CITIES)]}." for n in range(entities)}
        assert len(now) == entities
        assert {str(entity): str(text) for entity, text in now} == wanted
        for origin in ("local", "llm"):
            facts = four.rows("SELECT entity, text FROM memories WHERE origin = $1", origin)
            assert len(facts) == len(set(facts)) == entities * turns, origin
        assert kills


@pytest.mark.timeout(900)
def test_contradictions_end_right_though_replicas_die(
    tmp_path: pathlib.Path, upstream: Upstream, database: str
) -> None:
    assert_contradictions_end_right(tmp_path, upstream, database, 20, 25, 1)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_hundred_times_fifty_contradictions_end_right_though_replicas_die(
    tmp_path: pathlib.Path, upstream: Upstream, database: str
) -> None:
    assert_contradictions_end_right(tmp_path, upstream, database, 200, 50, 5)
