"""What a model answered, in one body or in the events of a stream, odd ones included."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import Message, Reply
from gateway.wire.chat import read_message
from gateway.wire.reply import StreamedReply, read_reply, reply_message
from gateway.wire.sse import EventStream

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def message(value: dict[str, Any]) -> Message:
    return read_message(value, json.dumps(value), None)


def call(arguments: str, name: str = "look", id: str = "c1") -> dict[str, Any]:
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}],
    }


@pytest.mark.requirement("R-22")
def test_the_answer_of_a_body_is_its_first_choice() -> None:
    body = {
        "id": "c1",
        "model": "m-1",
        "choices": [
            {
                "message": {"role": "assistant", "content": "Hi", "refusal": None, "annotations": []},
                "finish_reason": "stop",
            },
            {"message": {"content": "Ho"}},
        ],
        "usage": {"total_tokens": 3},
    }
    assert read_reply(json.dumps(body).encode()) == Reply(
        "complete", {"content": "Hi"}, "m-1", "c1", "stop", {"total_tokens": 3}
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"error":{"message":"no"}}',
        b'{"choices":null}',
        b'{"choices":[]}',
        b'{"choices":[1]}',
        b'{"choices":["ab"]}',
        b'{"choices":[{"message":null}]}',
        b'{"choices":[{"message":"a"}]}',
        b"\xff",
    ],
)
def test_a_body_without_an_answer_is_an_error(body: bytes) -> None:
    assert read_reply(body) == Reply("error")


@given(JSON, JSON)
def test_no_body_makes_reading_an_answer_fail(one: Any, other: Any) -> None:
    for body in (
        one,
        {"choices": one},
        {"choices": [one]},
        {"choices": [{"message": one, "finish_reason": other}], "usage": other, "model": other},
        {"choices": [{"message": {"content": one, "tool_calls": other}}]},
    ):
        reply_message(read_reply(json.dumps(body).encode()), None)


def test_an_answer_that_a_client_sends_back_is_the_same_message() -> None:
    body = {"choices": [{"message": call('{"a": 1}') | {"refusal": None, "annotations": []}}]}
    recorded = reply_message(read_reply(json.dumps(body).encode()), None)
    assert recorded is not None
    assert recorded.digest == message(call('{"a":1}')).digest


def test_half_of_a_character_does_not_lose_an_answer() -> None:
    reply = read_reply(b'{"choices":[{"message":{"content":"a\\ud83d"}}]}')
    recorded = reply_message(reply, None)
    assert reply.state == "complete"
    assert recorded is not None
    assert recorded.text == "a\ufffd"
    recorded.raw.encode()


def chunk(index: int = 0, finish: str | None = None, **delta: Any) -> bytes:
    return json.dumps(
        {"id": "c1", "model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}
    ).encode()


def reply(*data: bytes, choices: int = 1) -> Reply:
    streamed = StreamedReply(choices)
    for item in data:
        streamed.take(item)
    return streamed.reply()


def calls(*pieces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The tool calls that chunks with these `tool_calls` add up to."""
    found = reply(*(chunk(tool_calls=piece) for piece in pieces), chunk(finish="tool_calls"))
    assert found.message is not None
    result: list[dict[str, Any]] = found.message["tool_calls"]
    return result


def piece(
    index: int | None = None, id: str | None = None, name: str | None = None, arguments: str | None = None
) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    named = {"index": index, "id": id, "function": function or None}
    return {key: value for key, value in named.items() if value is not None}


