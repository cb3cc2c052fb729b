"""Clauses put as questions, with or without their mark."""

from __future__ import annotations

from gateway.extract.lexicon import ADVERBS, BE, VERBS
from gateway.extract.tokens import Words

_PRONOUNS = frozenset("i you we they he she it".split())

_MARKS = frozenset("? ？ ؟ ;".split()) - {";"}


_QUESTION_WORDS = frozenset("what who whom whose where when why how which".split())


_POLITE_ASK = frozenset("can could would will might should may".split())


def asks(words: Words, at: int, stop: int) -> bool:
    """Whether the clause is put as a question, with or without its mark."""
    plain = words.plain
    if plain[stop - 1] in _MARKS or (stop < len(plain) and plain[stop] in _MARKS):
        return True
    word = plain[at]
    following = plain[at + 1] if at + 1 < stop else ""
    if at > 1 and plain[at - 1] in ("so", "nor", "neither"):
        return False
    if word in _QUESTION_WORDS and stop - at < 3 and plain[stop - 1] == "!":
        return False
    if word in _QUESTION_WORDS:
        return not _stating(words, at, stop)
    if word in (
        "was",
        "were",
        "did",
        "had",
        "have",
        "has",
        "am",
        "is",
        "are",
        "do",
        "does",
        "can",
        "could",
        "would",
        "will",
        "should",
    ):
        return _inverted(words, at, following)
    return False


_DETERMINERS = frozenset("my your our there the this that these those his her anyone".split())
_WITHOUT_SUBJECT = frozenset("have has had am will would can could do did was were".split())
_COMPLEMENTS = VERBS.keys() | BE | ADVERBS | frozenset("not to a an two three some no".split())


def _inverted(words: Words, at: int, following: str) -> bool:
    """A verb before its subject; a statement that leaves "I" out has none: "have been living in Rome"."""
    word = words.plain[at]
    told = words.text.rstrip()[-1:] in ".!"
    if following in _PRONOUNS or following in _DETERMINERS:
        return not (told and word in ("do", "have", "had") and following in ("my", "the", "this"))
    if word in _WITHOUT_SUBJECT and following in _COMPLEMENTS:
        return False
    return not (told or following in ("allergic", "born", "not"))


def _stating(words: Words, at: int, stop: int) -> bool:
    """ "When I was young, I lived in Rome", "what I want is a quiet life"."""
    plain = words.plain
    if plain[at] == "which" and at > 0:
        return True
    following = plain[at + 1] if at + 1 < stop else ""
    if following in ("i", "we", "my") or (plain[at] in ("when", "where") and following in _PRONOUNS):
        rest = plain[at + 3 : stop]
        return "," in rest or not BE.isdisjoint(rest) or (plain[at] in ("when", "where", "which") and stop < len(plain))
    return False


def polite_order(words: Words, at: int) -> int:
    """Behind "can you (please)" and the like; `at` where there is none."""
    plain = words.plain
    if plain[at : at + 1] and plain[at] in _POLITE_ASK and plain[at + 1 : at + 2] == ["you"]:
        at += 2
        while at < len(plain) and plain[at] in ("please", "also", "just", "maybe", "kindly"):
            at += 1
    return at
