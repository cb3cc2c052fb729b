"""What an entity's memories have to say to a question, within a deadline, and nothing of anybody else's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate

from gateway.config import MemoryConfig, ProcessConfig, RecallConfig
from gateway.dense import pack
from gateway.domain import NOBODY, Line, Memory, Recalled, Scope
from gateway.embed import Embedder, EmbeddingError, Encoding
from gateway.entity import CANDIDATES, Entity
from gateway.indexes import MOST, Indexes, Refresh, refreshed
from gateway.prompt import DATED, FRAME
from gateway.relevance import admitted
from gateway.store import Store
from gateway.words import terms

CHARACTERS = 4
"""Of a token, by estimate."""
SHORT = 3
"""Terms; a question with fewer is read together with the message before it."""
ENCODING = 0.1
"""Seconds that the question's vectors may take; without them its words have to do."""

JUST_SAID = 2
"""Scoring units whose vectors a question waits for."""
LENDING = 0.6
"""Share of the deadline that a ranking may take whose vectors are elsewhere; without them words have to do."""

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
    back_dated: bool = False
    """The request says when it takes place: what held then is recalled."""
    tokens: int | None = None
    """Of the block; None: what the configuration says of one block, and of all of a session."""

    @property
    def search(self) -> str:
        """What is looked for."""
        return looked_for(self.text, self.before)


@dataclass(frozen=True, slots=True)
class Begun:
    """What a question needs, begun before all of it is known."""

    embedder: Embedder | None
    refresh: Refresh
    search: str
    encoding: asyncio.Task[Encoding | None] | None
    """Of `search`."""


def looked_for(text: str, before: str) -> str:
    """The text, with the message before it if it is short."""
    return f"{before}\n{text}" if before and len(terms(text)) < SHORT else text


