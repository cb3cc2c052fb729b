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


def run_on(words: Words) -> int:
    """Where a question begins behind what is stated, with no mark between the two: "im flying to osaka what do i need";
    0: nowhere. Only where the verb stands before its subject: "i know what i need" asks nothing."""
    plain = words.plain
    told = worded = False
    for at in range(len(plain) - 2):
        told = told or plain[at] in VERBS or plain[at] in BE
        word = plain[at] in _QUESTION_WORDS
        if not words.is_word(at):
            told = worded = False
        elif plain[at] == "if" or (at == 0 and plain[at] in _UNREAL) or (word and not told):
            return 0
        apart = told and at >= _TOLD_BEFORE and plain[at - 1] not in _LEADS_ON and words.is_word(at - 1)
        if apart and (_turned(plain, at) if word else not worded and (plain[at], plain[at + 1]) in _DIRECT):
            return at
        worded = worded or word
    return 0


def _turned(plain: list[str], at: int) -> bool:
    """Whether the verb stands before its subject behind this question word."""
    if plain[at] == "what" and plain[at + 1] == "is":
        return plain[at + 2] in _DESCRIBED
    if plain[at] not in ("what", "how", "where"):
        return False
    stop = min(at + 5, len(plain) - 1)
    return any(plain[k] in _TURNED and plain[k + 1] in _SUBJECTS for k in range(at + 1, stop))


_UNREAL = frozenset("say imagine suppose supposing".split())
_TOLD_BEFORE = 3
"""Words of what is stated before a question that nothing sets apart."""
_TURNED = frozenset("do does did can could should would will am".split())
_SUBJECTS = frozenset("i you u we he she it they".split())
_DESCRIBED = frozenset("a the good best some your ur better cheapest".split())
_DIRECT = frozenset(
    (verb, subject)
    for verb, subjects in {
        "do": "i you u we",
        "can": "i you u we",
        "should": "i we",
        "could": "you u",
        "would": "you u",
        "are": "there",
    }.items()
    for subject in subjects.split()
)
_LEADS_ON = frozenset(
    """
    know knew see saw wonder wondering tell told ask asked asking sure idea clue about of on for in at to from with by
    is are was were be been am understand understood learn learned remember forget forgot figure out decide matter
    depends exactly just and or but that than as like not no say said says explain show think thinking care love hate
    mind check find found me you us him them i we he she they it what how where who which why when if so neither nor
    whatever all everything anything nothing best least most people things way ways than because whether read hear
    heard guess mean explained never only this knows here there
    """.split()
)
"""Before a question word or a verb these go on with what is said."""
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
