"""A question's vector, turned towards the vectors of what would answer it."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

MODEL = "all-MiniLM-L6-v2"
"""The model whose vectors the map in the package was fitted to."""


@dataclass(frozen=True, slots=True)
class Towards:
    """A map of low rank that is added to a question's vector, since that lies near other questions.

    Fitted by `benchmarks/fit.py` so that a question is nearest to what answers it, on 4,000 hand-written statements and
    their 12,000 questions.
    """

    down: Floats
    """(dim, rank)"""
    up: Floats
    """(rank, dim)"""

    def __call__(self, vector: Floats) -> Floats:
        """`vector` (dim), turned, of length 1."""
        turned = vector + (vector @ self.down) @ self.up
        return np.asarray(turned / max(float(np.linalg.norm(turned)), 1e-9), np.float32)

    def dump(self) -> bytes:
        """The map as the package holds it, in half precision."""
        written = BytesIO()
        np.savez(written, down=self.down.astype(np.float16), up=self.up.astype(np.float16))
        return written.getvalue()


def of(embedder: str | None) -> Towards | None:
    """The map for the vectors of this embedder (by its id); None: there is none, a question stays as it is."""
    return _fitted() if embedder and embedder.partition("@")[0] == MODEL else None


@cache
def _fitted() -> Towards:
    with np.load(BytesIO(files("gateway").joinpath("towards.npz").read_bytes())) as held:
        return Towards(held["down"].astype(np.float32), held["up"].astype(np.float32))
