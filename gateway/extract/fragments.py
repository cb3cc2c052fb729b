"""What of a statement can be over while the rest of it still holds."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from gateway.extract.clauses import joints
from gateway.extract.lexicon import ADVERBS, AUXILIARIES, BE, PETS, PROFESSIONALS, TIES, TIES_OF_ONE, VERBS
from gateway.extract.sayings import ORDERS
from gateway.extract.tokens import Words

LEAST = 3
"""Words of a fragment; a shorter one belongs to its neighbour."""
MOST = 6
"""Fragments of one statement; the last one is the rest of it."""
_BINDING = frozenset("so because cause cuz cos since as though although while yet or then ( )".split())
"""Where this stands between them, one of two clauses tells why, or what follows: they are one fragment."""
_OWN = frozenset("i we my our".split())
_NOMINAL = frozenset("my our the his her their a an".split())
_PRONOUNS = frozenset("it its this that these those he she they his her their there".split())
_POINTING = _PRONOUNS | frozenset("them him one ones".split())
_OF_WHOM = frozenset("him her them his their there".split())
_ANIMATE = frozenset("he she".split())
_SHARING = frozenset("i we you he she it they who that which whom whose where".split())
"""What a clause within a subject begins with: "the dog we took in"."""
_LIVING = TIES | PETS | frozenset(PROFESSIONALS)
_FILLED = TIES_OF_ONE - {"mother", "father"} | frozenset(PROFESSIONALS)
"""Who is somebody else when called otherwise."""
_ATTRIBUTES = frozenset("name age job birthday address number email employer title role favourite surname".split())
_LEADING = frozenset("in at on of for as with from by near without since until till".split())
_DURING = frozenset("since until till year years yrs month months week weeks day days now currently".split())
_RELATIVE = frozenset("who which whose except nor neither".split())
_LOST = frozenset(
    """
    sold gave given died dead killed buried lost stolen scrapped totalled divorced broke split rehomed anymore
    """.split()
)
_LOST_TOO = tuple(map(frozenset, (("passed", "away"), ("put", "down"), ("put", "sleep"), ("longer", "have"))))
"""In a message, also apart: what it speaks of is no longer there at all."""
_LONGEST = 6
"""Words of a subject."""
TOO_LONG = 1000
"""Characters of what is not looked into."""


def fragments(text: str) -> list[str]:
    """A statement's clauses and asides, in order."""
    words = Words(text)
    return [_between(words, *span) for span in _spans(words)]


def rest(text: str, over: Collection[int], by: str, stays: Collection[int] = ()) -> str:
    """A statement without those of its fragments (by their places) that are over since `by` was said, and without what
    hangs on them, but for what surely `stays`; of whom it speaks is said before what is left, if that went. Empty:
    nothing is left."""
    words = Words(text)
    spans = _spans(words)
    told_by = set(Words(by).plain)
    lost = not _LOST.isdisjoint(told_by) or any(both <= told_by for both in _LOST_TOO)
    left: list[int] = []
    for place, span in enumerate(spans):
        apart = place == 0 or place in stays or place - 1 in left
        hangs = not apart and _hangs(words, spans[place - 1], span, lost)
        if place not in over and not hangs:
            left.append(place)
    if not left:
        return ""
    told = _between(words, *spans[left[0]])
    for one, other in pairwise(left):
        beside = words.text[words.end(spans[one][1] - 1) : words.start(spans[other][0])]
        told += (beside if other - one == 1 else ", ") + _between(words, *spans[other])
    return told if left[0] == 0 else _of(words, spans[0], spans[left[0]][0], told)


def _hangs(words: Words, before: tuple[int, int], span: tuple[int, int], lost: bool) -> bool:
    """Whether a fragment is over with the one before it: it tells of what that names ("she hates mornings"), or says
    nothing by itself ("30 years now")."""
    plain = words.plain
    start, stop = span
    main = plain[before[0]]
    if plain[start] in _PRONOUNS:
        purpose = plain[start] in ("it", "its") and not (_OWN | {"for"}).isdisjoint(plain[start + 1 : start + 4])
        return not purpose and (lost or not _goes_on(words, before, span))  # "it's my third year", "it's for work"
    if plain[start] in _RELATIVE:
        return True
    itself = plain[start] in _OWN or plain[start] in _NOMINAL - {"a", "an"}
    if itself:
        return _of_whom(words, span) and (lost or not _goes_on(words, before, span))
    verb = start + (plain[start] in ADVERBS)
    if not _verbal(words, verb, verb + 1):
        following = plain[verb + 1 : min(stop, verb + 4)]
        if (_verbal(words, verb + 1, min(stop, verb + 4)) or "'s" in following) and plain[start] not in _LEADING:
            return not _OF_WHOM.isdisjoint(plain[start:stop]) and not _goes_on(
                words, before, span
            )  # "bills come on top"
        if main not in ("i", "we"):
            stale = _of_whom(words, span) and not _goes_on(words, before, span)
            return stale or not _DURING.isdisjoint(plain[start:stop])
        return plain[start] in _LEADING or plain[start] in ("a", "an") or plain[start][:1].isdigit()
    pointing = not _POINTING.isdisjoint(plain[start:stop])
    if main in ("i", "we"):
        return pointing or plain[start - 1] not in ("and", "but", "plus") or plain[start].endswith("ed")
    return pointing if main in ORDERS else lost or not _goes_on(words, before, span)


