"""Anthropic's Messages API: requests and where memory goes in them, answers in one body and in a stream."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import Reply
from gateway.errors import BadRequest, BodyTooLarge, GatewayError, Overloaded, UpstreamSilent, UpstreamUnreachable
from gateway.wire.document import NotReadable
from gateway.wire.messages import MessagesRequest
from gateway.wire.messages_reply import StreamedMessage, error_body, read_reply, reply_message
from gateway.wire.sse import EventStream

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
BLOCK = '<memory>\nA "quoted" é 😀 line\n</memory>\n\n'
ADDED = json.dumps(BLOCK, ensure_ascii=False)[1:-1].encode()
PART = b'{"type":"text","text":"' + ADDED + b'"}'
MARK = {"cache_control": {"type": "ephemeral"}}


def request(*messages: object, **more: object) -> MessagesRequest:
    return MessagesRequest(json.dumps({"model": "m", "max_tokens": 9, "messages": messages, **more}).encode())


def user(content: object = "Hi") -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(*content: object) -> dict[str, Any]:
    return {"role": "assistant", "content": [text(part) if isinstance(part, str) else part for part in content]}


def text(given: str, **more: object) -> dict[str, Any]:
    return {"type": "text", "text": given, **more}


def use(given: object = None, id: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "look", "input": given or {}}


def result(content: object = "7", id: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id, "content": content}


def image(data: str = "AAAA") -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


THOUGHT: dict[str, Any] = {"type": "thinking", "thinking": "hm", "signature": "Eu=="}
SEARCH: dict[str, Any] = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}


def digests(*messages: object) -> list[bytes]:
    return [message.digest for message in request(*messages).messages]


SAME = [
    (user("Hi"), user([text("Hi", **MARK)])),
    (user([text("a"), image()]), user([text("a"), image() | MARK])),
    (user("a\nb"), user([text("a"), text("b")])),
    (said("Hi"), {"role": "assistant", "content": "Hi"}),
    (said("Hi"), said(THOUGHT, {"type": "redacted_thinking", "data": "x"}, SEARCH, text("Hi", citations=None))),
    (said(use({"a": 1, "b": [2]})), said(THOUGHT, use({"b": [2], "a": 1}) | MARK)),
    (user([result("7")]), user([result([text("7")]) | {"is_error": False} | MARK])),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_message_that_a_client_sends_again_in_another_form_has_the_same_digest(one: Any, other: Any) -> None:
    assert digests(one) == digests(other)


DIFFERENT = [
    (user("Hi"), user("Ho")),
    (user("Hi"), {"role": "assistant", "content": "Hi"}),
    (user([image()]), user([image("BBBB")])),
    (said(use()), said(use(id="toolu_2"))),
    (said(use({"a": 1})), said(use({"a": 2}))),
    (user([result("7")]), user([result("8")])),
    (user([result("7")]), user([result("7", "toolu_2")])),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_messages_that_say_different_things_have_different_digests(one: Any, other: Any) -> None:
    assert digests(one) != digests(other)


def test_results_and_what_is_said_to_them_are_messages_of_their_own() -> None:
    spoken = [result("7"), result("8", "toolu_2"), text("And now?"), image()]
    found = request(user("a"), said("b", use(), use(id="toolu_2")), user(spoken))
    assert [(message.role, message.text, message.tool) for message in found.messages] == [
        ("user", "a", False),
        ("assistant", "b", True),
        ("tool", "7", True),
        ("tool", "8", True),
        ("user", "And now?", False),
    ]
    assert [json.loads(message.raw)["content"] for message in found.messages[2:]] == [
        spoken[:1],
        spoken[1:2],
        spoken[2:],
    ]
    assert not found.answers_tool


def test_a_request_that_brings_only_results_goes_on_with_its_turn() -> None:
    found = request(user("a"), said(use()), user([result()]))
    assert found.answers_tool
    assert not found.can_hold_block(2)


def test_system_text_is_no_part_of_the_thread() -> None:
    one = request(user("a"), {"role": "system", "content": "x"}, user("b"), system=[text("It is noon.", **MARK)])
    other = request(user("a"), user("b"))
    assert [message.chain for message in one.messages] == [message.chain for message in other.messages]


@given(st.sampled_from(["user", "assistant"]), JSON, JSON)
def test_no_shape_of_a_message_makes_reading_it_fail(role: str, one: Any, other: Any) -> None:
    blocks = [{"type": kind, "text": one, "content": other, "source": one} for kind in ("text", "image", "tool_result")]
    for content in (one, [one], [other, *blocks], [use() | {"input": one, "id": other}]):
        found = request(user(), {"role": role, "content": content})
        for index in range(len(found.messages)):
            found.can_hold_block(index)


@given(JSON)
def test_no_shape_of_a_body_makes_anything_but_not_readable(value: Any) -> None:
    for body in (value, {"messages": value}, {"messages": [value]}, {"model": value, "messages": [user()]}):
        try:
            MessagesRequest(json.dumps(body).encode())
        except NotReadable:
            continue


@pytest.mark.parametrize(
    "raw",
    [
        b"null",
        b'{"messages":[]}',
        b'{"messages":[{"role":"system","content":"x"}]}',
        b'{"messages":[{"role":"user","content":"a","content":[{"type":"tool_result"}]}]}',
    ],
)
def test_a_body_without_one_conversation_is_not_readable(raw: bytes) -> None:
    with pytest.raises(NotReadable):
        MessagesRequest(raw)


def test_a_block_goes_into_a_string_and_nothing_else_changes() -> None:
    raw = (
        b'{ "system":[{"type":"text","text":"\\u00e9","cache_control":{"type":"ephemeral"}}],"max_tokens":1024.0,'
        b' "messages" : [ {"role":"user" ,"content":"caf\\u00e9 \\/ 1"} ]}'
    )
    assert MessagesRequest(raw).with_memory({0: BLOCK}, ()) == raw.replace(b'"caf', b'"' + ADDED + b"caf")


@pytest.mark.requirement("R-119")
def test_a_block_goes_behind_results_and_breakpoints_and_nothing_else_changes() -> None:
    raw = (
        b'{"messages":[{"role":"user","content":"a"},'
        b'{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"E=="},'
        b'{"type":"tool_use","id":"t","name":"n","input":{}}]},'
        b'{"role":"user","content":[ {"type":"tool_result","tool_use_id":"t","content":"7"} ,'
        b'{"type":"text","text":"b","cache_control":{"type":"ephemeral"}} ]}]}'
    )
    found = MessagesRequest(raw).with_memory({3: BLOCK}, ())
    assert found == raw.replace(b'"ephemeral"}} ]', b'"ephemeral"}},' + PART + b" ]")
    assert found.count(b"cache_control") == raw.count(b"cache_control")


def test_a_block_stays_where_it_was_when_the_breakpoint_has_moved_on() -> None:
    """So that what the provider cached is the beginning of the next request too."""
    first = json.loads(request(user([text("a", **MARK)])).with_memory({0: BLOCK}, ()))
    for again in ([text("a")], "a"):
        second = request(user(again), said("b"), user([text("c", **MARK)])).with_memory({0: BLOCK}, ())
        without = [{key: block[key] for key in ("type", "text")} for block in first["messages"][0]["content"]]
        assert json.loads(second)["messages"][0]["content"] == without


def test_a_string_stays_a_string_where_no_message_is_marked() -> None:
    found = json.loads(request(user("a"), system=[text("s", **MARK)]).with_memory({0: BLOCK}, ()))
    assert found["messages"][0]["content"] == BLOCK + "a"


@pytest.mark.parametrize("content", [None, [], 7, {"a": 1}])
def test_content_of_another_shape_can_hold_no_block(content: object) -> None:
    assert not request(user(content)).can_hold_block(0)


def test_earlier_messages_go_first_and_roles_alternate() -> None:
    earlier = [
        json.dumps(message)
        for message in (
            user("old"),
            said(use(), use(id="toolu_2")),
            user([result()]),
            user([result("8", "toolu_2")]),
            user("and?"),
            said("so"),
        )
    ]
    found = json.loads(request(user("new")).with_memory({0: "B"}, earlier))["messages"]
    assert [message["role"] for message in found] == ["user", "assistant", "user", "assistant", "user"]
    assert found[2]["content"] == [result(), result("8", "toolu_2"), text("and?")]
    assert found[4]["content"] == "Bnew"


def test_nothing_to_add_gives_the_clients_bytes() -> None:
    raw = b' {"messages":[{"role":"user","content":"a"}]}\n'
    assert MessagesRequest(raw).with_memory({}, ()) is raw


def answer(*content: object, **more: object) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
        **more,
    }


def read(value: object) -> Reply:
    return read_reply(json.dumps(value).encode())


def test_the_answer_of_a_body_keeps_its_blocks_and_leaves_empty_text_out() -> None:
    found = read(answer(THOUGHT, text(""), text("Hi"), use({"a": 1})))
    assert found == Reply(
        "complete",
        {"content": [THOUGHT, text("Hi"), use({"a": 1})]},
        "m-1",
        "msg_1",
        "end_turn",
        {"input_tokens": 3, "output_tokens": 2},
    )
    message = reply_message(found, None)
    assert message is not None
    assert message.tool
    assert [message.digest] == digests(said("Hi", use({"a": 1})))


@pytest.mark.parametrize("value", [None, [], {}, {"type": "error", "error": {"type": "overloaded_error"}}, "x"])
def test_a_body_without_an_answer_is_an_error(value: object) -> None:
    assert read(value) == Reply("error")


def test_an_answer_of_one_text_is_a_string_as_in_every_other_format() -> None:
    message = reply_message(read(answer(text("Hi", citations=None))), None)
    assert message is not None
    assert message.raw == '{"role":"assistant","content":"Hi"}'


def test_an_answer_that_says_nothing_is_no_message() -> None:
    found = read(answer(stop_reason="refusal"))
    assert (found.state, found.finish_reason, reply_message(found, None)) == ("complete", "refusal", None)


@given(JSON, JSON)
def test_no_body_makes_reading_an_answer_fail(one: Any, other: Any) -> None:
    for value in (one, {"content": one}, answer(one, {"type": "text", "text": other}, use() | {"input": one})):
        reply_message(read(value), None)


def event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def stream(*content: dict[str, Any], stop: str = "end_turn") -> list[bytes]:
    """The events of an answer, as the provider documents them."""
    begun = answer(stop_reason=None, usage={"input_tokens": 3, "output_tokens": 1})
    events = [event("message_start", message=begun), event("ping")]
    for index, block in enumerate(content):
        empty = (
            dict(block) | {key: "" for key in _STREAMED if key in block} | ({"input": {}} if "input" in block else {})
        )
        events.append(event("content_block_start", index=index, content_block=empty))
        for key in _STREAMED.keys() & block.keys():
            for piece in block[key]:
                delta = {"type": _STREAMED[key], key: piece}
                events.append(event("content_block_delta", index=index, delta=delta))
        if "input" in block:
            for piece in json.dumps(block["input"]):
                delta = {"type": "input_json_delta", "partial_json": piece}
                events.append(event("content_block_delta", index=index, delta=delta))
        events.append(event("content_block_stop", index=index))
    events.append(
        event("message_delta", delta={"stop_reason": stop, "stop_sequence": None}, usage={"output_tokens": 2})
    )
    return [*events, event("message_stop")]


_STREAMED = {"text": "text_delta", "thinking": "thinking_delta", "signature": "signature_delta"}
CONTENT = (THOUGHT, text("Hé 😀 you"), use({"a": [1, "é"]}), SEARCH)


def heard(chunks: list[bytes]) -> StreamedMessage:
    listener, events = StreamedMessage(), EventStream()
    for chunk in chunks:
        for data, _ in events.feed(chunk):
            listener.take(data)
    for data, _ in events.close():
        listener.take(data)
    return listener


@given(st.data())
def test_a_stream_in_any_pieces_is_the_answer_of_a_body(data: st.DataObject) -> None:
    raw = b"".join(stream(*CONTENT))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    listener = heard([raw[start:end] for start, end in itertools.pairwise([0, *cuts, len(raw)])])
    assert listener.ended
    assert listener.reply() == read(answer(*CONTENT))


def test_an_answer_ends_where_it_says_why_it_stopped_and_not_before() -> None:
    """litellm reads no further; the upstream is done one event later."""
    *before, stopped, last = stream(*CONTENT)
    assert not heard(before).ended
    assert heard([*before, stopped]).ended
    assert not heard([*before, stopped]).done
    assert heard([*before, stopped, last]).done


def test_citations_come_back_with_their_text() -> None:
    cited = {"type": "char_location", "cited_text": "x"}
    chunks = stream(text("a"))
    chunks.insert(3, event("content_block_delta", index=0, delta={"type": "citations_delta", "citation": cited}))
    assert heard(chunks).reply().message == {"content": [text("a", citations=[cited])]}


def test_a_stream_that_breaks_leaves_the_text_that_came() -> None:
    found = heard(stream(text("Hello"))[:6]).reply()
    assert (found.state, found.message, found.upstream_id) == ("partial", {"content": "Hel"}, "msg_1")


def test_a_call_that_did_not_end_is_left_out() -> None:
    assert heard(stream(text("a"), use({"a": 1}))[:-4]).reply().message == {"content": "a"}


def test_a_stream_that_says_it_broke_is_an_error() -> None:
    broken = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    listener = heard([*stream(text("Hello"))[:4], broken])
    assert (listener.failed, listener.ended, listener.reply().state) == (True, False, "error")


@pytest.mark.requirement("R-122")
def test_a_broken_stream_is_told_as_this_api_tells_it() -> None:
    assert StreamedMessage().cut_off("It broke.") == (
        b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"It broke."}}\n\n'
    )


@given(
    st.sampled_from(["message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop"]),
    JSON,
    JSON,
)
def test_no_event_makes_listening_fail(kind: str, one: Any, other: Any) -> None:
    listener = StreamedMessage()
    for value in (
        one,
        {"type": kind, "message": one, "delta": other, "index": one, "content_block": other, "usage": one},
        {"type": "content_block_start", "index": 0, "content_block": {"type": one, "text": other, "thinking": one}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": one, "thinking": other}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{"}},
        {"type": kind, "message": {"usage": one, "id": other}, "delta": {"stop_reason": one}},
    ):
        listener.take(json.dumps(value).encode())
        reply_message(listener.reply(), None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadRequest("No."), "invalid_request_error"),
        (BodyTooLarge(), "request_too_large"),
        (Overloaded(), "overloaded_error"),
        (UpstreamSilent(), "timeout_error"),
        (UpstreamUnreachable(), "api_error"),
    ],
)
def test_a_refusal_of_the_gateway_has_this_apis_shape(error: GatewayError, kind: str) -> None:
    assert json.loads(error_body(error)) == {"type": "error", "error": {"type": kind, "message": error.message}}
