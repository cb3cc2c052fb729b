"""Answers pass byte for byte, streamed or not, however they come in."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator

import brotli
import pytest
import zstandard

from tests.connection import Broken, header
from tests.relayed import ENTITY, ODD_BODIES, Relayed
from tests.upstream import (
    Received,
    Step,
    chunk,
    completion,
    delta,
    event,
    head,
    raw,
    whole,
)

CHUNK = json.dumps(delta(content="Zoë 😀 \u2028 \x85"), ensure_ascii=False).encode()
LAST = json.dumps(delta("stop")).encode()
STREAMS = {
    "plain": b"data: %s\n\ndata: %s\n\ndata: [DONE]\n\n",
    "crlf": b"data: %s\r\n\r\ndata: %s\r\n\r\ndata: [DONE]\r\n\r\n",
    "cr": b"data: %s\r\rdata: %s\r\rdata: [DONE]\r\r",
    "no space": b"data:%s\n\ndata:%s\n\ndata:[DONE]\n\n",
    "comments": b": OPENROUTER PROCESSING\n\n: ka\n\ndata: %s\n\n:\n\ndata: %s\n\n:x\n\ndata: [DONE]\n\n",
    "odd events": b"id: 1\nretry: 10\nevent: ping\n\nevent: x\ndata: %s\n\nfoo: b\nno\n\ndata: %s\n\ndata: [DONE]\n\n",
    "odd chunks": b'data: {}\n\ndata: null\n\ndata: {"choices":[]}\n\ndata: %s\n\n'
    b'data: {"choices":[{"index":"x"}]}\n\ndata: %s\n\ndata: [DONE]\n\n',
    "byte order mark": b"\xef\xbb\xbfdata: %s\n\ndata: %s\n\ndata: [DONE]\n\n",
    "after done": b"data: %s\n\ndata: %s\n\ndata: [DONE]\n\ndata: {\"more\":1}\n\n: bye\n\n",
    "no final newline": b"data: %s\n\ndata: %s\n\ndata: [DONE]",
    "no done": b'data: %s\n\ndata: %s\n\ndata: {"choices":[],"usage":{"total_tokens":3}}\n\n',
    "not json": b"data: <html>\n\ndata: \xff\xfe\n\ndata: %s\n\ndata: %s\n\ndata: [DONE]\n\n",
}  # fmt: skip


def body_of(name: str) -> bytes:
    return STREAMS[name] % (CHUNK, LAST)


@pytest.mark.requirement("R-35", "R-37", "R-38", "R-46", "R-51")
@pytest.mark.parametrize("entity", [True, False])
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_reaches_the_client_byte_for_byte(relayed: Relayed, name: str, entity: bool) -> None:
    body = body_of(name)
    assert relayed.stream(chunk(body), chunk(b""), entity=entity) == body


@pytest.mark.requirement("R-35", "R-36")
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_in_one_byte_pieces_reaches_the_client_byte_for_byte(relayed: Relayed, name: str) -> None:
    body = body_of(name)
    steps: list[Step] = []
    for at in range(len(body)):
        steps += [chunk(body[at : at + 1]), 0.001]
    assert relayed.stream(*steps, chunk(b"")) == body


@pytest.mark.requirement("R-37")
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


@pytest.mark.requirement("R-13", "R-35", "R-46")
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


@pytest.mark.requirement("R-27")
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


@pytest.mark.requirement("R-46")
def test_blank_lines_before_a_slow_answer_are_relayed_at_once(relayed: Relayed) -> None:
    body = completion("Hi")

    arrived = threading.Event()

    def script(_: Received) -> Iterator[Step]:
        yield head(200, ("transfer-encoding", "chunked")) + b"\r\n" + chunk(b"\n \n")
        while not arrived.is_set():
            yield 0.01
        yield chunk(body) + chunk(b"")

    relayed.upstream.script = script
    with relayed.connect() as client:
        client.chat("X-Entity-Id: patient")
        _, headers = client.head()
        pieces = client.pieces(headers)
        assert next(pieces) == b"\n \n"
        arrived.set()
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


@pytest.mark.requirement("R-41")
def test_first_bytes_arrive_before_the_upstream_ends(relayed: Relayed) -> None:
    first = event(delta(content="Hi"))
    relayed.upstream.script = raw(
        head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n" + chunk(first), 100.0
    )
    with relayed.connect() as client:
        client.chat(ENTITY, stream=True)
        _, headers = client.head()
        assert next(client.pieces(headers)) == first  # else it would wait in vain
