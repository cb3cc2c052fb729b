"""Whether what a user says now makes an older statement of theirs untrue: a fitted judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from math import exp

import numpy as np

from gateway.adapters import CORRECTIONS
from gateway.contrast import cosine, measured
from gateway.saying import Floats, Said

LIKELY = 0.7
"""What is over with more than this likelihood is closed: few true memories may go (`benchmarks/fit_corrections`)."""
NEAREST = 5
"""Older statements that are weighed against a message, the nearest by their vectors."""


def likelihoods(new: Said, read: Floats, older: Sequence[Said], among: int) -> list[float]:
    """Of each older statement, how likely it is that this one is over since the new one was said: together at most 1,
    for a message ends one thing or none. `read`: the new one as `Embedder.read_change` reads it; `older`: the nearest
    of so many."""
    learnt, numbers = CORRECTIONS.learnt, _numbers()
    head, bias = CORRECTIONS.head
    by_itself = float(head[0] @ read) + float(bias[0])
    near = float(learnt["sharpness"]) * read / np.linalg.norm(read) + learnt["older"]
    cosines = [cosine(new, old) for old in older]
    totals = [0.0]  # of none
    for place, old in enumerate(older):
        best = max(cosines[:place] + cosines[place + 1 :], default=0.0)
        told = measured(new, old, best, among)
        total = by_itself + float(near @ old.encoding.vector)
        totals.append(total + sum(numbers[name] * value for name, value in told.items()))
    raised = [exp(total - max(totals)) for total in totals]
    return [each / sum(raised) for each in raised[1:]]


def over(new: Said, read: Floats, older: Sequence[Said], among: int) -> int | None:
    """Which of the older statements is taken for over; None: none of them is."""
    chances = likelihoods(new, read, older, among)
    place = max(range(len(chances)), key=chances.__getitem__, default=None)
    return place if place is not None and chances[place] > LIKELY else None


@cache
def _numbers() -> Mapping[str, float]:
    """The weights of what `contrast.measured` tells."""
    mark = "number."
    return {name[len(mark) :]: float(each) for name, each in CORRECTIONS.learnt.items() if name.startswith(mark)}
