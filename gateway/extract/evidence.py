"""Whether a text says what its sources say: words, names, numbers, and a "not"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from gateway.words import asks, fold, foreign, sentences, terms

SUPPORT = 0.6
"""Share of a text's content words that its sources must hold."""
SAME = 0.8
"""Share of a question's content words that make a text its affirmation."""
ALIKE = 0.5
"""Share of common content words from which on two memories may say the same."""

_WORD = re.compile(r"[^\W_](?:[\w'\u2019.-]*[^\W_])?(?:\+\+|#)?")
_TIES = (
    "user person people someone they their own owns has have had like likes loves prefer prefers preference"
    " favourite favorite enjoy enjoys want wants plan plans work works live lives use uses play plays study"
    " studies speak speaks know knows call called name named say says stated mention mentions moved goes go went"
    " is was born currently now also new today since because about dislike dislikes hate hates avoid avoids drive"
    " drives visit visits practise practises learn learns learning keep keeps need needs allergic married planning"
    " remember"
)
"""Words that tie a statement together and are nobody's in particular."""
_CLAUSES = re.compile(r"[,;:] ")
_NOT = frozenset(
    "not no never none nobody nothing without neither nor cannot stopped stop quit quitted dislike dislikes hate"
    " hates longer anymore avoid avoids gave given lost sold left kein keine keinen nicht nie"
    " ne pas jamais não nunca nao non mai sin sem ohne".split()
)
_TAKEN_BACK = frozenset(
    "forget delete remove ignore disregard scratch wrong mistake mistaken actually correction sorry untrue false"
    " anymore over cancelled canceled outdated changed joking kidding erase".split()
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or a clause of one."""

    text: str
    words: frozenset[str]
    """Its content words."""
    negated: bool
    asks: bool
    clauses: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a text has to be drawn from."""

    words: frozenset[str]
    numbers: frozenset[str]
    pieces: tuple[Piece, ...]


def evidence(texts: Iterable[str]) -> Evidence:
    """The evidence of several texts."""
    kept = [text for text in texts if text]
    return Evidence(
        frozenset(term for text in kept for term in terms(text)),
        frozenset(number for text in kept for number in numbers(text)),
        tuple(_piece(text) for whole in kept for text in sentences(whole)),
    )


def _piece(text: str, *, clause: bool = False) -> Piece:
    clauses = [] if clause else _CLAUSES.split(text)
    inner = tuple(_piece(part, clause=True) for part in clauses) if len(clauses) > 1 else ()
    return Piece(text, _content(text), negated(text), asks(text) and (clause or not text.endswith(".")), inner)


def says(text: str, given: Evidence, *, share: float = SUPPORT) -> bool:
    """Whether the evidence holds the text: most content words, every name and number, and the same "not"."""
    content = _content(text)
    told = content & given.words
    if not told or len(told) < share * len(content - (_glue() - given.words)):
        return False
    if not numbers(text) <= given.numbers:
        return False
    if not _names(text, given.words) <= given.words:
        return False
    return _agrees(text, content, given)


def supports(text: str, given: Evidence) -> bool:
    """Whether every content word of a short text, such as an edge's object, is in the evidence."""
    content = _content(text)
    return bool(content) and content <= given.words


def related(one: str, other: str) -> bool:
    """Whether two texts share a content word that is not mere glue."""
    return bool((_content(one) & _content(other)) - _glue())


def alike(one: str, other: str) -> bool:
    """Whether two texts may say the same: many common words, and no number, name or "not" that differs."""
    first, second = _content(one), _content(other)
    if not first or len(first & second) < ALIKE * len(first | second):
        return False
    both = frozenset(first & second)
    return (
        numbers(one) == numbers(other)
        and negated(one) == negated(other)
        and _names(one, both) | both == _names(other, both) | both
    )


def negated(text: str) -> bool:
    """Whether a "not" is in the text, in one of the forms that are known."""
    words = [word.replace("\u2019", "'") for word in _WORD.findall(fold(text))]
    return any(word in _NOT or word.endswith("n't") for word in words)


def takes_back(text: str) -> bool:
    """Whether something is taken back; what cannot be read is given the benefit of the doubt."""
    return negated(text) or foreign(text) or not _TAKEN_BACK.isdisjoint(_WORD.findall(fold(text)))


def numbers(text: str) -> frozenset[str]:
    """The words with digits in them."""
    return frozenset(word for word in _WORD.findall(fold(text)) if any(map(str.isdigit, word)))


def _content(text: str) -> frozenset[str]:
    return frozenset(terms(text)) - _negations()


@cache
def _glue() -> frozenset[str]:
    return frozenset(terms(_TIES))


@cache
def _negations() -> frozenset[str]:
    return frozenset(terms(" ".join(_NOT)))


def _names(text: str, given: frozenset[str]) -> frozenset[str]:
    """Terms of the words that are written as names; the first word of a sentence only where it is no common one."""
    found: set[str] = set()
    for piece in sentences(text):
        for place, word in enumerate(_WORD.findall(piece)):
            if not word[0].isupper():
                continue
            words = terms(word)
            if place or not _glue().issuperset(words):
                found.update(words)
    return frozenset(found)


def _agrees(text: str, content: frozenset[str], given: Evidence) -> bool:
    """Whether a sentence that speaks of the same, or a clause of it that says nearly all, has the same "not"; one that
    merely asks for it does not count."""
    wanted, spoken = negated(text), False
    for piece in given.pieces:
        shared = len(content & piece.words)
        if shared * 2 < len(content):
            continue
        spoken = True
        if piece.negated == wanted and not (piece.asks and shared >= SAME * len(piece.words)):
            return True
        for clause in piece.clauses:
            told = len(content & clause.words) >= SAME * len(content)
            if told and clause.negated == wanted and not clause.asks:
                return True
    return not spoken
