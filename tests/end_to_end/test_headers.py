"""Headers pass, but for those of one connection and the gateway's own."""

from __future__ import annotations

import re

import pytest

from tests.connection import header
from tests.relayed import ENTITY, ODD_BODIES, Relayed
from tests.upstream import (
    completion,
    whole,
)

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


@pytest.mark.requirement("R-23", "R-24")
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


@pytest.mark.requirement("R-26")
@pytest.mark.parametrize("lines", [[], [ENTITY]])
def test_no_header_is_invented(relayed: Relayed, lines: list[str]) -> None:
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", ODD_BODIES[0], *lines)
        assert client.answer()[0] == 200
    names = {name for name, _ in relayed.upstream.last.headers}
    assert names == {"host", "content-length"} | ({"accept-encoding"} if lines else set())


@pytest.mark.requirement("R-5", "R-26")
def test_a_get_request_carries_nothing_but_its_host(relayed: Relayed) -> None:
    with relayed.connect() as client:
        client.request("GET", "/v1/files")
        assert client.answer()[0] == 200
    assert [name for name, _ in relayed.upstream.last.headers] == ["host"]


@pytest.mark.requirement("R-26")
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


@pytest.mark.requirement("R-24")
def test_expect_is_answered_here_and_not_sent_on(relayed: Relayed) -> None:
    with relayed.connect() as client:
        client.request("POST", "/v1/files", None, "Content-Length: 3", "Expect: 100-continue")
        assert client.head()[0] == 100
        client.send(b"abc")
        assert client.answer()[0] == 200
    assert relayed.upstream.last.body == b"abc"
    assert relayed.upstream.last.header("expect") is None


@pytest.mark.requirement("R-24", "R-28", "R-29")
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
        client.request("GET", "/v1/files")
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


@pytest.mark.requirement("R-33")
def test_streams_are_marked_as_not_to_be_buffered(relayed: Relayed) -> None:
    with relayed.connect() as client:
        client.chat(ENTITY, stream=True)
        _, headers, _ = client.answer()
    assert header(headers, "cache-control") == "no-cache"
    assert header(headers, "x-accel-buffering") == "no"
