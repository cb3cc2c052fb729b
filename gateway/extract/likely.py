"""How likely a sentence is of each kind, or no statement at all: a linear model over its features."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from math import exp

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
LEARNT = "learnt.txt"
"""Each feature with its weights by letter, as `benchmarks/fit_kinds.py` wrote them."""
STEPS = 10
"""Of a weight, to one; the weights are written as whole numbers."""
_WEIGHT = re.compile(r"([a-z])(-?\d+)")


def likelihoods(features: Iterable[str]) -> dict[str, float]:
    """Probability by letter; of the seven kinds and NOT."""
    sums = dict.fromkeys([*LETTERS, NOT], 0)
    weights = table()
    for feature in dict.fromkeys(features):
        for letter, weight in weights.get(feature, ()):
            sums[letter] += weight
    raised = {letter: exp(total / STEPS) for letter, total in sums.items()}
    whole = sum(raised.values())
    return {letter: value / whole for letter, value in raised.items()}


@cache
def table() -> dict[str, tuple[tuple[str, int], ...]]:
    found: dict[str, tuple[tuple[str, int], ...]] = {}
    for entry in files(__package__).joinpath(LEARNT).read_text(encoding="utf-8").split():
        feature, _, weights = entry.rpartition("|")
        found[feature] = tuple((letter, int(weight)) for letter, weight in _WEIGHT.findall(weights))
    return found
