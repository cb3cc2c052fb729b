"""Fits the judge of what a new statement ends, and writes gateway/corrections.txt: python -m
benchmarks.fit_corrections DIR

Fitted on pairs of a message and an older statement: those of dialogues.jsonl, each dialogue among the statements of
somebody else, as in a memory of some size (DIR holds conversations of LoCoMo; no word of them is kept but the weights),
and pairs of those people's own, which end nothing. What the rules end is no pair that ends nothing. Logistic
regression with a quadratic penalty; printed is what five folds of dialogues give, each judged by weights that have not
seen it. Takes five minutes.
"""

import argparse
import asyncio
import json
import os
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.extraction import NOW, cases, ends, plain
from gateway import corrections
from gateway.corrections import LEARNT, NEAREST, STEPS, Said, measured, said, seen
from gateway.domain import Statement
from gateway.embed import Embedder, load
from gateway.extract.local import statements
from gateway.model import NAME, default_folder

Array = NDArray[np.float32]
FOLDS = 5
RARE = 8
"""Features of fewer pairs are not looked at."""
PENALTY, DOWN = 3.3, 300
OTHERS = 0.1
"""Weight of a pair with somebody else's statement, and of one of LoCoMo: there are many."""
STRETCH = 2.0
"""Of vectors, whose numbers are small."""
LEAST = 4
"""In hundredths: a smaller weight is left out."""
WIDTH = 118
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
    return Talk([each for each in stated if each[1]], list(over), list(current))


def people(folder: Path) -> list[Talk]:
    found = []
    for path in sorted(folder.glob("*.json")):
        conversation: dict[str, Any] = json.loads(path.read_text())
        for speaker in conversation["speakers"]:
            turns = [turn for session in conversation["sessions"] for turn in session["turns"]]
            own = [_CAPTION.sub("", turn["text"]).strip() for turn in turns if turn["speaker"] == speaker]
            found.append(talk(own))
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
            for old in own:
                over = changing.get(old) == text
                if not over and old in changing:
                    continue  # before or after the change, what the message says may end it too
                numbers = beside(new, texts[old], candidates, among)
                pairs.append(Pair(fold, new, texts[old], numbers, over, 0.5))
            pairs += [Pair(fold, new, each, beside(new, each, candidates, among), False, OTHERS) for each in others]
    return pairs


