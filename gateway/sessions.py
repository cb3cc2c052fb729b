"""Which thread a request belongs to, what of it is new, and what is put back into it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from gateway.attribution import Ids
from gateway.config import HistoryConfig
from gateway.domain import Block, Message, Scope, Session, StoredMessage
from gateway.prompt import tokens
from gateway.replay import Replayed, newest, window
from gateway.store import Attempt, Place, Store
from gateway.wire.chat import ROOT, hashed, rechained
from gateway.wire.door import Door, Request

RETRY_WINDOW = timedelta(minutes=15)
"""How long after a failed attempt the same request is its retry."""
LONGEST_REPLAY = 1000
"""Messages that are looked at for replay."""
SURE = 3
"""Messages in a row that tell a thread whose beginning is another than the stored one; two are too often alike."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A request in its conversation."""

    scope: Scope
    """With its session."""
    request: bytes
    """Hash that tells a retry."""
    messages: tuple[Message, ...]
    """The request's messages, chained as in the store."""
    known: int
    """How many of them, from the first, need not be recorded."""
    anchor: bytes
    """Chain of the message that the first unknown one follows."""
    learn: tuple[Message, ...] = ()
    """User messages that nothing was learnt from yet."""
    blocks: tuple[tuple[int, Block], ...] = ()
    """Blocks to put back, by index in `messages`."""
    earlier: tuple[str, ...] = ()
    """Stored messages to replay, as JSON of the request's format with their blocks."""
    said_before: str = ""
    """The user's newest message among them."""
    answered_before: str = ""
    """The assistant's newest message among them."""
    replay_from: bytes | None = None
    """Where replay starts from now on; None: as before."""
    present: frozenset[int] = frozenset()
    """Keys of the stored messages that the upstream will see."""
    shown: frozenset[str] = frozenset()
    """Ids of the memories in blocks that the upstream will see."""
    spent: int = 0
    """Tokens of the blocks put back."""
    replaces: str | None = None
    sends_history: bool = False


