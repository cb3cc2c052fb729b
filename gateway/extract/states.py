"""How things are, told in whatever words: so that a later statement finds what it changes."""

from __future__ import annotations

from dataclasses import replace

from gateway.domain import LASTING, USER, Triple
from gateway.extract.figures import HOMES, MINDED, PLACED, WAYS, numbered, quantity, scheduled, way
from gateway.extract.groups import Group, bare, object_at
from gateway.extract.habits import about, done, gained, undone
from gateway.extract.lexicon import ADVERBS, ARTICLES, BE, VERBS
from gateway.extract.names import class_at, one_of_a_class
from gateway.extract.reading import Reading
from gateway.extract.slots import names_in
from gateway.extract.subjects import Subject, is_tie, predicate_of

_NARROW = ("at", "in", "on", "for", "with", "of", "to", "and", "as", "from", "every", "each", "by", "until")
_UNVARIED = LASTING | frozenset(
    "does lacks about called email address birthday age deadline speaks favourite salary dose weight rent".split()
)
"""Predicates whose objects have no shorter name."""


def broaden(reading: Reading, subject: Subject, group: Group) -> None:
    """Add what the readings by verb have left out."""
    own = subject.owner == USER and (not subject.noun or not is_tie(subject.noun))
    if not group.verb and own and not subject.noun and reading.words.is_word(group.after):
        word = reading.plain[group.after]
        group = replace(group, verb="" if word.endswith(("ed", "ing")) else word, form=word, after=group.after + 1)
    if subject.person and subject.noun and group.verb in ("start", "finish", "leave") and group.past:
        for actor in subject.actors:
            for predicate in ("at", "goes to", "studies"):
                reading.end(actor, predicate)
    if subject.person and subject.noun and _present(group) and not reading.triples and group.verb in ("be", "go"):
        _as_said(reading, group, subject.actors[-1])
    if not own and group.verb == "be" and "pregnant" in reading.plain[group.after : group.after + 6]:
        reading.state(subject.actors[-1], "is", "pregnant")
    if group.form == "got" and group.perfect:
        group = replace(group, verb="have", form="have")
    real = bool(group.verb) and not (group.unreal or group.future or group.over or group.negated)
    if own and real and not group.past:
        if not subject.noun:
            _known_otherwise(reading, group)
            if group.verb in WAYS:
                way(reading, group)
            if group.verb in ("have", "take", "attend", "play", "do", "teach", "see"):
                scheduled(reading, group)
            if not reading.triples:
                _as_said(reading, group)
        if group.verb != "be" or not subject.noun:
            quantity(reading, subject, group)
    if own and real and not group.past and reading.turned:
        for triple in tuple(reading.triples):
            if triple.predicate in _ONE_NOW and triple.subject == USER:
                reading.end(USER, triple.predicate)
    if not subject.noun or subject.person:
        _habitual(reading, subject, group, real)
    if real and not group.past and not (subject.noun and group.verb == "be"):
        about(reading, subject, group)
    if own and real and (not group.past or (reading.triples and not subject.noun)):
        _classes(reading, group)
    if own and not subject.noun:
        _called(reading)
    _variants(reading)


def _habitual(reading: Reading, subject: Subject, group: Group, real: bool) -> None:
    if real and not group.past:
        done(reading, subject, group)
        numbered(reading, subject, group)
    elif group.negated and not group.unreal and not group.future:
        undone(reading, subject, group)
    if real and (not group.past or group.verb in _GAINED) and subject.owner == USER and group.verb in _GAINED:
        gained(reading, subject, group)


_ONE_NOW = frozenset(
    "prefers studies drives rides rents takes wears reads watches supports trains drinks owns bakes attends".split()
)
"""Of which "now" tells that there was another before."""
_GAINED = frozenset("have buy get adopt own drive speak eat drink smoke pass start learn cook play swim".split())


def _present(group: Group) -> bool:
    return not (group.unreal or group.future or group.over or group.negated or group.past)


