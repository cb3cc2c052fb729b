"""Fits how a question's vector is turned towards the vectors of what would answer it (`gateway.towards`)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.asked import Lookup
from benchmarks.likelihood import Array
from gateway.towards import Towards

RANK = 64
STEPS, BATCH, CROWD = 1500, 256, 1000
"""Steps of Adam; questions and texts of each."""
RATE = 3e-3
"""At first; it falls to nothing along a cosine."""
SHARPNESS = 20.0
"""What cosines are multiplied by before the softmax."""
PENALTY = 1e-2
"""Of the squares of the map."""
FOLDS = 5


@dataclass
class Asked:
    """Questions and the texts that they are asked of."""

    questions: Array
    """(questions, dim), of length 1."""
    texts: Array
    """(texts, dim), of length 1."""
    answers: Array
    """The row of the text that answers each question."""


class Maps:
    """The map of all cases, and for each case one that it was not used for."""

    def __init__(self, cases: Sequence[dict[str, Any]], others: Sequence[str], encodings: Lookup) -> None:
        """`cases`: statements and their questions; `others`: texts that answer none of these."""
        self.whole = turning(_people(cases, others, encodings))
        self._folds = [
            turning(_people([case for at, case in enumerate(cases) if at % FOLDS != fold], others, encodings))
            for fold in range(FOLDS)
        ]
        self._fold_of = {question: at % FOLDS for at, case in enumerate(cases) for question in case["ask"]}

    def for_question(self, question: str) -> Towards:
        fold = self._fold_of.get(question)
        return self.whole if fold is None else self._folds[fold]


def _people(cases: Sequence[dict[str, Any]], others: Sequence[str], encodings: Lookup) -> Asked:
    texts = list(dict.fromkeys([*(case["say"] for case in cases if case["say"]), *others]))
    row = {text: at for at, text in enumerate(texts)}
    pairs = [(question, row[case["say"]]) for case in cases if case["say"] for question in case["ask"]]
    return Asked(
        _vectors([question for question, _ in pairs], encodings),
        _vectors(texts, encodings),
        np.array([answer for _, answer in pairs]),
    )


def _vectors(texts: Sequence[str], encodings: Lookup) -> Array:
    return np.stack([encodings[text].vector for text in texts])


def turning(asked: Asked, seed: int = 0) -> Towards:
    """The map of rank RANK that makes the answers the likeliest by a softmax over the texts."""
    random = np.random.default_rng(seed)
    dim = asked.texts.shape[1]
    maps = [random.normal(0, 0.02, (dim, RANK)), np.zeros((RANK, dim))]
    first = [np.zeros_like(each) for each in maps]
    second = [np.zeros_like(each) for each in maps]
    for step in range(1, STEPS + 1):
        rate = RATE * (1 + math.cos(math.pi * step / STEPS)) / 2
        for at, slope in enumerate(_slopes(maps, asked, random)):
            first[at] = 0.9 * first[at] + 0.1 * slope
            second[at] = 0.999 * second[at] + 0.001 * slope**2
            ahead = first[at] / (1 - 0.9**step)
            maps[at] = maps[at] - rate * ahead / (np.sqrt(second[at] / (1 - 0.999**step)) + 1e-8)
    return Towards(maps[0].astype(np.float32), maps[1].astype(np.float32))


def _slopes(maps: Sequence[Array], people: Asked, random: np.random.Generator) -> tuple[Array, Array]:
    """The gradient of the loss of some of the questions among some of the texts."""
    down, up = maps
    some = random.permutation(len(people.questions))[:BATCH]
    answers = people.answers[some]
    crowd = np.unique(np.concatenate([answers, random.permutation(len(people.texts))[:CROWD]]))
    texts, right = people.texts[crowd], np.searchsorted(crowd, answers)
    asked = people.questions[some]
    narrow = asked @ down
    turned = asked + narrow @ up
    length = np.linalg.norm(turned, axis=1, keepdims=True)
    turned = turned / length
    scores = SHARPNESS * (turned @ texts.T)
    share = np.exp(scores - scores.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    share[np.arange(len(some)), right] -= 1
    slope = SHARPNESS / len(some) * (share @ texts)
    slope = (slope - (slope * turned).sum(1, keepdims=True) * turned) / length  # through the normalisation
    return (
        asked.T @ (slope @ up.T) + 2 * PENALTY * (down @ (up @ up.T)),
        narrow.T @ slope + 2 * PENALTY * ((down.T @ down) @ up),
    )
