"""What a language model is still to read, and what it found: the interface to that part of the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from gateway.domain import Kind, Role, Scope, Statement, Triple


@dataclass(frozen=True, slots=True)
class Job:
    """The claim on what waits of one process of an entity; it is worth nothing once somebody else claimed it."""

    scope: Scope
    """Without a session."""
    cursor: int
    upto: int
    """Keys of the messages that wait: after `cursor`, up to this one."""
    again: bool
    """It is a batch that was parked."""
    attempts: int
    """That failed since the last success."""
    fence: int
    epoch: int
    """Erasures of the entity so far."""
    model: str | None
    """That the newest turn asked for."""
    closed: bool
    """What is learnt stays in the process."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as the language model is to read it."""

    key: int
    role: Role
    session: str
    text: str
    said_at: datetime
    stated: frozenset[bytes] = frozenset()
    """Forms (see `learning.form`) of the memories that it states; what was deleted or edited is not among them."""


@dataclass(frozen=True, slots=True)
class Known:
    """A current memory that may have to do with what is read."""

    id: str
    kind: Kind
    text: str
    said_at: datetime
    triples: tuple[Triple, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call is about."""

    messages: tuple[Heard, ...]
    """In the order of the conversation; only the user's have keys up to `upto` that count."""
    upto: int
    """Key of its last message of the user; that of the job where none is left."""
    summaries: tuple[tuple[str, str], ...] = ()
    """Session and what its summary was so far."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the user said, as the language model put it."""

    statement: Statement
    sources: tuple[int, ...]
    """Keys of the user's messages that say it."""
    session: str
    said_at: datetime
    replaces: tuple[str, ...] = ()
    """Ids of memories whose place it takes."""
    merges: bool = False
    """These said the same: it takes over their sources, and is nothing unless all of them still hold."""


@dataclass(frozen=True, slots=True)
class Retraction:
    """A memory that the user took back."""

    memory: str
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """An edge for the memory of these messages that names its object."""

    triple: Triple
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Digest:
    """Title and summary of a session; empty: as before."""

    session: str
    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found in a batch, as far as it may be stored."""

    facts: tuple[Fact, ...] = ()
    retractions: tuple[Retraction, ...] = ()
    links: tuple[Link, ...] = ()
    attributes: tuple[str, ...] = ()
    """What the agent does or handles; proposed, and recalled only once it is approved."""
    digests: tuple[Digest, ...] = ()
    stated: tuple[tuple[int, frozenset[bytes]], ...] = ()
    """What the messages stated when they were read; nothing is learnt from one that lost some of it since."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A batch that could not be read and was passed over."""

    scope: Scope
    cursor: int
    upto: int
    """Its keys: after `cursor`, up to this one."""
    error: str
    attempts: int
    parked_at: datetime
    again: bool
    """It is to be read once more."""


class Jobs(Protocol):
    """What waits for a language model: at most one job for each process of an entity. Durable; raises StoreError.

    Jobs come to be where turns are recorded. Of one entity one job at a time is claimed. What a holder says after
    another claim was made, or after the entity was erased, changes nothing and is answered with False.
    """

    async def recover(self) -> None:
        """Give up the claims of workers that are known to be gone."""

    async def claim(self, now: datetime, idle: float, lease: float, only: Sequence[Scope] | None = None) -> Job | None:
        """A job whose conversation has been quiet for `idle` seconds, or has waited for many times that, if there is
        any: the one that was quiet longest. The claim holds for `lease` seconds. `only` names those that may be
        claimed; None: all.
        """

    async def renew(self, job: Job, until: datetime) -> bool:
        """Have the claim hold until then."""

    async def batch(self, job: Job, said: int, characters: int) -> Batch:
        """The first messages that wait, at most `said` of the user's; about as many characters, but at least one."""

    async def memories(self, job: Job, limit: int) -> list[Known]:
        """The newest current memories of the entity that the process may see in any of its sessions."""

    async def spend(self, job: Job, now: datetime, entity: int, tenant: int) -> bool:
        """Count a call; False, and not counted, where the entity or the tenant had as many today (UTC)."""

    async def release(self, job: Job, due: datetime) -> bool:
        """Give the claim back without an attempt; the job is not tried before `due`."""

    async def fail(self, job: Job, upto: int, error: str, due: datetime, attempts: int) -> Literal["again", "parked"]:
        """Give the claim back after an attempt on the messages up to `upto`; the last of `attempts` parks them."""

    async def finish(self, job: Job, upto: int, findings: Findings) -> bool:
        """Store the findings and move on behind `upto`, in one transaction, and give the claim back."""

    async def parked(self, scope: Scope) -> list[Parked]:
        """The batches of the process that were passed over, oldest first."""

    async def parked_in(self, tenant: str, limit: int) -> list[Parked]:
        """The batches of a tenant that were passed over and are not to be read again, the newest first."""

    async def requeue(self, parked: Parked) -> bool:
        """Have a parked batch read once more; False if it is not there."""

    async def counts(self) -> tuple[int, int]:
        """How many jobs wait, and how many batches are parked."""
