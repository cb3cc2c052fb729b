"""What a sentence does: it states, asks, commands, or only keeps the talk going."""

from __future__ import annotations

from typing import Literal

from gateway.extract.asking import asks
from gateway.extract.lexicon import ADVERBS, AUXILIARIES, BE, VERBS
from gateway.extract.sayings import (
    ALONE,
    CHOICE,
    INVENT,
    LEADING,
    MAKE,
    NOUNS_TOO,
    OBJECTS,
    OPENERS,
    ORDERS,
    PRAISE,
    REQUEST_FOR,
    SMALL,
    TALES,
    TALK,
    WONDERS,
)
from gateway.extract.tokens import Phrases, Words

Act = Literal["states", "asks", "commands", "invents", "talks"]

_PRONOUNS = frozenset("i you we they he she it".split())


_ADJECTIVES = frozenset(
    """
    first next right great morning evening update note friend man mate nice true good later cool quick perfect
    wait hold maybe sure
    """.split()
)
"""Openers that could belong to a noun behind them."""
_OF_THE_ANSWER = frozenset(
    """
    answer said told forgot wrong right misunderstood mentioned missed response reply gave suggested explained
    repeating wrote helpful asked code mean ignored made keep kept
    """.split()
)


_HEADINGS = Phrases("""
    one more thing, one thing, last thing, one last thing, another thing, side note, sidenote, for context, quick one,
    new info, status update, small update, good news, bad news, the good news, the bad news
    """)


def heading(words: Words) -> int:
    """Behind what announces something to be told ("One more thing: …"); 0 where nothing does."""
    length = _HEADINGS.at(words.plain, 0)
    return length + 1 if length and words.plain[length : length + 1] == [":"] and len(words) > length + 1 else 0


def opening(words: Words) -> int:
    """Where the sentence itself begins, behind a label and what people say first."""
    plain = words.plain
    at = _label(words)
    while at < len(plain):
        if not words.is_word(at) and plain[at] not in ("'s",):
            at += 1
            continue
        length = OPENERS.at(plain, at)
        if not length or (length == 1 and _part_of_clause(words, at)):
            break
        at += length
    return at


def _part_of_clause(words: Words, at: int) -> bool:
    """ "No sugar for me", "first name: Ana", "just moved": the word belongs to what follows."""
    plain, word = words.plain, words.plain[at]
    following = plain[at + 1] if at + 1 < len(plain) else ""
    if word == "no":
        return (
            words.is_word(at + 1)
            and following not in _PRONOUNS
            and following not in ("my", "that", "not", "this", "wait")
        )
    if word in _ADJECTIVES:
        return (
            words.is_word(at + 1)
            and following not in _PRONOUNS
            and following not in ("my", "can", "could", "what", "how", "please", "so", "but", "that")
        )
    return word == "well" and following == "done"


def _label(words: Words) -> int:
    """Behind "User: "; 0 if no label leads."""
    plain = words.plain[:5]
    if ":" in plain[1:4]:
        at = plain.index(":")
        if (
            all(words.is_word(place) for place in range(at))
            and words.text[words.start(0) : words.start(0) + 1].isupper()
            and at < 3
        ):
            return at + 1 if words.plain[0] not in ("goal", "remember", "allergies", "name", "note", "update") else 0
    return 0


def small_talk(words: Words, start: int) -> bool:
    """Whether nothing but greetings, thanks and the like stands from `start` on."""
    if len(words) > start + 24:
        return False
    rest = [word for at, word in enumerate(words.plain[start:], start) if words.is_word(at)]
    if not rest:
        return True
    said = [word for at, word in enumerate(words.plain) if words.is_word(at)]
    return len(said) <= 9 and all(word in SMALL for word in said) and not {"my", "our"} & set(said)


def act(words: Words, start: int, stop: int) -> Act:
    """What the clause from `start` up to `stop` does, by its first words."""
    plain = words.plain
    at = start
    while at < stop and (
        plain[at] in ("please", "pls", "plz", "kindly", "maybe", "then", "now", "just", "so", "and", "also")
        or not words.is_word(at)
    ):
        at += 1
    if at >= stop:
        return "talks"
    if talks(words, at, stop):
        return "talks"
    if requests(words, at, stop):
        return "commands"
    order = commands(words, at, stop)
    if order:
        return order
    return "asks" if asks(words, at, stop) else "states"


def talks(words: Words, at: int, stop: int) -> bool:
    """Whether the clause speaks of the conversation."""
    plain = words.plain
    length = stop - at - (plain[stop - 1] in (".", "!", ",", "…"))
    if TALK.at(plain, at) or (ALONE.at(plain, at) and ALONE.at(plain, at) >= length):
        return True
    word = plain[at]
    following = plain[at + 1] if at + 1 < stop else ""
    if plain[at : at + 3] == ["i", "think", "you"]:
        return plain[at + 3 : at + 4] not in (["would"], ["will"], ["should"], ["can"], ["could"], ["know"])
    if word == "i" and length < 10 and CHOICE.within(plain[at:stop]):
        return True
    if word == "you" and (length < 6 or (following == "are" and plain[at + 2 : at + 3] in (["a"], ["an"], ["my"]))):
        return True
    if word in ("you", "your"):
        return not _OF_THE_ANSWER.isdisjoint(plain[at : at + 7])
    if word in ("that", "this", "it", "those", "these") and (
        following in BE or following in ("looks", "sounds", "seems")
    ):
        return _verdict(plain[at + 2 : stop])
    return False


