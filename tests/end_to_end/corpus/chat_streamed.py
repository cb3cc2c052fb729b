"""Streamed answers of Chat Completions: every row that was measured with the official clients, and odder ones."""

from __future__ import annotations

from tests.end_to_end.corpus.case import CHAT, DONE, Case, bare, chunked, events, streamed
from tests.upstream import Step, chunk, delta, event

ASKED = b'{"model":"gpt-6","messages":[{"role":"user","content":"Say hello"}],"stream":true}'
SSE = "content-type: text/event-stream"
_ID = '"id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,"model":"gpt-6"'


def _delta(text: str, finish: str = "null", more: str = "") -> str:
    return f'data: {{{_ID},"choices":[{{"index":0,"delta":{text},"finish_reason":{finish}}}]{more}}}\n\n'


_FIRST = _delta('{"role":"assistant","content":"","refusal":null}')
_HELLO = _delta('{"content":"Hello"}') + _delta('{"content":", é\\u00e9 \U0001f600 world"}')
_STOP = _delta("{}", '"stop"')
_END = _STOP + "data: [DONE]\n\n"
_ALL = _FIRST + _HELLO + _END
_USAGE = '"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}'
_CALL = '{"tool_calls":[{"index":%d,"id":"%s","type":"function","function":{"name":"%s","arguments":"%s"}}]}'

