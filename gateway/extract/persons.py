"""What a person is, has and does."""

from __future__ import annotations

from gateway.domain import USER, Triple
from gateway.extract.groups import Group, listed, object_at
from gateway.extract.lexicon import DIETS, LANGUAGES, OCCUPATIONS, PREDICATES, TIES
from gateway.extract.reading import Reading
from gateway.extract.subjects import Subject, is_tie, predicate_of

_NUMBERS = frozenset(
    """eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety thirty-one thirty-two thirty-three
    thirty-four thirty-five forty-two""".split()
)


_NATIONS = ("ish", "ese", "ican", "alian", "sian", "nian", "gian", "bian", "tian", "dian", "rian", "lian", "glish")


NATIONALITIES = frozenset(
    """
    french german dutch greek swiss thai czech american canadian mexican european african asian indian brit
    british brazilian italian russian iranian iraqi pakistani israeli korean vietnamese christian muslim jewish
    catholic protestant hindu buddhist republican democrat
    """.split()
)


_PLACE_OF = frozenset("in at on near around outside".split())


_WORK_STOPS = ("in", "as", "for", "with", "and", "on", "from", "at", "where")


def person(reading: Reading, subject: Subject, group: Group) -> None:
    verb, at, word = group.verb, group.after, reading.word(group.after)
    if verb == "be":
        _being(reading, subject, group)
    elif verb in ("live", "reside") and word in _PLACE_OF and not _gone(group):
        said, _ = object_at(reading.words, at + 1, reading.stop, ("with", "and", "for", "since", "near", "at"))
        if reading.word(at + 1) in ("a", "an", "this", "the") and " in " in said:
            said = said.rpartition(" in ")[2]
        reading.tell(subject, group, "lives in", said)
    elif verb == "bank" and word == "with" and not _gone(group):
        reading.tell(subject, group, "bank", object_at(reading.words, at + 1, reading.stop, ("for", "and"))[0])
    elif verb == "work" and not _gone(group):
        _working(reading, subject, group)
    elif verb == "speak" and not _gone(group):
        said, _ = object_at(reading.words, at, reading.stop, ("with", "to", "at", "since"))
        spoken = [value for value in listed(said) if any(part.lower() in LANGUAGES for part in value.split())]
        reading.tell(subject, group, "speaks", " and ".join(spoken), each=True)
    elif verb == "have":
        _having(reading, subject, group)
    elif verb == "come" and word == "from":
        reading.tell(subject, group, "from", object_at(reading.words, at + 1, reading.stop)[0])
    elif verb in ("call", "name") and group.being:
        reading.tell(subject, group, "called", object_at(reading.words, at, reading.stop)[0])
    elif verb == "go" and word == "by":
        reading.tell(subject, group, "called", object_at(reading.words, at + 1, reading.stop)[0])
    elif verb in ("stand", "bear") and group.negated:
        said, _ = object_at(reading.words, at, reading.stop)
        for actor in subject.actors:
            reading.state(actor, "dislikes", said)
    elif verb == "go" and word == "to" and not _gone(group) and not group.future:
        said, _ = object_at(reading.words, at + 1, reading.stop, ("on", "with", "at", "for", "and"))
        reading.tell(subject, group, "goes to", said)
    elif verb in ("like", "love") and group.unreal:
        reading.state(subject.owner, "wants", object_at(reading.words, at, reading.stop)[0].removeprefix("to "))
    elif verb in PREDICATES and not _gone(group):
        _doing(reading, subject, group)


def _gone(group: Group) -> bool:
    """Told of the past: neither does it hold, nor does it end what holds."""
    return group.past and not group.perfect and not group.over


def _being(reading: Reading, subject: Subject, group: Group) -> None:
    if group.form in ("was", "were") and not reading.changed:
        if reading.word(group.after) == "born":
            _born(reading, subject, group.after + 1)
        return
    plain, at = reading.plain, group.after
    said, end = object_at(reading.words, at, reading.stop)
    values = [word.lower().strip(".,!") for word in said.split()]
    if not values:
        return
    first = values[0]
    if _state_of(reading, subject, group, at):
        return
    if DIETS.intersection(values[:3]) and len(values) <= 4:
        diet = next(value for value in values if value in DIETS)
        reading.tell(subject, group, "diet", diet)
    elif first in ("unemployed", "jobless", "retired") or said.lower() == "between jobs":
        reading.tell(subject, group, "works as", said)
    elif first == "with" and reading.words.named(at + 1):
        reading.tell(subject, group, "provider", object_at(reading.words, at + 1, reading.stop, ("for", "and"))[0])
    elif first == "on" and reading.word(at + 1) == "the" and values[-1] in ("plan", "tier", "subscription"):
        _on_plan(reading, subject, group, said.split()[1:])
    elif first == "on" and values[-1] == "shift" and len(values) > 2:
        reading.tell(subject, group, "shift", values[-2])
    elif first in ("down", "up") and values[1:2] == ["to"] and values[-1] in ("kg", "kilos", "lbs", "pounds", "stone"):
        reading.tell(subject, group, "weight", " ".join(values[2:]))
    elif first == "on" and values[-1] == "diet" and len(values) > 2:
        reading.tell(subject, group, "diet", values[-2])
    elif first in _STATUSES or values[:3] == ["in", "a", "relationship"]:
        _status(reading, subject, group, "taken" if first == "in" else first)
    if first in ("married", "engaged") and "to" in values:
        reading.tell(subject, group, f"{first} to", object_at(reading.words, plain.index("to", at) + 1, end)[0])
    elif (first.isdigit() or first in _NUMBERS) and (len(values) == 1 or values[1] in ("years", "yrs", "year", "yo")):
        reading.tell(subject, group, "age", first)
    elif plain[at] in ("my", "our") or (reading.word(at + 1) == "'s" and reading.word(at + 2) in TIES):
        _tie(reading, subject, group, at)
    elif not _occupation(reading, subject, group, at, end) and _is_name(reading, subject, at, end):
        reading.tell(subject, group, "name", said)


