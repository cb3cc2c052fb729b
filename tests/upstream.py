"""A scripted upstream on a real socket: it keeps every byte that it received and answers what its script says."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Received:
    """One request as it arrived."""

    method: str
    target: str
    """Path and query, as sent."""
    headers: list[tuple[str, str]]
    """Names in lower case, in order."""
    body: bytes
    arrived: float
    closed: float | None = None
    """When the peer closed the connection while the answer was being made, or before the body was whole."""
    size: int = 0
    """Bytes of the body, also of one that is not kept."""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def prompt(self) -> str:
        """All text of all messages."""
        return json.dumps(self.json["messages"], ensure_ascii=False)


class Close(Exception):
    """Raised by a script: close the connection now, without a word more."""


Step = bytes | float
"""Bytes to send, or seconds to wait (the peer's leaving ends the wait)."""
Script = Callable[[Received], Iterable[Step]]


class Upstream:
    """Listens on a free loopback port from its making until `close`.

    `script` yields the raw bytes of the response, head included; replace it at any time. Connections are kept alive
    unless a script raises Close. Of a body at most `keep` bytes are kept.
    """

    def __init__(self, script: Script | None = None, keep: int = 64 * 1024 * 1024) -> None:
        self.script: Script = script or chat()
        self._keep = keep
        self.received: list[Received] = []
        self.connections = 0
        self._answering: dict[int, Received] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def last(self) -> Received:
        return self.received[-1]

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it was closed before
            self._listener.shutdown(socket.SHUT_RDWR)  # else the thread that waits there takes one connection more
        self._listener.close()

    def __enter__(self) -> Upstream:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = connection.makefile("rb")
        answering: Received | None = None
        with connection, reader:
            try:
                while (request := _read_head(reader)) is not None:
                    self._answering[id(request)] = answering = request
                    self.received.append(request)
                    _read_body(reader, request, self._keep)
                    self._answer(connection, request)
                    self._answering.pop(id(request))
            except (OSError, Close, ValueError):
                pass
        self._answering.pop(id(answering), None)

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until every answer is sent and every connection that its script closes is closed."""
        end = time.monotonic() + seconds
        while self._answering and time.monotonic() < end:
            time.sleep(0.001)

    def _answer(self, connection: socket.socket, request: Received) -> None:
        for step in self.script(request):
            if isinstance(step, bytes):
                try:
                    connection.sendall(step)
                except OSError:
                    request.closed = request.closed or time.monotonic()
                    raise
            elif _peer_left(connection, step):
                request.closed = time.monotonic()
                raise Close


def _peer_left(connection: socket.socket, seconds: float) -> bool:
    """Wait; whether the peer closed meanwhile."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        connection.settimeout(min(left, 0.05))
        try:
            if connection.recv(1, socket.MSG_PEEK) == b"":
                return True
            time.sleep(min(left, 0.01))
        except TimeoutError:
            continue
        except OSError:
            return True
        finally:
            connection.settimeout(None)
    return False


def _read_head(reader: Any) -> Received | None:
    line = reader.readline()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers: list[tuple[str, str]] = []
    while (header := reader.readline().rstrip(b"\r\n")) != b"":
        name, _, value = header.decode("latin-1").partition(":")
        headers.append((name.lower(), value.strip()))
    return Received(method, target, headers, b"", time.monotonic())


def _read_body(reader: Any, request: Received, keep: int) -> None:
    """Read the body into the request; raises Close where it breaks off."""
    try:
        if request.header("transfer-encoding") == "chunked":
            while size := int(reader.readline().split(b";")[0] or b"-", 16):
                _read_piece(reader, request, size, keep)
                reader.readline()
            reader.readline()
        else:
            _read_piece(reader, request, int(request.header("content-length") or 0), keep)
    except (OSError, ValueError):
        request.closed = time.monotonic()
        raise Close from None


def _read_piece(reader: Any, request: Received, size: int, keep: int) -> None:
    pieces = []
    while size:
        piece = reader.read(min(size, 1024 * 1024))
        if not piece:
            raise ValueError("cut off")
        if request.size < keep:
            pieces.append(piece)
        request.size += len(piece)
        size -= len(piece)
    request.body += b"".join(pieces)


def head(status: int = 200, *headers: tuple[str, str], content_type: str = "application/json") -> bytes:
    """A response's head, without its length."""
    lines = [f"HTTP/1.1 {status} X", f"content-type: {content_type}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join(lines).encode() + b"\r\n"


def whole(body: bytes, status: int = 200, *headers: tuple[str, str], content_type: str = "application/json") -> bytes:
    """A response with Content-Length."""
    return head(status, *headers, ("content-length", str(len(body))), content_type=content_type) + b"\r\n" + body


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; chunk(b"") ends it."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(value: object) -> bytes:
    """One server-sent event."""
    data = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return b"data: " + data + b"\n\n"


def completion(text: str | None, **message: Any) -> bytes:
    """A chat completion's JSON."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "refusal": None, **message},
        "logprobs": None,
        "finish_reason": "tool_calls" if message.get("tool_calls") else "stop",
    }
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    value = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return json.dumps(value, ensure_ascii=False).encode()


def delta(finish: str | None = None, **values: Any) -> dict[str, Any]:
    """A chat chunk."""
    choice = {"index": 0, "delta": values, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def stream(text: str) -> list[bytes]:
    """The events of a streamed answer, `[DONE]` included."""
    words = [word + " " for word in text.split(" ")]
    return [
        event(delta(role="assistant", content="")),
        *(event(delta(content=word)) for word in words),
        event(delta("stop")),
        event(b"[DONE]"),
    ]


def streamed(events: Iterable[bytes], *, gap: float = 0) -> Iterator[Step]:
    """A whole response that streams these events."""
    yield head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
    for item in events:
        yield chunk(item)
        if gap:
            yield gap
    yield chunk(b"")


def chat(answer: str | Callable[[Received], str] = "Noted.", *, delay: float = 0, gap: float = 0) -> Script:
    """A script that answers every chat, streamed if asked for, and every other path with its own echo."""

    def script(request: Received) -> Iterator[Step]:
        if delay:
            yield delay
        if not request.target.split("?")[0].endswith("/chat/completions"):
            yield whole(json.dumps({"path": request.target}).encode())
            return
        text = answer if isinstance(answer, str) else answer(request)
        if request.json.get("stream"):
            yield from streamed(stream(text), gap=gap)
        else:
            yield whole(completion(text), 200, ("x-request-id", "up-1"))

    return script


def raw(*steps: Step) -> Script:
    """A script that always sends the same steps, then closes."""

    def script(_: Received) -> Iterator[Step]:
        yield from steps
        raise Close

    return script


@dataclass
class Sequence:
    """A script of scripts: the first request gets the first, the last one is kept."""

    scripts: list[Script] = field(default_factory=list)

    def __call__(self, request: Received) -> Iterable[Step]:
        script = self.scripts[0] if len(self.scripts) == 1 else self.scripts.pop(0)
        return script(request)
