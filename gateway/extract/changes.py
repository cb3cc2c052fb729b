"""Clauses that say what is over: moved, left, switched, stopped, sold, "not 9 but 10", "forget that …"."""

from __future__ import annotations

from gateway.domain import USER, Triple
from gateway.extract.aspects import aspects
from gateway.extract.beginnings import began, got
from gateway.extract.endings import (
    RID,
    happened,
    over_state,
    parted,
    rid,
    stopped,
)
from gateway.extract.groups import Group, object_at
from gateway.extract.lexicon import (
    ADVERBS,
    ARTICLES,
    DIETS,
    SWITCHED,
    VERBS,
)
from gateway.extract.reading import Reading
from gateway.extract.subjects import Subject, predicate_of
from gateway.extract.tokens import first_of

_SHIFTED = frozenset(
    """changed moved pushed rescheduled postponed switched updated went upgraded shifted bumped increased dropped
    extended renamed raised set reduced delayed brought slipped""".split()
)
_EXCHANGE = frozenset("switch change swap trade replace go upgrade downgrade migrate transfer".split())
_EXCHANGED = frozenset("upgraded migrated converted transferred downgraded transitioned ported".split())
_POSSESSIVES = frozenset("my our the all".split())


def attribute_change(reading: Reading, subject: Subject, group: Group) -> bool:
    """ "My deadline moved to Friday", "my name is not Ana but Anna"; whether it was one."""
    plain, stop = reading.plain, reading.stop
    values = plain[group.after : stop]
    shifted = group.form in _SHIFTED or (values and values[0] in _SHIFTED) or plain[group.after - 1] in _SHIFTED
    if shifted and "to" in values and not group.unreal and not group.future:
        at = stop - values[::-1].index("to")
        said, _ = object_at(reading.words, at, stop)
        for predicate in aspects(reading, subject.noun, at, said):
            reading.state(subject.owner, predicate, said)
            reading.end(subject.owner, predicate)
        noun = subject.noun
        for predicate in (noun, f"{noun} time", f"{noun} place", f"any {noun}", f"deadline of {noun}"):
            reading.end(subject.owner, predicate)
        return True
    new, old = _contrast(reading, group.after, group.negated)
    if new and old and group.verb in ("be", "call", "name"):
        reading.state(subject.owner, subject.noun, new)
        reading.end(subject.owner, subject.noun, old)
        return True
    if group.over and group.verb in ("be", "work", "call"):
        said = object_at(reading.words, group.after, stop)[0]
        reading.end(subject.owner, subject.noun, said)
        reading.end(USER, "", said.partition(" ")[2] if said.lower().startswith(("on ", "at ", "in ")) else said)
        if new:
            reading.state(subject.owner, subject.noun, new)
        return True
    return False


def _contrast(reading: Reading, at: int, negated: bool) -> tuple[str, str]:
    """What is so, and what is not: "not 9 but 10", "10, not 9", "10 instead of 9"; empty strings if nothing is set
    against another."""
    plain, stop, words = reading.plain, reading.stop, reading.words
    if negated or reading.word(at) == "not":
        start = at + (reading.word(at) == "not")
        end = first_of(plain, ("but", ",", "it", "-", "–", "—", ";"), start)
        if end >= stop:
            return "", ""
        later = end + 1
        while later < stop and (plain[later] in ("it", "is", "but", "now", "rather", ",") or plain[later] in ADVERBS):
            later += 1
        return object_at(words, later, stop)[0], object_at(words, start, end)[0]
    for place in range(at + 1, stop):
        if plain[place] in ("not", "instead", "rather") and (plain[place] == "not" or place + 1 < stop):
            old = place + (1 if plain[place] == "not" else 2)
            if old < stop and plain[old] not in ("so", "sure", "really", "very", "that") and plain[place - 1] != "is":
                end = place - (plain[place - 1] == ",")
                return object_at(words, at, end)[0], object_at(words, old, stop)[0]
    return "", ""


def person_change(reading: Reading, subject: Subject, group: Group) -> bool:
    """Whether the clause says that the subject changed something, or stopped it."""
    verb = group.verb
    if group.unreal or not verb:
        return False
    if verb in ("move", "relocate"):
        return _moved(reading, subject, group)
    if verb == "graduate" and (happened(group)):
        for actor in subject.actors:
            reading.end(actor, "works as", "student")
            reading.end(actor, "studies")
        return False
    if verb in ("stop", "quit", "resign", "step", "give", "leave", "retire", "cut"):
        return stopped(reading, subject, group)
    if group.future and not reading.changed:
        return False
    if verb in _EXCHANGE or reading.word(group.after) in _EXCHANGED or reading.word(subject.verb) in _EXCHANGED:
        return _exchanged(reading, subject, group)
    if verb in RID and (group.past or group.perfect) and not group.negated:
        return rid(reading, subject, group)
    if verb in ("start", "begin", "join", "get", "become", "accept", "turn", "buy", "have", "take"):
        return began(reading, subject, group)
    if verb in ("break", "split", "divorce", "marry") or (verb == "be" and _single(reading, group)):
        return parted(reading, subject, group)
    if _eats_again(reading, group):
        for actor in subject.actors:
            reading.end(actor, "diet")
        return False
    if verb == "be" and reading.word(group.after) == "promoted" and not group.negated:
        return got(reading, subject, group.after)
    return over_state(reading, subject, group) if verb == "be" else False


