"""One entity's knowledge graph in this process: what is named leads to what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.domain import USER, Memory, Triple
from gateway.words import terms

MAX_NAMES = 8
"""Names that one question is widened by."""

Node = tuple[str, ...]
"""A name as its terms."""


@dataclass(slots=True)
class Graph:
    """The edges of an entity's memories that hold. A question that names one end of an edge also asks for the other."""

    _edges: dict[str, tuple[Triple, ...]] = field(default_factory=dict)
    """Of each memory."""
    _named: dict[str, dict[str, None]] = field(default_factory=dict)
    """Ids of the memories whose edges hold a term."""

    def put(self, memory: Memory) -> None:
        """Take in a memory's edges as they are now."""
        for triple in self._edges.pop(memory.id, ()):
            for term in _terms(triple):
                self._named.get(term, {}).pop(memory.id, None)
        if memory.triples and memory.status == "active":
            self._edges[memory.id] = memory.triples
            for triple in memory.triples:
                for term in _terms(triple):
                    self._named.setdefault(term, {})[memory.id] = None

    def memories(self, question: str) -> list[str]:
        """Ids of the memories that have an edge to something that the question names."""
        return list(dict.fromkeys(name for term in terms(question) for name in self._named.get(term, ())))

    def neighbours(self, question: str) -> list[str]:
        """Names, one edge away from what the question names, that it does not name itself and something is known of.

        "Where does my sister work?" leads from "sister" to Maria, whose employer may be known under her name.
        """
        asked = set(terms(question))
        found: dict[str, None] = {}
        for memory in self.memories(question):
            for triple in self._edges[memory]:
                for name in _far_ends(triple, asked):
                    if len(found) < MAX_NAMES and self._leads_on(name, memory):
                        found[name] = None
        return list(found)

    def _leads_on(self, name: str, memory: str) -> bool:
        """Whether another memory speaks of this name."""
        return any(other != memory for term in terms(name) for other in self._named.get(term, ()))


def _far_ends(triple: Triple, asked: set[str]) -> list[str]:
    """The ends of an edge that are not asked for by name, of an edge whose relation or other end is."""
    subject, relation, thing = (set(terms(part)) for part in (triple.subject, triple.predicate, triple.object))
    if triple.subject == USER:
        subject = set()
    ends = []
    if thing and not thing & asked and ((relation and relation <= asked) or (subject and subject <= asked)):
        ends.append(triple.object)
    if subject and not subject & asked and thing and thing <= asked:
        ends.append(triple.subject)
    return ends


def _terms(triple: Triple) -> set[str]:
    subject = () if triple.subject == USER else terms(triple.subject)
    return {*subject, *terms(triple.predicate), *terms(triple.object)}
