"""What an export consists of, and an import is checked against: one JSON object a line."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from gateway.domain import Kind, Origin, TurnState

Id = Annotated[str, Field(min_length=1, max_length=256)]
Name = Annotated[str, Field(max_length=256)]
"""An id, or nothing."""
Chain = Annotated[str, Field(pattern=r"\A(?:[0-9a-f]{32})?\z")]
"""16 bytes in hexadecimal, or none."""
Count = Annotated[int, Field(ge=0, le=2**31)]
Share = Annotated[float, Field(ge=0, le=1)]


class Record(BaseModel):
    """A part of an export; what a newer gateway may add to it is passed over."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class SessionRecord(Record):
    """A session."""

    type: Literal["session"] = "session"
    process: Name
    session: Id
    title: str | None = None
    summary: str | None = None
    head: Chain
    replay_from: Chain
    sends_history: bool
    created_at: AwareDatetime
    last_seen: AwareDatetime


class MessageRecord(Record):
    """A message of a turn."""

    role: Literal["user", "assistant", "tool", "system"]
    raw: str
    text: str
    chain: Chain
    parent: Chain
    digest: Chain
    link: Chain
    tool: bool
    learnt: bool
    said_at: AwareDatetime
    recorded_at: AwareDatetime


class TurnRecord(Record):
    """A turn with its messages, in the order of the thread."""

    type: Literal["turn"] = "turn"
    id: Id
    process: Name
    session: Id
    request: Chain
    anchor: Chain
    reply: Chain | None = None
    state: TurnState
    attempt: Count
    model: str | None = None
    upstream_id: str | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    timings: dict[str, float]
    started_at: AwareDatetime
    said_at: AwareDatetime
    recorded_at: AwareDatetime
    messages: tuple[MessageRecord, ...]


class SourceRecord(Record):
    """Which message states a memory."""

    process: Name
    session: Id
    chain: Chain
    former: bool = False


class TripleRecord(Record):
    """An edge of a memory."""

    subject: str
    predicate: str
    object: str


class EndingRecord(Record):
    """What is over since a memory holds, as hashes."""

    slot: Chain
    value: Chain
    kept: Chain
    since: AwareDatetime


class ChangeRecord(Record):
    """What happened to a memory."""

    event: Annotated[str, Field(pattern=r"\A[a-z]{1,20}\z")]
    at: AwareDatetime
    before: str | None = None
    by: Id | None = None


class MemoryRecord(Record):
    """A memory with its sources, edges and history."""

    type: Literal["memory"] = "memory"
    id: Id
    process: Name
    session: Name
    learnt_process: Name
    learnt_session: Name
    closed: Name
    alone: bool
    """It is found by its own text."""
    kind: Kind
    text: Annotated[str, Field(min_length=1)]
    status: Literal["active", "proposed", "superseded", "quarantined"]
    standing: bool
    origin: Origin
    trust: Share
    confidence: Share
    times_seen: Count
    first_seen: AwareDatetime
    last_seen: AwareDatetime
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    superseded_by: Id | None = None
    metadata: dict[str, Any] = {}
    created_at: AwareDatetime
    updated_at: AwareDatetime
    sources: tuple[SourceRecord, ...] = ()
    triples: tuple[TripleRecord, ...] = ()
    endings: tuple[EndingRecord, ...] = ()
    history: tuple[ChangeRecord, ...] = ()


class EdgeRecord(Record):
    """An edge of the graph; it comes with the memories that state it, and is written for who reads the export."""

    type: Literal["edge"] = "edge"
    subject: str
    predicate: str
    object: str
    count: Count
    first_seen: AwareDatetime
    last_seen: AwareDatetime
    valid_from: AwareDatetime
    valid_to: datetime | None = None
    memories: tuple[str, ...]


Exported = SessionRecord | TurnRecord | MemoryRecord | EdgeRecord
RECORD: TypeAdapter[Exported] = TypeAdapter(Annotated[Exported, Field(discriminator="type")])
