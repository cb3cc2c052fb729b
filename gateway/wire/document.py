"""A JSON object's text with the places of its parts, so that it can be edited without being written anew.

Whatever is not edited keeps the client's own bytes: key order, spacing, number formats and escapes are part of the
prompt that a provider caches.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]  # documented by use in json itself
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # as above


class NotReadable(Exception):
    """The body is not a JSON object that could be edited safely."""


@dataclass(frozen=True, slots=True)
class Span:
    """A value and where it stands: `text[start:end]`."""

    value: Any
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Text to put in at a place of the original."""

    at: int
    text: str


class Document:
    """The parsed body of a request.

    `values` is the object; `elements` are the spans of the array under `key`, empty if there is none.
    Raises NotReadable for anything but one JSON object in UTF-8, and for keys that are given twice where the gateway
    acts on them, since two readers could then disagree.
    """

    def __init__(self, raw: bytes, key: str) -> None:
        try:
            self.text = raw.decode()
            start = _skip(self.text, 0)
            self.elements: tuple[Span, ...] = ()
            self.values: dict[str, Any] = {}
            for name, span in (walk := _Members(self.text, start, key)):
                if name == key:
                    if key in self.values:
                        raise NotReadable
                    self.elements = walk.items
                self.values[name] = span.value
            if self.text[walk.end :].strip(" \t\n\r"):
                raise NotReadable
        except (ValueError, RecursionError, IndexError) as error:
            raise NotReadable from error

    def member(self, element: Span, key: str) -> Span | None:
        """The value under `key` of an object that stands in the document; NotReadable if the key is given twice."""
        found = [span for name, span in _Members(self.text, element.start) if name == key]
        if len(found) > 1:
            raise NotReadable
        return found[0] if found else None

    def items(self, array: Span) -> list[Span]:
        """The elements of an array that stands in the document."""
        return _array(self.text, array.start)[0]

    def source(self, span: Span) -> str:
        """The text of a value as it was sent."""
        return self.text[span.start : span.end]

    def edited(self, edits: Sequence[Edit]) -> bytes:
        """The document with every edit's text put in; edits at one place keep their order."""
        pieces: list[str] = []
        done = 0
        for edit in sorted(edits, key=lambda edit: edit.at):
            pieces += self.text[done : edit.at], edit.text
            done = edit.at
        return "".join([*pieces, self.text[done:]]).encode()


def quoted(text: str) -> str:
    """`text` as a JSON string."""
    return json.dumps(text, ensure_ascii=False)


class _Members:
    """The members of the object that starts at `start`, in order, doubles included.

    After the iteration `end` is the place behind the object; `items` are the elements of the array under `key`.
    """

    def __init__(self, text: str, start: int, key: str | None = None) -> None:
        if text[start] != "{":
            raise ValueError("not an object")
        self.text, self.at, self.key = text, start, key
        self.items: tuple[Span, ...] = ()
        self.end = start

    def __iter__(self) -> Iterator[tuple[str, Span]]:
        text, at = self.text, _skip(self.text, self.at + 1)
        while text[at] != "}":
            if text[at] != '"':
                raise ValueError("a key is missing")
            name, at = scanstring(text, at + 1, True)
            at = _skip(text, at)
            if text[at] != ":":
                raise ValueError("a colon is missing")
            span = self._value(name, _skip(text, at + 1))
            yield name, span
            at = _next(text, span.end, "}")
        self.end = at + 1

    def _value(self, name: str, at: int) -> Span:
        if name != self.key or self.text[at] != "[":
            return _value(self.text, at)
        items, end = _array(self.text, at)
        self.items = tuple(items)
        return Span([item.value for item in items], at, end)


def _array(text: str, start: int) -> tuple[list[Span], int]:
    """The elements of the array that starts at `start`, and the place behind it."""
    found: list[Span] = []
    at = _skip(text, start + 1)
    while text[at] != "]":
        found.append(_value(text, at))
        at = _next(text, found[-1].end, "]")
    return found, at + 1


def _next(text: str, at: int, closing: str) -> int:
    """The place of the next member, or of the closing bracket."""
    at = _skip(text, at)
    if text[at] == closing:
        return at
    if text[at] != ",":
        raise ValueError("a comma is missing")
    at = _skip(text, at + 1)
    if text[at] == closing:
        raise ValueError("a value is missing")
    return at


def _value(text: str, at: int) -> Span:
    try:
        value, end = _scan(text, at)
    except StopIteration:  # which a generator would turn into a RuntimeError
        raise ValueError("a value is missing") from None
    return Span(value, at, end)


def _skip(text: str, at: int) -> int:
    """The first place from `at` on that is not white space."""
    if text[at] not in " \t\n\r":
        return at
    found = _SPACE.match(text, at)
    assert found is not None
    return found.end()
