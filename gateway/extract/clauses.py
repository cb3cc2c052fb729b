"""Where a sentence can be cut: between clauses with verbs of their own."""

from __future__ import annotations

from gateway.extract.lexicon import ADVERBS, AUXILIARIES, BE, TIES, VERBS
from gateway.extract.tokens import Words

BREAKS = frozenset(", ; : ( ) . ! ? … — – -- -".split())
JOINTS = frozenset("and but so because cause cuz cos since as then plus although though while yet or".split())
_SUBJECTS = frozenset("i we he she it they my our his her their".split())
_OWN = frozenset("i we my our".split())
_NOMINAL = frozenset("my our the his her their a an".split())
SUBORDINATE = frozenset(
    "if when whenever once unless until before after although though as while whether in where".split()
)
_TITLES = frozenset("mr mrs ms dr prof st rev sr jr".split())
_TIED = frozenset("as or while because : (".split())
"""What ties a clause to the one before, unless the user speaks of themselves in it."""


def joints(words: Words) -> list[tuple[int, int]]:
    """The places where one clause may end and the next begin: (end of the one, begin of the other), in words."""
    plain = words.plain
    found: list[tuple[int, int]] = []
    at = 1
    while at < len(plain) - 1:
        if plain[at] in BREAKS or plain[at] in JOINTS:
            end = at
            dash = plain[at] == "-" and words.end(at - 1) == words.start(at)
            titled = plain[at] == "." and plain[at - 1] in _TITLES
            while at < len(plain) and (plain[at] in BREAKS or plain[at] in JOINTS):
                at += 1
            if at < len(plain) and not dash and not titled and plain[at - 1 : at + 1] != ["so", "far"]:
                found.append((end, at))
        at += 1
    return found


def independent(words: Words) -> list[tuple[int, int]]:
    """The sentence's spans of words, cut where a clause with a subject or a verb of its own begins."""
    plain = words.plain
    if not plain or plain[0] in SUBORDINATE:
        return [(0, len(plain))]
    spans: list[tuple[int, int]] = []
    start = 0
    for end, following in joints(words):
        if plain[end] == "since" or (plain[end] in _TIED and plain[following] not in _OWN):
            continue
        if end > start and not one_subject(words, start, end, following) and _begins(words, following):
            spans.append((start, end))
            start = following
    return [*spans, (start, len(plain))]


def one_subject(words: Words, start: int, end: int, following: int) -> bool:
    """Whether the words up to `end` are but the subject of what follows: "my wife and I", "our cook, Ann, lives"."""
    plain = words.plain
    if any(word in VERBS or word in AUXILIARIES for word in plain[start:end]):
        return False
    named = plain[start] in _NOMINAL or words.named(start)
    return plain[end] == "and" or (named and plain[following] not in _SUBJECTS)


def _begins(words: Words, at: int) -> bool:
    """Whether a clause that says something of its own begins here."""
    plain = words.plain
    while at < len(plain) - 1 and (plain[at] in ADVERBS or plain[at] in ("then", "not", "no", "longer", "am")):
        at += 1
    word = plain[at]
    following = plain[at + 1] if at + 1 < len(plain) else ""
    if word in ("that", "this", "there"):
        return following in BE
    if word in ("the", "called", "named", "born", "married", "retired", "used"):
        return (
            any(later in BE for later in plain[at + 1 : at + 6])
            if word == "the"
            else word == "used" and following == "to"
        )
    if word in _SUBJECTS or words.named(at):
        later = plain[at + 1 : at + 7]
        return any(w in VERBS or w in AUXILIARIES for w in later)
    if word in ("call", "remember", "never", "always"):
        return following in ("me", "that", "my")
    return _finite(word) and following != "'s" and (words.is_word(at + 1) or at + 1 >= len(plain))


def _finite(word: str) -> bool:
    if word in AUXILIARIES:
        return word not in ("be", "been", "being", "do", "'s")
    return word in VERBS and not word.endswith("ing") and word not in TIES and word not in _NOUNS


_NOUNS = frozenset(
    """
    plays runs works plan plans watch change drive train code help start read love hate work play run walk dance
    cook study bake drink paint visit call name end ends book hope need trade coach swap travel close spend
    support cancel live use
    """.split()
) - frozenset("works plays love hate work live play use study".split())
"""Forms that are more often nouns or infinitives behind "and"."""
