"""Changes told without saying who: "call me Sam", "Berlin is home now", "new number: …", "forget that …"."""

from __future__ import annotations

from gateway.domain import USER
from gateway.extract.endings import (
    ended_everywhere,
)
from gateway.extract.groups import listed, object_at
from gateway.extract.lexicon import (
    ARTICLES,
    VERBS,
)
from gateway.extract.reading import Reading
from gateway.extract.subjects import Subject, is_tie, predicate_of, subject_of
from gateway.extract.tokens import first_of

_SET = frozenset(
    """
    raised increased upped reduced lowered cut moved changed pushed extended renamed postponed rescheduled
    bumped doubled switched
    """.split()
)


def _shortly(reading: Reading) -> bool:
    """ "New number: 07700 …", "new address is …": without a possessive."""
    plain, at, stop = reading.plain, reading.at, reading.stop
    mark = first_of(plain[:stop], (":", "is", "are", "="), at)
    if reading.word(at) not in ("new", "current", "correct", "updated") or not at + 1 < mark < min(stop - 1, at + 7):
        return False
    end = first_of(plain[:mark], ("since", "from", "for", "as", "of", "(", ","), at)
    noun = predicate_of(plain[at + 1 : end])
    reading.state(USER, noun, object_at(reading.words, mark + 1, stop)[0])
    reading.end(USER, noun)
    return True


def _set(reading: Reading) -> bool:
    """ "My GP raised my sertraline to 100 mg", "the landlord put the rent up": what somebody changed."""
    plain, at, stop, words = reading.plain, reading.at, reading.stop, reading.words
    place = first_of(plain[:stop], _SET, at)
    if (
        plain[at] in ("i", "we")
        or place + 2 >= stop
        or plain[place + 1] not in ("my", "the", "our")
        or "to" not in plain[place + 2 : stop]
    ):
        return False
    target = plain.index("to", place)
    if target - place > 6 or reading.word(target + 1) in ARTICLES or reading.word(target + 1) in VERBS:
        return False
    noun = predicate_of(plain[place + 2 : target])
    reading.state(USER, noun, object_at(words, target + 1, stop, ("on", "last", "from"))[0])
    reading.end(USER, noun)
    reading.end(USER, f"dose of {noun}")
    return True


_FAVOURED = frozenset("favourite new main current go-to preferred".split())


def _favoured(reading: Reading) -> bool:
    """ "Salted caramel is my favourite ice cream": the value first."""
    plain, at, stop = reading.plain, reading.at, reading.stop
    verb = first_of(plain[:stop], ("is", "are", "'s"), at)
    begin = verb + 1 + (reading.word(verb + 1) == "now")
    if not at < verb <= at + 6 or plain[at] in _NOT_VALUES or reading.word(begin) not in ("my", "our"):
        return False
    said, end = object_at(reading.words, begin + 1, stop, ("for", "in", "at", "and"))
    if not said or not _FAVOURED.intersection(plain[begin + 1 : begin + 3]):
        return False
    noun = predicate_of(said.lower().split())
    reading.state(USER, noun, reading.words.between(at, verb), one=not is_tie(noun))
    reading.end(USER, noun)
    return end > begin


_NOT_VALUES = frozenset("it this that he she they what which who there here my our i we the".split())


def impersonal(reading: Reading) -> bool:
    """What has no subject: "call me Sam", "forget that …", "Berlin is home now", "Acme is history"."""
    plain, at, stop, words = reading.plain, reading.at, reading.stop, reading.words
    if _shortly(reading) or _set(reading) or _favoured(reading):
        return True
    if reading.word(at) in ("people", "everyone", "everybody", "friends", "they", "folks", "please", "to"):
        at += 1 if reading.word(at + 1) in ("call", "calls") else 0
    if reading.word(at) in ("call", "calls") and reading.word(at + 1) == "me":
        said, _ = object_at(words, at + 2, stop, ("from", "not", "instead"))
        if said:
            reading.state(USER, "called", said)
        return True
    if reading.word(at) == "home" and reading.word(at + 1) in ("is", "'s"):
        at += 2 + (reading.word(at + 2) in ("now", "in"))
        reading.state(USER, "lives in", object_at(words, at, stop)[0].removeprefix("in "))
        return True
    end = first_of(plain[:stop], ("is",), at)
    if end < stop and end > at and words.named(at) and reading.word(end + 1) in ("home", "history"):
        name = words.between(at, end)
        if reading.word(end + 1) == "home":
            reading.state(USER, "lives in", name)
        else:
            reading.end(USER, "works at", name)
            ended_everywhere(reading, Subject(USER), name)
        return True
    return False


def forgotten(reading: Reading) -> None:
    """ "Forget my locker code", "forget what I said about my ex": the thing itself is to be forgotten."""
    plain, stop, words = reading.plain, reading.stop, reading.words
    at = reading.at
    about = first_of(plain[:stop], ("about",), at)
    at = about + 1 if about < stop else at
    said, _ = object_at(words, at, stop)
    if not said:
        return
    whole = subject_of(words, at, stop, reading.mentioned)
    for value in listed(said):
        noun = whole.noun if whole and whole.noun else predicate_of(value.lower().split())
        reading.end(whole.owner if whole else USER, noun)
        for predicate in (
            "likes",
            "dislikes",
            "wants",
            "plans",
            "goal",
            "has",
            "prefers",
            "works at",
            "lives in",
            "studies",
            "uses",
        ):
            reading.end(USER, predicate, value)
