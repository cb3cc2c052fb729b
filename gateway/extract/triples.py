"""Clauses into edges of the knowledge graph: who is what, has what, does what."""

from __future__ import annotations

from dataclasses import replace

from gateway.domain import USER, Triple
from gateway.extract.aspects import aspects, is_day, is_hour, one_of_its_kind, unqualified
from gateway.extract.changes import attribute_change, person_change
from gateway.extract.clauses import behind_aside, told_until
from gateway.extract.events import happenings
from gateway.extract.groups import Group, group_at, listed, object_at
from gateway.extract.impersonal import impersonal
from gateway.extract.lexicon import AUXILIARIES, BE, PETS, TIES_OF_ONE, VERBS
from gateway.extract.persons import NATIONALITIES, person
from gateway.extract.reading import Reading
from gateway.extract.states import broaden
from gateway.extract.subjects import Mentioned, Subject, predicate_of, subject_of
from gateway.extract.tokens import NEVER_NAMES, Phrases, Words

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
    """The triples and changes of one clause, and of what is joined to it without a known verb."""
    at = opening(words, start, stop)
    whole = Reading(words, at, stop, mentioned, changed)
    if at >= stop or words.plain[at] in _UNREAL_OPENINGS or words.plain[stop - 1] == "?":
        return whole
    begin, told = at, told_until(words, at, stop)
    for end, following in [*_inner(words, at, told), (told, told)]:
        reading = Reading(words, begin, end, mentioned, changed)
        _read(reading, start)
        whole.carried = reading.carried or whole.carried
        whole.triples += reading.triples
        whole.ends += reading.ends
        begin = following
    return whole


_JOINED = frozenset(", ; - – — so since because but and now while then as".split())
_TELLERS = frozenset("i we my our".split())
_DEEPEST = 6
"""Joined parts of a clause that are read for themselves."""


def _inner(words: Words, start: int, stop: int) -> list[tuple[int, int]]:
    """Where a part with a subject of its own begins: the end of the part before, and its first word."""
    plain = words.plain
    found: list[tuple[int, int]] = []
    end = start + 1
    while end < stop - 2 and len(found) < _DEEPEST:
        at = end
        while at < stop - 2 and plain[at] in _JOINED:
            at += 1
        valued = any(plain[k : k + 2] in (["is", "my"], ["is", "our"]) for k in range(at + 1, min(at + 5, stop)))
        if at > end and (
            plain[at] in _TELLERS
            or valued
            or _definite(words, at, stop)
            or (plain[at] not in _LEADING and _bare(words, at, stop))
        ):
            found.append((end, at))
        end = max(at, end + 1)
    return found


def _definite(words: Words, at: int, stop: int) -> bool:
    """Whether "the kids go" begins here."""
    near = words.plain[at + 1 : min(at + 4, stop)]
    return words.plain[at] == "the" and any(word in VERBS or word in BE for word in near[1:])


_LEADING = frozenset("on at in the from a is are was were has have got".split())


def _read(reading: Reading, start: int) -> None:
    words, at, stop, mentioned = reading.words, reading.at, reading.stop, reading.mentioned
    if impersonal(reading):
        happenings(reading, None)
        return
    subject = subject_of(words, at, stop, mentioned) or _behind_circumstance(words, at, stop, mentioned)
    if subject is None or (at == 0 and subject.owner != USER and not subject.noun):
        subject = _bare(words, at, stop) or subject
    if subject is None and group_at(words, at, stop).verb:
        subject = _shared(reading, at, start > 0)
    if subject is not None:
        subject = replace(subject, verb=_behind(words, subject.verb))
        broaden(reading, subject, _clause(reading, subject))
    happenings(reading, subject)
    if subject is not None and not reading.carried and subject.verb > at:
        mentioned.said = words.between(at, subject.verb)


def _behind(words: Words, verb: int) -> int:
    """Where the verb stands whose subject was read as far as an aside: "my eldest, Ana, is nine"."""
    return max(verb, behind_aside(words, verb - 1)) if verb and words.plain[verb - 1] == "," else verb


_CIRCUMSTANCES = frozenset(
    "from since as in on at for after last next this until by these starting before during with every each"
    " yesterday".split()
)


