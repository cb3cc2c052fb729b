"""Fits how the default model reads messages, so that its tokens tell what is stated, and writes gateway/statements.npz.

    python -m benchmarks.fit_statements [--epochs N] [--without BATCH,...]

Every layer gets a change of low rank (LoRA, Hu et al. 2021); what the last hidden states of a piece are on average goes
through a linear layer that tells its kind, or that it is no statement. Trained on the messages that
`benchmarks/fit_kinds.py` learns from; held-back ones are not looked at. --without leaves some writers out, prints how
their pieces are judged (what to expect of cases never seen) and writes nothing. Needs the extra sentence-transformers,
and an hour.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rich.progress import track
from torch.nn import functional

from benchmarks.fit_kinds import ANY, WEIGHTS, Case, batches, cut, labelled
from benchmarks.lora import Changed, Floats, mean, save
from gateway.bert import DIMENSION, MAX_TOKENS
from gateway.extract.likely import CODES, NOT
from gateway.extract.local import spans
from gateway.tagging import Window, Windows

RANK = 16
FITS = 3
"""Whose mean is taken: each begins with the same change, and goes through the messages in another order."""
EPOCHS = 3.0
BATCH = 32
TOKENS = 2400
"""Of a batch, at most."""
RATE = 1e-3
"""At its highest, after a tenth of the steps; three times as much for the linear layer."""
DROPPED = 0.15
SHARES = WEIGHTS | {"dialogues": 0.2}
"""Of the batches; corrections of what was said before are few in the others, and look like talk about an answer."""
COLUMNS = {code: column for column, code in enumerate(CODES)} | {ANY: len(CODES)}


@dataclass(frozen=True)
class Part:
    """A window of a message, with the column that each of its pieces is labelled with; -1: with none."""

    window: Window
    columns: list[int]
    weight: float
    kind_alone: bool


class Reader:
    """The changed model, and what is read off it."""

    def __init__(self) -> None:
        self.changed = Changed.load(RANK, DROPPED)
        self.windows = Windows(self.changed.tokenizer.backend_tokenizer, MAX_TOKENS)
        self.head = torch.nn.Linear(DIMENSION, len(CODES))
        torch.nn.init.zeros_(self.head.weight)

    def __call__(self, windows: Sequence[Window]) -> Any:
        """Of all their pieces one after the other: (pieces, codes)."""
        hidden = self.changed.hidden([window.ids for window in windows])
        pooled = [
            hidden[row, first:behind].mean(0)
            for row, window in enumerate(windows)
            for first, behind, _ in window.pieces
        ]
        return self.head(functional.dropout(torch.stack(pooled), DROPPED, self.changed.training))

    def parts(self, case: Case, weight: float, kind_alone: bool) -> Iterator[Part]:
        columns = [COLUMNS[letter] if letter else -1 for _, letter in labelled(case)]
        for window in self.windows.of(case["said"], case["asked"], spans(case["said"], *cut(case))):
            own = [columns[number] for _, _, number in window.pieces]
            if max(own) >= 0:
                yield Part(window, own, weight, kind_alone)


def train(reader: Reader, parts: list[Part], epochs: float) -> None:
    """Make the change."""
    weights = reader.changed.weights
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": list(reader.head.parameters())}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    steps = int(epochs * sum(1 for _ in _batched(parts)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [RATE, 3 * RATE], total_steps=steps + 1, pct_start=0.1)
    reader.changed.training = True
    some = _endless(parts)
    for _ in track(range(steps), "Training"):
        batch = next(some)
        with reader.changed.cheaply():
            scores = reader([part.window for part in batch])
        loss = _loss(scores.float(), batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
    reader.changed.training = False


def _endless(parts: list[Part]) -> Iterator[list[Part]]:
    while True:
        batch = list(_batched(parts))
        random.shuffle(batch)
        yield from batch


def _batched(parts: list[Part]) -> Iterator[list[Part]]:
    """In any order, but such of one length together."""
    random.shuffle(parts)
    for at in range(0, len(parts), 30 * BATCH):
        batch: list[Part] = []
        for part in sorted(parts[at : at + 30 * BATCH], key=lambda part: len(part.window.ids)):
            if batch and (len(batch) == BATCH or len(part.window.ids) * (len(batch) + 1) > TOKENS):
                yield batch
                batch = []
            batch.append(part)
        yield batch


def _loss(scores: Any, batch: Sequence[Part]) -> Any:
    columns = torch.tensor([column for part in batch for column in part.columns])
    share = torch.tensor([part.weight for part in batch for _ in part.columns]) * (columns >= 0)
    alone = torch.tensor([part.kind_alone for part in batch for _ in part.columns])
    none = torch.arange(len(CODES)) == CODES.index(NOT)
    chances = scores.masked_fill(alone[:, None] & none, -1e9).log_softmax(1)
    exact = chances.gather(1, columns.clamp(0, len(CODES) - 1)[:, None]).squeeze(1)
    stated = torch.logsumexp(chances[:, ~none], 1)
    return -(torch.where(columns == COLUMNS[ANY], stated, exact) * share).sum() / (1.5 * BATCH)


def judged(reader: Reader, parts: Sequence[Part]) -> str:
    """How the pieces of messages are judged by the model alone."""
    kept, left, kinds = [], [], []
    with torch.no_grad():
        for part in parts:
            for row, column in zip(reader([part.window]).argmax(1).tolist(), part.columns, strict=True):
                if column == CODES.index(NOT):
                    left.append(row == column)
                elif column >= 0:
                    kept.append(row != CODES.index(NOT))
                    kinds += [row == column] if kept[-1] and column != COLUMNS[ANY] else []
    tallies = {"kept": kept, "left out": left, "kind": kinds}
    return ", ".join(f"{name} {100 * sum(each) / max(1, len(each)):.1f} %" for name, each in tallies.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--without", default="", metavar="BATCH,...")
    options = parser.parse_args()
    without = set(options.without.split(","))
    several: list[dict[str, Floats]] = []
    for seed in range(1 if without & batches().keys() else FITS):
        torch.manual_seed(0)
        reader = Reader()
        parts = {
            name: [part for case in cases for part in reader.parts(case, SHARES.get(name, 1.5), name == "everyday")]
            for name, cases in batches().items()
        }
        torch.manual_seed(seed)
        random.seed(seed)
        train(reader, [one for name, each in parts.items() if name not in without for one in each], options.epochs)
        several.append(reader.changed.arrays(head=reader.head.weight, bias=reader.head.bias))
        for name in without & parts.keys():
            print(f"{name}, left out: {judged(reader, parts[name])}")
    if not without & batches().keys():
        save("statements", mean(several))


if __name__ == "__main__":
    main()
