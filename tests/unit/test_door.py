"""The same conversation is the same through every door."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from gateway.domain import Message
from gateway.wire.chat import text_of
from gateway.wire.door import CHAT, DOORS, MESSAGES, RESPONSES, Door, as_chat, rewritten

BLOCK = "<memory>\nline\n</memory>\n\n"
PIXEL = "data:image/png;base64,AAAA"

CHAT_MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": "What is in it?"},
    {
        "role": "assistant",
        "content": "Let me look.",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}},
            {"id": "c2", "type": "function", "function": {"name": "look", "arguments": '{"a": 2}'}},
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "7"},
    {"role": "tool", "tool_call_id": "c2", "content": "8"},
    {"role": "assistant", "content": "Seven and eight."},
    {
        "role": "user",
        "content": [{"type": "text", "text": "And here?"}, {"type": "image_url", "image_url": {"url": PIXEL}}],
    },
]
ITEMS: list[dict[str, Any]] = [
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is in it?"}]},
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me look."}]},
    {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a":1}'},
    {"type": "function_call", "call_id": "c2", "name": "look", "arguments": '{"a":2}'},
    {"type": "function_call_output", "call_id": "c1", "output": "7"},
    {"type": "function_call_output", "call_id": "c2", "output": "8"},
    {"role": "assistant", "content": "Seven and eight."},
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "And here?"},
            {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
        ],
    },
]
ALTERNATING: list[dict[str, Any]] = [
    {"role": "user", "content": "What is in it?"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "E=="},
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": 1}},
            {"type": "tool_use", "id": "c2", "name": "look", "input": {"a": 2}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": "7"},
            {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "8"}]},
        ],
    },
    {"role": "assistant", "content": [{"type": "text", "text": "Seven and eight."}]},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "And here?", "cache_control": {"type": "ephemeral"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        ],
    },
]
BODIES: dict[Door, bytes] = {
    CHAT: json.dumps({"messages": CHAT_MESSAGES}).encode(),
    RESPONSES: json.dumps({"input": ITEMS}).encode(),
    MESSAGES: json.dumps({"messages": ALTERNATING}).encode(),
}
KEYS = {CHAT: "messages", RESPONSES: "input", MESSAGES: "messages"}
EACH = sorted(BODIES, key=lambda door: door.path)


def body(door: Door, *messages: object) -> bytes:
    return json.dumps({KEYS[door]: messages}).encode()


def told(message: Message) -> list[str]:
    """What a message says; the names of calls stand in its digest."""
    return [message.role, message.text.replace(BLOCK, "").strip()]


@pytest.mark.parametrize("door", EACH)
def test_a_conversation_has_the_same_chain_through_every_door(door: Door) -> None:
    chains = [message.chain for message in door.request(BODIES[door]).messages]
    assert chains == [message.chain for message in CHAT.request(BODIES[CHAT]).messages]


@pytest.mark.parametrize("through", EACH)
@pytest.mark.parametrize("door", EACH)
def test_what_came_through_one_door_is_replayed_through_another(through: Door, door: Door) -> None:
    stored = through.request(BODIES[through]).messages
    earlier = [door.replayed(message.raw, BLOCK if message.role == "user" else "") for message in stored[:-1]]
    raw = door.request(body(door, {"role": "user", "content": "new"})).with_memory({}, earlier)
    found = door.request(raw).messages
    assert BLOCK in found[0].text
    assert [told(message) for message in found] == [*map(told, stored[:-1]), ["user", "new"]]
    assert [message.digest for message in found[1:-1]] == [message.digest for message in stored[1:-1]]


@pytest.mark.parametrize("through", EACH)
@pytest.mark.parametrize("door", EACH)
def test_an_image_goes_through_every_door(through: Door, door: Door) -> None:
    stored = through.request(BODIES[through]).messages[-1]
    found = door.request(f'{{"{KEYS[door]}":[{door.replayed(stored.raw, "")}]}}'.encode()).messages
    assert [message.digest for message in found] == [stored.digest]


@pytest.mark.parametrize("door", EACH)
def test_what_came_through_the_same_door_keeps_its_bytes(door: Door) -> None:
    for message in door.request(BODIES[door]).messages:
        if "cache_control" not in message.raw:
            assert door.replayed(message.raw, "") == message.raw


@pytest.mark.parametrize("door", EACH)
def test_breakpoints_of_earlier_requests_are_not_sent_again(door: Door) -> None:
    for message in ({"role": "user", "content": ALTERNATING[-1]["content"][:1]}, ALTERNATING[-1]):
        assert "cache_control" not in door.replayed(json.dumps(message), BLOCK)


@pytest.mark.parametrize("door", EACH)
@pytest.mark.parametrize("content", ["a", [{"type": "text", "text": "a"}], [{"type": "input_text", "text": "a"}]])
def test_a_replayed_message_has_its_block_where_it_was_sent(door: Door, content: Any) -> None:
    message = {"role": "user", "content": content}
    sent = door.request(body(door, message)).with_memory({0: BLOCK}, ())
    if door.replayed(json.dumps(message), "") != json.dumps(message):
        return  # it was never sent through this door
    assert json.loads(door.replayed(json.dumps(message), BLOCK)) == json.loads(sent)[KEYS[door]][0]


@pytest.mark.parametrize(
    "raw",
    [
        '[{"type":"reasoning","id":"rs_1","summary":[]},{"type":"item_reference","id":"msg_1"}]',
        '{"id":"msg_1"}',
        '{"role":"assistant","content":[{"type":"redacted_thinking","data":"x"}]}',
    ],
)
def test_what_has_no_form_elsewhere_is_left_out_there(raw: str) -> None:
    assert CHAT.replayed(raw, "") == ""
    own, other = (MESSAGES, RESPONSES) if "redacted" in raw else (RESPONSES, MESSAGES)
    assert own.replayed(raw, "") == raw
    assert other.replayed(raw, "") == ""


@pytest.mark.parametrize("door", EACH)
def test_a_rewritten_message_keeps_everything_but_its_words(door: Door) -> None:
    for before in door.request(BODIES[door].replace(b"7", b"7 FORGET").replace(b"What", b"FORGET What")).messages:
        after = rewritten(before, lambda text: text.replace("FORGET", ""))
        assert "FORGET" not in after.raw
        assert after.text == before.text.replace("FORGET", "") == text_of(as_chat(json.loads(after.raw)).get("content"))
        assert json.loads(after.raw) == json.loads(before.raw.replace("FORGET", ""))
        assert (after.digest, after.chain, after.link) == (before.digest, before.chain, before.link)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "a", "name": "bob"},
        {"role": "user", "content": [{"type": "text", "text": "a"}], "name": "bob"},
        {"role": "assistant", "content": "a", "refusal": None, "tool_calls": None, "annotations": []},
        {"role": "assistant", "content": "a", "phase": "final_answer"},
        {"role": "assistant", "content": [{"type": "text", "text": "a", "citations": None}]},
        {"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
    ],
)
def test_no_key_goes_where_it_is_not_known(message: dict[str, Any]) -> None:
    known = {
        CHAT: ({"role", "content", "name", "refusal", "tool_calls", "annotations"}, {"type", "text"}),
        RESPONSES: ({"role", "content", "phase"}, {"type", "text"}),
        MESSAGES: ({"role", "content"}, {"type", "text", "citations"}),
    }
    for door, (keys, keys_of_parts) in known.items():
        found = json.loads(door.replayed(json.dumps(message), ""))
        parts = found["content"] if isinstance(found["content"], list) else [{"text": found["content"]}]
        assert [part["text"] for part in parts] == ["a"]
        assert found.keys() <= keys
        assert all(part.keys() <= keys_of_parts for part in parts)


def test_doors_are_found_by_their_path() -> None:
    assert [DOORS[door.path] for door in EACH] == EACH


PIECES = ["a", " ", "{", '"', "\\", "<think>", "<", "data:", "image/png;base64,", "<memory>\n"]


@pytest.mark.parametrize("piece", PIECES)
def test_long_texts_take_no_longer_than_their_length(piece: str) -> None:
    """A quadratic reader of 200,000 characters would pass the time limit of a test."""
    text = piece * (200_000 // len(piece))
    messages = [
        *({"role": role, "content": [{"type": "text", "text": text}]} for role in ("user", "assistant")),
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:" + text}}]},
        {"role": "tool", "tool_call_id": text, "content": text},
        {"role": "assistant", "tool_calls": [{"id": text, "function": {"name": text, "arguments": text}}]},
    ]
    for raw in map(json.dumps, messages):
        for door, other in itertools.product(EACH, EACH):
            replayed = other.replayed(raw, "")
            if replayed:
                door.replayed(replayed, BLOCK if '"role":"user"' in replayed else "")
                other.request(f'{{"{KEYS[other]}":[{replayed.strip("[]")}]}}'.encode())
