"""What a model answered through Anthropic's Messages API, and errors as its clients read them."""

from __future__ import annotations

from typing import Any

import orjson

from gateway.domain import Message, Reply, TurnState
from gateway.errors import GatewayError
from gateway.wire.chat import read_message
from gateway.wire.lenient import dumps, loads, sound, string
from gateway.wire.messages_blocks import as_chat, kept_of_answer

_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
"""Deltas, and the key of the piece in each."""


def read_reply(body: bytes) -> Reply:
    """The answer in the body of a response that was not streamed; never raises."""
    try:
        value = loads(body)
    except ValueError:
        return Reply("error")
    if not isinstance(value, dict) or value.get("type") == "error" or not isinstance(value.get("content"), list):
        return Reply("error")
    return _reply("complete", value, kept_of_answer(value["content"]))


def reply_message(reply: Reply, previous: Message | None) -> Message | None:
    """The answer as a message of the thread; None for one that says nothing."""
    if reply.message is None or not reply.message["content"]:
        return None
    value = {"role": "assistant", **reply.message}
    try:
        return read_message(as_chat(value), dumps(value), previous)
    except RecursionError:
        return None


def error_body(error: GatewayError) -> bytes:
    """The body of the gateway's own refusal; the type is the one that this API has for the status."""
    kind = _ERRORS.get(error.status) or ("invalid_request_error" if error.status < 500 else "api_error")
    return orjson.dumps({"type": "error", "error": {"type": kind, "message": error.message}})


class StreamedMessage:
    """The answer that the events of a stream add up to; never raises.

    `ended` is true from the event on that says why it stopped, since some clients read no further; `done` is true from
    `message_stop` on.
    """

    def __init__(self) -> None:
        self.ended = False
        self.done = False
        self.failed = False
        self._answer: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: dict[int, _Block] = {}

    def take(self, data: bytes) -> None:
        """Read the data of one event."""
        try:
            event = loads(data)
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        kind, delta = event.get("type"), event.get("delta")
        if kind == "message_start" and isinstance(event.get("message"), dict):
            self._answer = event["message"]
            self._take_usage(self._answer.get("usage"))
        elif kind == "message_delta":
            self._take_usage(event.get("usage"))
            if isinstance(delta, dict) and delta.get("stop_reason"):
                self._answer = self._answer | {"stop_reason": delta["stop_reason"]}
                self.ended = True
        elif kind == "message_stop":
            self.ended = self.done = True
        elif kind == "error" or event.get("error"):
            self.failed = True
        else:
            self._take_block(kind, event)

    def _take_usage(self, usage: object) -> None:
        """Counts are cumulative, and later events leave out what did not change."""
        if isinstance(usage, dict):
            self._usage |= {key: value for key, value in usage.items() if value is not None}

    def _take_block(self, kind: object, event: dict[str, Any]) -> None:
        index = event.get("index")
        index = index if isinstance(index, int) else max(self._blocks, default=0)
        if kind == "content_block_start" and isinstance(event.get("content_block"), dict):
            self._blocks[index] = _Block(event["content_block"])
        elif kind == "content_block_delta" and isinstance(delta := event.get("delta"), dict):
            self._blocks.setdefault(index, _Block({"type": "text", "text": ""})).add(delta)
        elif kind == "content_block_stop" and index in self._blocks:
            self._blocks[index].whole = True

    def reply(self) -> Reply:
        """What came so far: complete after the end, partial before it, error if the stream said so."""
        state: TurnState = "error" if self.failed else "complete" if self.ended else "partial"
        blocks = [block for _, block in sorted(self._blocks.items())]
        content = kept_of_answer([block.value() for block in blocks if self.ended or block.whole or block.is_text])
        return _reply(state, self._answer | {"usage": self._usage or None}, content)

    def cut_off(self, message: str) -> bytes:
        """The event that tells the client that the stream broke."""
        error = {"type": "api_error", "message": message}
        return b"event: error\ndata: " + orjson.dumps({"type": "error", "error": error}) + b"\n\n"


class _Block:
    """A block of content, as far as it came."""

    def __init__(self, start: dict[str, Any]) -> None:
        self.whole = False
        self._start = start
        self._pieces: dict[str, list[str]] = {}
        self._citations: list[object] = []

    @property
    def is_text(self) -> bool:
        return self._start.get("type") == "text"

    def add(self, delta: dict[str, Any]) -> None:
        kind = delta.get("type")
        if kind == "citations_delta":
            self._citations.append(delta.get("citation"))
        elif isinstance(kind, str) and kind in _DELTAS and isinstance(piece := delta.get(_DELTAS[kind]), str):
            self._pieces.setdefault(_DELTAS[kind], []).append(piece)

    def value(self) -> dict[str, Any]:
        value = dict(self._start)
        for key, pieces in self._pieces.items():
            text = sound("".join(pieces))
            if key != "partial_json":
                value[key] = (string(value.get(key)) or "") + text
                continue
            try:
                value["input"] = loads(text.encode()) if text else value.get("input", {})
            except ValueError:
                value["input"] = {"partial_json": text}
        if self._citations:
            value["citations"] = self._citations
        return value


def _reply(state: TurnState, value: dict[str, Any], content: list[dict[str, Any]]) -> Reply:
    usage = value.get("usage")
    said = any(block.get("type") == "text" for block in content)
    plain = len(content) == 1 and said and not content[0].get("citations")
    return Reply(
        state,
        {"content": content[0]["text"] if plain else content} if said or state == "complete" else None,
        string(value.get("model")),
        string(value.get("id")),
        string(value.get("stop_reason")),
        usage if isinstance(usage, dict) else None,
    )
