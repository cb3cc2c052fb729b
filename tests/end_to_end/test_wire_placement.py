"""Where a block goes and stays: never into a tool exchange, never twice, never where its message was changed."""

from __future__ import annotations

import contextlib
import http.client
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.caching import FACTS, QUESTIONS
from tests.clients import Served, ids, sent, serve, user
from tests.doors import DOORS, EveryDoor, through
from tests.process import Gateway
from tests.upstream import Close, Received, Script, Step, Upstream, chunk, completion, delta, event, head, raw, whole

FACT, QUESTION = "My sister Ana lives in Porto.", "Where does my sister Ana live?"
OPEN = head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
SAID = {"role": "assistant", "content": "Noted."}
CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
LOOP: dict[str, list[dict[str, Any]]] = {
    "chat": [
        {"role": "assistant", "content": None, "tool_calls": [CALL, CALL | {"id": "c2"}]},
        {"role": "tool", "tool_call_id": "c1", "content": QUESTION},
        {"role": "tool", "tool_call_id": "c2", "content": "Porto"},
    ],
    "responses": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": QUESTION},
        {"type": "function_call_output", "call_id": "c2", "output": "Porto"},
    ],
    "messages": [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "tool_use", "id": "c1", "name": "look", "input": {}},
                {"type": "tool_use", "id": "c2", "name": "look", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": QUESTION},
                {"type": "tool_result", "tool_use_id": "c2", "content": "Porto"},
            ],
        },
    ],
}
"""Two calls and their results, as the next request of a tool loop brings them."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Upstream(EveryDoor()) as upstream:
        upstreams = [
            {"name": "openai", "base_url": upstream.url},
            {"name": "anthropic", "kind": "anthropic", "base_url": upstream.url},
        ]
        with Gateway(tmp_path_factory.mktemp("placement"), upstream.url, upstreams=upstreams) as gateway:
            served = Served(gateway, upstream)
            through(gateway, "chat", FACT, ids("alice", session="told"))
            yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    shared.upstream.script = EveryDoor()
    return shared


def given(request: Received) -> list[dict[str, Any]]:
    """The messages or items that reached the upstream."""
    found = request.json.get("input", request.json.get("messages"))
    return [user(found)] if isinstance(found, str) else found


@pytest.mark.requirement("R-85", "R-86", "R-119", "R-121")
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("door", DOORS)
def test_a_tool_loop_keeps_the_block_of_its_first_request_and_gets_no_other(
    served: Served, door: str, named: bool
) -> None:
    who = ids("alice", f"{door} {named}", session="loop" if named else None)
    served.upstream.script = calling(door)
    through(served.gateway, door, [user(QUESTION)], who)
    (asked,) = given(served.upstream.last)
    assert FACT in json.dumps(asked)
    served.upstream.script = EveryDoor()
    answer = through(served.gateway, door, [user(QUESTION), *LOOP[door]], who)
    assert given(served.upstream.last) == [asked, *LOOP[door]]
    assert answer.header("x-memory-recalled") == "0"
    through(served.gateway, door, [user(QUESTION), *LOOP[door], SAID, user("Thanks!")], who)
    assert given(served.upstream.last) == [asked, *LOOP[door], SAID, user("Thanks!")]


def calling(door: str) -> Script:
    """Answers with the calls of LOOP."""
    if door == "responses":
        return lambda request: EveryDoor().with_output(request, LOOP[door][:3])
    if door == "messages":
        message = {"id": "msg_1", "type": "message", "model": "m", "stop_reason": "tool_use", **LOOP[door][0]}
        return lambda _: [whole(json.dumps(message).encode())]
    return lambda _: [whole(completion(None, tool_calls=LOOP[door][0]["tool_calls"]))]


@pytest.mark.requirement("R-119")
def test_a_block_beside_results_stands_behind_them_and_adds_no_breakpoint(served: Served) -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    system = [{"type": "text", "text": "S", **mark}]
    tools = [{"name": "look", "input_schema": {"type": "object"}, **mark}]
    calls, results = LOOP["messages"]
    newest = {"role": "user", "content": [*results["content"], {"type": "text", "text": QUESTION, **mark}]}
    asked = [{"role": "user", "content": [{"type": "text", "text": "Look.", **mark}]}, calls, newest]
    through(served.gateway, "messages", asked, ids("alice", "marks"), system=system, tools=tools)
    body = served.upstream.last.json
    assert (body["system"], body["tools"], body["messages"][:2]) == (system, tools, asked[:2])
    *before, block = body["messages"][2]["content"]
    assert before == newest["content"]
    assert (block["type"], FACT in block["text"], "cache_control" in block) == ("text", True, False)
    assert served.upstream.last.body.count(b"cache_control") == 4


@pytest.mark.requirement("R-82")
@pytest.mark.parametrize("door", DOORS)
def test_a_message_that_was_edited_has_no_block_of_what_it_was(served: Served, door: str) -> None:
    who = ids("alice", f"edits {door}", session="s")
    through(served.gateway, door, [user(QUESTION)], who)
    assert FACT in json.dumps(given(served.upstream.last))
    for first in ("What is 2 and 2?", "In short: family.", QUESTION + " Please."):
        history = [user(first), {"role": "assistant", "content": "Noted."}, user("Why is that?")]
        through(served.gateway, door, history, who)
        assert given(served.upstream.last)[:2] == history[:2]
    history[0] = user(QUESTION)
    through(served.gateway, door, history, who)
    assert FACT in json.dumps(given(served.upstream.last)[0])


@pytest.mark.requirement("R-82", "R-91")
def test_all_blocks_of_a_session_stay_within_their_tokens(tmp_path: pathlib.Path) -> None:
    recall = {"session_tokens": 120}
    with serve(tmp_path, memory={"recall": recall}) as served:
        for fact in FACTS:
            served.ask(fact, "alice")
        history: list[dict[str, Any]] = []
        for question in QUESTIONS:
            history.append(user(question))
            served.ask(history, "alice", session="long")
            history.append({"role": "assistant", "content": "Noted."})
    blocks = [message["content"] for message in sent(served.upstream.last) if "</memory>" in message["content"]]
    assert 1 <= len(blocks) < len(QUESTIONS)
    assert sum(len(block.partition("</memory>")[0]) for block in blocks) / 4 <= 120


@pytest.mark.requirement("R-93")
@pytest.mark.parametrize("door", DOORS)
def test_a_block_that_a_client_sends_back_is_not_recorded(served: Served, door: str) -> None:
    who = ids("alice", f"echo {door}", session="s")
    through(served.gateway, door, [user(QUESTION)], who)
    echoed = given(served.upstream.last)
    through(served.gateway, door, [*echoed, SAID, user("Why is that?")], ids("alice", f"copy {door}"))
    rows = served.gateway.rows("SELECT raw, text FROM messages WHERE process IN (?, ?)", f"echo {door}", f"copy {door}")
    assert rows
    assert [row for row in rows if "<memory>" in f"{row[0]!s}{row[1]!s}"] == []


def broken(*pieces: bytes) -> Script:
    """Streams these and breaks off."""

    def script(_: Received) -> Iterator[Step]:
        yield OPEN
        yield from map(chunk, pieces)
        raise Close

    return script


CUT_CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "look", "arguments": '{"a'}}
UNFINISHED: dict[str, Script] = {
    "a call without its result": lambda _: [whole(completion(None, tool_calls=[CALL]))],
    "words and a call": lambda _: [whole(completion("Let me look.", tool_calls=[CALL]))],
    "an answer that says nothing": lambda _: [whole(completion(None))],
    "an empty answer": lambda _: [whole(completion(""))],
    "an error": raw(whole(b"{}", 500)),
    "an error in a success": raw(whole(b'{"error":{"message":"quota"}}')),
    "nothing": broken(),
    "half an answer": broken(event(delta(role="assistant", content="Half an ans"))),
    "half a call": broken(event(delta(tool_calls=[CUT_CALL]))),
    "words and half a call": broken(event(delta(content="Let me look.")), event(delta(tool_calls=[CUT_CALL]))),
}


@pytest.mark.requirement("R-85", "R-87")
@pytest.mark.parametrize("then", DOORS)
@pytest.mark.parametrize("name", UNFINISHED)
def test_what_is_replayed_after_an_unfinished_turn_is_a_prompt_that_upstreams_take(
    served: Served, name: str, then: str
) -> None:
    """Strict templates want roles to alternate, and every API a result for each call."""
    who = ids(f"{name} {then}", session="s")
    through(served.gateway, "chat", "One?", who)
    served.upstream.script = UNFINISHED[name]
    _unfinished(served.gateway, who, stream=name not in list(UNFINISHED)[:6])
    served.upstream.script = EveryDoor()
    through(served.gateway, then, "Three?", who)
    messages = given(served.upstream.last)
    assert [message["role"] for message in messages] == ["user", "assistant"] * (len(messages) // 2) + ["user"]
    assert all(message["content"] for message in messages)
    assert b"c1" not in served.upstream.last.body
    assert [message["content"] for message in messages[:2]] == ["One?", "Noted."]


def _unfinished(gateway: Gateway, who: dict[str, str], *, stream: bool) -> None:
    with contextlib.suppress(http.client.IncompleteRead):
        through(gateway, "chat", "Two?", who, stream=stream)


@pytest.mark.requirement("R-94")
@pytest.mark.parametrize("kept", ["previous_response_id", "conversation"])
def test_what_the_upstream_keeps_gets_each_memory_once(served: Served, kept: str) -> None:
    """Blocks in `input` pile up there: a chain is told only what it was not told yet; `instructions` stay."""
    who = ids(f"kept {kept}", "agent")
    other = ids(f"kept {kept}", "another")
    for fact in FACTS[:2]:
        through(served.gateway, "chat", fact, other)
    previous = "conv_1" if kept == "conversation" else None
    told: list[str] = []
    for question in (QUESTION, "Where does Ana live, and where does my sister work?", QUESTION, "And Ana?"):
        more: dict[str, Any] = {"instructions": "Be terse.", kept: previous}
        answer = through(served.gateway, "responses", question, who, **more)
        body = served.upstream.last.json
        assert body["instructions"] == "Be terse."
        assert len(given(served.upstream.last)) == 1, "nothing is replayed"
        told.append(str(body["input"]))
        previous = answer.json["id"] if kept == "previous_response_id" else previous
    assert [sum(fact in text for text in told) for fact in FACTS[:2]] == [1, 1]
