"""Amounts, numbers and times of what somebody does, each by what it is an amount, a number or a time of."""

from __future__ import annotations

from gateway.domain import USER, Triple
from gateway.extract.aspects import is_day, is_hour
from gateway.extract.groups import Group, bare, object_at
from gateway.extract.lexicon import ADVERBS, ARTICLES, BE, PREDICATES
from gateway.extract.reading import Reading
from gateway.extract.subjects import Subject, predicate_of

PLACED = frozenset("in on at with for to by under into near".split())
MINDED = frozenset(
    "think hope know feel mean guess wonder say tell see need want like love wish believe suppose expect plan intend"
    " remember forget worry try look ask go come let make help thank hate dislike visit enjoy".split()
)
"""Verbs that tell of no state that another statement could end."""
HOMES = frozenset("flat house apartment studio room bedsit home cottage bungalow loft place houseshare".split())
_CONSUMED = frozenset("drink eat smoke take use".split())
_NUMBERS = frozenset("one two three four five six seven eight nine ten eleven twelve fifteen twenty thirty".split())
_PER = frozenset("a an per each every".split())
_UNITS = frozenset("second minute hour day night week weekend fortnight month quarter year session person head".split())


_NUMBERED = frozenset(
    """
    year grade level class version port room floor gate seat line platform terminal week month chapter season
    episode page unit stage round lane desk locker bay ward row
    """.split()
)


def scheduled(reading: Reading, group: Group) -> None:
    """ "I have yoga on Tuesdays": when, by what it is that happens then."""
    said, end = object_at(reading.words, group.after, reading.stop, ("on", "at", "every", "this", "next", "from"))
    when = reading.plain[end : end + 4]
    if said and len(said.split()) <= 6 and any(is_day(word) or is_hour(word) for word in when):
        noun = predicate_of(bare(said).lower().split())
        value, _ = object_at(reading.words, end, reading.stop, ("with", "and", "for", "in"))
        for predicate in (noun, f"any {noun.partition(' of ')[0].rpartition(' ')[2]}"):
            reading.triples.append(Triple(USER, predicate, value))


WAYS = frozenset("take drive cycle walk bike bus commute run ride travel scoot".split())
_GOALS = frozenset("work uni university school office college campus".split())


def quantity(reading: Reading, subject: Subject, group: Group) -> None:
    """ "Work four days a week" and "take the 8:05 train": the number is the value, the rest the predicate."""
    plain, stop = reading.plain, reading.stop
    at = next((k for k in range(group.after, min(stop, group.after + 8)) if _is_number(plain[k])), stop)
    had = group.verb == "have" and (not subject.noun or not reading.words.is_word(at + 1))
    if at >= stop or (had and not reading.turned) or (group.verb in MINDED and group.verb != "go"):
        return
    end = at + 1
    per = next((k for k in range(end, min(stop - 1, end + 4)) if plain[k] in _PER and plain[k + 1] in _UNITS), 0)
    hour = plain[at - 1] in ("at", "by", "until", "till", "around", "before") and tuple(plain[end:per]) in (
        (),
        ("am",),
        ("pm",),
    )
    tail = (
        ["at"] if hour else plain[end : per + 2] if per else plain[end : end + 1] if reading.words.is_word(end) else []
    )
    if not tail or (not per and not hour and tail[0] in PLACED | BE | {"and", "but", "now", "since"}):
        return
    until = at - 1 if hour else at
    between = [word for word in plain[group.after : until] if word not in ARTICLES and word not in ADVERBS]
    lead = [*([subject.noun] if subject.noun else []), group.verb, *between[-2:]]
    predicate = " ".join([*lead, *tail])
    if group.verb in ("cost", "pay") and (HOMES.intersection(lead) or "rent" in plain[group.after : stop]):
        predicate = "rent"
    if group.verb in _CONSUMED and per:
        reading.triples.append(Triple(USER, PREDICATES[group.verb], tail[0].removesuffix("s")))
    value = reading.words.between(at, end)
    reading.triples.append(Triple(USER, predicate, value))
    every = hour and not any(is_day(word) for word in plain[group.after : stop])
    if ((per and not hour) or reading.changed or every or (subject.noun and group.verb == "have")) and not reading.adds:
        reading.end(USER, predicate)


def _is_number(word: str) -> bool:
    return word.lstrip("$€£")[:1].isdigit() or word in _NUMBERS


def numbered(reading: Reading, subject: Subject, group: Group) -> None:
    """ "In year 3", "on port 8443": the number by its noun."""
    plain = reading.plain
    for at in range(group.after, min(reading.stop - 1, group.after + 6)):
        if plain[at] in _NUMBERED and _is_number(plain[at + 1]) and not is_hour(plain[at + 1]):
            for actor in subject.actors:
                noun = f"{subject.noun} {plain[at]}" if subject.noun and not subject.person else plain[at]
                reading.state(actor, noun, reading.words.between(at + 1, at + 2), one=reading.changed)


def way(reading: Reading, group: Group) -> None:
    """ "Take the bus to work", "cycle to uni": how one gets there."""
    to = next((k for k in range(group.after, reading.stop - 1) if reading.plain[k] in ("to", "into")), reading.stop)
    goal = next((word for word in reading.plain[to + 1 : to + 3] if word in _GOALS), "")
    if goal and group.verb in WAYS and to - group.after <= 5:
        value = reading.words.between(group.after, to) if to > group.after else group.verb
        reading.triples.append(Triple(USER, f"way to {goal}", value))
        if reading.changed or "again" in reading.plain[to : reading.stop]:
            reading.end(USER, f"way to {goal}")
