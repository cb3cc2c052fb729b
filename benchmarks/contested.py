"""Messages with the older statements that they may end, for the fit of what ends what."""

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.extraction import NOW, bare, cases, ends, plain, shared
from gateway.corrections import NEAREST, Floats
from gateway.domain import Statement
from gateway.embed import Embedder
from gateway.extract.fragments import fragments
from gateway.extract.local import statements
from gateway.tagging import Tagger

FOLDS = 5
ALONE, OTHERS, PERSONS = 1.0, 0.5, 0.2
"""What a message weighs beside its own dialogue alone; among somebody else's statements too; of people of LoCoMo."""
STRANGE = 1000
"""Statements of somebody else."""
STRANGERS = 7
"""People of LoCoMo whose statements are somebody else's; the others are left for a check."""
_CAPTION = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True)
class Choice:
    """A message, and the fragments of older statements that it may end, those of the nearest first."""

    fold: int
    text: str
    older: Floats
    """The vectors of their fragments, (fragments, dimension)."""
    owners: list[int]
    """The place of the statement that each is part of."""
    over: frozenset[int]
    """Places of those that it ends."""
    weight: float


@dataclass
class Talk:
    """What somebody said, in order: each message with its statements."""

    messages: list[tuple[str, list[Statement]]]
    over: dict[str, int] = field(default_factory=dict)
    """Words of what is over at the end, with the number of the message that ends it; -1: none of them does."""
    current: list[str] = field(default_factory=list)


class Texts:
    """Texts with their vectors, each encoded once."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Floats] = {}

    async def encode(self, texts: Sequence[str]) -> None:
        for text in dict.fromkeys(texts):
            if text not in self._known:
                (encoding,) = await self._embedder.encode([text])
                self._known[text] = encoding.vector

    def __getitem__(self, text: str) -> Floats:
        return self._known[text]


def said(messages: Sequence[str], tagger: Tagger | None) -> list[tuple[str, list[Statement]]]:
    return [(text, [one for one in statements(text, at=NOW, tagger=tagger) if not one.refused]) for text in messages]


def talk(case: Mapping[str, Any], tagger: Tagger | None) -> Talk:
    """A dialogue of dialogues.jsonl."""
    over = dict(zip(case["over"], case["by"], strict=True))
    return Talk(said(case["say"], tagger), over, list(case["current"]))


def people(folder: Path) -> list[Talk]:
    found = []
    for path in sorted(folder.glob("*.json")):
        conversation: dict[str, Any] = json.loads(path.read_text())
        for speaker in conversation["speakers"]:
            turns = [turn for session in conversation["sessions"] for turn in session["turns"]]
            own = [_CAPTION.sub("", turn["text"]).strip() for turn in turns if turn["speaker"] == speaker]
            found.append(Talk([each for each in said(own, None) if each[1]]))
    return found


@dataclass(frozen=True)
class Older:
    """An older statement."""

    vectors: Floats
    """Of those of its fragments that are labelled, (fragments, dimension)."""
    over: frozenset[int] = frozenset()
    """Places of those that the message ends."""


def nearest(new: Floats, older: Sequence[Older]) -> list[Older]:
    """The nearest, nearest first."""
    return sorted(older, key=lambda each: -float((each.vectors @ new).max()))[:NEAREST]


def chosen(text: str, texts: Texts, own: Sequence[Older], others: Sequence[Older], fold: int) -> Choice | None:
    """A message with the nearest of one's own statements and of somebody else's; None where none of those that it ends
    is among them."""
    choice = among(text, nearest(texts[text], [*own, *others]), fold, OTHERS if others else ALONE)
    return None if not choice.over and any(each.over for each in own) else choice


def among(text: str, near: Sequence[Older], fold: int, weight: float) -> Choice:
    owners = [place for place, each in enumerate(near) for _ in each.vectors]
    over = frozenset(owners.index(place) + at for place, each in enumerate(near) for at in each.over)
    return Choice(fold, text, np.concatenate([each.vectors for each in near]), owners, over, weight)


def older(old: str, texts: Texts, one: Talk, ended: bool) -> Older:
    """An older statement of a dialogue. Where a message ends it, those of its fragments that no label names are left
    out: nobody knows of them."""
    several = fragments(old)
    if not ended:
        return Older(np.array([texts[each] for each in several]))
    likeness = [(alike(each, one.over), alike(each, one.current)) for each in several]
    gone = [at for at, (over, current) in enumerate(likeness) if over and over >= current]
    gone = gone or [at for at, (_, current) in enumerate(likeness) if not current] or list(range(len(several)))
    named = [at for at, each in enumerate(likeness) if at in gone or any(each)]
    return Older(np.array([texts[several[at]] for at in named]), frozenset(named.index(at) for at in gone))


def alike(text: str, words: Iterable[str]) -> int:
    """How many words a fragment shares with the one of the labels that speaks of it; 0: none does."""
    own = set(bare(text).split())
    return max((len(own & set(bare(each).split())) for each in words if shared(text, each)), default=0)


def ending(one: Talk) -> dict[str, str | None]:
    """By statement that is over at the end: the message that ends it; None where none of the later ones does."""
    found: dict[str, str | None] = {}
    for at, (_, stated) in enumerate(one.messages):
        for old in stated:
            by = [number for words, number in one.over.items() if plain(words) in plain(old.text)]
            if by:
                found[old.text] = one.messages[min(by)][0] if min(by) > at else None
    return found


def of_dialogue(one: Talk, stranger: Sequence[Older], texts: Texts, fold: int) -> Iterator[Choice]:
    """Each message with what is current before it, alone and among somebody else's statements."""
    ends = ending(one)
    live: list[str] = []
    for text, stated in one.messages:
        own = [older(old, texts, one, ends.get(old) == text) for old in live]
        if live and not any(old in ends and ends[old] is None for old in live):
            others = nearest(texts[text], stranger)
            yield from filter(None, (chosen(text, texts, own, each, fold) for each in ([], others)))
        live = [old for old in live if ends.get(old) != text] + [each.text for each in stated]


