"""What is sent to the gateway's own API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool

from gateway.attribution import MAX_ID, RFC_3339, valid_id
from gateway.domain import DEFAULT_PROCESS, Kind, Status
from gateway.errors import BadRequest
from gateway.store.library import Verdict
from gateway.store.pages import Page

LONGEST = 20_000
"""Characters of a memory or a question."""
MAX_METADATA = 65_536
"""Bytes, as JSON."""
MOST = 1000
"""Items of a page."""


def _exact(value: str) -> str:
    try:
        return valid_id(value, "it")
    except BadRequest as error:
        raise ValueError(error.message) from error


def _written(value: object) -> object:
    """Only text is a time: a number could be seconds or milliseconds."""
    if not isinstance(value, str) or not RFC_3339.fullmatch(value.encode("utf-8", "replace")):
        raise ValueError("must be an RFC 3339 time with its offset")
    return value.upper()


def _storable(value: datetime) -> datetime:
    if not 1900 <= value.year < 9000:
        raise ValueError("must be between the years 1900 and 9000")
    return value.astimezone(UTC)


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(orjson.dumps(value)) > MAX_METADATA:
        raise ValueError(f"must not take more than {MAX_METADATA} bytes")
    return value


NO_CONTROLS = {"pattern": r"^[^\x00-\x1f\x7f-\x9f]+$"}
"""What the description says of ids; the check itself has a better message."""
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID, json_schema_extra=dict(NO_CONTROLS)), AfterValidator(_exact)]
Text = Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=r"\S")]
Limit = Annotated[int, Field(ge=1, le=MOST)]
Time = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_storable)]
Metadata = Annotated[dict[str, Any], AfterValidator(_small)]


class In(BaseModel):
    """What is sent to the gateway: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


def _scoped(schema: dict[str, Any]) -> None:
    """Say that an entity or a process is needed."""
    schema["anyOf"] = [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("entity", "process")]


class RecallIn(In):
    """A question to memory, as a chat of this entity in this process would put it."""

    model_config = ConfigDict(json_schema_extra=_scoped)

    entity: Id | None = None
    process: Id | None = None
    session: Id | None = None
    query: Text
    limit: Annotated[int, Field(ge=1, le=MOST, strict=True)] | None = None
    """At most so many memories."""
    tokens: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    """At most so many tokens of block."""
    as_of: Time | None = None
    """What held then."""
    sharing: Literal["process"] | None = None


class MemoryIn(In):
    """A memory to keep, in exactly this scope."""

    model_config = ConfigDict(json_schema_extra=_scoped)

    entity: Id | None = None
    process: Id | None = None
    session: Id | None = None
    text: Text
    kind: Kind | None = None
    standing: StrictBool | None = None
    """It is told in every new session, whatever is asked."""
    said_at: Time | None = None
    expires_at: Time | None = None
    metadata: Metadata | None = None


class MemoryPatch(In):
    """What is to be different; a key that is left out stays as it is."""

    text: Text | None = None
    kind: Kind | None = None
    standing: StrictBool | None = None
    status: Literal["active", "superseded", "quarantined"] | None = None
    expires_at: Time | None = None
    """null: it expires no more."""
    metadata: Metadata | None = None


class FeedbackIn(In):
    memory_id: Id
    verdict: Verdict
    request_id: Id | None = None
    """The chat that told it."""


class Paged(In):
    """Which part of a list."""

    limit: Limit = 100
    cursor: Annotated[str, Field(max_length=4096)] | None = None

    @property
    def page(self) -> Page:
        return Page(self.limit, self.cursor)


class Scoped(In):
    """Whose; without an entity, what belongs to the process alone."""

    entity: Id | None = None
    process: Id | None = None
    session: Id | None = None
    kind: list[Kind] = []


class MemoriesQuery(Scoped, Paged):
    status: list[Status] = []
    q: Annotated[str, Field(max_length=1000)] = ""
    """Is in the text, whatever its case."""


class SessionsQuery(Paged):
    entity: Id
    process: Id | None = None


class SessionQuery(Paged):
    entity: Id
    process: Id = DEFAULT_PROCESS


class RequestsQuery(Paged):
    entity: Id | None = None


class ImportQuery(In):
    entity: Id
    process: Id = "chatgpt"
    """Of conversations that come from elsewhere."""