_STATUSES = frozenset("single married engaged divorced widowed separated".split())


def _status(reading: Reading, subject: Subject, group: Group, status: str) -> None:
    reading.tell(subject, group, "relationship", status)


def _on_plan(reading: Reading, subject: Subject, group: Group, said: list[str]) -> None:
    """ "On the Netflix basic plan"."""
    named = [word for word in said[:-1] if word[:1].isupper()]
    value = " ".join(word for word in said[1:-1] if word not in named[:1] and word.lower() != "the")
    if named and value:
        reading.tell(subject, group, f"plan of {named[0].lower()}", value)
    elif value or named:
        reading.tell(subject, group, "plan", value or named[0])


def _state_of(reading: Reading, subject: Subject, group: Group, at: int) -> bool:
    """Adjectives and prepositions with an object: "allergic to nuts", "from Porto", "into jazz"."""
    words, word, following = reading.words, reading.word(at), reading.word(at + 1)
    predicate, skip, each = "", 2, True
    if word == "from":
        predicate, skip, each = "from", 1, False
    elif (word, following) == ("allergic", "to"):
        predicate = "allergic to"
    elif word in ("fluent", "conversational") and following == "in":
        predicate = "speaks"
    elif (word, following) in (("fond", "of"), ("keen", "on"), ("crazy", "about"), ("obsessed", "with")):
        predicate = "likes"
    elif word == "into" and following:
        predicate, skip = "likes", 1
    elif word == "a" and "fan" in reading.plain[at : at + 4] and "of" in reading.plain[at : at + 5]:
        predicate, skip = "likes", reading.plain.index("of", at) - at + 1
    elif word in ("based", "located") and following in _PLACE_OF:
        predicate, each = "lives in", False
    elif word == "employed" and following in ("at", "by"):
        predicate, each = "works at", False
    if predicate:
        said, _ = object_at(words, at + skip, reading.stop, () if predicate != "lives in" else ("with", "and", "for"))
        reading.tell(subject, group, predicate, said.removeprefix("both "), each)
    return bool(predicate)


def _born(reading: Reading, subject: Subject, at: int) -> None:
    said, _ = object_at(reading.words, at + 1, reading.stop, ("and",))
    predicate = "birthday" if reading.word(at) == "on" or said[:4].isdigit() else "born in"
    for actor in subject.actors:
        reading.state(actor, predicate, said)


def _tie(reading: Reading, subject: Subject, group: Group, at: int) -> None:
    """ "Maria is my sister", "Tom is Ana's brother"."""
    possessive = reading.plain[at] in ("my", "our")
    start = at + 1 if possessive else at + 2
    said, end = object_at(reading.words, start, reading.stop, ("and", "from", "at", "with", "in"))
    owner = USER if possessive else reading.words.between(at, at + 1)
    noun = predicate_of(reading.plain[start:end])
    if subject.owner == USER or subject.noun or not said:
        return
    if group.over:
        reading.end(owner, noun, subject.owner)
    elif not group.negated:
        reading.state(owner, noun, subject.owner)
        if "new" in reading.plain[start:end]:
            reading.end(owner, noun)


def _occupation(reading: Reading, subject: Subject, group: Group, at: int, end: int) -> bool:
    """ "A nurse at St. James's", "the CTO of Acme"."""
    plain = reading.plain
    stop = next((k for k in range(at, end) if plain[k] in ("at", "for", "in", "of", "with", "and", "from", "on")), end)
    nouns = plain[at:stop]
    if not any(word in OCCUPATIONS or word.endswith(("ologist", "ographer")) for word in nouns) or len(nouns) > 6:
        return False
    reading.tell(subject, group, "works as", object_at(reading.words, at, stop)[0])
    if stop < end and plain[stop] in ("at", "for", "with", "of") and reading.words.named(stop + 1):
        reading.tell(subject, group, "works at", object_at(reading.words, stop + 1, end, _WORK_STOPS)[0])
    return True


