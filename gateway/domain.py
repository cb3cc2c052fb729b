"""The nouns of the gateway: plain frozen records without behaviour of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

NOBODY = ""
"""The entity of what belongs to a process alone; no id is ever empty."""

DEFAULT_TENANT = "default"
DEFAULT_PROCESS = "default"

Kind = Literal["fact", "preference", "skill", "rule", "event", "person", "relationship"]
Status = Literal["active", "proposed", "superseded", "quarantined", "deleted"]
Origin = Literal["local", "llm", "api", "import"]
TurnState = Literal["complete", "partial", "error"]
Role = Literal["user", "assistant", "tool", "system"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose data a store method may touch. Ids are opaque and exact."""

    tenant: str
    entity: str
    process: str = DEFAULT_PROCESS
    session: str | None = None
    """None: every session of the process."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, as on the wire, with its place in the thread."""

    role: Role
    raw: str
    """The message's JSON, exactly as it was sent or assembled, without blocks of ours."""
    text: str
    """What a person would read: the text parts, joined by line feeds."""
    digest: bytes
    """16 bytes over role, normalised text, tool calls and media."""
    chain: bytes
    """16 bytes over the digests of the whole history up to this message."""
    link: bytes
    """16 bytes over the previous message's digest and this one's."""
    tool: bool = False
    """It calls a tool or answers a call: never parted from its neighbours."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message of a thread, as the store returns it for replay or matching."""

    key: int
    chain: bytes
    parent: bytes
    digest: bytes
    role: Role
    raw: str
    tool: bool
    learnt: bool
    """Its statements were extracted, or are not to be."""


@dataclass(frozen=True, slots=True)
class Block:
    """What was put before one user message, kept byte for byte."""

    chain: bytes
    text: str
    memories: tuple[str, ...]
    """Ids of the memories in it."""


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation thread as the store knows it."""

    session: str
    head: bytes
    """Chain of the newest reply; b"" before the first."""
    replay_from: bytes
    """Chain of the first message that is replayed; b"": from the start."""
    sends_history: bool
    """Its client has resent earlier turns at least once."""


USER = "user"
"""The subject of what the user says of themselves."""


RETRACTION = "retraction"
"""Why a wish to forget is kept but never told: it names what is to be forgotten."""


@dataclass(frozen=True, slots=True)
class Triple:
    """An edge of the knowledge graph, in the user's own terms."""

    subject: str
    """USER, or a name or role as the user gave it: "Maria", "dog"."""
    predicate: str
    """Lower case, with its qualifier: "name", "lives in", "favourite colour", "phone number of work"."""
    object: str


@dataclass(frozen=True, slots=True)
class Ended:
    """What is over once a statement holds: memories of this subject and predicate that state another object."""

    subject: str
    predicate: str
    """Empty: any that has this object, which must be given then, but for those of LASTING."""
    object: str = ""
    """Only this one; empty: whatever the object is, but for the one that the statement itself states."""


