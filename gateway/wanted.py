"""What a question asks for by name, in whatever words the answer is: kinds of memories, and facts about the user.

"Where do I live?" and "We moved to Cardiff" share no word, and their vectors are not near; but what was extracted from
the second says that the user lives in Cardiff, and the first asks for just that.
"""

from __future__ import annotations

import re

from gateway.domain import Kind
from gateway.extract.lexicon import PETS

LONGEST = 1000
"""Characters of a question that is looked at: pages that were pasted ask for nothing about the user."""

_TASTES = r"(?:preferences?|likes and dislikes|tastes)\b"
_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("preference", re.compile(rf"\b{_TASTES}", re.IGNORECASE)),
    ("skill", re.compile(r"\bskills?\b", re.IGNORECASE)),
)

_NOW = r"(?:now |currently |actually |still )?"
_WHAT = r"(?:what|which)"
_IS = r"what(?:'s| is| are|s)"
_MY = r"(?:my|our) (?:current )?"
_END = r" ?(?:[?.!,;]|$)"
_FACTS = tuple(
    (frozenset(predicates.split(",")), re.compile(rf"(?<![\w'])(?:{pattern})", re.IGNORECASE))
    for predicates, pattern in (
        (
            "lives in,address,flat place,house place,place place",
            rf"where (?:do|am|are) (?:i|we) {_NOW}(?:liv(?:e|ing)|based|located)\b(?!-)"
            rf"|{_WHAT} (?:city|town|village|country|place|state|area|neighbou?rhood) (?:do|am|are) (?:i|we) {_NOW}"
            r"(?:liv(?:e|ing)|based|in)\b"
            rf"|where(?:'s| is) {_MY}(?:home|house|flat|apartment){_END}",
        ),
        (
            "works at",
            rf"where (?:do|am) i {_NOW}work(?:ing)?\b|who(?:m)? (?:do|am) i {_NOW}work(?:ing)? for\b"
            rf"|who(?:'s| is) {_MY}employer|who employs me\b|{_IS} {_MY}(?:employer|workplace)\b"
            rf"|{_WHAT} (?:company|firm|place|employer|business) (?:do|am) i {_NOW}(?:work(?:ing)?|employed|with|at)\b",
        ),
        (
            "works as,works at",
            rf"what do i do (?:for (?:a living|work|a job|money)|at work|as a job)\b|what do i do{_END}"
            rf"|{_IS} {_MY}(?:job|job title|profession|occupation|role|line of work|trade){_END}"
            rf"|{_WHAT} (?:kind|sort|type|line) of (?:work|job) (?:do|am) i\b|how do i (?:earn|make) (?:my|a) living",
        ),
        ("age,birthday", rf"how old (?:am i|i am)\b|{_IS} {_MY}age\b"),
        (
            "birthday",
            rf"when(?:'s| is) {_MY}birthday|when was i born\b"
            rf"|{_IS} {_MY}(?:birthday|birth ?date|date of birth|star sign)",
        ),
        ("name,called", rf"{_IS} {_MY}(?:full |first |last |real )?name{_END}|what am i called\b"),
        (
            "wife,husband,spouse,partner,fiancé,fiancée,girlfriend,boyfriend,marry to,engaged to",
            rf"who am i (?:married|engaged) to\b|who(?:'s| is) {_MY}(?:wife|husband|spouse|partner|other half){_END}",
        ),
        (
            "child,son,daughter,baby,kid",
            rf"(?:what|who) are {_MY}(?:kids|children)\b|how many (?:kids|children) do (?:i|we) have\b"
            rf"|do (?:i|we) have (?:any )?(?:kids|children){_END}|{_IS} {_MY}(?:kids|children)(?:'s|')? names?\b",
        ),
        (
            ",".join(sorted(PETS)),
            rf"{_WHAT} (?:pets?|animals?) do (?:i|we) (?:have|own|keep)\b"
            rf"|do (?:i|we) have (?:any )?(?:pets?|animals){_END}"
            rf"|(?:what|who) are {_MY}pets\b|{_IS} {_MY}pets?(?:'s|')? (?:names?|called)\b",
        ),
        ("allergic to", rf"what am i allergic to\b|(?:have|{_IS}) (?:any|{_MY})(?: ?food)? ?allerg(?:y|ies)\b"),
        (
            "allergic to,diet",
            rf"{_WHAT}(?: foods?| things| ingredients?)? (?:can't|cannot|shouldn't|mustn't) i (?:eat|have)\b"
            rf"|{_WHAT}(?: foods?| ingredients?)? (?:should|must) i (?:avoid|not eat)\b|{_IS} {_MY}diet",
        ),
        (
            "car,van,drives,vehicle",
            rf"{_WHAT}(?: \w+ of)? (?:car|vehicle) do (?:i|we) (?:drive|have|own)\b|what do i drive\b",
        ),
        ("bank", rf"{_WHAT} bank (?:do|am) i\b|who(?:m)? do i bank with\b|where do i bank\b"),
        ("speaks", rf"(?:{_WHAT}|how many) languages? (?:do|can) i (?:speak|know)\b"),
        ("studies", r"what (?:do i study|am i (?:studying|learning))\b"),
        ("medication", rf"{_WHAT} (?:medications?|medicines?|meds|pills|tablets) (?:am i|do i)\b"),
        (
            "from,born in,hometown,nationality",
            r"where (?:am|are) (?:i|we) (?:originally )?from\b|where do i come from\b",
        ),
        ("likes,dislikes,prefers", _TASTES),
        ("supports", rf"{_WHAT} (?:\w+ )?(?:team|club|side) do i (?:support|follow)\b|who do i (?:support|root for)\b"),
    )
)

PREDICATES = frozenset(predicate for predicates, _ in _FACTS for predicate in predicates)
"""Of triples about the user."""


def kinds(question: str) -> frozenset[Kind]:
    """The kinds of memories that are asked for, all of them: "What are my preferences?"."""
    return frozenset(kind for kind, names in _KINDS if names.search(question))


def predicates(question: str) -> frozenset[str]:
    """Of what is asked for about the user, the predicates that an answer may have."""
    if len(question) > LONGEST:
        return frozenset()
    plain = " ".join(question.replace("\u2019", "'").split())
    return frozenset(name for names, asked in _FACTS if asked.search(plain) for name in names)
