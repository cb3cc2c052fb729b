"""The answer of a language model, read with patience: what it meant as JSON, or why it is junk."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

MAX_ANSWER = 256 * 1024
"""Characters; a longer answer is junk."""
MAX_DEPTH = 16
STARTS = 8
"""Braces that are tried as the beginning of the answer."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|,\s*+(?=[}\]])|[{}\[\]]', re.DOTALL)
_OPENING = re.compile(r'\{\s*"|\{\s*\}|\[\s*\{')

Shape = TypeVar("Shape", bound=BaseModel)
Why = Literal["json", "schema", "size", "empty"]


class Junk(Exception):
    """An answer that nothing can be learnt from; its class is bounded and says nothing of the text."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why: Why = why


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [] if value is None else [value]


def _named(value: object) -> object:
    """A short id, however it was written: "m1", "M1", 1."""
    return f"m{value}" if isinstance(value, int) else value.strip(" []#").lower() if isinstance(value, str) else value


def _numbered(value: object) -> object:
    """A number, however it was written: 1, "1", "message 1", "#1"."""
    if isinstance(value, str):
        digits = re.sub(r"\D", "", value[:20])
        return int(digits) if digits else value
    return value


Name = Annotated[str, BeforeValidator(_named), Field(max_length=12)]
Number = Annotated[int, BeforeValidator(_numbered), Field(ge=0, le=100_000)]
Text = Annotated[str, BeforeValidator(lambda value: "" if value is None else value)]


class Operation(BaseModel):
    """One operation as the model gave it: of the right shape, and nothing more is known of it."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=False)

    op: Literal["add", "merge", "supersede", "retract", "link", "attribute"] = Field(
        validation_alias=AliasChoices("op", "operation", "type", "action")
    )
    ids: Annotated[tuple[Name, ...], BeforeValidator(_listed)] = Field(
        default=(), validation_alias=AliasChoices("ids", "id")
    )
    text: Text = ""
    kind: Text = ""
    subject: Text = ""
    predicate: Text = ""
    object: Text = ""
    standing: Annotated[bool, BeforeValidator(bool)] = False
    since: Text = ""
    sources: Annotated[tuple[Number, ...], BeforeValidator(_listed)] = Field(
        default=(), validation_alias=AliasChoices("sources", "source")
    )


class Summary(BaseModel):
    """Title and summary of a session."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    session: Number = 1
    title: Text = ""
    summary: Text = ""


class Answer(BaseModel):
    """All of an answer that has the right shape."""

    model_config = ConfigDict(frozen=True)

    operations: tuple[Operation, ...] = ()
    sessions: tuple[Summary, ...] = ()
    misshapen: int = 0
    """Entries that had not."""


def read(text: str) -> Answer:
    """What the model answered; code fences, words around and commas too many are forgiven. Raises Junk."""
    if len(text) > MAX_ANSWER:
        raise Junk("size")
    if not text.strip():
        raise Junk("empty")
    value = _value(text)
    if isinstance(value, list):
        value = {"operations": value}
    operations, sessions = value.get("operations"), value.get("sessions", [])
    if not isinstance(operations, list):
        raise Junk("schema")
    read_operations = _each(Operation, operations)
    if operations and not read_operations:
        raise Junk("schema")
    read_sessions = _each(Summary, sessions) if isinstance(sessions, list) else ()
    return Answer(
        operations=tuple(read_operations),
        sessions=tuple(read_sessions),
        misshapen=len(operations) - len(read_operations),
    )


def _each(shape: type[Shape], values: list[Any]) -> list[Shape]:
    """The values of this shape; the others are left out."""
    found: list[Shape] = []
    for value in values:
        try:
            found.append(shape.model_validate(value))
        except (ValidationError, RecursionError):
            continue
    return found


def _value(text: str) -> Any:
    """The first JSON object or list of objects in the text that has an answer's keys."""
    found: Any = None
    end = 0
    for count, opening in enumerate(_OPENING.finditer(text)):
        if count == STARTS:
            break
        if opening.start() < end:
            continue
        whole = _whole(text, opening.start())
        if whole is None:
            break  # what is open there stays open to the end
        source, end = whole
        try:
            value = json.loads(source)
        except (ValueError, RecursionError):
            end = 0
            continue
        if isinstance(value, list) or "operations" in value:
            return value
        found = found if found is not None else value
    if found is None:
        raise Junk("json")
    return found


def _whole(text: str, start: int) -> tuple[str, int] | None:
    """The bracketed text that begins at `start`, without commas before a closing bracket, and where it ends.

    None where it is not closed, or is nested too deep.
    """
    pieces: list[str] = []
    depth, done = 0, start
    for token in _TOKEN.finditer(text, start):
        sign = token[0]
        if sign[0] == ",":
            pieces.append(text[done : token.start()])
            done = token.end()
        elif sign in "{[":
            depth += 1
            if depth > MAX_DEPTH:
                return None
        elif sign in "}]":
            depth -= 1
            if depth == 0:
                return "".join([*pieces, text[done : token.end()]]), token.end()
    return None
