"""A sentence as plain words: lower case, contractions written out, each with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_TOKEN = re.compile(r"[#$€£+]?[^\W_]+(?:(?:[.'’@/:+#&_~-]|(?<=\d),(?=\d))[^\W_]+)*(?:\+\+|[#%])?|…|--+|[^\w\s]|_+")
_BRITISH = {
    "favorite": "favourite",
    "favorites": "favourites",
    "color": "colour",
    "colors": "colours",
    "neighbor": "neighbour",
    "mom": "mother",
    "mum": "mother",
    "mommy": "mother",
    "mummy": "mother",
    "dad": "father",
    "daddy": "father",
    "hubby": "husband",
    "grandma": "grandmother",
    "granny": "grandmother",
    "nan": "grandmother",
    "grandpa": "grandfather",
    "granddad": "grandfather",
    "theater": "theatre",
    "gray": "grey",
    "bf": "boyfriend",
    "gf": "girlfriend",
    "e-mail": "email",
    "mobile": "phone",
    "cellphone": "phone",
    "bday": "birthday",
}
_APOSTROPHES = {"'m": "am", "'ve": "have", "'ll": "will", "'re": "are", "'d": "would", "n't": "not"}
_BARE = {
    "im": ("i", "am"),
    "ive": ("i", "have"),
    "dont": ("do", "not"),
    "doesnt": ("does", "not"),
    "didnt": ("did", "not"),
    "cant": ("can", "not"),
    "wont": ("will", "not"),
    "isnt": ("is", "not"),
    "wasnt": ("was", "not"),
    "arent": ("are", "not"),
    "havent": ("have", "not"),
    "hes": ("he", "is"),
    "shes": ("she", "is"),
    "thats": ("that", "is"),
    "theyre": ("they", "are"),
    "youre": ("you", "are"),
    "whats": ("what", "is"),
    "cannot": ("can", "not"),
    "gonna": ("going", "to"),
    "wanna": ("want", "to"),
    "gotta": ("got", "to"),
    "lets": ("let", "us"),
}
_BE = frozenset("i you he she it we they this that there here who what where when how why name everything".split())
NEVER_NAMES = frozenset(
    """i i'm my we our the a an and but so or he she it they this that these those there you your his her their its in
    on at for from to with when while if since as actually now then also well yes no not ok hi hello hey please thanks
    today tomorrow yesterday just got have had was am are is do did does can will would could should what who how why
    where which because although though however maybe perhaps sorry sure by of about after before once every each some
    any all most many both one only never always sometimes usually recently currently finally monday tuesday wednesday
    thursday friday saturday sunday january february march april june july august september october november december
    nothing something everything nobody everyone somebody someone correction update goal fyi btw oh let lets being
    going getting call remember forget note keep prefer other another such what's me mine us people more less
    """.split()
)
"""What a capital does not make a name of."""


class Words:
    """The words of a text: `plain[i]` is lower case and whole ("am", "not"), `between(i, j)` the text as said."""

    __slots__ = ("_ends", "_starts", "plain", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.plain: list[str] = []
        self._starts: list[int] = []
        self._ends: list[int] = []
        plain, starts, ends = self.plain, self._starts, self._ends
        for found in _TOKEN.finditer(text):
            word = found.group().lower()
            if word in _BARE or "'" in word or "’" in word:
                self._add(word.replace("’", "'"), found.start(), found.end())
            else:
                plain.append(_BRITISH.get(word, word))
                starts.append(found.start())
                ends.append(found.end())

    def __len__(self) -> int:
        return len(self.plain)

    def _add(self, word: str, start: int, end: int) -> None:
        if "'" in word:
            head, _, tail = word.rpartition("'")
            whole = _APOSTROPHES.get("'" + tail)
            if tail == "t" and head.endswith("n"):
                stem = {"can": "can", "won": "will", "shan": "shall"}.get(head, head[:-1])
                self._put(stem, start, end - (3 if head != "can" else 2))
                self._put("not", end - (3 if head != "can" else 2), end)
            elif whole:
                self._put(head, start, end - len(tail) - 1)
                self._put(whole, end - len(tail) - 1, end)
            elif tail == "s":
                self._put(head, start, end - 2)
                self._put("us" if head == "let" else "is" if head in _BE else "'s", end - 2, end)
            else:
                self._put(word, start, end)
        else:
            first, second = _BARE[word]
            middle = start + (len(first) if word[: len(first)] == first else len(word) - len(second))
            self._put(first, start, middle)
            self._put(second, middle, end)

    def _put(self, word: str, start: int, end: int) -> None:
        self.plain.append(_BRITISH.get(word, word))
        self._starts.append(start)
        self._ends.append(end)

    def start(self, at: int) -> int:
        """Offset of a word in the text; of the end for the place behind the last one."""
        return self._starts[at] if at < len(self._starts) else len(self.text)

    def end(self, at: int) -> int:
        return self._ends[at]

    def between(self, start: int, stop: int) -> str:
        """The text from word `start` up to word `stop`, without it."""
        return self.text[self._starts[start] : self._ends[stop - 1]] if start < stop else ""

    def named(self, at: int) -> bool:
        """Whether a word is written as a name is."""
        return at < len(self.plain) and self.text[self._starts[at]].isupper() and self.plain[at] not in NEVER_NAMES

    def is_word(self, at: int) -> bool:
        return at < len(self.plain) and self.plain[at][-1:].isalnum()


class Phrases:
    """A set of phrases, found at a place of a sequence of words in constant time."""

    __slots__ = ("_by_first",)

    def __init__(self, listed: str) -> None:
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        for phrase in listed.replace("\n", " ").split(","):
            words = tuple(phrase.split())
            if words:
                self._by_first.setdefault(words[0], []).append(words[1:])
        for rests in self._by_first.values():
            rests.sort(key=len, reverse=True)

    def at(self, words: Sequence[str], place: int = 0) -> int:
        """How many words the longest phrase at `place` has; 0: none is there."""
        if place >= len(words):
            return 0
        for rest in self._by_first.get(words[place], ()):
            if tuple(words[place + 1 : place + 1 + len(rest)]) == rest:
                return 1 + len(rest)
        return 0

    def within(self, words: Sequence[str]) -> bool:
        """Whether one of them occurs anywhere."""
        by_first = self._by_first
        return any(word in by_first and self.at(words, place) for place, word in enumerate(words))


def first_of(words: Sequence[str], wanted: Iterable[str], start: int = 0) -> int:
    """The first place from `start` of one of the wanted words; the length if there is none."""
    looked = wanted if isinstance(wanted, frozenset) else frozenset(wanted)
    return next((at for at in range(start, len(words)) if words[at] in looked), len(words))