class Recall:
    """Asks the indexes of the entities.

    `embedder` gives the embedder that is ready now, None while there is none: recall then goes by words alone. Used as
    an async context, which owns their loading.
    """

    def __init__(
        self,
        store: Store,
        memory: MemoryConfig,
        processes: dict[str, ProcessConfig],
        embedder: Callable[[], Embedder | None],
        most: int = MOST,
    ) -> None:
        """`most`: messages of an entity whose vectors are kept here, where the store can compare them itself."""
        self._indexes = Indexes(store, most)
        self._embedder = embedder
        self._limits: RecallConfig = memory.recall
        self._closed_by_default = memory.sharing == "process"
        self._rules = {name: rule.sharing for name, rule in processes.items() if rule.sharing}
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Recall:
        await self._indexes.__aenter__()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tasks.__aexit__(None, None, None)
        await self._indexes.__aexit__()

    def begin(self, scope: Scope, search: str) -> Begun:
        """Begin with what takes longest: the entity's index, and the vectors of what is likely looked for."""
        embedder = self._embedder()
        encoding = self._tasks.create_task(_in_time(embedder.encode_query, search)) if embedder and search else None
        return Begun(embedder, self._indexes.begin(scope, embedder.id if embedder else None), search, encoding)

    async def recall(self, scope: Scope, question: Question, begun: Begun | None = None) -> list[Line]:
        """The lines of a new block, at most one block's tokens: standing memories, then what bears on the question.

        What the process knows by itself comes before what is known of the entity, and takes at most half. Raises
        StoreError where the store cannot answer.
        """
        tokens = min(self._limits.tokens, self._limits.session_tokens - question.spent)
        left = (question.tokens or tokens) * CHARACTERS - FRAME
        if left <= 0:
            return []
        begun = begun or self.begin(scope, question.search)
        embedder, encoding = begun.embedder, begun.encoding
        if embedder and (encoding is None or begun.search != question.search):
            encoding = self._tasks.create_task(_in_time(embedder.encode_query, question.search))
        entity = await refreshed(begun.refresh)
        knowledge = None
        if entity.knowledge and scope.entity != NOBODY:
            knowledge = await self._indexes.current(replace(scope, entity=NOBODY), embedder.id if embedder else None)
        query = await encoding if encoding else None
        lines: list[Line] = []
        if question.first:
            room = min(self._limits.standing_tokens * CHARACTERS, left)
            lines = entity.standing(_Visible(self, entity, scope, question), room)
        if knowledge:
            nobody = replace(scope, entity=NOBODY)
            lines += await self._told(knowledge, embedder, query, nobody, question, lines, (left - _size(lines)) // 2)
        return lines + await self._told(entity, embedder, query, scope, question, lines, left - _size(lines))

    async def search(
        self, scope: Scope, query: str, wanted: Callable[[Memory], bool], *, asked_at: datetime, limit: int
    ) -> list[Recalled]:
        """The wanted memories of the scope's entity, best first, whether or not they would be told in a chat.

        No score is below one that comes after it. Raises StoreError where the store cannot answer.
        """
        embedder = self._embedder()
        entity = await self._indexes.current(scope, embedder.id if embedder else None)
        search = entity.widened(query)
        encoding = await _in_time(embedder.encode_query, search) if embedder else None
        if embedder and encoding:
            await self._complete(entity, embedder)
        async with entity.lock:
            lender = self._indexes.lender(entity, scope, LENDING * self._limits.deadline)
            ranked = await entity.rank(search, encoding, asked_at, wanted, max(limit, CANDIDATES), lender)
            found = entity.found(query, ranked, wanted)[:limit]
        scores = list(accumulate((recalled.score for recalled in reversed(found)), max))
        return [replace(recalled, score=score) for recalled, score in zip(found, reversed(scores), strict=True)]

    async def _told(
        self,
        entity: Entity,
        embedder: Embedder | None,
        query: Encoding | None,
        scope: Scope,
        question: Question,
        above: Sequence[Line],
        characters: int,
    ) -> list[Line]:
        """What an entity has to say to the question besides the lines above, within so many characters."""
        if embedder and query:
            await self._complete(entity, embedder)
        search = entity.widened(question.search)
        if embedder and query and search != question.search:
            query = await _in_time(embedder.encode_query, search)
        visible = _Visible(self, entity, scope, question)
        async with entity.lock:
            only = visible if visible.restricts else None
            lender = self._indexes.lender(entity, scope, LENDING * self._limits.deadline)
            ranked = await entity.rank(search, query, question.asked_at, only, lender=lender)
        taken = {recalled.memory.id for line in above for recalled in line.memories}
        named = entity.named(question.text, visible)
        told = admitted(entity.telling(search, ranked, visible, taken), self._limits.gate, company=not named)
        return entity.lines(question.text, named, told, visible, taken, characters)

    async def _complete(self, entity: Entity, embedder: Embedder) -> None:
        """Make the vectors of what was said a moment ago, which the background work has not come to yet."""
        for unit, text in entity.without_vectors(JUST_SAID):
            encoding = await _in_time(embedder.encode_now, text)
            if encoding is None:
                return
            async with entity.lock:
                entity.attach([(unit, pack(encoding))])

    def closed(self, process: str) -> bool:
        """What this process learns stays in it, and it sees nothing that others learnt."""
        rule = self._rules.get(process)
        return rule == "process" if rule else self._closed_by_default

    @property
    def restricts(self) -> bool:
        """Some process is closed."""
        return self._closed_by_default or "process" in self._rules.values()


async def _in_time(encode: Callable[[str], Awaitable[Encoding]], text: str) -> Encoding | None:
    """The text's vectors; None if they are not there in time."""
    try:
        async with asyncio.timeout(ENCODING):
            return await encode(text)
    except TimeoutError:
        return None
    except EmbeddingError as error:
        _log.warning("question not encoded", extra={"reason": str(error)})
        return None


def _size(lines: Sequence[Line]) -> int:
    """Characters of these lines in a block."""
    return sum(len(line.text) + DATED for line in lines)


class _Visible:
    """Whether a memory may be in this request's block."""

    def __init__(self, recall: Recall, entity: Entity, scope: Scope, question: Question) -> None:
        self._recall, self._entity, self._scope, self._question = recall, entity, scope, question
        self._narrow = question.narrow or recall.closed(scope.process)
        self._now = question.asked_at
        self.restricts = self._narrow or recall.restricts
        """Some of the entity's memories may be out of bounds for reasons that ranking should know."""

    def __call__(self, memory: Memory) -> bool:
        scope, question = self._scope, self._question
        return (
            self._holds(memory)
            and (memory.process == scope.process or (memory.process == "" and scope.entity != NOBODY))
            and memory.session in ("", scope.session)
            and (not self.restricts or self._shared(memory))
            and memory.id not in question.shown
            and not question.present.intersection(memory.sources)
            and memory.text not in question.said
        )

    def _holds(self, memory: Memory) -> bool:
        """It is current, or was so when the request takes place."""
        if memory.expires_at and memory.expires_at <= self._now:
            return False
        if not self._question.back_dated:
            return memory.status == "active"
        began = memory.valid_from <= self._now and memory.status in ("active", "superseded")
        return began and (memory.valid_to is None or self._now < memory.valid_to)

    def _shared(self, memory: Memory) -> bool:
        """It was learnt in this process, or may leave one that it was learnt in."""
        processes = self._entity.processes(memory)
        if self._scope.process in processes:
            return True
        return not self._narrow and not all(map(self._recall.closed, processes))
