"""What a client may send: how much, how slowly, how ambiguously; and what passes through in constant memory."""

from __future__ import annotations

import pathlib
import signal
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from openai import APIStatusError

from gateway.relay import BODY_SILENCE
from gateway.server import HEADER_SECONDS, KEEP_ALIVE
from tests.clients import Served, openai, serve
from tests.connection import Connection, error, header
from tests.hurried import SPEED, hurried
from tests.process import Gateway
from tests.upstream import Received, Step, Upstream, chat, chunk, delta, event, head, raw, stream, streamed, whole

MB = 1024 * 1024
BODY_LIMIT = 4 * MB


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("limits"), limits={"body": BODY_LIMIT}) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


def memory(gateway: Gateway) -> int:
    """Bytes that the gateway's process holds."""
    assert gateway.process is not None
    for line in pathlib.Path(f"/proc/{gateway.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


class Peak:
    """The most that the gateway's process held while the context lasted, above what it held before."""

    def __init__(self, gateway: Gateway) -> None:
        self.rise = 0
        self._gateway = gateway
        self._before = memory(gateway)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.rise = max(self.rise, memory(self._gateway) - self._before)


# --- heads


def test_a_head_over_the_limit_is_refused_in_words(served: Served) -> None:
    with Connection(served.gateway.port) as client:
        client.request("GET", "/v1/models", None, *(f"X-Many-{number}: {'v' * 1000}" for number in range(70)))
        status, _, body = client.answer()
    assert status == 431
    assert error(body)["code"] == "headers_too_large"
    assert served.upstream.received == []


def test_an_address_counts_as_part_of_the_head(served: Served) -> None:
    with Connection(served.gateway.port) as client:
        client.request("GET", "/v1/models?q=" + "x" * 65_536)
        assert client.answer()[0] == 431


@pytest.mark.requirement("R-31")
def test_a_head_just_under_the_limit_passes(served: Served) -> None:
    with Connection(served.gateway.port) as client:
        client.request("GET", "/v1/models", None, f"X-Long: {'v' * 65_000}")
        assert client.answer()[0] == 200
    assert served.upstream.last.header("x-long") == "v" * 65_000


@pytest.mark.parametrize(
    "start",
    [
        b"GET /v1/models HTTP/1.1\r\nX-Long: ",
        b"GET /v1/models?q=",
        b"GET /v1/models HTTP/1.1\r\nHost: h\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
)
def test_an_endless_head_is_closed_and_not_kept(served: Served, start: bytes) -> None:
    piece = b"X-A: bbbbbbbbbb\r\n" * 4096 if start.endswith(b"Host: h\r\n") else b"x" * 65_536
    sent = 0
    with Peak(served.gateway) as peak, Connection(served.gateway.port) as client:
        client.send(start)
        try:
            while sent < 20 * MB:
                client.send(piece)
                sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = client.rest()
    assert sent < 20 * MB
    assert answer == b"" or b"431" in answer.split(b"\r\n")[0]
    assert peak.rise < 10 * MB
    assert served.gateway.get("/healthz").status == 200


AMBIGUOUS = {
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "equal lengths": b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": b"Content-Length: 5, 5\r\n\r\nhello",
    "a signed length": b"Content-Length: +5\r\n\r\nhello",
    "a negative length": b"Content-Length: -5\r\n\r\nhello",
    "an odd coding": b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a coding twice": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a bad chunk": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a space before the colon": b"Content-Length : 5\r\n\r\nhello",
    "a folded header": b"X-A: b\r\n c\r\n\r\n",
    "a bare carriage return": b"X-A: b\rX-Entity-Id: c\r\n\r\n",
    "a bare line feed": b"X-A: b\nX-Entity-Id: c\r\n\r\n",
    "a nul": b"X-A: b\x00c\r\n\r\n",
    "no colon": b"X-A\r\n\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_request_that_two_readers_could_read_differently_is_refused(served: Served, name: str) -> None:
    with Connection(served.gateway.port) as client:
        client.send(b"POST /v1/embeddings HTTP/1.1\r\nHost: h\r\n" + AMBIGUOUS[name])
        status, _, body = client.answer()
        assert status == 400
        error(body)
        assert client.closed_within(60)
    assert served.upstream.received == []


@pytest.mark.parametrize(
    "name", ["X-Entity-Id", "X-Process-Id", "X-Session-Id", "X-Memory", "X-OpenWebUI-User-Id", "X-Memory-Token"]
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings"])
def test_an_identity_header_given_twice_is_refused(served: Served, name: str, path: str) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'
    with Connection(served.gateway.port) as client:
        client.request("POST", path, body, f"{name}: on", f"{name.lower()}: on")
        status, _, answer = client.answer()
    assert status == 400
    assert error(answer)["param"] == name.lower()
    assert served.upstream.received == []


def test_a_trailer_names_no_entity(served: Served) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"I live in Oslo."}]}'
    with Connection(served.gateway.port) as client:
        trailers = b"0\r\nX-Entity-Id: victim\r\nX-Memory-Time: 2020-01-01T00:00:00Z\r\n\r\n"
        client.request("POST", "/v1/chat/completions", None, "Transfer-Encoding: chunked")
        client.send(chunk(body) + trailers)
        status, headers, _ = client.answer()
    assert status == 200
    assert header(headers, "x-memory-status") == "anonymous"
    assert served.stored("victim") == []


# --- bodies


def oversized(client: Connection, how: str) -> None:
    """Send a chat body of twice the limit; the gateway may stop reading at any moment."""
    piece = b"x" * 65_536
    coding = f"Content-Length: {2 * BODY_LIMIT}" if how == "announced" else "Transfer-Encoding: chunked"
    client.request("POST", "/v1/chat/completions", None, "X-Entity-Id: big", coding)
    for _ in range(2 * BODY_LIMIT // len(piece)):
        client.send(piece if how == "announced" else chunk(piece))
    if how == "chunked":
        client.send(chunk(b""))


@pytest.mark.requirement("R-18")
@pytest.mark.parametrize("how", ["announced", "chunked"])
def test_a_body_over_the_limit_is_refused_in_words_that_arrive(served: Served, how: str) -> None:
    with Connection(served.gateway.port) as client:
        oversized(client, how)
        status, _, body = client.answer()
        assert client.closed_within(60)
    assert status == 413
    assert error(body)["code"] == "body_too_large"
    assert served.upstream.received == []


@pytest.mark.requirement("R-18")
def test_a_body_over_the_limit_is_an_error_with_a_message_to_the_official_client(served: Served) -> None:
    refused = pytest.raises(APIStatusError, match=r"limits\.body")
    with openai(served.gateway, {"X-Entity-Id": "big"}) as client, refused as caught:
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x" * 2 * BODY_LIMIT}])
    assert caught.value.status_code == 413


def test_a_client_that_waits_for_leave_to_send_is_refused_at_once(served: Served) -> None:
    with Connection(served.gateway.port) as client:
        length = f"Content-Length: {2 * BODY_LIMIT}"
        client.request("POST", "/v1/chat/completions", None, length, "Expect: 100-continue")
        assert client.answer()[0] == 413


def test_a_refused_body_that_never_ends_is_not_read_for_ever(served: Served) -> None:
    with Connection(served.gateway.port) as client:
        client.request("POST", "/v1/chat/completions", None, f"Content-Length: {2 * BODY_LIMIT}")
        assert client.answer()[0] == 413
        assert client.closed_within(60)


def test_a_body_of_another_path_has_no_limit(served: Served) -> None:
    with Connection(served.gateway.port) as client:
        client.request("POST", "/v1/files", b"x" * 2 * BODY_LIMIT)
        assert client.answer()[0] == 200
    assert served.upstream.last.size == 2 * BODY_LIMIT


def test_an_upstream_that_answers_before_the_body_is_there_is_heard(tmp_path: pathlib.Path) -> None:
    refusal = whole(b'{"error":{"message":"too large"}}', 413)
    listener = socket.create_server(("127.0.0.1", 0))
    heads: list[bytes] = []

    def answer() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                got = b""
                while b"\r\n\r\n" not in got:
                    got += connection.recv(1000)
                heads.append(got.split(b"\r\n")[0])
                connection.sendall(refusal)
                try:
                    while connection.recv(65_536):
                        pass
                except OSError:
                    continue

    threading.Thread(target=answer, daemon=True).start()
    with Gateway(tmp_path, f"http://127.0.0.1:{listener.getsockname()[1]}/v1") as gateway:
        for _ in range(3):  # what is left of one request never runs into the next
            with Connection(gateway.port) as client:
                client.request("POST", "/v1/files", None, "Content-Length: 50000000")
                client.send(b"x" * 100_000)
                status, _, body = client.answer()
            assert (status, body) == (413, b'{"error":{"message":"too large"}}')
    listener.close()
    assert heads == [b"POST /v1/files HTTP/1.1"] * 3


# --- silence, on a faster clock


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Upstream]]:
    with Upstream() as upstream, hurried(tmp_path_factory.mktemp("hurried"), upstream.url) as port:
        yield port, upstream