def _as_said(reading: Reading, group: Group, actor: str = USER) -> None:
    """The verb and its preposition as the predicate: "gets paid on", "in", "is"."""
    if group.verb in MINDED or (group.form.endswith("ing") and not group.being):
        return
    at = group.after
    verb = "is" if group.verb == "be" else group.verb
    if verb == "is" and reading.word(at).endswith("ing") and reading.word(at + 1) == "to":
        said, _ = object_at(reading.words, at + 2, reading.stop, ("by", "in", "before", "this"))
        reading.state(actor, f"is {reading.plain[at]} to", said, one=reading.turned)
    while reading.word(at) in ADVERBS:
        at += 1
    before: list[str] = []
    while at < reading.stop and len(before) < 2 and reading.plain[at] not in ARTICLES and reading.words.is_word(at):
        placed = reading.plain[at] in PLACED
        if not placed and (group.verb == "be" or not _participle(reading, at)):
            break
        before.append(reading.plain[at])
        at += 1
        if placed:
            break
    value, _ = object_at(reading.words, at, reading.stop, _NARROW)
    predicate = " ".join(before if verb == "is" and before else [verb, *before])
    if value and len(value.split()) <= 6:
        one = reading.changed and predicate not in ("is", "has", "in", "on", "with")
        reading.state(actor, predicate, value.removeprefix("doing "), one=one)


def _participle(reading: Reading, at: int) -> bool:
    """Whether another form of a verb goes on with the predicate: "get paid on"."""
    word = reading.plain[at]
    return reading.word(at + 1) in PLACED and (word.endswith("ed") or VERBS.get(word, word) != word)


_DOERS = {"smoker": "smokes", "drinker": "drinks", "teetotaller": "drinks", "runner": "runs", "gamer": "plays",
          "meat-eater": "diet", "renter": "rents", "homeowner": "owns"}  # fmt: skip


def _known_otherwise(reading: Reading, group: Group) -> None:
    """States of one kind that go by several verbs: a home that is rented, a job that is a school's, …"""
    plain, at, stop = reading.plain, group.after, reading.stop
    stated = {triple.predicate for triple in reading.triples}
    if group.verb == "rent" and reading.word(at) == "in":
        reading.state(USER, "lives in", object_at(reading.words, at + 1, stop, _NARROW)[0])
    elif group.verb == "prefer" and "in" in plain[at + 1 : at + 3]:
        place = plain.index("in", at)
        manner = object_at(reading.words, place + 1, stop)[0]
        reading.state(USER, f"prefers {reading.words.between(at, place).lower()} in", manner, one=True)
    elif group.verb in ("rent", "own", "share", "stay", "have", "live") and "lives in" not in stated:
        if HOMES.intersection(plain[at : at + 6]) and "in" in plain[at:stop]:
            place = plain.index("in", at) + 1
            reading.state(USER, "lives in", object_at(reading.words, place, stop, _NARROW)[0])
        elif group.verb == "live" and reading.word(at) in ("with", "alone", "by"):
            said, _ = object_at(reading.words, at, stop, ("in", "at", "near"))
            reading.state(USER, "household", said, one=reading.changed)
            where = plain.index("in", at) + 1 if "in" in plain[at:stop] else stop
            reading.state(USER, "lives in", object_at(reading.words, where, stop, _NARROW)[0])
    elif group.verb in ("teach", "run") and "at" in plain[at:stop]:
        place = plain.index("at", at) + 1
        if reading.words.named(place) or reading.word(place) in ARTICLES:
            reading.state(USER, "works at", object_at(reading.words, place, stop, _NARROW)[0])
    elif group.verb == "support" and reading.changed:
        reading.end(USER, "favourite team")
    elif group.verb == "be":
        doer = next((word for word in plain[at : at + 4] if word in _DOERS), "")
        if doer:
            reading.state(USER, _DOERS[doer], doer)
        elif reading.word(at) == "at" and reading.words.named(at + 1) and reading.word(at + 1) != "home":
            reading.state(USER, "works at", object_at(reading.words, at + 1, stop, _NARROW)[0])
        elif "pregnant" in plain[at : at + 6]:
            reading.state(USER, "is", "pregnant")


