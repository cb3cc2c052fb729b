"""What a model answered, in one body or as the events of a stream."""

from __future__ import annotations

from typing import Any

import orjson

from gateway.domain import Message, Reply, TurnState
from gateway.wire.chat import read_message, text_of
from gateway.wire.lenient import dumps, loads, sound, string

_KEPT = ("content", "refusal", "tool_calls", "function_call")
"""What of an assistant's message a client sends back."""


def read_reply(body: bytes) -> Reply:
    """The answer in the body of a response that was not streamed; never raises."""
    try:
        value = loads(body)
        choice = value["choices"][0]
        message = choice["message"]
        kept = {"content": None} | {key: message[key] for key in _KEPT if message.get(key) is not None}
        kept |= _spoken(message.get("audio"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return Reply("error")
    return Reply(
        "complete",
        kept,
        string(value.get("model")),
        string(value.get("id")),
        string(choice.get("finish_reason")),
        value.get("usage") if isinstance(value.get("usage"), dict) else None,
    )


def reply_message(reply: Reply, previous: Message | None) -> Message | None:
    """The answer as a message of the thread."""
    if reply.message is None:
        return None
    value = {"role": "assistant", **reply.message}
    try:
        return read_message(value, dumps(value), previous)
    except RecursionError:
        return None


class StreamedReply:
    """The answer that the events of a stream add up to; never raises.

    Text and calls of the first choice are kept; `ended` is true once the last of `choices` has its finish reason, or
    after `[DONE]`.
    """

    def __init__(self, choices: int = 1) -> None:
        self.ended = False
        self.done = False
        self.failed = False
        self._choices = choices
        self._finished: set[int] = set()
        self._text: dict[str, list[str]] = {"content": [], "refusal": []}
        self._calls = _StreamedCalls()
        self._function = {"name": "", "arguments": ""}
        self._audio: object = None
        self._model: str | None = None
        self._id: str | None = None
        self._finish: str | None = None
        self._usage: dict[str, Any] | None = None

    def take(self, data: bytes) -> None:
        """Read the data of one event."""
        if data.startswith(b"[DONE]"):
            self.done = self.ended = True
            return
        try:
            chunk = loads(data)
        except ValueError:
            return
        if not isinstance(chunk, dict):
            return
        if chunk.get("error"):
            self.failed = True
            return
        self._model = string(chunk.get("model")) or self._model
        self._id = string(chunk.get("id")) or self._id
        usage = chunk.get("usage") or _member(chunk.get("x_groq"), "usage")
        if isinstance(usage, dict):
            self._usage = usage
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._take_choice(choice)

    def _take_choice(self, choice: dict[str, Any]) -> None:
        index = choice.get("index") if isinstance(choice.get("index"), int) else 0
        delta = choice.get("delta")
        if index == 0 and isinstance(delta, dict):
            for key, pieces in self._text.items():
                piece = delta.get(key)
                if isinstance(piece, str):
                    pieces.append(piece)
                elif isinstance(piece, list):  # thinking and text parts of some models
                    pieces.append(text_of(piece))
            self._calls.take(delta.get("tool_calls"))
            if _member(delta.get("audio"), "id"):
                self._audio = delta["audio"]
            if isinstance(function := delta.get("function_call"), dict):
                for key in self._function:
                    self._function[key] += string(function.get(key)) or ""
        if choice.get("finish_reason"):
            assert index is not None
            self._finished.add(index)
            if index == 0:
                self._finish = string(choice["finish_reason"])
            self.ended = self.ended or len(self._finished) >= self._choices

    def reply(self) -> Reply:
        """What came so far: complete after the end, partial before it, error if the stream said so."""
        state: TurnState = "error" if self.failed else "complete" if self.ended else "partial"
        content, refusal = (sound("".join(self._text[key])) for key in ("content", "refusal"))
        message: dict[str, Any] = {"content": content or None}
        if refusal:
            message["refusal"] = refusal
        if calls := self._calls.values():
            message["tool_calls"] = calls
        if self._function["name"]:
            message["function_call"] = self._function
        message |= _spoken(self._audio)
        usable = bool(content or refusal) or state == "complete"
        return Reply(state, message if usable else None, self._model, self._id, self._finish, self._usage)

    def cut_off(self, message: str) -> bytes:
        """The event that tells the client that the stream broke."""
        error = {"message": message, "type": "upstream_error", "param": None, "code": "stream_interrupted"}
        return b"data: " + orjson.dumps({"error": error}) + b"\n\n"


class _StreamedCalls:
    """Tool calls put together from pieces: by index, else by id; a new id on a used index is a new call."""

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []
        self._by_index: dict[int, dict[str, Any]] = {}

    def take(self, pieces: object) -> None:
        for piece in pieces if isinstance(pieces, list) else ():
            if isinstance(piece, dict):
                self._add(self._call_of(piece), piece)

    def _call_of(self, piece: dict[str, Any]) -> dict[str, Any]:
        index, name = piece.get("index"), piece.get("id")
        call = self._by_index.get(index) if isinstance(index, int) else None
        if call is None and name:
            call = next((known for known in self._calls if known["id"] == name), None)
        if call is None and index is None and not name and self._calls:
            return self._calls[-1]
        if call is None or (name and call["id"] and call["id"] != name):
            call = {"id": name, "type": piece.get("type") or "function"}
            self._calls.append(call)
        if isinstance(index, int):
            self._by_index[index] = call
        return call

    def _add(self, call: dict[str, Any], piece: dict[str, Any]) -> None:
        call["id"] = call["id"] or piece.get("id")
        for kind, text in (("function", "arguments"), ("custom", "input")):
            body = piece.get(kind)
            if not isinstance(body, dict):
                continue
            target = call.setdefault(kind, {"name": "", text: ""})
            call["type"] = kind
            if isinstance(body.get("name"), str) and body["name"] != target["name"]:
                target["name"] += body["name"]
            if isinstance(body.get(text), str):
                target[text] += body[text]

    def values(self) -> list[dict[str, Any]]:
        return self._calls


def _spoken(audio: object) -> dict[str, Any]:
    """An answer in sound as it is sent back: by its id, without the sound."""
    name = _member(audio, "id")
    return {"audio": {"id": name}} if name else {}


def _member(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None
