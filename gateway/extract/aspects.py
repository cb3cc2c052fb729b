"""Which side of a thing a value tells of: what it is, what it is like, when it is, where it is."""

from __future__ import annotations

from gateway.extract.lexicon import ARTICLES, ONE_OF, TIES_OF_MANY
from gateway.extract.reading import Reading
from gateway.extract.subjects import is_tie, one_valued

COLOURS = frozenset(
    "red blue green black white grey yellow orange purple pink brown silver gold beige turquoise".split()
)
_DAYS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays"
    " sundays january february march april may june july august september october november december jan feb mar apr jun"
    " jul aug sep sept oct nov dec tomorrow today tonight week month weekend weekday weekdays year spring summer autumn"
    " winter fall".split()
)
_HOURS = frozenset("am pm noon midnight o'clock a.m p.m oclock".split())
_WITHIN = frozenset("in at under on behind near inside".split())
_LIKENESS = frozenset(
    "car phone laptop flat apartment house bike job computer desk office room doctor dentist boss manager landlord gym"
    " school team project bank provider commute seat".split()
)
"""Things of which an adjective tells what they are like, and not which one they are."""
_MANY = frozenset(
    """
    problem issue question thing point idea goal plan dream hope guess fear worry advice tip reason hobby interest
    skill allergy wish best worst rule part trip one bit way fact truth trick challenge concern family people
    weather food news memory memories passion game gift present book film movie song friend task todo habit mistake
    answer
    """.split()
)
"""What there are many of: a value of one is beside those of others."""


def is_hour(word: str) -> bool:
    return word in _HOURS or (word[:1].isdigit() and (":" in word or word.endswith(("am", "pm"))))


def is_day(word: str) -> bool:
    return word in _DAYS or (word[:1].isdigit() and (word.endswith(("st", "nd", "rd", "th")) or word.count("-") == 2))


def aspects(reading: Reading, noun: str, at: int, said: str) -> tuple[str, ...]:
    """The predicates of "<noun> is <said>", whose value begins at word `at`."""
    words = said.lower().split()
    if said.lower() in COLOURS and not noun.startswith("favourite") and "colour" not in noun:
        return (f"{noun} colour",)
    at_number = len(words) > 1 and words[0] == "at" and words[1][:1].isdigit()
    hour = any(is_hour(word) for word in words) or at_number
    if hour and not any(is_day(word) for word in words):
        return (f"{noun} time",)
    if hour:
        return (noun, f"{noun} time")
    head = noun.partition(" of ")[0].rpartition(" ")[2]
    if words and words[0] in _WITHIN and not any(word[:1].isdigit() or is_day(word) for word in words):
        return (f"{noun} place",) if head not in ("home", "address", "office", "in") and noun != "lives in" else (noun,)
    small = said == said.lower() and not any(word[:1].isdigit() for word in words)
    like = small and head not in _MANY and len(words) <= 3 and reading.word(at) not in ARTICLES
    if (like and (head in _LIKENESS or head not in ONE_OF) and not one_valued(noun)) or (like and head in _LIKENESS):
        return (f"{noun} is",)
    return (noun,)


def one_of_its_kind(noun: str) -> bool:
    """Whether a thing that somebody has or speaks of has one value at a time."""
    head = noun.partition(" of ")[0].rpartition(" ")[2]
    if noun.endswith(" is") or head in _MANY or head in TIES_OF_MANY or is_tie(noun):
        return one_valued(noun)
    plural = head.endswith("s") and not head.endswith(("ss", "us", "is"))
    return not plural or one_valued(noun)


def unqualified(noun: str) -> str:
    """What a thing with a qualifier goes by without it: "any locker" of "locker of gym"; empty if it has none."""
    base, of, _ = noun.partition(" of ")
    return f"any {base}" if of else ""