def _behind_circumstance(words: Words, at: int, stop: int, mentioned: Mentioned) -> Subject | None:
    """The subject behind a time or a place in front: "from next Monday our sprints are …", "a week ago I moved"."""
    plain = words.plain
    told = plain[at] in _CIRCUMSTANCES or plain[max(0, at - 1)] in ("since", "as")
    if not told and "ago" not in plain[at + 1 : min(at + 5, stop)]:
        return None
    own = next((k for k in range(at + 1, min(at + 8, stop)) if plain[k] in _TELLERS), stop)
    if own == stop:
        own = next((k for k in range(at + 1, min(at + 8, stop)) if plain[k] == "the"), stop)
    return subject_of(words, own, stop, mentioned) if own < stop else None


_TOLD_OF = BE | frozenset("has have moved changed slipped got starts begins runs ends closes opens leaves".split())
_FROM_TO = frozenset("on at due moved to pushed from until now by in back been up down rescheduled postponed".split())


def _bare(words: Words, at: int, stop: int) -> Subject | None:
    """A thing without an article, of which a time is told: "handover is on 13 September"."""
    plain = words.plain
    verb = next((k for k in range(at, min(at + 5, stop)) if plain[k] in _TOLD_OF or not words.is_word(k)), stop)
    if verb in (at, stop) or plain[verb] not in _TOLD_OF or verb + 1 >= stop or plain[at] in NEVER_NAMES:
        return None
    place = verb + 1
    while place < min(stop, verb + 5) and plain[place] in _FROM_TO:
        place += 1
    timed = place < stop and (is_hour(plain[place]) or is_day(plain[place]) or plain[place][:1].isdigit())
    if not timed or (words.named(at) and place == verb + 1) or any(word in AUXILIARIES for word in plain[at:verb]):
        return None
    return Subject(USER, predicate_of(plain[at:verb]), verb=verb)


def _shared(reading: Reading, at: int, later: bool) -> Subject | None:
    """The subject of the clause before, for one that has none; "I" for one that leaves it out."""
    before = reading.mentioned.subject
    if later and before:
        reading.carried = reading.mentioned.said
        return Subject(before.owner, before.noun, before.name, at, before.words)
    return Subject(USER, verb=at) if not later else None


def _clause(reading: Reading, subject: Subject) -> Group:
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
    return group


def _named_by_verb(reading: Reading, group: Group) -> bool:
    """ "Is called Rex", "is Maria"."""
    if group.verb in ("call", "name") and group.being:
        return True
    at = group.after + (reading.word(group.after) in ("not", "now"))
    name = reading.words.named(at) and reading.word(at) not in NATIONALITIES
    return group.verb == "be" and name and "name" not in reading.word(at)


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
        if not group.negated:
            _valued(reading, subject, noun, at, said)
            if subject.owner in PETS and noun in TIES_OF_ONE:
                reading.triples.append(Triple(USER, noun, said))
        elif said:
            reading.end(subject.owner, noun, said)
    elif not group.past and not group.negated and group.verb != "go":
        said, _ = object_at(reading.words, at, reading.stop)
        predicate = noun if group.form in _MEASURES else f"{noun} {group.form}"
        if said:
            reading.state(subject.owner, predicate, said)
            if reading.changed:
                reading.end(subject.owner, predicate)


_LESSONS = frozenset("class lesson session course practice rehearsal".split())
_LISTED = frozenset("hobby child sister brother dog cat friend".split())


def _valued(reading: Reading, subject: Subject, noun: str, at: int, said: str) -> None:
    each = noun in _LISTED or noun == "allergic to" or (noun.startswith("favourite ") and noun.endswith("s"))
    one = subject.owner == USER and one_of_its_kind(noun)
    changed = (reading.changed or "new" in subject.words) and not reading.adds
    for predicate in aspects(reading, noun, at, said) if not each else (noun,):
        for value in listed(said) if each else [said]:
            reading.state(subject.owner, predicate, value, one=one and not predicate.endswith(" is"))
        if changed:
            reading.end(subject.owner, predicate)
    if changed:
        lesson, _, what = noun.partition(" of ")
        reading.end(subject.owner, what if lesson in _LESSONS else noun if what else f"any {noun}")
        reading.end(subject.owner, noun)
    if unqualified(noun) and one and said:
        reading.triples.append(Triple(subject.owner, unqualified(noun), said))


_MEASURES = frozenset("last lasts cost costs run runs take takes".split())
