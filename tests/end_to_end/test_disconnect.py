"""A client that leaves takes its request to the upstream with it, wherever the two are, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import pathlib
import random
import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest

from tests.clients import Served, serve
from tests.connection import Connection
from tests.process import Gateway
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
from tests.waiting import until

SOON = 10.0
"""Seconds within which the upstream is let go of: one, and what a loaded machine may add."""
STREAM = head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
HELD = 100.0
"""Seconds that an upstream would go on if nobody ended it."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("disconnect")) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


def descriptors(gateway: Gateway) -> int:
    assert gateway.process is not None
    return len(list(pathlib.Path(f"/proc/{gateway.process.pid}/fd").iterdir()))


def leave(served: Served, client: Connection) -> float:
    """Close the client's connection; seconds until the upstream saw its own connection closed."""
    request = served.upstream.last
    left = time.monotonic()
    client.close()
    until(lambda: request.closed)
    assert request.closed is not None
    until(lambda: served.gateway.active() == 0)
    return request.closed - left


def arrived(served: Served) -> None:
    until(lambda: served.upstream.received)


KINDS = ["recorded", "anonymous", "off"]


def lines(kind: str, name: str) -> list[str]:
    """The headers of a request that is recorded, anonymous, or without memory."""
    return {"recorded": [f"X-Entity-Id: {name}"], "anonymous": [], "off": [f"X-Entity-Id: {name}", "X-Memory: off"]}[
        kind
    ]


@pytest.mark.requirement("R-63", "R-64")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("streams", [True, False])
def test_leaving_before_the_upstream_answers_cancels_it(served: Served, streams: bool, kind: str) -> None:
    served.upstream.script = raw(HELD)
    with Connection(served.gateway.port) as client:
        client.chat(*lines(kind, f"waiting {streams}"), stream=streams, content="I live in Oslo.")
        arrived(served)
        assert leave(served, client) < SOON
    if kind == "recorded":
        until(lambda: served.turns(f"waiting {streams}") == ["partial"])
        assert served.memories(f"waiting {streams}") == []


@pytest.mark.requirement("R-63", "R-64", "R-67")
@pytest.mark.parametrize("kind", KINDS)
def test_leaving_a_stream_that_is_silent_cancels_the_upstream(served: Served, kind: str) -> None:
    served.upstream.script = raw(STREAM + chunk(event(delta(content="The answer"))), HELD)
    with Connection(served.gateway.port) as client:
        client.chat(*lines(kind, "silent"), stream=True)
        _, headers = client.head()
        next(client.pieces(headers))
        assert leave(served, client) < SOON
    if kind == "recorded":
        until(lambda: served.turns("silent") == ["partial"])
        assert ("assistant", "The answer") in served.stored("silent")


@pytest.mark.requirement("R-63")
@pytest.mark.parametrize("kind", KINDS)
def test_leaving_in_the_middle_of_a_whole_answer_cancels_the_upstream(served: Served, kind: str) -> None:
    served.upstream.script = raw(head(200, ("content-length", "1000")) + b"\r\n" + completion("Hi")[:50], HELD)
    with Connection(served.gateway.port) as client:
        client.chat(*lines(kind, "half"))
        arrived(served)
        time.sleep(0.1)
        assert leave(served, client) < SOON
    if kind == "recorded":
        until(lambda: served.turns("half") == ["partial"])


def test_leaving_after_blank_lines_cancels_the_upstream(served: Served) -> None:
    served.upstream.script = raw(head(200, ("transfer-encoding", "chunked")) + b"\r\n" + chunk(b"\n"), HELD)
    with Connection(served.gateway.port) as client:
        client.chat("X-Entity-Id: blank")
        _, headers = client.head()
        next(client.pieces(headers))
        assert leave(served, client) < SOON
    until(lambda: served.turns("blank") == ["partial"])


@pytest.mark.requirement("R-63")
def test_leaving_a_relayed_request_cancels_the_upstream(served: Served) -> None:
    served.upstream.script = raw(HELD)
    with Connection(served.gateway.port) as client:
        client.request("POST", "/v1/embeddings", b"{}")
        arrived(served)
        assert leave(served, client) < SOON


def test_leaving_in_the_middle_of_an_upload_cancels_the_upstream(served: Served) -> None:
    with Connection(served.gateway.port) as client:
        client.request("POST", "/v1/files", None, "Content-Length: 50000000")
        client.send(b"x" * 3_000_000)
        arrived(served)
        assert leave(served, client) < SOON


def test_leaving_with_a_reset_cancels_the_upstream(served: Served) -> None:
    served.upstream.script = raw(STREAM, HELD)
    with Connection(served.gateway.port) as client:
        client.chat("X-Entity-Id: reset", stream=True)
        client.head()
        client.reset()
        assert leave(served, client) < SOON


