"""What goes into a block: which sentences of which messages, best first, within a budget of characters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.lexical import background
from gateway.words import terms

SENTENCES = 12
"""Sentences of one message in a block, so that a pasted page cannot fill it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message, or a memory, that may be told."""

    id: str
    sentences: tuple[str, ...]
    """What of it may be told, in its order."""
    overhead: int
    """Characters that its line takes besides the sentences: date, dashes, line end."""


_NEGATION = re.compile(r"\b(?:not|no|never|without|none|nor)\b|n['\u2019]t\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a line says, as far as a repetition is concerned."""

    words: frozenset[str]
    negations: int

    def repeats(self, other: "_Said") -> bool:
        """Whether no word is new. A single new one (a number, a name, a no) is what it is all about."""
        return bool(self.words) and self.words <= other.words and self.negations == other.negations


def best_sentences(question: str, texts: Sequence[str]) -> list[int]:
    """The indices of `texts`, those that share the most telling words with the question first, among equals the
    one that says more."""
    asked = set(terms(question))
    held = [set(terms(text)) for text in texts]
    worth = [sum(1.0 - background(term) for term in asked & words) + 0.01 * len(words) for words in held]
    return sorted(range(len(texts)), key=lambda at: (-worth[at], at))


def select(question: str, candidates: Sequence[Candidate], characters: int) -> list[tuple[str, str]]:
    """The id and the line of those candidates that fit into `characters`, in their order, one line each.

    A message is told whole if it fits, else by its best sentences, in its order. A line whose
    words an earlier one has all said is passed over."""
    chosen: list[tuple[str, str]] = []
    told: list[_Said] = []
    left = characters
    for candidate in candidates:
        line = _line(question, candidate.sentences, left - candidate.overhead)
        said = _Said(frozenset(terms(line)), len(_NEGATION.findall(line)))
        if not line or any(said.repeats(other) for other in told):
            continue
        chosen.append((candidate.id, line))
        told.append(said)
        left -= len(line) + candidate.overhead
    return chosen


def _line(question: str, texts: Sequence[str], room: int) -> str:
    """`texts` in one line of at most `room` characters; empty if not even the best sentence fits."""
    kept: set[int] = set()
    length = -1
    for at in best_sentences(question, texts) if len(texts) > 1 else range(len(texts)):
        if length + 1 + len(texts[at]) <= room and len(kept) < SENTENCES:
            kept.add(at)
            length += 1 + len(texts[at])
        elif not kept:
            return ""
    return " ".join(texts[at] for at in sorted(kept))
