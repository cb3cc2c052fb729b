"""The Responses API: requests and where memory goes in them, answers in one body, in a stream and later."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import Reply
from gateway.wire.document import NotReadable
from gateway.wire.responses import Kept, ResponsesRequest
from gateway.wire.responses_reply import StreamedResponse, in_background, read_reply, reply_message, retrieved
from gateway.wire.sse import EventStream

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = st.sampled_from(["message", "function_call", "function_call_output", "reasoning", "item_reference", "x_call"])
BLOCK = '<memory>\nA "quoted" é 😀 line\n</memory>\n\n'
ADDED = json.dumps(BLOCK, ensure_ascii=False)[1:-1].encode()
OLD = '{"role":"user","content":"old"}'


def request(given: object, **more: object) -> ResponsesRequest:
    return ResponsesRequest(json.dumps({"model": "m", "input": given, **more}).encode())


def user(content: object = "Hi") -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}


def call(arguments: str = "{}", id: str = "call_1") -> dict[str, Any]:
    return {"id": "fc_1", "type": "function_call", "call_id": id, "name": "look", "arguments": arguments}


def result(output: object = "7", id: str = "call_1") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": id, "output": output}


THOUGHT: dict[str, Any] = {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": None}
SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "x"}}


def digests(*items: object) -> list[bytes]:
    return [message.digest for message in request(list(items)).messages]


SAME = [
    ([user("Hi")], [user([{"type": "input_text", "text": "Hi"}])]),
    ([user("Hi")], [user("Hi") | {"type": "message", "status": "completed", "id": "msg_0"}]),
    ([said("Hi")], [{"role": "assistant", "content": "Hi"}]),
    ([said("Hi")], [THOUGHT, SEARCH, said("Hi") | {"id": "msg_2"}]),
    ([call('{"a":1}')], [THOUGHT, call('{ "a": 1 }') | {"id": None, "status": "completed"}]),
    ([result("7")], [result([{"type": "input_text", "text": "7"}]) | {"id": "fco_1"}]),
    ([{"type": "item_reference", "id": "msg_1"}], [{"id": "msg_1", "type": "item_reference"}]),
    ([said("a"), call()], [THOUGHT, {"type": "item_reference", "id": "rs_1"}, said("a"), call()]),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_items_that_a_client_sends_again_in_another_form_have_the_same_digest(one: Any, other: Any) -> None:
    assert digests(*one) == digests(*other)


DIFFERENT = [
    ([user("Hi")], [user("Ho")]),
    ([user("Hi")], [{"role": "assistant", "content": "Hi"}]),
    ([call()], [call(id="call_2")]),
    ([call('{"a":1}')], [call('{"a":2}')]),
    ([result("7")], [result("8")]),
    ([result("7")], [result("7", "call_2")]),
    ([{"type": "item_reference", "id": "msg_1"}], [{"type": "item_reference", "id": "msg_2"}]),
    (
        [user([{"type": "input_image", "image_url": "https://x/1", "detail": "auto"}])],
        [user([{"type": "input_image", "image_url": "https://x/2", "detail": "auto"}])],
    ),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_items_that_say_different_things_have_different_digests(one: Any, other: Any) -> None:
    assert digests(*one) != digests(*other)


def test_input_that_is_a_string_is_a_users_message() -> None:
    (found,) = request("Hi").messages
    assert (found.role, found.text, found.raw) == ("user", "Hi", '{"role":"user","content":"Hi"}')
    assert found.chain == request([user("Hi")]).messages[0].chain


def test_the_items_of_one_answer_are_one_message() -> None:
    items = [
        {"role": "developer", "content": "It is noon."},
        user("a"),
        THOUGHT,
        said("b"),
        call(),
        result(),
        said("c"),
        user("d"),
    ]
    found = request(items)
    assert [(message.role, message.text, message.tool) for message in found.messages] == [
        ("user", "a", False),
        ("assistant", "b", True),
        ("tool", "7", True),
        ("assistant", "c", False),
        ("user", "d", False),
    ]
    assert json.loads(found.messages[1].raw) == [THOUGHT, said("b"), call()]
    assert found.has_history
    assert not found.answers_tool


@pytest.mark.parametrize(
    ("item", "role"),
    [
        ({"type": "custom_tool_call", "call_id": "c", "name": "sh", "input": "ls"}, "assistant"),
        ({"type": "custom_tool_call_output", "call_id": "c", "output": "x"}, "tool"),
        ({"type": "computer_call", "call_id": "c", "action": {"type": "click"}}, "assistant"),
        (
            {
                "type": "computer_call_output",
                "call_id": "c",
                "output": {"type": "computer_screenshot", "image_url": "data:x"},
            },
            "tool",
        ),
        ({"type": "shell_call_output", "call_id": "c", "output": [{"stdout": "x", "stderr": ""}]}, "tool"),
        ({"type": "mcp_approval_request", "id": "m", "name": "n", "arguments": "{}"}, "assistant"),
        ({"type": "mcp_approval_response", "approval_request_id": "m", "approve": True}, "tool"),
        ({"type": "compaction", "encrypted_content": "x"}, "assistant"),
        ({"type": "program_output", "call_id": "c", "output": "x"}, "assistant"),
        ({"type": "something_new", "content": 7}, "assistant"),
        ({"id": "msg_1"}, "assistant"),
    ],
)
def test_every_item_has_its_speaker(item: dict[str, Any], role: str) -> None:
    found = request([user("a"), item])
    assert found.messages[-1].role == role
    assert found.with_memory({0: BLOCK}, ()).endswith(json.dumps(item).encode() + b"]}")


@given(st.sampled_from(["role", "content", "output", "call_id", "id"]), JSON, JSON)
def test_no_shape_of_an_item_makes_reading_it_fail(key: str, one: Any, other: Any) -> None:
    found = request([user(), {key: one, "content": other}, {key: one}, {"role": "user", key: other}])
    for index in range(len(found.messages)):
        found.can_hold_block(index)


@given(KINDS, JSON, JSON)
def test_no_shape_of_a_known_item_makes_reading_it_fail(kind: str, one: Any, other: Any) -> None:
    item = {"type": kind, "role": one, "content": other, "output": one, "call_id": other, "arguments": one}
    request([user(), item, item | {"role": "assistant", "content": [one, {"type": "output_text", "text": other}]}])


@given(JSON)
def test_no_shape_of_a_body_makes_anything_but_not_readable(value: Any) -> None:
    for body in (
        value,
        {"input": value},
        {"input": [value]},
        {"model": value, "previous_response_id": value, "conversation": value, "input": "a"},
    ):
        try:
            ResponsesRequest(json.dumps(body).encode())
        except NotReadable:
            continue


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"m","previous_response_id":"resp_1"}',
        b'{"input":[]}',
        b'{"input":null}',
        b'{"input":["a"]}',
        b'{"input":[{"role":"developer","content":"x"}]}',
        b'{"input":"a","input":"b"}',
        b"null",
    ],
)
def test_a_body_without_one_conversation_is_not_readable(raw: bytes) -> None:
    with pytest.raises(NotReadable):
        ResponsesRequest(raw)


def test_a_block_goes_into_a_string_and_nothing_else_changes() -> None:
    raw = b'{ "instructions":"Be \\u00e9", "input" : "caf\\u00e9 \\/ 1" ,"seed":12345678901234567890, "t":1.0}'
    found = ResponsesRequest(raw).with_memory({0: BLOCK}, ())
    assert found == raw.replace(b'"caf', b'"' + ADDED + b"caf")


def test_a_block_goes_before_the_content_of_an_item_and_nothing_else_changes() -> None:
    raw = (
        b'{"input":[ {"role":"user","content":"a"} , {"type":"reasoning","id":"rs","summary":[]},'
        b'{"role":"user" ,"content":[{"type":"input_image","image_url":"x"}, {"type":"input_text","text":"b"}]}]}'
    )
    part = b'{"type":"input_text","text":"' + ADDED + b'"},'
    found = ResponsesRequest(raw).with_memory({0: BLOCK, 2: BLOCK}, ())
    assert found == raw.replace(b'"a"', b'"' + ADDED + b'a"').replace(
        b'{"type":"input_text"', part + b'{"type":"input_text"'
    )


@pytest.mark.parametrize("content", [None, [], 7, {"a": 1}])
def test_content_of_another_shape_can_hold_no_block(content: object) -> None:
    assert not request([user(content)]).can_hold_block(0)


def test_what_is_not_the_users_can_hold_no_block() -> None:
    found = request([user("a"), {"role": "assistant", "content": "b"}, call(), result()])
    assert [found.can_hold_block(index) for index in range(3)] == [True, False, False]


def test_earlier_messages_go_behind_the_instructions() -> None:
    found = request([{"role": "system", "content": "s"}, user("new")]).with_memory(
        {0: "B"}, [OLD, f"[{json.dumps(call())},{json.dumps(said('x'))}]", ""]
    )
    items = json.loads(found)["input"]
    assert [item.get("content") for item in items] == ["s", "old", None, said("x")["content"], "Bnew"]


def test_earlier_messages_make_a_list_of_a_string() -> None:
    raw = b'{"input":"n\\u00e9w","store":false}'
    found = ResponsesRequest(raw).with_memory({0: "B"}, [OLD])
    assert found == b'{"input":[' + OLD.encode() + b',{"role":"user","content":"Bn\\u00e9w"}],"store":false}'


def test_nothing_to_add_gives_the_clients_bytes() -> None:
    raw = b' {"input":[{"role":"user","content":"a"}]}\n'
    assert ResponsesRequest(raw).with_memory({}, ()) is raw


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, None),
        ({"previous_response_id": None, "conversation": None, "store": True}, None),
        ({"previous_response_id": ""}, None),
        ({"previous_response_id": "resp_1"}, Kept(response="resp_1")),
        ({"conversation": "conv_1"}, Kept("conv_1")),
        ({"conversation": {"id": "conv_1"}}, Kept("conv_1")),
        ({"conversation": {"id": 7}}, None),
    ],
)
def test_what_the_upstream_keeps_is_told_by_the_body(fields: dict[str, Any], kept: Kept | None) -> None:
    assert request("Hi", **fields).kept == kept


def test_a_chain_without_a_name_has_the_same_session_each_time() -> None:
    assert Kept("conv_1").session == "conv_1"
    assert Kept(response="resp_1").session == "resp_1"
    assert Kept("x" * 300).session == Kept("x" * 300).session != Kept("y" * 300).session
    assert len(Kept("a\nb").session) == 32


def answer(*output: object, **more: object) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "m-1",
        "output": list(output),
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
        **more,
    }


def read(value: object) -> Reply:
    return read_reply(json.dumps(value).encode())


def test_the_answer_of_a_body_is_what_a_client_would_send_back() -> None:
    found = read(answer(THOUGHT, SEARCH, said("Hi")))
    assert found == Reply(
        "complete",
        {"output": [{"role": "assistant", "content": "Hi"}]},
        "m-1",
        "resp_1",
        "completed",
        {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    )
    message = reply_message(found, None)
    assert message is not None
    assert (message.text, message.raw) == ("Hi", '{"role":"assistant","content":"Hi"}')
    assert [message.digest] == digests(THOUGHT, SEARCH, said("Hi"))


def test_an_answer_with_calls_keeps_them_with_the_reasoning_that_carries_itself() -> None:
    sealed = THOUGHT | {"encrypted_content": "gAAA"}
    for thought, kept in ((sealed, [sealed, call()]), (THOUGHT, [call() | {"id": None}])):
        found = read(answer(thought, call() | {"status": "completed"}))
        assert found.message is not None
        assert found.message["output"] == [
            {key: value for key, value in item.items() if value is not None} for item in kept
        ]
        message = reply_message(found, None)
        assert message is not None
        assert message.tool
        assert [message.digest] == digests(thought, call())


@pytest.mark.parametrize(
    ("value", "state", "finish"),
    [
        (answer(said("a"), status="incomplete", incomplete_details={"reason": "length"}), "complete", "length"),
        (answer(status="failed", error={"code": "server_error", "message": "no"}), "error", "server_error"),
        (answer(status="cancelled"), "partial", "cancelled"),
        (answer(status="queued"), "partial", None),
        ({"output": [said("a")]}, "complete", None),
        ({"error": {"message": "no"}}, "error", None),
        ([], "error", None),
        (None, "error", None),
    ],
)
def test_the_state_of_an_answer_is_its_status(value: object, state: str, finish: str | None) -> None:
    found = read(value)
    assert (found.state, found.finish_reason) == (state, finish)


@given(JSON, JSON)
def test_no_body_makes_reading_an_answer_fail(one: Any, other: Any) -> None:
    item = {"type": "message", "content": one, "phase": other}
    for value in (one, {"output": one}, answer(one, item, call() | {"call_id": other}, error=one, status=other)):
        reply_message(read(value), None)


def test_an_answer_in_the_background_is_read_when_a_later_get_shows_its_end() -> None:
    begun = json.dumps(answer(status="queued", output=[])).encode()
    ended = json.dumps(answer(said("Hi"))).encode()
    assert in_background(begun) == "resp_1"
    assert in_background(ended) is None
    assert in_background(b"not json") is None
    assert retrieved(b"/v1/responses/resp_1") == "resp_1"
    assert retrieved(b"/v1/responses/resp_1/cancel") is None
    assert retrieved(b"/v1/responses") is None
    assert read_reply(ended).state == "complete"


def event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def stream(*output: dict[str, Any], end: str = "completed", **last: object) -> list[bytes]:
    """The events of an answer, as the provider documents them."""
    number = itertools.count()
    begun = answer(status="in_progress", usage=None)
    events = [event("response.created", response=begun, sequence_number=next(number))]
    for index, item in enumerate(output):
        started = item | {"content": [], "arguments": ""}
        events.append(
            event("response.output_item.added", output_index=index, item=started, sequence_number=next(number))
        )
        for part in item.get("content") or ():
            for piece in part["text"]:
                place = {"item_id": item["id"], "output_index": index, "content_index": 0}
                events.append(event("response.output_text.delta", delta=piece, **place, sequence_number=next(number)))
        if "arguments" in item:
            place = {"item_id": item["id"], "output_index": index}
            events.append(event("response.function_call_arguments.delta", delta=item["arguments"], **place))
        events.append(event("response.output_item.done", output_index=index, item=item, sequence_number=next(number)))
    whole = answer(*output, status=end) | last
    return [*events, event(f"response.{end}", response=whole, sequence_number=next(number))]


def heard(chunks: list[bytes]) -> StreamedResponse:
    listener, events = StreamedResponse(), EventStream()
    for chunk in chunks:
        for data, _ in events.feed(chunk):
            listener.take(data)
    for data, _ in events.close():
        listener.take(data)
    return listener


OUTPUT = (THOUGHT, said("Hé 😀 you"), call('{"a": 1}'))


@given(st.data())
def test_a_stream_in_any_pieces_is_the_answer_of_a_body(data: st.DataObject) -> None:
    raw = b"".join(stream(*OUTPUT))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=12)))
    chunks = [raw[start:end] for start, end in itertools.pairwise([0, *cuts, len(raw)])]
    listener = heard(chunks)
    assert listener.ended
    assert listener.reply() == read(answer(*OUTPUT))


def test_a_stream_whose_end_leaves_the_output_out_is_what_came_before() -> None:
    assert heard(stream(*OUTPUT, output=[])).reply() == read(answer(*OUTPUT))


def test_an_answer_ends_with_its_last_event_and_not_before() -> None:
    *before, last = stream(*OUTPUT)
    assert not heard(before).ended
    assert heard([*before, last]).done


def test_a_stream_that_breaks_leaves_the_text_that_came() -> None:
    found = heard(stream(said("Hello"))[:5]).reply()
    assert (found.state, found.message) == ("partial", {"output": [{"role": "assistant", "content": "Hel"}]})
    assert found.upstream_id == "resp_1"


def test_a_call_that_did_not_end_is_left_out() -> None:
    assert heard(stream(call())[:2]).reply().message is None


@pytest.mark.parametrize(
    "last",
    [
        event("error", code="server_error", message="no", param=None, sequence_number=7),
        event("error", error={"type": "server_error", "code": None, "message": "no", "param": None}),
        b'data: {"error":{"message":"no"}}\n\n',
    ],
)
def test_a_stream_that_says_it_broke_is_an_error(last: bytes) -> None:
    listener = heard([*stream(said("Hello"))[:-1], last])
    assert (listener.failed, listener.ended, listener.reply().state) == (True, False, "error")


def test_an_answer_that_failed_ends_the_stream_and_is_an_error() -> None:
    listener = heard(stream(end="failed", error={"code": "server_error", "message": "no"}))
    assert listener.ended
    assert (listener.reply().state, listener.reply().finish_reason) == ("error", "server_error")


def test_an_incomplete_answer_is_complete_with_its_reason() -> None:
    found = heard(stream(said("Hi"), end="incomplete", incomplete_details={"reason": "max_output_tokens"})).reply()
    assert (found.state, found.finish_reason) == ("complete", "max_output_tokens")


@pytest.mark.requirement("R-43")
def test_a_broken_stream_is_told_in_both_forms_that_clients_look_for() -> None:
    name, data, *_ = heard(stream(said("Hello"))[:3]).cut_off("It broke.").split(b"\n")
    told = json.loads(data.removeprefix(b"data: "))
    assert name == b"event: error"
    assert told["sequence_number"] == 3
    assert told["error"]["message"] == told["message"] == "It broke."
    assert set(told["error"]) == {"message", "type", "param", "code"}


EVENTS = ["response.output_text.delta", "response.output_item.done", "response.completed", "x"]


@given(st.sampled_from(EVENTS), JSON, JSON)
def test_no_event_makes_listening_fail(kind: str, one: Any, other: Any) -> None:
    listener = StreamedResponse()
    for value in (
        one,
        {"type": kind, "delta": one, "output_index": other, "content_index": one, "item": other, "item_id": one},
        {"type": kind, "item": {"type": one, "content": other}, "response": other},
        {"type": kind, "delta": "a", "response": {"output": one, "usage": other, "error": one}},
    ):
        listener.take(json.dumps(value).encode())
        listener.reply()
