"""What a chat request says, and where memory goes in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import Message
from gateway.wire.chat import ChatRequest, read_message, rewritten
from gateway.wire.document import NotReadable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def message(value: dict[str, Any]) -> Message:
    return read_message(value, json.dumps(value), None)


def request(*messages: object, **more: object) -> ChatRequest:
    return ChatRequest(json.dumps({"model": "m", "messages": messages, **more}).encode())


def user(content: object = "Hi") -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(content: object) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


def result(content: object) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "c1", "content": content}


def call(arguments: str, name: str = "look", id: str = "c1") -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}],
    }


SAME = [
    (user("Hi"), user([{"type": "text", "text": "Hi"}])),
    (user("Hi"), user(" Hi\n")),
    (user("a\r\nb"), user("a\nb")),
    (user("Hi"), user("Hi") | {"name": "bob"}),
    (user([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), user("a\nb")),
    (said("Hi"), said("Hi") | {"refusal": None, "tool_calls": None, "function_call": None, "audio": None}),
    (call("{}"), {key: value for key, value in call("{}").items() if key != "content"}),
    (call("{}"), call("{}") | {"content": ""}),
    (call('{"a":1,"b":[2]}'), call('{ "b": [2], "a": 1 }')),
    (said("<think>\nhm\n</think>\n\nHi"), said("Hi")),
    (result("7"), result([{"type": "text", "text": "7"}])),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_message_that_a_client_sends_again_in_another_form_has_the_same_digest(one: Any, other: Any) -> None:
    assert message(one).digest == message(other).digest


DIFFERENT = [
    (user("Hi"), user("hi")),
    (user("Hi"), {"role": "assistant", "content": "Hi"}),
    (user("ab"), user("a b")),
    (user("a"), user([{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}])),
    (
        user([{"type": "image_url", "image_url": {"url": "x"}}]),
        user([{"type": "image_url", "image_url": {"url": "y"}}]),
    ),
    (call("{}"), call("{}", id="c2")),
    (call("{}"), call("{}", name="other")),
    (call('{"a":1}'), call('{"a":2}')),
    (call("{}"), {"role": "assistant", "content": None}),
    ({"role": "tool", "tool_call_id": "c1", "content": "7"}, {"role": "tool", "tool_call_id": "c2", "content": "7"}),
    (user("<think>x</think>Hi"), user("Hi")),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_messages_that_say_different_things_have_different_digests(one: Any, other: Any) -> None:
    assert message(one).digest != message(other).digest


@pytest.mark.requirement("R-20")
@given(
    st.dictionaries(
        st.sampled_from(["role", "content", "tool_calls", "tool_call_id", "function_call", "name"]),
        JSON | st.sampled_from(["user", "assistant", "tool"]),
    )
)
def test_no_shape_of_a_message_makes_reading_it_fail(value: dict[str, Any]) -> None:
    try:
        ChatRequest(json.dumps({"messages": [value, user()]}).encode())
    except NotReadable:
        pytest.fail("a message is an object, whatever is in it")


@given(JSON)
def test_no_shape_of_a_body_makes_anything_but_not_readable(value: Any) -> None:
    for body in (
        value,
        {"messages": value},
        {"messages": [value]},
        {"model": value, "n": value, "stream": value, "messages": [user()]},
    ):
        try:
            ChatRequest(json.dumps(body).encode())
        except NotReadable:
            continue


@pytest.mark.parametrize("depth", range(20, 1100, 15))
def test_no_depth_of_nesting_makes_anything_but_not_readable(depth: int) -> None:
    part = '{"type":"x","a":' + "[" * depth + "]" * depth + "}"
    try:
        ChatRequest(b'{"messages":[{"role":"user","content":[' + part.encode() + b"]}]}")
    except NotReadable:
        assert depth > 500


@pytest.mark.parametrize(
    "raw", [b'{"messages":[}', b'{"messages":[],"a":}', b'{"messages":[{"role":"system","content":"x"}]}', b"null"]
)
def test_a_body_that_is_no_chat_is_not_readable(raw: bytes) -> None:
    with pytest.raises(NotReadable):
        ChatRequest(raw)


def test_half_of_a_character_is_replaced_in_text_and_kept_in_the_source() -> None:
    found = ChatRequest(b'{"messages":[{"role":"user","content":"a\\ud83d"}]}').messages[0]
    assert found.text == "a\ufffd"
    assert found.raw == '{"role":"user","content":"a\\ud83d"}'


def test_system_and_developer_text_is_no_part_of_the_thread() -> None:
    one = request(
        {"role": "system", "content": "It is noon."}, user("a"), {"role": "developer", "content": "x"}, user("b")
    )
    other = request(user("a"), user("b"))
    assert [item.chain for item in one.messages] == [item.chain for item in other.messages]
    assert one.places == [1, 3]


def test_a_chain_stands_for_everything_before() -> None:
    one, other = request(user("a"), user("c")), request(user("b"), user("c"))
    assert one.messages[1].digest == other.messages[1].digest
    assert one.messages[1].chain != other.messages[1].chain


BLOCK = '<memory>\nA "quoted" é 😀 line\n</memory>\n\n'


def test_a_block_goes_before_the_text_and_nothing_else_changes() -> None:
    raw = b'{ "messages" : [ {"role":"user" ,"content":"caf\\u00e9 \\/ 1"} ], "seed":12345678901234567890, "t":1.0}'
    found = ChatRequest(raw).with_memory({0: BLOCK}, ())
    added = json.dumps(BLOCK, ensure_ascii=False)[1:-1].encode()
    assert found == raw.replace(b'"caf', b'"' + added + b"caf")
    assert json.loads(found)["messages"][0]["content"] == BLOCK + "café / 1"


def test_a_block_for_parts_is_a_text_part_before_the_first_text() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "a"}]
    found = json.loads(request(user(parts)).with_memory({0: BLOCK}, ()))["messages"][0]["content"]
    assert found == [parts[0], {"type": "text", "text": BLOCK}, parts[1]]


def test_a_block_for_parts_without_text_goes_first() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "x"}}]
    found = json.loads(request(user(parts)).with_memory({0: BLOCK}, ()))["messages"][0]["content"]
    assert found == [{"type": "text", "text": BLOCK}, parts[0]]


@pytest.mark.parametrize("content", [None, [], 7, {"a": 1}])
def test_content_of_another_shape_can_hold_no_block(content: object) -> None:
    assert not request(user(content)).can_hold_block(0)


def test_content_that_is_given_twice_can_hold_no_block() -> None:
    assert not ChatRequest(b'{"messages":[{"role":"user","content":"a","content":"b"}]}').can_hold_block(0)


def test_earlier_messages_go_behind_the_leading_system_text() -> None:
    found = request({"role": "system", "content": "s"}, user("new")).with_memory(
        {0: "B"}, ['{"role":"user","content":"old"}']
    )
    assert [item["content"] for item in json.loads(found)["messages"]] == ["s", "old", "Bnew"]


def test_nothing_to_add_gives_the_clients_bytes() -> None:
    raw = b' {"messages":[{"role":"user","content":"a"}]}\n'
    assert ChatRequest(raw).with_memory({}, ()) is raw


@pytest.mark.parametrize(
    "content",
    ["x FORGET y", [{"type": "image_url", "image_url": {"url": "u"}}, {"type": "text", "text": "x FORGET y"}]],
)
def test_a_rewritten_message_keeps_everything_but_the_text(content: Any) -> None:
    before = message(user(content) | {"name": "bob"})
    after = rewritten(before, lambda text: text.replace("FORGET", ""))
    assert after.text == "x  y"
    assert (after.digest, after.chain, after.link) == (before.digest, before.chain, before.link)
    assert json.loads(after.raw) == json.loads(before.raw.replace("FORGET", ""))
