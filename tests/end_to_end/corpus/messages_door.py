"""Anthropic's Messages: requests, answers in one body, and streams of events."""

from __future__ import annotations

import json
from typing import Any

from tests.end_to_end.corpus.case import JSON, MESSAGES, Case, answered, asking, chunked, events, lengthy, streamed

ANTHROPIC = (
    "x-api-key: sk-ant-api03-abc",
    "anthropic-version: 2026-10-21",
    "anthropic-beta: files-api-2025-04-14,interleaved-thinking-2025-05-14",
    "user-agent: AsyncAnthropic/Python 2.11.0",
    "x-stainless-retry-count: 0",
    "x-stainless-timeout: 600",
    "accept: application/json",
    "accept-encoding: gzip, deflate",
)


def _answer(content: str, reason: str = '"end_turn"', more: str = "") -> str:
    return (
        f'{{"model":"claude-5","id":"msg_01","type":"message","role":"assistant","content":[{content}],'
        f'"stop_reason":{reason},"stop_sequence":null,"usage":{{"input_tokens":9,"cache_creation_input_tokens":0,'
        f'"cache_read_input_tokens":0,"output_tokens":3,"service_tier":"standard"}}{more}}}'
    )


_HELLO = '{"type":"text","text":"Hello"}'
_SAID = lengthy(_answer(_HELLO).encode(), "content-type: application/json", "request-id: req_011", "cf-ray: 9-LIS")
_PLAIN = b'{"model":"claude-5","max_tokens":64,"messages":[{"role":"user","content":"Say hello"}]}'
_STREAMED = _PLAIN[:-1] + b',"stream":true}'


def _asked(messages: str, more: str = "") -> str:
    return f'{{"model":"claude-5","max_tokens":64,"messages":[{messages}]{more}}}'


