"""A scripted upstream that costs next to nothing: one raw protocol, canned answers, whole or streamed."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import cast

import uvloop

WORDS = 16
"""Chunks of text in a streamed answer."""


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    value = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _chunked(*events: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(event), event) for event in events)


def _whole() -> bytes:
    message = {"role": "assistant", "content": "Noted. " * WORDS, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    value = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    body = json.dumps(value).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    return head + body


WHOLE = _whole()
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
FIRST = STREAM_HEAD + _chunked(_event({"role": "assistant", "content": ""}))
REST = _chunked(*(_event({"content": "Noted. "}) for _ in range(WORDS)), _event({}, "stop"), b"data: [DONE]\n\n")
END = b"0\r\n\r\n"


class Upstream(asyncio.Protocol):
    """Answers a request as soon as its body is whole; the stream's first event goes out alone."""

    def __init__(self) -> None:
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            at = head.find(b"content-length:")
            length = (
                int(head[at + 15 : head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else None]) if at > 0 else 0
            )
            if len(self._data) < end + 4 + length:
                return
            body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
            self._answer(b'"stream":true' in body)

    def _answer(self, stream: bool) -> None:
        assert self._transport is not None
        if not stream:
            self._transport.write(WHOLE)
            return
        self._transport.write(FIRST)
        asyncio.get_running_loop().call_soon(self._transport.write, REST + END)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