HALF_HEADS = {
    "nothing": b"",
    "half a line": b"GET /v1/mod",
    "half a head": b"GET /v1/models HTTP/1.1\r\nHost: h\r\nX-A:",
    "a head without its end": b"GET /v1/models HTTP/1.1\r\nHost: h\r\n",
}


@pytest.mark.parametrize("name", HALF_HEADS)
def test_half_a_head_is_closed_in_time(hasty: tuple[int, Upstream], name: str) -> None:
    with Connection(hasty[0]) as client:
        begun = time.monotonic()
        client.send(HALF_HEADS[name])
        status, _, body = client.answer()
        assert client.closed_within(60)
    assert status == 408
    error(body)
    assert time.monotonic() - begun > HEADER_SECONDS / SPEED * 0.9


def test_a_head_that_drips_is_closed_in_time(hasty: tuple[int, Upstream]) -> None:
    with Connection(hasty[0]) as client:
        begun = time.monotonic()
        client.send(b"GET /v1/models HTTP/1.1\r\nHost: h\r\n")
        while not client.closed_within(0.05):
            assert time.monotonic() - begun < 60 * HEADER_SECONDS / SPEED
            try:
                client.send(b"X-A: b\r\n")
            except (BrokenPipeError, ConnectionResetError):
                break