_HI = '{"role":"user","content":"Hi"}'
ASKED = {
    "a system string": _asked(_HI, ',"system":"Be terse.","temperature":1.0,"top_k":5,"stop_sequences":["END"]'),
    "a system in blocks": _asked(
        _HI,
        ',"system":[{"type":"text","text":"A","cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"B"}]',
    ),
    "blocks": _asked('{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}'),
    "four breakpoints": _asked(
        ",".join(
            f'{{"role":"{role}","content":[{{"type":"text","text":"{i}","cache_control":{{"type":"ephemeral"}}}}]}}'
            for i, role in enumerate(("user", "assistant", "user", "assistant"))
        )
        + f",{_HI}"
    ),
    "an image": _asked(
        '{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw=="}},'
        '{"type":"image","source":{"type":"url","url":"https://x.example/a.png"}},{"type":"text","text":"Same?"}]}'
    ),
    "a document": _asked(
        '{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":'
        '"JVBERi0="},"title":"T","context":"C","citations":{"enabled":true}},{"type":"text","text":"Sum up"}]}'
    ),
    "a document of ours": _asked(
        '{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"abc"}},'
        '{"type":"document","source":{"type":"file","file_id":"file_011"}}]}'
    ),
    "a search result": _asked(
        '{"role":"user","content":[{"type":"search_result","source":"https://x.example","title":"T","content":[{"type":'
        '"text","text":"x"}],"citations":{"enabled":false}},{"type":"text","text":"So?"}]}'
    ),
    "a tool's use and result": _asked(
        f'{_HI},{{"role":"assistant","content":[{{"type":"text","text":"Hm"}},{{"type":"tool_use","id":"toolu_1",'
        '"name":"f","input":{"a":1.0,"é":null}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":'
        '"toolu_1","content":"it is 42","is_error":false}]}',
        ',"tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{}},"strict":true}]',
    ),
    "a result in blocks, and a question": _asked(
        f'{_HI},{{"role":"assistant","content":[{{"type":"tool_use","id":"t","name":"f","input":{{}}}}]}},{{"role":"user",'
        '"content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"x"},{"type":"image",'
        '"source":{"type":"url","url":"u"}}]},{"type":"text","text":"And now?"}]}'
    ),
    "a result without content": _asked(
        f'{_HI},{{"role":"assistant","content":[{{"type":"tool_use","id":"t","name":"f","input":{{}}}}]}},{{"role":"user",'
        '"content":[{"type":"tool_result","tool_use_id":"t","is_error":true}]}'
    ),
    "thinking handed back": _asked(
        f'{_HI},{{"role":"assistant","content":[{{"type":"thinking","thinking":"Hm","signature":"EqQB/+=="}},{{"type":'
        f'"redacted_thinking","data":"EmwK"}},{_HELLO}]}},{{"role":"user","content":"Again"}}',
        ',"thinking":{"type":"enabled","budget_tokens":1024}',
    ),
    "a server's tool": _asked(
        f'{_HI},{{"role":"assistant","content":[{{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":'
        '{"query":"q"}},{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":'
        '"web_search_result","url":"u","title":"t","encrypted_content":"z","page_age":null}]}]},' + _HI,
        ',"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":5}],"tool_choice":{"type":"auto",'
        '"disable_parallel_tool_use":true}',
    ),
    "the answer begun by the client": _asked(f'{_HI},{{"role":"assistant","content":"{{"}}'),
    "a system message at the end": _asked(f'{_HI},{{"role":"system","content":"Now in French."}}'),
    "two user messages in a row": _asked(f'{_HI},{_HI},{{"role":"user","content":[]}}'),
    "settings of many kinds": _asked(
        _HI,
        ',"metadata":{"user_id":"u"},"service_tier":"auto","container":"c","mcp_servers":[{"type":"url","url":"u","name":'
        '"n","authorization_token":null}],"context_management":{"edits":[{"type":"clear_tool_uses_20250919"}]},"speed":'
        '"fast","cache_control":{"type":"ephemeral"},"output_config":{"effort":"low","format":{"type":"json_schema",'
        '"schema":{}}}',
    ),
    "no messages": _asked(""),
    "no tokens": '{"model":"claude-5","messages":[{"role":"user","content":"Hi"}]}',
    "content null": _asked('{"role":"user","content":null}'),
}
ANSWERED = {
    "thinking": _answer('{"type":"thinking","thinking":"Hm","signature":"sig"},' + _HELLO),
    "a tool's use": _answer('{"type":"tool_use","id":"toolu_1","name":"f","input":{"a":1e2,"b":[]}}', '"tool_use"'),
    "citations": _answer(
        '{"type":"text","text":"Grass","citations":[{"type":"char_location","cited_text":"Grass is green",'
        '"document_index":0,"document_title":null,"start_char_index":0,"end_char_index":14}]}'
    ),
    "a server's search": _answer(
        '{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"web_search_tool_result",'
        '"tool_use_id":"s","content":{"type":"web_search_tool_result_error","error_code":"unavailable"}},' + _HELLO,
        '"pause_turn"',
    ),
    "nothing said": _answer(""),
    "cut by tokens": _answer(_HELLO, '"max_tokens"'),
    "a refusal": _answer("", '"refusal"', ',"stop_details":{"type":"refusal","category":null}'),
    "a stop sequence": _answer(_HELLO, '"stop_sequence"').replace('"stop_sequence":null', '"stop_sequence":"END"'),
    "an unknown block": _answer('{"type":"from_the_future","x":{"y":[null]}},' + _HELLO),
    "an error in a 200": '{"type":"error","error":{"type":"api_error","message":"m"},"request_id":null}',
    "content as a string": _answer("").replace("[]", '"Hello"', 1),
}