class Sessions:
    """Finds threads; reads the store, never writes it."""

    def __init__(self, store: Store, history: HistoryConfig) -> None:
        self._store = store
        self._history = history

    async def resolve(
        self, tenant: str, ids: Ids, door: Door, request: Request, *, full_history: bool, retries: int
    ) -> Thread:
        """The thread of a request of an entity; raises StoreError where the store cannot say.

        `full_history`: the client is known to resend everything. `retries`: which attempt the client's library says
        that this is.
        """
        assert ids.entity is not None
        scope = Scope(tenant, ids.entity, ids.process, ids.session)
        fingerprint = _fingerprint(ids.session, request)
        if request.kept:
            thread, attempt = await self._kept(scope, door, request, fingerprint, retries)
            return replace(thread, request=fingerprint, replaces=_replaced(attempt, retries))
        session = await self._store.session(scope) if ids.session is not None else None
        resent = full_history or _has_earlier_turns(request) or (session is not None and session.sends_history)
        if resent or (request.has_history and not ids.session):
            thread = await self._by_history(scope, request) if session or not ids.session else _new(scope, request)
            attempt = None
            if thread.known == len(thread.messages):
                attempt = await self._attempt(thread.scope, fingerprint, retries)
        else:
            attempt = await self._attempt(scope, fingerprint, retries) if session or not ids.session else None
            if session:
                anchor = attempt.anchor if attempt else session.head
                thread = await self._continued(scope, session, door, request, anchor)
            else:
                named = ids.session or (attempt.session if attempt else str(uuid.uuid4()))
                thread = _new(replace(scope, session=named), request)
        return replace(
            thread,
            request=fingerprint,
            sends_history=resent,
            replaces=_replaced(attempt, retries),
        )

    async def _kept(
        self, scope: Scope, door: Door, request: Request, fingerprint: bytes, retries: int
    ) -> tuple[Thread, Attempt | None]:
        """What follows turns that the upstream puts back itself."""
        kept = request.kept
        assert kept is not None
        after = await self._store.answered(scope, kept.response) if kept.response else None
        scope = replace(scope, session=scope.session or (after.session if after else kept.session))
        attempt = await self._attempt(scope, fingerprint, retries)
        session = await self._store.session(scope)
        if session is None:
            return _new(scope, request), attempt
        anchor = after.chain if after else session.head
        return await self._continued(scope, session, door, request, attempt.anchor if attempt else anchor), attempt

    async def _attempt(self, scope: Scope, fingerprint: bytes, retries: int) -> Attempt | None:
        """The earlier try that this request repeats: one that failed, or any if the client's library says so."""
        attempt = await self._store.attempt(scope, fingerprint, datetime.now(UTC) - RETRY_WINDOW)
        return attempt if attempt and (retries or not attempt.complete) else None

    async def _by_history(self, scope: Scope, request: Request) -> Thread:
        """A request that carries its thread from the start, or from where the client cut it off."""
        places = await self._store.find(scope, [message.chain for message in request.messages])
        if places:
            return await self._placed(scope, request.messages, len(places), places)
        links = [message.link for message in request.messages[1:]]
        place = await self._store.find_link(scope, links) if links and request.has_history else None
        thread = await self._windowed(scope, request, place) if place else None
        if thread:
            return thread
        if scope.session:  # known, though nothing of it may have been recorded but its blocks
            return await self._placed(scope, request.messages, 0, ())
        return _new(replace(scope, session=str(uuid.uuid4())), request)

    async def _windowed(self, scope: Scope, request: Request, place: Place) -> Thread | None:
        """A request whose client left out, summed up or edited the start of the thread; None: of another thread."""
        named = scope.session is not None
        scope = replace(scope, session=place.session)
        path = await self._store.path(scope, place.message.chain, ROOT, len(request.messages))
        at = _end(request.messages, path)
        path = path[-at - 1 :]
        same = 1
        while same < len(path) and path[-same - 1].digest == request.messages[at - same].digest:
            same += 1
        start = at + 1 - same
        if start and not named and same < SURE:
            return None
        if start and len(path) == at + 1 and path[0].parent == ROOT:  # as long as the stored one: it was edited
            return await self._placed(scope, request.messages, 0, ())
        kept = [
            replace(m, chain=stored.chain) for m, stored in zip(request.messages[start:], path[-same:], strict=False)
        ]
        messages = (*request.messages[:start], *kept, *rechained(request.messages[at + 1 :], place.message.chain))
        places = await self._store.find(scope, [message.chain for message in messages])
        stored = {found.message.chain for found in places}
        known = at + 1 + sum(message.chain in stored for message in messages[at + 1 :])
        return await self._placed(scope, messages, known, places)

    async def _placed(self, scope: Scope, messages: tuple[Message, ...], known: int, places: Sequence[Place]) -> Thread:
        scope = replace(scope, session=places[0].session) if places else scope
        unlearnt = {place.message.chain for place in places if not place.message.learnt}
        blocks = {block.chain: block for block in await self._store.blocks(scope)}
        back = [(index, blocks[message.chain]) for index, message in enumerate(messages) if message.chain in blocks]
        return Thread(
            scope,
            b"",
            messages,
            known,
            messages[known - 1].chain if known else ROOT,
            learn=tuple(m for i, m in enumerate(messages) if m.role == "user" and (i >= known or m.chain in unlearnt)),
            blocks=tuple(back),
            present=frozenset(place.message.key for place in places),
            shown=frozenset(memory for _, block in back for memory in block.memories),
            spent=sum(tokens(block.text) for _, block in back),
        )

    async def _continued(self, scope: Scope, session: Session, door: Door, request: Request, anchor: bytes) -> Thread:
        """New messages of a client that sends no history: they follow the newest answer, or go on with its turn."""
        anchor = await self._beginning(scope, request, anchor)
        messages = rechained(request.messages, anchor)
        places = await self._store.find(scope, [message.chain for message in messages])
        thread = await self._placed(scope, messages, len(places), places)
        if not places:
            thread = replace(thread, anchor=anchor)
        if not anchor or (self._history.mode == "off" and not request.kept):
            return thread
        blocks = {block.chain: block for block in await self._store.blocks(scope)}
        start = ROOT if request.kept else session.replay_from
        path = await self._store.path(scope, anchor, start, LONGEST_REPLAY)
        kept = [Replayed(message, blocks.get(message.chain), door) for message in path]
        goes_on = request.messages[0].role != "user"
        kept = kept if request.kept else window(kept, self._history, goes_on=goes_on)
        shown = [item.block for item in kept if item.block]
        first = kept[0].message.chain if kept else None
        return replace(
            thread,
            earlier=() if request.kept else tuple(item.text for item in kept),
            said_before=newest(kept, "user"),
            answered_before=newest(kept, "assistant"),
            replay_from=first if first and first != path[0].chain else None,
            present=thread.present | {item.message.key for item in kept},
            shown=thread.shown | {memory for block in shown for memory in block.memories},
            spent=thread.spent + sum(tokens(block.text) for block in shown),
        )

    async def _beginning(self, scope: Scope, request: Request, anchor: bytes) -> bytes:
        """What the first message follows: `anchor`, unless the request begins with the calls that end there."""
        calls = max((i for i, message in enumerate(request.messages) if message.role == "assistant"), default=-1) + 1
        path = await self._store.path(scope, anchor, ROOT, calls) if calls and anchor else []
        begun = [message.digest for message in path] == [message.digest for message in request.messages[:calls]]
        return path[0].parent if path and begun else anchor


