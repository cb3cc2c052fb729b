"""Which server a request goes to, and who is asked in its place."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import unquote

from prometheus_client import CollectorRegistry, Counter

from gateway.config import Kind
from gateway.errors import GatewayError, NotFound, UpstreamSilent, UpstreamUnreachable
from gateway.upstream import Answer, Headers, Upstream
from gateway.wire.door import DOORS, MESSAGES, RESPONSES, Door
from gateway.wire.naming import goes_on, model_named

PASSED_ON = (502, 503, 504)
"""Statuses that have another server asked, where one is configured to stand in."""
MAX_KEPT = 10_000
"""Answers that a server keeps whose place is remembered; the oldest are let go of."""

_KEPT = re.compile(rb"/v1/(?:responses|chat/completions)/([^/]+)")
_MODEL = b"/v1/models/"
_KEPT_THERE = (RESPONSES.path, MESSAGES.path)
"""Whose requests may go on with a conversation that a server keeps."""

_log = logging.getLogger(__name__)


class Routes:
    """The configured servers, in their order."""

    def __init__(self, upstreams: Sequence[Upstream], registry: CollectorRegistry) -> None:
        """`registry` gets the counters of what they answered."""
        self._upstreams = tuple(upstreams)
        self._counters = _Counters(registry)
        self._kept: OrderedDict[bytes, Upstream] = OrderedDict()

    @property
    def several(self) -> bool:
        """There is a choice."""
        return len(self._upstreams) > 1

    def kind(self, path: bytes, headers: Headers) -> Kind:
        """Of the servers that a request is for: Anthropic's own paths, and whatever its clients ask for elsewhere."""
        own = path == MESSAGES.path or path.startswith(MESSAGES.path + b"/")
        theirs = own or (path not in DOORS and any(name == b"anthropic-version" for name, _ in headers))
        return "anthropic" if theirs and any(u.config.kind == "anthropic" for u in self._upstreams) else "openai"

    def group(self, kind: Kind) -> tuple[Upstream, ...]:
        """The servers of a kind; all, if there is none."""
        return tuple(u for u in self._upstreams if u.config.kind == kind) or self._upstreams

    def serving(self, kind: Kind, model: str) -> Upstream | None:
        """The first server whose patterns take the model; None: no one's do."""
        return next((upstream for upstream in self.group(kind) if upstream.serves(model)), None)

    def chat(self, door: Door, headers: Headers, model: str | None, body: bytes) -> Route:
        """Where a chat goes; raises NotFound for a model that none serves."""
        if model is None and self.several:  # a body that memory cannot edit may name one all the same
            model = model_named(b"", body)
        route = self._route(self.kind(door.path, headers), model, door.path)
        return route.alone() if self.several and door.path in _KEPT_THERE and goes_on(body) else route

    def relayed(self, method: str, path: bytes, headers: Headers, body: object) -> Route:
        """Where any other request goes: by the model that its path or its whole body names, else to the first server.

        Raises NotFound for a chat of a model that none serves.
        """
        kind = self.kind(path, headers)
        if path.startswith(_MODEL):
            return self._route(kind, unquote(path[len(_MODEL) :].decode("latin-1")), path).alone()
        if (found := _KEPT.match(path)) and (keeper := self._kept.get(found[1])):
            return Route([keeper], self._counters)
        if not self.several or not isinstance(body, bytes) or method != "POST":
            return self._route(kind, None, path)
        named = next((value for name, value in headers if name == b"content-type"), b"")
        route = self._route(kind, model_named(named, body), path)
        return route.alone() if path in _KEPT_THERE and goes_on(body) else route

    def _route(self, kind: Kind, model: str | None, path: bytes) -> Route:
        first = None if model is None else self.serving(kind, model)
        if first is not None and model is not None:
            return Route([first, *self._in_its_place(first, model)], self._counters)
        if model is not None and path in DOORS:
            raise NotFound(f"No upstream serves the model {model!r}.", param="model", code="model_not_found")
        return Route([self.group(kind)[0]], self._counters)

    def _in_its_place(self, first: Upstream, model: str) -> list[Upstream]:
        fallback = first.config.fallback
        if fallback is False:
            return []
        if fallback is True:
            behind = self._upstreams[self._upstreams.index(first) + 1 :]
            return [u for u in behind if u.serves(model) and u.config.may_stand_in(first.config)]
        named = {upstream.name: upstream for upstream in self._upstreams}
        return [named[name] for name in fallback]

    def keep(self, answer: str | None, upstream: Upstream) -> None:
        """Remember who keeps an answer, which may be asked for by its id."""
        if answer and self.several:
            self._kept[answer.encode()] = upstream
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)


class Route:
    """The servers that one request may be answered by, the first of them first."""

    def __init__(self, upstreams: Sequence[Upstream], counters: _Counters) -> None:
        self._upstreams = tuple(upstreams)
        self._counters = counters
        self.first = self._upstreams[0]
        self.served = self.first
        """The one that was asked last."""

    def alone(self) -> Route:
        """Without anybody to stand in."""
        return Route([self.first], self._counters)

    @asynccontextmanager
    async def send(
        self,
        method: str,
        target: bytes,
        headers: Headers,
        body: bytes | AsyncIterator[bytes] | None,
        length: int | None = None,
    ) -> AsyncIterator[Answer]:
        """As Upstream.send, but one that cannot be reached, or answers 502 to 504, gives way to the next.

        Nothing of such an answer was sent on by then. A body in pieces goes to the first alone: it cannot be sent
        twice. Once one has answered, the route has no other any more.
        """
        async with AsyncExitStack() as stack:
            places = self._upstreams if body is None or isinstance(body, bytes) else self._upstreams[:1]
            for place, upstream in enumerate(places):
                self.served, last = upstream, place == len(places) - 1
                foreign = upstream.config.origin != self.first.config.origin
                sending = upstream.send(method, target, headers, body, length, foreign=foreign)
                try:
                    answer = await stack.enter_async_context(sending)
                except GatewayError as error:
                    self._counters.failed(upstream, error)
                    if last or error.code != UpstreamUnreachable.code:
                        raise
                    self._counters.passed_on(upstream, places[place + 1], error.code)
                    continue
                self._counters.answered(upstream, answer.status)
                if last or answer.status not in PASSED_ON:
                    break
                self._counters.passed_on(upstream, places[place + 1], str(answer.status))
                await stack.aclose()
            self._upstreams = (self.served,)
            yield answer


class _Counters:
    """What the servers answered, for Prometheus."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "memory_gateway_upstream_answers_total",
            "Answers by upstream and outcome: answered, error (5xx), silent (none in time), unreachable, closed (before"
            " it answered)",
            ["upstream", "outcome"],
            registry=registry,
        )
        self._fallbacks = Counter(
            "memory_gateway_fallbacks_total",
            "Requests that were passed on to another upstream",
            ["upstream", "to"],
            registry=registry,
        )

    def answered(self, upstream: Upstream, status: int) -> None:
        self._answers.labels(upstream.name, "answered" if status < 500 else "error").inc()

    def failed(self, upstream: Upstream, error: GatewayError) -> None:
        unreachable = error.code == UpstreamUnreachable.code
        outcome = "silent" if isinstance(error, UpstreamSilent) else "unreachable" if unreachable else "closed"
        self._answers.labels(upstream.name, outcome).inc()

    def passed_on(self, upstream: Upstream, to: Upstream, cause: str | None) -> None:
        self._fallbacks.labels(upstream.name, to.name).inc()
        _log.warning(
            "a request was passed on to another upstream",
            extra={"upstream": upstream.name, "to": to.name, "cause": cause},
        )
