"""A text as the judge of corrections reads it: words, what they are, who the clauses are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.dense import SPECIAL_IDS, Encoding
from gateway.extract.lexicon import AUXILIARIES, VERBS
from gateway.extract.tokens import Words
from gateway.words import terms

Floats = npt.NDArray[np.float32]

_LOOKED_AT = 80
"""Words at the start of a text that count."""
PEOPLE = frozenset(
    """mother father sister brother wife husband partner boyfriend girlfriend son daughter kid kids child children
    friend mate colleague boss manager neighbour neighbor aunt uncle cousin grandmother mother-in-law father-in-law
    grandfather gran grandad nan sis bro nephew niece roommate flatmate housemate landlord teacher doctor coach parents
    family fiance fiancee team client ex dog cat people""".split()
)
_WEEK = "monday tuesday wednesday thursday friday saturday sunday"
_WEEKDAYS = frozenset(f"{_WEEK} {_WEEK.replace(' ', 's ')}s".split())
_MONTHS = frozenset("january february march april may june july august september october november december".split())
_COUNTS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve half weekly daily once twice".split()
)
_PRONOUNS = {
    form: name
    for name, listed in {
        "i": "i",
        "we": "we",
        "he": "he she they his her their",
        "it": "it its that this",
        "you": "you",
        "there": "there",
    }.items()
    for form in listed.split()
}
_DETERMINERS = frozenset("the a an all every no some two three one both only".split())
_OPENERS = frozenset(
    """so well actually oh ok okay and but also just now yes yeah yep no update btw fyi finally honestly sadly luckily
    lol hey hi then right anyway correction confession news heads up good bad big great""".split()
)
_CLAUSE_ENDS = frozenset(". ! ? , ; : so and but - —".split())
_EMPTY_VERBS = frozenset("be have do get go will can".split())
TYPES = ("number", "weekday", "month", "count", "name")


@dataclass(frozen=True, slots=True)
class Said:
    """A text as it is judged."""

    words: tuple[str, ...]
    """Plain, punctuation included."""
    terms: frozenset[str]
    """The stems of the words that tell something."""
    types: Mapping[str, frozenset[str]]
    """Its numbers, days, names, by type."""
    subjects: tuple[tuple[str, frozenset[str]], ...]
    """Of each clause: of what sort, and its words."""
    verbs: frozenset[str]
    encoding: Encoding
    rare: Floats
    """Of each of the encoding's tokens, how much it tells."""


def said(text: str, encoding: Encoding) -> Said:
    """`text` with its vectors, ready to be judged."""
    words = Words(text[: 12 * _LOOKED_AT])
    plain = tuple(words.plain[:_LOOKED_AT])
    named = frozenset(at for at in range(1, len(plain)) if words.named(at))
    types: dict[str, set[str]] = {name: set() for name in TYPES}
    for at, word in enumerate(plain):
        sort = _type(word, at in named)
        if sort:
            types[sort].add(word.rstrip("s") if sort == "weekday" else word)
    rare = np.clip(np.log2(1 + np.maximum(0, encoding.tokens - SPECIAL_IDS) / 100) / 7, 0.02, 1.2)
    return Said(
        plain,
        frozenset(root for word in plain for root in terms(word)),
        {name: frozenset(found) for name, found in types.items()},
        tuple(_subjects(plain, named)),
        frozenset(VERBS[word] for word in plain if word in VERBS) - _EMPTY_VERBS,
        encoding,
        np.asarray(rare, np.float32),
    )


def _type(word: str, named: bool) -> str:
    if word[0].isdigit() or (word[0] in "$€£" and len(word) > 1):
        return "number"
    for sort, listed in (("weekday", _WEEKDAYS), ("month", _MONTHS), ("count", _COUNTS)):
        if word in listed:
            return sort
    return "name" if named else ""


def _subjects(words: Sequence[str], named: frozenset[int]) -> Iterator[tuple[str, frozenset[str]]]:
    """Of each clause; at least one."""
    yield _subject(words, named, 0)
    for at, word in enumerate(words[:-1]):
        if word in _CLAUSE_ENDS:
            yield _subject(words, named, at + 1)


def _subject(words: Sequence[str], named: frozenset[int], start: int) -> tuple[str, frozenset[str]]:
    at, stop = start, min(len(words), start + 5)
    while at < stop and (words[at] in _OPENERS or not words[at][0].isalnum()):
        at += 1
    if at >= len(words):
        return "none", frozenset()
    word = words[at]
    if word in ("my", "our"):
        return _possessed(words, at)
    if word in _PRONOUNS:
        return _PRONOUNS[word], frozenset()
    if word in _DETERMINERS:
        return "the", frozenset(words[at + 1 : at + 3])
    if word in PEOPLE:
        return "person", frozenset((word,))
    if at in named or words[at + 1 : at + 2] in (["'s"], ("'s",)):
        return "name", frozenset((word,))
    if word in VERBS or word.endswith(("ed", "ing")):
        return "verb", frozenset()
    return "other", frozenset((word,))


def _possessed(words: Sequence[str], at: int) -> tuple[str, frozenset[str]]:
    for further in words[at + 1 : at + 5]:
        if further in PEOPLE:
            return "person", frozenset((further,))
        if further in AUXILIARIES or VERBS.get(further) in ("be", "have", "do", "work"):
            break
    return "thing", frozenset(words[at + 1 : at + 4])