def test_a_second_head_has_as_long_as_the_first(hasty: tuple[int, Upstream]) -> None:
    with Connection(hasty[0]) as client:
        client.request("GET", "/v1/models")
        assert client.answer()[0] == 200
        time.sleep(2 * HEADER_SECONDS / SPEED)  # an idle connection may wait longer than half a head
        client.send(b"GET /v1/models HTTP/1.1\r\n")
        assert client.answer()[0] == 408


@pytest.mark.requirement("R-74")
def test_an_idle_connection_is_closed_after_its_time(hasty: tuple[int, Upstream]) -> None:
    with Connection(hasty[0]) as client:
        client.request("GET", "/v1/models")
        assert client.answer()[0] == 200
        begun = time.monotonic()
        assert client.closed_within(60)
        assert time.monotonic() - begun > KEEP_ALIVE / SPEED * 0.9


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings"])
@pytest.mark.parametrize("coding", ["Content-Length: 100", "Transfer-Encoding: chunked", "Content-Length: 3000000"])
def test_half_a_body_is_refused_in_time(hasty: tuple[int, Upstream], path: str, coding: str) -> None:
    port, upstream = hasty
    upstream.received.clear()
    with Connection(port) as client:
        begun = time.monotonic()
        client.request("POST", path, None, coding)
        client.send(b"5\r\nhello\r\n" if "chunked" in coding else b"hello")
        status, _, body = client.answer()
        assert client.closed_within(60)
    assert status == 408
    assert error(body)["code"] == "request_timeout"
    assert time.monotonic() - begun > BODY_SILENCE / SPEED * 0.9
    assert all(request.closed for request in upstream.received)


def test_an_answer_may_take_longer_than_any_silence_of_a_client(hasty: tuple[int, Upstream]) -> None:
    port, upstream = hasty
    upstream.script = raw(2 * BODY_SILENCE / SPEED, whole(b"{}"))
    with Connection(port) as client:
        client.chat("X-Entity-Id: patient")
        status, _, body = client.answer()
    upstream.script = chat()
    assert (status, body) == (200, b"{}")


# --- constant memory


@pytest.mark.requirement("R-7")
@pytest.mark.timeout(400)
def test_an_upload_of_500_mb_passes_in_constant_memory(tmp_path: pathlib.Path) -> None:
    piece = b"x" * MB
    with Upstream(keep=0) as upstream, Gateway(tmp_path, upstream.url) as gateway:
        gateway.get("/v1/models")
        with Peak(gateway) as peak, Connection(gateway.port, timeout=60) as client:
            client.request(
                "POST", "/v1/files", None, f"Content-Length: {500 * MB}", "Content-Type: multipart/form-data"
            )
            for _ in range(500):
                client.send(piece)
            assert client.answer()[0] == 200
        assert upstream.last.size == 500 * MB
        assert upstream.last.header("content-length") == str(500 * MB)
        assert peak.rise < 50 * MB, f"{peak.rise / MB:.0f} MB"


