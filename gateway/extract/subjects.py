"""Of whom or of what a clause speaks, and how that is called in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.domain import USER
from gateway.extract.lexicon import ADVERBS, AUXILIARIES, BE, ONE_OF, ONE_VALUED, PETS, TIES, TIES_OF_ONE, VERBS
from gateway.extract.tokens import Words

_MAX_NOUN = 8
"""Words of a noun phrase."""
_POSSESSIVE = frozenset("my our".split())
_OTHERS = frozenset("his her its their".split())
_ADJECTIVES = frozenset(
    """
    new current own full real actual present latest main primary little big dear lovely older younger elder
    eldest youngest oldest best good close old late other second third correct whole exact twin half poor legal
    only first usual regular updated personal home current evening morning afternoon weekly monthly daily
    """.split()
)
"""They do not change what the noun stands for; "home" does before few nouns."""
_KEPT = {
    ("first", "name"), ("middle", "name"), ("first", "language"), ("home", "address"), ("second", "name"),
    ("best", "time"), ("best", "man"), ("home", "town"), ("personal", "best"), ("full", "name"),
    ("personal", "record"), ("personal", "trainer"), ("main", "goal"),
}  # fmt: skip
_SAME = {
    "first name": "name", "full name": "name", "real name": "name", "home town": "hometown", "job title": "works as",
    "job": "works as", "occupation": "works as", "profession": "works as", "role": "works as", "position": "works as",
    "employer": "works at", "company": "works at", "workplace": "works at", "home city": "lives in",
    "city": "lives in", "birth date": "birthday", "date of birth": "birthday", "birthdate": "birthday",
    "nickname": "called", "first language": "native language", "mother tongue": "native language",
    "native tongue": "native language", "email address": "email", "phone no": "phone number",
    "number": "phone number", "telephone number": "phone number", "cell number": "phone number",
    "personal best": "pb", "hobbies": "hobby", "goals": "goal", "allergies": "allergic to", "allergy": "allergic to",
    "pets": "pet", "dogs": "dog", "cats": "cat", "kids": "child", "children": "child", "sisters": "sister",
    "brothers": "brother", "sons": "son", "daughters": "daughter", "friends": "friend", "kid": "child",
    "home": "lives in", "gp": "doctor", "landlady": "landlord", "flat": "flat", "apartment": "flat",
    "main language": "language", "preferred language": "language", "wi-fi password": "wifi password",
    "line manager": "manager", "wi-fi code": "wifi password", "email id": "email", "time zone": "timezone",
}  # fmt: skip
_PLACES = frozenset("work home office gym school university uni".split())
_ATTRIBUTE_OF = frozenset("of for at on with in".split())


@dataclass
class Mentioned:
    """What earlier clauses of a message were about, for the pronouns of later ones."""

    person: str = ""
    attribute: tuple[str, str] | None = None
    """Owner and predicate that "it" stands for."""
    subject: Subject | None = None
    said: str = ""
    """The subject in the user's words."""
    talk: bool = False
    """A participant speaks, to others than an assistant: whatever is said may matter."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a clause."""

    owner: str
    """USER, a name or a role: the one who acts, or who has the thing `noun`."""
    noun: str = ""
    """The predicate of a thing or person that the owner has; empty: the owner is the subject."""
    name: str = ""
    """Of the noun, where both are said: "my sister Maria"."""
    verb: int = 0
    """Where the verb group begins."""
    words: frozenset[str] = field(default_factory=frozenset)
    """Adjectives among others."""

    @property
    def person(self) -> bool:
        return not self.noun or is_tie(self.noun)

    @property
    def actors(self) -> tuple[str, ...]:
        """Who does what the verb says: by name, and by role too."""
        if not self.noun:
            return (self.owner,)
        return (self.name, self.noun) if self.name else (self.noun,)

    @property
    def changed(self) -> tuple[str, ...]:
        """The actors whose older values a new one ends: a role that several people have says too little."""
        many = self.name and self.noun not in TIES_OF_ONE
        return self.actors[:1] if many else self.actors


_KIN = frozenset("brother sister uncle aunt grandmother grandfather cousin mother father son daughter".split())


