"""One entity's memories in this process: the index over its messages, and the lines that they make."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice

from gateway import lending, wanted
from gateway.domain import USER, Changes, Line, Memory, Recalled, Said
from gateway.embed import Encoding
from gateway.graph import Graph
from gateway.prompt import DATED
from gateway.ranking import EntityIndex
from gateway.selection import Candidate, best_sentences, select
from gateway.units import Ranked, Unit
from gateway.words import cut, label, terms

CANDIDATES = 100
"""Scoring units that selection looks at."""
LARGE = 10_000
"""Scoring units; an entity with more is ranked in a thread."""

NAMED = 5
"""Memories of a fact that a question asks for by name, the newest."""

Visible = Callable[[Memory], bool]
"""Whether a memory may be told to the request at hand."""


@dataclass(slots=True)
class Entity:
    """One entity's memories and the index over the messages that state them."""

    epoch: int = 0
    embedder: str | None = None
    sequence: int = 0
    knowledge: int = 0
    """The sequence number of what the tenant's processes know by themselves."""
    index: EntityIndex = field(default_factory=EntityIndex)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _memories: dict[str, Memory] = field(default_factory=dict)
    _standing: dict[str, Memory] = field(default_factory=dict)
    _stated: dict[int, dict[str, None]] = field(default_factory=dict)
    """Ids of the memories that a message states, in order."""
    _first: dict[int, int] = field(default_factory=dict)
    """The first scoring unit of a message."""
    _bare: dict[int, str] = field(default_factory=dict)
    """Texts of the scoring units that have no vectors yet."""
    _messages: list[int] = field(default_factory=list)
    """Key of the message, or of the memory, that each scoring unit is part of."""
    _processes: dict[int, str] = field(default_factory=dict)
    """In which process a message was said."""
    _graph: Graph = field(default_factory=Graph)
    _facts: dict[str, dict[str, None]] = field(default_factory=dict)
    """Ids of the memories with such a predicate about the user (`wanted.PREDICATES`)."""

    @property
    def size(self) -> int:
        """Bytes, roughly."""
        return self.index.nbytes + 600 * len(self._memories) + 200 * len(self._messages)

    def clear(self, epoch: int, embedder: str | None) -> None:
        """Forget everything: it was erased, or its vectors are another embedder's."""
        self.epoch, self.embedder, self.sequence, self.knowledge = epoch, embedder, 0, 0
        self.index = EntityIndex()
        self._memories, self._standing, self._stated = {}, {}, {}
        self._first, self._bare, self._messages = {}, {}, []
        self._processes, self._graph, self._facts = {}, Graph(), {}

    def apply(self, changes: Changes) -> None:
        """Take in what changed in the store."""
        self.index.add([unit for message in changes.messages for unit in self._units(message)])
        gone: list[int] = []
        for memory in changes.memories:
            gone += self._replace(memory)
        if gone:
            self.index.remove(gone)
        self.take_vectors(changes.encodings)
        self.sequence = changes.sequence

    def take_vectors(self, encodings: Sequence[tuple[int, int, bytes]]) -> None:
        """Take in vectors, given the key of their message or memory and the number of the piece."""
        first = self._first
        self.attach([(first[key] + piece, packed) for key, piece, packed in encodings if key in first])

    def _replace(self, memory: Memory) -> list[int]:
        """Take in a memory as it is now; returns the units that no longer stand for it."""
        gone: list[int] = []
        before = self._memories.get(memory.id)
        if before and before.key and before.key != memory.key:
            first = self._first.pop(before.key)
            gone = [unit for unit in range(first, len(self._messages) + 1) if self._messages[unit - 1] == before.key]
            del self._stated[before.key]
            for unit in gone:
                self._bare.pop(unit, None)
        for key in set(before.sources).difference(memory.sources) if before else ():  # they state it no more
            self._stated[key].pop(memory.id)
        for predicate in _predicates(before) if before else ():
            self._facts[predicate].pop(memory.id, None)
        for predicate in _predicates(memory):
            self._facts.setdefault(predicate, {})[memory.id] = None
        self._memories[memory.id] = memory
        self._graph.put(memory)
        self._standing.pop(memory.id, None)
        if memory.standing:
            self._standing[memory.id] = memory
        for key in memory.sources:
            self._stated.setdefault(key, {})[memory.id] = None
        if memory.key and memory.key not in self._first:
            said = Said(memory.key, memory.process, f"\n{memory.id}", memory.text, memory.said_at)
            self.index.add(self._units(said))
            self._stated[memory.key] = {memory.id: None}
        return gone

    def _units(self, message: Said) -> list[Unit]:
        pieces = cut(message.text)
        first = self._first[message.key] = len(self._messages) + 1
        self._processes[message.key] = message.process
        self._messages += [message.key] * len(pieces)
        thread = f"{message.process}\n{message.session}"
        speaker = label(message.text)
        self._bare.update(enumerate(pieces, first))
        return [Unit(first + i, thread, piece, message.said_at, speaker) for i, piece in enumerate(pieces)]

    def let_go(self) -> None:
        """It is too large for all of its vectors to be here."""
        self.index.let_go()

    def standing(self, visible: Visible, characters: int) -> list[Line]:
        """The visible standing memories, oldest first; where they do not all fit, the newest."""
        lines: list[Line] = []
        for memory in sorted(self._standing.values(), key=lambda memory: memory.said_at, reverse=True):
            if len(memory.text) + DATED <= characters and visible(memory):
                lines.insert(0, Line(memory.text, memory.said_at, (Recalled(memory, 1.0, {"standing": 1.0}),)))
                characters -= len(memory.text) + DATED
        return lines

    def processes(self, memory: Memory) -> set[str]:
        """In which processes a memory was learnt."""
        return {memory.learnt_process, *(self._processes.get(key, memory.learnt_process) for key in memory.sources)}

    def widened(self, question: str) -> str:
        """The question with the names that the knowledge graph leads to from what it names."""
        return " ".join([question, *self._graph.neighbours(question)])

    def without_vectors(self, limit: int) -> list[tuple[int, str]]:
        """The newest units that have no vectors yet, with their texts."""
        return list(islice(reversed(self._bare.items()), limit))

    def attach(self, encodings: Sequence[tuple[int, bytes]]) -> None:
        """Take in the vectors of scoring units."""
        self.index.attach(encodings)
        for unit, _ in encodings:
            self._bare.pop(unit, None)

    def telling(self, question: str, ranked: Sequence[Ranked], visible: Visible, taken: set[str]) -> list[Ranked]:
        """The units that state something visible which is not taken: only these can open a block."""
        asked = frozenset(terms(question))
        found = []
        for unit in ranked:
            message = self._messages[unit.key - 1]
            told = self._of(message, visible)
            if any(memory.id not in taken for memory in told) and not self._outlived(message, told, asked):
                found.append(unit)
        return found

    def _outlived(self, message: int, told: Sequence[Memory], asked: frozenset[str]) -> bool:
        """What the message still tells has no word that is asked for, while what it told once has."""
        over = [memory for memory in map(self._memories.__getitem__, self._stated[message]) if memory.valid_to]
        if not over or not any(not asked.isdisjoint(terms(memory.text)) for memory in over if memory not in told):
            return False
        return all(asked.isdisjoint(terms(memory.text)) for memory in told)

    async def rank(
        self,
        question: str,
        query: Encoding | None,
        now: datetime,
        only: Visible | None,
        limit: int = CANDIDATES,
        lender: lending.Lender | None = None,
    ) -> list[Ranked]:
        """The scoring units, best first; those that state nothing that `only` lets through are left out.

        `lender` knows the vectors of an entity that `let_go` of them; in its absence, or silence, words have to do.
        """
        allowed = self._allowed(only) if only else None
        if not len(self.index) or allowed == []:
            return []
        if self.index.distant and query:
            asked = lending.Asked(question, query, now, allowed, limit)
            ranked = await lending.rank(self.index, self._messages, lender, asked) if lender else None
            if ranked is not None:
                return ranked
            query = None
        rank = partial(self.index.rank, question, query, now=now, allowed=allowed, limit=limit)
        return await asyncio.to_thread(rank) if len(self.index) > LARGE else rank()

    def found(self, question: str, ranked: Sequence[Ranked], visible: Visible) -> list[Recalled]:
        """The visible memories that these units state, best first, what the question asks for by name above all."""
        found = {recalled.memory.id: recalled for recalled in self.named(question, visible)}
        for unit in ranked:
            told = self._of(self._messages[unit.key - 1], visible)
            for at in best_sentences(question, [memory.text for memory in told]):
                found.setdefault(told[at].id, Recalled(told[at], unit.relevance, unit.signals))
        return list(found.values())

    def lines(
        self,
        question: str,
        named: Sequence[Recalled],
        ranked: Sequence[Ranked],
        visible: Visible,
        taken: set[str],
        characters: int,
    ) -> list[Line]:
        """What is asked for by name, then what the messages of these units state that is visible and not taken, one
        line each, as many as fit."""
        told: dict[str, tuple[Recalled, ...]] = {
            recalled.memory.id: (recalled,) for recalled in named if recalled.memory.id not in taken
        }
        taken = taken.union(told)
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

    def named(self, question: str, visible: Visible) -> list[Recalled]:
        """What the question asks for by name: all of a kind, or what is known of a fact, newest first."""
        facts = {memory for predicate in wanted.predicates(question) for memory in self._facts.get(predicate, ())}
        found = [Recalled(memory, 1.0, {"fact": 1.0}) for memory in self._newest(facts) if visible(memory)][:NAMED]
        if kinds := wanted.kinds(question):
            of_kind = [
                memory.id for memory in self._memories.values() if memory.kind in kinds and memory.id not in facts
            ]
            found += [Recalled(memory, 1.0, {"kind": 1.0}) for memory in self._newest(of_kind) if visible(memory)]
        return found

    def _newest(self, memories: Iterable[str]) -> list[Memory]:
        return sorted(map(self._memories.__getitem__, memories), key=lambda memory: memory.said_at, reverse=True)

    def _allowed(self, visible: Visible) -> list[int]:
        """The units of messages that state something visible."""
        return [key for key, message in enumerate(self._messages, 1) if self._of(message, visible)]

    def _of(self, message: int, visible: Visible) -> list[Memory]:
        return [memory for memory in map(self._memories.__getitem__, self._stated.get(message, ())) if visible(memory)]


def _predicates(memory: Memory) -> set[str]:
    """What the memory says of the user that questions ask for by name."""
    return {t.predicate for t in memory.triples if t.subject == USER and t.predicate in wanted.PREDICATES}
