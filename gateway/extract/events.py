"""What happens to the things of somebody's life, in whatever clause it is told: given up, moved, renamed, replaced."""

from __future__ import annotations

from gateway.domain import USER
from gateway.extract.groups import lasting_object, object_at
from gateway.extract.habits import bases, stopped_doing
from gateway.extract.lexicon import ADVERBS, PREDICATES, PROFESSIONALS, TIES_OF_ONE, TRAILING, VERBS
from gateway.extract.moved import DEFINITE, SET, changed_to, had_to
from gateway.extract.names import class_of
from gateway.extract.reading import Reading
from gateway.extract.slots import end_named, end_noun, together
from gateway.extract.subjects import Subject, is_tie, one_valued, predicate_of
from gateway.extract.tokens import Phrases
from gateway.extract.turns import born, done_by_user, lived, real

_GAVE_UP = Phrases("""
    left, quit, cancelled, canceled, dropped, dropped out of, ditched, dumped, scrapped, abandoned, deleted,
    uninstalled, sold, returned, lost, binned, closed, gave up, gave up on, given up, given up on, got rid of,
    gotten rid of, walked away from, moved on from, moved off, moved out of, moved away from, migrated off, migrated
    away from, broke up with, split up with, split from, handed over, handed in, handed back, gave back, gave away,
    given away, resigned from, resigned as, stepped down from, stepped down as, done with, through with, finished
    with, finished, completed, parted ways with, cut out, swore off, came off, went off, gone off, unsubscribed
    from, withdrew from, pulled out of, traded in, traded, swapped, swapped out, replaced, exchanged, stopped,
    stopped using, stopped taking, stopped going to, stopped doing, threw out, threw away, retired from, graduated
    from, fired from, laid off from, called off, fell out with, fired, sacked, shut down, disbanded, wound down,
    phased out, moved from, switched from, went from, gone from, changed from, migrated from, transferred from,
    converted from, relocated from, upgraded from, downgraded from, came back from, grew out of, outgrew, retired,
    killed off, rehomed, donated, done away with, packed in, jacked in, wrapped up, not touched, switched away from,
    moved over from, switched off, dropped off, not doing, not seeing, not using, not taking, off, back from,
    recovered from, over with, gave notice at, handed in my notice at, shelved, left behind, kicked, cut, removed,
    took off
    """)
"""Behind "I" or "we", with what is over behind it."""
_GONE = Phrases("""
    fine again, better now, back to normal, no longer my, no longer our, not my, broke and, broke so, broke last,
    history, healed, cleared up, gone, dead, over, finished, no more, cancelled, canceled, closed, off, scrapped,
    obsolete, retired, died, passed away, went bust, shut down, closed down, folded, expired, ended, fell through,
    broke for good, been cancelled, been dropped, been scrapped, been sold, been closed, been dethroned, been
    replaced, been retired, been discontinued, been shut down, been decommissioned, left, a thing of the past, no
    longer exists, went under, off the table, off the menu, out of the picture, used to be my, used to be our, was
    sold, was scrapped, was cancelled, was closed, got cancelled, got scrapped, is cancelled, did not work out,
    ancient history, been deleted
    """)
_COPULAS = frozenset("is are 's was were has have got had just now finally already all both be been sadly".split())
_STAYS = frozenset(
    "home work house office flat apartment party meeting gym hotel airport station building room place weight time hope"
    " interest sleep count track touch a it him her them this that you me bed town".split()
)
"""What is left or lost without being over."""
_TILL = tuple(
    """
    for to last in on at and this by after from with over when before during two three years completely altogether
    entirely back as then into
    """.split()
)


def happenings(reading: Reading, subject: Subject | None) -> None:
    """Add what a clause ends, wherever in it that is said."""
    plain, own = reading.plain, _own(subject)
    for at in range(reading.at, reading.stop - 3):
        if reading.plain[at : at + 3] in (["moved", "in", "with"], ["moving", "in", "with"]) and real(reading, at):
            reading.end(USER, "household")
    born(reading)
    if _other(subject):
        if subject:
            _others(reading, subject)
        if subject and subject.owner == USER and "new" in subject.words and one_valued(subject.noun):
            end_noun(reading, USER, subject.noun)
        return
    for at in range(reading.at, reading.stop):
        length = _GAVE_UP.at(plain, at)
        if length and done_by_user(reading, at, own):
            _given_up(reading, at, length)
        if (plain[at] in _PARTED or plain[at][-2:] == "ed") and done_by_user(reading, at, own):
            _particled(reading, at)
        if plain[at : at + 2] == ["moved", "out"] and done_by_user(reading, at, own):
            reading.end(USER, "household")
        if plain[at : at + 2] in (["instead", "of"], ["rather", "than"]) and real(reading, at):
            end_named(reading, USER, object_at(reading.words, at + 2, reading.stop, _TILL)[0])
        if plain[at] in ("new", "different", "replacement"):
            _replaced(reading, at)
        if (plain[at] in SET and real(reading, at)) or had_to(plain, at):
            changed_to(reading, at)
        if plain[at] in _TURNED and done_by_user(reading, at, own):
            _turned(reading, at)
    _gone(reading)
    lived(reading, own)
    over = {ended.object for ended in reading.ends if not ended.predicate}
    if over:
        reading.triples[:] = [triple for triple in reading.triples if triple.object not in over]