def is_tie(noun: str) -> bool:
    """Whether it is a relative, another person or a pet."""
    return noun in TIES or noun in PETS or (noun[:3] == "ex-" and noun[3:] in TIES) or noun.rpartition("-")[2] in _KIN


def one_valued(predicate: str) -> bool:
    """Whether a new value of it ends the old one."""
    if predicate.replace(" ", "-") in ONE_VALUED or predicate.startswith("favourite ") or predicate in TIES_OF_ONE:
        return True
    head = predicate.partition(" of ")[0].rpartition(" ")[2]
    return head in ONE_OF or predicate in ("native language", "due date", "start date", "parking spot", "blood type")


_OF = frozenset(
    """
    meeting appointment deadline plan subscription membership contract interview exam bill reservation booking
    dose budget class lesson session course shift call rehearsal practice match game exam test party
    """.split()
)
_DATED = frozenset("due birth start end expiry bed free screen name best fun school work travel rest".split())
_FOR = frozenset("code password number pin key".split())


def predicate_of(nouns: Sequence[str], names: Sequence[bool] = ()) -> str:
    """The predicate of "my <nouns>": spelling, order and idle adjectives folded. `names`: which are names."""
    words = list(nouns)
    kept = [
        word
        for at, word in enumerate(words)
        if word not in _ADJECTIVES or tuple(words[at : at + 2]) in _KEPT or len(words) == 1
    ] or words[-1:]
    split = next((at for at, word in enumerate(kept) if at and word in _ATTRIBUTE_OF), len(kept))
    head, rest = kept[:split], [word for word in kept[split + 1 :] if word not in ("my", "the", "our", "a")]
    named = {word for word, is_name in zip(words, names, strict=False) if is_name}
    if len(head) > 1 and (head[0] in named or head[0] in _PLACES) and not rest and head[-1] not in TIES | PETS:
        rest, head = head[:1], head[1:]
    if len(head) > 1 and head[-1] in _OF and not rest:
        rest, head = head[:-1], head[-1:]
    elif len(head) == 1 and head[0] in _FOR and len(rest) == 1 and rest[0] not in _PLACES:
        head, rest = [rest[0], head[0]], []
    if len(head) > 1 and head[-1] in ("date", "day", "time") and head[-2] not in _DATED:
        head = head[:-1]
    said = " ".join(head)
    folded = _SAME.get(said, said)
    folded = "favourite " + folded[11:] if folded.startswith("favourites ") else folded
    return f"{folded} of {' '.join(rest)}" if rest else folded


def subject_of(words: Words, start: int, stop: int, mentioned: Mentioned) -> Subject | None:
    """The subject that the clause begins with; None where it has none that can be named."""
    plain = words.plain
    if start >= stop:
        return None
    first = plain[start]
    if first in ("i", "we"):
        return Subject(USER, verb=start + 1)
    if first in _POSSESSIVE or (first == "the" and start + 1 < stop):
        return _owned(words, start + 1, stop, USER)
    if first in ("he", "she") and mentioned.person:
        return Subject(mentioned.person, verb=start + 1)
    if first in _OTHERS and mentioned.person:
        return _owned(words, start + 1, stop, mentioned.person)
    if first == "it" and mentioned.attribute:
        return Subject(*mentioned.attribute, verb=start + 1)
    if (
        plain[start + 1 : start + 2] in (["my"], ["our"])
        and words.is_word(start)
        and first not in VERBS
        and first not in BE
    ):
        return _owned(words, start + 2, stop, USER)
    if words.named(start) and first not in ("goal",):
        return _named(words, start, stop)
    return None


def _named(words: Words, start: int, stop: int) -> Subject | None:
    end = start + 1
    while end < stop and words.named(end) and end - start < 4:
        end += 1
    name = words.between(start, end)
    if (
        end + 3 < stop
        and words.plain[end] == ","
        and words.plain[end + 1] in _POSSESSIVE
        and is_tie(words.plain[end + 2])
    ):
        verb = end + 3 + (words.plain[end + 3] == ",")
        return Subject(USER, predicate_of([words.plain[end + 2]]), name, verb)
    if end < stop and words.plain[end] == "'s":
        if end + 1 < stop and words.plain[end + 1] in ("a", "an", "my", "called", "not", "from", "the", "moving"):
            return Subject(name, verb=end)
        return _owned(words, end + 1, stop, name)
    return Subject(name, verb=end) if end < stop and _verbal(words, end) else None


