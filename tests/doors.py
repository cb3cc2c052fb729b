"""Requests through every door, and an upstream that answers them all."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.process import Answer, Gateway
from tests.upstream import Received, Script, Step, completion, stream, streamed, whole

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
    """A script that answers in the format of the path; `said` makes the answer's text."""

    said: Callable[[Received], str] = lambda _: "Noted."
    waits: bool = False
    """Answers asked for in the background are not ready at once."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _made: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, request: Received) -> Iterator[Step]:
        path = request.target.partition("?")[0]
        if request.method == "GET":
            made = self._made[path.rpartition("/")[2]]
            yield from streamed(_answer_events(json.loads(made))) if "stream=" in request.target else [whole(made)]
            return
        events = request.json.get("stream")
        text = self.said(request)
        if path.endswith("/responses"):
            yield from self._response(request, text, events)
        elif path.endswith("/messages"):
            message = _message(text, f"msg_{next(self._numbers)}")
            yield from streamed(_message_events(message)) if events else iter([whole(json.dumps(message).encode())])
        elif path.endswith("/chat/completions"):
            yield from streamed(stream(text)) if events else iter([whole(completion(text))])
        else:
            yield whole(json.dumps({"path": request.target}).encode())

    def with_output(self, request: Received, output: list[dict[str, Any]]) -> Iterator[Step]:
        """Answer a request to the Responses API, which is not streamed, with these items."""
        yield whole(json.dumps(_answer("", f"resp_{next(self._numbers)}") | {"output": output}).encode())

    def _response(self, request: Received, text: str, events: bool) -> Iterator[Step]:
        answer = _answer(text, f"resp_{next(self._numbers)}")
        self._made[answer["id"]] = json.dumps(answer).encode()
        if request.json.get("background"):
            yield whole(json.dumps(answer | {"status": "queued", "output": [], "usage": None}).encode())
        elif events:
            yield from streamed(_answer_events(answer))
        else:
            yield whole(json.dumps(answer).encode())


EVERY_DOOR: Script = EveryDoor()


def _answer(text: str, name: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": f"m{name}", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    usage = {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 10,
    }
    return {
        "id": name, "object": "response", "created_at": 1, "status": "completed", "error": None,
        "incomplete_details": None, "instructions": None, "metadata": {}, "model": "m", "output": [item],
        "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "usage": usage,
    }  # fmt: skip


def _answer_events(answer: dict[str, Any]) -> Iterator[bytes]:
    number = itertools.count()
    (item,) = answer["output"]

    def told(kind: str, **fields: Any) -> bytes:
        return _named(kind, {"type": kind, "sequence_number": next(number), **fields})

    begun = answer | {"status": "in_progress", "output": [], "usage": None}
    yield told("response.created", response=begun)
    yield told("response.output_item.added", output_index=0, item=item | {"status": "in_progress", "content": []})
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    part = item["content"][0]
    yield told("response.content_part.added", part=part | {"text": ""}, **place)
    for word in part["text"].split(" "):
        yield told("response.output_text.delta", delta=word + " ", logprobs=[], **place)
    yield told("response.output_item.done", output_index=0, item=item)
    yield told("response.completed", response=answer)


def _message(text: str, name: str) -> dict[str, Any]:
    content = [{"type": "text", "text": text, "citations": None}]
    usage = {"input_tokens": 7, "output_tokens": 3}
    return {
        "id": name, "type": "message", "role": "assistant", "model": "m", "content": content,
        "stop_reason": "end_turn", "stop_sequence": None, "usage": usage,
    }  # fmt: skip


def _message_events(message: dict[str, Any]) -> Iterator[bytes]:
    def told(kind: str, **fields: Any) -> bytes:
        return _named(kind, {"type": kind, **fields})

    yield told("message_start", message=message | {"content": [], "stop_reason": None})
    yield told("content_block_start", index=0, content_block={"type": "text", "text": ""})
    yield told("ping")
    for word in message["content"][0]["text"].split(" "):
        yield told("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    yield told("content_block_stop", index=0)
    yield told("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 3})
    yield told("message_stop")


def _named(kind: str, value: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