def _moved(reading: Reading, subject: Subject, group: Group) -> bool:
    plain, at, stop, words = reading.plain, group.after, reading.stop, reading.words
    if reading.word(at) in _POSSESSIVES and "to" in plain[at:stop]:
        return _exchanged(reading, subject, group)
    if group.being and group.form.endswith("ing"):
        return True
    if not happened(group) and not (group.being and group.form == "moved"):
        return group.future
    source = first_of(plain[:stop], ("from",), at)
    target = first_of(plain[:stop], ("to", "into"), at)
    gone = reading.word(at) in ("out", "away") or source < stop
    place = ""
    if target < stop:
        place, end = object_at(words, target + 1, stop, ("from", "with", "for", "and", "in", "on"))
        if reading.word(target + 1) in ARTICLES or reading.word(target + 1) in VERBS:
            named = reading.word(end) == "in"
            place = object_at(words, end + 1, stop, ("with", "for", "and", "on"))[0] if named else ""
    elif reading.word(at) in ("back",) and reading.word(at + 1) == "home":
        gone = True
    if source < stop and target < stop and plain[reading.at : reading.at + 1] == ["we"]:
        old = object_at(words, source + 1, stop, ("to", "into"))[0]
        for predicate in ("uses", "lives in"):
            reading.end(USER, predicate, old)
        reading.triples.append(Triple(USER, "uses", place))
        reading.triples.append(Triple(USER, "lives in", place))
        return True
    for actor in subject.actors if place or gone else ():
        if place and place[0].isdigit():
            reading.state(USER, actor.lower(), place)
            reading.end(USER, actor.lower())
        elif place:
            reading.state(actor, "lives in", place, subject.changed)
        if source < stop:
            reading.end(actor, "lives in", object_at(words, source + 1, stop, ("to", "into", "with", "and"))[0])
        elif not place:
            reading.end(actor, "lives in")
    return True


def _exchanged(reading: Reading, subject: Subject, group: Group) -> bool:
    """ "Switched from A to B", "changed my plan to B", "swapped A for B", "replaced A with B"."""
    plain, stop, words = reading.plain, reading.stop, reading.words
    at = group.after + (reading.word(group.after) in _EXCHANGED)
    if group.negated or not (group.past or group.perfect or group.being or reading.word(at - 1) in _EXCHANGED):
        return False
    if group.verb == "go" and plain[group.after - 1] != "went" and not group.perfect:
        return False
    while reading.word(at) in ("over", "back", "away"):
        at += 1
    if group.verb == "go" and reading.word(at) in DIETS:
        reading.state(subject.actors[0], "diet", reading.word(at))
        return True
    if reading.word(at) == "off" and group.verb == "go":
        reading.end(subject.owner, "likes", object_at(words, at + 1, stop)[0])
        return True
    old = new = ""
    source, target = first_of(plain[:stop], ("from",), at), first_of(plain[:stop], ("to",), at)
    joint = first_of(plain[:stop], ("for", "with", "by"), at)
    kind = object_at(words, at, stop, ("from", "to", "for", "with", "by"))[0] if at not in (source, target) else ""
    if source < stop:
        old = object_at(words, source + 1, stop, ("to", "for"))[0]
    if target < stop:
        new = object_at(words, target + 1, stop, ("from", "for", "last", "and"))[0]
    elif joint < stop:
        old, kind, new = kind, "", object_at(words, joint + 1, stop, ("and", "last"))[0]
    if group.verb == "go" and not (old and new):
        return False
    _exchange(reading, subject, kind, old, new)
    return bool(old or new)


def _exchange(reading: Reading, subject: Subject, kind: str, old: str, new: str) -> None:
    actor = subject.actors[0]
    head, _, tail = new.partition(" ")
    if not kind and not old and tail and tail.islower() and head[:1].isupper():
        kind, new = f"plan of {head.lower()}", tail
    noun = predicate_of(kind.lower().split(), [word[:1].isupper() for word in kind.split()]) if kind else ""
    noun = noun[:-1] if noun.endswith("s") and not noun.endswith(("us", "ss")) else noun
    if noun:
        noun = {"company": "works at", "job": "works as", "work": "works at", "career": "works as"}.get(noun, noun)
        if new:
            reading.state(actor, noun, new)
        reading.end(actor, noun, old)
        if old:
            reading.end(actor, "studies", old)
            reading.end(actor, "uses", old)
            reading.end(actor, "bank", old)
    elif new:
        diet = new.lower() in DIETS
        reading.state(actor, "diet" if diet else "uses", new)
        if new[:1].isupper() and not old:
            reading.end(actor, "provider")
    for predicate in SWITCHED if old else ():
        reading.end(actor, predicate, old)


def _single(reading: Reading, group: Group) -> bool:
    return reading.word(group.after) in ("divorced", "single", "separated", "widowed") and not group.negated


def _eats_again(reading: Reading, group: Group) -> bool:
    return group.verb in ("eat", "drink") and "again" in reading.plain[group.after : reading.stop] and not group.negated
