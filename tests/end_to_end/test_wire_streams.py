"""Streams through every door: the upstream's events and nothing else, for as long as they take."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.clients import Served, ids
from tests.connection import Broken, Connection
from tests.doors import DOORS, EveryDoor, through
from tests.end_to_end.test_wire_bodies import PATHS
from tests.process import Gateway
from tests.upstream import Close, Received, Script, Step, Upstream, chunk, delta, event, head, whole
from tests.waiting import until

OPEN = head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
PATIENCE = 4.0
"""Seconds that the upstream may be silent."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Upstream() as upstream:
        upstreams = [
            {"name": "openai", "base_url": upstream.url, "timeouts": {"read": PATIENCE}},
            {"name": "anthropic", "kind": "anthropic", "base_url": upstream.url, "timeouts": {"read": PATIENCE}},
        ]
        with Gateway(tmp_path_factory.mktemp("streams"), upstream.url, upstreams=upstreams) as gateway:
            yield Served(gateway, upstream)


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    shared.upstream.script = EveryDoor()
    return shared


def events_of(door: str) -> bytes:
    """The body of a streamed answer as it leaves the upstream."""
    request = Received("POST", PATHS[door], [], b'{"stream":true}', 0)
    steps = [step for step in EveryDoor()(request) if isinstance(step, bytes)]
    return b"".join(step.partition(b"\r\n")[2][:-2] for step in steps[1:])


def slowly(body: bytes, size: int, gap: float) -> Script:
    """Streams the body in pieces of this size."""

    def script(_: Received) -> Iterator[Step]:
        yield OPEN
        for at in range(0, len(body), size):
            yield chunk(body[at : at + size])
            yield gap
        yield chunk(b"")

    return script


@pytest.mark.requirement("R-1", "R-35", "R-48", "R-54", "R-118", "R-122")
@pytest.mark.parametrize("who", [{}, ids("somebody")], ids=["nobody", "somebody"])
@pytest.mark.parametrize("door", DOORS)
def test_every_event_reaches_the_client_as_it_was_sent(served: Served, door: str, who: dict[str, str]) -> None:
    body = events_of(door)
    assert body.count(b"data: ") >= 4
    for size in (1, 7, 10_000):
        served.upstream.script = slowly(body, size, 0.0)
        assert through(served.gateway, door, "Hi", who, stream=True).body == body


