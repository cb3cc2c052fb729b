"""Requests pass byte for byte: bodies, paths, methods, and what belongs to a connection."""

from __future__ import annotations

import gzip
import json
import pathlib
import threading
import time
from collections.abc import Iterable, Iterator

import pytest

from tests.connection import Connection, error, header
from tests.process import Gateway
from tests.relayed import ENTITY, ODD_BODIES, Relayed
from tests.upstream import (
    Close,
    Received,
    Step,
    Upstream,
    chat,
    chunk,
    completion,
    head,
    raw,
    whole,
)
from tests.waiting import until

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


@pytest.mark.requirement("R-14", "R-80")
@pytest.mark.parametrize("lines", [[], [ENTITY], [ENTITY, "X-Memory: off"], [ENTITY, "X-Memory: shadow"]])
@pytest.mark.parametrize("body", ODD_BODIES)
def test_without_memories_the_upstream_gets_the_clients_bytes(relayed: Relayed, body: bytes, lines: list[str]) -> None:
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", body, *lines)
        assert client.answer()[0] == 200
    assert relayed.upstream.last.body == body
    assert relayed.upstream.last.header("content-length") == str(len(body))
    assert relayed.upstream.last.header("transfer-encoding") is None


@pytest.mark.requirement("R-15", "R-110")
@pytest.mark.parametrize("body", NO_CHATS)
def test_a_body_that_is_no_chat_is_the_upstreams_to_refuse(relayed: Relayed, body: bytes) -> None:
    refusal = b'{"error":{"message":"upstream says no"}}'
    relayed.upstream.script = lambda _: [whole(refusal, 400)]
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", body, ENTITY)
        status, _, answer = client.answer()
    assert (status, answer) == (400, refusal)
    assert relayed.upstream.last.body == body


@pytest.mark.requirement("R-16")
def test_a_compressed_request_is_not_touched(relayed: Relayed) -> None:
    body = gzip.compress(ODD_BODIES[0])
    relayed.upstream.script = lambda _: [whole(completion("Hi"))]
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", body, ENTITY, "Content-Encoding: gzip")
        assert client.answer()[0] == 200
    assert relayed.upstream.last.body == body
    assert relayed.upstream.last.header("content-encoding") == "gzip"


@pytest.mark.requirement("R-17")
def test_a_chunked_chat_reaches_the_upstream_whole(relayed: Relayed) -> None:
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", None, ENTITY, "Transfer-Encoding: chunked")
        for byte in ODD_BODIES[0]:
            client.send(chunk(bytes([byte])))
        client.send(chunk(b""))
        assert client.answer()[0] == 200
    assert relayed.upstream.last.body == ODD_BODIES[0]


TARGETS = [
    "/v1/files",
    "/v1/files/a%2fb%7e%C3%A9/content",
    "/v1/files?a=b&a=c&empty=&flag",
    "/v1/x?q=%7e+%20%2B~&url=http://h/p?x=y",
    "/v1/threads//double/./dot/..a/b../...",
    "/v1/a;b=c/d:e@f!$&'()*+,=",
    "/v1/chat/completions/c1/messages?limit=2",
    "/v1/chat/completions?beta=true",
    "/v1/v1/models/",
    "/v1/",
    '/v1/"quoted"|{x}^`',
]


@pytest.mark.requirement("R-3")
@pytest.mark.parametrize("target", TARGETS)
def test_a_path_and_its_query_are_kept_as_sent(relayed: Relayed, target: str) -> None:
    relayed.upstream.script = lambda request: [whole(request.target.encode(), content_type="text/plain")]
    with relayed.connect() as client:
        client.request("GET", target)
        status, _, body = client.answer()
    assert (status, body.decode()) == (200, target)


@pytest.mark.parametrize("step", ["/../", "/%2e%2E/", "/.%2e/", "/..%2f", "%2F..%2f", "/..;/", "/..\\", "/.."])
def test_no_path_leads_out_of_the_upstreams_own(relayed: Relayed, step: str) -> None:
    with relayed.connect() as client:
        client.request("GET", f"/v1/files{step}" if step == "/.." else f"/v1/files{step}admin")
        status, _, body = client.answer()
    assert status == 404
    error(body)
    assert relayed.upstream.received == []


@pytest.mark.requirement("R-3")
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


@pytest.mark.requirement("R-7")
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


@pytest.mark.requirement("R-55")
def test_a_head_request_gets_the_length_and_no_body(relayed: Relayed) -> None:
    relayed.upstream.script = lambda _: [head(200, ("content-length", "123456")) + b"\r\n"]
    with relayed.connect() as client:
        client.request("HEAD", "/v1/files/f-1/content")
        status, headers = client.head()
        assert (status, header(headers, "content-length")) == (200, "123456")
        relayed.upstream.script = chat()
        client.request("GET", "/v1/files")  # the connection is in step
        assert client.answer()[0] == 200


@pytest.mark.requirement("R-55")
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
        client.request("GET", "/v1/files")
        assert client.answer()[0] == 200


@pytest.mark.requirement("R-9")
def test_a_redirect_is_not_followed(relayed: Relayed) -> None:
    relayed.upstream.script = lambda _: [whole(b"", 307, ("location", "/v1/elsewhere"))]
    with relayed.connect() as client:
        client.request("POST", "/v1/embeddings", b"{}")
        status, headers, _ = client.answer()
    assert (status, header(headers, "location")) == (307, "/v1/elsewhere")
    assert len(relayed.upstream.received) == 1


@pytest.mark.requirement("R-6")
def test_an_event_stream_of_another_path_passes_piece_by_piece(relayed: Relayed) -> None:
    def script(_: Received) -> Iterator[Step]:
        yield head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
        yield chunk(b"event: speech\ndata: 1\n\n")
        yield 100.0  # longer than the client waits
        yield chunk(b"")

    relayed.upstream.script = script
    with relayed.connect() as client:
        client.request("POST", "/v1/audio/speech", b"{}")
        _, headers = client.head()
        assert next(client.pieces(headers)) == b"event: speech\ndata: 1\n\n"


@pytest.mark.requirement("R-91")
def test_a_context_that_memory_made_too_long_is_asked_again_with_the_clients_bytes(relayed: Relayed) -> None:
    with relayed.connect() as client:
        client.chat("X-Entity-Id: long", content="My dog is called Biscuit.")
        assert client.answer()[0] == 200
    too_long = b'{"error":{"message":"maximum context length","code":"context_length_exceeded"}}'

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


@pytest.mark.requirement("R-8")
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


@pytest.mark.requirement("R-75")
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


@pytest.mark.requirement("R-59")
def test_more_requests_at_once_than_allowed_are_told_to_come_back(tmp_path: pathlib.Path, upstream: Upstream) -> None:
    upstream.script = raw(whole(b"{}")[:-2], 100.0)
    with Gateway(tmp_path, upstream.url, limits={"concurrency": 2}) as gateway:
        first, second, third = (Connection(gateway.port) for _ in range(3))
        with first, second, third:
            for client in (first, second):
                client.chat(stream=True)
            until(lambda: len(upstream.received) == 2)
            third.chat(ENTITY)
            status, headers, body = third.answer()
            assert status == 503
            assert error(body)["code"] == "overloaded"
            assert header(headers, "retry-after") == "1"
            assert header(headers, "x-should-retry") == "true"
            assert gateway.get("/healthz").status == 200
        upstream.script = chat()
        until(lambda: gateway.chat("Hi").status == 200)


@pytest.mark.requirement("R-69")
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
