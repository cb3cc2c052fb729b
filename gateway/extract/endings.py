"""What a person has stopped, left, lost or got rid of."""

from __future__ import annotations

from gateway.extract.groups import Group, lasting_object, object_at
from gateway.extract.lexicon import (
    DIETS,
    HELD,
    OCCUPATIONS,
    PARTNERS,
    PREDICATES,
    VERBS,
)
from gateway.extract.reading import Reading
from gateway.extract.subjects import Subject, predicate_of
from gateway.extract.tokens import first_of

PASSED = frozenset("home work house office gym party school station hotel airport room".split())
"""What is left at the end of a stay."""
RID = frozenset("sell lose return cancel drop replace".split())


def happened(group: Group) -> bool:
    """Said as done; not planned, denied, or going on."""
    return not group.negated and not group.future and (group.past or group.perfect)


def stopped(reading: Reading, subject: Subject, group: Group) -> bool:
    at, words, stop = group.after, reading.words, reading.stop
    if group.negated or not (happened(group) or group.verb == "quit" or group.over):
        return group.verb not in ("give", "leave", "cut")
    if group.verb in ("resign", "step"):
        if group.verb == "resign" or reading.word(at) == "down":
            _ended_work(reading, subject, at, stop)
        return True
    if group.verb == "give":
        if reading.word(at) != "up":
            return _given_away(reading, subject, at)
        at += 1
    if reading.word(at) == "on":
        at += 1
    word = reading.word(at)
    said, end = object_at(
        words,
        at + (word.endswith("ing") and word in VERBS),
        stop,
        ("for", "and", "to", "last", "in", "on", "at", "this"),
    )
    said = lasting_object(said)
    if group.verb == "leave" and said.lower() in PASSED:
        return True
    if word.endswith("ing") and word in VERBS:
        _ended_habit(reading, subject, word, at, said)
    elif (word in ("", ".", ",") and group.verb != "give") or group.verb == "retire" or "job" in said or word == "work":
        _ended_work(reading, subject, at, end)
    elif group.verb in ("leave", "quit") and said:
        for actor in subject.actors:
            reading.end(actor, "works at", said)
        if reading.word(end) in ("for", "to") and words.named(_past_verb(reading, end + 1)):
            new, _ = object_at(words, _past_verb(reading, end + 1), stop, ("as", "and", "in"))
            reading.state(subject.actors[0], "works at", new)
        ended_everywhere(reading, subject, said)
    elif said:
        ended_everywhere(reading, subject, said)
    return True


def _past_verb(reading: Reading, at: int) -> int:
    """ "To join Initech", "for a job at Initech": the place of the name."""
    while at < reading.stop and (
        reading.word(at) in VERBS or reading.word(at) in ("a", "new", "job", "at", "work", "role")
    ):
        at += 1
    return at


def _ended_habit(reading: Reading, subject: Subject, gerund: str, at: int, said: str) -> None:
    base = VERBS[gerund]
    for actor in subject.actors:
        if base == "work":
            reading.end(actor, "works at", said.removeprefix("at ").removeprefix("for "))
        elif base == "live":
            reading.end(actor, "lives in", said.removeprefix("in "))
        elif base == "be":
            reading.end(actor, "diet", said)
        else:
            reading.end(actor, PREDICATES.get(base, base + "s"), said.removeprefix("to ").removeprefix("at "))
            if not said:
                reading.end(actor, "likes", gerund)


def _ended_work(reading: Reading, subject: Subject, at: int, end: int) -> None:
    place = first_of(reading.plain[: reading.stop], ("at", "as", "from", "with"), at)
    said = object_at(reading.words, place + 1, reading.stop, ("for", "and", "to"))[0] if place < reading.stop else ""
    as_job = reading.word(place) == "as"
    for actor in subject.actors:
        if not as_job:
            reading.end(actor, "works at", said)
        if as_job or not said:
            reading.end(actor, "works as", said)


def ended_everywhere(reading: Reading, subject: Subject, said: str) -> None:
    """Something given up that may have been said in several ways: "coffee", "the piano", "my gym membership"."""
    owned = predicate_of(said.lower().split())
    for actor in subject.actors:
        if said.lower() in DIETS:
            reading.end(actor, "diet", said)
        for predicate in ("likes", "plays", "eats", "drinks", "uses", "studies", "smokes", "goal", "plans", "wants"):
            reading.end(actor, predicate, said)
        reading.end(actor, owned)


def _given_away(reading: Reading, subject: Subject, at: int) -> bool:
    if reading.word(at) != "away":
        return False
    said, _ = object_at(reading.words, at + 1, reading.stop, ("to", "and", "for"))
    ended_things(reading, subject, said)
    return True


