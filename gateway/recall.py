"""What an entity's memories have to say to a question, within a deadline, and nothing of anybody else's."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from gateway.config import MemoryConfig, ProcessConfig, RecallConfig
from gateway.domain import Changes, Line, Memory, Recalled, Said, Scope
from gateway.embed import Embedder, EmbeddingError, Encoding
from gateway.errors import StoreError
from gateway.prompt import DATED, FRAME
from gateway.ranking import EntityIndex, Ranked, Unit
from gateway.relevance import admitted
from gateway.selection import Candidate, select
from gateway.store import Store
from gateway.words import cut, label, terms

CACHE = 256 * 1024 * 1024
"""Bytes of all indexes that are kept in memory."""
MANY = 200
"""Changed rows that are worth a thread."""
CANDIDATES = 60
"""Scoring units that selection looks at."""
CHARACTERS = 4
"""Of a token, by estimate."""
SHORT = 3
"""Terms; a question with fewer is read together with the message before it."""
ENCODING = 0.1
"""Seconds that the question's vectors may take; without them its words have to do."""
LARGE = 10_000
"""Scoring units; an entity with more is ranked in a thread."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks of memory."""

    text: str
    before: str
    """The user's message before; empty if there is none."""
    asked_at: datetime
    narrow: bool
    """Only what was learnt in this process."""
    present: frozenset[int]
    """Keys of messages that the upstream sees anyway."""
    shown: frozenset[str]
    """Ids of memories that the upstream sees anyway."""
    said: str
    """All that the user says in the request: a memory that is said there is not recalled."""
    first: bool
    """The session has no block yet: standing memories belong in this one."""
    spent: int
    """Tokens that earlier blocks of the session take."""

    @property
    def search(self) -> str:
        """What is looked for: the text, with the message before it if it is short."""
        return f"{self.before}\n{self.text}" if self.before and len(terms(self.text)) < SHORT else self.text


