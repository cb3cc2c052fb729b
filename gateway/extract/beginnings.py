"""What a person has begun: a job, a marriage, a habit, a new thing."""

from __future__ import annotations

from gateway.extract.endings import (
    DISMISSED,
    dismissed,
    ended_things,
    happened,
    parted,
)
from gateway.extract.groups import Group, object_at
from gateway.extract.lexicon import (
    ARTICLES,
    DIETS,
    OCCUPATIONS,
    PREDICATES,
    TIES,
    VERBS,
)
from gateway.extract.reading import Reading
from gateway.extract.subjects import Subject, predicate_of


def began(reading: Reading, subject: Subject, group: Group) -> bool:
    """ "Started at Initech", "got a job as a nurse", "became a vegan", "turned 35", "bought a new phone"."""
    plain, at, stop, words = reading.plain, group.after, reading.stop, reading.words
    have = group.verb == "have" and ({"new", "job"} & set(plain[at : at + 3]))
    if not (happened(group) or group.verb == "have" or reading.changed) or group.negated:
        return False
    actor = subject.actors[0]
    if group.verb == "turn" and reading.word(at).isdigit():
        reading.state(actor, "age", reading.word(at))
        return True
    if group.verb == "become":
        return _became(reading, subject, at)
    if group.verb in ("start", "begin") and reading.word(at) in VERBS and reading.word(at) != "working":
        base = VERBS[reading.word(at)]
        said, _ = object_at(words, at + 1, stop)
        reading.state(actor, PREDICATES.get(base, base + "s"), said.removeprefix("to ") or plain[at])
        return True
    if group.verb == "get" and reading.word(at) in DISMISSED:
        return dismissed(reading, subject, at)
    if group.verb == "get" and reading.word(at) in ("married", "divorced", "engaged", "promoted", "rid"):
        return got(reading, subject, at)
    job = _job(reading, subject, at) if group.verb in ("start", "begin", "get", "have", "accept", "take") else False
    if group.verb == "join" and words.named(at):
        reading.state(actor, "works at", object_at(words, at, stop, ("as", "in", "and", "for", "last"))[0])
        job = True
    if not job and group.verb in ("get", "buy", "have") and (have or _new(reading, at)):
        return _acquired(reading, subject, at)
    return job


def _new(reading: Reading, at: int) -> bool:
    return reading.word(at) == "new" or reading.word(at + 1) == "new"


def _acquired(reading: Reading, subject: Subject, at: int) -> bool:
    """ "A new phone, a Pixel", "a new manager called Ana"."""
    said, end = object_at(reading.words, at, reading.stop, ("and", "called", "named", "last", "in", "from", "for"))
    noun = predicate_of(said.lower().split(), [word[:1].isupper() for word in said.split()])
    actor = subject.actors[0]
    name = ""
    if reading.word(end) in (",", "called", "named", ":"):
        name, _ = object_at(reading.words, end + 1, reading.stop)
    if noun in TIES and noun not in ("boss", "manager", "doctor", "dentist", "landlord"):
        if name:
            reading.state(actor, noun, name)
        return bool(name)
    if name:
        reading.state(actor, noun, name)
    reading.end(actor, noun)
    return True


def _became(reading: Reading, subject: Subject, at: int) -> bool:
    said, _ = object_at(reading.words, at, reading.stop, ("and", "at"))
    diet = next((word for word in said.lower().split() if word in DIETS), "")
    if diet:
        reading.state(subject.actors[0], "diet", diet)
    elif OCCUPATIONS.intersection(said.lower().split()):
        reading.state(subject.actors[0], "works as", said)
    return True


def got(reading: Reading, subject: Subject, at: int) -> bool:
    words, stop, word = reading.words, reading.stop, reading.word(at)
    if word == "rid":
        said, _ = object_at(words, at + 2, stop, ("and", "last"))
        ended_things(reading, subject, said)
    elif word == "promoted" and reading.word(at + 1) == "to":
        reading.state(subject.actors[0], "works as", object_at(words, at + 2, stop, ("at", "and", "last"))[0])
    elif word == "divorced":
        return parted(reading, subject, Group("divorce", word, at + 1))
    elif reading.word(at + 1) == "to":
        reading.state(subject.actors[0], "relationship", word)
        reading.state(subject.actors[0], f"{word} to", object_at(words, at + 2, stop, ("in", "on", "last"))[0])
    return True


def _job(reading: Reading, subject: Subject, at: int) -> bool:
    plain, stop, words = reading.plain, reading.stop, reading.words
    place = at
    while place < stop and (plain[place] in ARTICLES or plain[place] in ("new", "working", "work", "job", "position",
                            "role", "dream", "gig", "offer", "out", "over", "full-time", "part-time")):  # fmt: skip
        place += 1
    about_work = {"job", "position", "role", "working", "work", "gig"} & set(plain[at:place])
    found = False
    while place < stop and plain[place] in ("at", "with", "for", "as", "from"):
        said, end = object_at(words, place + 1, stop, ("at", "with", "for", "as", "in", "on", "and", "last", "this"))
        if plain[place] == "as" and said:
            reading.state(subject.actors[0], "works as", said)
            found = True
        elif said and (about_work or (plain[place] == "at" and words.named(place + 1))):
            reading.state(subject.actors[0], "works at", said)
            found = True
        place = end
    return found
