"""The Responses API: requests, answers in one body, and streams of events."""

from __future__ import annotations

import json
from typing import Any

from tests.end_to_end.corpus.case import RESPONSES, Case, answered, asking, chunked, events, lengthy, streamed
from tests.end_to_end.corpus.chat_asked import OPENAI_NODE, OPENAI_PYTHON

_USAGE = (
    '{"input_tokens":5,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":2,'
    '"output_tokens_details":{"reasoning_tokens":0},"total_tokens":7}'
)


def _answer(output: str, status: str = "completed", more: str = "") -> str:
    return (
        f'{{"id":"resp_1","object":"response","created_at":1760000000,"status":"{status}","error":null,'
        f'"incomplete_details":null,"model":"gpt-6","output":[{output}],"parallel_tool_calls":true,'
        f'"usage":{_USAGE},"metadata":{{}}{more}}}'
    )


_TEXT = '{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}'
_MESSAGE = f'{{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{_TEXT}]}}'
_SAID = lengthy(_answer(_MESSAGE).encode(), "content-type: application/json", "openai-version: 2020-10-01")
_PLAIN = b'{"model":"gpt-6","input":"Say hello"}'
_STREAMED = b'{"stream":true,"model":"gpt-6","input":"Say hello"}'

ASKED = {
    "a string": '{"model":"gpt-6","input":"Say hello","instructions":"Be terse.","store":false}',
    "an easy message": '{"model":"gpt-6","input":[{"role":"user","content":"Hi"}],"max_output_tokens":16}',
    "typed messages": '{"input":[{"type":"message","role":"developer","content":[{"type":"input_text","text":"S"}]},'
    '{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}],"model":"gpt-6"}',
    "an image and a file": '{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":'
    '"https://x.example/a.png","detail":"auto"},{"type":"input_file","file_id":"file-1"},{"type":"input_file",'
    '"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0="},{"type":"input_text","text":"Both?"}]}]}',
    "audio": '{"model":"m","input":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"UklG",'
    '"format":"mp3"}}]}]}',
    "an answer handed back": f'{{"model":"m","input":[{{"role":"user","content":"Hi"}},{_MESSAGE},'
    '{"role":"user","content":"Again"}],"store":false,"include":["reasoning.encrypted_content"]}',
    "reasoning handed back": '{"model":"m","input":[{"role":"user","content":"a"},{"type":"reasoning","id":"rs_1",'
    f'"summary":[],"encrypted_content":"gAAAA/+="}},{_MESSAGE},{{"role":"user","content":"b"}}]}}',
    "a function call and its output": '{"model":"m","input":[{"role":"user","content":"a"},{"type":"function_call",'
    '"id":"fc_1","call_id":"c1","name":"f","arguments":"{\\"a\\":1}","status":"completed"},{"type":'
    '"function_call_output","call_id":"c1","output":"it is 42"}]}',
    "an output in parts": '{"model":"m","previous_response_id":"resp_0","input":[{"type":"function_call_output",'
    '"call_id":"c1","output":[{"type":"input_text","text":"x"},{"type":"input_image","image_url":"data:,"}]}]}',
    "a custom tool's call": '{"model":"m","input":[{"role":"user","content":"a"},{"type":"custom_tool_call","call_id":'
    '"c","name":"calc","input":"1+1"},{"type":"custom_tool_call_output","call_id":"c","output":"2"}],"tools":'
    '[{"type":"custom","name":"calc","format":{"type":"text"}}]}',
    "built-in tools": '{"model":"m","input":"x","tools":[{"type":"web_search","filters":{"allowed_domains":["a.b"]}},'
    '{"type":"file_search","vector_store_ids":["vs_1"]},{"type":"code_interpreter","container":{"type":"auto"}},'
    '{"type":"image_generation"},{"type":"mcp","server_label":"s","server_url":"https://x.example","headers":'
    '{"A":"b"},"require_approval":"never"}],"tool_choice":{"type":"web_search"}}',
    "an approval": '{"model":"m","previous_response_id":"resp_0","input":[{"type":"mcp_approval_response",'
    '"approve":true,"approval_request_id":"mcpr_1"}]}',
    "a computer's screen": '{"model":"m","input":[{"type":"computer_call_output","call_id":"c","output":{"type":'
    '"computer_screenshot","image_url":"data:image/png;base64,AAAA"},"acknowledged_safety_checks":[]}]}',
    "a reference to an item": '{"model":"m","input":[{"type":"item_reference","id":"msg_9"},{"role":"user",'
    '"content":"and?"}]}',
    "a compacted conversation": '{"model":"m","input":[{"type":"compaction","id":"cmp_1","encrypted_content":"z"},'
    '{"role":"user","content":"Go on"}],"context_management":[{"type":"compaction","compact_threshold":1000}]}',
    "a chain": '{"model":"m","previous_response_id":"resp_unknown","input":"And then?"}',
    "a conversation": '{"model":"m","conversation":"conv_1","input":[{"role":"user","content":"Hi"}],"store":true}',
    "a conversation as an object": '{"model":"m","conversation":{"id":"conv_1"},"input":"Hi"}',
    "a prompt by its id": '{"prompt":{"id":"pmpt_1","version":"2","variables":{"name":"Ana","f":{"type":"input_file",'
    '"file_id":"file-1"}}}}',
    "a format for the text": '{"model":"m","input":"x","text":{"format":{"type":"json_schema","name":"n","strict":true,'
    '"schema":{"type":"object","properties":{},"additionalProperties":false}},"verbosity":"low"},"reasoning":'
    '{"effort":"high","summary":"detailed"},"truncation":"auto","service_tier":"priority","top_logprobs":3}',
    "an empty input": '{"model":"m","input":[]}',
    "no input": '{"model":"m"}',
    "input null": '{"model":"m","input":null,"instructions":null,"previous_response_id":null,"metadata":null}',
    "a strange item": '{"model":"m","input":[{"type":"from_the_future","x":[1,{"y":null}]},7,"text",{"role":"user",'
    '"content":"Hi"}]}',
    "a shell's call": '{"model":"m","input":[{"role":"user","content":"ls"},{"type":"shell_call","call_id":"c","action"'
    ':{"commands":["ls -la"],"timeout_ms":1000}},{"type":"shell_call_output","call_id":"c","output":[{"stdout":"a\\n",'
    '"stderr":"","outcome":{"type":"exit","exit_code":0}}]}]}',
}
ANSWERED = {
    "reasoning and a message": _answer(
        '{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"**Hm**"}],"encrypted_content":"z"},'
        + _MESSAGE
    ),
    "a function call": _answer(
        '{"id":"fc_1","type":"function_call","call_id":"call_1","name":"f","arguments":"{\\"a\\":\\"\\u00e9\\"}",'
        '"status":"completed"}'
    ),
    "a refusal": _answer(_MESSAGE.replace(_TEXT, '{"type":"refusal","refusal":"No."}')),
    "searches": _answer(
        '{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"q"}},{"id":"ci_1",'
        '"type":"code_interpreter_call","code":"1/0","container_id":"cntr_1","outputs":null,"status":"completed"},'
        + _MESSAGE
    ),
    "an image": _answer('{"id":"ig_1","type":"image_generation_call","status":"completed","result":"iVBORw0KGgo="}'),
    "a list of tools": _answer('{"id":"mcpl_1","type":"mcp_list_tools","server_label":"s","tools":[],"error":null}'),
    "incomplete": _answer(_MESSAGE, "incomplete", ',"x":1').replace(
        '"incomplete_details":null', '"incomplete_details":{"reason":"max_output_tokens"}'
    ),
    "failed": _answer("", "failed").replace('"error":null', '"error":{"code":"server_error","message":"m"}'),
    "queued": _answer("", "queued", ',"background":true').replace(_USAGE, "null"),
    "cancelled": _answer("", "cancelled"),
    "no output": '{"id":"resp_1","object":"response"}',
    "output null": '{"id":"resp_1","object":"response","status":"completed","output":null}',
    "a completion by mistake": '{"id":"c","object":"chat.completion","choices":[{"message":{"content":"Hi"}}]}',
    "an echo of what was asked": _answer(
        _MESSAGE,
        more=',"instructions":"S","tools":[{"type":"function","name":"f","parameters":null}],"text":{"format":{}}',
    ),
}


