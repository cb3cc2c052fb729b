"""What is kept, and the interface to it: every method names its scope and is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gateway.domain import Block, Changes, Kind, Scope, Session, StoredMessage, Turn
from gateway.store.library import Library


@dataclass(frozen=True, slots=True)
class Attempt:
    """An earlier try of the same request."""

    turn: str
    session: str
    anchor: bytes
    complete: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an entity's threads a message was found."""

    session: str
    message: StoredMessage


@dataclass(frozen=True, slots=True)
class Answered:
    """Where the turn of an answer that the upstream gave an id to ends."""

    session: str
    chain: bytes


@dataclass(frozen=True, slots=True)
class Unencoded:
    """A user's message, or a memory that is found by its own text, that has no vectors yet."""

    scope: Scope
    key: int
    text: str


PIECES = 1 << 16
"""Pieces that a text has at most, where text and piece are written as one number."""


@dataclass(frozen=True, slots=True)
class Compared:
    """How like some vectors those of an entity are."""

    places: npt.NDArray[np.int64]
    """Key of the message or memory times `PIECES`, and number of the piece."""
    cosines: tuple[npt.NDArray[np.float32], ...]
    """In the order of `places`, for each vector asked for."""


@dataclass(frozen=True, slots=True)
class Stated:
    """A memory that a message states."""

    memory: str
    text: str


@dataclass(frozen=True, slots=True)
class Rival:
    """An older memory that a message may have made untrue."""

    memory: str
    text: str
    standing: bool
    vectors: tuple[bytes, ...]
    """Of what states it, 8 bits a dimension, all to one unknown scale."""


@dataclass(frozen=True, slots=True)
class Superseded:
    """An older memory that a statement of a message has ended by rule."""

    memory: str
    text: str
    standing: bool
    by: Stated


@dataclass(frozen=True, slots=True)
class Contested:
    """What a message states and still holds, and what it may have made untrue."""

    stated: tuple[Stated, ...] = ()
    older: tuple[Rival, ...] = ()
    """The newest of what was stated before; none where the message has ended something already."""
    ended: tuple[Superseded, ...] = ()
    """What it has ended."""


@dataclass(frozen=True, slots=True)
class Left:
    """What still holds of a memory's text when the memory is over."""

    text: str
    standing: bool = False
    kind: Kind | None = None
    """None: the memory's."""


class Store(Protocol):
    """A database of memories. Every method raises StoreError where the database cannot answer."""

    @property
    def compares(self) -> bool:
        """It compares vectors itself, so that those of a large entity need not be held elsewhere."""

    @property
    def healthy(self) -> bool:
        """The last write was committed."""

    @property
    def library(self) -> Library:
        """Access to all that is remembered."""

    async def session(self, scope: Scope) -> Session | None:
        """The session of the scope, None if nothing was recorded in it."""

    async def attempt(self, scope: Scope, request: bytes, since: datetime) -> Attempt | None:
        """The newest turn of the process with this request hash that was recorded after `since`."""

    async def find(self, scope: Scope, chains: Sequence[bytes]) -> list[Place]:
        """The stored messages of one session that have these chains, first to last.

        With no session in the scope: of the session that holds the last of `chains` that any holds, of several the
        newest thread.
        """

    async def answered(self, scope: Scope, upstream_id: str) -> Answered | None:
        """Where the newest turn with this answer ends; with no session in the scope, in any of the process."""

    async def find_link(self, scope: Scope, links: Sequence[bytes]) -> Place | None:
        """The newest message of the scope that follows its predecessor as one of `links` says; the last link first."""

    async def path(self, scope: Scope, chain: bytes, until: bytes, limit: int) -> list[StoredMessage]:
        """The thread that ends with the message `chain`, oldest first, from the message `until` on if it is there."""

    async def blocks(self, scope: Scope, chains: Sequence[bytes] | None = None) -> list[Block]:
        """The blocks of the session, in the order they were kept; all of them, or those of these messages."""

    async def changes(self, scope: Scope, after: int, embedder: str | None, most: int | None = None) -> Changes:
        """What changed of the entity's messages and memories after this sequence number, in the order of the changes.

        Encodings are those of this embedder only; None leaves them out, and so do more than `most` messages.
        """

    async def encoded(self, scope: Scope, embedder: str, after: int, upto: int) -> list[tuple[int, int, bytes]]:
        """Key, piece and packed vectors, of those with a sequence number after this one and up to that, in order."""

    async def encodings(self, scope: Scope, embedder: str, keys: Sequence[int]) -> list[tuple[int, int, bytes]]:
        """Key, piece and packed vectors of these messages and memories."""

    async def compared(self, scope: Scope, vectors: Sequence[npt.NDArray[np.float32]]) -> Compared:
        """How like these vectors each one of the entity is, whatever its embedder. For a store that `compares`."""

    async def unencoded(self, limit: int) -> list[Unencoded]:
        """Messages and memories of all entities that have no vectors yet, the oldest first."""

    async def waiting(self, since: datetime | None = None) -> int:
        """How many messages and memories have no vectors yet; `since`: only those that were there by then."""

    async def encoded_by_others(self, embedder: str) -> int:
        """How many messages and memories have vectors of another embedder."""

    async def keep_encodings(self, embedder: str, encodings: Sequence[tuple[Unencoded, Sequence[bytes]]]) -> None:
        """Keep the vectors of texts, one for each piece; a text that is gone is passed over."""

    async def forget_encodings(self, embedder: str) -> int:
        """Let go of all vectors of other embedders, so that their texts wait again; returns their number."""

    async def contested(self, scope: Scope, message: int, embedder: str, dimension: int) -> Contested:
        """What a user's message states, and what the entity stated before it as far as it may end that: nothing made
        by other means, nothing of another scope."""

    async def supersede(self, scope: Scope, older: str, by: str, *, standing: bool, left: Left | None = None) -> bool:
        """Close a memory that a later one makes untrue, as of when that was said, and keep what is left of it. Whether
        it was done: not if either was changed meanwhile, and never twice by the same memory, since somebody opened it
        again. `standing`: whether it was; then what takes its place stands too."""

    async def retain(self, scope: Scope, superseded: Superseded, left: Left) -> bool:
        """Keep what is left of a memory that was ended by rule, as a memory of its own from then on. Whether it was
        done: not if the memory was changed meanwhile, and never twice."""

    async def keep_block(
        self, scope: Scope, block: Block, replay_from: bytes | None, began: datetime | None = None
    ) -> Block:
        """Keep a block before it is sent, and where replay starts (None: as before).

        The first block kept for a message stays, and is the one returned; a block without text keeps nothing. Neither
        does one that tells what was deleted meanwhile, or that was begun before the entity was erased.
        """

    async def record(self, turn: Turn) -> None:
        """Record a turn: session, new messages, reply, statements. Durable on return; cannot be cancelled half-way."""

    async def add_usage(self, turn: Turn) -> None:
        """Set the usage of a recorded turn, which some upstreams send after the end of the answer."""

    async def close(self) -> None:
        """Finish what was submitted and close."""
