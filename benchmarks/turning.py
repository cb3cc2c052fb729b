"""Fits how a question's vector is turned towards the vectors of what would answer it (`gateway.towards`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.asked import Ask, Lookup
from benchmarks.likelihood import Array
from gateway.towards import Towards
from gateway.units import Unit

RANK = 32
STEPS, BATCH, CROWD = 1200, 128, 1000
"""Steps of Adam; questions and texts of each."""
RATE = 3e-3
SHARPNESS = 20.0
"""What cosines are multiplied by before the softmax."""
PENALTY = 1e-2
"""Of the squares of the map."""
FOLDS = 5
PEOPLE = 0.5
"""The share of the steps that is made with what people say of themselves; the conversations have the rest."""


@dataclass
class Asked:
    """Questions and the texts that they are asked of: one entity's, or many people's."""

    questions: Array
    """(questions, dim), of length 1."""
    texts: Array
    """(texts, dim), of length 1."""
    answers: Array
    """The row of the text that answers each question."""
    weight: float
    """The share of the steps that are made with these."""


class Maps:
    """The map of everything, and for each conversation and each case one that neither was used for."""

    def __init__(
        self,
        conversations: Sequence[tuple[Sequence[Unit], Sequence[Ask]]],
        cases: Sequence[dict[str, Any]],
        others: Sequence[str],
        encodings: Lookup,
    ) -> None:
        """`cases`: statements and their questions; `others`: texts that answer none of these."""
        talks = [_conversation(units, asks, encodings) for units, asks in conversations]
        share = PEOPLE / (1 - PEOPLE) * len(talks)
        self.whole = turning([*talks, _people(cases, others, encodings, share)])
        self._folds = [
            turning(
                [
                    *(talk for place, talk in enumerate(talks) if place % FOLDS != fold),
                    _people([case for at, case in enumerate(cases) if at % FOLDS != fold], others, encodings, share),
                ]
            )
            for fold in range(FOLDS)
        ]
        self._fold_of = {question: at % FOLDS for at, case in enumerate(cases) for question in case["ask"]}

    def for_conversation(self, place: int) -> Towards:
        return self._folds[place % FOLDS]

    def for_question(self, question: str) -> Towards:
        fold = self._fold_of.get(question)
        return self.whole if fold is None else self._folds[fold]


def _conversation(units: Sequence[Unit], asks: Sequence[Ask], encodings: Lookup) -> Asked:
    pairs = [(ask.text, answer) for ask in asks for answer in ask.answers]
    return Asked(
        _vectors([question for question, _ in pairs], encodings),
        _vectors([unit.text for unit in units], encodings),
        np.array([answer for _, answer in pairs]),
        1.0,
    )


def _people(cases: Sequence[dict[str, Any]], others: Sequence[str], encodings: Lookup, share: float) -> Asked:
    texts = list(dict.fromkeys([*(case["say"] for case in cases if case["say"]), *others]))
    row = {text: at for at, text in enumerate(texts)}
    pairs = [(question, row[case["say"]]) for case in cases if case["say"] for question in case["ask"]]
    return Asked(
        _vectors([question for question, _ in pairs], encodings),
        _vectors(texts, encodings),
        np.array([answer for _, answer in pairs]),
        share,
    )


def _vectors(texts: Sequence[str], encodings: Lookup) -> Array:
    return np.stack([encodings[text].vector for text in texts])


def turning(groups: Sequence[Asked], seed: int = 0) -> Towards:
    """The map of rank RANK that makes the answers of all groups the likeliest by a softmax over their texts."""
    random = np.random.default_rng(seed)
    dim = groups[0].texts.shape[1]
    maps = [random.normal(0, 0.02, (dim, RANK)), np.zeros((RANK, dim))]
    first = [np.zeros_like(each) for each in maps]
    second = [np.zeros_like(each) for each in maps]
    shares = np.array([group.weight for group in groups])
    for step in range(1, STEPS + 1):
        group = groups[random.choice(len(groups), p=shares / shares.sum())]
        for at, slope in enumerate(_slopes(maps, group, random)):
            first[at] = 0.9 * first[at] + 0.1 * slope
            second[at] = 0.999 * second[at] + 0.001 * slope**2
            ahead = first[at] / (1 - 0.9**step)
            maps[at] = maps[at] - RATE * ahead / (np.sqrt(second[at] / (1 - 0.999**step)) + 1e-8)
    return Towards(maps[0].astype(np.float32), maps[1].astype(np.float32))


def _slopes(maps: Sequence[Array], group: Asked, random: np.random.Generator) -> tuple[Array, Array]:
    """The gradient of the loss of some of the group's questions among some of its texts."""
    down, up = maps
    some = random.permutation(len(group.questions))[:BATCH]
    answers = group.answers[some]
    crowd = np.unique(np.concatenate([answers, random.permutation(len(group.texts))[:CROWD]]))
    texts, right = group.texts[crowd], np.searchsorted(crowd, answers)
    asked = group.questions[some]
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