@pytest.mark.requirement("R-45", "R-71")
def test_a_long_silent_answer_gets_no_byte_of_the_gateways_and_no_deadline(served: Served) -> None:
    """No keep-alives are made here; each silence is shorter than the limit, and all together are longer."""
    bodies = {door: events_of(door) for door in DOORS}
    whole_body = json.dumps({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}).encode()

    def script(request: Received) -> Iterator[Step]:
        streams = request.json["stream"]
        body = bodies[door_of(request)] if streams else whole_body
        yield OPEN if streams else head(200, ("content-length", str(len(body)))) + b"\r\n"
        for at in range(0, len(body), len(body) // 8 + 1):
            piece = body[at : at + len(body) // 8 + 1]
            yield chunk(piece) if streams else piece
            yield PATIENCE / 4
        yield chunk(b"") if streams else b""

    served.upstream.script = script
    asked = [(door, who, door != "whole") for door in (*DOORS, "whole") for who in ({}, ids(f"slow {door}"))]
    begun = time.monotonic()
    with ThreadPoolExecutor(len(asked)) as pool:
        found = list(pool.map(lambda one: _ask(served, *one), asked))
    assert found == [bodies.get(door, whole_body) for door, *_ in asked]
    assert time.monotonic() - begun > 1.4 * PATIENCE
    assert {state for door in (*DOORS, "whole") for state in served.turns(f"slow {door}")} == {"complete"}


def door_of(request: Received) -> str:
    return next(door for door in DOORS if PATHS[door] == request.target)


def _ask(served: Served, door: str, who: dict[str, str], stream: bool) -> bytes:
    return through(served.gateway, door if stream else "chat", "Hi", who, stream=stream).body


def chunks(*deltas: dict[str, Any], last: tuple[dict[str, Any], ...] = ()) -> bytes:
    """The events of a streamed chat."""
    ended = [event(delta("stop")), *map(event, last), event(b"[DONE]")]
    return b"".join([*(event(delta(**fields)) for fields in deltas), *ended])


USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


@pytest.mark.requirement("R-49", "R-50", "R-51")
@pytest.mark.parametrize("options", [None, {"include_usage": True, "vendor": 1}, {"include_usage": False}])
@pytest.mark.parametrize("sends", [True, False])
def test_usage_is_neither_asked_for_nor_taken_away(served: Served, options: Any, sends: bool) -> None:
    usage = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [], "usage": USAGE}
    body = chunks({"content": "Hi"}, last=(usage,) if sends else ())
    name = f"usage {options} {sends}"
    served.upstream.script = slowly(body, 10_000, 0.0)
    more = {} if options is None else {"stream_options": options}
    assert through(served.gateway, "chat", "Hi", ids(name), stream=True, **more).body == body
    assert served.upstream.last.json.get("stream_options") == options

    def found() -> Any:
        usage = served.gateway.rows("SELECT usage FROM turns WHERE entity = ?", name)[0][0]
        return json.loads(usage) if usage else None

    until(lambda: found() == (USAGE if sends else None))


def _piece(arguments: str, **more: Any) -> dict[str, Any]:
    name = more.pop("name", None)
    return {**more, "function": {"arguments": arguments, **({"name": name} if name else {})}}


CALLS: dict[str, list[list[dict[str, Any]]]] = {
    "by index": [
        [_piece("", index=0, id="a", name="f")], [_piece('{"x":', index=0)], [_piece("", index=1, id="b", name="g")],
        [_piece("1}", index=0)], [_piece("{}", index=1)],
    ],
    "a new id on a used index": [
        [_piece('{"x":1}', index=0, id="a", name="f")], [_piece("{}", index=0, id="b", name="g")]
    ],
    "no index": [[_piece('{"x":1}', id="a", name="f")], [_piece("", id="b", name="g")], [_piece("{}")]],
    "several pieces of one in a chunk": [
        [_piece('{"x"', index=0, id="a", name="f"), _piece(":1}", index=0)], [_piece("{}", index=1, id="b", name="g")]
    ],
    "a name that comes late": [
        [_piece('{"x":1}', index=0, id="a")], [_piece("", index=0, name="f")], [_piece("{}", index=1, id="b", name="g")]
    ],
}  # fmt: skip


@pytest.mark.requirement("R-52")
@pytest.mark.parametrize("name", CALLS)
def test_calls_in_odd_pieces_are_relayed_as_they_are_and_recorded_whole(served: Served, name: str) -> None:
    body = chunks(*({"tool_calls": pieces} for pieces in CALLS[name]))
    served.upstream.script = slowly(body, 50, 0.0)
    assert through(served.gateway, "chat", "Hi", ids(name), stream=True).body == body
    ((raw,),) = served.gateway.rows("SELECT raw FROM messages WHERE entity = ? AND role = 'assistant'", name)
    calls = [(call["id"], call["function"]) for call in json.loads(raw)["tool_calls"]]
    assert calls == [("a", {"name": "f", "arguments": '{"x":1}'}), ("b", {"name": "g", "arguments": "{}"})]


ERRORS = {
    "chat": b'data: {"error":{"message":',
    "responses": b'event: error\ndata: {"type":"error"',
    "messages": b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":',
}


@pytest.mark.requirement("R-42", "R-43", "R-122")
@pytest.mark.parametrize("ends", ["cut", "ended"])
@pytest.mark.parametrize("who", [{}, ids("somebody")], ids=["nobody", "somebody"])
@pytest.mark.parametrize("door", DOORS)
def test_a_broken_stream_ends_in_the_words_of_its_door_and_without_an_end(
    served: Served, door: str, who: dict[str, str], ends: str
) -> None:
    events = events_of(door).split(b"\n\n")
    begun = b"\n\n".join(events[:2]) + b"\n\n"

    def script(_: Received) -> Iterator[Step]:
        yield OPEN + chunk(begun)
        yield 0.05
        if ends == "cut":
            raise Close
        yield chunk(b"")

    served.upstream.script = script
    asked = {"model": "m", "input": "Hi", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    with Connection(served.gateway.port) as client:
        client.request(
            "POST", PATHS[door], json.dumps(asked).encode(), *(f"{name}: {value}" for name, value in who.items())
        )
        _, headers = client.head()
        body, whole = until_broken(client.pieces(headers))
    assert not whole
    assert body.startswith(begun + ERRORS[door])
    assert not any(end in body for end in (b'"stop"', b"[DONE]", b"response.completed", b"message_stop"))


def until_broken(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """What came of a body, and whether it was whole."""
    body = b""
    try:
        for piece in pieces:
            body += piece
    except Broken:
        return body, False
    return body, True


@pytest.mark.requirement("R-63")
@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize("door", ["responses", "messages"])
def test_leaving_through_any_door_cancels_the_upstream(shared: Served, door: str, begins: bool, streams: bool) -> None:
    """What tests/end_to_end/test_disconnect.py holds for chats."""
    shared.reset()
    first = OPEN + chunk(events_of(door).split(b"\n\n")[0] + b"\n\n") if streams else whole(b"x" * 99)[:-9]
    left = threading.Event()

    def script(_: Received) -> Iterator[Step]:
        if begins:
            yield first
        for _step in range(9):
            yield 0.1 * PATIENCE  # the peer's leaving ends it
        left.set()

    shared.upstream.script = script
    body = json.dumps({"model": "m", "input": "Hi", "messages": [{"role": "user", "content": "Hi"}], "stream": streams})
    with Connection(shared.gateway.port) as client:
        client.request("POST", PATHS[door], body.encode(), "X-Entity-Id: leaving")
        until(lambda: shared.upstream.received)
        time.sleep(0.1)
        client.close()
        shared.upstream.settle(60)
    assert shared.upstream.last.closed is not None
    assert not left.is_set(), "it was held to its end"


@pytest.mark.requirement("R-23", "R-25", "R-118")
def test_headers_of_anthropics_clients_reach_the_upstream(served: Served) -> None:
    lines = {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "a-1,b-2",
        "x-api-key": "sk-ant",
        "x-stainless-timeout": "600",
    }
    through(served.gateway, "messages", "Hi", {**ids("alice", "p", "s"), **lines})
    sent = dict(served.upstream.last.headers)
    assert {name: sent.get(name) for name in lines} == lines
    assert not {"x-entity-id", "x-process-id", "x-session-id"} & sent.keys()