def _verbal(words: Words, at: int) -> bool:
    word = words.plain[at]
    return word in VERBS or word in AUXILIARIES or word in ADVERBS or word in ("no", "used", "knows")


def _owned(words: Words, start: int, stop: int, owner: str) -> Subject | None:
    """The noun phrase behind a possessive, up to its verb."""
    plain = words.plain
    seen: set[str] = set()
    nouns: list[int] = []
    at = start
    while at < stop and at - start < _MAX_NOUN:
        word = plain[at]
        if word == "'s" and nouns and not _copula(words, at, stop):
            owner, nouns = _owner(words, nouns, owner), []
        elif word == "these" and nouns and plain[at + 1 : at + 2] == ["days"]:
            at += 1
        elif word in BE or (nouns and _begins_verb(words, at, plain[nouns[-1]])):
            break
        elif word == "," and nouns and words.named(at + 1) and is_tie(plain[nouns[-1]]):
            pass
        elif not words.is_word(at):
            break
        else:
            seen.add(word)
            nouns.append(at)
        at += 1
    if not nouns or at >= stop or (not _verbal(words, at) and plain[at] != "," and plain[at] != ":"):
        return None
    if plain[at] == ",":
        at += 1
    return _subject(words, nouns, at, owner, frozenset(seen))


def _begins_verb(words: Words, at: int, before: str) -> bool:
    """Whether a verb group begins: a form that is a noun too ("drive", "plan") is none before a copula."""
    plain = words.plain
    word = plain[at]
    if word in AUXILIARIES or word in ADVERBS or (word in ("no", "used") and at + 1 < len(plain)):
        return word != "once"
    if word not in VERBS or word == "quit":
        return word == "quit"
    following = plain[at + 1] if at + 1 < len(plain) else ""
    return (
        following not in BE
        and following != "'s"
        and (word != VERBS[word] or (before[-1:] == "s" and before[-2:] != "ss"))
    )


def _copula(words: Words, at: int, stop: int) -> bool:
    """Whether 's is short for "is": no other verb follows soon, or what follows cannot be owned."""
    following = words.plain[at + 1] if at + 1 < stop else ""
    if following in ("not", "called", "named", "a", "an", "the", "in", "at", "on", "now", "from", "my", "moving", "no"):
        return True
    return not any(word in AUXILIARIES or word in VERBS for word in words.plain[at + 1 : min(stop, at + 7)])


def _owner(words: Words, nouns: list[int], owner: str) -> str:
    """Whose the next noun is: by the name at the end, or by the noun; a thing of the user goes by its noun."""
    names = [at for at in nouns if words.named(at)]
    if names and len(names) < len(nouns):
        return words.between(names[0], names[-1] + 1)
    noun = predicate_of([words.plain[at] for at in nouns])
    return noun if owner == USER or not noun else f"{owner}'s {noun}"


def _subject(words: Words, nouns: list[int], verb: int, owner: str, seen: frozenset[str]) -> Subject | None:
    plain = [words.plain[at] for at in nouns]
    name = ""
    tie = next((at for at, word in enumerate(plain) if is_tie(word) and not words.named(nouns[at])), None)
    if tie is None and is_tie(plain[0]):
        tie = 0
    if tie is not None and tie + 1 < len(plain) and plain[tie + 1] not in _ATTRIBUTE_OF:
        rest = nouns[tie + 1 :]
        if all(words.named(at) for at in rest) or (len(rest) == 1 and plain[-1] not in ONE_OF):
            name, plain = words.between(rest[0], rest[-1] + 1), plain[: tie + 1]
    noun = predicate_of(plain, [words.named(at) for at in nouns])
    if noun.endswith(" name") and is_tie(noun[:-5]):
        noun = noun[:-5]
    if noun == "name" and is_tie(owner):
        owner, noun = USER, owner
    return Subject(owner, noun, name, verb, seen) if noun else None