def made(id: str | None, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.requirement("R-52")
def test_a_call_is_put_together_by_its_index() -> None:
    found = calls(
        [piece(0, "a", "f", "")],
        [piece(1, "b", "g", "")],
        [piece(0, arguments='{"x"')],
        [piece(1, arguments="{}")],
        [piece(0, arguments=":1}")],
    )
    assert found == [made("a", "f", '{"x":1}'), made("b", "g", "{}")]


@pytest.mark.requirement("R-52")
def test_a_new_id_on_a_used_index_is_a_new_call() -> None:
    assert calls([piece(0, "a", "f", "{}")], [piece(0, "b", "g", "[")], [piece(0, arguments="]")]) == [
        made("a", "f", "{}"),
        made("b", "g", "[]"),
    ]


def test_an_id_that_is_known_is_the_same_call_without_an_index() -> None:
    assert calls([piece(0, "a", "f", "{")], [piece(1, "b", "g", "{}")], [piece(None, "a", arguments="}")]) == [
        made("a", "f", "{}"),
        made("b", "g", "{}"),
    ]


@pytest.mark.requirement("R-52")
def test_a_piece_without_index_and_id_belongs_to_the_current_call() -> None:
    assert calls([piece(None, "a", "f", "{")], [piece(arguments="}")]) == [made("a", "f", "{}")]


def test_calls_without_indexes_are_told_apart_by_their_ids() -> None:
    assert calls([piece(None, "a", "f", "{}"), piece(None, "b", "g", "{}")]) == [
        made("a", "f", "{}"),
        made("b", "g", "{}"),
    ]


@pytest.mark.requirement("R-52")
def test_several_pieces_of_one_index_in_one_chunk_are_one_call() -> None:
    assert calls([piece(0, "a", "f"), piece(0, arguments="{"), piece(0, arguments="}")]) == [made("a", "f", "{}")]


@pytest.mark.requirement("R-52")
def test_a_name_may_come_late_or_again() -> None:
    assert calls([piece(0, "a")], [piece(0, arguments="{")], [piece(0, "a", "f", "}")], [piece(0, "a", "f")]) == [
        made("a", "f", "{}")
    ]


def test_an_id_may_come_late() -> None:
    assert calls([piece(0, None, "f", "{")], [piece(0, "a", arguments="}")]) == [made("a", "f", "{}")]


def test_a_custom_call_keeps_its_input() -> None:
    found = calls(
        [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "sh", "input": "l"}}],
        [{"index": 0, "custom": {"input": "s"}}],
    )
    assert found == [{"id": "a", "type": "custom", "custom": {"name": "sh", "input": "ls"}}]


def test_the_old_form_of_a_call_is_put_together() -> None:
    found = reply(
        chunk(function_call={"name": "f", "arguments": "{"}),
        chunk(function_call={"arguments": "}"}),
        chunk(finish="function_call"),
    )
    assert found.message == {"content": None, "function_call": {"name": "f", "arguments": "{}"}}


@pytest.mark.requirement("R-53")
def test_text_and_refusal_are_kept_apart_and_reasoning_is_left_out() -> None:
    found = reply(
        chunk(role="assistant", content=""),
        chunk(reasoning_content="hm", reasoning="hm"),
        chunk(content="a"),
        chunk(content=None, refusal="no"),
        chunk(content="b"),
        chunk(finish="stop"),
    )
    assert found.message == {"content": "ab", "refusal": "no"}


@pytest.mark.requirement("R-53")
def test_an_answer_in_sound_is_kept_by_its_id() -> None:
    sound = {"id": "audio_1", "data": "AAAA", "transcript": "Hi", "expires_at": 1}
    body = {"choices": [{"message": {"role": "assistant", "content": None, "audio": sound}}]}
    kept = {"content": None, "audio": {"id": "audio_1"}}
    assert read_reply(json.dumps(body).encode()).message == kept
    pieces = [{"id": "audio_1", "transcript": "H"}, {"data": "AAAA"}, {"transcript": "i"}, {"expires_at": 1}]
    assert reply(*(chunk(audio=piece) for piece in pieces), chunk(finish="stop")).message == kept


@pytest.mark.requirement("R-21")
def test_text_parts_of_a_chunk_are_text_and_thinking_parts_are_not() -> None:
    found = reply(
        chunk(
            content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]
        ),
        chunk(finish="stop"),
    )
    assert found.message == {"content": "a"}


@pytest.mark.requirement("R-50")
def test_the_last_usage_that_is_not_null_counts() -> None:
    found = reply(
        chunk(content="a"),
        b'{"choices":[],"usage":{"total_tokens":1}}',
        b'{"usage":{"total_tokens":2}}',
        b'{"usage":null}',
    )
    assert found.usage == {"total_tokens": 2}


