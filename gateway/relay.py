"""Bytes between the upstream and the client: forwarded as they come, ended as they ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from gateway.config import Limits
from gateway.errors import BadRequest, BodyTooLarge, GatewayError, HeadersTooLarge, NotFound, RequestTimeout
from gateway.upstream import Answer, StreamBroken
from gateway.wire.door import DOORS, Listener
from gateway.wire.sse import EventStream

BODY_SILENCE = 60
"""Seconds that a request's body may stop arriving."""
LINGER = 2
"""Seconds that the rest of a refused body is taken in: closing on bytes unread would destroy the answer."""
AFTER_DONE = 0.05
"""Seconds that an upstream may take to close after `[DONE]`; its clients wait for the end of the body."""

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Pairs = list[tuple[bytes, bytes]]

_WITHOUT_BODY = (204, 304)
_UPWARDS = re.compile(rb"(?:[/\\]|%2f|%5c)(?:\.|%2e){2}(?:[/\\;]|%2f|%5c|\Z)", re.IGNORECASE)
"""A step out of /v1, where the upstream's key would open more than the model; no client sends one."""

_log = logging.getLogger(__name__)


class Gone(Exception):
    """The client closed its connection."""


class Client:
    """The other end of one request: its body, its leaving, and the answer to it."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send, limits: Limits) -> None:
        self.method: str = scope["method"]
        self.path: bytes = scope["raw_path"]
        self.query: bytes = scope["query_string"]
        self.headers: Pairs = scope["headers"]
        self.started = False
        self.status = 0
        """Of the answer."""
        self.sent = 0
        """Bytes of body sent."""
        self.stalled = False
        """Its body stopped arriving."""
        self._receive, self._send, self._limits = receive, send, limits
        self._body_read = asyncio.Event()
        self._answered = False

    def header(self, name: bytes) -> bytes | None:
        """The first header of this (lower-case) name."""
        return next((value for key, value in self.headers if key == name), None)

    def check(self) -> None:
        """Raises HeadersTooLarge, BodyTooLarge, NotFound or BadRequest for what the head alone tells."""
        fields = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if fields + len(self.path) + len(self.query) > self._limits.headers:
            raise HeadersTooLarge
        if _UPWARDS.search(self.path):
            raise NotFound
        if self.length is not None and self.length > self._limits.body and self.path in DOORS:
            raise BodyTooLarge

    @property
    def length(self) -> int | None:
        """The body's announced length in bytes."""
        value = self.header(b"content-length")
        if value is None:
            return None
        if not value.isdigit():
            raise BadRequest("Content-Length is not a number.")
        return int(value)

    async def body(self) -> bytes:
        """The whole body; raises BodyTooLarge, RequestTimeout or Gone."""
        pieces, size = [], 0
        async for piece in self.pieces():
            pieces.append(piece)
            size += len(piece)
            if size > self._limits.body:
                raise BodyTooLarge
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises RequestTimeout or Gone."""
        more = True
        while more:
            try:
                async with asyncio.timeout(BODY_SILENCE):
                    message = await self._receive()
            except TimeoutError:
                self.stalled = True
                raise RequestTimeout from None
            if message["type"] == "http.disconnect":
                self._body_read.set()
                raise Gone
            more = message.get("more_body", False)
            if not more:
                self._body_read.set()
            if message["body"]:
                yield message["body"]

    async def left(self) -> None:
        """Wait, once the body is read, until the client leaves; raises Gone unless it had the whole answer."""
        await self._body_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._answered:
            raise Gone

    async def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send the head of the answer."""
        self.started, self.status = True, status
        if status in _WITHOUT_BODY:  # the server would wait for the length that a 304 tells
            headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, piece: bytes) -> None:
        """Send bytes of the body; waits while the client reads slowly."""
        if piece:
            self.sent += len(piece)
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self, piece: bytes = b"") -> None:
        """Send the last bytes and the end of the body."""
        self.sent += len(piece)
        self._answered = True
        await self._send({"type": "http.response.body", "body": piece, "more_body": False})

    async def refuse(self, error: GatewayError, headers: Pairs, body: bytes | None = None) -> None:
        """Answer with an error of the gateway's own, worded as `body` if one is given; a body that is still coming
        closes the connection."""
        body = error.body() if body is None else body
        close = [] if self._body_read.is_set() else [(b"connection", b"close")]
        await self.start(
            error.status, [*error.headers(), *headers, *close, (b"content-length", str(len(body)).encode())]
        )
        await self.write(body)
        self._answered = True
        if close:
            with contextlib.suppress(TimeoutError, RequestTimeout, Gone):
                async with asyncio.timeout(LINGER):
                    async for _ in self.pieces():
                        pass
        await self.end()


class Cut(Exception):
    """The answer was broken off towards the client: the server closes the connection without an end."""


async def relay(answer: Answer, client: Client) -> None:
    """Forward a body as it comes; raises Cut where the upstream broke off."""
    try:
        async for piece in answer.pieces():
            await client.write(piece)
    except StreamBroken as error:
        raise Cut from error
    await client.end()


class AnswerStream:
    """Forwards the events of an answer and listens to a copy.

    The event that ends the answer is held until `commit` is done with the reply. A stream that ends without one is cut
    towards the client, with an error event where an event may stand.
    """

    def __init__(self, client: Client, reply: Listener, commit: Callable[[], Awaitable[None]]) -> None:
        self.reply = reply
        self._client = client
        self._commit = commit
        self._committed = False
        self._events = EventStream()

    async def relay(self, answer: Answer) -> None:
        """Forward the body; raises Cut where the stream was broken."""
        pieces = aiter(answer.pieces())
        try:
            while (piece := await self._next(pieces)) is not None:
                await self._forward(piece)
        except StreamBroken as error:
            await self._cut(error)
        for data, _ in self._events.close():
            self.reply.take(data)
        if not self.reply.ended and not self.reply.failed and not self._events.passed_over:
            await self._cut(None)
        if not self._committed:
            await self._commit()
        await self._client.end()

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        """The next bytes; None at the end, or when an upstream that is done does not close."""
        try:
            if not self.reply.done:
                return await anext(pieces, None)
            async with asyncio.timeout(AFTER_DONE):
                return await anext(pieces, None)
        except TimeoutError:
            return None

    async def _forward(self, piece: bytes) -> None:
        hold = self._listen(piece)
        if hold is None:
            await self._client.write(piece)
            return
        await self._client.write(piece[:hold])
        self._committed = True
        await self._commit()
        await self._client.write(piece[hold:])

    def _listen(self, piece: bytes) -> int | None:
        """Where in `piece` the event begins that ends the answer; None if it is not in there."""
        hold = None
        for data, start in self._events.feed(piece):
            self.reply.take(data)
            if self.reply.ended and not self._committed and hold is None:
                hold = start
        return hold

    async def _cut(self, cause: Exception | None) -> None:
        if self._events.at_boundary and not self.reply.ended:
            await self._client.write(self.reply.cut_off("The upstream's stream ended before the answer was complete."))
        raise Cut from cause
