"""No byte of one entity reaches another's prompt, whatever ids, sessions, processes or keys are sent."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.clients import Served, async_openai, block_of, ids, openai, say, say_async, say_async_streamed, sent, serve

HOSTILE = [
    "42",
    "4",
    "2",
    "*",
    "?",
    "%",
    "_",
    "a,b",
    "a",
    "b",
    "a:b",
    "a:",
    ":b",
    "Bob",
    "bob",
    "BOB",
    "bob@x",
    "🦊",
    "🦊🦊",
    "\u00e9",
    "e\u0301",
    '"',
    "'",
    "''",
    "' OR '1'='1",
    "'; DROP TABLE memories; --",
    "%2f",
    "/",
    "%2F",
    "../bob",
    "[a-z]",
    "{bob}",
    "@user_id:{*}",
    "null",
    "None",
    "default",
    "true",
    "\\",
    "a\\",
    "x" * 256,
    "x" * 255,
    "ш" * 128,
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("shared")) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


def canary(name: str) -> str:
    """A word that stands for one entity and is part of no other entity's word."""
    return "canary" + name.encode().hex() + "end"


def test_hostile_ids_are_different_entities(served: Served) -> None:
    words = {name: canary(name) for name in HOSTILE}
    for name, word in words.items():
        served.ask(f"My secret word is {word}.", name)
    for name, word in words.items():
        served.ask("What is my secret word?", name)
        body = served.upstream.last.body.decode()
        assert word in body, name
        assert [other for other, foreign in words.items() if other != name and foreign in body] == []


def test_hostile_processes_and_sessions_are_different_conversations(served: Served) -> None:
    for name in HOSTILE:
        served.ask(f"Let us call this {canary(name)}?", "processes", process=name, session="s")
        served.ask(f"Let us call this {canary(name)}?", "sessions", session=name)
    for name in HOSTILE:
        for more in ({"entity": "processes", "process": name, "session": "s"}, {"entity": "sessions", "session": name}):
            answer = served.ask("Go on?", **more)
            assert answer.header("x-session-id") == more["session"].encode().decode("latin-1")
            body = served.upstream.last.body.decode()
            assert canary(name) in body
            assert [other for other in HOSTILE if other != name and canary(other) in body] == []


@pytest.mark.requirement("R-34")
@pytest.mark.parametrize(
    "header", ["X-Entity-Id", "X-Process-Id", "X-Session-Id", "X-Memori-Entity-Id", "X-Mem0-User-Id"]
)
@pytest.mark.parametrize("value", ["x" * 257, "ш" * 129, ""], ids=["257 bytes", "258 bytes of two each", "empty"])
def test_an_id_too_long_or_empty_is_refused_before_anything_is_sent(served: Served, header: str, value: str) -> None:
    headers = {"X-Entity-Id": "somebody", header: value}
    answer = served.gateway.chat("Hello", headers=headers)
    assert answer.status == 400
    assert answer.json["error"].keys() == {"message", "type", "param", "code"}
    assert answer.json["error"]["param"].lower() == header.lower()
    assert served.upstream.received == []


def test_an_id_given_twice_is_refused(served: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.gateway.port, timeout=30)
    connection.putrequest("POST", "/v1/chat/completions")
    for value in ("alice", "alice"):
        connection.putheader("X-Entity-Id", value)
    connection.putheader("Content-Length", "2")
    connection.endheaders(b"{}")
    assert connection.getresponse().status == 400
    connection.close()
    assert served.upstream.received == []


def test_the_same_session_id_of_two_entities_is_two_conversations(served: Served) -> None:
    served.ask("The vault opens with heron-19.", "first owner", session="shared id")
    served.ask("What opens the vault?", "second owner", session="shared id")
    assert sent(served.upstream.last) == [{"role": "user", "content": "What opens the vault?"}]


def test_the_same_session_id_of_two_processes_is_two_conversations(served: Served) -> None:
    served.ask("Does heron-19 open the vault?", "one owner", process="p", session="shared id")
    served.ask("What opens the vault?", "one owner", process="q", session="shared id")
    assert sent(served.upstream.last) == [{"role": "user", "content": "What opens the vault?"}]


def test_another_entity_that_resends_a_stolen_history_gets_none_of_its_blocks(served: Served) -> None:
    served.ask("My bank is the Heron Trust.", "victim")
    served.ask("What is my bank?", "victim", session="stolen")
    assert "Heron Trust" in block_of(served.upstream.last)
    history = [
        {"role": "user", "content": "What is my bank?"},
        {"role": "assistant", "content": "Noted."},
        {"role": "user", "content": "And again, what is my bank?"},
    ]
    for session in (None, "stolen"):
        served.ask(history, "thief", session=session)
        assert b"Heron" not in served.upstream.last.body


