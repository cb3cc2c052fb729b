"""Which predicates go together: what is over when a thing, a person or a state of somebody's life is gone."""

from __future__ import annotations

from gateway.extract.groups import bare
from gateway.extract.lexicon import PARTNERS
from gateway.extract.reading import Reading
from gateway.extract.subjects import predicate_of
from gateway.extract.tokens import Words

WORK = ("works at", "works as", "teaches")
HOME = ("lives in", "rents", "household")
TOGETHER = ("relationship", "married to", "engaged to", "dating", *PARTNERS)
_GROUPS = {
    "job company employer firm startup workplace school agency bakery restaurant internship gig career position": WORK,
    "house flat apartment place home room studio bedsit houseshare": HOME,
    "car van truck lorry motor suv": ("drives", "car"),
    "bike motorbike motorcycle scooter bicycle moped": ("rides", "bike"),
    "degree phd course major master masters uni university college studies": ("studies", "degree"),
    "membership gym": ("gym", "trains"),
    "girlfriend boyfriend partner wife husband fiancé fiancée fiance fiancee marriage engagement": TOGETHER,
    "diet": ("diet",),
    "cigarettes smoking fags cigs": ("smokes",),
}
_GROUP = {word: group for words, group in _GROUPS.items() for word in words.split()}
_HANDLES = frozenset(
    """
    job role position subscription membership plan account contract lease app habit class classes lessons practice pass
    licence license post short service
    """.split()
)
"""What a name stands before: "the Netflix subscription", "the treasurer role"."""
_BEFORE = frozenset("old former current whole this that these those last previous eating drinking being".split())
_UNNAMED = frozenset("it that this them him her me you us everything all one there which something anything".split())


def together(noun: str) -> tuple[str, ...]:
    """The predicates that are over with what goes by this noun."""
    return _GROUP.get(noun.rpartition(" ")[2], ())


def names_in(said: str) -> list[str]:
    """The names that stand in an object of several words, each by itself and joined."""
    words = Words(said)
    found: list[str] = []
    start = 0
    for at in range(len(words) + 1):
        if at < len(words) and (words.named(at) or words.plain[at][:1].isdigit()):
            continue
        if at > start:
            found.append(words.between(start, at))
            found += [words.between(k, k + 1) for k in range(start, at) if at - start > 1 and words.named(k)]
        start = at + 1
    return list(dict.fromkeys(name for name in found if name != said))[:3]


def end_named(reading: Reading, actor: str, said: str) -> None:
    """What is gone, by its name in whatever was said of it, and by the noun for what there is one of."""
    words = bare(said).split()
    while len(words) > 1 and words[0].lower() in _BEFORE:
        words = words[1:]
    value = " ".join(words)
    if not value or value.lower() in _UNNAMED or len(words) > 6:
        return
    reading.end(actor, "", value)
    for name in names_in(value)[:2]:
        reading.end(actor, "", name)
    if len(words) > 1 and words[-1].lower() in _HANDLES:
        reading.end(actor, "", " ".join(words[:-1]))
    end_noun(reading, actor, predicate_of([word.lower() for word in words], [word[:1].isupper() for word in words]))


def end_noun(reading: Reading, actor: str, noun: str) -> None:
    """The slot that a noun stands for, and those that go with it."""
    if noun:
        reading.end(actor, noun)
    for predicate in together(noun):
        reading.end(actor, predicate)
