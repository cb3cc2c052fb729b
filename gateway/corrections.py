"""Whether what a user says now makes an older statement of theirs untrue: a fitted judge of pairs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp, log10

import numpy as np
import numpy.typing as npt
import Stemmer

from gateway.dense import SPECIAL_IDS, Encoding
from gateway.extract.lexicon import AUXILIARIES, VERBS
from gateway.extract.tokens import Words
from gateway.words import terms

Floats = npt.NDArray[np.float32]

LEARNT = "corrections.txt"
"""Each feature with its weight, and two vectors, as `benchmarks/fit_corrections.py` wrote them."""
STEPS = 100
"""Of a weight, to one; the weights are written as whole numbers."""
LIKELY = 0.4
"""What is over with more than this likelihood is closed: highest share of dialogues understood (`fit_corrections`)."""
NEAREST = 5
"""Older statements that are weighed against a message, the nearest by their vectors."""
_LOOKED_AT = 80
"""Words at the start of a text that count."""
_WEIGHT = re.compile(r"(\S+)\|(-?\d+)")

_PEOPLE = frozenset(
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
_CLASSES = {
    word: name
    for name, listed in {
        "<add>": "also too another second additional plus besides extra",
        "<if>": "if might maybe would could should considering thinking tempted hypothetically perhaps planning wish",
        "<now>": "now nowadays currently",
        "<more>": "anymore longer",
        "<not>": "not no never none nobody nothing",
        "<changed>": "switched changed moved swapped replaced cancelled canceled sold ditched dropped quit left stopped"
        " gave given renamed postponed pushed upgraded downgraded migrated scrapped traded",
    }.items()
    for word in listed.split()
}
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
_OVER = frozenset("not no never none without off gone over out".split())
_EMPTY_VERBS = frozenset("be have do get go will can".split())
_SPEAKER = frozenset(("i", "we", "thing", "verb"))
_TYPES = ("number", "weekday", "month", "count", "name")


@dataclass(frozen=True, slots=True)
class Said:
    """A text as it is judged."""

    words: tuple[str, ...]
    """Plain, punctuation included."""
    classes: tuple[str, ...]
    """Its words; numbers, days, names and people by what they are."""
    terms: frozenset[str]
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
    types: dict[str, set[str]] = {name: set() for name in _TYPES}
    classes = []
    for at, word in enumerate(plain):
        sort = _type(word, at in named)
        if sort:
            types[sort].add(word.rstrip("s") if sort == "weekday" else word)
        classes.append(f"<{sort}>" if sort in ("number", "weekday", "month", "name") else word)
    rare = np.clip(np.log2(1 + np.maximum(0, encoding.tokens - SPECIAL_IDS) / 100) / 7, 0.02, 1.2)
    return Said(
        plain,
        tuple("<person>" if each in _PEOPLE else each for each in classes),
        frozenset(terms(" ".join(plain))),
        {name: frozenset(found) for name, found in types.items()},
        tuple(_subjects(plain, named)),
        frozenset(VERBS[word] for word in plain if word in VERBS) - _EMPTY_VERBS,
        encoding,
        np.asarray(rare, np.float32),
    )


def likelihoods(new: Said, older: Sequence[Said], among: int) -> list[float]:
    """Of each older statement, how likely it is that it is over since the new one was said. `older`: the nearest of
    so many."""
    cosines = [_cosine(new, old) for old in older]
    spoken = list(_spoken(new))
    found = []
    weights, vectors = table()
    at_new = float(vectors[0] @ new.encoding.vector)
    for place, old in enumerate(older):
        best = max(cosines[:place] + cosines[place + 1 :], default=0.0)
        total = at_new + float(vectors[1] @ old.encoding.vector) + weights.get("1", 0.0)
        total += sum(weights.get(name, 0.0) * value for name, value in measured(new, old, best, among).items())
        total += sum(weights.get(name, 0.0) for name in dict.fromkeys([*spoken, *_about(new, old)]))
        found.append(1 / (1 + exp(-max(-30.0, min(30.0, total)))))
    return found


def seen(new: Said, old: Said) -> set[str]:
    """The features of a pair that are there or not."""
    return {*_spoken(new), *_about(new, old)}


@cache
def table() -> tuple[dict[str, float], Floats]:
    """Weights by feature, "1" always there; the weights of the new and of the old vector, one row each."""
    text = (files(__package__) / LEARNT).read_text(encoding="utf-8")
    weights = {name: int(weight) / STEPS for name, weight in _WEIGHT.findall(text)}
    rows = [line.partition(":")[2].split() for line in text.splitlines() if line.startswith("vector:")]
    vectors = np.array([[int(each) / STEPS for each in row] for row in rows], np.float32)
    return weights, vectors


def measured(new: Said, old: Said, best: float, among: int) -> dict[str, float]:
    """The features that are numbers. `best`: the nearest of the other older statements, its cosine; `among`: how many
    older ones there are."""
    cosine = _cosine(new, old)
    shared = new.terms & old.terms
    people, others = _people(new), _people(old)
    found = {
        "cosine": cosine,
        "close": max(0.0, cosine - 0.4),
        "margin": min(0.4, max(-0.4, cosine - best)),
        "nearest": float(cosine >= best),
        "best": best,
        "among": min(1.0, log10(1 + among) / 3),
        "shared": min(3, len(shared)),
        "held": len(shared) / max(1, len(old.terms)),
        "holds": len(shared) / max(1, len(new.terms)),
        "person-new": float(bool(people - others)),
        "person-same": float(bool(people & others)),
        "person-old": float(bool(others - people)),
        "verb-same": float(bool(new.verbs & old.verbs)),
        "verb-old": float(bool(old.verbs)),
        "old-words": min(1.0, len(old.words) / 20),
        "new-words": min(1.0, len(new.words) / 30),
    }
    for count in (1, 2, 3):
        found[f"opens-{count}"] = float(new.words[:count] == old.words[:count])
    for sort in _TYPES:
        was, now = old.types[sort], new.types[sort]
        found[f"{sort}-both"] = float(bool(was and now))
        found[f"{sort}-other"] = float(bool(was and now) and not was & now)
        found[f"{sort}-same"] = float(bool(was & now))
        found[f"{sort}-old"] = float(bool(was))
        found[f"{sort}-gone"] = float(bool(was) and not now)
    return found | _matched(new, old) | _told_of(new, old)


def _matched(new: Said, old: Said) -> dict[str, float]:
    """How well the words of each find a match among those of the other."""
    if not len(old.rare) or not len(new.rare):
        return {}
    match = old.encoding.token_vectors @ new.encoding.token_vectors.T
    of_old, of_new = match.max(axis=1), match.max(axis=0)
    same = np.isin(old.encoding.tokens, new.encoding.tokens) * old.rare
    return {
        "match-old": float(of_old @ old.rare / max(0.01, float(old.rare.sum()))),
        "match-new": float(of_new @ new.rare / max(0.01, float(new.rare.sum()))),
        "same-share": float(same.sum() / max(0.01, float(old.rare.sum()))),
        "same": min(2.0, float(same.sum())),
        "best-two": float(np.sort(of_old * old.rare)[-2:].sum()),
        "unmatched": float((of_old < 0.4).mean()),
    }


def _told_of(new: Said, old: Said) -> dict[str, float]:
    """Whether both tell of the same."""
    sort, subject = old.subjects[0]
    first, whose = new.subjects[0]
    near = {word for word in old.words if len(word) > 3}
    ended = any(
        word in near and not _OVER.isdisjoint(new.words[max(0, at - 4) : at + 5]) for at, word in enumerate(new.words)
    )
    return {
        "subject-again": float(any(subject & words for _, words in new.subjects)),
        "subject-there": float(not subject.isdisjoint(new.words)),
        "other-person": float(any(each == "person" and not words & _people(old) for each, words in new.subjects)),
        "other-person-first": float(first == "person" and not whose & _people(old)),
        "other-name-first": float(first == "name" and whose.isdisjoint(old.words)),
        "own": float(first in _SPEAKER and sort in _SPEAKER),
        "name-first": float(not old.types["name"].isdisjoint(new.words[:4])),
        "over-beside": float(ended),
    }


def _spoken(new: Said) -> Iterator[str]:
    """What the new text says, whatever the old one says."""
    stems = Stemmer.Stemmer("english", 0).stemWords(list(new.classes))
    for word, stem in zip(new.classes, stems, strict=True):
        yield f"w:{stem}"
        if word in _CLASSES:
            yield _CLASSES[word]
    for before, after in zip(("^", *new.classes), (*new.classes, "$"), strict=True):
        yield f"b:{before}_{after}"
    for sort, _ in new.subjects:
        yield f"n:{sort}"


def _about(new: Said, old: Said) -> Iterator[str]:
    """Of what both tell."""
    for count in (1, 2):
        yield "o:" + "_".join(old.words[:count])
    sort, first = old.subjects[0][0], new.subjects[0][0]
    yield from (f"s:{first}", f"p:{sort}", f"s:{first}:{sort}")


def _cosine(new: Said, old: Said) -> float:
    return float(new.encoding.vector @ old.encoding.vector)


def _people(one: Said) -> set[str]:
    return {word for word in one.words if word in _PEOPLE}


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
    if word in _PEOPLE:
        return "person", frozenset((word,))
    if at in named or words[at + 1 : at + 2] in (["'s"], ("'s",)):
        return "name", frozenset((word,))
    if word in VERBS or word.endswith(("ed", "ing")):
        return "verb", frozenset()
    return "other", frozenset((word,))


def _possessed(words: Sequence[str], at: int) -> tuple[str, frozenset[str]]:
    for further in words[at + 1 : at + 5]:
        if further in _PEOPLE:
            return "person", frozenset((further,))
        if further in AUXILIARIES or VERBS.get(further) in ("be", "have", "do", "work"):
            break
    return "thing", frozenset(words[at + 1 : at + 4])
