"""The reverse proxy under /v1: chat requests with memory, everything else byte for byte."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

from gateway import catalogue
from gateway.attribution import Attributor, Identity
from gateway.config import Config
from gateway.domain import Reply
from gateway.errors import GatewayError, NotBuilt, Overloaded, RequestTimeout
from gateway.exchange import Exchange
from gateway.gleaning import Gleaner
from gateway.keyring import Keyring
from gateway.memory import Memory
from gateway.metrics import Metrics
from gateway.recorder import Recorder
from gateway.relay import AnswerStream, Client, Cut, Gone, Pairs, Receive, Send, relay
from gateway.routing import Route, Routes
from gateway.upstream import Answer, StreamBroken, Upstream
from gateway.wire.door import CHAT, DOORS, MESSAGES, RESPONSES, Door
from gateway.wire.naming import names_model
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
        gleaner: Gleaner,
        upstreams: Sequence[Upstream],
        metrics: Metrics,
        keyring: Keyring | None = None,
    ) -> None:
        """`keyring` takes the credentials of callers whose turns are read later; None: they are not needed."""
        self._limits = config.limits
        self._keyring = keyring
        self._routes = Routes(upstreams, metrics.registry)
        self._unfinished: dict[tuple[str, str], Exchange] = {}
        self._attributor = attributor
        self._memory = memory
        self._recorder, self._gleaner = recorder, gleaner
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
                    "upstream": outcome.upstream,
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
            elif self._is_merged(client):
                await self._models(client, outcome)
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
        exchange = outcome.exchange = Exchange(door, client, identity, self._recorder, self._gleaner)
        await exchange.prepare(self._memory, await client.body())
        outcome.status = exchange.plan.status
        self._metrics.memory_seconds.observe(exchange.memory_seconds)
        accept = b"identity" if exchange.plan.records else None
        headers = self._sent(client.headers, accept=accept)
        route = outcome.route = self._routes.chat(door, client.headers, exchange.plan.model, exchange.plan.body)
        try:
            await exchange.run(route, _target(client), headers)
        finally:
            self._routes.keep(exchange.answer_id, route.served)
            if self._keyring and exchange.plan.records and exchange.plan.thread:
                self._keyring.keep(route.first.name, exchange.plan.thread.scope, headers)
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
        body = await self._body(client)
        route = outcome.route = self._routes.relayed(client.method, client.path, client.headers, body)
        length = None if isinstance(body, bytes) else client.length
        async with route.send(client.method, _target(client), headers, body, length) as answer:
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

    async def _models(self, client: Client, outcome: _Outcome) -> None:
        """The models of several servers in one list."""
        await client.body()
        kind = self._routes.kind(client.path, client.headers)
        found = await catalogue.listed(self._routes, kind, _target(client), self._sent(client.headers, accept=None))
        length = (b"content-length", str(len(found.body)).encode())
        await client.start(found.status, [(b"content-type", found.kind), length, *outcome.headers()])
        await client.end(found.body)

    async def _body(self, client: Client) -> bytes | AsyncIterator[bytes] | None:
        """What is small, or may name the model that the server is chosen by, is read whole; the rest as it comes."""
        size = client.length
        if size is None and client.header(b"transfer-encoding") is None:
            return await client.body() or None
        if size is not None and size <= SMALL_BODY:
            return await client.body()
        kind = client.header(b"content-type") or b""
        chosen = self._routes.several and names_model(kind, client.path) and (size or 0) <= self._limits.body
        return await client.body() if chosen else client.pieces()

    def _is_anthropic(self, client: Client) -> bool:
        return self._routes.kind(client.path, client.headers) == "anthropic"

    def _is_merged(self, client: Client) -> bool:
        """It asks for the models of several servers."""
        if client.method != "GET" or client.path != catalogue.PATH:
            return False
        return len(self._routes.group(self._routes.kind(client.path, client.headers))) > 1

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
        self.route: Route | None = None
        self.exchange: Exchange | None = None

    @property
    def upstream(self) -> str:
        """Name of the one that served the request, or was asked last."""
        return self.route.served.name if self.route else "none"

    def headers(self) -> Pairs:
        if self.exchange:
            return self.exchange.headers()
        return [(b"x-memory-status", self.status.encode())]


def _target(client: Client) -> bytes:
    """Path and query behind /v1, byte for byte."""
    path = client.path.removeprefix(b"/v1")
    return path + b"?" + client.query if client.query else path
