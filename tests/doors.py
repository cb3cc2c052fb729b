"""Requests through every door, and an upstream that answers them all."""

from __future__ import annotations

import itertools
import json
import pathlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.clients import Served
from tests.process import Answer, Gateway
from tests.replies import Reply, chat_completion, chat_events, message, message_events, response, response_events
from tests.upstream import Received, Script, Step, Upstream, streamed, whole

DOORS = ("chat", "responses", "messages")
_PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}


def through(
    gateway: Gateway, door: str, given: Any, headers: dict[str, str], *, stream: bool = False, **more: Any
) -> Answer:
    """One request; `given` is the user's text, or all messages in the door's own format."""
    key = "input" if door == "responses" else "messages"
    given = [{"role": "user", "content": given}] if isinstance(given, str) and door != "responses" else given
    body = {"model": "m", key: given, "stream": stream, **({"max_tokens": 99} if door == "messages" else {}), **more}
    sent = {"content-type": "application/json", "authorization": "Bearer sk-test", "x-api-key": "sk-test", **headers}
    return gateway.request("POST", _PATHS[door], json.dumps(body, ensure_ascii=False).encode(), sent)


@contextmanager
def served_everywhere(folder: pathlib.Path) -> Iterator[Served]:
    """A gateway with an upstream for every door; its script answers chats only until it is replaced."""
    with Upstream() as upstream:
        upstreams = [
            {"name": "openai", "base_url": upstream.url},
            {"name": "anthropic", "kind": "anthropic", "base_url": upstream.url},
        ]
        with Gateway(folder, upstream.url, upstreams=upstreams) as gateway:
            yield Served(gateway, upstream)


def door_of(request: Received) -> str | None:
    """The door whose format the request has; None for any other path."""
    path = request.target.partition("?")[0]
    return next((door for door, served in _PATHS.items() if path.endswith(served.removeprefix("/v1"))), None)


def texts(request: Received) -> list[str]:
    """What the messages say that reached the upstream, in order."""
    given = request.json.get("input", request.json.get("messages"))
    given = [{"role": "user", "content": given}] if isinstance(given, str) else given
    return [_text(message.get("content", message.get("output", ""))) for message in given]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or ())


@dataclass
class EveryDoor:
    """A script that answers in the format of the path; `said` makes the answer."""

    said: Callable[[Received], str | Reply] = lambda _: "Noted."
    gap: float = 0
    """Seconds between the events of a stream."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _made: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, request: Received) -> Iterator[Step]:
        if request.method == "GET":
            made = self._made[request.target.partition("?")[0].rpartition("/")[2]]
            yield from streamed(response_events(json.loads(made))) if "stream=" in request.target else [whole(made)]
            return
        if (door := door_of(request)) is None:
            yield whole(json.dumps({"path": request.target}).encode())
            return
        said = self.said(request)
        body, events = self._answer(door, request, Reply(said) if isinstance(said, str) else said)
        yield from streamed(events, gap=self.gap) if request.json.get("stream") else [whole(body)]

    def with_output(self, request: Received, output: list[dict[str, Any]]) -> Iterator[Step]:
        """Answer a request to the Responses API, which is not streamed, with these items."""
        yield whole(json.dumps(response(Reply(""), f"resp_{next(self._numbers)}") | {"output": output}).encode())

    def _answer(self, door: str, request: Received, reply: Reply) -> tuple[bytes, Iterable[bytes]]:
        """The answer whole, and as events."""
        number = next(self._numbers)
        if door == "chat":
            return chat_completion(reply, str(number)), chat_events(reply, str(number))
        if door == "messages":
            name = f"msg_{number}"
            return json.dumps(message(reply, name)).encode(), message_events(reply, name)
        answer = response(reply, f"resp_{number}")
        self._made[answer["id"]] = json.dumps(answer).encode()
        if request.json.get("background"):
            return json.dumps(answer | {"status": "queued", "output": [], "usage": None}).encode(), ()
        return json.dumps(answer).encode(), response_events(answer)


EVERY_DOOR: Script = EveryDoor()
