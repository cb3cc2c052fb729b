"""What a statement says beside the value that it ends: left out, so that no later prompt tells the old one."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.domain import Ended
from gateway.extract.groups import bare
from gateway.extract.lexicon import VERBS
from gateway.extract.sayings import ORDERS
from gateway.extract.tokens import Words

_STOPS = frozenset(", ; : ( ) . ! ? … — – and but because since so which who".split())
_NOW = frozenset("now nowadays currently".split())
_BEFORE_ORDER = frozenset("please pls always just then from now on only also".split())
_LONGEST = 6
"""Words of an old value."""


def current(words: Words, ends: Iterable[Ended]) -> str:
    """The text without the old values that are named beside a new one; words are only ever left out."""
    begin = _behind_past(words)
    old = {bare(ended.object).casefold() for ended in ends if ended.object}
    spans = _named(words, begin, old) if old else []
    text, start = "", words.start(begin)
    for first, last in spans:
        text += words.text[start : words.start(first)].rstrip() + (" " if words.is_word(last) else "")
        start = words.start(last)
    return (text + words.text[start:]).strip() if spans or begin else words.text


def _behind_past(words: Words) -> int:
    """Where the present begins in "I used to like coffee, but now I prefer tea"; 0 if it is not that."""
    plain = words.plain
    if plain[1:3] != ["used", "to"] or plain[0] not in ("i", "we", "it"):
        return 0
    for at in range(3, len(plain) - 3):
        subject = at + 1 if plain[at] in _NOW else at
        turned = plain[at - 1] in ("but", ",") and (plain[at] in _NOW or not _NOW.isdisjoint(plain[at:]))
        if turned and plain[subject] in ("i", "we", "my", "our") and plain[subject + 1 : subject + 2] != ["do"]:
            return at
    return 0


def _named(words: Words, begin: int, old: set[str]) -> list[tuple[int, int]]:
    """The spans of words that hold an old value and what joins it."""
    plain = words.plain
    spans: list[tuple[int, int]] = []
    at = begin + 1
    while at < len(plain):
        end = _span(words, at, old)
        if end:
            comma = plain[at] in ("not", "instead", "rather") and plain[at - 1] == ","
            spans.append((at - comma, end))
            at = end
        at += 1
    return spans


def _span(words: Words, at: int, old: set[str]) -> int:
    """Where the old value ends whose joining word stands at `at`; 0 if none does, or nothing would be left."""
    plain = words.plain
    if plain[at] == "from":
        end = _until(words, at + 1, old, ("to", "into"))
        return end if plain[end : end + 1] in (["to"], ["into"]) or "to" in plain[:at] else 0
    if plain[at] == "not":
        end = _until(words, at + 1, old, ("but",))
        if end and plain[end : end + 1] == ["but"]:
            return end + 1
        return end if plain[at - 1] == "," else 0
    if plain[at : at + 2] in (["instead", "of"], ["rather", "than"]) and not _ordered(words, at):
        return _until(words, at + 2, old, ())
    return 0


def _ordered(words: Words, at: int) -> bool:
    """Whether the clause up to `at` orders, so that what is not to be done is a part of it and no old value; but for
    what the user is to be called."""
    begin = at
    while begin and words.plain[begin - 1] not in _STOPS:
        begin -= 1
    while words.plain[begin] in _BEFORE_ORDER:
        begin += 1
    verb = words.plain[begin]
    return (VERBS.get(verb) == verb or verb in ORDERS) and verb not in ("call", "address")


def _until(words: Words, start: int, old: set[str], stops: tuple[str, ...]) -> int:
    plain = words.plain
    for end in range(start, min(len(plain), start + _LONGEST) + 1):
        if end == len(plain) or plain[end] in _STOPS or plain[end] in stops:
            said = bare(words.between(start, end)).casefold().strip(" '\"")
            return end if end > start and said in old else 0
    return 0
