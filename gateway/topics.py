"""What everyday questions and statements are about, also where they share no word: "Where do I live?", "We moved"."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import chain

import Stemmer

from gateway.words import KNOWN, LONGEST_KNOWN, fold

_WORD = re.compile(r"[^\W_]+(?:['&+#.-][^\W_]+)*[+#]*")

_Phrases = dict[str, list[tuple[list[str], int]]]
"""By the second word of a phrase: the words behind it, and the bits."""


_Word = tuple[str, int, _Phrases]
"""With the bits that it has alone, and the phrases that it begins."""


@dataclass(frozen=True, slots=True)
class _Table:
    """Bits of the topics, by what stands for them."""

    words: dict[str, int]
    """By stem."""
    phrases: dict[str, _Phrases]
    """By the first word."""


def asked(question: str) -> int:
    """The topics that `question` asks about, as bits below 1 << 128."""
    return _found(_known_to_questions, question)


def told(text: str) -> int:
    """The topics that `text` bears on, as the same bits."""
    return _found(_known_to_answers, text)


def _found(known: Callable[[str], tuple[_Word, ...]], text: str) -> int:
    """The bits of the text's topics."""
    said = list(chain.from_iterable(map(known, fold(text.replace("\u2019", "'")).split())))
    found = 0
    for at, (_, bits, phrases) in enumerate(said, 1):
        if bits:
            found |= bits
        if phrases and at < len(said):
            for rest, more in phrases.get(said[at][0], ()):
                if [word for word, _, _ in said[at + 1 : at + 1 + len(rest)]] == rest:
                    found |= more
    return found


@lru_cache(KNOWN)
def _known_to_questions(part: str) -> tuple[_Word, ...]:
    return _read(_tables()[0], part)


@lru_cache(KNOWN)
def _known_to_answers(part: str) -> tuple[_Word, ...]:
    return _read(_tables()[1], part)


def _read(table: _Table, part: str) -> tuple[_Word, ...]:
    """The words of folded text without spaces; of a very long one, which nobody puts into a topic, none."""
    if len(part) > LONGEST_KNOWN:
        return ()
    stemmer = Stemmer.Stemmer("english", 0)
    words = _WORD.findall(part)
    return tuple((word, table.words.get(_stem(stemmer, word), 0), table.phrases.get(word, {})) for word in words)


def _stem(stemmer: Stemmer.Stemmer, word: str) -> str:
    stem: str = stemmer.stemWord(word.removesuffix("'s"))
    return stem


@cache
def _tables() -> tuple[_Table, _Table]:
    """For questions, and for what is told. topics.txt has a topic a line: its name, then the words and phrases (joined
    by _) that stand for it, those with ? in front only in a question, those with ! only in what is told."""
    stemmer = Stemmer.Stemmer("english", 0)
    tables = _Table({}, {}), _Table({}, {})
    for number, line in enumerate(files("gateway").joinpath("topics.txt").read_text("utf-8").splitlines()):
        for word in line.partition(": ")[2].split():
            first, *rest = word.lstrip("?!").split("_")
            for table in tables[word[0] == "!" : 2 - (word[0] == "?")]:
                if rest:
                    table.phrases.setdefault(first, {}).setdefault(rest[0], []).append((rest[1:], 1 << number))
                else:
                    stem = _stem(stemmer, first)
                    table.words[stem] = table.words.get(stem, 0) | 1 << number
    return tables