def _events(*told: tuple[str, dict[str, Any]], name: bool = True) -> str:
    lines = []
    for number, (kind, fields) in enumerate(told):
        data = json.dumps({"type": kind, "sequence_number": number, **fields}, ensure_ascii=False)
        lines.append((f"event: {kind}\n" if name else "") + f"data: {data}\n\n")
    return "".join(lines)


_BEGUN = json.loads(_answer("", "in_progress"))
_ENDED = json.loads(_answer(_MESSAGE))
_PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
_HELLO = (
    ("response.created", {"response": _BEGUN}),
    ("response.in_progress", {"response": _BEGUN}),
    ("response.output_item.added", {"output_index": 0, "item": json.loads(_MESSAGE) | {"content": []}}),
    ("response.content_part.added", {**_PLACE, "part": json.loads(_TEXT) | {"text": ""}}),
    ("response.output_text.delta", {**_PLACE, "delta": "Hello \u2014 \u2028 é", "logprobs": [], "obfuscation": "aa"}),
    ("response.output_text.done", {**_PLACE, "text": "Hello"}),
    ("response.content_part.done", {**_PLACE, "part": json.loads(_TEXT)}),
    ("response.output_item.done", {"output_index": 0, "item": json.loads(_MESSAGE)}),
)
_END = ("response.completed", {"response": _ENDED})
_CALL = {"id": "fc_1", "type": "function_call", "call_id": "c", "name": "f", "arguments": "", "status": "in_progress"}