def ended_things(reading: Reading, subject: Subject, said: str) -> None:
    """What is not theirs any more, by its name or by its kind."""
    if not said:
        return
    words = said.lower().split()
    kind = predicate_of(words, [word[:1].isupper() for word in said.split()])
    for actor in subject.actors:
        for predicate in (*HELD, "has"):
            reading.end(actor, predicate, said)
        reading.end(actor, kind)


def rid(reading: Reading, subject: Subject, group: Group) -> bool:
    words, stop = reading.words, reading.stop
    said, _ = object_at(words, group.after, stop, ("and", "to", "for", "last", "in", "on", "with"))
    ended_things(reading, subject, said)
    reading.end(subject.actors[0], "has", f"subscription to {said}")
    for word in ("subscription", "membership", "plan", "contract", "account"):
        if said.lower().endswith(" " + word):
            name = said[: -len(word) - 1]
            reading.end(subject.actors[0], "subscribes to", name)
            reading.end(subject.actors[0], f"plan of {name.lower()}")
            reading.end(subject.actors[0], "uses", name)
            reading.end(subject.actors[0], "has", said)
    return True


def parted(reading: Reading, subject: Subject, group: Group) -> bool:
    plain, stop, words = reading.plain, reading.stop, reading.words
    if group.verb == "marry":
        said, _ = object_at(words, group.after, stop, ("in", "on", "and", "last"))
        if happened(group) and said:
            reading.state(subject.actors[0], "married to", said)
            reading.state(subject.actors[0], "relationship", "married")
            reading.end(subject.actors[0], "engaged to")
        return True
    if group.verb in ("break", "split") and reading.word(group.after) != "up" and group.form != "split":
        return False
    if group.verb != "break" and group.form != "split":
        status = reading.word(group.after) if group.verb == "be" else "divorced"
        reading.state(subject.actors[0], "relationship", status)
    place = first_of(plain[:stop], ("with", "from"), group.after)
    said = object_at(words, place + 1, stop, ("and", "last", "in"))[0] if place < stop else ""
    role = predicate_of(said.lower().split()) if said else ""
    for actor in subject.actors:
        reading.end(actor, "relationship")
        for predicate in (*PARTNERS, "married to", "engaged to", "dating"):
            if role in PARTNERS:
                reading.end(actor, role)
            else:
                reading.end(actor, predicate, said)
    return True


DISMISSED = frozenset("laid fired sacked redundant dismissed made".split())


def dismissed(reading: Reading, subject: Subject, at: int) -> bool:
    """ "Laid off by Acme", "fired", "made redundant"."""
    if reading.word(at) == "made" and reading.word(at + 1) != "redundant":
        return False
    place = first_of(reading.plain[: reading.stop], ("by", "from", "at"), at)
    said = (
        object_at(reading.words, place + 1, reading.stop, ("and", "last", "in", "on"))[0]
        if place < reading.stop
        else ""
    )
    for actor in subject.actors:
        reading.end(actor, "works at", said)
        if not said:
            reading.end(actor, "works as")
    return True


def over_state(reading: Reading, subject: Subject, group: Group) -> bool:
    """ "No longer vegan", "not at Acme any more", "retired", "unemployed"."""
    word, words, stop = reading.word(group.after), reading.words, reading.stop
    if word == "promoted" and not group.negated:
        return False
    if word in DISMISSED and not group.negated:
        return dismissed(reading, subject, group.after)
    if word in ("retired", "unemployed", "jobless") and not group.negated:
        for actor in subject.actors:
            reading.end(actor, "works at")
            reading.state(actor, "works as", word)
        return True
    if not group.over:
        return False
    if word == "together":
        return parted(reading, subject, Group("break", "split", group.after))
    if word in ("at", "with", "in", "living", "working", "based"):
        at = group.after + 1 + (reading.word(group.after + 1) in ("at", "in", "for", "as"))
        said, _ = object_at(words, at, stop)
        home = word in ("in", "living", "based")
        reading.end(subject.actors[0], "lives in" if home else "works at", said)
        reading.end(subject.actors[0], "works as", said)
        return True
    said, _ = object_at(words, group.after, stop, ("at", "of", "for"))
    low = said.lower()
    for actor in subject.actors:
        if "single" in low:
            continue
        diet = next((value for value in low.split() if value in DIETS), "")
        if diet:
            reading.end(actor, "diet", diet)
        elif OCCUPATIONS.intersection(low.split()):
            reading.end(actor, "works as", said)
        elif low.startswith(("into ", "a fan of ", "allergic to ", "keen on ", "fond of ", "married to ", "learning ")):
            return False
        else:
            reading.end(actor, "is", said)
    return True
