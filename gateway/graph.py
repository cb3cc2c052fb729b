"""One entity's knowledge graph in this process: who is named leads to how else they are spoken of."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.domain import USER, Memory, Triple
from gateway.extract.subjects import is_tie
from gateway.words import terms

MAX_NAMES = 4
"""Names that one question is widened by."""


@dataclass(frozen=True, slots=True)
class _Tie:
    """An edge between somebody and a person, or an animal, of theirs."""

    triple: Triple
    owner: frozenset[str]
    """Terms; none: the user."""
    relation: frozenset[str]
    name: frozenset[str]


@dataclass(slots=True)
class Graph:
    """The ties that hold, by what they are called.

    One hop: a question about "my sister" is also one about Maria, and the other way round.
    """

    _ties: dict[str, tuple[_Tie, ...]] = field(default_factory=dict)
    """Of each memory."""
    _named: dict[str, dict[str, None]] = field(default_factory=dict)
    """Ids of the memories whose ties hold a term."""

    def put(self, memory: Memory) -> None:
        """Take in a memory's ties as they are now."""
        for tie in self._ties.pop(memory.id, ()):
            for term in tie.relation | tie.name:
                self._named.get(term, {}).pop(memory.id, None)
        if memory.status != "active":
            return
        ties = tuple(_tie(triple) for triple in memory.triples if is_tie(triple.predicate))
        if ties:
            self._ties[memory.id] = ties
        for tie in ties:
            for term in tie.relation | tie.name:
                self._named.setdefault(term, {})[memory.id] = None

    def neighbours(self, question: str) -> list[str]:
        """What those whom the question names are called besides, if it does not say so itself."""
        if not self._ties:
            return []
        asked = frozenset(terms(question))
        memories = dict.fromkeys(memory for term in asked for memory in self._named.get(term, ()))
        found = dict.fromkeys(
            name for memory in memories for tie in self._ties[memory] for name in _other_names(tie, asked)
        )
        return list(found)[:MAX_NAMES]


def _tie(triple: Triple) -> _Tie:
    owner = frozenset() if triple.subject == USER else frozenset(terms(triple.subject))
    return _Tie(triple, owner, frozenset(terms(triple.predicate)), frozenset(terms(triple.object)))


def _other_names(tie: _Tie, asked: frozenset[str]) -> list[str]:
    """The name where the relation is asked for, the relation where the name is."""
    if tie.relation and tie.relation <= asked and tie.owner <= asked and not tie.name & asked:
        return [tie.triple.object]
    if tie.name and tie.name <= asked and not tie.relation & asked:
        return [tie.triple.predicate]
    return []
