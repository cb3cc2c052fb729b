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
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.contested import FOLDS, RELATED, Pair, Texts, pairs_of
from gateway import corrections
from gateway.corrections import LEARNT, NEAREST, STEPS, seen
from gateway.embedders import load
from gateway.model import NAME, default_folder

Array = NDArray[np.float32]
RARE = 8
"""Features of fewer pairs are not looked at."""
PENALTY, DOWN = 3.3, 300
STRETCH = 2.0
"""Of vectors, whose numbers are small."""
LEAST = 4
"""In hundredths: a smaller weight is left out."""
WIDTH = 118


@dataclass(frozen=True)
class Rows:
    """What is known of pairs: the features that are there, one after the other, and the numbers."""

    there: NDArray[np.intp]
    starts: NDArray[np.intp]
    numbers: Array

    def of(self, chosen: NDArray[np.bool_]) -> "Rows":
        lengths = np.diff(np.append(self.starts, len(self.there)))
        starts = np.cumsum(np.append(0, lengths[chosen]))[:-1]
        return Rows(self.there[np.repeat(chosen, lengths)], starts, self.numbers[chosen])

    def chances(self, weights: Array) -> Array:
        split = len(weights) - self.numbers.shape[1]
        total = np.add.reduceat(weights[self.there], self.starts) + self.numbers @ weights[split:]
        return np.asarray(1 / (1 + np.exp(-np.clip(total, -30, 30))), np.float32)

    def slope(self, wrong: Array, names: int) -> Array:
        lengths = np.diff(np.append(self.starts, len(self.there)))
        of_names = np.bincount(self.there, np.repeat(wrong, lengths), names)
        return np.append(of_names, wrong @ self.numbers).astype(np.float32)


class Model:
    """Weights of features, numbers and vectors, in one row."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        counts = Counter(name for pair in pairs for name in seen(pair.new, pair.old))
        self.names = ["1", *(name for name, count in counts.items() if count >= RARE and "|" not in name)]
        self.numbers = sorted({name for pair in pairs for name in pair.numbers})
        self._column = {name: at for at, name in enumerate(self.names)}
        raw = self._measured(pairs)
        self.spread = raw.std(0) + 1e-6

    def _measured(self, pairs: Sequence[Pair]) -> Array:
        return np.array([[pair.numbers.get(name, 0.0) for name in self.numbers] for pair in pairs], np.float32)

    def rows(self, pairs: Sequence[Pair]) -> Rows:
        there, starts = list[int](), list[int]()
        for pair in pairs:
            starts.append(len(there))
            there.append(0)
            there += [self._column[name] for name in seen(pair.new, pair.old) if name in self._column]
        vectors = [np.concatenate([pair.new.encoding.vector, pair.old.encoding.vector]) for pair in pairs]
        numbers = np.hstack([self._measured(pairs) / self.spread, STRETCH * np.array(vectors)])
        return Rows(np.array(there), np.array(starts), numbers.astype(np.float32))

    def text(self, weights: Array) -> str:
        """The weights as they are read by `corrections.table`."""
        words, numbers = len(self.names), len(self.names) + len(self.numbers)
        plain_weights = dict(zip(self.names, weights[:words], strict=True))
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


def fitted(rows: Rows, over: Array, weight: Array, names: int) -> Array:
    """The weights of highest likelihood under the penalty, by gradient descent with momentum (Adam)."""
    weights, mean, square = (np.zeros(names + rows.numbers.shape[1], np.float32) for _ in range(3))
    total = float(weight.sum())
    for step in range(1, DOWN + 1):
        wrong = weight * (rows.chances(weights) - over)
        slope = (rows.slope(wrong, names) + PENALTY * np.r_[np.float32(0), weights[1:]]) / total
        mean = 0.9 * mean + 0.1 * slope
        square = 0.99 * square + 0.01 * slope**2
        rate = 0.05 * min(1.0, 3 * (1 - step / (DOWN + 1)))
        weights = (weights - rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)).astype("f4")
    return weights


def report(pairs: Sequence[Pair], guesses: Array) -> None:
    """By threshold: changes found, related statements and unrelated ones closed by mistake."""
    over = np.array([pair.over for pair in pairs])
    related = np.array([pair.weight == RELATED for pair in pairs])
    for threshold in (0.3, 0.4, 0.5, 0.6, 0.7):
        hit = guesses > threshold
        print(
            f"over {threshold}: {100 * hit[over].mean():.1f} % of what is over,"
            f" {100 * hit[related & ~over].mean():.1f} % of what is related and holds,"
            f" {1000 * NEAREST * hit[~related].mean():.1f} of 1,000 messages end something unrelated"
        )


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
    print(f"{len(pairs)} pairs, {int(over.sum())} of them over, {len(model.names) + rows.numbers.shape[1]} weights")
    if options.check:
        folds = np.array([pair.fold for pair in pairs])
        guesses = np.zeros(len(pairs), np.float32)
        for fold in range(FOLDS):
            kept = folds != fold
            weights = fitted(rows.of(kept), over[kept], weight[kept], len(model.names))
            guesses[~kept] = rows.of(~kept).chances(weights)
        report(pairs, guesses)
    weights = fitted(rows, over, weight, len(model.names))
    Path(corrections.__file__).with_name(LEARNT).write_text(model.text(weights), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
