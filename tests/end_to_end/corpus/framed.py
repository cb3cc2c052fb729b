"""Encodings, lengths, statuses and headers: what wraps a body."""

from __future__ import annotations

import gzip
import zlib

import brotli
import zstandard

from tests.end_to_end.corpus.case import CHAT, COMPLETION, DONE, JSON, MESSAGES, RESPONSES, Case, bare, chunked, lengthy
from tests.end_to_end.corpus.chat_asked import OPENAI_NODE, OPENAI_PYTHON, PLAIN
from tests.end_to_end.corpus.chat_streamed import ASKED
from tests.upstream import completion, delta, event

_TYPE = "content-type: application/json"
_SSE = "content-type: text/event-stream"
_BODY = completion("Noted, é. " * 50)
_STREAM = event(delta(content="Hi")) + event(delta("stop")) + DONE
_MODELS = "/v1/models"
ENCODINGS = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "gzip, br": lambda body: brotli.compress(gzip.compress(body)),
    "x-odd": lambda body: body[::-1],
}
_LATIN = ("X-Text: caf\u00e9",)
HEADERS = {
    "limits and ids": ("x-ratelimit-limit-tokens: 9", "openai-organization: org-1", "cf-ray: 1-LIS", "X-Request-ID: r"),
    "several cookies": ("set-cookie: a=1; path=/; HttpOnly", "set-cookie: b=2; SameSite=None", 'Set-Cookie: c="3,4"'),
    "one name twice": ("x-odd: 1", "vary: Origin", "X-Odd: 2", "vary: Accept-Encoding"),
    "an empty value": ("x-empty:", "x-blank:   "),
    "blanks around a value": ("x-padded:   a  b  ",),
    "Latin-1": ("x-text: caf\u00e9",),
    "UTF-8": ("x-text: " + "café 漢字".encode().decode("latin-1"),),
    "odd names": ("x_under: 1", "x.dot: 2", "X-UPPER: 3", "!#$%&'*+-.^_`|~0: 4"),
    "a long value": ("x-long: " + "v" * 30_000,),
    "sixty headers": tuple(f"x-{i}: {i}" for i in range(60)),
    "the connection's own": (
        "Connection: close, x-hop",
        "x-hop: 1",
        "Keep-Alive: timeout=5",
        "proxy-authenticate: Basic",
    ),
    "another server": ("server: cloudflare", "date: Thu, 01 Jan 1970 00:00:00 GMT", "via: 1.1 x", 'alt-svc: h3=":443"'),
    "a cache's": ('etag: W/"1"', "age: 3", "cache-control: max-age=0, no-cache", "expires: 0", "last-modified: x"),
    "a browser's": (
        "access-control-allow-origin: *",
        "access-control-expose-headers: x-request-id",
        "strict-transport-security: max-age=1",
    ),
    "times": ("server-timing: model;dur=1.5", 'server-timing: queue;desc="a, b"'),
}
ASKING_HEADERS = {
    "organisation and project": ("OpenAI-Organization: org-1", "OpenAI-Project: proj_1", "OpenAI-Beta: assistants=v2"),
    "traces": (
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate: a=1,b=2",
        "baggage: k=v",
    ),
    "once only": ("Idempotency-Key: 1-2-3", "X-Client-Request-Id: abc", "x-request-id: mine"),
    "another gateway's": (
        'x-portkey-config: {"retry":{"attempts":3}}',
        "Helicone-Auth: Bearer h",
        "cf-aig-metadata: {}",
        "HTTP-Referer: https://x",
        "X-Title: Ünï".encode().decode("latin-1"),
    ),
    "a proxy's": (
        "X-Forwarded-For: 1.2.3.4, 5.6.7.8",
        "X-Forwarded-Proto: https",
        "Forwarded: for=1.2.3.4",
        "Via: 1.1 a",
    ),
    "the connection's own": (
        "Connection: X-Hop",
        "X-Hop: 1",
        "Keep-Alive: timeout=5",
        "TE: trailers",
        "Proxy-Connection: keep-alive",
    ),
    "a cookie": ('Cookie: a=1; b="2"', "Cookie: c=3"),
    "one name twice": ("X-Odd: 1", "X-Odd: 2", "x-ODD: 1"),
    "empty values": ("X-Empty:", "Accept:"),
    "bytes of Latin-1": _LATIN,
    "a long value": ("X-Long: " + "v" * 15_000,),
    "a browser's": (
        "Origin: https://app.example",
        "Referer: https://app.example/",
        "Sec-Fetch-Mode: cors",
        "Accept-Language: pt-PT,pt;q=0.9",
    ),
    "no agent, any type": ("Accept: */*",),
    "events accepted": ("Accept: text/event-stream", "Cache-Control: no-cache"),
    "conditions": ('If-None-Match: "a", W/"b"', "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "Range: bytes=0-1"),
    "a user and password": ("Authorization: Basic dTpw",),
    "several keys": ("Authorization: Bearer a", "api-key: b", "x-api-key: c", "x-goog-api-key: d"),
    "a wait before the body": ("Expect: 100-continue",),
}
FAULTS = {"bytes of Latin-1": "aiohttp writes headers as UTF-8 and nothing else"}


def _encoded() -> list[Case]:
    found = []
    for name, encode in ENCODINGS.items():
        accept = f"Accept-Encoding: {name}, *;q=0.1"
        coded = f"content-encoding: {name}"
        whole = lengthy(encode(_BODY), _TYPE, coded, "vary: accept-encoding")
        found += [
            Case(f"{name}: a chat's answer", headers=(JSON, accept), body=PLAIN, answer=(whole,)),
            Case(f"{name}: models", method="GET", target=_MODELS, headers=(accept,), answer=(whole,)),
            Case(
                f"{name}: a stream", headers=(JSON, accept), body=ASKED, answer=chunked([encode(_STREAM)], _SSE, coded)
            ),
            Case(f"{name}: a request", headers=(JSON, f"Content-Encoding: {name}"), body=encode(PLAIN)),
            Case(
                f"{name}: an error",
                headers=(JSON, accept),
                body=PLAIN,
                answer=(lengthy(encode(b'{"error":{}}'), _TYPE, coded, status="400 Bad Request"),),
            ),
        ]
    return found


def _without_body() -> list[Case]:
    length = f"content-length: {len(_BODY)}"
    return [
        Case("HEAD", method="HEAD", target=_MODELS, answer=(bare("200 OK", _TYPE, length, 'etag: "1"'),)),
        Case(
            "HEAD of chunks",
            method="HEAD",
            target="/v1/files/f/content",
            answer=(bare("200 OK", "transfer-encoding: chunked"),),
        ),
        Case("HEAD of nothing", method="HEAD", target="/v1/none", answer=(bare("404 Not Found"),)),
        Case(
            "HEAD of a chat", method="HEAD", target=CHAT, answer=(bare("405 Method Not Allowed", "content-length: 9"),)
        ),
        Case(
            "OPTIONS",
            method="OPTIONS",
            target=CHAT,
            answer=(bare("204 No Content", "access-control-allow-methods: POST", "access-control-max-age: 5"),),
            headers=(
                "Origin: https://a.example",
                "Access-Control-Request-Method: POST",
                "Access-Control-Request-Headers: a,b",
            ),
        ),
        Case("OPTIONS with a body", method="OPTIONS", target="/v1/x", body=b"{}", answer=(lengthy(b"{}", _TYPE),)),
        Case("204", method="DELETE", target="/v1/files/f", answer=(bare("204 No Content", "x-request-id: 1"),)),
        Case(
            "204 with a length",
            method="DELETE",
            target="/v1/files/g",
            answer=(bare("204 No Content", "content-length: 0"),),
        ),
        Case("205", method="POST", target="/v1/x", body=b"1", answer=(lengthy(b"", status="205 Reset Content"),)),
        Case(
            "304",
            method="GET",
            target=_MODELS,
            headers=('If-None-Match: "1"',),
            answer=(bare("304 Not Modified", 'etag: "1"'),),
        ),
        Case(
            "304 with a length", method="GET", target=_MODELS, answer=(bare("304 Not Modified", 'etag: "2"', length),)
        ),
        Case("an empty answer", method="GET", target=_MODELS, answer=(lengthy(b""),)),
        Case("an empty answer in chunks", method="GET", target=_MODELS, answer=chunked([])),
        Case(
            "an empty answer to the connection's end",
            method="GET",
            target=_MODELS,
            closes=True,
            answer=(bare("200 OK", "connection: close"),),
        ),
        Case("an empty POST", target="/v1/x", headers=(), body=b""),
        Case("a POST that says nothing of a body", target="/v1/x", headers=()),
        Case("an empty chat", body=b"", answer=(lengthy(b"{}", _TYPE, status="400 Bad Request"),)),
        Case("an empty body in chunks", target="/v1/x", body=()),
        Case("a GET with a body", method="GET", target=_MODELS, body=b'{"a":1}'),
        Case("a DELETE with a body in chunks", method="DELETE", target="/v1/x", body=(b"{", b"}")),
    ]


def _interim() -> list[Case]:
    hints = bare("103 Early Hints", "link: </a>; rel=preload")
    return [
        Case("100 before the answer", body=PLAIN, answer=(bare("100 Continue"), COMPLETION)),
        Case(
            "102 twice before the answer",
            body=PLAIN,
            answer=(bare("102 Processing"), 0.01, bare("102 Processing"), COMPLETION),
        ),
        Case("103 before the answer", method="GET", target=_MODELS, answer=(hints, COMPLETION)),
        Case("103 before a stream", body=ASKED, answer=(hints, *chunked([_STREAM], _SSE))),
    ]


def _broken() -> list[Case]:
    return [
        Case(
            "a relayed body cut short",
            method="GET",
            target=_MODELS,
            closes=True,
            answer=(bare("200 OK", _TYPE, "content-length: 99"), b'{"data":'),
        ),
        Case(
            "relayed chunks cut short",
            method="GET",
            target="/v1/files/f/content",
            closes=True,
            answer=(bare("200 OK", "transfer-encoding: chunked"), b"5\r\nhello\r\n"),
        ),
        Case(
            "a relayed stream cut short",
            target="/v1/audio/speech",
            body=b"{}",
            closes=True,
            answer=(bare("200 OK", _SSE, "transfer-encoding: chunked"), b"5\r\ndata:\r\n"),
        ),
        Case(
            "a relayed stream without an end",
            target="/v1/audio/transcriptions",
            body=b"{}",
            answer=chunked([b'data: {"type":"transcript.text.delta","delta":"Hi"}\n\n'], _SSE),
        ),
        Case(
            "half of an error, cut short",
            target="/v1/x",
            body=b"{}",
            closes=True,
            answer=(bare("500 Internal Server Error", "content-length: 99"), b"oops"),
        ),
    ]


CASES: list[Case] = [
    *_encoded(),
    *_without_body(),
    *_interim(),
    *_broken(),
    *(
        Case(f"answer's headers: {name}", body=PLAIN, answer=(lengthy(_BODY, _TYPE, *lines),))
        for name, lines in HEADERS.items()
    ),
    *(
        Case(f"relayed answer's headers: {name}", method="GET", target=_MODELS, answer=(lengthy(b"{}", _TYPE, *lines),))
        for name, lines in HEADERS.items()
    ),
    *(
        Case(f"headers: {name}", headers=(JSON, *lines), body=PLAIN, fault=FAULTS.get(name, ""))
        for name, lines in ASKING_HEADERS.items()
    ),
    *(
        Case(f"relayed headers: {name}", target="/v1/embeddings", headers=lines, body=b"{}", fault=FAULTS.get(name, ""))
        for name, lines in ASKING_HEADERS.items()
    ),
    *(
        Case(f"Node's headers to {target}", target=target, headers=(JSON, *OPENAI_NODE), body=b"{}")
        for target in (RESPONSES, MESSAGES)
    ),
    Case("a phrase of its own", method="GET", target=_MODELS, answer=(bare("200 Very Well", "content-length: 0"),)),
    Case("no phrase", method="GET", target=_MODELS, answer=(b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n",)),
    Case(
        "line feeds alone in the head",
        method="GET",
        target=_MODELS,
        answer=(b"HTTP/1.1 200 OK\nx: 1\ncontent-length: 2\n\n{}",),
    ),
    Case(
        "a large answer",
        method="GET",
        target="/v1/files/f/content",
        answer=(lengthy(bytes(range(256)) * 12_000, "content-type: application/octet-stream"),),
    ),
    Case("a large request", target="/v1/embeddings", headers=OPENAI_PYTHON, body=b"[" + b"1," * 900_000 + b"1]"),
    Case(
        "a request of more than a megabyte, in chunks",
        target="/v1/files",
        headers=(),
        body=(b"x" * 700_000, b"y" * 700_000),
    ),
    Case("a large chat", body=PLAIN[:-1] + b',"x":"' + b"a" * 2_000_000 + b'"}'),
]
