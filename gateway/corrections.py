"""Whether what a user says now makes an older statement of theirs untrue: a fitted judge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gateway.adapters import CORRECTIONS

Floats = NDArray[np.float32]

LIKELY = 0.7
"""What is over with more than this likelihood is closed: few true memories may go (`benchmarks/fit_corrections`)."""
CERTAIN = 0.93
"""A standing memory, which every session begins with, takes more."""
NEAREST = 5
"""Older statements that are weighed against a message, the nearest by their vectors."""


def likelihoods(read: Floats, older: Floats) -> Floats:
    """Of each older statement, how likely it is that this one is over since the message was said: together at most 1,
    for a message ends one thing or none. `read`: the message as `Embedder.read_change` reads it, (dimension,);
    `older`: the vectors of the nearest statements, (statements, dimension)."""
    learnt = CORRECTIONS.learnt
    head, bias = CORRECTIONS.head
    near = learnt["sharpness"] * read / np.linalg.norm(read) + learnt["older"]
    totals = np.append(np.float32(0), older @ near + head[0] @ read + bias[0])  # of none before
    raised = np.exp(totals - totals.max())
    return np.asarray((raised / raised.sum())[1:], np.float32)


def over(read: Floats, older: Floats, standing: Sequence[bool]) -> int | None:
    """Which of the older statements is taken for over; None: none of them is. `standing`: of each, whether it is."""
    if not len(older):
        return None
    chances = likelihoods(read, older)
    place = int(np.argmax(chances))
    return place if chances[place] > (CERTAIN if standing[place] else LIKELY) else None