def _classes(reading: Reading, group: Group) -> None:
    """ "On Vodafone", "with Monzo", "in Vim": of what class the named one is, and for what it is."""
    plain, at = reading.plain, group.after
    subject = plain[reading.at : at]
    others = subject[:1] == ["the"] and len(subject) > 3 and not _PEOPLE.isdisjoint(subject)
    if group.was or group.verb in MINDED or others:
        return
    while at < reading.stop:
        kind, length = class_at(plain, at)
        if not kind or (at > 0 and plain[at - 1] in _NOT_SO):
            at += 1
            continue
        length += reading.word(at + length)[:1].isdigit() and kind.endswith("make")
        name = reading.words.between(at, at + length)
        if kind == "shift" and plain[at - 1] not in _ON_SHIFT:
            kind = ""
        if (kind and _written_as_name(name)) or kind in ("diet", "shift", "hours of work", "way of working"):
            _in_class(reading, kind, name)
            purpose = _purpose(reading, at + length)
            if purpose:
                reading.triples.append(Triple(USER, purpose, name))
                if reading.changed and not reading.adds:
                    reading.end(USER, purpose)
        at += length
    if group.verb == "use":
        said, end = object_at(reading.words, group.after, reading.stop, ("for", "as"))
        purpose = _purpose(reading, end)
        if purpose and said:
            reading.state(USER, purpose, said)
            if reading.changed and not reading.adds:
                reading.end(USER, purpose)


def _written_as_name(name: str) -> bool:
    return name != name.lower() or name not in _WORDS_TOO


_PEOPLE = frozenset("team teams company client customer department squad crew office colleagues guys people".split())
"""Of whom "the data team", "the other company" are some that the user does not belong to."""
_ON_SHIFT = frozenset("on to work working works do doing the a onto back in".split())
_NOT_SO = frozenset("like about of off than not from longer without no".split())
_WORDS_TOO = frozenset(
    "go swift bear things arc hey three bell orange chase ing wise edge sketch surface craft switch express spring gin"
    " solid cursor atom mint signal shortcut linear render progressive nationwide sage wave fish zen railway drone"
    " dell framework phoenix conda bun emma spectrum opera brave kate nano sublime days remote ally arch rust ruby"
    " helix pandora tidal shopify galaxy teams slack".split()
)
"""Names that written small are mere words."""


def _in_class(reading: Reading, kind: str, name: str) -> None:
    reading.triples.append(Triple(USER, kind, name))
    if (reading.changed or one_of_a_class(kind)) and not reading.adds:
        reading.end(USER, kind)


def _purpose(reading: Reading, at: int) -> str:
    """ "For notes", "for my notes": as a predicate; empty if nothing of the kind is said."""
    if reading.word(at) != "for":
        return ""
    said, _ = object_at(reading.words, at + 1, reading.stop, ("at", "in", "on", "with", "and", "now", "since"))
    words = bare(said).lower().split()
    return f"for {predicate_of(words)}" if 0 < len(words) <= 3 and not words[0].isdigit() else ""


def _called(reading: Reading) -> None:
    """ "A band called Saltwater": the name by its noun."""
    plain, words = reading.plain, reading.words
    at = next((k for k in range(reading.at + 1, reading.stop) if plain[k] in ("called", "named")), reading.stop)
    if at + 1 >= reading.stop or plain[at - 1] in BE or not words.named(at + 1) or VERBS.get(plain[at - 1]):
        return
    noun = predicate_of([plain[at - 1]])
    name, _ = object_at(words, at + 1, reading.stop, _NARROW)
    triple = Triple(USER, noun, name)
    owner = next((k for k in range(reading.at, at) if plain[k] in ("i", "we", "my", "our")), None)
    if (
        owner is not None
        and name
        and not any(each.object == name for each in reading.triples)
        and words.is_word(at - 1)
    ):
        reading.triples.append(triple)


def _variants(reading: Reading) -> None:
    """The shorter names of what an object names: "Golf" of "VW Golf"."""
    for triple in tuple(reading.triples):
        if triple.subject != USER or triple.predicate in _UNVARIED or not 1 < len(triple.object.split()) <= 6:
            continue
        for name in names_in(triple.object):
            varied = Triple(USER, triple.predicate, name)
            if varied not in reading.triples:
                reading.triples.append(varied)