LASTING = frozenset(("name", "from", "born in", "native language", "likes", "dislikes", "wants", "plans", "goal"))
"""Predicates that do not end because a thing or a person that they name is gone from somebody's life."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A time that a statement names, resolved against when it was said."""

    words: str
    """As said: "last Friday"."""
    date: str
    """ISO 8601, as exact as the words: "2024-05-03", "2024-06", "2019"."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence or clause that the user stated, as extraction cut it out of a message."""

    text: str
    kind: Kind
    standing: bool = False
    triples: tuple[Triple, ...] = ()
    ends: tuple[Ended, ...] = ()
    dates: tuple[Dated, ...] = ()
    alone: bool = False
    """It has to be found by its own text, since the message does not hold it: a short answer with its question."""
    refused: str = ""
    """Why it is quarantined instead of recalled; empty: it is not."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """A statement on its way into the store: where it came from, and who may see it."""

    statement: Statement
    said_at: datetime
    learnt_process: str
    learnt_session: str
    process: str = ""
    """Its scope: empty = shared by all processes."""
    session: str = ""
    """Its scope: empty = every session."""
    closed: str = ""
    """The closed process that it stays within, empty if there is none: neither repetition nor correction crosses it."""
    origin: Origin = "local"
    status: Status = "active"
    sources: tuple[int, ...] = ()
    """Keys of the messages that state it."""
    confidence: float = 1.0
    valid_from: datetime | None = None
    """None: from when it was said."""
    expires_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Memory:
    """One thing that is remembered, as recall needs it.

    Nobody changes it. It is not frozen because making thousands, when an entity is loaded, would take three times as
    long; the same holds for `Said` and `units.Unit`.
    """

    id: str
    sequence: int
    """Of the entity, at the last change."""
    key: int
    """Of its own text among what is ranked; 0: it is found by the messages that state it."""
    process: str
    """Its scope: empty = shared by all processes."""
    session: str
    """Its scope: empty = every session."""
    learnt_process: str
    learnt_session: str
    kind: Kind
    text: str
    status: Status
    standing: bool
    said_at: datetime
    """When it was stated last, UTC."""
    valid_from: datetime
    valid_to: datetime | None
    """When another one took its place; None: it holds."""
    expires_at: datetime | None
    sources: tuple[int, ...] = ()
    """Keys of the messages that state it."""
    triples: tuple[Triple, ...] = ()


@dataclass(slots=True)
class Said:
    """A user's message that was learnt from, as recall scores it."""

    key: int
    process: str
    session: str
    text: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to an entity's memories after a sequence number."""

    epoch: int
    """Counts erasures: another epoch means that everything known before is void."""
    sequence: int
    knowledge: int
    """The sequence number of what the tenant's processes know by themselves."""
    messages: tuple[Said, ...]
    memories: tuple[Memory, ...]
    encodings: tuple[tuple[int, int, bytes], ...]
    """Key of the message or memory, number of the piece, packed vectors."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """A memory that was found relevant, and why."""

    memory: Memory
    score: float
    signals: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a block: what one message says of the matter, or one standing memory."""

    text: str
    said_at: datetime
    memories: tuple[Recalled, ...]
    """Those whose text is in it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the upstream answered, as far as it could be understood."""

    state: TurnState
    message: dict[str, Any] | None = None
    """The assistant's message as a client would resend it; None: nothing usable came."""
    model: str | None = None
    upstream_id: str | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A memory that a request recalled, and why, without its text."""

    memory: str
    score: float
    signals: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trace:
    """What memory did to one request."""

    id: str
    """Of the request, as its client was told."""
    scope: Scope
    """NOBODY: only its process was named. No session: nothing was recorded."""
    mode: str
    status: str
    outcome: str
    """complete, partial or error, as the turn's state."""
    started_at: datetime
    model: str | None = None
    told: tuple[Told, ...] = ()
    block: str = ""
    """As it was put into the prompt, or would have been."""
    injected: bool = False
    upstream: str = ""
    """The name of the server that answered, or was asked last."""
    timings: Mapping[str, float] = field(default_factory=dict)
    """Milliseconds."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange, ready to be recorded in one transaction."""

    id: str
    scope: Scope
    """With its session."""
    request: bytes
    """16 bytes that tell a retry: over session, messages and model."""
    replaces: str | None
    """Id of an earlier attempt of the same turn; empty: its client tries again, and none was found yet."""
    anchor: bytes
    """Chain of the message that the first new one follows; b"" at the start of a thread."""
    messages: tuple[Message, ...]
    """The new messages of the request, in order."""
    learn: tuple[tuple[Message, tuple[Statement, ...]], ...]
    """User messages whose statements are to be kept; empty unless the turn is complete."""
    reply: Message | None
    state: TurnState
    sends_history: bool
    said_at: datetime
    started_at: datetime
    model: str | None = None
    upstream_id: str | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    timings: dict[str, float] = field(default_factory=dict)
    """Milliseconds: memory, first_byte, upstream."""
    closed: bool = False
    """What is learnt stays in the process."""
    extract: bool = False
    """A language model is to read it in the background."""
    requested: str | None = None
    """The model as the client named it, which may differ from the one that answered."""
    trace: Trace | None = None