def _event(kind: str, **fields: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n"


def _block(index: int, block: dict[str, Any], *deltas: dict[str, Any]) -> str:
    return (
        _event("content_block_start", index=index, content_block=block)
        + "".join(_event("content_block_delta", index=index, delta=delta) for delta in deltas)
        + _event("content_block_stop", index=index)
    )


_START = _event("message_start", message=json.loads(_answer("", "null")))
_TEXT = _block(0, {"type": "text", "text": ""}, *({"type": "text_delta", "text": t} for t in ("Hel", "lo \u2028é")))
_DELTA = _event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 3})
_STOP = _event("message_stop")
_JSON = ({"type": "input_json_delta", "partial_json": part} for part in ("", '{"a": ', "1}"))
STREAMS = {
    "a text": _START + _event("ping") + _TEXT + _DELTA + _STOP,
    "pings everywhere": (_START + _TEXT + _DELTA).replace("\n\n", "\n\n" + _event("ping")) + _STOP,
    "a tool's use": _START
    + _block(0, {"type": "tool_use", "id": "t", "name": "f", "input": {}}, *_JSON)
    + _DELTA
    + _STOP,
    "thinking": _START
    + _block(
        0,
        {"type": "thinking", "thinking": ""},
        {"type": "thinking_delta", "thinking": "Hm"},
        {"type": "signature_delta", "signature": "s"},
    )
    + _TEXT.replace('"index": 0', '"index": 1')
    + _DELTA
    + _STOP,
    "citations": _START
    + _block(0, {"type": "text", "text": ""}, {"type": "citations_delta", "citation": {"url": "u"}})
    + _DELTA
    + _STOP,
    "an error": _START + _event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
    "no names": (_START + _TEXT + _DELTA + _STOP).replace("event: ", ": "),
    "CRLF": (_START + _TEXT + _DELTA + _STOP).replace("\n", "\r\n"),
    "unknown events": _START + _event("from_the_future", x=1) + _TEXT + _DELTA + _STOP,
    "more after the end": _START + _TEXT + _DELTA + _STOP + ": bye\n\n",
    "no space after the colon": (_START + _TEXT + _DELTA + _STOP).replace("data: ", "data:"),
    "a reason and no end": _START + _TEXT + _DELTA,
}
UNFINISHED: dict[str, tuple[str, str]] = {
    "no end": ("error event", _START + _TEXT),
    "half a block": ("cut", (_START + _TEXT)[:-30]),
}

CASES: list[Case] = [
    *asking("messages", MESSAGES, ASKED, _SAID, *ANTHROPIC),
    *answered(
        "messages answer", MESSAGES, _PLAIN, ANSWERED, "request-id: req_1", "anthropic-ratelimit-tokens-remaining: 9"
    ),
    *streamed("messages stream", MESSAGES, _STREAMED, STREAMS),
    *(
        Case(f"messages stream: {name}", target=MESSAGES, body=_STREAMED, answer=events(text.encode()), ending=ending)  # type: ignore[arg-type]
        for name, (ending, text) in UNFINISHED.items()
    ),
    Case(
        "messages: with a bearer and a beta query",
        target=f"{MESSAGES}?beta=true",
        body=_PLAIN,
        answer=(_SAID,),
        headers=(JSON, "Authorization: Bearer oat01", "anthropic-dangerous-direct-browser-access: true"),
    ),
    Case(
        "messages: in chunks",
        target=MESSAGES,
        body=tuple(_PLAIN[i : i + 7] for i in range(0, len(_PLAIN), 7)),
        answer=chunked([_answer(_HELLO).encode()], "content-type: application/json"),
    ),
    Case(
        "messages: tokens counted",
        target=f"{MESSAGES}/count_tokens?beta=true",
        body=_PLAIN,
        answer=(lengthy(b'{"input_tokens":2095}', "content-type: application/json"),),
    ),
    Case(
        "messages: a batch",
        target=f"{MESSAGES}/batches",
        body=b'{"requests":[{"custom_id":"a","params":' + _PLAIN + b"}]}",
    ),
    Case(
        "messages: a batch's results",
        method="GET",
        target=f"{MESSAGES}/batches/msgbatch_1/results",
        headers=ANTHROPIC,
        answer=chunked([b'{"custom_id":"a","result":{"type":"succeeded"}}\n'] * 3, "content-type: application/x-jsonl"),
    ),
    Case("messages: batches", method="GET", target=f"{MESSAGES}/batches?limit=1&before_id=msgbatch_9"),
]