MEASURED = {
    "normal": _ALL,
    "an error as data": _FIRST
    + 'data: {"error":{"message":"overloaded","type":"server_error","param":null,"code":"x"}}\n\n',
    "comments": ": OPENROUTER PROCESSING\n\n" + _FIRST + ": keep-alive\n\n:\n\n" + _HELLO + ":\n" + _END,
    "an id, then a comment": _FIRST + "id: 1\n" + _HELLO + ": ka\n\n" + _END,
    "retry alone": "retry: 1000\n\n" + _ALL,
    "an event without data": _FIRST + "event: ping\n\n" + _HELLO + _END,
    "CRLF": _ALL.replace("\n", "\r\n"),
    "two data lines": _FIRST + _HELLO.replace(',"choices"', ',\ndata: "choices"') + _END,
    "no newline after [DONE]": _ALL[:-2],
    "usage without choices": _FIRST + _HELLO + _STOP + f'data: {{{_ID},"choices":[],{_USAGE}}}\n\ndata: [DONE]\n\n',
}
ODD: dict[str, str | bytes] = {
    "CR alone": _ALL.replace("\n", "\r"),
    "mixed line ends": _FIRST.replace("\n\n", "\r\n\n")
    + _HELLO.replace("\n\n", "\n\r\n")
    + _END.replace("\n\n", "\r\r"),
    "a byte order mark": "\ufeff" + _ALL,
    "no space after the colon": _ALL.replace("data: ", "data:"),
    "two spaces after the colon": _ALL.replace("data: ", "data:  "),
    "ids, names and times": "".join(
        f"id: {i}\nevent: message\nretry: 3000\n{e}\n\n" for i, e in enumerate(_ALL.split("\n\n")[:-1])
    ),
    "the name after the data": _ALL.replace("\n\n", "\nevent: chunk\n\n"),
    "fields that nobody knows": "foo: bar\n\nbaz\n\n" + _FIRST + "data\n\n" + _HELLO + "DATA: {}\n\n" + _END,
    "empty data": "data:\n\ndata: \n\n" + _FIRST + "data:  \n\n" + _HELLO + _END,
    "blank lines": "\n\n\n" + _ALL.replace("\n\n", "\n\n\n\n"),
    "U+2028 and U+0085 in the text": _FIRST + _delta('{"content":"a\u2028b\u2029c\u0085d\\u2028"}') + _END,
    "NUL and escapes": _FIRST + _delta('{"content":"\\u0000\\u001b[0m\\ud83d\\/\\""}') + _END,
    "no JSON": _FIRST + "data: hello\n\ndata: {broken\n\n" + _HELLO + _END,
    "JSON of another kind": _FIRST + "data: 7\n\ndata: null\n\ndata: []\n\n" + _HELLO + _END,
    "indented over lines": 'data: {\ndata: "choices": [\ndata:     {"index": 0, "delta": {"content": "Hi"}}\ndata: ]\n'
    "data: }\n\n" + _END,
    "data after [DONE]": _ALL + 'data: {"cost":0.1}\n\n: bye\n\n',
    "[DONE] twice": _ALL + "data: [DONE]\n\n",
    "[DONE] with text behind": _FIRST + _HELLO + _STOP + "data: [DONE] \n\n",
    "no [DONE]": _FIRST + _HELLO + _STOP,
    "[DONE] and no reason": _FIRST + _HELLO + "data: [DONE]\n\n",
    "only [DONE]": "data: [DONE]\n\n",
    "an event of a megabyte": _FIRST + _delta('{"content":"' + "a" * 1_000_000 + '"}') + _END,
    "a thousand events": _FIRST + _delta('{"content":"x"}') * 1000 + _END,
    "bytes that are no UTF-8": (_FIRST + _HELLO).encode() + b'data: {"x":"\xff\xfe\xc3"}\n\n' + _END.encode(),
}
DELTAS = {
    "usage in every chunk": _ALL.replace("}]}\n", "}]," + _USAGE + "}\n"),
    "usage null, then given": _FIRST.replace("}]}", '}],"usage":null}')
    + _HELLO
    + _delta("{}", '"stop"', "," + _USAGE)
    + DONE.decode(),
    "obfuscation": _ALL.replace("}]}", '}],"obfuscation":"aZ9","service_tier":"default"}'),
    "Azure's first chunk": 'data: {"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[]}\n\n' + _ALL,
    "a chunk without choices": 'data: {"id":"x"}\n\ndata: {"choices":null}\n\n' + _ALL,
    "a tool call in pieces": _FIRST
    + _delta(_CALL % (0, "call_1", "f", ""))
    + "".join(
        _delta(f'{{"tool_calls":[{{"index":0,"function":{{"arguments":"{piece}"}}}}]}}')
        for piece in ('{\\"a\\"', ":1", "}")
    )
    + _delta("{}", '"tool_calls"')
    + DONE.decode(),
    "two tool calls": _FIRST
    + _delta(_CALL % (0, "a", "f", "{}"))
    + _delta(_CALL % (1, "b", "g", "{}"))
    + _delta("{}", '"tool_calls"')
    + DONE.decode(),
    "tool calls of one index": _FIRST
    + _delta(_CALL % (0, "a", "f", "{}"))
    + _delta(_CALL % (0, "b", "g", "{}"))
    + _END,
    "a tool call without index": _delta(
        '{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}', '"tool_calls"'
    )
    + DONE.decode(),
    "the old function call": _delta('{"function_call":{"name":"f","arguments":""}}')
    + _delta('{"function_call":{"arguments":"{}"}}', '"function_call"')
    + DONE.decode(),
    "reasoning": _FIRST
    + _delta('{"reasoning_content":"Hm"}')
    + _delta('{"reasoning":"m","reasoning_details":[{"type":"reasoning.text","text":"m"}]}')
    + _HELLO
    + _END,
    "a refusal": _FIRST + _delta('{"refusal":"I can"}') + _delta('{"refusal":"not."}') + _END,
    "audio after the end": _FIRST
    + _delta('{"audio":{"id":"a","transcript":"Hi"}}')
    + _delta('{"audio":{"data":"UklG"}}')
    + _STOP
    + _delta('{"audio":{"expires_at":1}}')
    + DONE.decode(),
    "probabilities": _FIRST
    + _HELLO.replace(
        '"finish_reason"', '"logprobs":{"content":[{"token":"H","logprob":-0.1,"bytes":[72]}]},"finish_reason"'
    )
    + _END,
    "two choices": _FIRST
    + _HELLO
    + _HELLO.replace('"index":0', '"index":1')
    + _STOP
    + _STOP.replace('"index":0', '"index":1')
    + DONE.decode(),
    "content in parts": _FIRST + _delta('{"content":[{"type":"thinking","thinking":"Hm"}]}') + _HELLO + _END,
    "the content null": _delta('{"role":"assistant","content":null}') + _HELLO + _END,
    "the role in every chunk": _ALL.replace('"delta":{', '"delta":{"role":"assistant",').replace(",}", "}"),
    "usage of Groq": _FIRST + _HELLO + _delta("{}", '"stop"', ',"x_groq":{' + _USAGE + "}") + DONE.decode(),
    "times of llama.cpp": _FIRST + _HELLO + _delta("{}", '"stop"', ',"timings":{"predicted_ms":1e-3}') + DONE.decode(),
    "the message whole at the end": _FIRST
    + _HELLO
    + _END.replace('"delta":{}', '"delta":{},"message":{"content":"Hello"}'),
}
LEFT = {
    "no end at all": ("error event", _FIRST + _HELLO),
    "an end in the middle of an event": ("cut", _FIRST + _HELLO[:-20]),
    "a bare [DONE] within a text": ("error event", _FIRST + _delta('{"content":"data: [DONE]"}')),
    "an error by name": ("error event", _FIRST + 'event: error\ndata: {"message":"overloaded","type":"x"}\n\n'),
    "a last event without its blank line": ("cut", _FIRST + _HELLO[:-1]),
    "nothing": ("error event", ""),
    "comments only": ("error event", ": ping\n\n: ping\n\n"),
}