def _replaced(attempt: Attempt | None, retries: int) -> str | None:
    """What `Turn.replaces` says."""
    if attempt:
        return attempt.turn
    return "" if retries else None


def _new(scope: Scope, request: Request) -> Thread:
    learn = tuple(message for message in request.messages if message.role == "user")
    return Thread(scope, b"", request.messages, 0, ROOT, learn=learn)


def _has_earlier_turns(request: Request) -> bool:
    """An answer stands before the newest user message; one behind it only belongs to the turn that goes on."""
    roles = [message.role for message in request.messages]
    return "assistant" in roles and "user" in roles[roles.index("assistant") :]


def _end(messages: Sequence[Message], path: Sequence[StoredMessage]) -> int:
    """The place in `messages` of the last of `path`: the last one that follows the same message as there."""
    ends = [message.digest for message in path[-2:]]
    pairs = ((i, [message.digest for message in messages[i + 1 - len(ends) : i + 1]]) for i in range(1, len(messages)))
    return max(i for i, pair in pairs if pair == ends)


def unplaced(scope: Scope, request: Request, retries: int) -> Thread:
    """A request whose thread could not be looked up: only what follows its last answer counts as new."""
    last = max((i for i, message in enumerate(request.messages) if message.role == "assistant"), default=-1)
    known = last + 1 if last + 1 < len(request.messages) else 0
    new = request.messages[known:]
    anchor = request.messages[known - 1].chain if known else ROOT
    learn = tuple(message for message in new if message.role == "user")
    fingerprint = _fingerprint(scope.session, request)
    history = request.has_history and not request.kept
    replaces = _replaced(None, retries)
    return Thread(
        scope, fingerprint, request.messages, known, anchor, learn=learn, replaces=replaces, sends_history=history
    )


def _fingerprint(session: str | None, request: Request) -> bytes:
    """What tells a retry: session, model and messages, and what they follow where the upstream keeps it."""
    kept = [] if request.kept is None else [request.kept.session.encode(), (request.kept.response or "").encode()]
    digests = [message.digest for message in request.messages]
    return hashed((session or "").encode(), (request.model or "").encode(), *kept, *digests)
