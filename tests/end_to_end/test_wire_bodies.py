"""What memory adds to a request is one block: every other byte of the client's body reaches the upstream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import Served, ids
from tests.connection import Connection
from tests.doors import EveryDoor, through
from tests.process import Gateway
from tests.upstream import Upstream, chunk

FACT, QUESTION = "My sister Ana lives in Porto.", "Where does my sister Ana live?"
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}

SCALARS = """
 "frequency_penalty" : 0.0, "presence_penalty":-0.50,"top_p":1, "temperature": 1.0 ,"seed":12345678901234567890123,
 "logit_bias":{"50256":-100,"11":1e-7},"logprobs":true,"top_logprobs":null,"max_completion_tokens":9007199254740993,
 "max_tokens": 64,"n" : 1,"stop":["\\n","\\u00e9","\\ud83d"],"store":null,"metadata":{"z":"1","a":"2"},
 "user":"u-1", "safety_identifier":"s-1" , "prompt_cache_key":"k", "prompt_cache_retention":"24h",
 "prompt_cache_options":{"mode":"implicit","ttl":"30m"},"service_tier":"flex","reasoning_effort":"low",
 "verbosity":"low","parallel_tool_calls":false,"tool_choice":{"type":"function","function":{"name":"look_up"}},
 "modalities":["text"],"audio":{"voice":"alloy","format":"wav"},"prediction":{"type":"content","content":"x"},
 "web_search_options":{"search_context_size":"low"},"functions":[],"function_call":"none","moderation":null,
 "stream_options":{"include_obfuscation":false,"vendor":1},
 "response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"b":{},"a":[1,1.0,-0]}}},
 "tools":[{"type":"function","function":{"parameters":{"z":1,"a":{"type":"object"}},"name":"look_up"}},
  {"type":"custom","custom":{"name":"c","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"x"}}}}],
 "provider":{"order":["b","a"]},"models":["m","n"],"transforms":[],"plugins":[{"id":"web"}],"usage":{"include":true},
 "guided_json":{"type":"object"},"chat_template_kwargs":{"enable_thinking":false},"top_k":-1,"min_p":0.05,
 "extra_body":{"google":{"cached_content":null}},"thinking":{"type":"enabled"},"never_heard_of":[null,{"":""}]"""
"""Every parameter of a chat, and what other servers add to them, in forms that a second writing would change."""

HISTORY = {
    "chat": r"""
 {"role":"system","content":"S\u00e9 terse.","name":"x"}, {"content":[{"type":"text","text":"D"}],"role":"developer"},
 {"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,","detail":"low"}},
  {"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}},{"type":"file","file":{"file_id":"f"}},
  {"type":"text","text":"Look.","prompt_cache_breakpoint":{"mode":"explicit"},"cache_control":{"type":"ephemeral"}}]},
 {"role":"assistant","content":null,"refusal":null,"audio":{"id":"a"},"tool_calls":[{"id":"c1","type":"function",
  "function":{"name":"look_up","arguments":"{ \"a\" :1}"},"extra_content":{"google":{"thought_signature":"s"}}},
  {"id":"c2","type":"custom","custom":{"name":"c","input":"x"}}]},
 {"role":"tool","tool_call_id":"c1","content":"1"},{"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"2"}]},
 {"role":"assistant","function_call":{"name":"old","arguments":""},"reasoning_content":"hm"},
 {"role":"function","name":"old","content":null},
 {"role":"assistant","content":[{"type":"text","text":"So."},{"type":"refusal","refusal":"No."}]}""",
    "responses": r"""
 {"role":"developer","content":"D"}, {"type":"message","role":"user","content":[{"type":"input_text","text":"Look."},
  {"type":"input_image","image_url":"data:,","detail":"low","x":null}]},
 {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA\/="},
 {"type":"function_call","call_id":"c1","name":"look_up","arguments":"{ \"a\" :1}","id":"fc_1","status":"completed"},
 {"type":"function_call_output","call_id":"c1","output":"1"},
 {"id":"m1","type":"message","role":"assistant","content":[{"type":"output_text","text":"So.","annotations":[]}]}""",
    "messages": r"""
 {"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}},
  {"type":"text","text":"Look.","cache_control":{"type":"ephemeral","ttl":"1h"}}]},
 {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"sg=="},
  {"type":"redacted_thinking","data":"rd=="},{"type":"server_tool_use","id":"st","name":"web_search","input":{"q":1}},
  {"type":"web_search_tool_result","tool_use_id":"st","content":[]},
  {"type":"tool_use","id":"c1","name":"look_up","input":{ "b":1.0, "a":null}}]},
 {"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"1","is_error":false}]},
 {"role":"assistant","content":"So."}""",
}
"""Earlier turns, with every kind of message, part, item and block."""

NEWEST = {
    "string": '"%s"',
    "part": '[ {"text":"%s", "type":"%s"} ]',
    "parts": '[{"type":"text_first","k":1},{"type":"%s","text":"%s"},{"z":2,"type":"picture"}]',
}
MARK = ',"cache_control":{"type":"ephemeral","ttl":"1h"}'
TEXT_TYPE = {"chat": "text", "responses": "input_text", "messages": "text"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Upstream(EveryDoor()) as upstream:
        upstreams = [
            {"name": "openai", "base_url": upstream.url},
            {"name": "anthropic", "kind": "anthropic", "base_url": upstream.url},
        ]
        with Gateway(tmp_path_factory.mktemp("bodies"), upstream.url, upstreams=upstreams) as gateway:
            served = Served(gateway, upstream)
            through(gateway, "chat", FACT, ids("alice", session="told"))
            yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    shared.upstream.script = EveryDoor()
    return shared


def body_of(door: str, form: str, stream: bool) -> bytes:
    """A request of this door whose newest message has this form."""
    text, kind = QUESTION + r" \u00e9\/\ud83d", TEXT_TYPE[door]
    history = HISTORY[door]
    if form == "string":  # where Anthropic's client marks blocks, a string gets the block as a block beside it
        history = history.replace(MARK, "")
    content = NEWEST[form] % {"string": (text,), "part": (text, kind), "parts": (kind, text)}[form]
    key = "input" if door == "responses" else "messages"
    given = f'"{key}" :[{history} ,\r\n\t{{ "role":"user", "content" : {content} ,"name":null}} ]'
    streams = "true" if stream else "false"
    return f' {{"model":"m",{SCALARS},{given},"instructions":"I","system":[],"stream":{streams}}}\n'.encode()


def added(sent: bytes, received: bytes) -> bytes:
    """What was put into a body; it fails where anything else of it is not the client's."""
    at = next((i for i, (a, b) in enumerate(zip(sent, received, strict=False)) if a != b), len(sent))
    end = len(received) - len(sent)
    while at and received[at - 1 + end : at + end] == received[at - 1 : at] and not _is_block(received[at : at + end]):
        at -= 1  # where the block ends as it begins, there is more than one place where it could stand
    assert received[:at] + received[at + end :] == sent
    return received[at : at + end]


def _is_block(piece: bytes) -> bool:
    return piece.startswith((b"<memory>", b'{"type"', b',{"type"'))


@pytest.mark.requirement("R-11", "R-12", "R-13", "R-14", "R-20", "R-81", "R-87", "R-88", "R-92", "R-95", "R-121")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("form", NEWEST)
@pytest.mark.parametrize("door", PATHS)
def test_a_block_is_the_only_change_to_a_body(served: Served, door: str, form: str, stream: bool) -> None:
    body = body_of(door, form, stream)
    who = ids("alice", session=f"{door} {form} {stream}")
    answer = served.gateway.request("POST", PATHS[door], body, who)
    assert (answer.status, answer.header("x-memory-recalled")) == (200, "1")
    received = served.upstream.last
    block = added(body, received.body)
    assert b"<memory>" in block
    assert block.count(FACT.encode()) == 1
    key = "input" if door == "responses" else "messages"
    before, after = json.loads(body), received.json
    assert [message.get("role") for message in after[key]] == [message.get("role") for message in before[key]]
    assert after[key][:-1] == before[key][:-1]
    assert type(after[key][-1]["content"]) is type(before[key][-1]["content"])
    assert {name: value for name, value in after.items() if name != key} == {
        name: value for name, value in before.items() if name != key
    }


@pytest.mark.requirement("R-17")
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("door", PATHS)
def test_a_body_that_grew_has_its_own_length(served: Served, door: str, chunked: bool) -> None:
    body = body_of(door, "string", False)
    who = [f"{name}: {value}" for name, value in ids("alice", session=f"grew {door} {chunked}").items()]
    with Connection(served.gateway.port) as client:
        if chunked:
            client.request("POST", PATHS[door], None, *who, "Transfer-Encoding: chunked")
            client.send(chunk(body[:1000]) + chunk(body[1000:]) + chunk(b""))
        else:
            client.request("POST", PATHS[door], body, *who)
        assert client.answer()[0] == 200
    received = served.upstream.last
    assert len(received.body) > len(body)
    lengths = [value for name, value in received.headers if name == "content-length"]
    assert lengths == [str(len(received.body))]
    assert received.header("transfer-encoding") is None


@pytest.mark.requirement("R-80")
@pytest.mark.parametrize("mode", [{}, {"X-Memory": "off"}, {"X-Entity-Id": "nobody known"}])
@pytest.mark.parametrize("form", NEWEST)
@pytest.mark.parametrize("door", PATHS)
def test_without_a_memory_the_body_is_the_clients(served: Served, door: str, form: str, mode: dict[str, Any]) -> None:
    body = body_of(door, form, False)
    assert served.gateway.request("POST", PATHS[door], body, mode).status == 200
    assert served.upstream.last.body == body


@pytest.mark.requirement("R-4", "R-10", "R-120")
@pytest.mark.parametrize(
    "path",
    "completions embeddings moderations responses/input_tokens responses/compact responses/resp_1/cancel conversations"
    " chat/completions/c1 batches messages/count_tokens messages/batches threads/t/messages".split(),
)
def test_other_paths_get_no_block_and_leave_no_trace(served: Served, path: str) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": QUESTION}], "input": QUESTION}).encode()
    turns = len(served.turns("alice"))
    answer = served.gateway.request("POST", f"/v1/{path}", body, ids("alice", session="elsewhere"))
    assert (answer.status, answer.header("x-memory-status")) == (200, "off")
    assert served.upstream.last.body == body
    assert len(served.turns("alice")) == turns
