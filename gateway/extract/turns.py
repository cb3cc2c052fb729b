"""Turns of a life: a partner, a child, a home, a job."""

from __future__ import annotations

from gateway.domain import USER
from gateway.extract.groups import object_at
from gateway.extract.lexicon import ADVERBS
from gateway.extract.names import class_of
from gateway.extract.reading import Reading
from gateway.extract.slots import TOGETHER, WORK
from gateway.extract.tokens import Phrases

_UNREAL = frozenset("if would could might may should will want wants need needs plan planning hope hoping thinking"
    " considering consider looking going wish wondering unless imagine almost nearly never tempted"
    " whether shall shopping searching maybe perhaps about".split())  # fmt: skip


_BEFORE_MAY = frozenset("in on of since until by last next this from for".split())


def real(reading: Reading, at: int) -> bool:
    plain = reading.plain
    return not any(
        plain[k] in _UNREAL and (plain[k] != "may" or plain[k - 1] not in _BEFORE_MAY) for k in range(reading.at, at)
    )


def done_by_user(reading: Reading, at: int, own: bool) -> bool:
    """Whether "I" or "we" stand before a verb, or nothing does in a clause of the user's."""
    if not real(reading, at):
        return False
    place = at - 1
    while place >= reading.at and (reading.plain[place] in ADVERBS or reading.plain[place] in _AUXILIARY):
        place -= 1
    if place < reading.at:
        return own
    before = reading.plain[place]
    return before in ("i", "we", "myself") or (own and before in (",", "and", "so", "but", "then", "-", "—", "–"))


_AUXILIARY = frozenset("have has had am are been be was were 's got".split())


_PAIRED = frozenset("girlfriend boyfriend partner fiancé fiancée fiance fiancee wife husband".split())


_BORN = Phrases("""
    was born, were born, baby arrived, is born, gave birth, had the baby, had our baby, baby is here, twins arrived,
    had a baby, became a dad, became a mother, became a father, became parents, had a little, baby was born
    """)


_TOOK_UP = frozenset("bought rented found got leased".split())


_HOMES = frozenset("house flat apartment place cottage bungalow studio room".split())


_ASIDE = frozenset("holiday second summer weekend investment rental vacation another office hotel".split())


_FOOD = frozenset("meat fish chicken beef pork dairy cheese eggs carbs bacon gluten sugar bread".split())


def born(reading: Reading) -> None:
    """A child has come: nobody is expecting it any more."""
    if any(_BORN.at(reading.plain, at) for at in range(reading.at, reading.stop)) and real(reading, reading.stop):
        for whose in (USER, "wife", "partner", "girlfriend"):
            reading.end(whose, "is", "pregnant")
        reading.end(USER, "due date")


def lived(reading: Reading, own: bool) -> None:
    """Turns of life: a partner, a child, a home, a job."""
    plain = reading.plain
    clause = plain[reading.at : reading.stop]
    for triple in tuple(reading.triples):
        if triple.subject == USER and triple.predicate in _PAIRED:
            reading.end(USER, "relationship", "single")
    if own and _PAIRED.intersection(clause[1:5]) and clause[0] in ("i", "got", "have") and real(reading, reading.stop):
        reading.end(USER, "relationship", "single")
    if not real(reading, reading.stop):
        return
    if "married" in clause and clause[0] != "he" and own is not None and _wed(clause):
        reading.state(USER, "relationship", "married")
        for predicate in TOGETHER[2:]:
            if predicate not in ("wife", "husband"):
                reading.end(USER, predicate)
    if "again" in clause and "eating" in clause and _FOOD.intersection(clause):
        reading.end(USER, "diet")
    at = next(
        (k for k in range(reading.at, reading.stop) if plain[k] in _TOOK_UP and done_by_user(reading, k, own)), -1
    )
    if at >= 0:
        _taken_up(reading, at)


def _wed(clause: list[str]) -> bool:
    place = clause.index("married")
    before = clause[:place]
    return before[-1:] in (["got"], ["are"], ["am"]) and bool({"i", "we"}.intersection(before) or len(before) == 1)


def _taken_up(reading: Reading, at: int) -> None:
    plain = reading.plain
    near = plain[at + 1 : min(at + 7, reading.stop)]
    if _HOMES.intersection(near) and "in" in near and _ASIDE.isdisjoint(near):
        place = plain.index("in", at) + 1
        if reading.words.named(place):
            reading.state(
                USER, "lives in", object_at(reading.words, place, reading.stop, ("and", "with", "at", "for"))[0]
            )
    kind = class_of(" ".join(near[1:3]))
    if kind == "phone make" and "for" not in near:
        reading.end(USER, kind)
    if "raise" in near[:3]:
        reading.end(USER, "salary")
        to = plain.index("to", at) if "to" in near else reading.stop
        reading.state(USER, "salary", object_at(reading.words, to + 1, reading.stop)[0])
    if near[:2] in (["the", "job"], ["a", "job"], ["the", "position"], ["the", "role"]):
        for predicate in WORK:
            reading.end(USER, predicate)
