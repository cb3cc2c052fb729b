"""The model that a request names, and the same request with another name: every other byte is kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.wire.document import Document, NotReadable, Span, quoted
from gateway.wire.lenient import loads, string
from gateway.wire.responses import kept_upstream

_KEY = "model"
_WRITTEN = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*"([^"\\]*)"')
_PART = b'name="model"'
_PART_HEAD = 512
"""Bytes that the head of a form's part may take, and the value in it."""


_FORMS = (b"/v1/audio/", b"/v1/images/", b"/v1/videos")
"""Paths that take a model's name in a form."""


@dataclass(frozen=True, slots=True)
class _Field:
    """Where a form names its model."""

    start: int
    end: int


def names_model(kind: bytes, path: bytes) -> bool:
    """A body of this Content-Type may name a model."""
    return path.startswith(_FORMS) if _is_form(kind) else b"json" in kind.lower()


def model_named(kind: bytes, body: bytes) -> str | None:
    """The model that a body of this Content-Type names, JSON or form; None: none, or it cannot be read."""
    if _is_form(kind):
        field = _field(body)
        return body[field.start : field.end].decode("utf-8", "replace") if field else None
    return string(_values(body).get(_KEY))


def renamed(kind: bytes, body: bytes, name: Callable[[str], str]) -> bytes:
    """The body with its model's name put through `name`; the same bytes where it names none, or two."""
    if _is_form(kind):
        field = _field(body)
        if field is None:
            return body
        new = name(body[field.start : field.end].decode("utf-8", "replace")).encode()
        return body[: field.start] + new + body[field.end :]
    named = model_named(kind, body)
    new_name = name(named) if named else named
    if named is None or new_name is None or new_name == named:
        return body
    return _quickly(body, named, new_name) or _thoroughly(body, new_name)


def _quickly(body: bytes, named: str, new_name: str) -> bytes | None:
    """Where the key stands but once in the text: five times as fast. None: this cannot tell."""
    found = _WRITTEN.search(body)
    if found is None or body.count(b'"model"') != 1 or found[1].decode("utf-8", "replace") != named:
        return None
    edited = body[: found.start(1) - 1] + quoted(new_name).encode() + body[found.end(1) + 1 :]
    return edited if model_named(b"", edited) == new_name else None  # it could stand in an object within


def _thoroughly(body: bytes, new_name: str) -> bytes:
    try:
        document = Document(body, "")
        found = document.member(Span(None, document.text.index("{"), 0), _KEY)
    except NotReadable:
        return body
    if found is None:
        return body
    return (document.text[: found.start] + quoted(new_name) + document.text[found.end :]).encode()


def goes_on(body: bytes) -> bool:
    """The request follows what only the server that kept it knows."""
    return kept_upstream(_values(body)) is not None


def _values(body: bytes) -> dict[str, Any]:
    if not body.lstrip().startswith(b"{"):
        return {}
    try:
        value = loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_form(kind: bytes) -> bool:
    return kind.lower().startswith(b"multipart/form-data")


def _field(body: bytes) -> _Field | None:
    """The value of the first part of a form that is called model."""
    named = body.find(_PART)
    line = body.rfind(b"\n", 0, named) + 1
    if named < 0 or not body[line:named].lower().startswith(b"content-disposition:"):
        return None
    blank = body.find(b"\r\n\r\n", named, named + _PART_HEAD)
    end = body.find(b"\r\n", blank + 4, blank + 4 + _PART_HEAD)
    return _Field(blank + 4, end) if blank >= 0 and end >= 0 else None
