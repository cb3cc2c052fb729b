"""How the layers of the default model are changed for one purpose each; texts keep the vectors of the published model.

The changes are of low rank (LoRA, Hu et al. 2021) and lie in the package, as scripts under benchmarks/ fitted them.
"""

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from gateway.bert import Weights

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Adapter:
    """A change of the model's layers, and what is read off the last one."""

    name: str

    @property
    def file(self) -> str:
        """The file of the changed model: another one where the change is fitted anew."""
        return f"{self.name}-{hashlib.sha256(_packed(self.name)).hexdigest()[:12]}.onnx"

    @cached_property
    def head(self) -> tuple[Floats, Floats]:
        """Weights (outputs, dimension) and bias (outputs,) of what is told by a last hidden state."""
        return self.learnt["head"], self.learnt["bias"]

    @cached_property
    def learnt(self) -> dict[str, Floats]:
        """What was fitted beside the layers, by name."""
        layers = (".down", ".up")
        return {name: each.astype(np.float32) for name, each in _held(self.name).items() if not name.endswith(layers)}

    def changed(self, weights: Weights) -> dict[str, Floats]:
        """The weights with which texts are read for this purpose, from the published ones."""
        result, held = dict(weights), _held(self.name)
        for name in {entry.rpartition(".")[0] for entry in held if entry.endswith(".down")}:
            down, up = (held[f"{name}.{part}"].astype(np.float32) for part in ("down", "up"))
            result[f"{name}.weight"] = weights[f"{name}.weight"] + (down @ up).T
        return result


QUESTIONS = Adapter("questions")
"""Reads a question so that it lies near what answers it: questions lie near other questions, in the published model
(`benchmarks/fit_questions.py`)."""
STATEMENTS = Adapter("statements")
"""Reads a message so that its tokens tell of which kind what they state is (`benchmarks/fit_statements.py`)."""
CORRECTIONS = Adapter("corrections")
"""Reads a message so that it lies near the statement that it makes untrue (`benchmarks/fit_corrections.py`)."""
ADAPTERS = (QUESTIONS, STATEMENTS, CORRECTIONS)


def _held(name: str) -> dict[str, NDArray[np.float16]]:
    """By layer: `down` (inputs, rank) and `up` (rank, outputs)."""
    with np.load(BytesIO(_packed(name))) as held:
        return dict(held)


@cache
def _packed(name: str) -> bytes:
    return files("gateway").joinpath(f"{name}.npz").read_bytes()