def _verdict(rest: list[str]) -> bool:
    """Whether "that is …" goes on as a verdict on what was said."""
    rest = [
        word
        for word in rest
        if word[:1].isalnum()
        and word not in ADVERBS
        and word not in ("not", "all", "a", "such", "pretty", "too", "bit", "it")
    ]
    return not rest or (rest[0] in PRAISE and len(rest) <= 3) or rest[:2] in (["what", "i"], ["what", "you"])


def requests(words: Words, at: int, stop: int) -> bool:
    """Whether the clause is a wish that the answer at hand fulfils: "I'd like a summary"."""
    plain = words.plain
    if plain[at] not in ("i", "we") or at + 2 >= stop:
        return False
    place = at + 1
    while place < stop and (plain[place] in ("would", "will", "just", "really", "also", "do", "am", "only")):
        place += 1
    word = plain[place] if place < stop else ""
    if word == "looking" and plain[place + 1 : place + 2] == ["for"]:
        return bool(REQUEST_FOR & set(plain[place + 2 : place + 5]))
    if word not in ("like", "love", "appreciate", "want", "need", "wish"):
        return False
    if word in ("like", "love") and plain[at + 1] != "would":
        return False
    rest = plain[place + 1 : place + 7]
    if (
        rest[:2] == ["you", "to"]
        or rest[:1] == ["help"]
        or rest[:2] in (["your", "help"], ["it", "if"], ["some", "help"])
    ):
        return True
    if rest[:1] == ["to"] and len(rest) > 1:
        return (
            rest[1] in ("know", "ask", "hear")
            or (rest[1] == "understand" and "how" in rest)
            or (rest[1] == "see" and "if" not in rest and "the" not in rest)
        )
    return (
        bool(rest[:1])
        and rest[0] in ("a", "an", "some", "the", "your", "advice", "ideas", "suggestions", "tips")
        and bool(REQUEST_FOR & set(rest[:3]))
    )


def commands(words: Words, at: int, stop: int) -> Literal["", "commands", "invents"]:
    """Whether the clause tells the assistant what to do now."""
    plain = words.plain
    word = plain[at]
    following = plain[at + 1] if at + 1 < stop else ""
    if word in ("do",) and following in ("not", "the", "it", "this", "that", "a", "my") and stop - at > 1:
        return "" if following == "not" else "commands"
    if word in WONDERS and (stop - at < 12 or word == "any"):
        return "commands"
    if (
        plain[at : at + 3] == ["let", "us", "say"]
        or plain[at : at + 3] == ["let", "us", "pretend"]
        or plain[at : at + 3] == ["let", "us", "assume"]
    ):
        return "invents"
    if word not in ORDERS:
        return "commands" if _orders(words, at, stop) else ""
    if word == "let" and following == "us" and len(words) > 8:
        return ""
    if following in ("'s", "is", "was", "are", "has", "-") or (
        words.named(at + 1) and word in NOUNS_TOO and words.named(at)
    ):
        return ""
    bare_noun = word in NOUNS_TOO and following not in OBJECTS and not following[:1].isdigit()
    if bare_noun and any(later in BE or later in ("has", "have", "starts", "will") for later in plain[at + 1 : at + 5]):
        return ""
    if word in ("love", "hope", "work") or _shows(words, at, stop):
        return ""
    near = set(plain[at : at + 8])
    return "invents" if word in INVENT or (word in MAKE and near & TALES) else "commands"


def _orders(words: Words, at: int, stop: int) -> bool:
    """An order by a verb that is not listed: "prioritise these"; and "need a recipe", "one more please"."""
    plain, word = words.plain, words.plain[at]
    following = plain[at + 1] if at + 1 < stop else ""
    if word in ("need", "looking", "want") and at + 2 < stop:
        return following in ("a", "an", "some", "help", "for", "to") and bool(REQUEST_FOR & set(plain[at + 1 : at + 8]))
    last = plain[stop - 1] if words.is_word(stop - 1) else plain[stop - 2] if stop - at > 1 else ""
    if last in ("please", "pls", "plz") and word not in ("i", "my", "no", "we", "never", "always"):
        return True
    known = word in VERBS or word in AUXILIARIES or word in ADVERBS or not word.isalpha() or len(word) < 4
    if known or words.named(at + 1) or word.endswith(("ed", "ing", "s", "ly")) or word in LEADING:
        return False
    return following in ("these", "me", "us") or (following == "this" and stop - at < 9)


def _shows(words: Words, at: int, stop: int) -> bool:
    """ "Check out my painting for the show!": something of the user's is shown."""
    plain = words.plain
    show = (
        plain[at : at + 2] == ["check", "out"]
        or plain[at : at + 2] == ["look", "at"]
        or plain[at : at + 2] == ["guess", "who"]
    )
    return (
        show
        and plain[stop - 1] == "!"
        and not {"code", "error", "resume", "essay", "cv", "query"} & set(plain[at:stop])
    )
