"""The reverse proxy under /v1: chat requests with memory, everything else byte for byte."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from gateway.attribution import Attributor, Identity
from gateway.config import Config
from gateway.domain import Reply
from gateway.errors import GatewayError, NotBuilt, NotFound, Overloaded, RequestTimeout
from gateway.exchange import Exchange
from gateway.keyring import Keyring
from gateway.memory import Memory
from gateway.metrics import Metrics
from gateway.recorder import Recorder
from gateway.relay import AnswerStream, Client, Cut, Gone, Pairs, Receive, Send, relay
from gateway.upstream import Answer, StreamBroken, Upstream
from gateway.wire.door import CHAT, DOORS, MESSAGES, RESPONSES, Door
from gateway.wire.responses_reply import retrieved

MAX_UNFINISHED = 1000
"""Answers made in the background whose turns wait for a request that shows their end; the oldest are let go of."""
SMALL_BODY = 1024 * 1024
"""Bytes; a body announced as no larger is read before it is sent on, so that the client can be watched meanwhile."""

_log = logging.getLogger(__name__)


class Proxy:
    """An ASGI application for every path under /v1."""

    def __init__(
        self,
        config: Config,
        attributor: Attributor,
        memory: Memory,
        recorder: Recorder,
        upstreams: Sequence[Upstream],
        metrics: Metrics,
        keyring: Keyring | None = None,
    ) -> None:
        """`keyring` takes the credentials of callers whose turns are read later; None: they are not needed."""
        self._limits = config.limits
        self._extract = config.memory.extract.mode
        self._keyring = keyring
        self._upstreams = list(zip(config.upstreams, upstreams, strict=True))
        self._unfinished: dict[tuple[str, str], Exchange] = {}
        self._attributor = attributor
        self._memory = memory
        self._recorder = recorder
        self._metrics = metrics
        self._active = 0

    @property
    def active(self) -> int:
        """Requests being served."""
        return self._active

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        client = Client(scope, receive, send, self._limits)
        self._active += 1
        self._metrics.active.set(self._active)
        begun = time.perf_counter()
        outcome = _Outcome()
        try:
            async with asyncio.TaskGroup() as group:
                watcher = group.create_task(client.left())
                await self._answer(client, outcome)
                watcher.cancel()
        except* Gone:
            outcome.gone = True
        finally:
            self._active -= 1
            self._metrics.active.set(self._active)
            self._metrics.requests.labels(outcome.status.partition(";")[0]).inc()
            _log.info(
                "request",
                extra={
                    "method": client.method,
                    "status": 499 if outcome.gone else client.status,
                    "memory": outcome.status,
                    "bytes": client.sent,
                    "ms": round((time.perf_counter() - begun) * 1000, 1),
                },
            )

    async def _answer(self, client: Client, outcome: _Outcome) -> None:
        """Serve the request; every error of the gateway's own becomes an answer, or a broken one after its start."""
        try:
            if self._active > self._limits.concurrency:
                raise Overloaded
            client.check()
            if (client.header(b"upgrade") or b"").lower() == b"websocket":
                raise NotBuilt("WebSockets are not served by this gateway; use HTTP.")
            identity = self._attributor.identify(client.headers)
            door = DOORS.get(client.path)
            if door is MESSAGES and not self._is_anthropic(client):
                door = None
            if client.method == "POST" and door and identity.mode != "off":
                await self._chat(door, client, identity, outcome)
            else:
                await self._relay(client, identity, outcome)
        except GatewayError as error:
            if not client.started:
                error = RequestTimeout() if client.stalled else error
                door = MESSAGES if self._is_anthropic(client) else CHAT
                await client.refuse(error, outcome.headers(), door.error_body(error))
        except Cut as error:
            _log.warning("answer cut off", extra={"cause": repr(error.__cause__)})

    async def _chat(self, door: Door, client: Client, identity: Identity, outcome: _Outcome) -> None:
        exchange = outcome.exchange = Exchange(door, client, identity, self._recorder, self._extract)
        await exchange.prepare(self._memory, await client.body())
        outcome.status = exchange.plan.status
        self._metrics.memory_seconds.observe(exchange.memory_seconds)
        accept = b"identity" if exchange.plan.records else None
        headers = self._sent(client.headers, accept=accept)
        upstream = self._upstream(exchange.plan.model, client)
        try:
            await exchange.run(upstream, _target(client), headers)
        finally:
            if self._keyring and exchange.plan.records and exchange.plan.thread:
                self._keyring.keep(upstream.name, exchange.plan.thread.scope, headers)
            if door is RESPONSES and (unfinished := exchange.set_aside()):
                self._unfinished[identity.tenant, unfinished] = exchange
                for oldest in list(self._unfinished)[:-MAX_UNFINISHED]:
                    del self._unfinished[oldest]
        outcome.status = exchange.plan.status

    async def _relay(self, client: Client, identity: Identity, outcome: _Outcome) -> None:
        """Pass request and answer on; the stream of an answer is still watched for a broken end."""
        waiting = (identity.tenant, retrieved(client.path) or "")
        door = RESPONSES if waiting in self._unfinished and client.method == "GET" else DOORS.get(client.path)
        headers = self._sent(client.headers, accept=None)
        body: bytes | AsyncIterator[bytes] | None
        length: int | None = None
        if client.length is not None and client.length <= SMALL_BODY:
            body = await client.body()
        elif client.length is None and client.header(b"transfer-encoding") is None:
            body = await client.body() or None
        else:
            body, length = client.pieces(), client.length
        async with self._upstream(None, client).send(client.method, _target(client), headers, body, length) as answer:
            kept = [(name, value) for name, value in answer.headers if name.lower() != b"x-memory-status"]
            await client.start(answer.status, [*kept, *outcome.headers()])
            streams = answer.status == 200 and answer.header(b"content-type").startswith(b"text/event-stream")
            if door and streams and not answer.header(b"content-encoding"):
                listener = door.listener(1)
                await AnswerStream(client, listener, lambda: self._ended(waiting, listener.reply())).relay(answer)
            elif waiting in self._unfinished and answer.status == 200:
                await self._shown(waiting, answer, client)
            else:
                await relay(answer, client)

    async def _shown(self, waiting: tuple[str, str], answer: Answer, client: Client) -> None:
        """Relay an answer that was made in the background; its turn is recorded before it ends."""
        try:
            body = b"".join([piece async for piece in answer.pieces()])
        except StreamBroken as error:
            raise Cut from error
        if not answer.header(b"content-encoding"):
            await self._ended(waiting, RESPONSES.reply(body))
        await client.end(body)

    async def _ended(self, waiting: tuple[str, str], reply: Reply) -> None:
        """Record the turn whose answer a later request found, once it is whole."""
        if reply.state != "partial" and (exchange := self._unfinished.pop(waiting, None)):
            await exchange.finish(reply)

    def _is_anthropic(self, client: Client) -> bool:
        """A path of Anthropic's, and a server of that kind to send it to."""
        path = client.path == MESSAGES.path or client.path.startswith(MESSAGES.path + b"/")
        return path and any(config.kind == "anthropic" for config, _ in self._upstreams)

    def _upstream(self, model: str | None, client: Client) -> Upstream:
        """The first upstream of the path's kind that serves the model; without a model the first of them."""
        kind = "anthropic" if self._is_anthropic(client) else "openai"
        served = [pair for pair in self._upstreams if pair[0].kind == kind] or self._upstreams
        if model is None:
            return served[0][1]
        for config, upstream in served:
            if any(fnmatchcase(model, pattern) for pattern in config.models):
                return upstream
        raise NotFound(f"No upstream serves the model {model!r}.", param="model", code="model_not_found")

    def _sent(self, headers: Pairs, *, accept: bytes | None) -> Pairs:
        """The request headers that go on, with another Accept-Encoding if one is given."""
        consumed = self._attributor.consumed
        sent = [(name, value) for name, value in headers if name not in consumed]
        if accept is not None:
            sent = [(name, value) for name, value in sent if name != b"accept-encoding"]
            sent.append((b"accept-encoding", accept))
        return sent


class _Outcome:
    """What is said of a request in its log line and its headers."""

    def __init__(self) -> None:
        self.status = "off"
        self.gone = False
        self.exchange: Exchange | None = None

    def headers(self) -> Pairs:
        if self.exchange:
            return self.exchange.headers()
        return [(b"x-memory-status", self.status.encode())]


def _target(client: Client) -> bytes:
    """Path and query behind /v1, byte for byte."""
    path = client.path.removeprefix(b"/v1")
    return path + b"?" + client.query if client.query else path
