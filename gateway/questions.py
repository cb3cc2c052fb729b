"""How the default model reads questions: its layers are changed a little, so that a question lies near what answers it.

Questions lie near other questions, in the published model. The change is of low rank (LoRA, Hu et al. 2021) and is
fitted by `benchmarks/fit_questions.py`; texts keep the vectors of the published model.
"""

import hashlib
from functools import cache
from importlib.resources import files
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from gateway.bert import Weights


def changed(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The weights with which questions are read, from the published ones."""
    result = dict(weights)
    with np.load(BytesIO(_packed())) as held:
        for name in {entry.rpartition(".")[0] for entry in held.files}:
            down, up = (held[f"{name}.{part}"].astype(np.float32) for part in ("down", "up"))
            result[f"{name}.weight"] = weights[f"{name}.weight"] + (down @ up).T
    return result


@cache
def digest() -> str:
    """Of the change."""
    return hashlib.sha256(_packed()).hexdigest()[:12]


def _packed() -> bytes:
    """By layer: `down` (inputs, rank) and `up` (rank, outputs)."""
    return files("gateway").joinpath("questions.npz").read_bytes()
