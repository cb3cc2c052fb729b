"""What is not memory's business passes byte for byte, both ways, and what broke never looks whole."""

from __future__ import annotations

import gzip
import json
import pathlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import brotli
import openai
import pytest
import zstandard

from tests.clients import openai as official
from tests.connection import Broken, Connection, error, header
from tests.process import Gateway, free_port
from tests.upstream import (
    Close,
    Received,
    Step,
    Upstream,
    chat,
    chunk,
    completion,
    delta,
    event,
    head,
    raw,
    stream,
    whole,
)

ENTITY = "X-Entity-Id: somebody"


@dataclass
class Relayed:
    """A gateway with upstreams of several tempers: `m` answers its script, the others fail."""

    gateway: Gateway
    upstream: Upstream

    def connect(self) -> Connection:
        return Connection(self.gateway.port)

    def state(self, entity: str) -> str | None:
        """State of the entity's only turn, as soon as it is recorded; None if it is not within 5 s."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if rows := self.gateway.rows("SELECT state FROM turns WHERE entity = ?", entity):
                ((state,),) = rows
                return str(state)
            time.sleep(0.01)
        return None

    def stream(self, *steps: Step, entity: bool = True, headers: str = "") -> bytes:
        """The body that a client gets of a streamed chat; raises Broken where it is cut off."""
        start = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + headers.encode()
        self.upstream.script = raw(start + b"transfer-encoding: chunked\r\n\r\n", *steps)
        with self.connect() as client:
            client.chat(*([ENTITY] if entity else []), stream=True)
            status, _, body = client.answer()
        assert status == 200
        return body


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relayed]:
    with Upstream() as upstream:
        upstreams = [
            {"name": "scripted", "base_url": upstream.url, "models": ["m"]},
            {"name": "impatient", "base_url": upstream.url, "models": ["impatient"], "timeouts": {"read": 1}},
            {"name": "nowhere", "base_url": f"http://127.0.0.1:{free_port()}/v1", "models": ["nowhere"]},
        ]
        with Gateway(tmp_path_factory.mktemp("relay"), upstream.url, upstreams=upstreams) as gateway:
            yield Relayed(gateway, upstream)


@pytest.fixture
def relayed(served: Relayed) -> Relayed:
    served.upstream.script = chat()
    served.upstream.received.clear()
    return served


# --- the client's bytes reach the upstream

ODD_BODIES = [
    b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}',
    b' \t{ "messages" :\r\n[ { "content":"caf\\u00e9 \\/ \xf0\x9f\x98\x80 \\ud83d" , "role":"user" } ] ,"model":"m"}\n\n',
    b'{"model":"m","seed":123456789012345678901234567890,"temperature":1.0,"top_p":1E-7,"stop":null,"x":-0,'
    b'"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"odd","z":{"b":1,"a":2}}]}]}',
    b'{"model":"m","metadata":{"b":"1","a":"2"},"messages":[{"role":"system","content":"s"},{"role":"user","content":""}]}',
]
NO_CHATS = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'{"messages":[}',
    b'{"messages":7}',
    b'{"messages":[{"role":["a"],"content":7}]}',
    b'{"messages":[],"messages":[]}',
    b'{"messages":[{"role":"user","content":"\xff"}]}',
    b"[" * 50_000,
    b'{"model":{"a":1},"n":"x","messages":[{"role":"user","content":{"a":[]}}]}',
]


@pytest.mark.parametrize("lines", [[], [ENTITY], [ENTITY, "X-Memory: off"], [ENTITY, "X-Memory: shadow"]])
@pytest.mark.parametrize("body", ODD_BODIES)
def test_without_memories_the_upstream_gets_the_clients_bytes(relayed: Relayed, body: bytes, lines: list[str]) -> None:
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", body, *lines)
        assert client.answer()[0] == 200
    assert relayed.upstream.last.body == body
    assert relayed.upstream.last.header("content-length") == str(len(body))
    assert relayed.upstream.last.header("transfer-encoding") is None


@pytest.mark.parametrize("body", NO_CHATS)
def test_a_body_that_is_no_chat_is_the_upstreams_to_refuse(relayed: Relayed, body: bytes) -> None:
    refusal = b'{"error":{"message":"upstream says no"}}'
    relayed.upstream.script = lambda _: [whole(refusal, 400)]
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", body, ENTITY)
        status, _, answer = client.answer()
    assert (status, answer) == (400, refusal)
    assert relayed.upstream.last.body == body


def test_a_compressed_request_is_not_touched(relayed: Relayed) -> None:
    body = gzip.compress(ODD_BODIES[0])
    relayed.upstream.script = lambda _: [whole(completion("Hi"))]
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", body, ENTITY, "Content-Encoding: gzip")
        assert client.answer()[0] == 200
    assert relayed.upstream.last.body == body
    assert relayed.upstream.last.header("content-encoding") == "gzip"


def test_a_chunked_chat_reaches_the_upstream_whole(relayed: Relayed) -> None:
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", None, ENTITY, "Transfer-Encoding: chunked")
        for byte in ODD_BODIES[0]:
            client.send(chunk(bytes([byte])))
        client.send(chunk(b""))
        assert client.answer()[0] == 200
    assert relayed.upstream.last.body == ODD_BODIES[0]


TARGETS = [
    "/v1/models",
    "/v1/files/a%2fb%7e%C3%A9/content",
    "/v1/files?a=b&a=c&empty=&flag",
    "/v1/x?q=%7e+%20%2B~&url=http://h/p?x=y",
    "/v1/threads//double/./dot",
    "/v1/a;b=c/d:e@f!$&'()*+,=",
    "/v1/chat/completions/c1/messages?limit=2",
    "/v1/chat/completions?beta=true",
    "/v1/v1/models/",
    "/v1/",
    '/v1/"quoted"|{x}^`',
]


@pytest.mark.parametrize("target", TARGETS)
def test_a_path_and_its_query_are_kept_as_sent(relayed: Relayed, target: str) -> None:
    relayed.upstream.script = lambda request: [whole(request.target.encode(), content_type="text/plain")]
    with relayed.connect() as client:
        client.request("GET", target)
        status, _, body = client.answer()
    assert (status, body.decode()) == (200, target)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("body", [None, b"", bytes(range(256)) * 8])
def test_every_method_passes_with_its_body(relayed: Relayed, method: str, body: bytes | None) -> None:
    answered = bytes(range(255, -1, -1))
    relayed.upstream.script = lambda _: [whole(answered, content_type="application/octet-stream")]
    with relayed.connect() as client:
        client.request(method, "/v1/files/f-1", body, "Content-Type: application/x-odd")
        status, headers, got = client.answer()
    assert (status, got) == (200, answered)
    assert header(headers, "content-type") == "application/octet-stream"
    received = relayed.upstream.last
    assert (received.method, received.body) == (method, body or b"")
    assert received.header("content-type") == "application/x-odd"


def test_a_chunked_upload_stays_chunked_and_an_announced_one_keeps_its_length(relayed: Relayed) -> None:
    with relayed.connect() as client:
        client.request("POST", "/v1/files", None, "Transfer-Encoding: chunked")
        client.send(chunk(b"one") + chunk(b"two") + chunk(b""))
        assert client.answer()[0] == 200
        chunked = relayed.upstream.last
        client.request("POST", "/v1/files", b"x" * 2_000_000)
        assert client.answer()[0] == 200
        announced = relayed.upstream.last
    assert (chunked.body, chunked.header("transfer-encoding"), chunked.header("content-length")) == (
        b"onetwo",
        "chunked",
        None,
    )
    assert (announced.size, announced.header("transfer-encoding")) == (2_000_000, None)
    assert announced.header("content-length") == "2000000"


def test_a_head_request_gets_the_length_and_no_body(relayed: Relayed) -> None:
    relayed.upstream.script = lambda _: [head(200, ("content-length", "123456")) + b"\r\n"]
    with relayed.connect() as client:
        client.request("HEAD", "/v1/files/f-1/content")
        status, headers = client.head()
        assert (status, header(headers, "content-length")) == (200, "123456")
        relayed.upstream.script = chat()
        client.request("GET", "/v1/models")  # the connection is in step
        assert client.answer()[0] == 200


@pytest.mark.parametrize("lines", ["", "content-length: 17\r\n", "content-length: 0\r\n"])
@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_a_body_ends_with_its_head(relayed: Relayed, status: int, lines: str) -> None:
    if status == 204 and "17" in lines:
        lines = ""
    answer = f'HTTP/1.1 {status} X\r\netag: "e"\r\n{lines}\r\n'.encode()
    relayed.upstream.script = lambda _: [answer]
    with relayed.connect() as client:
        client.request("DELETE", "/v1/files/f-1")
        found, headers = client.head()
        assert (found, header(headers, "etag")) == (status, '"e"')
        relayed.upstream.script = chat()
        client.request("GET", "/v1/models")
        assert client.answer()[0] == 200


def test_a_redirect_is_not_followed(relayed: Relayed) -> None:
    relayed.upstream.script = lambda _: [whole(b"", 307, ("location", "/v1/elsewhere"))]
    with relayed.connect() as client:
        client.request("POST", "/v1/embeddings", b"{}")
        status, headers, _ = client.answer()
    assert (status, header(headers, "location")) == (307, "/v1/elsewhere")
    assert len(relayed.upstream.received) == 1


def test_an_event_stream_of_another_path_passes_piece_by_piece(relayed: Relayed) -> None:
    def script(_: Received) -> Iterator[Step]:
        yield head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
        yield chunk(b"event: speech\ndata: 1\n\n")
        yield 5.0
        yield chunk(b"")

    relayed.upstream.script = script
    with relayed.connect() as client:
        begun = time.monotonic()
        client.request("POST", "/v1/audio/speech", b"{}")
        _, headers = client.head()
        assert next(client.pieces(headers)) == b"event: speech\ndata: 1\n\n"
        assert time.monotonic() - begun < 4


# --- the upstream's bytes reach the client

CHUNK = json.dumps(delta(content="Zoë 😀 \u2028 \x85"), ensure_ascii=False).encode()
LAST = json.dumps(delta("stop")).encode()
STREAMS = {
    "plain": b"data: %s\n\ndata: %s\n\ndata: [DONE]\n\n",
    "crlf": b"data: %s\r\n\r\ndata: %s\r\n\r\ndata: [DONE]\r\n\r\n",
    "cr": b"data: %s\r\rdata: %s\r\rdata: [DONE]\r\r",
    "no space": b"data:%s\n\ndata:%s\n\ndata:[DONE]\n\n",
    "comments": b": OPENROUTER PROCESSING\n\n: ka\n\ndata: %s\n\n:\n\ndata: %s\n\n:x\n\ndata: [DONE]\n\n",
    "odd events": b"id: 1\nretry: 10\nevent: ping\n\nevent: x\ndata: %s\n\nfoo: bar\nnothing\n\ndata: %s\n\ndata: [DONE]\n\n",
    "odd chunks": b'data: {}\n\ndata: null\n\ndata: {"choices":[]}\n\ndata: %s\n\ndata: {"choices":[{"index":"x"}]}\n\ndata: %s\n\ndata: [DONE]\n\n',
    "byte order mark": b"\xef\xbb\xbfdata: %s\n\ndata: %s\n\ndata: [DONE]\n\n",
    "after done": b"data: %s\n\ndata: %s\n\ndata: [DONE]\n\ndata: {\"more\":1}\n\n: bye\n\n",
    "no final newline": b"data: %s\n\ndata: %s\n\ndata: [DONE]",
    "no done": b'data: %s\n\ndata: %s\n\ndata: {"choices":[],"usage":{"total_tokens":3}}\n\n',
    "not json": b"data: <html>\n\ndata: \xff\xfe\n\ndata: %s\n\ndata: %s\n\ndata: [DONE]\n\n",
}  # fmt: skip


def body_of(name: str) -> bytes:
    return STREAMS[name] % (CHUNK, LAST)


@pytest.mark.parametrize("entity", [True, False])
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_reaches_the_client_byte_for_byte(relayed: Relayed, name: str, entity: bool) -> None:
    body = body_of(name)
    assert relayed.stream(chunk(body), chunk(b""), entity=entity) == body


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_in_one_byte_pieces_reaches_the_client_byte_for_byte(relayed: Relayed, name: str) -> None:
    body = body_of(name)
    steps: list[Step] = []
    for at in range(len(body)):
        steps += [chunk(body[at : at + 1]), 0.001]
    assert relayed.stream(*steps, chunk(b"")) == body


def test_data_of_several_lines_is_relayed_and_understood(relayed: Relayed) -> None:
    lines = json.dumps(delta("stop", content="Hi"), indent=1).split("\n")
    body = b"".join(b"data: " + line.encode() + b"\n" for line in lines) + b"\n"
    assert relayed.stream(chunk(body), chunk(b"")) == body
    with pytest.raises(Broken):
        relayed.stream(chunk(body[:-20]), chunk(b""))


def test_a_stream_without_chunks_is_relayed_to_its_close(relayed: Relayed) -> None:
    body = body_of("plain")
    relayed.upstream.script = raw(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n", body
    )
    with relayed.connect() as client:
        client.chat(ENTITY, stream=True)
        assert client.answer()[2] == body


@pytest.mark.parametrize("lines", [[], [ENTITY]])
@pytest.mark.parametrize("body", [b" \r\n" + completion("Hi").replace(b": ", b" :  ") + b"\n", b"{}", b"", b"not json"])
def test_a_whole_answer_reaches_the_client_byte_for_byte(relayed: Relayed, body: bytes, lines: list[str]) -> None:
    relayed.upstream.script = lambda _: [whole(body, 200, ("x-request-id", "up-1"))]
    with relayed.connect() as client:
        client.chat(*lines)
        status, headers, got = client.answer()
    assert (status, got) == (200, body)
    assert header(headers, "content-length") == str(len(body))
    assert header(headers, "x-request-id") == "up-1"


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("coding", ENCODINGS)
@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
@pytest.mark.parametrize(
    ("path", "lines"), [("/v1/chat/completions", [ENTITY]), ("/v1/chat/completions", []), ("/v1/embeddings", [])]
)
def test_compressed_answers_are_relayed_raw(
    relayed: Relayed, coding: str, kind: str, path: str, lines: list[str]
) -> None:
    body = ENCODINGS[coding](body_of("plain") if "event" in kind else completion("Hi"))
    relayed.upstream.script = lambda _: [whole(body, 200, ("content-encoding", coding), content_type=kind)]
    with relayed.connect() as client:
        client.request("POST", path, ODD_BODIES[0], *lines, f"Accept-Encoding: {coding}")
        status, headers, got = client.answer()
    assert (status, got) == (200, body)
    assert header(headers, "content-encoding") == coding
    assert header(headers, "content-length") == str(len(body))


def test_a_compressed_chat_of_an_entity_is_recorded_as_complete(relayed: Relayed) -> None:
    body = gzip.compress(completion("Hi"))
    relayed.upstream.script = lambda _: [whole(body, 200, ("content-encoding", "gzip"))]
    with relayed.connect() as client:
        client.chat("X-Entity-Id: zipped")
        assert client.answer()[2] == body
    assert relayed.gateway.rows("SELECT state FROM turns WHERE entity = 'zipped'") == [("complete",)]


def test_blank_lines_before_a_slow_answer_are_relayed_at_once(relayed: Relayed) -> None:
    body = completion("Hi")

    def script(_: Received) -> Iterator[Step]:
        yield head(200, ("transfer-encoding", "chunked")) + b"\r\n" + chunk(b"\n \n")
        yield 1.0
        yield chunk(body) + chunk(b"")

    relayed.upstream.script = script
    with relayed.connect() as client:
        begun = time.monotonic()
        client.chat("X-Entity-Id: patient")
        _, headers = client.head()
        pieces = client.pieces(headers)
        assert next(pieces) == b"\n \n"
        assert time.monotonic() - begun < 0.9
        assert b"".join(pieces) == body
    assert relayed.gateway.rows("SELECT state FROM turns WHERE entity = 'patient'") == [("complete",)]


def test_an_answer_of_known_length_that_begins_blank_is_recorded_before_its_last_byte(relayed: Relayed) -> None:
    body = b" " + completion("Hi")

    def script(_: Received) -> Iterator[Step]:
        yield head(200, ("content-length", str(len(body)))) + b"\r\n" + body[:1]
        yield 0.1
        yield body[1:50]
        yield 0.1
        yield body[50:]

    relayed.upstream.script = script
    with relayed.connect() as client:
        client.chat("X-Entity-Id: blank")
        assert client.answer()[2] == body
        assert relayed.gateway.rows("SELECT state FROM turns WHERE entity = 'blank'") == [("complete",)]


def test_first_bytes_arrive_before_the_upstream_ends(relayed: Relayed) -> None:
    first = event(delta(content="Hi"))
    relayed.upstream.script = raw(
        head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n" + chunk(first), 5.0
    )
    with relayed.connect() as client:
        begun = time.monotonic()
        client.chat(ENTITY, stream=True)
        _, headers = client.head()
        assert next(client.pieces(headers)) == first
        assert time.monotonic() - begun < 2


# --- headers

HOP_BY_HOP = [
    "Connection: keep-alive, X-Named, x-also-named",
    "X-Named: 1",
    "X-Also-Named: 1",
    "Keep-Alive: timeout=5",
    "Proxy-Authorization: Basic eA==",
    "Proxy-Connection: keep-alive",
    "TE: trailers",
    "Trailer: X-Checksum",
]
OWN = [
    "X-Entity-Id: alice",
    "X-Memori-Entity-Id: alice",
    "X-OpenWebUI-User-Id: alice",
    "X-Mem0-User-Id: alice",
    "X-Process-Id: p",
    "X-Memori-Process-Id: p",
    "X-Session-Id: s",
    "X-OpenWebUI-Chat-Id: s",
    "X-Memory: on",
    "X-Memory-Sharing: process",
    "X-Memory-Time: 2025-01-01T00:00:00Z",
]
KEPT = [
    "Authorization: Bearer sk-client",
    "User-Agent: odd/1",
    "OpenAI-Organization: o",
    "OpenAI-Beta: b",
    "Idempotency-Key: i",
    "X-Stainless-Lang: python",
    "traceparent: 00-1-2-01",
    "Cookie: a=1; b=2",
    "X-Twice: 1",
    "X-Twice: 2",
    "X-Utf8: Zoë",
    "X-Empty:",
]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings"])
def test_headers_of_a_connection_and_of_memory_stay_here_and_all_others_pass(relayed: Relayed, path: str) -> None:
    with relayed.connect() as client:
        client.request("POST", path, ODD_BODIES[0], *HOP_BY_HOP, *OWN, *KEPT)
        assert client.answer()[0] == 200
    sent = relayed.upstream.last.headers
    own = {"host", "content-length", "accept-encoding"}
    assert [pair for pair in sent if pair[0] not in own] == [
        (name.lower(), value.strip().encode().decode("latin-1"))
        for name, _, value in (line.partition(":") for line in KEPT)
    ]
    assert dict(sent)["host"] == f"127.0.0.1:{relayed.upstream.port}"
    assert dict(sent)["content-length"] == str(len(ODD_BODIES[0]))


@pytest.mark.parametrize("lines", [[], [ENTITY]])
def test_no_header_is_invented(relayed: Relayed, lines: list[str]) -> None:
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", ODD_BODIES[0], *lines)
        assert client.answer()[0] == 200
    names = {name for name, _ in relayed.upstream.last.headers}
    assert names == {"host", "content-length"} | ({"accept-encoding"} if lines else set())


def test_a_get_request_carries_nothing_but_its_host(relayed: Relayed) -> None:
    with relayed.connect() as client:
        client.request("GET", "/v1/models")
        assert client.answer()[0] == 200
    assert [name for name, _ in relayed.upstream.last.headers] == ["host"]


@pytest.mark.parametrize(
    ("lines", "expected"), [([ENTITY], "identity"), ([], "br;q=1, gzip"), ([ENTITY, "X-Memory: off"], "br;q=1, gzip")]
)
def test_an_answer_that_is_read_is_asked_for_plain_and_any_other_as_the_client_did(
    relayed: Relayed, lines: list[str], expected: str
) -> None:
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", ODD_BODIES[0], *lines, "Accept-Encoding: br;q=1, gzip")
        assert client.answer()[0] == 200
    assert [value for name, value in relayed.upstream.last.headers if name == "accept-encoding"] == [expected]


def test_expect_is_answered_here_and_not_sent_on(relayed: Relayed) -> None:
    with relayed.connect() as client:
        client.request("POST", "/v1/files", None, "Content-Length: 3", "Expect: 100-continue")
        assert client.head()[0] == 100
        client.send(b"abc")
        assert client.answer()[0] == 200
    assert relayed.upstream.last.body == b"abc"
    assert relayed.upstream.last.header("expect") is None


@pytest.mark.parametrize(
    ("path", "lines"), [("/v1/chat/completions", [ENTITY]), ("/v1/chat/completions", []), ("/v1/embeddings", [])]
)
def test_the_upstreams_headers_pass_and_those_of_its_connection_do_not(
    relayed: Relayed, path: str, lines: list[str]
) -> None:
    kept = [
        ("x-request-id", "up-1"),
        ("set-cookie", "a=1; Path=/"),
        ("set-cookie", "b=2, c=3"),
        ("retry-after", "3"),
        ("x-ratelimit-remaining-requests", "9"),
        ("openai-processing-ms", "12"),
        ("x-utf8", "Zo\xc3\xab"),
    ]
    dropped = [
        ("connection", "keep-alive, x-hop"),
        ("keep-alive", "timeout=5"),
        ("x-hop", "1"),
        ("proxy-authenticate", "Basic"),
        ("trailer", "x-sum"),
        ("date", "Mon, 01 Jan 2024 00:00:00 GMT"),
        ("server", "upstream/1"),
    ]
    body = completion("Hi")
    answer = "".join(f"{name}: {value}\r\n" for name, value in [*kept, *dropped, ("content-length", str(len(body)))])
    relayed.upstream.script = lambda _: [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + answer.encode("latin-1") + b"\r\n" + body
    ]
    with relayed.connect() as client:
        client.request("POST", path, ODD_BODIES[0], *lines)
        status, headers, got = client.answer()
    assert (status, got) == (200, body)
    own = re.compile("x-memory.*|x-session-id|server-timing|content-.*|date")
    assert [pair for pair in headers if not own.fullmatch(pair[0])] == kept
    assert [name for name, _ in headers].count("date") == 1
    assert "server" not in dict(headers)
    assert dict(headers)["date"] != dict(dropped)["date"]


def test_an_answer_with_many_and_long_headers_passes(relayed: Relayed) -> None:
    many = [(f"x-many-{number}", "v" * 100) for number in range(300)] + [("x-long", "v" * 30_000)]
    relayed.upstream.script = lambda _: [whole(b"{}", 200, *many)]
    with relayed.connect() as client:
        client.request("GET", "/v1/models")
        status, headers, _ = client.answer()
    assert status == 200
    assert [pair for pair in headers if pair[0].startswith("x-many") or pair[0] == "x-long"] == many


def test_cookies_of_one_user_are_not_sent_for_the_next(relayed: Relayed) -> None:
    relayed.upstream.script = lambda _: [whole(completion("Hi"), 200, ("set-cookie", "who=alice; Path=/"))]
    with relayed.connect() as client:
        for _ in range(2):
            client.chat(ENTITY)
            assert client.answer()[0] == 200
    assert all(request.header("cookie") is None for request in relayed.upstream.received)


def test_streams_are_marked_as_not_to_be_buffered(relayed: Relayed) -> None:
    with relayed.connect() as client:
        client.chat(ENTITY, stream=True)
        _, headers, _ = client.answer()
    assert header(headers, "cache-control") == "no-cache"
    assert header(headers, "x-accel-buffering") == "no"


# --- errors


ERRORS = [
    (400, b'{"error":{"message":"bad","type":"invalid_request_error","param":"x","code":null}}', "application/json", []),
    (401, b'{"error":"no"}', "application/json; charset=utf-8", [("www-authenticate", "Bearer")]),
    (404, b'{"detail":"Not Found"}', "application/json", []),
    (409, b"", "text/plain", []),
    (429, b'{"error":{"message":"slow"}}', "application/json", [("retry-after", "7"), ("retry-after-ms", "6500"), ("x-should-retry", "false")]),
    (500, b"<html>oops \xff</html>", "text/html", []),
    (503, b"overloaded", "text/plain", [("retry-after", "1")]),
    (529, b'{"type":"error"}', "application/json", []),
    (418, b"\x00\x01", "application/octet-stream", []),
]  # fmt: skip


@pytest.mark.parametrize(
    "path_lines", [("/v1/chat/completions", [ENTITY]), ("/v1/chat/completions", []), ("/v1/embeddings", [])]
)
@pytest.mark.parametrize(("status", "body", "kind", "more"), ERRORS)
def test_an_error_of_the_upstream_is_relayed_as_it_is(
    relayed: Relayed,
    status: int,
    body: bytes,
    kind: str,
    more: list[tuple[str, str]],
    path_lines: tuple[str, list[str]],
) -> None:
    relayed.upstream.script = lambda _: [whole(body, status, *more, content_type=kind)]
    with relayed.connect() as client:
        client.request("POST", path_lines[0], ODD_BODIES[0], *path_lines[1])
        found, headers, got = client.answer()
    assert (found, got) == (status, body)
    assert header(headers, "content-type") == kind
    assert [header(headers, name) for name, _ in more] == [value for _, value in more]
    assert ("x-should-retry" in dict(headers)) is ("x-should-retry" in dict(more))


def test_an_error_in_a_successful_answer_is_relayed_and_nothing_is_recorded_as_said(relayed: Relayed) -> None:
    body = b'{"error":{"message":"quota","code":402}}'
    relayed.upstream.script = lambda _: [whole(body)]
    with relayed.connect() as client:
        client.chat("X-Entity-Id: broke", content="I live in Oslo.")
        assert client.answer()[2] == body
    assert relayed.gateway.rows("SELECT state FROM turns WHERE entity = 'broke'") == [("error",)]
    assert relayed.gateway.rows("SELECT role FROM messages WHERE entity = 'broke' AND role = 'assistant'") == []
    assert relayed.gateway.rows("SELECT text FROM memories WHERE entity = 'broke'") == []


def test_an_error_event_is_relayed_and_raised_by_the_official_client(relayed: Relayed) -> None:
    body = event(delta(content="Hi")) + event({"error": {"message": "out of memory", "code": "oom"}})
    assert relayed.stream(chunk(body), chunk(b"")) == body
    with (
        official(relayed.gateway, {"X-Entity-Id": "oom"}) as client,
        pytest.raises(openai.APIError, match="out of memory"),
    ):
        list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}], stream=True))
    assert relayed.state("oom") == "error"


def ask_model(relayed: Relayed, model: str, lines: list[str]) -> tuple[int, list[tuple[str, str]], bytes]:
    with relayed.connect() as client:
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hi"}]}).encode()
        client.request("POST", "/v1/chat/completions", body, *lines)
        return client.answer()


@pytest.mark.parametrize("lines", [[], [ENTITY]])
def test_an_upstream_that_refuses_the_connection_is_a_502(relayed: Relayed, lines: list[str]) -> None:
    status, headers, body = ask_model(relayed, "nowhere", lines)
    assert status == 502
    assert error(body)["code"] == "upstream_unreachable"
    assert header(headers, "x-should-retry") == "true"
    assert header(headers, "content-type") == "application/json"


@pytest.mark.parametrize("lines", [[], [ENTITY]])
def test_an_upstream_that_says_nothing_is_a_504_after_its_timeout(relayed: Relayed, lines: list[str]) -> None:
    relayed.upstream.script = raw(20.0)
    begun = time.monotonic()
    status, headers, body = ask_model(relayed, "impatient", lines)
    assert status == 504
    assert error(body)["code"] == "upstream_timeout"
    assert header(headers, "x-should-retry") == "false"
    assert 0.9 < time.monotonic() - begun < 10


def test_an_upstream_that_falls_silent_in_a_stream_breaks_it(relayed: Relayed) -> None:
    start = head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
    relayed.upstream.script = raw(start + chunk(event(delta(content="Hi"))), 20.0)
    with relayed.connect() as client:
        body = b'{"model":"impatient","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
        client.request("POST", "/v1/chat/completions", body, ENTITY)
        _, headers = client.head()
        with pytest.raises(Broken):
            list(client.pieces(headers))


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200", b"no http at all\r\n\r\n", b"HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n"]
)
def test_an_upstream_that_gives_no_answer_is_a_502(relayed: Relayed, answer: bytes) -> None:
    relayed.upstream.script = raw(answer)
    status, _, body = ask_model(relayed, "m", [ENTITY])
    assert status == 502
    error(body)


def test_an_unknown_model_is_a_404(relayed: Relayed) -> None:
    status, _, body = ask_model(relayed, "unheard-of", [ENTITY])
    assert status == 404
    assert error(body)["param"] == "model"


def test_an_answer_that_is_cut_before_its_end_is_never_whole(relayed: Relayed) -> None:
    relayed.upstream.script = raw(head(200, ("content-length", "500")) + b"\r\n" + completion("Hi")[:40])
    status, _, body = ask_model(relayed, "m", ["X-Entity-Id: halved"])
    assert status == 502
    error(body)
    assert relayed.gateway.rows("SELECT state FROM turns WHERE entity = 'halved'") == [("error",)]
    with pytest.raises(Broken):
        ask_model(relayed, "m", [])


# --- the end of a stream


def test_the_end_follows_the_terminal_frame_although_the_upstream_stays_open(relayed: Relayed) -> None:
    start = head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
    relayed.upstream.script = raw(start, *map(chunk, stream("Hi")), 10.0)
    with relayed.connect() as client:
        begun = time.monotonic()
        client.chat(ENTITY, stream=True)
        _, _, body = client.answer()
        assert body == b"".join(stream("Hi"))
        assert time.monotonic() - begun < 0.5
    deadline = time.monotonic() + 1
    while relayed.upstream.last.closed is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert relayed.upstream.last.closed is not None


def test_a_turn_is_stored_when_its_terminal_frame_arrives(relayed: Relayed) -> None:
    start = head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
    relayed.upstream.script = raw(start, *map(chunk, stream("Hi")[:-1]), 2.0, chunk(event(b"[DONE]")) + chunk(b""))
    with relayed.connect() as client:
        client.chat("X-Entity-Id: early", stream=True)
        _, headers = client.head()
        for piece in client.pieces(headers):
            if b'"stop"' in piece:
                break
        assert relayed.gateway.rows("SELECT state FROM turns WHERE entity = 'early'") == [("complete",)]


HALF = event(delta(role="assistant", content="The answer is"))
BROKEN: dict[str, list[Step]] = {
    "cut before the finish": [chunk(HALF)],
    "cut inside an event": [chunk(HALF + HALF[:25])],
    "cut inside a chunk": [b"fff\r\n" + HALF],
    "ended without a finish": [chunk(HALF), chunk(b"")],
    "ended inside an event": [chunk(HALF + HALF[:25]), chunk(b"")],
    "ended before anything": [chunk(b"")],
    "ended with comments": [chunk(HALF + b": bye\n\n"), chunk(b"")],
}


@pytest.mark.parametrize("entity", [True, False])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_stream_is_broken_towards_the_client(relayed: Relayed, name: str, entity: bool) -> None:
    with pytest.raises(Broken):
        relayed.stream(*BROKEN[name], entity=entity)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_stream_is_an_error_to_the_official_client(relayed: Relayed, name: str) -> None:
    start = head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
    relayed.upstream.script = raw(start, *BROKEN[name])
    entity = f"broken {name}"
    with (
        official(relayed.gateway, {"X-Entity-Id": entity}) as client,
        pytest.raises(openai.APIError),
    ):
        list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}], stream=True))
    assert relayed.state(entity) == "partial"


def test_a_broken_stream_says_why_where_an_event_may_stand(relayed: Relayed) -> None:
    relayed.upstream.script = raw(head(200, content_type="text/event-stream") + b"connection: close\r\n\r\n", HALF)
    with relayed.connect() as client:
        client.chat(ENTITY, stream=True)
        client.head()
        rest = client.rest()
    assert HALF in rest
    assert b'"code":"stream_interrupted"' in rest
    assert b'finish_reason": "stop' not in rest
    assert not rest.endswith(b"0\r\n\r\n")


def test_a_broken_stream_gets_no_error_event_inside_an_event(relayed: Relayed) -> None:
    relayed.upstream.script = raw(
        head(200, content_type="text/event-stream") + b"connection: close\r\n\r\n", HALF + HALF[:25]
    )
    with relayed.connect() as client:
        client.chat(ENTITY, stream=True)
        client.head()
        assert b"stream_interrupted" not in client.rest()


# --- the rest


def test_a_context_that_memory_made_too_long_is_asked_again_with_the_clients_bytes(relayed: Relayed) -> None:
    with relayed.connect() as client:
        client.chat("X-Entity-Id: long", content="My dog is called Biscuit.")
        assert client.answer()[0] == 200
    too_long = b'{"error":{"message":"maximum context length","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}'

    def script(request: Received) -> Iterable[Step]:
        return [whole(too_long, 400)] if b"Biscuit" in request.body else [whole(completion("A dog."))]

    relayed.upstream.script = script
    relayed.upstream.received.clear()
    with relayed.connect() as client:
        client.chat("X-Entity-Id: long", content="What is my dog called?")
        status, headers, body = client.answer()
    assert (status, body) == (200, completion("A dog."))
    first, second = relayed.upstream.received
    assert b"Biscuit" in first.body
    assert (
        second.body
        == b'{"model": "m", "messages": [{"role": "user", "content": "What is my dog called?"}], "stream": false}'
    )
    assert header(headers, "x-memory-status") == "degraded; reason=context"
    assert header(headers, "x-memory-recalled") == "0"


def test_a_context_that_is_too_long_by_itself_is_not_asked_again(relayed: Relayed) -> None:
    too_long = b'{"error":{"message":"maximum context length","code":"context_length_exceeded"}}'
    relayed.upstream.script = lambda _: [whole(too_long, 400)]
    with relayed.connect() as client:
        client.chat("X-Entity-Id: verbose")
        assert client.answer()[2] == too_long
    assert len(relayed.upstream.received) == 1


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/responses"])
def test_a_websocket_is_refused_in_words(relayed: Relayed, path: str) -> None:
    lines = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    with relayed.connect() as client:
        client.request("GET", path, None, *lines)
        status, _, body = client.answer()
    assert status == 501
    assert error(body)["code"] == "not_supported"
    assert relayed.upstream.received == []


@pytest.mark.parametrize("body", [ODD_BODIES[0], b"x" * 100_000])
def test_an_offer_to_upgrade_to_http_2_is_passed_over(relayed: Relayed, body: bytes) -> None:
    lines = [
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
    ]
    with relayed.connect() as client:
        for _ in range(2):
            client.request("POST", "/v1/embeddings", body, *lines)
            assert client.answer()[0] == 200
            assert relayed.upstream.last.body == body
    names = {name for name, _ in relayed.upstream.last.headers}
    assert not names & {"upgrade", "connection", "http2-settings"}


def test_requests_sent_ahead_are_answered_in_their_order(relayed: Relayed) -> None:
    with relayed.connect() as client:
        for number in range(5):
            client.request("GET", f"/v1/models/{number}")
        found = [json.loads(client.answer()[2])["path"] for _ in range(5)]
    assert found == [f"/v1/models/{number}" for number in range(5)]


def test_a_connection_that_the_upstream_closed_meanwhile_is_not_used_again(relayed: Relayed) -> None:
    def script(request: Received) -> Iterator[Step]:
        yield whole(completion("Hi"))
        raise Close

    relayed.upstream.script = script
    with relayed.connect() as client:
        for _ in range(20):
            client.chat(ENTITY)
            assert client.answer()[0] == 200
            time.sleep(0.01)


def test_more_requests_at_once_than_allowed_are_told_to_come_back(tmp_path: pathlib.Path, upstream: Upstream) -> None:
    upstream.script = raw(whole(b"{}")[:-2], 5.0)
    with Gateway(tmp_path, upstream.url, limits={"concurrency": 2}) as gateway:
        first, second, third = (Connection(gateway.port) for _ in range(3))
        with first, second, third:
            for client in (first, second):
                client.chat(stream=True)
            while len(upstream.received) < 2:
                time.sleep(0.01)
            third.chat(ENTITY)
            status, headers, body = third.answer()
            assert status == 503
            assert error(body)["code"] == "overloaded"
            assert header(headers, "retry-after") == "1"
            assert header(headers, "x-should-retry") == "true"
            assert gateway.get("/healthz").status == 200
        upstream.script = chat()
        deadline = time.monotonic() + 5
        while gateway.chat("Hi").status != 200:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_two_hundred_requests_at_once_get_their_own_answers(relayed: Relayed) -> None:
    relayed.upstream.script = chat(lambda request: request.json["messages"][0]["content"], delay=0.2)
    found: dict[int, str] = {}

    def ask(number: int) -> None:
        with relayed.connect() as client:
            client.chat(f"X-Entity-Id: e{number}", content=f"number {number}")
            found[number] = json.loads(client.answer()[2])["choices"][0]["message"]["content"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {number: f"number {number}" for number in range(200)}
