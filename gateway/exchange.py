"""One chat request with memory: planned, sent, relayed, recorded."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from gateway.attribution import Identity
from gateway.domain import Message, Reply, Scope, Trace, Turn
from gateway.errors import GatewayError, UpstreamUnreachable
from gateway.gleaning import Gleaner, Gleaning
from gateway.memory import Memory, Plan
from gateway.prompt import OPENING, stripped
from gateway.recorder import Recorder
from gateway.relay import AnswerStream, Client, Cut, Pairs
from gateway.routing import Route
from gateway.upstream import Answer, StreamBroken
from gateway.wire.door import Door, rewritten

MAX_BUFFER = 16 * 1024 * 1024
"""Bytes of an answer that are held back until it is recorded; a longer one is relayed as it comes."""
MAX_ERROR = 65_536
"""Bytes of an error that are read to see whether the context was too long."""

_TOO_LONG = re.compile(
    rb"context_length_exceeded|context[ _](?:length|window|size)|exceed_context|prompt is too long"
    rb"|too many (?:input )?tokens|string_above_max_length|maximum (?:input|prompt)",
    re.IGNORECASE,
)
_OWN = (b"x-session-id", b"x-memory-status", b"x-memory-recalled", b"x-memory-recorded", b"x-memory-request-id")


class Exchange:
    """One request from its body to its recorded turn."""

    def __init__(self, door: Door, client: Client, identity: Identity, recorder: Recorder, gleaner: Gleaner) -> None:
        self.id = uuid.uuid4().hex
        self.plan = Plan(b"", "off")
        self.recorded = False
        self.answer_id: str | None = None
        """The upstream's id of its answer."""
        self._door, self._client, self._identity = door, client, identity
        self._recorder, self._gleaner = recorder, gleaner
        self._turn: Turn | None = None
        self._gleaning: Gleaning | None = None
        self._traced = False
        self._route: Route | None = None
        self._started = datetime.now(UTC)
        self._raw, self._memory, self._upstream = b"", 0.0, 0.0  # the times in milliseconds

    @property
    def _said_at(self) -> datetime:
        return self._identity.said_at or self._started

    @property
    def memory_seconds(self) -> float:
        """Time that the plan took."""
        return self._memory / 1000

    async def prepare(self, memory: Memory, raw: bytes) -> None:
        """Find the thread and what is recalled; raises BadRequest for malformed ids."""
        retries = self._client.header(b"x-stainless-retry-count") or b"0"
        self._raw = raw
        begun = time.perf_counter()
        self.plan = await memory.plan(self._door, self._identity, raw, int(retries) if retries.isdigit() else 0)
        self._memory = (time.perf_counter() - begun) * 1000
        self._glean()

    def _glean(self) -> None:
        thread = self.plan.thread
        if thread and self.plan.records:
            self._gleaning = self._gleaner.begin(thread, self._said_at)

    async def run(self, route: Route, target: bytes, headers: Pairs) -> None:
        """Call the upstream, relay its answer and record the turn; raises GatewayError before anything was sent."""
        self._route, stream = route, None
        try:
            async with self._answer(route, target, headers) as answer:
                kind = answer.header(b"content-type")
                if answer.status == 200 and kind.startswith(b"text/event-stream") and not encoded(answer):
                    stream = AnswerStream(
                        self._client, self._door.listener(self.plan.choices), lambda: self._commit_stream(stream)
                    )
                    await self._stream(answer, stream)
                elif self.plan.records and b"json" in kind:
                    await self._whole(answer)
                else:
                    await self._as_it_comes(answer, bytearray(), answer.pieces())
        except GatewayError:
            await self._record(Reply("error"))
            raise
        finally:
            if self._turn is None:  # cut, or the client left: what was received is kept
                reply = stream.reply.reply() if stream else Reply("partial")
                self._submit(replace(reply, state="partial") if reply.state == "complete" else reply)

    @asynccontextmanager
    async def _answer(self, route: Route, target: bytes, headers: Pairs) -> AsyncIterator[Answer]:
        """The upstream's answer; asked again with the client's own bytes if memory made the context too long."""
        begun = time.perf_counter()
        async with route.send("POST", target, headers, self.plan.body) as answer:
            self._upstream = (time.perf_counter() - begun) * 1000
            grown = self.plan.body is not self._raw and answer.status in (400, 413, 422)
            if not grown or encoded(answer) or not _TOO_LONG.search(await _beginning(answer)):
                yield answer
                return
        self.plan = replace(self.plan, body=self._raw, status="degraded; reason=context", recalled=0)
        async with route.send("POST", target, headers, self._raw) as answer:
            yield answer

    async def _stream(self, answer: Answer, stream: AnswerStream) -> None:
        unbuffered = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
        added = [(name, value) for name, value in unbuffered if not answer.header(name)]
        await self._client.start(answer.status, [*self._headers(answer), *added])
        await stream.relay(answer)
        usage = stream.reply.reply().usage
        if self._turn and usage and usage != self._turn.usage:
            self._recorder.add_usage(replace(self._turn, usage=usage))

    async def finish(self, reply: Reply) -> None:
        """Record the turn anew with the answer that a later request found."""
        assert self._turn is not None
        assert self.plan.thread is not None
        self.plan = replace(self.plan, thread=replace(self.plan.thread, replaces=self._turn.id))
        self.id = uuid.uuid4().hex
        self._glean()
        await self._record(reply)

    def set_aside(self) -> str | None:
        """The upstream's id of an answer that was not recorded whole, None if it was; keeps what `finish` needs."""
        thread = self.plan.thread
        if thread is None or self._turn is None or self._turn.state != "partial":
            return None
        first = max(thread.known - 1, 0)
        thread = replace(thread, messages=thread.messages[first:], known=thread.known - first, earlier=())
        self.plan = replace(self.plan, thread=thread, body=b"")
        self._raw = b""
        return self._turn.upstream_id

    async def _commit_stream(self, stream: AnswerStream | None) -> None:
        assert stream is not None
        await self._record(stream.reply.reply())

    async def _whole(self, answer: Answer) -> None:
        """An answer in one body: recorded before its head is sent, unless it has to be relayed as it comes."""
        body = bytearray()
        pieces = answer.pieces()
        try:
            async for piece in pieces:
                body += piece
                if len(body) > MAX_BUFFER or body.isspace():  # blank lines keep a slow answer's connection alive
                    await self._as_it_comes(answer, body, pieces)
                    return
        except StreamBroken as error:
            raise _cut_off() from error
        await self._record(self._read(answer, bytes(body)))
        recorded = [(b"x-memory-recorded", b"true" if self.recorded else b"false")]
        await self._client.start(answer.status, [*self._headers(answer), *recorded])
        await self._client.end(bytes(body))

    async def _as_it_comes(self, answer: Answer, body: bytearray, pieces: AsyncIterator[bytes]) -> None:
        """Relay a body whose beginning was read; the piece that completes it is held until the turn is recorded."""
        unrecorded = [] if self.plan.records else [(b"x-memory-recorded", b"false")]
        await self._client.start(answer.status, [*self._headers(answer), *unrecorded])
        size, held = len(body), bytes(body)
        if size != answer.length:
            await self._client.write(held)
            held = b""
        try:
            async for piece in pieces:
                size += len(piece)
                if len(body) <= MAX_BUFFER:
                    body += piece
                if size == answer.length:
                    held = piece
                else:
                    await self._client.write(piece)
        except StreamBroken as error:
            raise Cut from error
        await self._record(self._read(answer, bytes(body)))
        await self._client.end(held)

    def _read(self, answer: Answer, body: bytes) -> Reply:
        if answer.status >= 400:
            return Reply("error")
        if encoded(answer) or len(body) > MAX_BUFFER:
            return Reply("complete")  # whole, though its text cannot be seen
        return self._door.reply(body)

    def _headers(self, answer: Answer) -> Pairs:
        """The upstream's headers with the gateway's own."""
        kept = [(name, value) for name, value in answer.headers if name.lower() not in _OWN]
        return [*kept, *self.headers()]

    def headers(self) -> Pairs:
        """What the gateway says of this request."""
        timing = f"memory;dur={self._memory:.1f}, upstream;dur={self._upstream:.1f}"
        headers = [
            (b"x-memory-status", self.plan.status.encode()),
            (b"x-memory-recalled", str(self.plan.recalled).encode()),
            (b"x-memory-request-id", self.id.encode()),
            (b"server-timing", timing.encode()),
        ]
        if self.plan.thread:
            assert self.plan.thread.scope.session is not None
            headers.append((b"x-session-id", self.plan.thread.scope.session.encode()))
        return headers

    async def _record(self, reply: Reply) -> None:
        """Record the turn and wait until it is durable, or the wait is over."""
        if recording := self._submit(reply):
            self.recorded = await self._recorder.committed(recording)

    def _submit(self, reply: Reply) -> asyncio.Task[bool] | None:
        """Hand the turn to the recorder; nothing to wait for where nothing is recorded."""
        thread = self.plan.thread
        self.answer_id = reply.upstream_id or self.answer_id
        if thread is None or not self.plan.records:
            if self.plan.scope and not self._traced:
                self._traced = True
                self._recorder.keep_trace(self._trace(thread.scope if thread else self.plan.scope, reply))
            return None
        messages = thread.messages
        self._turn = Turn(
            id=self.id,
            scope=thread.scope,
            request=thread.request,
            replaces=thread.replaces,
            anchor=thread.anchor,
            messages=tuple(map(_clean, messages[thread.known :])),
            learn=(),
            reply=self._door.message(reply, messages[-1]),
            state=reply.state,
            sends_history=thread.sends_history,
            said_at=self._said_at,
            started_at=self._started,
            model=reply.model or self.plan.model,
            upstream_id=reply.upstream_id,
            finish_reason=reply.finish_reason,
            usage=reply.usage,
            timings={"memory": round(self._memory, 2), "upstream": round(self._upstream, 2)},
            closed=self.plan.closed,
            requested=self.plan.model,
            trace=self._trace(thread.scope, reply),
        )
        return (self._gleaning or self._recorder).submit(self._turn)

    def _trace(self, scope: Scope, reply: Reply) -> Trace:
        """What memory did to this request."""
        return Trace(
            id=self.id,
            scope=scope,
            mode=self._identity.mode,
            status=self.plan.status,
            outcome=reply.state,
            started_at=self._started,
            model=reply.model or self.plan.model,
            told=self.plan.told,
            block=self.plan.block,
            injected=self.plan.recalled > 0,
            upstream=self._route.served.name if self._route else "",
            timings={"memory": round(self._memory, 2), "upstream": round(self._upstream, 2)},
        )


async def _beginning(answer: Answer) -> bytes:
    try:
        return await answer.peek(MAX_ERROR)
    except StreamBroken as error:
        raise _cut_off() from error


def _cut_off() -> UpstreamUnreachable:
    return UpstreamUnreachable("The upstream's answer was cut off.", code="upstream_closed")


def encoded(answer: Answer) -> bool:
    """Its bytes are compressed, although none were asked for: they are relayed and not read."""
    return answer.header(b"content-encoding").lower() not in (b"", b"identity")


def _clean(message: Message) -> Message:
    """The message without blocks of ours in its text; its place in the thread stays that of what was sent."""
    if OPENING.rstrip("\n") not in message.text:
        return message
    return rewritten(message, stripped)