def _is_name(reading: Reading, subject: Subject, at: int, end: int) -> bool:
    if subject.owner != USER or subject.noun or end - at > 3 or reading.word(end) not in ("", ",", ".", "!", "and"):
        return False
    first = reading.word(at)
    nation = first in NATIONALITIES or (len(first) > 6 and first.endswith(_NATIONS)) or first in LANGUAGES
    return not nation and all(reading.words.named(k) for k in range(at, end))


def _working(reading: Reading, subject: Subject, group: Group) -> None:
    at = group.after
    while at < reading.stop and reading.word(at) in (
        "nights",
        "days",
        "shifts",
        "full-time",
        "part-time",
        "remotely",
        "freelance",
        "over",
        "also",
    ):
        at += 1
    while reading.word(at) in ("at", "for", "as"):
        said, end = object_at(reading.words, at + 1, reading.stop, _WORK_STOPS)
        if reading.word(at) == "as":
            reading.tell(subject, group, "works as", said)
        elif reading.word(at + 1) not in ("home", "myself", "over", "about", "night", "nights"):
            if end < reading.stop and reading.word(end) == "and" and reading.word(end + 1) in ("at", "for", "also"):
                reading.state(subject.actors[0], "works at", said, ("",))
                at = end + 1 + (reading.word(end + 1) == "also")
                continue
            reading.tell(subject, group, "works at", said)
        at = end
    if group.over and not reading.ends and not reading.word(group.after):
        reading.tell(subject, group, "works at", "")


def _having(reading: Reading, subject: Subject, group: Group) -> None:
    plain, at = reading.plain, group.after
    said, end = object_at(reading.words, at, reading.stop, ("and", "called", "named", "to", "with", "from"))
    nouns = plain[at:end]
    if not said or (group.past and not group.perfect):
        return
    noun = predicate_of(
        [word for word in nouns if word not in ("a", "an", "two", "three", "one", "four", "the")] or nouns
    )
    name = ""
    if reading.word(end) in ("called", "named") or (reading.word(end) == "," and reading.words.named(end + 1)):
        name, _ = object_at(reading.words, end + 1, reading.stop)
    if name and len(noun) < 40:
        for value in listed(name):
            reading.tell(subject, group, noun, value)
        reading.mentioned.person = listed(name)[-1] if is_tie(noun) else reading.mentioned.person
    elif reading.word(end) == "to" and nouns[-1:] in (["subscription"], ["membership"]):
        reading.tell(subject, group, "subscribes to", object_at(reading.words, end + 1, reading.stop)[0])
    elif "allergy" in nouns and reading.word(end) == "to":
        reading.tell(subject, group, "allergic to", object_at(reading.words, end + 1, reading.stop)[0], each=True)
    else:
        reading.tell(subject, group, "has", said)
        if group.over and noun:
            reading.end(subject.owner, noun)
        if is_tie(noun.rpartition(" ")[2]):
            reading.mentioned.person = noun.rpartition(" ")[2]


_NARROW = ("for", "at", "on", "in", "with", "as", "and", "to")
_STOPS = dict.fromkeys("use drive study own ride practise learn take".split(), _NARROW) | {"prefer": ("to", "over")}


def _doing(reading: Reading, subject: Subject, group: Group) -> None:
    """A habit, a taste, a plan or a possession: "plays the cello"."""
    verb, at, words = group.verb, group.after, reading.words
    predicate = PREDICATES[verb]
    if group.future and verb not in ("plan", "want"):
        return
    if verb in ("weigh", "earn") and not reading.word(at)[:1].isdigit() and reading.word(at)[:1] not in ("$", "€", "£"):
        return
    if reading.word(at) in ("about", "to", "for", "in", "on", "at") and verb not in (
        "want",
        "plan",
        "hope",
        "like",
        "love",
    ):
        at += 1
    said, end = object_at(words, at, reading.stop, _STOPS.get(verb, ()))
    said = said.removeprefix("to ")
    if verb in ("want", "need") and reading.word(at) == "you":
        return
    amount, of, what = said.partition(" of ")
    if verb == "take" and of and amount[:1].isdigit():
        predicate, said = f"dose of {what.lower()}", amount
    each = predicate in ("likes", "dislikes", "plays", "studies")
    if predicate == "drives" and not group.over and not group.negated and words.named(end - 1) and " " in said:
        reading.triples.append(Triple(subject.actors[0], "drives", said.rpartition(" ")[2]))
    reading.tell(subject, group, predicate, said or (verb if not group.over else ""), each and not group.over)
    if verb == "prefer" and reading.word(end) in ("to", "over") and not group.negated and not group.unreal:
        reading.end(subject.owner, "prefers", object_at(words, end + 1, reading.stop)[0])
