"""The chat completion of the OpenAI API, as the demo's model server reads and writes it; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from gateway.errors import BadRequest

LIMIT = 64
"""Tokens of an answer for which the client sets no limit: seconds on two cores."""

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


@dataclass(frozen=True, slots=True)
class Chat:
    """What a client asked for. Sampling parameters are left out: the model is greedy."""

    model: str
    messages: list[dict[str, str]]
    """Role and text; a developer's message counts as the system's."""
    limit: int
    """The most tokens of the answer."""
    stream: bool
    usage: bool
    """Whether a stream ends with a chunk that says what it cost."""


def parse(body: bytes) -> Chat:
    """The request of a body. Raises BadRequest."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest("The body is not JSON.") from error
    if not isinstance(data, dict):
        raise BadRequest("The body must be a JSON object.")
    if data.get("n") not in (None, 1):
        raise BadRequest("Only one choice is served.", param="n")
    options = data.get("stream_options")
    return Chat(
        model=_typed(data, "model", str, None),
        messages=_messages(data.get("messages")),
        limit=_limit(data),
        stream=_typed(data, "stream", bool, False),
        usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _typed(data: dict[str, Any], key: str, kind: type, default: Any) -> Any:
    value = data.get(key)
    value = default if value is None else value
    if not isinstance(value, kind):
        raise BadRequest(f"{key} must be a {kind.__name__}.", param=key)
    return value


def _limit(data: dict[str, Any]) -> int:
    for key in ("max_completion_tokens", "max_tokens"):
        value = data.get(key)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise BadRequest(f"{key} must be a whole number above zero.", param=key)
        return value
    return LIMIT


def _messages(messages: object) -> list[dict[str, str]]:
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list that is not empty.", param="messages")
    return [_message(message, f"messages[{place}]") for place, message in enumerate(messages)]


def _message(message: object, where: str) -> dict[str, str]:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise BadRequest(f"{where}.role must be one of {', '.join(sorted(ROLES))}.", param=where)
    role = "system" if message["role"] == "developer" else message["role"]
    return {"role": role, "content": _text(message.get("content"), f"{where}.content")}


def _text(content: object, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise BadRequest(f"{where} must be a string or a list of parts.", param=where)
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise BadRequest(f"{where}: only parts of type text are served.", param=where)
    return "\n".join(part["text"] for part in content)


@dataclass(slots=True)
class Completion:
    """One answer as it grows: gives the bytes of each event of a stream, or of the whole at the end."""

    id: str
    created: int
    """Seconds since 1970."""
    model: str
    prompt_tokens: int
    limit: int
    usage: bool
    _pieces: list[str] = field(default_factory=list)

    def opening(self) -> bytes:
        """The first event: who speaks."""
        return self._event([_choice({"role": "assistant", "content": ""})])

    def piece(self, text: str) -> bytes:
        """Count one token, and give its event: none while it has no text."""
        self._pieces.append(text)
        return self._event([_choice({"content": text})]) if text else b""

    def ending(self) -> bytes:
        """The last events: why it ended, what it cost if that was asked for, and the end mark."""
        events = self._event([_choice({}, self._reason())])
        if self.usage:
            events += self._event([], usage=self._cost())
        return events + b"data: [DONE]\n\n"

    def whole(self) -> bytes:
        """The answer as one JSON object."""
        message = {"role": "assistant", "content": "".join(self._pieces), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._reason()}
        return orjson.dumps(self._object("chat.completion", [choice]) | {"usage": self._cost()})

    def _reason(self) -> str:
        return "length" if len(self._pieces) >= self.limit else "stop"

    def _cost(self) -> dict[str, int]:
        answer = len(self._pieces)
        total = self.prompt_tokens + answer
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": answer, "total_tokens": total}

    def _event(self, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> bytes:
        chunk = self._object("chat.completion.chunk", choices)
        if self.usage:
            chunk["usage"] = usage
        return b"data: " + orjson.dumps(chunk) + b"\n\n"

    def _object(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices}


def _choice(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
