"""The default model with changes of low rank (LoRA, Hu et al. 2021) to be trained; needs torch and transformers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

import gateway
from gateway.bert import LAYERS
from gateway.model import weights_folder

Floats = NDArray[np.float32]
ENDS = ("down", "up")
"""Of a linear layer's change: (inputs, rank) and (rank, outputs)."""
PARTS = (
    *(f"attention.self.{part}" for part in ("query", "key", "value")),
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


@dataclass
class Changed:
    """The published model, and the change."""

    model: Any
    tokenizer: Any
    dropped: float
    """Share of a change's inner values that are left out while it is trained."""
    changes: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    """Of each linear layer, by name: (inputs, rank) and (rank, outputs)."""
    used: bool = True
    training: bool = False

    @classmethod
    def load(cls, rank: int, dropped: float) -> "Changed":
        folder = str(weights_folder())
        model = AutoModel.from_pretrained(folder, attn_implementation="eager")  # half precision: no fused backward
        changed = cls(model.eval(), AutoTokenizer.from_pretrained(folder), dropped)
        changed.model.requires_grad_(False)
        for name in (f"encoder.layer.{layer}.{part}" for layer in range(LAYERS) for part in PARTS):
            linear = changed.model.get_submodule(name)
            down = torch.randn(linear.in_features, rank) / math.sqrt(linear.in_features)
            pair = (down.requires_grad_(), torch.zeros(rank, linear.out_features, requires_grad=True))
            changed.changes[name] = pair
            linear.register_forward_hook(changed._hook(*pair))
        return changed

    def cheaply(self) -> Any:
        """A context in which products are of half precision, in a third of the time."""
        return torch.autocast("cpu", dtype=torch.bfloat16)

    def _hook(self, down: Any, up: Any) -> Any:
        def hook(_: Any, inputs: tuple[Any], output: Any) -> Any:
            if not self.used:
                return output
            return output + functional.dropout(inputs[0] @ down, self.dropped, self.training) @ up

        return hook

    @property
    def weights(self) -> list[Any]:
        """What is trained."""
        return [weight for pair in self.changes.values() for weight in pair]

    def hidden(self, ids: Sequence[Sequence[int]]) -> Any:
        """The last hidden states (texts, tokens, dim) of texts of any lengths; what is behind a text's end means
        nothing."""
        longest = max(map(len, ids))
        given = torch.tensor([[*each, *[0] * (longest - len(each))] for each in ids])
        mask = torch.tensor([[1.0] * len(each) + [0.0] * (longest - len(each)) for each in ids])
        return self.model(input_ids=given, attention_mask=mask).last_hidden_state

    def arrays(self, **more: Any) -> dict[str, Floats]:
        """The change, with what else was fitted."""
        found = {key: value.detach().numpy().copy() for key, value in more.items()}
        for name, pair in self.changes.items():
            found |= {f"{name}.{end}": each.detach().numpy().copy() for end, each in zip(ENDS, pair, strict=True)}
        return found


def mean(fits: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    """Of several fits from one start: better than each of them (model soups, Wortsman et al. 2022). The changes stand
    side by side, so the rank is the sum of theirs."""
    found: dict[str, Floats] = {}
    for key in fits[0]:
        several = [fit[key] for fit in fits]
        if key.endswith(f".{ENDS[0]}"):
            found[key] = np.concatenate(several, axis=1)
        elif key.endswith(f".{ENDS[1]}"):
            found[key] = np.concatenate(several, axis=0) / np.float32(len(fits))
        else:
            found[key] = np.mean(several, axis=0, dtype=np.float32)
    return found


def save(name: str, arrays: Mapping[str, Floats]) -> None:
    """A change as the package holds it, in half precision."""
    halves = {key: np.asarray(value, np.float16) for key, value in arrays.items()}
    np.savez_compressed(Path(gateway.__file__).with_name(f"{name}.npz"), allow_pickle=False, **halves)
