"""The pieces of a message's sentences, each judged by itself, and what is seen of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gateway.extract.clauses import BREAKS, JOINTS, independent, told_until
from gateway.extract.cuts import cuts
from gateway.extract.shape import Shape, asked_for, shape
from gateway.extract.tokens import Words


@dataclass(frozen=True, slots=True)
class Passage:
    """What a sentence states, as far as rules tell; None as its words: nothing."""

    words: Words | None = None
    start: int = 0
    """Where it begins behind what people say first."""
    foreign: bool = False
    """In another language than English."""
    question: str = ""
    """Of the assistant, that it answers."""
    doubted: bool = False
    """Rules take it for asking or ordering; only a tagger may find that it states something all the same."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A clause, or a fragment between commas."""

    start: int
    stop: int
    """Behind its last word; what joins it to the next piece belongs to none."""
    shape: Shape
    evidence: list[str] = field(default_factory=list)
    """The features that it is judged by: its shape, and what stands around it; none in a doubted passage."""


def pieces(passages: Sequence[Passage], *, asked: bool) -> list[list[Piece]]:
    """Of each passage; none of one without words. `asked`: the assistant had asked something."""
    found = [list(_cut(passage)) for passage in passages]
    line: list[tuple[int, Piece | None]] = []
    for place, several in enumerate(found):
        line += [(place, one) for one in several if not passages[place].doubted] or [(place, None)]
    owns = [at for at, (_, one) in enumerate(line) if one and one.shape.own]
    dropped = any(one is None for _, one in line)
    for at, (place, one) in enumerate(line):
        if one is None:
            continue
        seen = one.evidence
        seen += one.shape.features
        seen += _beside("b", one, line[at - 1] if at else None, place, "m:first")
        seen += _beside("a", one, line[at + 1] if at + 1 < len(line) else None, place, "m:last")
        if len(line) == 1:
            seen.append("m:only")
        if owns and owns != [at]:
            seen.append("m:own")
        if owns and owns[0] < at:
            seen.append("m:own_before")
        if dropped:
            seen.append("m:drops")
        if passages[place].question:
            seen += asked_for(passages[place].question, one.shape)
        elif asked:
            seen.append("asked")
    return found


def _cut(passage: Passage) -> Iterator[Piece]:
    words = passage.words
    if words is None:
        return
    begins = {0} | {start for start, _ in (*cuts(words, passage.start), *independent(words)) if start > passage.start}
    begins -= {start for start in begins if start and words.text[words.start(start) - 1] in _LINKED}
    places = [*sorted(begins), len(words)]
    for start, following in pairwise(places):
        stop = following
        while stop > start + 1 and following < len(words) and words.plain[stop - 1] in _BETWEEN:
            stop -= 1
        first = passage.start if start == 0 and passage.start < stop else start
        yield Piece(start, stop, shape(words, first, told_until(words, first, stop)))


_BETWEEN = BREAKS | JOINTS
_LINKED = frozenset("/:?=&#")
"""Behind one of these, without a space, a link goes on."""


def _beside(side: str, one: Piece, other: tuple[int, Piece | None] | None, place: int, end: str) -> Iterator[str]:
    """What stands before or behind, in the same sentence or in another."""
    if other is None:
        yield end
    elif other[1] is None:
        yield f"m:{side}_drop"
    else:
        near = "same" if other[0] == place else "sent"
        there = other[1].shape
        yield f"{side}:{near}"
        yield f"{side}:{near}:u:{there.subject}"
        yield f"{side}:{near}:{there.act}"
        if side == "b":
            yield f"b:t:{there.tense}"
            yield f"b:{near}:{there.subject}>{one.shape.subject}"