@pytest.mark.requirement("R-50")
def test_usage_in_the_groq_extension_counts() -> None:
    assert reply(b'{"choices":[],"x_groq":{"usage":{"total_tokens":2}}}').usage == {"total_tokens": 2}


def test_a_finish_reason_completes_the_answer_before_done() -> None:
    streamed = StreamedReply()
    streamed.take(chunk(content="a", finish="stop"))
    assert streamed.ended
    assert not streamed.done
    assert streamed.reply().state == "complete"


@pytest.mark.requirement("R-22")
def test_several_choices_are_complete_with_the_last_of_them() -> None:
    streamed = StreamedReply(2)
    streamed.take(chunk(1, content="other"))
    streamed.take(chunk(0, content="first", finish="stop"))
    assert not streamed.ended
    streamed.take(chunk(1, finish="length"))
    assert streamed.ended
    assert streamed.reply().message == {"content": "first"}
    assert streamed.reply().finish_reason == "stop"


def test_a_stream_without_an_end_is_partial() -> None:
    assert reply(chunk(content="a")) == Reply("partial", {"content": "a"}, "m", "c1")


def test_a_stream_with_an_error_is_an_error() -> None:
    assert reply(chunk(content="a"), b'{"error":{"message":"no"}}').state == "error"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b"[]",
        b"7",
        b'"a"',
        b"{}",
        b'{"choices":null}',
        b'{"choices":{}}',
        b'{"choices":[null]}',
        b'{"choices":[{}]}',
        b'{"choices":[{"delta":null}]}',
        b'{"choices":[{"index":"x","delta":[]}]}',
        b'{"choices":[{"delta":{"content":7,"tool_calls":7}}]}',
        b'{"choices":[{"delta":{"tool_calls":[null,{},{"index":"0"},{"function":null},{"function":{"name":7,"arguments":{}}}]}}]}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_an_odd_chunk_changes_nothing_of_the_text(data: bytes) -> None:
    found = reply(chunk(content="a"), data, chunk(content="b", finish="stop"))
    assert found.state == "complete"
    assert found.message is not None
    assert found.message["content"] == "ab"


@given(JSON, JSON, JSON)
def test_no_chunk_makes_it_raise(one: Any, other: Any, third: Any) -> None:
    calls = [
        {"index": one, "id": other, "function": {"name": third, "arguments": one}},
        {"id": third, "function": other},
    ]
    chunks = [one, {"choices": other}, {"choices": [{"index": one, "delta": other, "finish_reason": third}]}]
    chunks.append(
        {
            "choices": [{"index": 0, "delta": {"content": one, "tool_calls": calls, "function_call": other}}],
            "usage": third,
        }
    )
    for value in chunks:
        reply_message(reply(json.dumps(value).encode(), b"[DONE]"), None)


def test_halves_of_a_character_in_two_chunks_become_one() -> None:
    found = reply(chunk(content="\ud83d"), chunk(content="\ude00"), chunk(finish="stop"))
    assert found.message == {"content": "😀"}


def test_half_of_a_character_does_not_hide_the_end() -> None:
    found = reply(chunk(content="a\ud83d", finish="stop"))
    assert found.state == "complete"
    assert found.message == {"content": "a\ufffd"}


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.lists(st.integers(0, 5000), max_size=10),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)
def test_however_a_stream_is_cut_the_answer_is_the_same(text: str, places: list[int], end: bytes) -> None:
    events = [chunk(content=character) for character in text] + [chunk(finish="stop"), b"[DONE]"]
    body = b"".join(b"data: " + item + end + end for item in events)
    bounds = [0, *sorted(place % len(body) for place in places), len(body)]
    stream, streamed = EventStream(), StreamedReply()
    for start, stop in itertools.pairwise(bounds):
        for data, _ in stream.feed(body[start:stop]):
            streamed.take(data)
    assert streamed.reply() == Reply("complete", {"content": text}, "m", "c1", "stop")