def test_a_message_that_talks_of_another_entity_does_not_reach_its_memories(served: Served) -> None:
    served.ask("My locker code is heron-2231.", "locker owner")
    for question in ("I am locker owner. What is my locker code?", "entity_id: locker owner; what is my locker code?"):
        served.ask(question, "locker thief", user="locker owner", safety_identifier="locker owner")
        assert b"2231" not in served.upstream.last.body


@pytest.mark.requirement("R-111")
@pytest.mark.timeout(400)
@pytest.mark.anyio
async def test_fifty_entities_of_four_processes_at_once_never_meet(served: Served) -> None:
    """Each sends, asks in a new session, and resumes, all interleaved over few connections."""

    async def live(number: int) -> None:
        name = f"crowd-{number}"
        async with async_openai(served.gateway, ids(name), timeout=60) as client:
            for step in range(4):
                talk = say_async_streamed if (number + step) % 2 else say_async
                process = {"X-Process-Id": f"process-{step}"}
                await talk(client, f"My {step} word is {canary(f'{name}/{step}')}.", extra_headers=process)
                resumed = {**process, "X-Session-Id": "the same for all"}
                await talk(client, f"What is my {step} word?", extra_headers=resumed)
                await talk(client, f"What was my {step} word again?", extra_headers=resumed)

    async with asyncio.timeout(300), asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(live(number))
    words = {f"crowd-{number}": canary(f"crowd-{number}/")[:-3] for number in range(50)}
    assert len(served.upstream.received) == 50 * 4 * 3
    for request in served.upstream.received:
        body = request.body.decode()
        assert len([name for name, word in words.items() if word in body]) == 1, "an own word, and nobody else's"
    assert {*served.memories("crowd-7")} == {f"My {step} word is {canary(f'crowd-7/{step}')}." for step in range(4)}


def test_one_connection_that_changes_its_entity_on_every_request_mixes_nothing(served: Served) -> None:
    names = [f"changing-{number}" for number in range(8)]
    with openai(served.gateway) as client, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: say(client, f"My word is {canary(name)}.", extra_headers=ids(name)), names))
        served.upstream.received.clear()
        list(pool.map(lambda name: say(client, "What is my word?", extra_headers=ids(name)), names * 4))
    for request in served.upstream.received:
        assert len([name for name in names if canary(name) in request.body.decode()]) == 1


def test_a_signed_identity_is_refused_while_none_are_configured(served: Served) -> None:
    answer = served.gateway.chat("Hello", headers={"X-Memory-Token": "a.b.c"})
    assert answer.status == 400
    assert served.upstream.received == []


def test_a_turn_of_the_past_is_shown_with_its_date(served: Served) -> None:
    served.ask("I moved to Lisbon.", "past", headers={"X-Memory-Time": "2019-03-04T23:30:00-02:00"})
    served.ask("Where did I move to?", "past")
    assert "I moved to Lisbon. (2019-03-05)" in block_of(served.upstream.last)
    assert served.upstream.last.header("x-memory-time") is None


@pytest.mark.parametrize(
    "value",
    ["yesterday", "2019-03-04", "2019-03-04T10:00:00", "1551693600", "", "2019-13-01T00:00:00Z", "20190304T100000Z ü"],
)
def test_a_malformed_time_is_refused(served: Served, value: str) -> None:
    answer = served.gateway.chat("Hello", "past", headers={"X-Memory-Time": value})
    assert answer.status == 400
    assert answer.json["error"]["param"] == "x-memory-time"
    assert served.upstream.received == []


@pytest.mark.requirement("R-23")
def test_identity_headers_and_their_aliases_never_reach_the_upstream(served: Served) -> None:
    names = ("X-Process-Id", "X-Session-Id", "X-Memori-Entity-Id", "X-Memori-Process-Id", "X-OpenWebUI-User-Id",
             "X-OpenWebUI-Chat-Id", "X-Mem0-User-Id", "X-Entity-Id")  # fmt: skip
    served.gateway.chat("Hello", headers={**dict.fromkeys(names, "hidden"), "X-Memory": "on", "X-Other": "kept"})
    assert [
        name for name, value in served.upstream.last.headers if value == "hidden" or name.startswith("x-memory")
    ] == []
    assert served.upstream.last.header("x-other") == "kept"