def _others(reading: Reading, subject: Subject) -> None:
    """ "My son quit football"."""
    at = subject.verb
    while at < reading.stop and (reading.plain[at] in ADVERBS or reading.plain[at] in ("has", "have", "had")):
        at += 1
    length = _GAVE_UP.at(reading.plain[: reading.stop], at)
    if length and real(reading, at) and reading.word(at) not in ("moved", "came"):
        said = lasting_object(object_at(reading.words, at + length, reading.stop, _TILL)[0])
        for actor in subject.actors if said and said.lower().split()[-1] not in _STAYS else ():
            end_named(reading, actor, said)


def _other(subject: Subject | None) -> bool:
    """Whether the clause tells of another person than the user."""
    return subject is not None and subject.person and bool(subject.noun or is_tie(subject.owner))


def _own(subject: Subject | None) -> bool:
    return subject is None or (subject.owner == USER and not subject.noun)


def _given_up(reading: Reading, at: int, length: int) -> None:
    plain, begin = reading.plain, at + length
    exchanging = plain[at] in ("traded", "swapped", "replaced", "exchanged")
    if reading.word(begin).endswith("ing") and bases(reading.word(begin)):
        _habit(reading, begin)
        return
    till = (*_TILL, "for", "with") if exchanging else _TILL
    said = lasting_object(object_at(reading.words, begin, reading.stop, till)[0])
    words = [word.lower() for word in said.split()]
    if plain[at] == "off" and (plain[at - 1] not in ("am", "are") or reading.word(begin) in ("to", "on", "for", "the")):
        return
    if not words or words[-1] in _STAYS or words[0][:1].isdigit():
        return
    thing = plain[at] in ("dropped", "left", "cut") and length == 1 and reading.word(begin) in ("my", "our", "the", "a")
    if thing and not said[:1].isupper() and not together(words[-1]) and plain[at] != "cut":
        return
    end_named(reading, USER, said)


_PARTED = frozenset("got had took gave given traded threw handed sent let".split())
_AWAY = frozenset("off away".split())
_PARTICLES = frozenset("off out up away in over back go removed down".split())


def _particled(reading: Reading, at: int) -> None:
    """ "Got my braces off", "traded the Honda in"."""
    plain = reading.plain
    if plain[at] in ("had", "got") and reading.word(at + 1) in ("my", "our"):
        done = next((k for k in range(at + 3, min(at + 6, reading.stop)) if plain[k][-2:] == "ed"), 0)
        if done:
            reading.mentioned.attribute = (USER, predicate_of(plain[at + 2 : done]))
    particles = _PARTICLES if plain[at] in _PARTED else _AWAY
    end = next((k for k in range(at + 2, min(at + 6, reading.stop)) if plain[k] in particles), 0)
    following = reading.word(end + 1) if end else ""
    goes_on = reading.words.is_word(end + 1) and following not in _AFTER and following not in TRAILING
    if end and plain[at + 1] in ("my", "our", "the") and not (goes_on and end + 1 < reading.stop):
        end_named(reading, USER, reading.words.between(at + 1, end))


_AFTER = frozenset("last on for this and to at after in because since so this".split())


def _habit(reading: Reading, at: int) -> None:
    """ "Smoking", "playing tennis"."""
    base = bases(reading.plain[at])[0]
    said = lasting_object(object_at(reading.words, at + 1, reading.stop, _TILL)[0])
    predicate = PREDICATES.get(base, base + "s")
    if predicate not in ("works", "gives", "goes", "lives", "makes"):
        reading.end(USER, predicate, said)
        if not said:
            reading.end(USER, "likes", reading.plain[at])
    if said:
        reading.end(USER, "", said)
    stopped_doing(reading, USER, reading.plain[at], said)


