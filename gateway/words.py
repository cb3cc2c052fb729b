"""Text into the terms that are compared, in any language; messages into sentences."""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache, partial
from itertools import chain

import Stemmer

from gateway.english import COMMON_STEMS, FUNCTION_WORDS, SAME_WORDS, STOP_WORDS

KNOWN, LONGEST_KNOWN = 1 << 15, 40
"""Words whose terms are kept at hand, about 8 MB, and the characters of the longest."""
UNIT_WORDS = 80
"""Longest scoring unit, in words: what one vector of the model still describes."""

# Marks (vowel signs, points) belong to a word, but str.isalnum says no to them, and so does \w.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0900-\u0963\u0971-\u0df3\u0e31\u0e34-\u0e3a\u0e47-\u0e4e"
    "\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u0f18-\u0f39\u0f71-\u0f84\u102b-\u103e\u1056-\u1074\u17b4-\u17d3\u3099\u309a"
)
# Scripts that put no space between words; Hangul too, since Korean hangs its particles on the noun.
_UNSPACED = (
    "\u0e00-\u0e3a\u0e40-\u0e4e\u0e80-\u0ecd\u0f40-\u0fbc\u1000-\u1049\u1050-\u109f\u1780-\u17d3\u3005-\u3007"
    "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_LETTER = rf"(?:[^\W_{_UNSPACED}]|[{_MARKS}])"
_TOKEN = re.compile(
    rf"""(?P<email>[a-z0-9][\w.+-]*@[\w-]+(?:\.[\w-]+)+)
    |(?P<number>(?<![\w.,-])[-\u2212](?=\d)\d+(?:[.,:/-]\d+)*|\d+(?:[.,:/-]\d+)+(?!\w))
    |(?P<sign>(?<!\w)[a-z](?:\+\+|\#)(?!\w))
    |(?P<unspaced>[{_UNSPACED}]+)
    |(?P<word>{_LETTER}+(?:['\u2019]{_LETTER}+)*)""",
    re.VERBOSE,
)
_ASCII_TOKEN = re.compile(
    r"[a-z0-9][\w.+-]*@[\w-]+(?:\.[\w-]+)+|(?<![\w.,-])-(?=\d)\d+(?:[.,:/-]\d+)*|\d+(?:[.,:/-]\d+)+(?!\w)"
    r"|(?<!\w)[a-z](?:\+\+|\#)(?!\w)|[a-z0-9]+(?:'[a-z0-9]+)*"
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_SENTENCE_END = re.compile(
    r"(?<=[.!?\u2026])[\"'\u201d\u2019)\]]*\s+|(?<=[\u3002\uff01\uff1f\u0964\u061f])\s*|\s*\n+\s*"
)
_LAST_WORD = re.compile(r"[^\s(\"'\u201c]{0,12}\.$")
_TITLES = frozenset(
    "mr. mrs. ms. dr. prof. st. vs. approx. e.g. i.e. no. a.k.a. cf. gen. sgt. capt. lt. rev. hon. fig. vol. mt. ft. "
    "bzw. ca. nr. str. z.b. sra. mme. dra. núm. tel. dept. incl. resp.".split()
)
"""Abbreviations that something follows."""
_CLOSING = frozenset(
    "jr. sr. etc. a.m. p.m. u.s. u.k. u.s.a. e.u. d.c. inc. ltd. co. corp. ph.d. b.a. m.a. b.sc. m.sc. ave. blvd. rd. "
    "jan. feb. mar. apr. jun. jul. aug. sep. sept. oct. nov. dec. mon. tue. wed. thu. fri. sat. min. max. hrs. hr. "
    "mins. lbs. oz. kg. al. p.s.".split()
)
"""Abbreviations that a sentence may end with."""
_SENTENCE_OPENERS = frozenset(
    "i i'm i've i'd i'll my we our the a an he she it it's they this that that's you your there what when where who "
    "why how which can could would should do does did is are and but so also please if in on at his her their".split()
)
_QUESTION_OPENER = re.compile(
    r"(?:and |so |but |well,? |oh,? |hey,? |by the way,? )*"
    r"(?:what|who|whom|whose|where|when|why|how|which|"
    r"do|does|did|is|are|was|were|can|could|would|will|should|have|has|am)\b(?:'s|'re|'d)?",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^\s*([^\W\d_][^\n:.!?,;]{0,39}):\s+(?=\S)")
_ASKING = re.compile("[?\uff1f\u061f\u037e\u00bf]")
_CAPTION = re.compile(r"\[[^\[\]]*\]")


def fold(text: str) -> str:
    """`text` without case, compatibility forms and accents: what is equal to a reader is equal here."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFKC", re.sub("[\u0300-\u036f]", "", plain))


def terms(text: str) -> list[str]:
    """The terms of `text` in reading order, repeats included: English stems without stop words, words of
    other languages as they are (folded), numbers, addresses and names like `c++` whole, and for scripts
    without spaces every pair of neighbouring characters (Chinese characters singly too)."""
    parts = fold(text).split()
    known = _known if max(map(len, parts), default=0) <= LONGEST_KNOWN else _terms
    return list(chain.from_iterable(map(known, parts)))


def _terms(part: str) -> tuple[str, ...]:
    """Of folded text without spaces: no term holds any, and most words are looked at again and again."""
    return _known(part) if len(part) <= LONGEST_KNOWN else _read(part)


@lru_cache(KNOWN)
def _known(part: str) -> tuple[str, ...]:
    return _read(part)


def _read(part: str) -> tuple[str, ...]:
    # A stemmer holds buffers and is not safe to share between threads; making one costs 0.3 µs.
    term = partial(_term, stemmer=Stemmer.Stemmer("english", 0))
    return tuple(filter(None, map(term, _ASCII_TOKEN.findall(part) if part.isascii() else _tokens(part))))


def _term(word: str, stemmer: Stemmer.Stemmer) -> str:
    """Empty for a stop word."""
    stops = _stop_words()
    if "'" in word and word not in stops:
        word = word.partition("'")[0] if word[-2:] == "'s" or len(word.partition("'")[2]) > 1 else word
    if word in stops:
        return ""
    stem: str = stemmer.stemWord(_same_words().get(word, word))
    return stem


def sentences(text: str) -> list[str]:
    """`text` cut at the ends of its sentences, in order, none empty; a line break ends a sentence."""
    cut: list[str] = []
    start = 0
    for end in _SENTENCE_END.finditer(text):
        if "\n" not in end.group() and _abbreviates(text, end.start(), end.end()):
            continue
        piece = text[start : end.start()] + end.group().rstrip()
        if piece.strip():
            cut.append(piece.strip())
        start = end.end()
    rest = text[start:].strip()
    return [*cut, rest] if rest else cut


def _abbreviates(text: str, end: int, following: int) -> bool:
    """Whether the full stop before `end` belongs to an abbreviation within a sentence that goes on."""
    found = _LAST_WORD.search(text, max(0, end - 14), end)
    if found is None:
        return False
    last = found.group()
    word = last.lower()
    if last == "no.":
        return False
    initial = len(last) == 2 and last[0].isupper() and last != "I."
    if not (initial or word in _TITLES or word in _CLOSING):
        return False
    rest = text[following : following + 12].split(maxsplit=1)
    after = rest[0].rstrip(",.!?;:").replace("\u2019", "'") if rest else ""
    opens = after[:1].isupper() and after.lower() in _SENTENCE_OPENERS
    if word in _TITLES:
        return bool(after) and not (opens and word == "no.")
    return not (opens or not after or (word in _CLOSING and not initial and after[:1].isupper()))


def cut(text: str) -> list[str]:
    """`text` as scoring units of at most about UNIT_WORDS words, cut at sentence ends (a longer sentence
    between words); at least one unit, in order, together the whole text."""
    if 0 < len(text) <= 2 * UNIT_WORDS and text.isprintable() and "  " not in text:
        return [text.strip()]  # that many characters are no more words
    words = text.split()
    if 0 < _length(text, len(words)) <= UNIT_WORDS:
        return [" ".join(words)]
    units: list[str] = []
    size = UNIT_WORDS
    for sentence in sentences(text):
        for piece in _pieces(sentence):
            length = _length(piece, len(piece.split()))
            if size + length > UNIT_WORDS:
                units.append(piece)
                size = length
            else:
                units[-1] += " " + piece
                size += length
    return units or [text]


def is_question(sentence: str) -> bool:
    """Whether `sentence` asks. A caption in brackets behind it does not count."""
    if "?" not in sentence and (sentence.isascii() or not _ASKING.search(sentence)):
        return False
    bare = _CAPTION.sub("", sentence).strip().rstrip("\"'\u201d\u2019) ")
    return bare.endswith(("?", "\uff1f", "\u061f", "\u037e")) or bare.startswith("\u00bf")


def asks(text: str) -> bool:
    """Whether `text` is put as a question, with or without its question mark."""
    return is_question(text) or _QUESTION_OPENER.match(text.strip()) is not None


def label(text: str) -> str | None:
    """The participant that a leading `Name: ` of `text` names; None where there is no such label."""
    found = _LABEL.match(text) if ":" in text else None
    if found is None or len(found.group(1).split()) > 3 or any(word[0].islower() for word in found.group(1).split()):
        return None
    return found.group(1).strip()


def foreign(text: str) -> bool:
    """Whether `text` is in another language than English, which is what the default model was made for."""
    letters = [character for character in text if character.isalpha()]
    plain = sum(character.isascii() for character in letters)
    if 2 * plain < len(letters):
        return True
    words = re.findall(r"[^\W\d_]+", fold(text))
    others = sum(word in _function_words() for word in words)
    english = sum(word in _stop_words() and word not in _function_words() for word in words)
    return others > english or (plain < len(letters) and not english)


def grammatical(term: str) -> bool:
    """Whether `term` is grammar in another language than English, which has its stop words."""
    return term in _function_words() or all("\u3041" <= character <= "\u309f" for character in term)


def commonness(term: str) -> float:
    """Rank of `term` among English stems, 1 the commonest; terms outside the table get a rank past its
    end, short numbers and the grammar of other languages one inside it."""
    rank = _ranks().get(term)
    if rank is not None:
        return rank
    if term in _function_words():
        return 3.0
    if len(term) <= 2 and not term.isascii():
        return _character_rank(term)
    if len(term) <= 2:
        return 50.0 if term.isdigit() else 300.0
    return 12_000.0


def _character_rank(term: str) -> float:
    """Of one or two characters in a script without spaces: what is next to grammar says little."""
    kana = sum("\u3041" <= character <= "\u309f" for character in term)
    if kana == len(term):
        return 10.0
    if kana or any(character in _function_words() for character in term):
        return 50.0
    return 400.0 if len(term) == 1 else 3_000.0


def _tokens(folded: str) -> Iterator[str]:
    for found in _TOKEN.finditer(folded):
        token = found.group()
        if found.lastgroup == "unspaced":
            yield from _bigrams(token)
        else:
            yield token.replace("\u2019", "'").replace("\u2212", "-")


def _bigrams(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
        return
    for at in range(len(run)):
        if _HAN.match(run[at]):
            yield run[at]
        if at + 1 < len(run):
            yield run[at : at + 2]


def _pieces(sentence: str) -> Iterator[str]:
    words = sentence.split()
    if len(words) > UNIT_WORDS:
        for start in range(0, len(words), UNIT_WORDS):
            yield " ".join(words[start : start + UNIT_WORDS])
    elif len(words) * 12 < len(sentence) and len(sentence) > 3 * UNIT_WORDS:  # no spaces to count words by
        for start in range(0, len(sentence), 2 * UNIT_WORDS):
            yield sentence[start : start + 2 * UNIT_WORDS]
    else:
        yield sentence


def _length(piece: str, words: int) -> int:
    """The words, counted by spaces; two characters for one where there are none."""
    return words if words * 12 >= len(piece) else len(piece) // 2


@cache
def _stop_words() -> frozenset[str]:
    return frozenset(STOP_WORDS.split())


@cache
def _same_words() -> dict[str, str]:
    return dict(pair.split(":") for pair in SAME_WORDS.split())


@cache
def _function_words() -> frozenset[str]:
    return frozenset(FUNCTION_WORDS.split())


@cache
def _ranks() -> dict[str, float]:
    return {stem: float(rank) for rank, stem in enumerate(COMMON_STEMS.split(), 1)}
