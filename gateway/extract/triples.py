"""Clauses into edges of the knowledge graph: who is what, has what, does what."""

from __future__ import annotations

from gateway.domain import USER, Triple
from gateway.extract.changes import attribute_change, person_change
from gateway.extract.groups import Group, group_at, listed, object_at
from gateway.extract.impersonal import impersonal
from gateway.extract.persons import NATIONALITIES, person
from gateway.extract.reading import Reading
from gateway.extract.subjects import Mentioned, Subject, subject_of
from gateway.extract.tokens import Phrases, Words

_UNREAL_OPENINGS = frozenset("if imagine suppose supposing unless pretend say wish".split())
_SKIPPED = frozenset(
    """
    and but so also actually now well ok okay yes no sorry hi hello hey correction update oh btw fyi remember
    that please note because since then , : - – — ! . currently recently today lately honestly just plus yeah
    yep nope basically anyway um hmm forget don't know as though still finally reminder unfortunately sadly
    luckily i-meant apparently first firstly secondly whereas while wait hang
    """.split()
)
_PHRASES = Phrases("""
    by the way, it turns out, turns out, for the record, from now on, i meant, i mean, in fact, do not forget,
    these days, at the moment, you should know, just so you know, i was wrong, of course, as of today,
    guess what, good news, i think, i should say, to be clear, scratch that, i forgot to mention,
    did i mention, big news, as of now, i misspoke, my mistake, my bad, quick update, small correction, i said,
    you can, just to let you know, as of last week, bad news
    """)


def opening(words: Words, start: int, stop: int) -> int:
    """Where the clause itself begins, behind what people say first."""
    plain = words.plain
    at = start
    while at < stop:
        phrase = _PHRASES.at(plain, at)
        if phrase:
            at += phrase
        elif plain[at] in _SKIPPED or not words.is_word(at):
            at += 1
        elif (
            at == start
            and ":" in plain[at + 1 : min(at + 6, stop - 2)]
            and plain[at] not in ("my", "our", "new", "goal")
        ):
            at = plain.index(":", at) + 1
        else:
            break
    return at


def read(words: Words, start: int, stop: int, mentioned: Mentioned, changed: bool) -> Reading:
    """The triples and changes of one clause."""
    at = opening(words, start, stop)
    reading = Reading(words, at, stop, mentioned, changed)
    if at >= stop or words.plain[at] in _UNREAL_OPENINGS or words.plain[stop - 1] == "?":
        return reading
    if impersonal(reading):
        return reading
    subject = subject_of(words, at, stop, mentioned) or _behind_circumstance(words, at, stop, mentioned)
    if subject is None and group_at(words, at, stop).verb:
        subject = _shared(reading, at, start > 0)
    if subject is not None:
        _clause(reading, subject)
        if not reading.carried and subject.verb > at:
            mentioned.said = words.between(at, subject.verb)
    return reading


_CIRCUMSTANCES = frozenset(
    "from since as in on at for after last next this until by these starting before during with every each".split()
)


def _behind_circumstance(words: Words, at: int, stop: int, mentioned: Mentioned) -> Subject | None:
    """The subject behind a time or a place in front: "from next Monday our sprints are …"."""
    if words.plain[at] not in _CIRCUMSTANCES:
        return None
    own = next((k for k in range(at + 1, min(at + 8, stop)) if words.plain[k] in ("i", "we", "my", "our")), stop)
    return subject_of(words, own, stop, mentioned) if own < stop else None


def _shared(reading: Reading, at: int, later: bool) -> Subject | None:
    """The subject of the clause before, for one that has none; "I" for one that leaves it out."""
    before = reading.mentioned.subject
    if later and before:
        reading.carried = reading.mentioned.said
        return Subject(before.owner, before.noun, before.name, at, before.words)
    return Subject(USER, verb=at) if not later else None


def _clause(reading: Reading, subject: Subject) -> None:
    group = group_at(reading.words, subject.verb, reading.stop)
    if subject.noun and subject.name:
        reading.triples.append(Triple(subject.owner, subject.noun, subject.name))
    mentioned = reading.mentioned
    mentioned.subject = subject
    if subject.noun and subject.person:
        mentioned.person = subject.actors[0]
    elif subject.owner != USER and not subject.noun:
        mentioned.person = subject.owner
    if not subject.person:
        mentioned.attribute = (subject.owner, subject.noun)
    if not group.verb and not subject.person and reading.word(subject.verb) == ":":
        _attribute(reading, subject, Group("be", "is", subject.verb + 1))
    elif subject.noun and (not subject.person or _named_by_verb(reading, group)):
        _attribute(reading, subject, group)
    elif not person_change(reading, subject, group):
        person(reading, subject, group)


def _named_by_verb(reading: Reading, group: Group) -> bool:
    """ "Is called Rex", "is Maria"."""
    if group.verb in ("call", "name") and group.being:
        return True
    at = group.after + (reading.word(group.after) in ("not", "now"))
    name = reading.words.named(at) and reading.word(at) not in NATIONALITIES
    return group.verb == "be" and name and "name" not in reading.word(at)


_COLOURS = frozenset(
    "red blue green black white grey yellow orange purple pink brown silver gold beige turquoise".split()
)


def _attribute(reading: Reading, subject: Subject, group: Group) -> None:
    """ "My <noun> is <value>"."""
    if attribute_change(reading, subject, group) or group.unreal or not group.verb:
        return
    noun, at = subject.noun, group.after
    if group.verb == "be" and reading.word(at) == "due":
        noun, at = f"deadline of {noun}", at + 1
    if group.verb in ("be", "call", "name") and not group.past:
        if reading.word(at) in ("that", "to") and noun in ("goal", "plan", "dream", "hope"):
            at += 1
        said, _ = object_at(reading.words, at, reading.stop)
        if noun == "lives in":
            said = said.removeprefix("in ").removeprefix("at ")
        if said.lower() in _COLOURS and not noun.startswith("favourite") and "colour" not in noun:
            noun = f"{noun} colour"
        if not group.negated:
            each = noun in ("allergic to", "hobby", "child", "sister", "brother", "dog", "cat", "friend") or (
                noun.startswith("favourite ") and noun.endswith("s")
            )
            for value in listed(said) if each else [said]:
                reading.state(subject.owner, noun, value)
        elif said:
            reading.end(subject.owner, noun, said)
        if (reading.changed or "new" in subject.words) and not reading.adds:
            reading.end(subject.owner, noun)
    elif not group.past and not group.negated and group.verb != "go":
        said, _ = object_at(reading.words, at, reading.stop)
        predicate = noun if group.form in _MEASURES else f"{noun} {group.form}"
        if said:
            reading.state(subject.owner, predicate, said)
            if reading.changed:
                reading.end(subject.owner, predicate)


_MEASURES = frozenset("last lasts cost costs run runs take takes".split())
