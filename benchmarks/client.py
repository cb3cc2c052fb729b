"""A load generator that costs next to nothing: one raw protocol a connection, kept alive."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

Texts = Callable[[int], str]
"""What the user says in request number n."""


@dataclass
class Samples:
    """Milliseconds to the first byte of a body and to its end, and how long all took in seconds."""

    first: list[float] = field(default_factory=list)
    full: list[float] = field(default_factory=list)
    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds of processor time of the process in the middle."""

    def add(self, other: Samples) -> None:
        self.first += other.first
        self.full += other.full
        self.seconds += other.seconds
        self.cpu += other.cpu

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.full) / self.seconds


class _Connection(asyncio.Protocol):
    """Sends a request and notes when the body's first byte and its end came."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._done: asyncio.Future[None] | None = None
        self._data = bytearray()
        self._head = -1
        self._length: int | None = None
        self.first = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done and not self._done.done():
            self._done.set_exception(ConnectionError("closed in the middle of an answer"))

    async def ask(self, request: bytes) -> None:
        assert self._transport is not None
        self._data.clear()
        self._head, self._length, self.first = -1, None, 0.0
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        await self._done

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._head < 0:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._data[:end]).lower()
            assert head.startswith(b"http/1.1 200"), head
            self._head = end + 4
            at = head.find(b"content-length: ")
            self._length = int(head[at + 16 :].split(b"\r\n")[0]) if at >= 0 else None
        if not self.first and len(self._data) > self._head:
            self.first = time.perf_counter()
        whole = (
            self._data.endswith(b"\r\n0\r\n\r\n")
            if self._length is None
            else len(self._data) >= self._head + self._length
        )
        if whole and self._done and not self._done.done():
            self._done.set_result(None)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


def request(text: str, headers: dict[str, str], *, stream: bool) -> bytes:
    """A chat request as bytes."""
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}
    raw = json.dumps(body, separators=(",", ":")).encode()
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        "host: x",
        "content-type: application/json",
        f"content-length: {len(raw)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


async def load(
    port: int, count: int, concurrent: int, texts: Texts, headers: dict[str, str], *, stream: bool
) -> Samples:
    """Send `count` requests over `concurrent` connections, each as fast as its answers come."""
    loop = asyncio.get_running_loop()
    connections = [(await loop.create_connection(_Connection, "127.0.0.1", port))[1] for _ in range(concurrent)]
    requests = [request(texts(number), headers, stream=stream) for number in range(count)]
    samples = Samples()

    async def work(connection: _Connection) -> None:
        while requests:
            sent = requests.pop()
            begun = time.perf_counter()
            await connection.ask(sent)
            ended = time.perf_counter()
            samples.first.append((connection.first - begun) * 1000)
            samples.full.append((ended - begun) * 1000)

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for connection in connections:
            group.create_task(work(connection))
    samples.seconds = time.perf_counter() - begun
    for connection in connections:
        connection.close()
    return samples
