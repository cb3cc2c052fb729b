"""Fits the judge of what a message ends, and writes gateway/corrections.npz:

    python -m benchmarks.fit_corrections DIR [--epochs N] [--check]

Every layer of the default model gets a change of low rank (LoRA, Hu et al. 2021) that is used to read a message for
this purpose alone: its vector is to lie near the statement that it ends, which keeps the published model's. To the
cosine come what the message says by itself, and what the older statement does.
Trained on dialogues.jsonl, each dialogue alone and among the statements of somebody else, as in a memory of some size
(DIR holds conversations of LoCoMo; no word of them is kept but the weights), and on those people's own messages, which
end nothing. What is weighed are the fragments of older statements: one or several are over, or none is. --check leaves
a fifth of the dialogues out, prints how they are judged, and writes nothing. Needs the extra sentence-transformers, and
half an hour.
"""

import argparse
import asyncio
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track
from torch.nn import functional

from benchmarks.contested import ALONE, FOLDS, OTHERS, PERSONS, Choice, choices
from benchmarks.lora import Changed, Floats, mean, save
from gateway.bert import DIMENSION
from gateway.embedders import load
from gateway.model import NAME, default_folder

RANK = 16
FITS = 3
"""Whose mean is taken: each begins with the same change, and goes through the messages in another order."""
EPOCHS = 3.5
BATCH = 64
"""Messages."""
RATE = 1e-3
"""At its highest, after a tenth of the steps; five times as much for what is not the change."""
DROPPED = 0.1
"""Share of a layer's inputs that the change does not see while it is trained."""
TOKENS = 128
"""Of a message."""
LEAST = -4.0
"""What speaks for any ending before anything is learnt."""
Guess = tuple[Choice, list[float]]


class Judge:
    """What is fitted; `gateway.corrections` reads it."""

    def __init__(self) -> None:
        self.changed = Changed.load(RANK, DROPPED)
        self.head, self.older = (torch.zeros(DIMENSION, requires_grad=True) for _ in range(2))
        self.bias, self.sharpness = (torch.tensor(value, requires_grad=True) for value in (LEAST, 2.5))

    @property
    def beside(self) -> list[Any]:
        """What is fitted beside the change."""
        return [self.head, self.older, self.bias, self.sharpness]

    def read(self, texts: Sequence[str]) -> Any:
        """(texts, dimension): means of the last hidden states."""
        given = self.changed.tokenizer(
            list(texts), padding=True, truncation=True, max_length=TOKENS, return_tensors="pt"
        )
        mask = given["attention_mask"].unsqueeze(-1).float()
        return (self.changed.model(**given).last_hidden_state * mask).sum(1) / mask.sum(1)

    def totals(self, texts: Sequence[str], some: Sequence[Choice], message: Sequence[int]) -> Any:
        """The log odds of every fragment against none: (fragments of all,). `message`: of each choice,
        the place of its text."""
        hidden = self.read(texts)
        meant, bent = functional.normalize(hidden, dim=1), hidden @ self.head
        rows = torch.tensor([at for at, choice in zip(message, some, strict=True) for _ in choice.older])
        old = torch.tensor(np.concatenate([choice.older for choice in some]))
        cosines = (meant[rows] * old).sum(1) * self.sharpness.exp()
        return cosines + bent[rows] + old @ self.older + self.bias

    def chances(self, some: Sequence[Choice]) -> Iterator[Guess]:
        with torch.no_grad():
            for batch in batched(some):
                texts = list(dict.fromkeys(choice.text for choice in batch))
                totals = self.totals(texts, batch, [texts.index(choice.text) for choice in batch])
                for choice, own in zip(batch, totals.split([len(choice.older) for choice in batch]), strict=True):
                    yield choice, torch.cat([torch.zeros(1), own]).softmax(0)[1:].tolist()

    def arrays(self) -> dict[str, Floats]:
        head = {"head": self.head[None], "bias": self.bias[None], "older": self.older}
        return self.changed.arrays(**head, sharpness=self.sharpness.exp())


