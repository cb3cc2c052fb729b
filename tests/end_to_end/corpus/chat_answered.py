"""Answers of Chat Completions in one body, as servers of many kinds write them."""

from __future__ import annotations

from tests.end_to_end.corpus.case import CHAT, Case, answered, bare, chunked, lengthy
from tests.end_to_end.corpus.chat_asked import PLAIN

_HEAD = '{"id":"chatcmpl-1","object":"chat.completion","created":1760000000,"model":"gpt-6-2026-08-01",'
_USAGE = (
    '"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":0,'
    '"cache_write_tokens":8,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}},'
    '"service_tier":"default","system_fingerprint":"fp_1"}'
)


def _choices(text: str) -> str:
    return f'{_HEAD}"choices":[{text}],{_USAGE}'


def _said(text: str, finish: str = '"stop"') -> str:
    return _choices(f'{{"index":0,"message":{text},"logprobs":null,"finish_reason":{finish}}}')


MESSAGES = {
    "as OpenAI writes it": _said('{"role":"assistant","content":"Hello!","refusal":null,"annotations":[]}').replace(
        ",", ",\n  "
    ),
    "content null": _said('{"role":"assistant","content":null}'),
    "content empty": _said('{"role":"assistant","content":""}', '"length"'),
    "no content": _said('{"role":"assistant"}', '"content_filter"'),
    "no message": _choices('{"index":0,"finish_reason":"stop","text":"An old completion"}'),
    "no role": _said('{"content":"Hi"}'),
    "content in parts": _said(
        '{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]},'
        '{"type":"text","text":"Hi"}]}'
    ),
    "a refusal": _said('{"role":"assistant","content":null,"refusal":"I can\'t help with that."}'),
    "reasoning of DeepSeek": _said('{"role":"assistant","content":"42","reasoning_content":"6 times 7\\n\\nis 42"}'),
    "reasoning of OpenRouter": _said(
        '{"role":"assistant","content":"42","reasoning":"6×7","reasoning_details":[{"type":"reasoning.text","text":"6",'
        '"signature":"c2ln","format":"anthropic-claude-v1","index":0}]}'
    ),
    "thinking of another proxy": _said('{"role":"assistant","content":"<think>\\nHm\\n</think>\\n\\nHi"}'),
    "audio": _said(
        '{"role":"assistant","content":null,"audio":{"id":"audio_1","data":"UklGRiQAAABXQVZF","transcript":"Hello",'
        '"expires_at":1760003600}}'
    ),
    "annotations": _said(
        '{"role":"assistant","content":"See [1]","annotations":[{"type":"url_citation","url_citation":{"start_index":4,'
        '"end_index":7,"url":"https://x.example/?a=1&b=2","title":"T\\u2028"}}]}'
    ),
    "two tool calls": _said(
        '{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f",'
        '"arguments":"{\\"city\\":\\"\\u00c9vora\\"}"}},{"id":"call_2","type":"custom","custom":{"name":"calc","input":'
        '"1+1"}}]}',
        '"tool_calls"',
    ),
    "a tool call beside text": _said(
        '{"role":"assistant","content":"Let me see.","tool_calls":[{"id":"","index":0,"type":"function","function":'
        '{"name":"f","arguments":"{"}}]}',
        '"stop"',
    ),
    "the old function call": _said(
        '{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}}', '"function_call"'
    ),
    "three choices": _choices(
        ",".join(
            f'{{"index":{i},"message":{{"role":"assistant","content":"{t}"}},"finish_reason":"stop"}}'
            for i, t in ((1, "b"), (0, "a"), (2, "c"))
        )
    ),
    "no choices": _choices(""),
    "choices null": '{"id":"1","choices":null,"usage":null}',
    "probabilities": _choices(
        '{"index":0,"message":{"role":"assistant","content":"é"},"logprobs":{"content":[{"token":"\\\\xc3","logprob":'
        '-9999.0,"bytes":[195],"top_logprobs":[{"token":" a","logprob":-1.5e-7,"bytes":null}]}],"refusal":null},'
        '"finish_reason":"stop"}'
    ),
    "an unknown reason": _said('{"role":"assistant","content":"Hi"}', '"eos_token"'),
    "no reason": _said('{"role":"assistant","content":"Hi"}', "null"),
    "an answer that quotes a block": _said('{"role":"assistant","content":"<memory>\\nold\\n</memory>\\nHi"}'),
}
VENDORS = {
    "Groq": _said('{"role":"assistant","content":"Hi"}')[:-1] + ',"x_groq":{"id":"req_1"},"usage_breakdown":null}',
    "Perplexity": _said('{"role":"assistant","content":"Hi [1]"}')[:-1]
    + ',"citations":["https://x.example"],"search_results":[{"title":"T","url":"u","date":null}]}',
    "Azure": _said('{"role":"assistant","content":"Hi"}')[:-1]
    + ',"prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false}}}]}',
    "OpenRouter": _said('{"role":"assistant","content":"Hi"},"native_finish_reason":"STOP"').replace(
        '"id"', '"provider":"X","id"', 1
    ),
    "llama.cpp": _said('{"role":"assistant","content":"Hi"}')[:-1]
    + ',"timings":{"prompt_n":1,"prompt_ms":12.345,"predicted_per_second":1e999},"__verbose":{"stop":true}}',
    "an error in a 200": '{"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"<html>"}},'
    '"user_id":"user_1"}',
    "an error beside an answer": _said('{"role":"assistant","content":""},"error":{"code":429,"message":"slow"}'),
    "a moderation": _said('{"role":"assistant","content":"Hi"}')[:-1] + ',"moderation":{"results":[]}}',
}
SHAPES = {
    "no JSON": "Service is starting up",
    "an empty object": "{}",
    "an array": '[{"choices":[]}]',
    "a string": '"Hi"',
    "null": "null",
    "an event stream by mistake": "data: " + _said('{"role":"assistant","content":"Hi"}') + "\n\ndata: [DONE]\n\n",
    "indented by tabs": '\ufeff{\r\n\t"choices" :\t[ ]\r\n}\r\n',
    "a long answer": _said('{"role":"assistant","content":"' + "word é " * 60_000 + '"}'),
}
_OK = _said('{"role":"assistant","content":"Hi"}').encode()

