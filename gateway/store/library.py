"""Looking after what is remembered: the interface to list, correct, move and erase it, a transaction a method."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from gateway.domain import Kind, Learnt, Origin, Role, Scope, Statement, Status, Trace, Triple, TurnState
from gateway.store.pages import Listing, Page

Event = Literal[
    "made", "seen", "edited", "superseded", "parted", "retired", "wrong", "useful", "approved", "quarantined", "purged"
]
Verdict = Literal["useful", "wrong", "outdated", "private"]


class Duplicate(ValueError):
    """Another memory of this scope says that already."""


class Malformed(ValueError):
    """A record cannot be brought in."""


@dataclass(frozen=True, slots=True)
class Profile:
    """An entity, and how much is known of it."""

    entity: str
    created_at: datetime
    last_seen: datetime
    memories: int
    """That hold now."""
    sessions: int
    turns: int


@dataclass(frozen=True, slots=True)
class Owner:
    """A process, or a session, that memories belong to or were learnt in."""

    entity: str
    """NOBODY: what a process knows by itself."""
    process: str
    session: str
    memories: int
    created_at: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A memory with all that is known about it."""

    id: str
    tenant: str
    entity: str
    """NOBODY: it belongs to a process."""
    process: str
    """Its scope: empty = shared by all processes."""
    session: str
    """Its scope: empty = every session."""
    learnt_process: str
    learnt_session: str
    closed: str
    kind: Kind
    text: str
    status: Status
    standing: bool
    origin: Origin
    trust: float
    confidence: float
    times_seen: int
    first_seen: datetime
    last_seen: datetime
    valid_from: datetime
    valid_to: datetime | None
    expires_at: datetime | None
    superseded_by: str | None
    metadata: Mapping[str, Any]
    triples: tuple[Triple, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the memories of one entity, or of NOBODY; what is left out matches everything but deleted ones."""

    process: str | None = None
    """In its scope, or learnt in it and shared by all."""
    session: str | None = None
    """In its scope, or learnt in it and shared by all."""
    kinds: tuple[Kind, ...] = ()
    statuses: tuple[Status, ...] = ()
    text: str = ""
    """Is in the memory's text, whatever its case."""
    metadata: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """Values that the metadata holds under these keys."""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be different in a memory; None leaves it as it is."""

    statement: Statement | None = None
    """Its new text, with the triples and endings of that; kind and standing are those below."""
    kind: Kind | None = None
    standing: bool | None = None
    status: Literal["active", "superseded", "quarantined"] | None = None
    """active also approves what was proposed."""
    metadata: Mapping[str, Any] | None = None
    expires_at: datetime | None = None
    lasting: bool = False
    """It expires no more."""


@dataclass(frozen=True, slots=True)
class Source:
    """A message that states a memory."""

    session: str
    process: str
    turn: str
    role: Role
    text: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened to a memory, oldest first in a history."""

    event: Event
    at: datetime
    text: str | None
    """What it said from then on; None: as before."""
    before: str | None
    """What it said until then, where that was changed."""
    by: str | None
    """The memory that took its place; of "parted": the one that what still holds became, if that was not known."""
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A session and its size."""

    process: str
    session: str
    title: str | None
    summary: str | None
    created_at: datetime
    last_seen: datetime
    turns: int


@dataclass(frozen=True, slots=True)
class PastMessage:
    """A message of a turn."""

    role: Role
    text: str
    raw: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class PastTurn:
    """One recorded exchange."""

    id: str
    state: TurnState
    model: str | None
    finish_reason: str | None
    usage: Mapping[str, Any] | None
    timings: Mapping[str, float]
    started_at: datetime
    said_at: datetime
    recorded_at: datetime
    messages: tuple[PastMessage, ...]
    """New ones and the reply, in the order of the thread."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What is stated of a subject and an object, by one or many memories."""

    subject: str
    predicate: str
    object: str
    count: int
    """How often it was said."""
    first_seen: datetime
    last_seen: datetime
    valid_from: datetime
    valid_to: datetime | None
    """None: it holds."""
    memories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """How much is kept of a tenant."""

    entities: int
    sessions: int
    turns: int
    messages: int
    requests: int
    memories: Mapping[str, int]
    """By status."""
    kinds: Mapping[str, int]
    """Of the memories that hold."""


class Library(Protocol):
    """Access to all of a tenant. Methods raise StoreError where the database cannot answer, BadCursor for a cursor
    that is not one of theirs. Lists are newest first. A deleted memory is nowhere to be found.

    `entity` may be NOBODY in every method: what the tenant's processes know by themselves.
    """

    async def entities(self, tenant: str, page: Page) -> Listing[Profile]:
        """The tenant's entities; NOBODY is none."""

    async def entity(self, tenant: str, entity: str) -> Profile | None:
        """One entity, None if nothing is known of it."""

    async def owners(self, tenant: str, entity: str | None, page: Page) -> Listing[Owner]:
        """The scopes that memories which hold belong to, or were learnt in if they are shared; of all entities and
        of NOBODY if `entity` is None."""

    async def memories(self, tenant: str, entity: str, wanted: Wanted, page: Page) -> Listing[Entry]:
        """The memories of an entity."""

    async def memory(self, tenant: str, memory: str) -> Entry | None:
        """One memory, whichever entity it is of: the caller checks that."""

    async def history(self, tenant: str, entity: str, memory: str) -> list[Change]:
        """All that happened to a memory, oldest first; empty if there is none."""

    async def add(self, tenant: str, entity: str, learnt: Learnt) -> Entry:
        """Remember it; what is known already is counted, and takes over metadata and expiry that are given."""

    async def edit(self, tenant: str, entity: str, memory: str, edit: Edit) -> Entry | None:
        """Change a memory; the old text goes into its history, and only the new one is found. Raises Duplicate."""

    async def judge(self, tenant: str, entity: str, memory: str, verdict: Verdict) -> bool:
        """useful: trusted more; outdated: holds no more; wrong: never held; private: deleted. Whether it is there."""

    async def delete(self, tenant: str, entity: str, wanted: Wanted) -> int:
        """Delete these memories with their texts, also from blocks and traces; returns how many there were."""

    async def erase(self, tenant: str, entity: str) -> Mapping[str, int]:
        """Erase everything of an entity, its id included, and leave no byte of it in the file.

        Returns rows by table. Turns and blocks that were begun before are not written any more.
        """

    async def sessions(self, tenant: str, entity: str, process: str | None, page: Page) -> Listing[Conversation]:
        """The sessions of an entity, of all its processes if None is named."""

    async def session(self, scope: Scope, page: Page) -> tuple[Conversation, Listing[PastTurn]] | None:
        """A session and its turns, oldest first."""

    async def delete_session(self, scope: Scope) -> bool:
        """Delete a session with its turns, traces and the memories that only it may see; what else was learnt in it
        stays. Whether it was there."""

    async def graph(self, tenant: str, entity: str) -> list[Edge]:
        """The knowledge graph, also of what holds no more; in the order it came to be known."""

    def export(self, tenant: str, entity: str) -> AsyncIterator[dict[str, Any]]:
        """Everything of an entity as records that `bring` takes: sessions, turns with messages, memories, edges."""

    async def bring(self, tenant: str, entity: str, records: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
        """Bring in records of an export, in the export's order; those that are there are passed over.

        Returns how many were new, by type. Raises Malformed.
        """

    async def keep_trace(self, trace: Trace) -> None:
        """Keep the trace of a request that records no turn."""

    async def requests(self, tenant: str, entity: str | None, page: Page) -> Listing[Trace]:
        """Traces of an entity, of all and of NOBODY if it is None."""

    async def request(self, tenant: str, request: str) -> Trace | None:
        """One trace, whichever entity it is of: the caller checks that."""

    async def totals(self, tenant: str) -> Totals:
        """How much is kept."""

    async def purge(self, requests: datetime | None, turns: datetime | None) -> int:
        """Let go of traces, and of turns with their messages, that are older; memories stay. Returns how many."""