def batched(some: Sequence[Choice]) -> Iterator[list[Choice]]:
    """In any order, all of a message together, and such of one length."""
    by_text: dict[str, list[Choice]] = {}
    for choice in some:
        by_text.setdefault(choice.text, []).append(choice)
    texts = list(by_text)
    random.shuffle(texts)
    for at in range(0, len(texts), 20 * BATCH):
        chunk = sorted(texts[at : at + 20 * BATCH], key=len)
        batches = [chunk[place : place + BATCH] for place in range(0, len(chunk), BATCH)]
        random.shuffle(batches)
        for batch in batches:
            yield [choice for text in batch for choice in by_text[text]]


def endless(some: Sequence[Choice]) -> Iterator[list[Choice]]:
    while True:
        yield from batched(some)


def train(judge: Judge, some: Sequence[Choice], epochs: float) -> None:
    """Make the change."""
    weights = judge.changed.weights
    groups = [{"params": weights, "weight_decay": 0.01}, {"params": judge.beside, "weight_decay": 1e-4}]
    optimizer = torch.optim.AdamW(groups)
    steps = int(epochs * sum(1 for _ in batched(some)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [RATE, 5 * RATE], total_steps=steps + 1, pct_start=0.1)
    judge.changed.training = True
    batches = endless(some)
    for _ in track(range(steps), "Training"):
        batch = next(batches)
        texts = list(dict.fromkeys(choice.text for choice in batch))
        with judge.changed.cheaply():
            totals = judge.totals(texts, batch, [texts.index(choice.text) for choice in batch])
        loss = _loss(totals.float(), batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
    judge.changed.training = False


def _loss(totals: Any, batch: Sequence[Choice]) -> Any:
    """Of what is over, or that nothing is: the first column."""
    most = max(len(choice.older) for choice in batch)
    scores, wanted = torch.full((len(batch), 1 + most), -1e9), torch.zeros(len(batch), 1 + most)
    rows = torch.tensor([row for row, choice in enumerate(batch) for _ in choice.older])
    columns = torch.tensor([1 + at for choice in batch for at in range(len(choice.older))])
    scores = scores.index_put((rows, columns), totals)
    scores[:, 0] = 0.0
    for row, choice in enumerate(batch):
        for at in choice.over:
            wanted[row, 1 + at] = 1 / len(choice.over)
        wanted[row, 0] = float(not choice.over)
    share = torch.tensor([choice.weight for choice in batch])
    return -((wanted * scores.log_softmax(1)).sum(1) @ share) / share.sum()


def report(guesses: Sequence[Guess]) -> None:
    """By threshold: changes found, and messages that end something by mistake."""
    for threshold in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9):
        shares = []
        for name, weight in (("alone", ALONE), ("among others", OTHERS), ("of people", PERSONS)):
            hits, false = [], []
            for choice, chances in guesses:
                sums = np.bincount(choice.owners, chances)  # of each statement
                if choice.weight == weight and choice.over:
                    hits.append(sums.max() > threshold and sums.argmax() in {choice.owners[at] for at in choice.over})
                elif choice.weight == weight:
                    false.append(sums.max() > threshold)
            found, wrong = 100 * np.mean(hits or [False]), 100 * np.mean(false or [False])
            shares.append(f"{name} {found:.1f} % found, {wrong:.2f} % wrong")
        print(f"over {threshold}:", "; ".join(shares), flush=True)


async def gathered(folder: Path) -> list[Choice]:
    embedder = await load("auto", NAME, 1, default_folder(os.environ))
    assert embedder is not None
    try:
        return await choices(folder, embedder)
    finally:
        embedder.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    found = asyncio.run(gathered(options.data))
    print(f"{len(found)} choices, {sum(bool(choice.over) for choice in found)} of them end something", flush=True)
    left = [choice for choice in found if options.check and choice.fold == FOLDS - 1]
    several = []
    for seed in range(1 if options.check else FITS):
        torch.manual_seed(0)
        judge = Judge()
        torch.manual_seed(seed)
        random.seed(seed)
        train(judge, [choice for choice in found if not (options.check and choice.fold == FOLDS - 1)], options.epochs)
        several.append(judge.arrays())
    if options.check:
        report(list(judge.chances(left)))
    else:
        save("corrections", mean(several))


if __name__ == "__main__":
    main()
