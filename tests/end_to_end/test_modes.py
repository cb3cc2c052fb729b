"""X-Memory, the carriers of ids in the body, and what chat UIs ask for on their own behalf."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import OPEN_WEBUI, Served, block_of, openai, say, serve, user
from tests.process import Answer
from tests.side_calls import SIDE_CALLS, THE_USERS_OWN, TITLE, WITH_DOCUMENT


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("shared")) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Records side calls."""
    with serve(tmp_path_factory.mktemp("narrow"), memory={"side_calls": "record"}) as served:
        yield served


@pytest.fixture
def little(narrow: Served) -> Served:
    narrow.reset()
    return narrow


def _state(served: Served, name: str) -> tuple[int, list[str]]:
    return len(served.stored(name)), served.memories(name)


def _asked(served: Served, name: str, mode: str) -> Answer:
    """A user with one memory asks for it and states another thing."""
    served.ask("My boat is called Gaivota.", name)
    return served.ask("My car is green. What is my boat called?", name, headers={"X-Memory": mode})


@pytest.mark.requirement("R-103")
def test_off_relays_as_it_is_and_records_nothing(served: Served) -> None:
    answer = _asked(served, "mode off", "off")
    assert answer.header("x-memory-status") == "off"
    assert answer.header("x-session-id") is None
    assert b"Gaivota" not in served.upstream.last.body
    assert _state(served, "mode off") == (2, ["My boat is called Gaivota."])


def test_read_recalls_and_records_nothing(served: Served) -> None:
    answer = _asked(served, "mode read", "read")
    assert answer.header("x-memory-status") == "ok"
    assert answer.header("x-memory-recorded") != "true"
    assert "Gaivota" in block_of(served.upstream.last)
    assert _state(served, "mode read") == (2, ["My boat is called Gaivota."])


def test_write_records_and_recalls_nothing(served: Served) -> None:
    answer = _asked(served, "mode write", "write")
    assert (answer.header("x-memory-recalled"), answer.header("x-memory-recorded")) == ("0", "true")
    assert b"Gaivota" not in served.upstream.last.body
    assert _state(served, "mode write") == (4, ["My boat is called Gaivota.", "My car is green."])


def test_shadow_records_and_tells_but_adds_nothing(served: Served) -> None:
    answer = _asked(served, "mode shadow", "shadow")
    assert (answer.header("x-memory-status"), answer.header("x-memory-recalled")) == ("ok", "0")
    assert b"Gaivota" not in served.upstream.last.body
    assert _state(served, "mode shadow") == (4, ["My boat is called Gaivota.", "My car is green."])


@pytest.mark.parametrize("value", ["maybe", "", "on, off"])
def test_another_mode_is_refused(served: Served, value: str) -> None:
    answer = served.gateway.chat("Hello", "mode", headers={"X-Memory": value})
    assert (answer.status, answer.json["error"]["param"]) == (400, "x-memory")


@pytest.mark.requirement("R-34")
def test_a_request_without_entity_is_relayed_and_leaves_no_trace(served: Served) -> None:
    before = served.gateway.rows("SELECT count(*) FROM messages")
    answer = served.ask("My boat is called Anonima.", process="p", session="s")
    assert answer.header("x-memory-status") == "anonymous"
    assert answer.header("x-session-id") is None
    assert served.upstream.last.json["messages"] == [user("My boat is called Anonima.")]
    assert served.gateway.rows("SELECT count(*) FROM messages") == before


def test_the_body_can_carry_the_ids(served: Served) -> None:
    metadata = {"entity_id": "🦊 in the body", "process_id": "p", "session_id": "s", "other": "kept"}
    with openai(served.gateway) as client:
        say(client, "My den is warm.", metadata=metadata)
    assert served.upstream.last.json["metadata"] == metadata
    assert served.gateway.rows("SELECT process, session FROM sessions WHERE entity = '🦊 in the body'") == [("p", "s")]


def test_a_header_goes_before_the_body(served: Served) -> None:
    served.ask("My den is warm.", "in the header", metadata={"entity_id": "in the body"})
    assert served.memories("in the header") == ["My den is warm."]
    assert served.memories("in the body") == []


@pytest.mark.parametrize("value", [42, "", "x" * 257, {"a": 1}, "a\nb"])
def test_a_malformed_id_in_the_body_is_refused(served: Served, value: object) -> None:
    answer = served.gateway.chat("Hello", metadata={"entity_id": value})
    assert (answer.status, answer.json["error"]["param"]) == (400, "metadata.entity_id")
    assert served.upstream.received == []


@pytest.mark.parametrize("field", ["user", "safety_identifier"])
def test_fields_in_which_applications_send_a_constant_are_no_ids(served: Served, field: str) -> None:
    answer = served.ask("My den is warm.", **{field: "constant"})
    assert answer.header("x-memory-status") == "anonymous"


@pytest.mark.parametrize(("name", "body"), SIDE_CALLS)
def test_a_side_call_is_relayed_and_not_recorded(served: Served, name: str, body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    answer = served.gateway.request("POST", "/v1/chat/completions", raw, {"X-Entity-Id": "side calls", **OPEN_WEBUI})
    assert (answer.status, answer.header("x-memory-status")) == (200, "off"), name
    assert served.upstream.last.body == raw
    assert served.stored("side calls") == []


@pytest.mark.parametrize("prompt", THE_USERS_OWN)
def test_what_only_looks_like_one_is_the_users_own(served: Served, prompt: str) -> None:
    name = f"own {THE_USERS_OWN.index(prompt)}"
    served.ask(prompt, name)
    assert served.turns(name) == ["complete"]


def test_of_a_question_with_documents_only_the_users_words_are_learnt(served: Served) -> None:
    served.ask(WITH_DOCUMENT, "documents")
    assert served.memories("documents") == ["My landlord is Rui."]


def test_they_are_recorded_where_the_configuration_says_so(little: Served) -> None:
    little.ask(TITLE["messages"], "side calls")
    assert little.turns("side calls") == ["complete"]
