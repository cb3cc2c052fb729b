"""Pairs of a message and an older statement, for the fit of what ends what."""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.extraction import NOW, cases, ends, plain
from gateway.contrast import measured
from gateway.corrections import NEAREST
from gateway.domain import Statement
from gateway.embed import Embedder
from gateway.extract.local import statements
from gateway.saying import Said, said

FOLDS = 5
RELATED, OTHERS = 0.5, 0.2
"""Weight of a pair of one dialogue; of one with somebody else's statement, and of one of LoCoMo: there are many."""
STRANGERS = 7
"""People of LoCoMo whose statements are somebody else's; the others are left for a check."""
_CAPTION = re.compile(r"\[[^\]]*\]")


@dataclass(frozen=True)
class Pair:
    """A message, an older statement, and whether that is over."""

    fold: int
    new: Said
    old: Said
    numbers: Mapping[str, float]
    over: bool
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
        self._known: dict[str, Said] = {}

    async def encode(self, texts: Sequence[str]) -> None:
        for text in dict.fromkeys(texts):
            if text not in self._known:
                (encoding,) = await self._embedder.encode([text])
                self._known[text] = said(text, encoding)

    def __getitem__(self, text: str) -> Said:
        return self._known[text]


def talk(messages: Sequence[str], over: Sequence[str] = (), current: Sequence[str] = ()) -> Talk:
    stated = [(text, [one for one in statements(text, at=NOW) if not one.refused]) for text in messages]
    return Talk(stated, list(over), list(current))


def people(folder: Path) -> list[Talk]:
    found = []
    for path in sorted(folder.glob("*.json")):
        conversation: dict[str, Any] = json.loads(path.read_text())
        for speaker in conversation["speakers"]:
            turns = [turn for session in conversation["sessions"] for turn in session["turns"]]
            own = [_CAPTION.sub("", turn["text"]).strip() for turn in turns if turn["speaker"] == speaker]
            found.append(Talk([each for each in talk(own).messages if each[1]]))
    return found


def holds(text: str, words: Sequence[str]) -> bool:
    return any(plain(each) in plain(text) for each in words)


def nearest(new: Said, older: Sequence[Said]) -> list[Said]:
    if not older:
        return []
    cosines = np.array([one.encoding.vector for one in older]) @ new.encoding.vector
    return [older[at] for at in np.argsort(-cosines, kind="stable")[:NEAREST]]


def beside(new: Said, one: Said, others: Sequence[Said], among: int) -> dict[str, float]:
    """The numbers of a pair, beside these candidates, the nearest of so many."""
    best = max((float(new.encoding.vector @ each.encoding.vector) for each in others if each is not one), default=0.0)
    return measured(new, one, best, among)


def of_dialogue(one: Talk, stranger: Sequence[Said], texts: Texts, fold: int) -> list[Pair]:
    """Its pairs, with those of somebody else's nearest statements; a change belongs to the nearest message of those
    that hold what is current."""
    pairs: list[Pair] = []
    changing: dict[str, str] = {}
    for at, (_, stated) in enumerate(one.messages):
        for old in stated:
            later = [text for text, _ in one.messages[at + 1 :] if holds(text, one.current)]
            if holds(old.text, one.over) and later:
                vector = texts[old.text].encoding.vector
                near = [float(texts[text].encoding.vector @ vector) for text in later]
                changing[old.text] = later[int(np.argmax(near))]
    for at, (text, _) in enumerate(one.messages):
        new = texts[text]
        own = [old.text for _, stated in one.messages[:at] for old in stated]
        for others in ([], nearest(new, stranger)):  # alone, and among many
            among = len(own) + (len(stranger) if others else 0)
            candidates = [*map(texts.__getitem__, own), *others]
            for earlier in own:
                over = changing.get(earlier) == text
                if not over and earlier in changing:
                    continue  # before or after the change, what the message says may end it too
                numbers = beside(new, texts[earlier], candidates, among)
                pairs.append(Pair(fold, new, texts[earlier], numbers, over, RELATED))
            for beside_own in ([*candidates], others):  # and with nothing of one's own that is near
                pairs += [Pair(fold, new, each, beside(new, each, beside_own, among), False, OTHERS) for each in others]
    return pairs


def of_person(one: Talk, texts: Texts) -> list[Pair]:
    """Every third message with the nearest of what was said before it."""
    pairs: list[Pair] = []
    earlier: list[tuple[Statement, Said]] = []
    for at, (text, stated) in enumerate(one.messages):
        if len(earlier) > 20 and at % 3 == 0:
            new = texts[text]
            ended = {id(old) for one, old in earlier if any(ends(each, one) for each in stated)}
            candidates = nearest(new, [old for _, old in earlier])
            pairs += [
                Pair(at // 30 % FOLDS, new, old, beside(new, old, candidates, len(earlier)), False, OTHERS)
                for old in candidates
                if id(old) not in ended
            ]
        earlier += [(each, texts[each.text]) for each in stated]
    return pairs


def fold_of(case: Mapping[str, Any]) -> int:
    return zlib.crc32(case["say"][0].encode()) % FOLDS


async def pairs_of(folder: Path, texts: Texts) -> list[Pair]:
    persons = people(folder)
    dialogues = [
        (talk(case["say"], case["over"], case["current"]), fold_of(case)) for case in cases("dialogues", False)
    ]
    talks = [*persons, *(each for each, _ in dialogues)]
    for one in talks:
        await texts.encode([text for text, _ in one.messages])
        await texts.encode([each.text for _, stated in one.messages for each in stated])
    said_by_others = [texts[each.text] for one in persons[:STRANGERS] for _, stated in one.messages for each in stated]
    order = np.random.default_rng(0)
    strangers = [[said_by_others[at] for at in order.permutation(len(said_by_others))[:1000]] for _ in range(10)]
    pairs = [pair for one in persons for pair in of_person(one, texts)]
    for at, (one, fold) in enumerate(dialogues):
        pairs += of_dialogue(one, strangers[at % len(strangers)], texts, fold)
    return pairs
