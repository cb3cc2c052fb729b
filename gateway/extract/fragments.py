"""What of a statement can be over while the rest of it still holds."""

from __future__ import annotations

from collections.abc import Collection

from gateway.extract.clauses import joints
from gateway.extract.lexicon import ADVERBS, AUXILIARIES, VERBS
from gateway.extract.tokens import Words

LEAST = 3
"""Words of a fragment; a shorter one belongs to its neighbour."""
MOST = 6
"""Fragments of one statement; the last one is the rest of it."""
_BINDING = frozenset("so because cause cuz cos since as though although while yet or then".split())
"""What a fragment begins with that says why, or what follows: it goes with the one before."""
_OWN = frozenset("i we my our".split())
_SUBJECTS = frozenset("i we he she it they its it's".split())
_NOMINAL = frozenset("my our the his her their a an".split())
_SHARING = frozenset("i we you he she it they who that which whom whose where".split())
"""What a clause within a subject begins with: "the dog we took in"."""
_LONGEST = 6
"""Words of a subject."""


def fragments(text: str) -> list[str]:
    """A statement's clauses and asides, in order."""
    words = Words(text)
    return [_between(words, *span) for span in _spans(words)]


def rest(text: str, over: Collection[int]) -> str:
    """A statement without those of its fragments (by their places) that are over, and without what hangs on them; of
    whom it speaks is said before what is left, if that went. Empty: nothing is left."""
    words = Words(text)
    spans = _spans(words)
    left: list[int] = []
    for place, (start, stop) in enumerate(spans):
        hangs = place > 0 and place - 1 not in left and not _by_itself(words, start, stop)
        if place not in over and not hangs:
            left.append(place)
    if not left:
        return ""
    runs: list[list[int]] = []
    for place in left:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    told = ", ".join(_between(words, spans[run[0]][0], spans[run[-1]][1]) for run in runs)
    return told if left[0] == 0 else _of(words, spans[left[0]][0], told)


def _by_itself(words: Words, start: int, stop: int) -> bool:
    return words.plain[start] in _SUBJECTS or _verbal(words, start, stop)


def _of(words: Words, at: int, told: str) -> str:
    """What is told from a word on, behind the statement's subject where it has none of its own."""
    plain = words.plain
    itself = plain[at] in _NOMINAL or plain[at] in _OWN or words.named(at)
    subject = "" if itself else _subject(words)
    if not subject:
        return told
    verb = at + (plain[at] in ADVERBS)
    finite = _verbal(words, verb, verb + 1) and not plain[verb].endswith("ing")
    return f"{subject} {told}" if finite else f"{subject}, {told}"


def _subject(words: Words) -> str:
    """The noun that a statement begins with, and its name; empty: it does not begin with one that is told of."""
    begin = 1 + (words.plain[0] in _NOMINAL)
    if begin == 1 and not words.named(0):
        return ""
    for stop in range(begin, min(len(words), _LONGEST + 1)):
        if words.plain[stop] in _SHARING or _verbal(words, stop, stop + 1):
            return words.between(0, stop)
    return ""


def _spans(words: Words) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start = 0
    for end, following in joints(words):
        bound = not _BINDING.isdisjoint(words.plain[end:following])
        if bound or end - start < LEAST or len(words) - following < LEAST or len(spans) == MOST - 1:
            continue
        spans.append((start, end))
        start = following
    return [*spans, (start, len(words))]


def _between(words: Words, start: int, stop: int) -> str:
    return (
        words.between(start, stop) if stop < len(words) else words.text[words.start(start) :] if start else words.text
    )


def _verbal(words: Words, start: int, stop: int) -> bool:
    return any(word in VERBS or word in AUXILIARIES for word in words.plain[start:stop])
