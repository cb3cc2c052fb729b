"""How likely a piece of a message is of each kind, or no statement at all: a linear model over its features, and a bias
for what stands side by side in a sentence to be of one sort."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import exp, log, log1p

import numpy as np
from numpy.typing import NDArray

from gateway.domain import Kind

LETTERS: dict[str, Kind] = {
    "f": "fact",
    "p": "preference",
    "s": "skill",
    "r": "rule",
    "e": "event",
    "o": "person",
    "t": "relationship",
}
"""A kind's letter in the weights and in the labelled sentences."""
NOT = "n"
"""The letter of what is no statement."""
CODES = (*LETTERS, NOT)
"""The columns of the weights."""
BIAS = "::"
"""The feature that each piece has."""
LEARNT = "learnt.txt"
"""Each feature with its weights by letter, as `benchmarks/fit_kinds.py` wrote them."""
STEPS = 10
"""Of a weight, to one; the weights are written as whole numbers."""
ALIKE = 2.0
"""Natural logarithm of how much likelier two neighbouring pieces of a sentence are both statements, or both none, than
not; fitted on the same cases."""
OWN, TAGGED = 0.5, 1.0
"""What the features' sums and a tagger's weigh where there are both."""
LENIENT = 0.4
"""What is then taken from the sum that speaks for no statement."""
Floats = NDArray[np.float32]
_KINDS: tuple[Kind, ...] = tuple(LETTERS.values())
_SURE = 1e-6
_NONE = np.array([30.0 * (code == NOT) for code in CODES], np.float32)
"""Sums that speak for no statement, surely."""
_WEIGHT = re.compile(r"([a-z])(-?\d+)")


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one piece."""

    doubt: float
    """How likely it is no statement."""
    kinds: dict[Kind, float]
    """How likely it is of each kind if it is one."""


def verdicts(evidence: Sequence[Sequence[str]], sentence: Sequence[int], tagged: Floats | None = None) -> list[Verdict]:
    """On the pieces of a message, each given by its features and by the number of the sentence that it is of. `tagged`
    as a tagger answers; without it nothing is known of what has no features."""
    if not evidence:
        return []
    added = sums(evidence)
    alone = np.array([not each for each in evidence])
    added[alone] = _NONE
    if tagged is not None:
        both = np.where(alone[:, None], tagged, OWN * added + TAGGED * tagged)
        both[:, CODES.index(NOT)] -= LENIENT
        added = np.where(np.isnan(both), added, both)
    raised = np.exp(added - added.max(axis=1, keepdims=True))
    raised /= raised.sum(axis=1, keepdims=True)
    odds = [log((row[-1] + _SURE) / (1 - row[-1] + _SURE)) for row in raised.tolist()]
    found = []
    for row, side in zip(raised.tolist(), _smoothed(odds, sentence), strict=True):
        stated = sum(row[:-1])
        kinds = {kind: value / stated for kind, value in zip(_KINDS, row, strict=False)}
        found.append(Verdict(1 / (1 + exp(-side)), kinds))
    return found


def sums(evidence: Sequence[Sequence[str]]) -> Floats:
    """The weights of the features of each piece, added up: (pieces, codes)."""
    rows, weights = table()
    places: list[int] = []
    begins: list[int] = []
    for features in evidence:
        begins.append(len(places))
        places.append(0)  # the bias, so that no piece is without a row
        places += [rows[each] for each in set(features) if each in rows]
    added: Floats = np.add.reduceat(weights[places], begins, axis=0)
    return added


def _smoothed(odds: Sequence[float], sentence: Sequence[int]) -> list[float]:
    """The log odds of each piece, given all of its sentence: a chain of two states, summed from both ends."""
    ahead, back = _passed(odds, sentence), _passed(odds[::-1], sentence[::-1])[::-1]
    return [own + before + behind for own, before, behind in zip(odds, ahead, back, strict=True)]


def _passed(odds: Sequence[float], sentence: Sequence[int]) -> list[float]:
    """What each piece hears from those before it."""
    heard, found = 0.0, [0.0]
    for at in range(1, len(odds)):
        said = min(30.0, max(-30.0, heard + odds[at - 1]))
        same = sentence[at] == sentence[at - 1]
        heard = log1p(exp(said + ALIKE)) - log(exp(said) + exp(ALIKE)) if same else 0.0
        found.append(heard)
    return found


@cache
def table() -> tuple[dict[str, int], Floats]:
    """The row of each feature, and the rows; the first one is the bias."""
    entries = files(__package__).joinpath(LEARNT).read_text(encoding="utf-8").split()
    rows: dict[str, int] = {}
    weights = np.zeros((len(entries) + 1, len(CODES)), dtype=np.float32)
    for at, entry in enumerate(entries, 1):
        feature, _, said = entry.rpartition("|")
        rows[feature] = at
        for letter, weight in _WEIGHT.findall(said):
            weights[at, CODES.index(letter)] = int(weight) / STEPS
    if BIAS in rows:
        weights[0] = weights[rows[BIAS]]
    return rows, weights
