"""Messages with the older statements that they may end, for the fit of what ends what."""

import json
import re
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.extraction import NOW, cases, ends, plain
from gateway.corrections import NEAREST, Floats
from gateway.domain import Statement
from gateway.embed import Embedder
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
    """A message, and the older statements that it may end, nearest first."""

    fold: int
    text: str
    older: Floats
    """Their vectors, (statements, dimension)."""
    over: frozenset[int]
    """Places of those that it ends."""
    weight: float


@dataclass
class Talk:
    """What somebody said, in order: each message with its statements."""

    messages: list[tuple[str, list[Statement]]]
    over: list[str] = field(default_factory=list)
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


def talk(messages: Sequence[str], tagger: Tagger | None, over: Sequence[str] = (), current: Sequence[str] = ()) -> Talk:
    stated = [(text, [one for one in statements(text, at=NOW, tagger=tagger) if not one.refused]) for text in messages]
    return Talk(stated, list(over), list(current))


def people(folder: Path) -> list[Talk]:
    found = []
    for path in sorted(folder.glob("*.json")):
        conversation: dict[str, Any] = json.loads(path.read_text())
        for speaker in conversation["speakers"]:
            turns = [turn for session in conversation["sessions"] for turn in session["turns"]]
            own = [_CAPTION.sub("", turn["text"]).strip() for turn in turns if turn["speaker"] == speaker]
            found.append(Talk([each for each in talk(own, None).messages if each[1]]))
    return found


def holds(text: str, words: Sequence[str]) -> bool:
    return any(plain(each) in plain(text) for each in words)


def nearest(new: Floats, older: Sequence[Floats]) -> list[int]:
    """The places of the nearest, nearest first."""
    return np.argsort(-(np.array(older) @ new), kind="stable")[:NEAREST].tolist() if older else []


def chosen(
    text: str, texts: Texts, own: Sequence[Floats], others: Sequence[Floats], over: Collection[int], fold: int
) -> Choice | None:
    """A message with the nearest of one's own statements and of somebody else's; None where none of those that it ends
    (places in `own`) is among them."""
    candidates = [*own, *others]
    order = nearest(texts[text], candidates)
    ended = frozenset(place for place, at in enumerate(order) if at in over)
    if over and not ended:
        return None
    return Choice(fold, text, np.array([candidates[at] for at in order]), ended, OTHERS if others else ALONE)


def ending(one: Talk) -> dict[str, str | None]:
    """By statement that is over at the end: the message that ends it, the last of the later ones that hold what is
    current, for controls stand before it; None where no later one does."""
    found: dict[str, str | None] = {}
    for at, (_, stated) in enumerate(one.messages):
        later = [text for text, _ in one.messages[at + 1 :] if holds(text, one.current)]
        for old in stated:
            if holds(old.text, one.over):
                found[old.text] = later[-1] if later else None
    return found


def of_dialogue(one: Talk, stranger: Sequence[Floats], texts: Texts, fold: int) -> Iterator[Choice]:
    """Each message with what is current before it, alone and among somebody else's statements."""
    ends = ending(one)
    live: list[str] = []
    for text, stated in one.messages:
        own = [texts[old] for old in live]
        over = [at for at, old in enumerate(live) if ends.get(old) == text]
        if live and not any(old in ends and ends[old] is None for old in live):
            others = [stranger[at] for at in nearest(texts[text], stranger)]
            yield from filter(None, (chosen(text, texts, own, each, over, fold) for each in ([], others)))
        live = [old for old in live if ends.get(old) != text] + [each.text for each in stated]


def of_person(one: Talk, texts: Texts) -> Iterator[Choice]:
    """Every third message with the nearest of what was said before it, which it does not end."""
    earlier: list[tuple[Statement, Floats]] = []
    for at, (text, stated) in enumerate(one.messages):
        if len(earlier) > 20 and at % 3 == 0:
            order = nearest(texts[text], [vector for _, vector in earlier])
            if not any(ends(each, earlier[place][0]) for each in stated for place in order):
                older = np.array([earlier[place][1] for place in order])
                yield Choice(at // 30 % FOLDS, text, older, frozenset(), PERSONS)
        earlier += [(each, texts[each.text]) for each in stated]


def fold_of(case: Mapping[str, Any]) -> int:
    return zlib.crc32(case["say"][0].encode()) % FOLDS


async def choices(folder: Path, embedder: Embedder) -> list[Choice]:
    texts = Texts(embedder)
    persons = people(folder)
    dialogues = [
        (talk(case["say"], embedder.tagger, case["over"], case["current"]), fold_of(case))
        for case in cases("dialogues", False)
    ]
    for one in (*persons, *(each for each, _ in dialogues)):
        await texts.encode([text for text, _ in one.messages])
        await texts.encode([each.text for _, stated in one.messages for each in stated])
    said_by_others = [texts[each.text] for one in persons[:STRANGERS] for _, stated in one.messages for each in stated]
    order = np.random.default_rng(0)
    strangers = [[said_by_others[at] for at in order.permutation(len(said_by_others))[:STRANGE]] for _ in range(10)]
    found = [choice for one in persons for choice in of_person(one, texts)]
    for at, (one, fold) in enumerate(dialogues):
        found += of_dialogue(one, strangers[at % len(strangers)], texts, fold)
    return found
