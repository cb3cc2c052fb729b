"""What somebody does by habit, or is without: verbs of any kind, so that "stopped" finds what it stops."""

from __future__ import annotations

from gateway.domain import USER, Triple
from gateway.extract.aspects import is_day
from gateway.extract.groups import Group, object_at
from gateway.extract.lexicon import ADVERBS, TRAILING, VERBS
from gateway.extract.reading import Reading
from gateway.extract.subjects import Subject

_DOES = "does"
_LACKS = "lacks"
_STATES = frozenset(
    "be have like love hate dislike prefer want need think know hope feel mean say tell live call name plan wish seem"
    " own speak weigh earn come become believe see hear guess find try can could look sound".split()
)
_TILL = tuple(
    """
    on at in with for to every each by and about most around three two four once twice because anymore any of from
    as before after during all
    """.split()
)


def bases(gerund: str) -> tuple[str, ...]:
    """What a verb may be without its -ing."""
    if gerund in VERBS:
        return (VERBS[gerund],)
    stem = gerund.removesuffix("ing")
    if stem == gerund or len(stem) < 2:
        return ()
    return (stem[:-1],) if stem[-1] == stem[-2] and stem[-1] not in "sl" else (stem, stem + "e")


def done(reading: Reading, subject: Subject, group: Group) -> None:
    """The habit as the verb, and as the verb with its object: "run", "play tennis"."""
    verb, at = group.verb, group.after
    if verb == "go" and reading.word(at).endswith("ing"):
        verb, at = (bases(reading.word(at)) or ("",))[0], at + 1
    if not verb or verb in _STATES or (group.form.endswith("ing") and not group.being):
        return
    while reading.word(at) in ADVERBS:
        at += 1
    particle = reading.word(at) in ("on", "at", "in", "for", "to", "with", "from", "about", "up", "out")
    said, _ = object_at(reading.words, at + particle, reading.stop, _TILL)
    for actor in subject.actors:
        reading.triples.append(Triple(actor, _DOES, verb))
        if said and len(said.split()) <= 4:
            reading.triples.append(Triple(actor, _DOES, f"{verb} {said}"))


def about(reading: Reading, subject: Subject, group: Group) -> None:
    """The nouns that a clause is about: the last of its object, and names; so that what becomes of them finds it."""
    if group.verb in _OPINIONS:
        return
    found: list[str] = [subject.noun] if subject.noun and not subject.person else []
    at, last = group.after, ""
    while at < reading.stop and at - group.after < 12 and len(found) < 4:
        word = reading.plain[at]
        part = reading.words.is_word(at) and word not in _LINKS and word not in ADVERBS and word not in TRAILING
        if part:
            last = word
        if last and (not part or at + 1 == reading.stop):
            found.append(last)
            last = ""
        at += 1
    for actor in subject.actors if not subject.noun or subject.person else (subject.owner,):
        stated = {each.object.lower() for each in reading.triples if each.subject == actor}
        for noun in dict.fromkeys(found):
            if len(noun) > 2 and noun not in stated and not noun[:1].isdigit() and not is_day(noun):
                reading.triples.append(Triple(actor, _ABOUT, noun))


_ABOUT = "about"
_OPINIONS = frozenset(
    "like love hate dislike prefer want need plan hope think know wish say feel mean enjoy go".split()
)
_LINKS = frozenset(
    """
    not than no instead rather a an the my our some any his her their of for to in on at with from by and or every
    each per as about into over that which who when because so but until near since during before after
    """.split()
)


def stopped_doing(reading: Reading, actor: str, gerund: str, said: str) -> None:
    """End a habit: all of it, or with this object only."""
    for base in bases(gerund):
        reading.end(actor, _DOES, f"{base} {said}" if said else base)


def undone(reading: Reading, subject: Subject, group: Group) -> None:
    """ "I don't run any more" ends the habit; "I don't drive" and "we don't have kids" say what is lacking."""
    at = group.after + (reading.word(group.after) in ("any", "a", "an"))
    said, _ = object_at(reading.words, at, reading.stop, _TILL)
    if group.over:
        if group.verb == "be":
            said, _ = object_at(reading.words, at, reading.stop)
            doing = said.partition(" ")[0]
            reading.end(subject.actors[0], "", doing if doing.endswith("ing") else "")
        if group.verb == "live" and reading.word(group.after) in ("with", "alone"):
            reading.end(subject.actors[0], "household")
        if subject.owner != USER and not subject.noun and group.verb == "be" and said[-1:].isdigit():
            reading.end(USER, "", said.rpartition(" ")[2])
        for actor in subject.actors:
            reading.end(actor, _DOES, f"{group.verb} {said}" if said else group.verb)
        return
    things = said.lower().split()[-1:]
    things += [group.verb] if not things or things[0] in ("alcohol", "meat") else []
    if group.verb in _DONE | {"have", "own"} and (not group.past or group.perfect):
        reading.triples += [Triple(subject.actors[0], _LACKS, thing.removesuffix("s")) for thing in things]


def gained(reading: Reading, subject: Subject, group: Group) -> None:
    """What is had or done now is lacking no more."""
    said, _ = object_at(reading.words, group.after, reading.stop, _TILL)
    words = said.lower().split()
    children = ("kid", "children") if not _CHILDREN.isdisjoint(words) else ()
    doing = next((bases(word)[0] for word in reading.plain[group.after : group.after + 2] if bases(word)), group.verb)
    verbs = (doing,) if doing in _DONE else ()
    if "can" in reading.plain[reading.at : group.after] and reading.turned:
        reading.end(subject.actors[0], "studies", doing)
    for word in (*words[-1:], *children, *verbs):
        reading.end(subject.actors[0], _LACKS, word.removesuffix("s"))


_DONE = frozenset("drive speak eat drink smoke cook play swim".split())


_CHILDREN = frozenset("baby boy girl son daughter twins child".split())