def _broken() -> list[Case]:
    """Streams that the upstream breaks off or leaves unfinished."""
    start = bare("200 OK", SSE, "transfer-encoding: chunked")
    said = (_FIRST + _HELLO).encode()
    return [
        *(
            Case(f"chat stream: {name}", body=ASKED, answer=events(text.encode()), ending=ending)  # type: ignore[arg-type]
            for name, (ending, text) in LEFT.items()
        ),
        Case(
            "chat stream: cut in a chunk",
            body=ASKED,
            closes=True,
            ending="cut",
            answer=(start, chunk(said), b"fff\r\ndata: {"),
        ),
        Case(
            "chat stream: cut after an event",
            body=ASKED,
            closes=True,
            ending="error event",
            answer=(start, chunk(said)),
        ),
        Case(
            "chat stream: cut after the last event",
            body=ASKED,
            closes=True,
            answer=(start, chunk(_ALL.encode()), chunk(b"")),
        ),
    ]


def _framed() -> list[Case]:
    """The same events in other wrappings."""
    data = _ALL.encode()
    bytewise: tuple[Step, ...] = (
        bare("200 OK", SSE, "transfer-encoding: chunked"),
        *(chunk(data[i : i + 1]) for i in range(len(data))),
        chunk(b""),
    )
    return [
        Case("chat stream: in chunks of a byte", body=ASKED, answer=bytewise),
        Case("chat stream: called text", body=ASKED, answer=chunked([data], "content-type: text/plain")),
        Case("chat stream: no content type", body=ASKED, answer=chunked([data])),
        Case(
            "chat stream: called octets, unfinished",
            body=ASKED,
            answer=chunked([data[:300]], "content-type: application/octet-stream"),
        ),
        Case("chat stream: the end a while after [DONE]", body=ASKED, answer=(*events(data)[:-1], 0.2, chunk(b""))),
        Case(
            "chat stream: to the connection's end",
            body=ASKED,
            closes=True,
            answer=(bare("200 OK", SSE, "connection: close"), data),
        ),
        Case(
            "chat stream: of a known length",
            body=ASKED,
            answer=(bare("200 OK", SSE, f"content-length: {len(data)}"), data),
        ),
        Case(
            "chat stream: headers of its own",
            body=ASKED,
            answer=events(
                data,
                "cache-control: no-store, private",
                "X-Accel-Buffering: yes",
                "x-request-id: req_9",
                "server-timing: a;dur=1",
            ),
        ),
        Case("chat stream: asked for by a stream of chunks", body=(ASKED[:20], ASKED[20:]), answer=events(data)),
        Case("chat stream: not asked for", body=ASKED.replace(b"true", b"false"), answer=events(data)),
        Case(
            "chat stream: a whole answer instead",
            body=ASKED,
            answer=chunked(
                [b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}'], "content-type: application/json"
            ),
        ),
        Case(
            "chat stream: pauses",
            body=ASKED,
            answer=(
                bare("200 OK", SSE, "transfer-encoding: chunked"),
                chunk(event(delta(content="a"))[:9]),
                0.02,
                chunk(event(delta(content="a"))[9:]),
                0.02,
                chunk(event(delta("stop"))),
                0.02,
                chunk(DONE),
                chunk(b""),
            ),
        ),
        Case(
            "chat stream: usage asked for",
            body=ASKED[:-1] + b',"stream_options":{"include_usage":true,"include_obfuscation":false}}',
            answer=events(
                _FIRST.replace("}]}", '}],"usage":null}').encode() + MEASURED["usage without choices"].encode()
            ),
        ),
        Case(
            "chat stream: chunk extensions",
            body=ASKED,
            answer=(
                bare("200 OK", SSE, "transfer-encoding: chunked"),
                b'%X;a=b;c="d"\r\n%s\r\n' % (len(data), data),
                b"0;last\r\n\r\n",
            ),
        ),
        Case(
            "chat stream: a trailer",
            body=ASKED,
            answer=(
                bare("200 OK", SSE, "transfer-encoding: chunked", "trailer: x-sum"),
                chunk(data),
                b"0\r\nx-sum: 1\r\n\r\n",
            ),
        ),
    ]


CASES: list[Case] = [
    *streamed("chat stream", CHAT, ASKED, MEASURED),
    *streamed("chat stream, odd", CHAT, ASKED, ODD),
    *streamed("chat stream, deltas", CHAT, ASKED, DELTAS),
    *_broken(),
    *_framed(),
]