@pytest.mark.requirement("R-66")
def test_leaving_a_stream_that_was_not_read_cancels_the_upstream(served: Served) -> None:
    def script(_: Received) -> Iterator[Step]:
        yield STREAM
        while True:
            yield chunk(event(delta(content="word " * 10_000)))

    served.upstream.script = script
    with Connection(served.gateway.port) as client:
        client.chat("X-Entity-Id: flooded", stream=True)
        client.head()
        time.sleep(0.5)  # every buffer on the way is full now
        assert leave(served, client) < SOON


@pytest.mark.requirement("R-66")
def test_a_client_that_reads_slowly_holds_the_upstream_back(served: Served) -> None:
    sent = 0

    def script(request: Received) -> Iterator[Step]:
        nonlocal sent
        yield STREAM
        for _ in range(1000):
            yield chunk(event(delta(content="x" * 100_000)))
            sent += 100_000

    served.upstream.script = script
    with Connection(served.gateway.port) as client:
        client.chat(stream=True)
        client.head()
        time.sleep(1)
        assert sent < 60_000_000  # what the kernel's buffers of two connections hold, and little more
        assert leave(served, client) < SOON


def test_the_end_of_an_answer_is_not_a_client_that_left(served: Served) -> None:
    before = served.gateway.log.read_text().count('"status": 499') + served.gateway.log.read_text().count("status=499")
    for streams in (True, False):
        with Connection(served.gateway.port) as client:
            client.chat("X-Entity-Id: whole", stream=streams)
            assert client.answer()[0] == 200
    until(lambda: served.turns("whole") == ["complete", "complete"])
    log = served.gateway.log.read_text()
    assert log.count('"status": 499') + log.count("status=499") == before


@pytest.fixture
def crowded(tmp_path: pathlib.Path, upstream: Upstream) -> Iterator[Served]:
    """A gateway that takes seconds to load what it knows of `elephant`."""
    with Gateway(tmp_path, upstream.url) as gateway:
        gateway.chat("My dog is called Biscuit. " + "I walked a long way in the rain. " * 100, "elephant")
    with contextlib.closing(sqlite3.connect(gateway.store)) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(messages)")]
        changed = {
            "key": "key + n.value",
            "chain": "randomblob(16)",
            "link": "randomblob(16)",
            "digest": "randomblob(16)",
        }
        connection.execute(
            "WITH RECURSIVE n(value) AS (SELECT 10 UNION ALL SELECT value + 1 FROM n WHERE value < 1500)"
            f" INSERT INTO messages ({', '.join(columns)})"
            f" SELECT {', '.join(changed.get(name, name) for name in columns)} FROM messages, n WHERE role = 'user'"
        )
        connection.execute("UPDATE entities SET sequence = 5000")
        connection.commit()
    upstream.received.clear()
    with Gateway(tmp_path, upstream.url, memory={"recall": {"deadline": 60}}) as gateway:
        yield Served(gateway, upstream)


@pytest.mark.requirement("R-63")
def test_leaving_during_recall_ends_the_request_before_the_upstream_is_asked(crowded: Served) -> None:
    with Connection(crowded.gateway.port) as client:
        client.chat("X-Entity-Id: elephant", content="What is my dog called?")
        until(lambda: crowded.gateway.active() == 1)
        time.sleep(0.3)
        assert crowded.upstream.received == [], "recall was too quick to be interrupted"
        client.close()
        until(lambda: crowded.gateway.active() == 0, SOON)
    time.sleep(0.2)
    assert crowded.upstream.received == []
    answer = crowded.gateway.chat("What is my dog called?", "elephant")  # what was begun is used
    assert answer.status == 200
    assert len(crowded.upstream.received) == 1


@pytest.mark.requirement("R-68", "R-108")
def test_hundreds_of_clients_that_leave_at_any_moment_leave_nothing_behind(tmp_path: pathlib.Path) -> None:
    choice = random.Random(7)

    def script(request: Received) -> Iterator[Step]:
        yield choice.random() * 0.03
        if request.json["stream"]:
            yield STREAM.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
            for item in stream("one two three four"):
                yield chunk(item)
                yield choice.random() * 0.01
            yield chunk(b"")
        else:
            yield whole(completion("Hi"), 200, ("connection", "close"))
        raise Close

    def work(port: int, numbers: range) -> None:
        for number in numbers:
            with Connection(port) as client:
                client.chat(f"X-Entity-Id: e{number % 7}", stream=choice.random() < 0.7, content=f"Hello {number}")
                time.sleep(choice.random() * 0.08)
                if choice.random() < 0.5:
                    client.reset()

    with serve(tmp_path) as busy:
        busy.upstream.script = script
        busy.ask("Hello", "e0", stream=False)
        until(lambda: busy.gateway.active() == 0)
        time.sleep(0.2)
        before = descriptors(busy.gateway)
        threads = [
            threading.Thread(target=work, args=(busy.gateway.port, range(start, 300, 10))) for start in range(10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        until(lambda: busy.gateway.active() == 0)
        until(lambda: descriptors(busy.gateway) <= before)
        busy.upstream.script = chat()
        assert busy.gateway.chat("Hello", "e0").status == 200
        states = {state for number in range(7) for state in busy.turns(f"e{number}")}
        assert states == {"complete", "partial"}
