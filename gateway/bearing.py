"""How the topics of an entity's units bear on those of a question."""

import math
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from gateway.columns import Column
from gateway.signals import Floats, Mask
from gateway.topics import asked, told

USUAL, UNITS = 0.03, 20.0
"""The share of anybody's units that bears on a topic, and how many of the entity's weigh as much as that."""
_HALF = (1 << 64) - 1


class Topics:
    """The topics of units, by slot. Slots count from 1; row 0 of every array is 'no unit'."""

    def __init__(self) -> None:
        self._bits = Column(np.uint64, 2)
        self._bits.append(0)

    @property
    def nbytes(self) -> int:
        return self._bits.nbytes

    def add(self, texts: Iterable[str]) -> None:
        """Those of the next units."""
        self._bits.extend(np.array([_halves(bits) for bits in map(told, texts)], np.uint64).reshape(-1, 2))

    def keep(self, kept: Mask) -> None:
        """Only the slots of the mask."""
        self._bits.keep(kept)

    def bearing(self, question: str) -> Floats:
        """The weight of the question's topics that each unit bears on; one weighs the more the fewer do."""
        found = np.zeros(len(self._bits), np.float32)
        for topic in _each(asked(question)):
            held = self._held(topic)
            seen = max(int(np.count_nonzero(held)) - 1, 0)
            found += np.float32(math.log((len(found) - 1 + UNITS) / (seen + UNITS * USUAL))) * held
        return found

    def _held(self, bit: int) -> npt.NDArray[np.bool_]:
        """Which units have this bit."""
        half = int(bit > _HALF)
        held: npt.NDArray[np.bool_] = (self._bits.rows[:, half] & np.uint64(bit >> 64 * half)) > 0
        return held


def _halves(bits: int) -> tuple[int, int]:
    return bits & _HALF, bits >> 64


def _each(bits: int) -> Iterator[int]:
    """The bits one by one."""
    while bits:
        yield bits & -bits
        bits &= bits - 1
