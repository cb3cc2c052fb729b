"""Whether what a user says now makes an older statement of theirs untrue: a fitted judge of pairs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from math import exp

import numpy as np

from gateway.contrast import about, cosine, measured, spoken
from gateway.saying import Floats, Said

LEARNT = "corrections.txt"
"""Each feature with its weight, and two vectors, as `benchmarks/fit_corrections.py` wrote them."""
STEPS = 100
"""Of a weight, to one; the weights are written as whole numbers."""
LIKELY = 0.9
"""What is over with more than this likelihood is closed: few true memories may go (`benchmarks/fit_corrections`)."""
NEAREST = 5
"""Older statements that are weighed against a message, the nearest by their vectors."""
MOST = 2
"""Older statements that one text ends; whoever ends more is misread more often than not."""
_WEIGHT = re.compile(r"(\S+)\|(-?\d+)")


def likelihoods(new: Said, older: Sequence[Said], among: int) -> list[float]:
    """Of each older statement, how likely it is that it is over since the new one was said. `older`: the nearest of
    so many."""
    cosines = [cosine(new, old) for old in older]
    said = list(spoken(new))
    found = []
    weights, vectors = table()
    at_new = float(vectors[0] @ new.encoding.vector)
    for place, old in enumerate(older):
        best = max(cosines[:place] + cosines[place + 1 :], default=0.0)
        total = at_new + float(vectors[1] @ old.encoding.vector) + weights.get("1", 0.0)
        total += sum(weights.get(name, 0.0) * value for name, value in measured(new, old, best, among).items())
        total += sum(weights.get(name, 0.0) for name in dict.fromkeys([*said, *about(new, old)]))
        found.append(1 / (1 + exp(-max(-30.0, min(30.0, total)))))
    return found


def over(new: Said, older: Sequence[Said], among: int) -> list[int]:
    """Which of the older statements are taken for over, the likeliest first: `MOST` at most."""
    chances = likelihoods(new, older, among)
    places = [place for place, chance in enumerate(chances) if chance > LIKELY]
    return sorted(places, key=lambda place: -chances[place])[:MOST]


def seen(new: Said, old: Said) -> set[str]:
    """The features of a pair that are there or not."""
    return {*spoken(new), *about(new, old)}


@cache
def table() -> tuple[dict[str, float], Floats]:
    """Weights by feature, "1" always there; the weights of the new and of the old vector, one row each."""
    text = (files(__package__) / LEARNT).read_text(encoding="utf-8")
    weights = {name: int(weight) / STEPS for name, weight in _WEIGHT.findall(text)}
    rows = [line.partition(":")[2].split() for line in text.splitlines() if line.startswith("vector:")]
    vectors = np.array([[int(each) / STEPS for each in row] for row in rows], np.float32)
    return weights, vectors