def _of_whom(words: Words, span: tuple[int, int]) -> bool:
    return not _OF_WHOM.isdisjoint(words.plain[span[0] : span[1]])


def _goes_on(words: Words, before: tuple[int, int], span: tuple[int, int]) -> bool:
    """Whether whom or what a fragment tells of is the same still when what the one before says of them is over: a
    mother who moves is, a boss who is another one is not."""
    plain = words.plain
    stop = _subject(words, before)
    subject, told = plain[before[0] : stop], plain[stop : before[1]]
    living = not _LIVING.isdisjoint(subject) or (bool(stop) and (words.named(before[0]) or words.named(stop - 1)))
    if not stop or not _ATTRIBUTES.isdisjoint(subject) or told[0] in ("i", "we", "you"):
        return False
    if plain[span[0]] in ("it", "its", "he", "she") and (plain[span[0]] in _ANIMATE) != living:
        return False
    is_ = told[0] in BE
    if living:
        return _FILLED.isdisjoint(subject) or not is_
    described = is_ and plain[span[0]] in _PRONOUNS and plain[span[0] + 1] in BE
    state = told[1] if len(told) > 1 else ""
    return not described or state in ("called", "named") or state[:1].isdigit()


def _of(words: Words, span: tuple[int, int], at: int, told: str) -> str:
    """What is told from a word on, behind the statement's subject where it has none of its own."""
    plain = words.plain
    stop = _subject(words, span)
    itself = plain[at] in _OWN or (plain[at] in _NOMINAL and plain[at] not in _PRONOUNS)
    verb = at + (plain[at] in ADVERBS)
    finite = _verbal(words, verb, verb + 1) and (VERBS.get(plain[verb]) != plain[verb] or plain[verb] in AUXILIARIES)
    if not stop or itself or not _ATTRIBUTES.isdisjoint(plain[span[0] : stop]):
        return told
    if not finite and plain[at] not in _PRONOUNS and _verbal(words, at, at + 4):
        return told
    return (
        f"{words.between(span[0], stop).rstrip(' ,')}{'' if finite and not plain[verb].endswith('ing') else ','} {told}"
    )


def _subject(words: Words, span: tuple[int, int]) -> int:
    """Behind the noun that a fragment begins with, and its name; 0: it does not begin with one that is told of."""
    plain = words.plain
    first = plain[span[0]]
    if first in _OWN - {"my", "our"} or first in _POINTING or first in ORDERS or _verbal(words, span[0], span[0] + 1):
        return 0
    for stop in range(span[0] + 1 + (first in _NOMINAL), min(span[1], span[0] + _LONGEST + 1)):
        if plain[stop] == "'s" and _verbal(words, stop + 1, span[1]):  # "my son's teacher is"
            return 0
        if plain[stop] in _SHARING or plain[stop] in ADVERBS or _verbal(words, stop, stop + 1):
            return stop
    return 0


def _spans(words: Words) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start = 0
    for end, following in joints(words) if len(words.text) <= TOO_LONG else ():
        bound = not _BINDING.isdisjoint(words.plain[end:following]) or "(" in words.plain[start:end]
        if bound or end - start < LEAST or len(words) - following < LEAST:
            continue
        spans.append((start, end))
        start = following
        if len(spans) == MOST - 1:
            break
    return [*spans, (start, len(words))]


def _between(words: Words, start: int, stop: int) -> str:
    if stop < len(words):
        return words.between(start, stop)
    return words.text[words.start(start) :] if start else words.text


def _verbal(words: Words, start: int, stop: int) -> bool:
    return any(word != "'s" and (word in VERBS or word in AUXILIARIES) for word in words.plain[start:stop])