def _replaced(reading: Reading, at: int) -> None:
    """ "A new therapist, Damian", "a different locker"."""
    plain, stop = reading.plain, reading.stop
    if not real(reading, at) or reading.word(at - 1) in ("no", "any", "some", "is", "second"):
        return
    _, end = object_at(reading.words, at, stop, ("called", "named", "at", "in", "for", "with", "from", "to", "as", "is",
                                                 "and", "on", "are", "was", "since", "who", "'s", "of"))  # fmt: skip
    nouns = plain[at + 1 : end]
    if not nouns or len(nouns) > 4 or (reading.word(end) == "for" and reading.word(end + 1) in ("my", "the", "our")):
        return
    noun = predicate_of(nouns)
    if not (one_valued(noun) or noun in TIES_OF_ONE or together(noun)):
        return
    end_noun(reading, USER, noun)
    reading.end(USER, f"any {noun}")
    reading.mentioned.attribute = (USER, noun)
    if reading.word(end) in (",", "called", "named", ":") and reading.words.named(end + 1):
        reading.state(USER, noun, object_at(reading.words, end + 1, stop)[0])


_TURNED = frozenset(
    """
    switched transferred moved migrated changed converted upgraded downgraded transitioned swapped went gone jumped
    defected signed joined started opted settled chose using
    """.split()
)
_TOWARDS = frozenset("over back across up down to with using for on to the onto".split())
_PLANS = frozenset("plan tier subscription package tariff".split())


def _turned(reading: Reading, at: int) -> None:
    """ "Switched to giffgaff", "went back to Firefox", "signed up with Monzo"."""
    plain, begin = reading.plain, at + 1
    was = at > reading.at and plain[at].endswith("ing") and plain[at - 1] in ("was", "were")
    if was or reading.word(begin) in DEFINITE:
        return
    while reading.word(begin) in _TOWARDS:
        begin += 1
    said, end = object_at(
        reading.words, begin, reading.stop, ("for", "last", "from", "and", "in", "on", "as", "because")
    )
    kind = class_of(said)
    if not said or reading.word(begin) in VERBS or (kind and said == said.lower() and kind == "programming language"):
        return
    words = said.lower().split()
    if words[-1] in _PLANS and len(words) > 1:
        reading.state(USER, "plan", " ".join(said.split()[:-1]))
        for name in said.split()[:-1]:
            reading.end(USER, f"plan of {name.lower()}")
    elif kind:
        reading.state(USER, kind, said)
        reading.end(USER, kind)
        if kind.endswith("provider") or kind in ("carrier", "bank", "insurer"):
            reading.end(USER, "provider")
    elif plain[at] in ("switched", "transferred", "changed") and "to" in plain[at:begin]:
        reading.end(USER, "provider")
        head = said.partition(" of ")[0].rpartition(" ")[2]
        reading.end(USER, "", head.lower() if " " in said and not words[-1][:1].isdigit() else "")
    if reading.word(end) == "for":
        noun = object_at(reading.words, end + 1, reading.stop, ("at", "in", "on", "with", "and"))[0].lower().split()
        reading.end(USER, f"for {predicate_of(noun)}" if 0 < len(noun) <= 3 else "")


_NOT_OVER = frozenset("on at every until for from to by between over my the their his her".split())
_FOR_NOW = frozenset("this today tonight tomorrow all".split())
"""What follows "closed" and "off" where it opens again."""


def _gone(reading: Reading) -> None:
    """ "Acme is history", "Tom passed away", "Dishoom has been dethroned"."""
    plain, words = reading.plain, reading.words
    for at in range(reading.at + 1, min(reading.stop, reading.at + 9)):
        if not _GONE.at(plain, at):
            continue
        end = at
        while end > reading.at and plain[end - 1] in _COPULAS:
            end -= 1
        start = reading.at + (plain[reading.at] in ("my", "our", "the"))
        if plain[at] in ("closed", "off", "left", "gone", "cancelled") and reading.word(at + 1) in _NOT_OVER:
            return
        if plain[at] in ("closed", "off") and reading.word(at + 1) in _FOR_NOW:
            return
        if end <= start or not real(reading, at) or (end == at and plain[at] in ("over", "off", "finished")):
            return
        said = words.between(start, end)
        named = all(words.named(k) for k in range(start, end))
        if (plain[at] in ("left", "retired", "gone") and end == at) or plain[at] == "left":
            for role in PROFESSIONALS if named else ():
                reading.end(USER, role, said)
        elif (named or start > reading.at) and end - start <= 4 and plain[start] not in ("i", "we", "he", "she", "it"):
            end_named(reading, USER, said)
        return
