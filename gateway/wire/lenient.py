"""JSON and text as other programs write them: halves of characters, integers over 64 bits."""

from __future__ import annotations

import json
from typing import Any

import orjson


def loads(data: bytes) -> Any:
    """Parsed JSON; half of a character, which servers send in `\\ud83d` escapes, is let through. Raises ValueError."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return json.loads(data)
        except RecursionError as error:
            raise ValueError("too deep") from error


def dumps(value: object) -> str:
    """JSON text that UTF-8 can hold."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # half of a character, or an integer over 64 bits
        return json.dumps(value, separators=(",", ":"))


def sound(text: str) -> str:
    """Text that UTF-8 can hold: halves of a character that came in two pieces are joined, lone ones replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def string(value: object) -> str | None:
    """The value if it is a string, as UTF-8 can hold it; else None."""
    return sound(value) if isinstance(value, str) else None
