"""What the gateway's own API answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from gateway.domain import NOBODY, Kind, Origin, Role, Status, TurnState
from gateway.store.library import Entry, Event, Verdict


def _named(value: object) -> object:
    """Stored ids are empty where there is none."""
    return None if value == NOBODY else value


Owner = Annotated[str | None, BeforeValidator(_named)]


class Out(BaseModel):
    """What the gateway answers."""

    model_config = ConfigDict(from_attributes=True)


class ErrorOut(Out):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class Refusal(Out):
    """The answer to a request that is refused."""

    error: ErrorOut


class TripleOut(Out):
    """An edge that a memory states."""

    subject: str
    predicate: str
    object: str


class LearntIn(Out):
    """Where a memory came from."""

    process: Owner
    session: Owner


class MemoryOut(Out):
    """A memory; its scope is entity, process and session: null is everybody's."""

    id: str
    entity: Owner
    process: Owner
    session: Owner
    learnt_in: LearntIn
    kind: Kind
    text: str
    status: Status
    standing: bool
    origin: Origin
    trust: float
    confidence: float
    times_seen: int
    first_seen: AwareDatetime
    last_seen: AwareDatetime
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None
    expires_at: AwareDatetime | None
    superseded_by: str | None
    metadata: dict[str, Any]
    triples: list[TripleOut]
    created_at: AwareDatetime
    updated_at: AwareDatetime


class RecalledOut(MemoryOut):
    """A memory that was recalled, and why."""

    score: float
    signals: dict[str, float]


def memory_out(entry: Entry) -> dict[str, Any]:
    """The fields of a memory as they are told."""
    learnt = {"process": entry.learnt_process, "session": entry.learnt_session}
    return {**{name: getattr(entry, name) for name in _FIELDS}, "learnt_in": learnt}


_FIELDS = MemoryOut.model_fields.keys() - {"learnt_in"}


class MemoryList(Out):
    memories: list[MemoryOut]
    cursor: str | None


class RecallOut(Out):
    memories: list[RecalledOut]
    block: str
    """What a chat would get before its question; empty if nothing bears on it."""


class SourceOut(Out):
    """A message that states a memory."""

    process: str
    session: str
    turn: str
    role: Role
    text: str
    said_at: AwareDatetime


class ChangeOut(Out):
    """One thing that happened to a memory."""

    event: Event | str
    at: AwareDatetime
    text: str | None
    before: str | None
    by: str | None
    sources: list[SourceOut]


class HistoryOut(Out):
    history: list[ChangeOut]


class Deleted(Out):
    deleted: int


class EntityOut(Out):
    entity: str
    memories: int
    sessions: int
    turns: int
    created_at: AwareDatetime
    last_seen: AwareDatetime


class EntityList(Out):
    entities: list[EntityOut]
    cursor: str | None


class Erased(Out):
    erased: dict[str, int]
    """Rows, by what they were."""


class EdgeOut(Out):
    subject: str
    predicate: str
    object: str
    count: int
    first_seen: AwareDatetime
    last_seen: AwareDatetime
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None
    memories: list[str]


class GraphOut(Out):
    nodes: list[str]
    edges: list[EdgeOut]


class SessionOut(Out):
    session: str
    process: str
    title: str | None
    summary: str | None
    turns: int
    created_at: AwareDatetime
    last_seen: AwareDatetime


class SessionList(Out):
    sessions: list[SessionOut]
    cursor: str | None


class MessageOut(Out):
    role: Role
    text: str
    said_at: AwareDatetime
    raw: Any
    """As it was sent."""


class TurnOut(Out):
    id: str
    state: TurnState
    model: str | None
    finish_reason: str | None
    usage: dict[str, Any] | None
    timings: dict[str, float]
    started_at: AwareDatetime
    said_at: AwareDatetime
    recorded_at: AwareDatetime
    messages: list[MessageOut]


class SessionRead(Out):
    session: SessionOut
    turns: list[TurnOut]
    cursor: str | None


class ToldOut(Out):
    """A memory that a request recalled; its text is null if it is no more."""

    memory: str
    score: float
    signals: dict[str, float]
    text: str | None = None


class RequestOut(Out):
    id: str
    entity: Owner
    process: str
    session: str | None
    mode: str
    status: str
    outcome: str
    started_at: AwareDatetime
    model: str | None
    upstream: str
    recalled: list[ToldOut]
    block: str
    injected: bool
    timings: dict[str, float]


class RequestList(Out):
    requests: list[RequestOut]
    cursor: str | None


class FeedbackOut(Out):
    memory_id: str
    verdict: Verdict


class Imported(Out):
    """How much was new."""

    sessions: int
    turns: int
    memories: int


class StatsOut(Out):
    entities: int
    sessions: int
    turns: int
    messages: int
    requests: int
    memories: Mapping[str, int]
    kinds: Mapping[str, int]
