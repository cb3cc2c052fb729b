"""What the ranking of an entity is given, works on and answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from gateway.dense import Encoding
from gateway.signals import Floats, Mask, Signals, Slots


@dataclass(slots=True)
class Unit:
    """A piece of a user's message as it is scored: a message, or a part of a long one (`words.cut`)."""

    key: int
    """Unique, and rising in the order in which things were said."""
    session: str
    """Neighbours are the units of one session; unique within the entity."""
    text: str
    said_at: datetime
    """Aware, UTC."""
    speaker: str | None
    """The participant that the message names as its author; None: the user."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A unit's place in the answer."""

    key: int
    score: float
    """Orders the units of one answer; means nothing across answers."""
    relevance: float
    """0 to 1, comparable across questions and entities: the gate's value."""
    signals: Mapping[str, float]
    """What the score and the relevance were made of."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What can be told of all of an entity's units before the dear part."""

    question: str
    encoding: Encoding | None
    now: datetime
    mask: Mask
    signals: Signals
    within: Slots | None = None
    """The slots whose vectors are at hand; None: all."""

    @property
    def reach(self) -> Mask:
        """The slots that may be answered with."""
        if self.within is None:
            return self.mask
        mask = np.zeros_like(self.mask)
        mask[self.within] = True
        return mask


def ranked(
    keys: npt.NDArray[np.int64], scores: Floats, relevance: Floats, signals: Signals, limit: int
) -> list[Ranked]:
    """The units with these keys, the highest scores first."""
    order = np.argsort(-scores, kind="stable")[:limit]
    names = list(signals)
    table = np.stack([signals[name][order] for name in names], axis=1).tolist()
    columns = (keys[order].tolist(), scores[order].tolist(), relevance[order].tolist(), table)
    return [
        Ranked(key, score, value, dict(zip(names, row, strict=True)))
        for key, score, value, row in zip(*columns, strict=True)
    ]
