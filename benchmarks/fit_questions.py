"""Fits how the default model reads questions, so that a question lies near what answers it, and writes it.

    python -m benchmarks.fit_questions [--epochs N]

Every layer gets a change of low rank (LoRA, Hu et al. 2021) that is used for questions alone: statements keep the
vectors of the published model. It is trained on oblique.jsonl, everyday.jsonl and near.jsonl, whose cases hold
questions too that lie near the statement and are not answered by it; first_person.jsonl is left to what fits weights
and gate (`benchmarks/fit.py`), and *_held.jsonl to nobody. Writes gateway/questions.npz. Needs the extra
sentence-transformers, and a quarter of an hour.
"""

import argparse
import random
from collections.abc import Iterable, Sequence
from statistics import mean
from typing import Any

import torch
from rich.progress import track
from torch.nn import functional

from benchmarks.asked import LISTS, cases, fillers
from benchmarks.lora import Changed, save

RANK = 16
EPOCHS = 4.0
BATCH = 64
RATE = 1e-3
"""At its highest, after a tenth of the steps."""
DROPPED = 0.1
"""Share of a layer's inputs that the change does not see while it is trained."""
APART = 2.0
"""What it weighs that each answer's probability, not only its rank, is right."""
SAME = 0.62
"""Statements with a higher cosine may answer each other's questions: neither right nor wrong."""
TOKENS = 64


class Reader:
    """The published model, and the change, which questions alone are read with."""

    def __init__(self) -> None:
        self.changed = Changed.load(RANK, DROPPED)

    def __call__(self, texts: Sequence[str], asking: bool) -> Any:
        """The vectors of texts (texts, dim), of length 1."""
        self.changed.used = asking
        given = self.changed.tokenizer(
            list(texts), padding=True, truncation=True, max_length=TOKENS, return_tensors="pt"
        )
        mask = given["attention_mask"].unsqueeze(-1).float()
        return functional.normalize((self.changed.model(**given).last_hidden_state * mask).sum(1), dim=1)

    def all(self, texts: Sequence[str], asking: bool = False) -> Any:
        """The same without learning from it, in any number."""
        with torch.no_grad():
            return torch.cat([self(texts[at : at + BATCH], asking) for at in range(0, len(texts), BATCH)])


def train(reader: Reader, told: Sequence[dict[str, Any]], others: Iterable[str], epochs: float) -> None:
    """Make the change from statements and their questions, among each other and `others`."""
    texts = list(dict.fromkeys([*(case["say"] for case in told if case["say"]), *others]))
    row = {text: at for at, text in enumerate(texts)}
    pairs = [(ask, row.get(case["say"] or "", -1)) for case in told for ask in case["ask"]]
    pairs += [(ask, -1) for case in told for ask in case.get("near", ())]
    vectors = reader.all(texts)
    same = vectors @ vectors.T > SAME
    sharpness, least = torch.tensor(3.0, requires_grad=True), torch.tensor(-10.0, requires_grad=True)
    weights = reader.changed.weights
    groups = [{"params": weights, "weight_decay": 0.01}, {"params": [sharpness, least], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups)
    steps = int(epochs * len(pairs) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [RATE, 10 * RATE], total_steps=steps, pct_start=0.1)
    reader.changed.training = True
    for _ in track(range(steps), "Training"):
        some = random.sample(pairs, BATCH)
        found = reader([ask for ask, _ in some], asking=True) @ vectors.T * sharpness.exp()
        loss = _loss(found, torch.tensor([answer for _, answer in some]), same, least)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
    reader.changed.training = False


def _loss(scores: Any, answers: Any, same: Any, least: Any) -> Any:
    """Of questions whose answer (-1: there is none) is to score highest, and above `least`, which all others are below.
    `scores`: (questions, texts)."""
    known = answers >= 0
    right = torch.zeros_like(scores, dtype=torch.bool)
    right[known.nonzero().squeeze(1), answers[known]] = True
    wrong = ~(same[answers.clamp(min=0)] & known[:, None]) & ~right
    ranked = functional.cross_entropy(scores.masked_fill(~(right | wrong), -1e9)[known], answers[known])
    shifted = scores + least
    apart = (functional.softplus(-shifted) * right + functional.softplus(shifted) * wrong).sum(1).mean()
    return ranked + APART * apart


def found(reader: Reader, told: Sequence[dict[str, Any]], others: Sequence[str]) -> list[float]:
    """Of each question in turn of a case: how often its answer is among the 20 nearest."""
    texts = [case["say"] for case in told if case["say"]]
    vectors = reader.all([*texts, *others])
    places: dict[int, list[bool]] = {}
    for at, case in enumerate(case for case in told if case["say"]):
        scores = reader.all(case["ask"], asking=True) @ vectors.T
        for place, row in enumerate(scores):
            places.setdefault(place, []).append(int((row > row[at]).sum()) < 20)
    return [round(100 * mean(outcomes), 1) for _, outcomes in sorted(places.items())]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=float, default=EPOCHS)
    epochs = parser.parse_args().epochs
    torch.manual_seed(0)
    random.seed(0)
    reader = Reader()
    learnt = [*cases("oblique"), *cases("everyday"), *cases("near")]
    others = fillers(600, random.Random(1)) + fillers(300, random.Random(2), LISTS)
    some = [case["say"] for case in cases("everyday")[:1000]]
    for title in ("as published", "trained"):
        for name in ("first_person", "oblique", "everyday", "near"):
            print(
                f"{title}, {name} held back: % among the 20 nearest {found(reader, cases(name, True), some)}",
                flush=True,
            )
        if title == "as published":
            train(reader, learnt, others, epochs)
    save("questions", reader.changed.arrays())


if __name__ == "__main__":
    main()