@pytest.mark.requirement("R-3")
@pytest.mark.timeout(400)
def test_a_download_of_500_mb_passes_in_constant_memory(tmp_path: pathlib.Path) -> None:
    def script(request: Received) -> Iterator[Step]:
        yield head(200, ("content-length", str(500 * MB)), content_type="application/octet-stream") + b"\r\n"
        for _ in range(500):
            yield b"x" * MB

    with Upstream() as upstream, Gateway(tmp_path, upstream.url) as gateway:
        gateway.get("/v1/models")
        upstream.script = script
        with Peak(gateway) as peak, Connection(gateway.port, timeout=60) as client:
            client.request("GET", "/v1/files/f-1/content")
            status, headers = client.head()
            assert (status, sum(map(len, client.pieces(headers)))) == (200, 500 * MB)
        assert peak.rise < 50 * MB, f"{peak.rise / MB:.0f} MB"


@pytest.mark.requirement("R-39")
def test_an_endless_answer_to_a_chat_is_relayed_in_bounded_memory(tmp_path: pathlib.Path) -> None:
    def script(request: Received) -> Iterator[Step]:
        yield head(200, ("content-length", str(200 * MB))) + b"\r\n"
        for _ in range(200):
            yield b" " * MB

    with Upstream(script) as upstream, Gateway(tmp_path, upstream.url) as gateway:
        with Peak(gateway) as peak, Connection(gateway.port, timeout=60) as client:
            client.chat("X-Entity-Id: endless")
            status, headers = client.head()
            assert (status, sum(map(len, client.pieces(headers)))) == (200, 200 * MB)
        assert peak.rise < 120 * MB, f"{peak.rise / MB:.0f} MB"


# --- the end


@pytest.mark.requirement("R-78")
def test_a_stop_lets_a_stream_finish_and_be_recorded(tmp_path: pathlib.Path, upstream: Upstream) -> None:
    with Gateway(tmp_path, upstream.url) as gateway, Connection(gateway.port) as client:
        assert gateway.process is not None
        noticed = threading.Event()

        def script(_: Received) -> Iterator[Step]:
            start, first, *rest = streamed([event(delta(content="I ")), *stream("still finish")])
            yield from (start, first)
            while not noticed.is_set():
                yield 0.01
            yield from rest

        upstream.script = script
        client.chat("X-Entity-Id: last", stream=True)
        _, headers = client.head()
        pieces = client.pieces(headers)
        first = next(pieces)
        with Connection(gateway.port) as idle:
            idle.request("GET", "/readyz")
            assert idle.answer()[0] == 200
            gateway.process.send_signal(signal.SIGTERM)
            assert idle.closed_within(30)
        with pytest.raises(ConnectionRefusedError):  # so a balancer sees it leave, whatever /readyz would say
            Connection(gateway.port)
        noticed.set()
        assert b"".join([first, *pieces]).endswith(b"data: [DONE]\n\n")
        assert gateway.process.wait(60) == 0
    assert gateway.rows("SELECT state FROM turns WHERE entity = 'last'") == [("complete",)]
    assert ("I still finish ",) in gateway.rows("SELECT text FROM messages WHERE entity = 'last'")


def test_a_stop_waits_no_longer_than_it_may(tmp_path: pathlib.Path, upstream: Upstream) -> None:
    with Gateway(tmp_path, upstream.url, limits={"drain": 1}) as gateway, Connection(gateway.port) as client:
        assert gateway.process is not None
        upstream.script = raw(head(200, content_type="text/event-stream") + b"\r\n" + event(delta(content="Hm")), 100.0)
        client.chat("X-Entity-Id: endless", stream=True)
        _, headers = client.head()
        next(client.pieces(headers))
        gateway.process.send_signal(signal.SIGTERM)
        assert gateway.process.wait(40) == 0
    assert gateway.rows("SELECT state FROM turns WHERE entity = 'endless'") == [("partial",)]


def test_a_stop_of_an_idle_gateway_is_quick(tmp_path: pathlib.Path, upstream: Upstream) -> None:
    with Gateway(tmp_path, upstream.url) as gateway:
        gateway.chat("Hi", "somebody")
        begun = time.monotonic()
        assert gateway.stop() == 0
        assert time.monotonic() - begun < 30  # a drain may take minutes
