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


_CAPTION = re.compile(r"\[[^\[\]]*\]")
"""What a client notes in brackets about an attachment: nobody's statement, but all that is known of a picture."""
_NEGATION = re.compile(r"\b(?:not|no|never|without|none|nor)\b|n['\u2019]t\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a line says, as far as a repetition is concerned."""

    words: frozenset[str]
    negations: int

    def repeats(self, other: "_Said") -> bool:
        """Whether no word is new. A single new one (a number, a name, a no) is what it is all about."""
        return bool(self.words) and self.words <= other.words and self.negations == other.negations


def select(question: str, candidates: Sequence[Candidate], characters: int) -> list[tuple[str, str]]:
    """The id and the line of those candidates that fit into `characters`, in their order, one line each.

    A message is told whole if it fits, else by its best sentences, in its order. A line whose
    words an earlier one has all said is passed over."""
    asked = frozenset(terms(question))
    chosen: list[tuple[str, str]] = []
    told: list[_Said] = []
    left = characters
    for candidate in candidates:
        texts = _uncaptioned(asked, candidate.sentences)
        words = [frozenset(terms(text)) for text in texts]
        kept = _fitting(asked, texts, words, left - candidate.overhead)
        line = _joined([texts[at] for at in kept])
        said = _Said(frozenset().union(*(words[at] for at in kept)), len(_NEGATION.findall(line)))
        if not line or any(said.repeats(other) for other in told):
            continue
        chosen.append((candidate.id, line))
        told.append(said)
        left -= len(line) + candidate.overhead
    return chosen


def _joined(texts: Sequence[str]) -> str:
    """One line; a clause that was cut out of a sentence ends with a stop."""
    return " ".join([*map(_ended, texts[:-1]), *texts[-1:]])


def _ended(text: str) -> str:
    return f"{text}." if text[-1:].isalnum() else text


def best_sentences(question: str, texts: Sequence[str]) -> list[int]:
    """The indices of `texts`, those that share the most telling words with the question first, among equals the
    one that says more."""
    return _best(frozenset(terms(question)), [frozenset(terms(text)) for text in texts])


def _best(asked: frozenset[str], words: Sequence[frozenset[str]]) -> list[int]:
    worth = [sum(1.0 - background(term) for term in asked & held) + 0.01 * len(held) for held in words]
    return sorted(range(len(words)), key=lambda at: (-worth[at], at))


def _uncaptioned(asked: frozenset[str], texts: Sequence[str]) -> Sequence[str]:
    """`texts` without captions that the question does not ask for; all where there is nothing else.

    On the conversations they took a seventh of each block.
    """
    kept = [text for text in texts if not _CAPTION.fullmatch(text) or not asked.isdisjoint(terms(text))]
    return kept or texts


def _fitting(asked: frozenset[str], texts: Sequence[str], words: Sequence[frozenset[str]], room: int) -> list[int]:
    """The indices of those of `texts` that fit into one line of `room` characters; none if not even the best does."""
    kept: list[int] = []
    length = -1
    for at in _best(asked, words) if len(texts) > 1 else range(len(texts)):
        size = 1 + len(_ended(texts[at]))
        if length + size <= room and len(kept) < SENTENCES:
            kept.append(at)
            length += size
        elif not kept:
            break
    return sorted(kept)