CASES: list[Case] = [
    *answered("chat answer", CHAT, PLAIN, MESSAGES, "x-request-id: req_abc", "openai-processing-ms: 12"),
    *answered("chat answer of", CHAT, PLAIN, VENDORS, "x-generation-id: gen-1"),
    *answered("chat answer with", CHAT, PLAIN, SHAPES),
    Case(
        "chat answer: blank lines before the JSON",
        body=PLAIN,
        answer=(*chunked([b"\n", b"\n  \r\n", _OK[:40], _OK[40:]], "content-type: application/json"),),
    ),
    Case("chat answer: in chunks", body=PLAIN, answer=chunked([_OK[:1], _OK[1:]], "content-type: application/json")),
    Case("chat answer: nothing at all", body=PLAIN, answer=(lengthy(b"", "content-type: application/json"),)),
    Case("chat answer: nothing, in chunks", body=PLAIN, answer=chunked([], "content-type: application/json")),
    Case("chat answer: no content type", body=PLAIN, answer=(lengthy(_OK),)),
    Case(
        "chat answer: a content type of its own",
        body=PLAIN,
        answer=(lengthy(_OK, "Content-Type: Application/Vnd.Api+JSON;charset=UTF-8"),),
    ),
    Case("chat answer: called text", body=PLAIN, answer=(lengthy(_OK, "content-type: text/plain"),)),
    Case(
        "chat answer: to the connection's end",
        body=PLAIN,
        closes=True,
        answer=(bare("200 OK", "content-type: application/json", "connection: close"), _OK),
    ),
    Case(
        "chat answer: HTTP/1.0",
        body=PLAIN,
        closes=True,
        answer=(b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n", _OK),
    ),
    Case("chat answer: 201", body=PLAIN, answer=(lengthy(_OK, "content-type: application/json", status="201 Made"),)),
    Case("chat answer: 202 without a body", body=PLAIN, answer=(lengthy(b"", status="202 Accepted"),)),
    Case("chat answer: 204", body=PLAIN, answer=(bare("204 No Content", "x-request-id: r"),)),
    Case("chat answer: late", body=PLAIN, answer=(0.05, lengthy(_OK, "content-type: application/json"))),
    Case(
        "chat answer: in two, with a pause",
        body=PLAIN,
        answer=(
            bare("200 OK", "content-type: application/json", f"content-length: {len(_OK)}"),
            0.02,
            _OK[:99],
            0.02,
            _OK[99:],
        ),
    ),
]