class Recall:
    """Keeps an index of each entity that was asked for, coherent with the store by the entity's sequence number.

    `embedder` gives the embedder that is ready now, None while there is none: recall then goes by words alone. Used as
    an async context, which owns the loading of indexes.
    """

    def __init__(
        self,
        store: Store,
        memory: MemoryConfig,
        processes: dict[str, ProcessConfig],
        embedder: Callable[[], Embedder | None],
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._limits: RecallConfig = memory.recall
        self._closed_by_default = memory.sharing == "process"
        self._rules = {name: rule.sharing for name, rule in processes.items() if rule.sharing}
        self._entities: OrderedDict[tuple[str, str], _Entity] = OrderedDict()
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Recall:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tasks.__aexit__(None, None, None)

    async def recall(self, scope: Scope, question: Question) -> list[Line]:
        """The lines of a new block, at most one block's tokens: standing memories, then what bears on the question.

        Raises StoreError where the store cannot answer.
        """
        budget = min(self._limits.tokens, self._limits.session_tokens - question.spent) * CHARACTERS - FRAME
        if budget <= 0:
            return []
        embedder = self._embedder()
        encoding = self._tasks.create_task(_encoded(embedder, question.search)) if embedder else None
        entity = await self._current(scope, embedder.id if embedder else None)
        visible = _Visible(self, scope, question)
        standing: list[Line] = []
        if question.first:
            standing = entity.standing(visible, min(self._limits.standing_tokens * CHARACTERS, budget))
        query = await encoding if encoding else None
        async with entity.lock:
            ranked = await entity.rank(question, query, visible)
        taken = {recalled.memory.id for line in standing for recalled in line.memories}
        left = budget - sum(len(line.text) + DATED for line in standing)
        return [*standing, *entity.lines(question.text, admitted(ranked, self._limits.gate), visible, taken, left)]

    def closed(self, process: str) -> bool:
        """What this process learns stays in it, and it sees nothing that others learnt."""
        rule = self._rules.get(process)
        return rule == "process" if rule else self._closed_by_default

    @property
    def restricts(self) -> bool:
        """Some process is closed."""
        return self._closed_by_default or "process" in self._rules.values()

    async def _current(self, scope: Scope, embedder: str | None) -> _Entity:
        """The entity's index, with every change that was committed before this call.

        The work goes on when a caller's time is up, so that the next one finds it done.
        """
        outcome = await asyncio.shield(self._tasks.create_task(self._refresh(scope, embedder)))
        if isinstance(outcome, StoreError):
            raise outcome
        return outcome

    async def _refresh(self, scope: Scope, embedder: str | None) -> _Entity | StoreError:
        name = (scope.tenant, scope.entity)
        entity = self._entities.setdefault(name, _Entity())
        self._entities.move_to_end(name)
        async with entity.lock:
            try:
                changes = await self._store.changes(scope, entity.sequence, embedder)
                if changes.epoch != entity.epoch or embedder != entity.embedder:
                    entity.clear(changes.epoch, embedder)
                    changes = await self._store.changes(scope, 0, embedder)
            except StoreError as error:
                return error
            if len(changes.messages) + len(changes.memories) + len(changes.encodings) > MANY:
                await asyncio.to_thread(entity.apply, changes)
            else:
                entity.apply(changes)
        self._shrink()
        return entity

    def _shrink(self) -> None:
        """Let go of the indexes that were asked for longest ago."""
        size = sum(entity.size for entity in self._entities.values())
        while size > CACHE and len(self._entities) > 1:
            size -= self._entities.popitem(last=False)[1].size


async def _encoded(embedder: Embedder, text: str) -> Encoding | None:
    """The question's vectors; None if they are not there in time."""
    try:
        async with asyncio.timeout(ENCODING):
            return await embedder.encode_query(text)
    except TimeoutError:
        return None
    except EmbeddingError as error:
        _log.warning("question not encoded", extra={"reason": str(error)})
        return None


class _Visible:
    """Whether a memory may be in this request's block."""

    def __init__(self, recall: Recall, scope: Scope, question: Question) -> None:
        self._recall, self._scope, self._question = recall, scope, question
        self._narrow = question.narrow or recall.closed(scope.process)
        self.restricts = self._narrow or recall.restricts
        """Some of the entity's memories may be out of bounds for reasons that ranking should know."""

    def __call__(self, memory: Memory) -> bool:
        scope, question = self._scope, self._question
        return (
            memory.status == "active"
            and memory.process in ("", scope.process)
            and memory.session in ("", scope.session)
            and (
                memory.learnt_process == scope.process
                or not (self._narrow or self._recall.closed(memory.learnt_process))
            )
            and memory.id not in question.shown
            and not question.present.intersection(memory.sources)
            and memory.text not in question.said
        )


@dataclass(slots=True)
class _Entity:
    """One entity's memories and the index over the messages that state them."""

    epoch: int = 0
    embedder: str | None = None
    sequence: int = 0
    index: EntityIndex = field(default_factory=EntityIndex)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _memories: dict[str, Memory] = field(default_factory=dict)
    _stated: dict[int, dict[str, None]] = field(default_factory=dict)
    """Ids of the memories that a message states, in order."""
    _first: dict[int, int] = field(default_factory=dict)
    """The first scoring unit of a message."""
    _messages: list[int] = field(default_factory=list)
    """Key of the message that each scoring unit is part of."""

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return self.index.nbytes + 600 * len(self._memories) + 200 * len(self._messages)

    def clear(self, epoch: int, embedder: str | None) -> None:
        """Forget everything: it was erased, or its vectors are another embedder's."""
        self.epoch, self.embedder, self.sequence = epoch, embedder, 0
        self.index = EntityIndex()
        self._memories, self._stated, self._first, self._messages = {}, {}, {}, []

    def apply(self, changes: Changes) -> None:
        """Take in what changed in the store."""
        self.index.add([unit for message in changes.messages for unit in self._units(message)])
        for message, piece, packed in changes.encodings:
            if message in self._first:
                self.index.attach(self._first[message] + piece, packed)
        for memory in changes.memories:
            self._memories[memory.id] = memory
            for key in memory.sources:
                self._stated.setdefault(key, {})[memory.id] = None
        self.sequence = changes.sequence

    def _units(self, message: Said) -> list[Unit]:
        pieces = cut(message.text)
        first = self._first[message.key] = len(self._messages) + 1
        self._messages += [message.key] * len(pieces)
        thread = f"{message.process}\n{message.session}"
        speaker = label(message.text)
        return [Unit(first + i, thread, piece, message.said_at, speaker) for i, piece in enumerate(pieces)]

    def standing(self, visible: _Visible, characters: int) -> list[Line]:
        """The visible standing memories, oldest first, as many as fit."""
        lines: list[Line] = []
        for memory in sorted(self._memories.values(), key=lambda memory: memory.said_at):
            if memory.standing and len(memory.text) + DATED <= characters and visible(memory):
                lines.append(Line(memory.text, memory.said_at, (Recalled(memory, 1.0, {"standing": 1.0}),)))
                characters -= len(memory.text) + DATED
        return lines

    async def rank(self, question: Question, query: Encoding | None, visible: _Visible) -> list[Ranked]:
        """The scoring units, best first."""
        if not len(self.index):
            return []
        rank = partial(
            self.index.rank,
            question.search,
            query,
            now=question.asked_at,
            allowed=self._allowed(visible) if visible.restricts else None,
            limit=CANDIDATES,
        )
        return await asyncio.to_thread(rank) if len(self.index) > LARGE else rank()

    def lines(
        self, question: str, ranked: Sequence[Ranked], visible: _Visible, taken: set[str], characters: int
    ) -> list[Line]:
        """What the messages of these units state that is visible and not taken, one line each, as many as fit."""
        told: dict[str, tuple[Recalled, ...]] = {}
        taken = set(taken)
        for unit in ranked:
            message = self._messages[unit.key - 1]
            found = [memory for memory in self._of(message, visible) if memory.id not in taken]
            taken.update(memory.id for memory in found)
            if found:
                told[str(message)] = tuple(Recalled(memory, unit.relevance, unit.signals) for memory in found)
        candidates = [
            Candidate(message, tuple(recalled.memory.text for recalled in found), DATED)
            for message, found in told.items()
        ]
        lines = []
        for name, text in select(question, candidates, characters):
            kept = tuple(recalled for recalled in told[name] if recalled.memory.text in text)
            lines.append(Line(text, max(recalled.memory.said_at for recalled in kept), kept))
        return lines

    def _allowed(self, visible: _Visible) -> list[int]:
        """The units of messages that state something visible."""
        return [key for key, message in enumerate(self._messages, 1) if self._of(message, visible)]

    def _of(self, message: int, visible: _Visible) -> list[Memory]:
        return [memory for memory in map(self._memories.__getitem__, self._stated.get(message, ())) if visible(memory)]
