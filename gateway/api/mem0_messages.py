"""The messages that a client of mem0's platform API adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.errors import BadRequest, NotBuilt
from gateway.prompt import stripped

MOST = 1000
"""Messages of one request."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message, as far as it can be remembered."""

    role: str
    text: str


def spoken(given: Any) -> list[Spoken]:
    """The messages in their order; a string is one of the user's. Raises BadRequest, NotBuilt for what is not text."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    elif isinstance(given, dict):
        given = [given]
    if not isinstance(given, list) or not 1 <= len(given) <= MOST:
        raise BadRequest(f"messages must be a list of 1 to {MOST} messages.", param="messages")
    return [_message(one) for one in given]


def _message(given: Any) -> Spoken:
    if not isinstance(given, dict) or not isinstance(given.get("role"), str):
        raise BadRequest("Each message must be an object with role and content.", param="messages")
    content = given.get("content")
    if content is None and given["role"] != "user":  # an assistant that only calls tools
        content = ""
    parts = content if isinstance(content, list) else [content]
    return Spoken(given["role"], stripped("\n".join(map(_text, parts))))


def _text(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        text: str = part["text"]
        return text
    if isinstance(part, dict) and isinstance(part.get("type"), str):
        raise NotBuilt("Only text is remembered; images and documents are not read.")
    raise BadRequest("content must be a string, or a list of parts.", param="messages")
