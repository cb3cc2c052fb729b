"""The statements of a passage: cut where one could be over by itself, without what is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from gateway.domain import RETRACTION, USER, Ended, Kind, Statement, Triple
from gateway.extract.acts import opening
from gateway.extract.clauses import SUBORDINATE, independent, one_subject
from gateway.extract.impersonal import forgotten
from gateway.extract.kinds import kind_of, likeliest
from gateway.extract.lexicon import AUXILIARIES, VERBS
from gateway.extract.likely import Verdict
from gateway.extract.manner import forgets, lasting, manner, manners, standing
from gateway.extract.pieces import Piece
from gateway.extract.reading import Reading, says_change
from gateway.extract.shorten import current
from gateway.extract.subjects import Mentioned, is_tie, one_valued
from gateway.extract.times import dates
from gateway.extract.tokens import Words
from gateway.extract.triples import read

DOUBTED, DOUBTED_READ = 0.6, 0.9
"""A piece that is no statement with more than this likelihood is left out; where something was read, it takes more."""
RESCUED = 0.3
"""What rules take for asking or ordering is kept below this likelihood of being no statement."""
SURE = 0.6
"""Pieces whose kinds are likelier than this, and not the same, are statements of their own."""
CLEAR = 0.5
"""A kind is certain above this likelihood."""
Judged = Sequence[tuple[Piece, Verdict]]


@dataclass(slots=True)
class _Part:
    """A clause with what is read in it and what is kept of it."""

    reading: Reading
    kept: list[tuple[Verdict, int]]
    """With the number of words."""
    kind: Kind


def parts(words: Words, start: int, judged: Judged, at: datetime | None, mentioned: Mentioned) -> list[Statement]:
    """The statements of a text that states something, in order."""
    forgetting = forgets(words, start)
    if forgetting:
        return _retracted(words, start, start + forgetting, judged, at, mentioned)
    changed = says_change(words)
    spans = [each for span in independent(words) for each in _by_kind(words, span, _within(judged, span, start))]
    readings = [read(words, *span, mentioned, changed) for span in spans]
    kept = [
        _part(reading, _within(judged, span, start), mentioned.talk or (span[0] <= start and lasting(words, start)))
        for span, reading in zip(spans, readings, strict=True)
    ]
    groups = _grouped(words, kept)
    return [_statement(words, start, group, at) for group in groups]


_OWN = frozenset("i we my our".split())
_BOUND = frozenset(
    """he she it they this that these those his her its their him them who which whose he's she's it's with at in on of
    for from to by near without until till since before after during as than like including except where when""".split()
)
"""What points back to something said before."""


def _within(judged: Judged, span: tuple[int, int], start: int) -> Judged:
    """The pieces that begin in a clause; the first one begins where the sentence itself does."""
    return [(piece, verdict) for piece, verdict in judged if span[0] <= (piece.start or start) < span[1]]


def _by_kind(words: Words, span: tuple[int, int], within: Judged) -> list[tuple[int, int]]:
    """A clause, cut where pieces of another kind begin that need nothing before them."""
    edges = [span[0]]
    if words.plain[span[0]] in SUBORDINATE:
        return [span]
    last = ""
    for (before, _), (piece, verdict) in pairwise([within[0], *within] if within else []):
        kind = _sure(verdict)
        alone = _verbal(words, piece.start, piece.stop) == _verbal(words, before.start, before.stop)
        if kind and last and kind != last and alone and _free(words, edges[-1], piece.start):
            edges.append(piece.start)
        last = kind or last
    return list(pairwise([*edges, span[1]]))


def _verbal(words: Words, start: int, stop: int) -> bool:
    return any(word in VERBS or word in AUXILIARIES for word in words.plain[start:stop])


def _sure(verdict: Verdict) -> str:
    """The kind that a piece is of, where that is plain; empty: it is not, or the piece is no statement."""
    kind = max(verdict.kinds, key=verdict.kinds.__getitem__)
    return kind if verdict.doubt < DOUBTED and verdict.kinds[kind] > SURE else ""


def _free(words: Words, start: int, at: int) -> bool:
    """Whether what begins at a word says by itself of whom or of what it speaks. `start`: of what stands before."""
    return words.plain[at] not in _BOUND and words.plain[at - 1] != ":" and not one_subject(words, start, at - 1, at)


def _part(reading: Reading, within: Judged, sure: bool) -> _Part | None:
    """A clause from the first to the last of its pieces that is to be kept; None if none is."""
    limit = 1.0 if sure else DOUBTED_READ if reading.triples or reading.ends else DOUBTED
    kept = [(piece, verdict) for piece, verdict in within if verdict.doubt <= limit]
    if not kept:
        return None
    reading.at = kept[0][0].start
    if kept[-1] is not within[-1]:
        reading.stop = kept[-1][0].stop
    weighed = [(verdict, piece.shape.length) for piece, verdict in kept]
    kind = likeliest(weighed)
    return _Part(reading, weighed, kind)


_BEHIND = frozenset(", ; - — – and but".split())


def _retracted(
    words: Words, start: int, begin: int, judged: Judged, at: datetime | None, mentioned: Mentioned
) -> list[Statement]:
    """A wish to forget, and what is said behind it."""
    plain = words.plain
    later = 0
    for begin_, _ in independent(words)[1:]:
        if plain[begin_ - 1] in _BEHIND and plain[begin_] in _OWN:
            later = begin_
            break
    if not later or later <= begin + 1:
        return [_retraction(words, begin, mentioned)]
    first = Words(words.text[words.start(start) : words.start(later)].rstrip(" ,;-—–"))
    rest = Words(words.text[words.start(later) :])
    behind = [
        (Piece(piece.start - later, piece.stop - later, piece.shape), verdict)
        for piece, verdict in judged
        if piece.start >= later
    ]
    return [_retraction(first, begin - start, mentioned), *parts(rest, opening(rest), behind, at, mentioned)]


def _retraction(words: Words, start: int, mentioned: Mentioned) -> Statement:
    while start < len(words) and words.plain[start] in ("that", "what", "everything"):
        start += 1
    reading = read(words, start, len(words), mentioned, True)
    ends = [Ended(triple.subject, triple.predicate, triple.object) for triple in reading.triples]
    if not ends:
        reading.at = start
        forgotten(reading)
        ends = reading.ends
    return Statement(words.text, "rule", ends=tuple(ends), refused=RETRACTION)


def _firm(reading: Reading) -> bool:
    """Whether the clause tells something that another statement may end by itself; tastes and plans stay together."""
    return any(
        one_valued(each.predicate)
        or is_tie(each.predicate)
        or each.predicate in ("allergic to", "married to", "from", "drives")
        for each in reading.triples
    )


def _grouped(words: Words, kept: Sequence[_Part | None]) -> list[list[_Part]]:
    """Neighbouring clauses together, unless two of them can be over by themselves, or the user lists what there is to
    know of them."""
    groups: list[list[_Part]] = []
    listing = sum(part is not None and words.plain[part.reading.at] in _OWN for part in kept) > 2
    apart = True
    for part in kept:
        if part is None:
            apart = True
            continue
        last = groups[-1] if groups else []
        full = any(_firm(one.reading) for one in last) and _firm(part.reading)
        listed = listing and words.plain[part.reading.at] in _OWN
        itself = bool(last) and _of_itself(words, part.reading) and not _framed(words, last[0].reading)
        other = bool(last) and (itself or _differ(last[-1], part))
        if apart or full or listed or (other and _apart(words, last[-1].reading, part.reading)):
            groups.append([part])
        else:
            last.append(part)
        apart = False
    return groups


_POINTING = frozenset("it this that these those them him her he she they there one ones".split())


def _of_itself(words: Words, reading: Reading) -> bool:
    """Whether a clause says itself of whom and what it tells: "…, and my mother has a Fiat", not "…, and I love it"."""
    if reading.carried or not _POINTING.isdisjoint(words.plain[reading.at : reading.stop]):
        return False
    first = words.plain[reading.at]
    verbal = _verbal(words, reading.at + 1, reading.at + 2)
    return first in _OWN or ((first == "the" or (words.named(reading.at) and verbal)) and bool(reading.triples))


_FRAMES = frozenset(
    """
    last next in on at yesterday today tomorrow since until till when while if before after this during once years
    hope doubt think guess believe suppose assume imagine maybe perhaps
    """.split()
)
"""What a first clause begins with, or holds as its verb, that is meant of the next one too."""


def _framed(words: Words, reading: Reading) -> bool:
    return not _FRAMES.isdisjoint(words.plain[reading.at : reading.at + 2])


def _apart(words: Words, one: Reading, other: Reading) -> bool:
    """Whether two clauses can stand by themselves: each says of whom it speaks, and none lacks a verb alone."""
    verbal = _verbal(words, one.at, one.stop) == _verbal(words, other.at, other.stop)
    return verbal and _free(words, one.at, other.at) and not _only_over(one)


def _only_over(reading: Reading) -> bool:
    """ "I used to smoke": what follows tells how that ended."""
    return bool(reading.ends) and not reading.triples


def _differ(one: _Part, other: _Part) -> bool:
    """Whether two clauses are surely of different kinds."""
    return all(part.kept and max(_share(part).values()) > SURE for part in (one, other)) and one.kind != other.kind


def _share(part: _Part) -> dict[Kind, float]:
    length = sum(count for _, count in part.kept)
    return {kind: sum(v.kinds[kind] * n for v, n in part.kept) / length for kind in part.kept[0][0].kinds}


def _statement(words: Words, start: int, group: Sequence[_Part], at: datetime | None) -> Statement:
    readings = [part.reading for part in group]
    triples = tuple(dict.fromkeys(triple for reading in readings for triple in reading.triples))
    ends = tuple(dict.fromkeys(ended for reading in readings for ended in reading.ends))
    whole = readings[0].at == 0 and readings[-1].stop == len(words)
    text = words.text if whole else _alone(words, readings)
    own = words if whole else Words(text)
    shorter = current(own, ends)
    if shorter != text:
        text, own, whole = shorter, Words(shorter), False
    begin = start if whole else opening(own)
    begin = begin if begin < len(own) else 0
    dated = dates(text, at) if at else ()
    named = names(triples)
    told = standing(own, begin, named)
    if told and not named and manner(own, begin):
        wishes = [Triple(USER, predicate, value) for predicate, value in manners(own)]
        triples += tuple(wishes)
        ends += tuple(Ended(USER, wish.predicate) for wish in wishes)
    kind = kind_of([one for part in group for one in part.kept], own.plain[begin:], triples, told)
    return Statement(text, kind, told, triples, ends, dated)


def _alone(words: Words, group: Sequence[Reading]) -> str:
    """The clauses of a group as they were said, with the subject that they share with an earlier one."""
    first, last = group[0], group[-1]
    text = words.between(first.at, last.stop)
    subject = first.carried
    if last.stop == len(words):
        text = words.text[words.start(first.at) :]
    return f"{subject} {text}" if subject else text.strip()


def names(triples: Sequence[Triple]) -> bool:
    """Whether the user tells their name."""
    return any(triple.subject == USER and triple.predicate in ("name", "called") for triple in triples)