STREAMS = {
    "a text": _events(*_HELLO, _END),
    "no names": _events(*_HELLO, _END, name=False),
    "[DONE] at the end": _events(*_HELLO, _END) + "data: [DONE]\n\n",
    "CRLF and comments": (": hi\n\n" + _events(*_HELLO, _END)).replace("\n", "\r\n"),
    "no blank line at the end": _events(*_HELLO, _END)[:-1],
    "only the end": _events(_END),
    "unknown events": _events(("response.from_the_future", {"x": 1}), *_HELLO, ("keepalive", {}), _END),
    "incomplete": _events(*_HELLO, ("response.incomplete", {"response": _ENDED | {"status": "incomplete"}})),
    "failed": _events(_HELLO[0], ("response.failed", {"response": _ENDED | {"status": "failed"}})),
    "an error": _events(_HELLO[0], ("error", {"code": "server_error", "message": "m", "param": None})),
    "a function call": _events(
        _HELLO[0],
        ("response.output_item.added", {"output_index": 0, "item": _CALL}),
        ("response.function_call_arguments.delta", {"item_id": "fc_1", "output_index": 0, "delta": '{"a"'}),
        ("response.function_call_arguments.done", {"item_id": "fc_1", "output_index": 0, "arguments": '{"a":1}'}),
        ("response.output_item.done", {"output_index": 0, "item": _CALL | {"arguments": '{"a":1}'}}),
        _END,
    ),
    "reasoning": _events(
        _HELLO[0],
        ("response.reasoning_summary_part.added", {"part": {"type": "summary_text", "text": ""}}),
        ("response.reasoning_summary_text.delta", {"delta": "Hm"}),
        ("response.reasoning_text.delta", {"delta": "Hm"}),
        *_HELLO[2:],
        _END,
    ),
    "an image bit by bit": _events(
        _HELLO[0],
        ("response.image_generation_call.partial_image", {"partial_image_b64": "A" * 200_000}),
        _END,
    ),
}
UNFINISHED: dict[str, tuple[str, str]] = {
    "no end": ("error event", _events(*_HELLO)),
    "half an event": ("cut", _events(*_HELLO)[:-9]),
    "[DONE] without an end": ("error event", _events(*_HELLO) + "data: [DONE]\n\n"),
}

CASES: list[Case] = [
    *asking("responses", RESPONSES, ASKED, _SAID, *OPENAI_PYTHON),
    *answered("responses answer", RESPONSES, _PLAIN, ANSWERED, "x-request-id: req_1"),
    *streamed("responses stream", RESPONSES, _STREAMED, STREAMS),
    *(
        Case(f"responses stream: {name}", target=RESPONSES, body=_STREAMED, answer=events(text.encode()), ending=ending)  # type: ignore[arg-type]
        for name, (ending, text) in UNFINISHED.items()
    ),
    Case(
        "responses: in chunks, both ways",
        target=RESPONSES,
        headers=OPENAI_NODE,
        body=(_PLAIN[:9], _PLAIN[9:]),
        answer=chunked([_answer(_MESSAGE).encode()], "content-type: application/json"),
    ),
    Case(
        "responses: a body that is no JSON",
        target=RESPONSES,
        body=b"input=hello",
        answer=(lengthy(b'{"error":{"message":"no"}}', "content-type: application/json", status="400 Bad Request"),),
    ),
    Case(
        "responses: one that is fetched",
        method="GET",
        target=f"{RESPONSES}/resp_1?include=a&include%5B%5D=b",
        answer=(_SAID,),
    ),
    Case(
        "responses: one that is fetched as a stream",
        method="GET",
        target=f"{RESPONSES}/resp_1?stream=true&starting_after=3",
        answer=events(STREAMS["a text"].encode()),
    ),
    Case(
        "responses: a stream fetched and unfinished",
        method="GET",
        target=f"{RESPONSES}/resp_2?stream=true",
        answer=events(_events(*_HELLO).encode()),
    ),
    Case("responses: cancelled", target=f"{RESPONSES}/resp_1/cancel", headers=(), body=b"", answer=(_SAID,)),
    Case(
        "responses: deleted",
        method="DELETE",
        target=f"{RESPONSES}/resp_1",
        answer=(lengthy(b'{"id":"resp_1","object":"response","deleted":true}', "content-type: application/json"),),
    ),
    Case("responses: its items", method="GET", target=f"{RESPONSES}/resp_1/input_items?limit=2&order=asc&after=msg_1"),
    Case(
        "responses: tokens counted",
        target=f"{RESPONSES}/input_tokens",
        body=_PLAIN,
        answer=(lengthy(b'{"object":"response.input_tokens","input_tokens":11}', "content-type: application/json"),),
    ),
    Case("responses: compacted", target=f"{RESPONSES}/compact", body=_PLAIN),
]
