"""Whether what a user says now makes an older statement of theirs untrue: a fitted judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from gateway.adapters import CORRECTIONS

Floats = NDArray[np.float32]

LIKELY = (0.5, 0.7)
"""What is over with more than this likelihood is closed, among FEW older statements and among MANY: of many more are
alike by chance, and few true memories may go."""
FEW, MANY = 20, 1000
CERTAIN = 0.7
"""A standing memory, which every session begins with, takes as much among few."""
NEAREST = 5
"""Older statements that are weighed against a message, the nearest by their vectors."""
TOGETHER, APART = 0.5, 0.02
"""A fragment is over too that is so likely beside the likeliest one of its statement; one that is less likely than the
second stays, whatever its grammar says: "its a fishing roguelike" behind "writing the game in Unity"."""


@dataclass(frozen=True, slots=True)
class Gone:
    """What of a statement is over, and what of it surely is not: places of fragments. The others may hang on what
    is over."""

    over: frozenset[int]
    stays: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Over:
    """What of the older statements is over."""

    place: int
    """Of the statement."""
    gone: Gone


def likelihoods(read: Floats, older: Floats) -> Floats:
    """Of each fragment of the older statements, how likely it is that this one is over since the message was said:
    together at most 1, for a message ends one thing or none. `read`: the message as `Embedder.read_change` reads it,
    (dimension,); `older`: the vectors of the fragments, (fragments, dimension)."""
    learnt = CORRECTIONS.learnt
    head, bias = CORRECTIONS.head
    near = learnt["sharpness"] * read / np.linalg.norm(read) + learnt["older"]
    totals = np.append(np.float32(0), older @ near + head[0] @ read + bias[0])  # of none before
    raised = np.exp(totals - totals.max())
    return np.asarray((raised / raised.sum())[1:], np.float32)


def least(among: int) -> float:
    """The likelihood above which one of so many older statements is closed."""
    few, many = LIKELY
    return few + (many - few) * min(1.0, log(max(among, FEW) / FEW) / log(MANY / FEW))


def over(read: Floats, older: Sequence[Floats], standing: Sequence[bool], among: int) -> Over | None:
    """Which of the nearest older statements is taken for over, at least in part; None: none of them is. `older`: of
    each, the vectors of its fragments; `standing`: whether it is; `among`: how many older statements there are."""
    if not older:
        return None
    chances = np.split(likelihoods(read, np.concatenate(older)), np.cumsum([len(each) for each in older])[:-1])
    sums = [float(each.sum()) for each in chances]
    place = int(np.argmax(sums))
    if sums[place] <= max(least(among), CERTAIN if standing[place] else 0):
        return None
    return Over(place, _gone(chances[place]))


def gone(read: Floats, fragments: Floats) -> Gone:
    """What of a statement is over, given that some of it is."""
    return _gone(likelihoods(read, fragments))


def _gone(chances: Floats) -> Gone:
    most = chances.max()
    over, stays = chances >= TOGETHER * most, chances < APART * most
    return Gone(*(frozenset(np.flatnonzero(each).tolist()) for each in (over, stays)))