def of_person(one: Talk, texts: Texts) -> list[Pair]:
    """Every third message with the nearest of what was said before it."""
    pairs: list[Pair] = []
    earlier: list[tuple[Statement, Said]] = []
    for at, (text, stated) in enumerate(one.messages):
        if len(earlier) > 20 and at % 3 == 0:
            new = texts[text]
            ended = {old.text for old, _ in earlier if any(ends(each, old) for each in stated)}
            candidates = nearest(new, [old for _, old in earlier])
            known = {id(old): statement.text for statement, old in earlier}
            pairs += [
                Pair(at // 30 % FOLDS, new, old, beside(new, old, candidates, len(earlier)), False, OTHERS)
                for old in candidates
                if known[id(old)] not in ended
            ]
        earlier += [(each, texts[each.text]) for each in stated]
    return pairs


class Model:
    """Weights of features, numbers and vectors, in one row."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        counts = Counter(name for pair in pairs for name in seen(pair.new, pair.old))
        self.names = [name for name, count in counts.items() if count >= RARE and "|" not in name]
        self.numbers = sorted({name for pair in pairs for name in pair.numbers})
        self._column = {name: at for at, name in enumerate(self.names)}
        raw = self._measured(pairs)
        self.spread = raw.std(0) + 1e-6

    def _measured(self, pairs: Sequence[Pair]) -> Array:
        return np.array([[pair.numbers.get(name, 0.0) for name in self.numbers] for pair in pairs], np.float32)

    def rows(self, pairs: Sequence[Pair]) -> Array:
        there = np.zeros((len(pairs), len(self.names)), np.float32)
        for at, pair in enumerate(pairs):
            there[at, [self._column[name] for name in seen(pair.new, pair.old) if name in self._column]] = 1
        vectors = [np.concatenate([pair.new.encoding.vector, pair.old.encoding.vector]) for pair in pairs]
        one = np.ones((len(pairs), 1), np.float32)
        return np.hstack([one, there, self._measured(pairs) / self.spread, STRETCH * np.array(vectors)])

    def text(self, weights: Array) -> str:
        """The weights as they are read by `corrections.table`."""
        words, numbers = 1 + len(self.names), 1 + len(self.names) + len(self.numbers)
        plain_weights = {"1": weights[0], **dict(zip(self.names, weights[1:words], strict=True))}
        plain_weights |= dict(zip(self.numbers, weights[words:numbers] / self.spread, strict=True))
        whole = {name: round(STEPS * float(weight)) for name, weight in plain_weights.items()}
        lines = [""]
        for name in sorted(whole):
            if abs(whole[name]) < LEAST:
                continue
            entry = f"{name}|{whole[name]}"
            if len(lines[-1]) + len(entry) >= WIDTH:
                lines.append("")
            lines[-1] = f"{lines[-1]} {entry}".strip()
        for half in np.split(STRETCH * STEPS * weights[numbers:], 2):
            lines.append("vector: " + " ".join(str(round(float(each))) for each in half))
        return "\n".join(lines) + "\n"


def fitted(rows: Array, over: Array, weight: Array) -> Array:
    """The weights of highest likelihood under the penalty, by gradient descent with momentum (Adam)."""
    weights, mean, square = (np.zeros(rows.shape[1], np.float32) for _ in range(3))
    total = float(weight.sum())
    for step in range(1, DOWN + 1):
        guess = 1 / (1 + np.exp(-np.clip(rows @ weights, -30, 30)))
        slope = (rows.T @ (weight * (guess - over)) + PENALTY * np.r_[np.float32(0), weights[1:]]) / total
        mean = 0.9 * mean + 0.1 * slope
        square = 0.99 * square + 0.01 * slope**2
        rate = 0.05 * min(1.0, 3 * (1 - step / (DOWN + 1)))
        weights = (weights - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)).astype("f4")
    return weights


def fold_of(case: Mapping[str, Any]) -> int:
    return zlib.crc32(case["say"][0].encode()) % FOLDS


def report(pairs: Sequence[Pair], guesses: Array) -> None:
    """By threshold: changes found, related statements and unrelated ones closed by mistake."""
    over = np.array([pair.over for pair in pairs])
    related = np.array([pair.weight == 0.5 for pair in pairs])
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7):
        hit = guesses > threshold
        print(
            f"over {threshold}: {100 * hit[over].mean():.1f} % of what is over,"
            f" {100 * hit[related & ~over].mean():.1f} % of what is related and holds,"
            f" {1000 * NEAREST * hit[~related].mean():.1f} of 1,000 messages end something unrelated"
        )


async def pairs_of(folder: Path, texts: Texts) -> list[Pair]:
    persons = people(folder)
    dialogues = [
        (talk(case["say"], case["over"], case["current"]), fold_of(case)) for case in cases("dialogues", False)
    ]
    talks = [*persons, *(each for each, _ in dialogues)]
    for one in talks:
        await texts.encode([text for text, _ in one.messages])
        await texts.encode([each.text for _, stated in one.messages for each in stated])
    strangers = [[texts[each.text] for _, stated in one.messages for each in stated] for one in persons]
    pairs = [pair for one in persons for pair in of_person(one, texts)]
    for at, (one, fold) in enumerate(dialogues):
        pairs += of_dialogue(one, strangers[at % len(strangers)], texts, fold)
    return pairs


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--check", action="store_true", help="print what the folds give")
    options = parser.parse_args()
    embedder = await load("auto", NAME, 1, default_folder(os.environ))
    assert embedder is not None
    pairs = await pairs_of(options.data, Texts(embedder))
    embedder.close()
    model = Model(pairs)
    rows = model.rows(pairs)
    over = np.array([pair.over for pair in pairs], np.float32)
    weight = np.array([pair.weight for pair in pairs], np.float32)
    print(f"{len(pairs)} pairs, {int(over.sum())} of them over, {rows.shape[1]} weights")
    if options.check:
        folds = np.array([pair.fold for pair in pairs])
        guesses = np.zeros(len(pairs), np.float32)
        for fold in range(FOLDS):
            kept = folds != fold
            weights = fitted(rows[kept], over[kept], weight[kept])
            guesses[~kept] = 1 / (1 + np.exp(-np.clip(rows[~kept] @ weights, -30, 30)))
        report(pairs, guesses)
    Path(corrections.__file__).with_name(LEARNT).write_text(model.text(fitted(rows, over, weight)), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