def of_person(one: Talk, texts: Texts) -> Iterator[Choice]:
    """Every third message with the nearest of what was said before it, which it does not end."""
    earlier: list[tuple[Statement, Older]] = []
    for at, (text, stated) in enumerate(one.messages):
        if len(earlier) > 20 and at % 3 == 0:
            near = nearest(texts[text], [each for _, each in earlier])
            said = {id(each): statement for statement, each in earlier}
            if not any(ends(each, said[id(old)]) for each in stated for old in near):
                yield among(text, near, at // 30 % FOLDS, PERSONS)
        earlier += [(each, whole(each.text, texts)) for each in stated]


def whole(text: str, texts: Texts) -> Older:
    return Older(np.array([texts[each] for each in fragments(text)]))


def fold_of(case: Mapping[str, Any]) -> int:
    return zlib.crc32(case["say"][0].encode()) % FOLDS


async def choices(folder: Path, embedder: Embedder) -> list[Choice]:
    texts = Texts(embedder)
    persons = people(folder)
    dialogues = [(talk(case, embedder.tagger), fold_of(case)) for case in cases("dialogues", False)]
    for one in (*persons, *(each for each, _ in dialogues)):
        await texts.encode([text for text, _ in one.messages])
        await texts.encode([each for _, stated in one.messages for old in stated for each in fragments(old.text)])
    said_by_others = [
        whole(each.text, texts) for one in persons[:STRANGERS] for _, stated in one.messages for each in stated
    ]
    order = np.random.default_rng(0)
    strangers = [[said_by_others[at] for at in order.permutation(len(said_by_others))[:STRANGE]] for _ in range(10)]
    found = [choice for one in persons for choice in of_person(one, texts)]
    for at, (one, fold) in enumerate(dialogues):
        found += of_dialogue(one, strangers[at % len(strangers)], texts, fold)
    return found
