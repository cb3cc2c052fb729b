"""What is known of an entity is taken out and brought in: the gateway's own export, and ChatGPT's."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.calls import ask, at, call, texts
from tests.clients import Served, block_of, serve
from tests.process import Answer

BEGUN = 1_700_000_000.0
"""Seconds since 1970; 14 November 2023."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("gateway")) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


def bring(served: Served, entity: str, body: bytes, kind: str = "application/jsonl", **query: str) -> Answer:
    parts = "&".join(f"{name}={value}" for name, value in {"entity": entity, **query}.items())
    return served.gateway.request("POST", f"/api/import?{parts}", body, {"content-type": kind}, timeout=120)


def conversation(name: str, *said: str, hidden: bool = True) -> dict[str, Any]:
    """A conversation as ChatGPT exports it: a tree whose newest leaf is `current_node`."""
    mapping: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": []}}
    parent = "root"

    def add(role: str, text: str, number: float, **more: Any) -> str:
        node = f"{name}-{len(mapping)}"
        content = {"content_type": "text", "parts": [text]}
        message = {"id": node, "author": {"role": role}, "create_time": BEGUN + number, "content": content, **more}
        mapping[node] = {"id": node, "message": message, "parent": parent, "children": []}
        mapping[parent]["children"].append(node)
        return node

    if hidden:
        parent = add("user", "My hidden profile is CANARY.", 0, metadata={"is_visually_hidden_from_conversation": True})
        parent = add("system", "", 0)
    for number, text in enumerate(said):
        abandoned = add("user", f"An edited draft: {text}", number * 60)
        assert abandoned
        parent = add("user", text, number * 60)
        parent = add("assistant", f"Noted {number}.", number * 60 + 1)
    return {"title": name, "create_time": BEGUN, "mapping": mapping, "current_node": parent, "conversation_id": name}


def test_an_export_comes_back_in_another_gateway(served: Served, tmp_path: pathlib.Path) -> None:
    served.ask("My dog is called Biscuit.", "ana", session="s")
    served.ask("My dog is called Rex, not Biscuit.", "ana", session="s")
    export = call(served.gateway, "GET", at("entities", "ana", "export"))
    assert export.header("content-type") == "application/jsonl"
    kinds = [json.loads(line)["type"] for line in export.body.splitlines()]
    assert kinds == sorted(kinds, key=["session", "turn", "memory", "edge"].index)
    with serve(tmp_path) as other:
        counts = bring(other, "ana", export.body).json
        assert (counts["sessions"], counts["turns"]) == (1, 2)
        assert counts["memories"] >= 1
        assert bring(other, "ana", export.body).json == {"sessions": 0, "turns": 0, "memories": 0}
        assert call(other.gateway, "GET", at("entities", "ana", "export")).body == export.body
        other.ask("What is my dog called?", "ana")
        assert "Rex" in block_of(other.upstream.last)
        other.ask("And what else?", "ana", session="s")
        assert "My dog is called Biscuit." in other.upstream.last.prompt


def test_only_what_is_of_the_entity_is_exported(served: Served) -> None:
    served.ask("My dog is called Biscuit.", "dan")
    served.ask("My cat is called CANARY.", "Dan")
    assert b"CANARY" not in call(served.gateway, "GET", at("entities", "dan", "export")).body
    assert call(served.gateway, "GET", at("entities", "dann", "export")).status == 404


def test_conversations_of_chatgpt_are_recorded_once_and_recalled(served: Served) -> None:
    dump = [
        conversation("trip", "My flight to Oslo leaves from gate 42.", "How long is the flight?"),
        conversation("pets", "My parrot is called Kiwi."),
    ]
    body = json.dumps(dump).encode()
    assert bring(served, "eve", body, "application/json").json == {"sessions": 2, "turns": 3, "memories": 2}
    assert bring(served, "eve", body, "application/json").json == {"sessions": 0, "turns": 0, "memories": 0}
    dump[1] = conversation("pets", "My parrot is called Kiwi.", "My cat is called Tiger.")
    grown = bring(served, "eve", json.dumps(dump).encode()).json
    assert grown == {"sessions": 0, "turns": 1, "memories": 1}
    assert sorted(texts(served.gateway, entity="eve")) == [
        "My cat is called Tiger.",
        "My flight to Oslo leaves from gate 42.",
        "My parrot is called Kiwi.",
    ]
    served.ask("What is my parrot called?", "eve")
    block = block_of(served.upstream.last)
    assert "Kiwi" in block
    assert "(2023-11-14)" in block
    session = ask(served.gateway, "GET", at("sessions", "trip"), entity="eve", process="chatgpt")
    said = [message["text"] for turn in session["turns"] for message in turn["messages"]]
    assert said == ["My flight to Oslo leaves from gate 42.", "Noted 0.", "How long is the flight?", "Noted 1."]


def test_five_thousand_messages_are_brought_in_at_once(served: Served) -> None:
    dump = [conversation(f"c{n}", *(f"My number {n}-{k} is {n * 100 + k}." for k in range(50))) for n in range(50)]
    counts = bring(served, "many", json.dumps(dump).encode(), "application/json").json
    assert (counts["sessions"], counts["turns"]) == (50, 2500)
    assert ask(served.gateway, "GET", at("entities", "many"))["turns"] == 2500


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"type": "letter"}', "record 1"),
        (b'{"type": "memory"}\n{"type": "memory"}', "record 1"),
        (b'{"type": "edge"', "Line 1"),
        (b"[1, 2]", "list of conversations"),
        (b'[{"id": "x"}]', "no mapping"),
        (b'[{"mapping": {}}]', "no id"),
        (b'{"id": "a\\u0000", "mapping": {}}', "conversation_id"),
        (b'"text"', "list of conversations"),
        (b"\xff\xfe", "Line 1"),
    ],
)
def test_a_malformed_import_is_refused(served: Served, body: bytes, problem: str) -> None:
    answer = bring(served, "bad", body)
    assert answer.status == 400
    assert problem in answer.json["error"]["message"]
    assert call(served.gateway, "GET", at("entities", "bad")).status == 404


@pytest.mark.parametrize(
    "mapping",
    [
        {"a": None, "b": 5, "c": {"message": []}},
        {"a": {"message": {"id": "a", "author": None, "content": {"parts": ["x"]}}}},
        {"a": {"message": {"id": "a", "author": {"role": "user"}, "content": {"parts": "x"}}}},
        {"a": {"message": {"id": "a", "author": {"role": "user"}, "content": {"parts": [{"image": 1}, None]}}}},
    ],
)
def test_what_says_nothing_in_a_conversation_is_passed_over(served: Served, mapping: dict[str, Any]) -> None:
    entry = {"id": "odd", "mapping": mapping, "current_node": "a", "create_time": 1e300}
    assert bring(served, "odd", json.dumps([entry]).encode()).json == {"sessions": 0, "turns": 0, "memories": 0}


def test_a_thread_that_runs_in_a_circle_ends(served: Served) -> None:
    said = {"id": "a", "author": {"role": "user"}, "content": {"parts": ["I swim."]}, "create_time": True}
    mapping = {"a": {"message": said, "parent": "b"}, "b": {"message": None, "parent": "a"}}
    entry = {"id": "circle", "mapping": mapping, "current_node": "a"}
    assert bring(served, "circle", json.dumps([entry]).encode()).json["turns"] == 1
