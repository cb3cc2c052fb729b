"""Errors pass as they are, and what broke never looks whole."""

from __future__ import annotations

import json
import time

import openai
import pytest

from tests.clients import openai as official
from tests.connection import Broken, error, header
from tests.relayed import ENTITY, IMPATIENCE, ODD_BODIES, Relayed
from tests.upstream import (
    Step,
    chunk,
    completion,
    delta,
    event,
    head,
    raw,
    stream,
    whole,
)
from tests.waiting import until

ROUTES = [("/v1/chat/completions", [ENTITY]), ("/v1/chat/completions", []), ("/v1/embeddings", [])]
SLOWER = [("retry-after", "7"), ("retry-after-ms", "6500"), ("x-should-retry", "false")]
ERRORS = [
    (400, b'{"error":{"message":"bad","type":"invalid","param":"x","code":null}}', "application/json", []),
    (401, b'{"error":"no"}', "application/json; charset=utf-8", [("www-authenticate", "Bearer")]),
    (404, b'{"detail":"Not Found"}', "application/json", []),
    (409, b"", "text/plain", []),
    (429, b'{"error":{"message":"slow"}}', "application/json", SLOWER),
    (500, b"<html>oops \xff</html>", "text/html", []),
    (503, b"overloaded", "text/plain", [("retry-after", "1")]),
    (529, b'{"type":"error"}', "application/json", []),
    (418, b"\x00\x01", "application/octet-stream", []),
]  # fmt: skip


@pytest.mark.requirement("R-29", "R-56")
@pytest.mark.parametrize("path_lines", ROUTES)
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


@pytest.mark.requirement("R-62")
def test_an_error_in_a_successful_answer_is_relayed_and_nothing_is_recorded_as_said(relayed: Relayed) -> None:
    body = b'{"error":{"message":"quota","code":402}}'
    relayed.upstream.script = lambda _: [whole(body)]
    with relayed.connect() as client:
        client.chat("X-Entity-Id: broke", content="I live in Oslo.")
        assert client.answer()[2] == body
    assert relayed.gateway.rows("SELECT state FROM turns WHERE entity = 'broke'") == [("error",)]
    assert relayed.gateway.rows("SELECT role FROM messages WHERE entity = 'broke' AND role = 'assistant'") == []
    assert relayed.gateway.rows("SELECT text FROM memories WHERE entity = 'broke'") == []


@pytest.mark.requirement("R-43")
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


@pytest.mark.requirement("R-44", "R-56", "R-57")
@pytest.mark.parametrize("lines", [[], [ENTITY]])
def test_an_upstream_that_refuses_the_connection_is_a_502(relayed: Relayed, lines: list[str]) -> None:
    status, headers, body = ask_model(relayed, "nowhere", lines)
    assert status == 502
    assert error(body)["code"] == "upstream_unreachable"
    assert header(headers, "x-should-retry") == "true"
    assert header(headers, "content-type") == "application/json"


@pytest.mark.requirement("R-44", "R-56", "R-57", "R-71")
@pytest.mark.parametrize("lines", [[], [ENTITY]])
def test_an_upstream_that_says_nothing_is_a_504_after_its_timeout(relayed: Relayed, lines: list[str]) -> None:
    relayed.upstream.script = raw(100.0)
    begun = time.monotonic()
    status, headers, body = ask_model(relayed, "impatient", lines)
    assert status == 504
    assert error(body)["code"] == "upstream_timeout"
    assert header(headers, "x-should-retry") == "false"
    assert IMPATIENCE * 0.9 < time.monotonic() - begun < 10 * IMPATIENCE


@pytest.mark.requirement("R-42")
def test_an_upstream_that_falls_silent_in_a_stream_breaks_it(relayed: Relayed) -> None:
    start = head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
    relayed.upstream.script = raw(start + chunk(event(delta(content="Hi"))), 100.0)
    with relayed.connect() as client:
        body = b'{"model":"impatient","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
        client.request("POST", "/v1/chat/completions", body, ENTITY)
        _, headers = client.head()
        with pytest.raises(Broken):
            list(client.pieces(headers))


@pytest.mark.requirement("R-44", "R-56", "R-75")
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


@pytest.mark.requirement("R-42")
def test_an_answer_that_is_cut_before_its_end_is_never_whole(relayed: Relayed) -> None:
    relayed.upstream.script = raw(head(200, ("content-length", "500")) + b"\r\n" + completion("Hi")[:40])
    status, _, body = ask_model(relayed, "m", ["X-Entity-Id: halved"])
    assert status == 502
    error(body)
    assert relayed.gateway.rows("SELECT state FROM turns WHERE entity = 'halved'") == [("error",)]
    with pytest.raises(Broken):
        ask_model(relayed, "m", [])


@pytest.mark.requirement("R-40")
def test_the_end_follows_the_terminal_frame_although_the_upstream_stays_open(relayed: Relayed) -> None:
    start = head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
    relayed.upstream.script = raw(start, *map(chunk, stream("Hi")), 100.0)
    with relayed.connect() as client:
        client.chat(ENTITY, stream=True)
        _, _, body = client.answer()
        assert body == b"".join(stream("Hi"))
    until(lambda: relayed.upstream.last.closed)


@pytest.mark.requirement("R-40", "R-97")
def test_a_turn_is_stored_when_its_terminal_frame_arrives(relayed: Relayed) -> None:
    start = head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
    relayed.upstream.script = raw(start, *map(chunk, stream("Hi")[:-1]), 5.0, chunk(event(b"[DONE]")) + chunk(b""))
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


@pytest.mark.requirement("R-42", "R-44")
@pytest.mark.parametrize("entity", [True, False])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_stream_is_broken_towards_the_client(relayed: Relayed, name: str, entity: bool) -> None:
    with pytest.raises(Broken):
        relayed.stream(*BROKEN[name], entity=entity)


@pytest.mark.requirement("R-42")
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


@pytest.mark.requirement("R-42", "R-43")
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


@pytest.mark.requirement("R-42", "R-45")
def test_a_broken_stream_gets_no_error_event_inside_an_event(relayed: Relayed) -> None:
    relayed.upstream.script = raw(
        head(200, content_type="text/event-stream") + b"connection: close\r\n\r\n", HALF + HALF[:25]
    )
    with relayed.connect() as client:
        client.chat(ENTITY, stream=True)
        client.head()
        assert b"stream_interrupted" not in client.rest()
