"""Re-fits the weights of the ranking and of its gate, and prints them and what they reach. Nothing is written.

    python -m benchmarks.fit --data DIR [--models DIR]

DIR holds conversations of LoCoMo, one JSON file each; what a user asks about themselves is in first_person.jsonl beside
this file. An evidence turn counts as recalled when one line of the block holds at least 70 % of the distinct words of
its key sentence (which shares most words with question and answer); tokens are characters / 4. Takes half an hour.
"""

import argparse
import math
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import numpy as np

from benchmarks.asked import (
    NOW,
    OPENING,
    Ask,
    Lookup,
    cases,
    conversation,
    encode,
    fillers,
    index,
    person,
    recalled,
    statements,
)
from benchmarks.likelihood import Array, listwise, logistic
from gateway.model import default_folder
from gateway.ranking import EntityIndex, Unit
from gateway.relevance import COMPANY, admitted
from gateway.selection import Candidate, select
from gateway.signals import Signals, best, standardised, take, weighted
from gateway.weights import FITTED, Fitted, Stages

Weights = Mapping[str, float]
LEXICAL = ("bm25_window", "bm25_session", "question", "length", "when", "speaker", "month", "day")
FIRST = ("dense", "dense_window", *LEXICAL)
SECOND = (*FIRST, "maxsim")
LEXICAL_GATE = ("coverage", "best", "personal", "telling", "size")
GATE = (*LEXICAL_GATE, "cosine", "maxsim_alone")
AGREEING = {"dense", "dense_window", "bm25_window", "bm25_session", "length", "maxsim"}
SIZES = (1, 10, 100, 1000)
UNKNOWN_PASSES = 0.09
"""Share of the questions that nobody can answer which may pass the gate, over all sizes."""
RANK = 100
"""Units of an answer that selection looks at."""


@dataclass
class Sheet:
    """Everything measured about one question: a row for each unit."""

    signals: Signals
    answers: Array
    """Rows of the units that answer it."""
    weight: float

    @property
    def rows(self) -> int:
        return len(self.signals["length"])


@dataclass
class Verdict:
    """The gate's features of the units that one question brought up."""

    features: Signals
    answer: int | None
    """Row of the unit that answers it; None: nobody knows."""


def sheet(built: EntityIndex, ask: Ask, encodings: Lookup, weight: float) -> Sheet:
    encoding = encodings.get(ask.text)
    signals = dict(built.signals(ask.text, encoding, NOW)[0])
    rows = built.slots(range(len(built)))
    if encoding is not None:
        signals["maxsim"] = np.concatenate([np.zeros(1, np.float32), built.maxsim(encoding, rows)[0]])
    return Sheet(take(signals, rows), np.array(ask.answers), weight)


def fit_scan(sheets: Sequence[Sheet], names: Sequence[str]) -> Weights:
    """Weights of the signals `names`, over all units."""
    tables = []
    for each in sheets:
        scaled = standardised(each.signals, np.ones(each.rows, np.bool_))
        tables.append((np.stack([scaled[name] for name in names], 1).astype(np.float64), each.answers, each.weight))
    return solved(tables, names)


def fit_again(sheets: Sequence[Sheet], first: Weights, names: Sequence[str]) -> Weights:
    """Weights of the second stage, over those units that the first one lets through."""
    tables = []
    for each in sheets:
        everyone = np.ones(each.rows, np.bool_)
        scaled = standardised(each.signals, everyone)
        chosen = best(weighted(scaled, first), everyone, RANK)
        answers = np.flatnonzero(np.isin(chosen, each.answers))
        maxsim = {"maxsim": each.signals["maxsim"][chosen]}
        second = take(scaled, chosen) | standardised(maxsim, np.ones(len(chosen), np.bool_))
        if len(answers):
            tables.append((np.stack([second[name] for name in names], 1).astype(np.float64), answers, each.weight))
    return solved(tables, names)


def solved(tables: Sequence[tuple[Array, Array, float]], names: Sequence[str]) -> Weights:
    """Weights by name; what cannot speak against a unit (AGREEING) weighs 0 where it would weigh less."""
    columns = list(range(len(names)))
    while True:
        weights = listwise([(rows[:, columns], answers, weight) for rows, answers, weight in tables]).tolist()
        against = [at for at, weight in zip(columns, weights, strict=True) if weight < 0 and names[at] in AGREEING]
        if not against:
            found = dict(zip(columns, weights, strict=True))
            return {name: round(found.get(at, 0.0), 2) for at, name in enumerate(names)}
        columns = [at for at in columns if at not in against]


def fit_stages(sheets: Sequence[Sheet], model: bool, *, named: bool) -> Stages:
    lexical, first, second = (
        [name for name in names if named or name != "speaker"] for names in (LEXICAL, FIRST, SECOND)
    )
    if not model:
        return Stages({}, {}, fit_scan(sheets, lexical))
    scan = fit_scan(sheets, first)
    return Stages(scan, fit_again(sheets, scan, second), fit_scan(sheets, lexical))


def fit_gate(verdicts: Sequence[Verdict], names: Sequence[str]) -> Weights:
    """A logistic of right units against the strongest wrong ones, its bias set for UNKNOWN_PASSES."""
    tables = [np.stack([each.features[name] for name in names], 1).astype(np.float64) for each in verdicts]
    pairs = list(zip(tables, verdicts, strict=True))
    right = [table[each.answer] for table, each in pairs if each.answer is not None]
    unknown = [table for table, each in pairs if each.answer is None]
    found: Array = np.zeros(len(names) + 1)
    for turn in range(6):
        wrong = [table[np.argmax(table @ found[1:]) if turn else 0] for table in unknown]
        found = logistic(np.array(right), np.array(wrong))
    highest = [float((table @ found[1:]).max()) for table in unknown]
    found[0] = -float(np.quantile(highest, 1 - UNKNOWN_PASSES))
    return dict(zip(("bias", *names), found.round(2).tolist(), strict=True))


def verdict(built: EntityIndex, ask: Ask, encodings: Lookup, known: bool) -> Verdict | None:
    """None: the right unit is not among those brought up."""
    ranked = built.rank(ask.text, encodings.get(ask.text), now=NOW, allowed=None, limit=RANK)
    ranked = [each for each in ranked if not each.signals["asks"]]
    places = [place for place, each in enumerate(ranked) if each.key in ask.answers]
    if not ranked or (known and not places):
        return None
    if encodings and ranked[0].signals["foreign"]:
        return None  # judged by its words
    names = [name for name in (*GATE, "named") if name in ranked[0].signals]
    features = {name: np.array([each.signals[name] for each in ranked], np.float32) for name in names}
    return Verdict(features, places[0] if known else None)


def block(
    built: EntityIndex, units: Sequence[Unit], ask: Ask, encodings: Lookup, tokens: int, whole: bool
) -> list[str]:
    """The lines that would be injected; `whole`: questions too."""
    ranked = built.rank(ask.text, encodings.get(ask.text), now=NOW, allowed=None, limit=RANK)
    texts = {each.key: units[each.key].text for each in admitted(ranked, 0.5)}
    lines = {key: (text,) if whole else statements(text) for key, text in texts.items()}
    overhead = len("- [2023-05-08] ") + 1
    candidates = [Candidate(str(key), told, overhead) for key, told in lines.items() if told]
    return [line for _, line in select(ask.text, candidates, 4 * tokens - OPENING)]


def people(pool: Sequence[str], sizes: Sequence[int], seed: int) -> Iterator[tuple[int, bool, list[Unit], Ask]]:
    """Each first-person question, asked of someone who knows and of someone who does not."""
    rng = random.Random(seed)
    everyone = cases()
    said = [case["say"] for case in everyone if case["say"]]
    for case in everyone:
        for place, question in enumerate(case["ask"]):
            for size in sizes:
                for known in (True, False) if case["say"] else (False,):
                    units, answer = person(case, size, known, said, pool, rng)
                    yield place, known, units, Ask(question, [answer], [])


class Fit:
    """The two sets, measured once."""

    def __init__(self, data: Path, models: Path, model: bool) -> None:
        self.conversations = [conversation(path) for path in sorted(data.glob("conv-*.json"))]
        self.strange = fillers(1000, random.Random(1))
        self.pool = self.strange[:500] + [
            u.text.partition(": ")[2] for units, _ in self.conversations for u in units if statements(u.text)
        ]
        texts = [u.text for units, _ in self.conversations for u in units] + self.pool + self.strange
        texts += [ask.text for _, asks in self.conversations for ask in asks]
        texts += [text for case in cases() for text in (case["say"], *case["ask"]) if text]
        self.model = model
        self.encodings: Lookup = encode(list(dict.fromkeys(texts)), models) if model else {}
        self.sheets = [
            [sheet(built, ask, self.encodings, 1 / len(asks)) for ask in asks]
            for units, asks in self.conversations
            for built in [index(units, self.encodings)]
        ]

    def conversation_stages(self, without: int | None = None) -> Stages:
        sheets = [each for at, some in enumerate(self.sheets) if at != without for each in some]
        return fit_stages(sheets, self.model, named=True)

    def personal_stages(self) -> Stages:
        """From the first-person set and, at half the weight, from the conversations without their speakers."""
        sheets = [replace(each, weight=each.weight / 10) for some in self.sheets for each in some]
        asked = [each for each in people(self.pool, SIZES[1:], 7) if each[1]]
        for _, _, units, ask in asked:
            sheets.append(sheet(index(units, self.encodings), ask, self.encodings, 1 / len(asked)))
        return fit_stages(sheets, self.model, named=False)

    def gate(self, fitted: Fitted) -> Weights:
        """From the first-person set; a question that names a participant gets what lets 99.5 % of those of the
        conversations pass and 99.5 % of their answers come along."""
        asked = people(self.pool, SIZES, 3)
        verdicts = [
            verdict(index(units, self.encodings, fitted), ask, self.encodings, known) for _, known, units, ask in asked
        ]
        found = fit_gate([each for each in verdicts if each], GATE if self.model else LEXICAL_GATE)
        answers, highest = [], []
        for units, asks in self.conversations:
            built = index(units, self.encodings, fitted)
            for each in (verdict(built, ask, self.encodings, True) for ask in asks):
                if each and each.features["named"].any():
                    scores = weighted(each.features, found)
                    answers.append(scores[each.answer])
                    highest.append(scores.max())
        told = math.log(0.5 * COMPANY / (1 - 0.5 * COMPANY))
        lacking = (told - float(np.quantile(answers, 0.005)), -float(np.quantile(highest, 0.005)), 0.0)
        return {**found, "named": round(max(lacking), 2)}

    def evidence(self, at: int, fitted: Fitted, tokens: int, whole: bool) -> list[float]:
        units, asks = self.conversations[at]
        built = index(units, self.encodings, fitted)
        return [recalled(ask, block(built, units, ask, self.encodings, tokens, whole)) for ask in asks]

    def print_evidence(self, title: str, fitted: Sequence[Fitted]) -> None:
        for whole in (True, False):
            shares = [
                100 * mean(x for at, one in enumerate(fitted) for x in self.evidence(at, one, tokens, whole))
                for tokens in (500, 1000, 2000)
            ]
            told = "whole turns" if whole else "statements only"
            print(f"{title}, {told}: " + "  ".join(f"{share:.1f} %" for share in shares), flush=True)

    def print_gate(self, fitted: Fitted) -> None:
        """How often something is told where nobody knows, and the right thing where somebody does, in 500 tokens."""
        for pool, title in ((self.pool, "half of the others chat"), (self.strange, "the others talk of other things")):
            print(title)
            self._print_gate(fitted, pool)

    def _print_gate(self, fitted: Fitted, pool: Sequence[str]) -> None:
        told: dict[tuple[int, str], list[bool]] = {}
        for place, known, units, ask in people(pool, SIZES, 11):
            built = index(units, self.encodings, fitted)
            lines = block(built, units, ask, self.encodings, 500, False)
            right = known and units[ask.answers[0]].text
            kind = "unknown, something told" if not known else "known, plain" if not place else "known, paraphrased"
            told.setdefault((len(units), kind), []).append(right in " ".join(lines) if right else bool(lines))
        for (size, kind), outcomes in sorted(told.items(), key=lambda item: (item[0][1], item[0][0])):
            print(f"  {kind}, {size} memories: {100 * mean(outcomes):.0f} % of {len(outcomes)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of conv-*.json")
    parser.add_argument("--models", type=Path, default=default_folder(os.environ), help="folder of prepared models")
    arguments = parser.parse_args()
    for model in (True, False):
        fit = Fit(arguments.data, arguments.models, model)
        print(f"\n{'with the model' if fit.encodings else 'without a model'}: evidence at 500, 1,000, 2,000 tokens")
        count = len(fit.conversations)
        fit.print_evidence("weights in the code", [FITTED] * count)
        fit.print_gate(FITTED)
        folds = [replace(FITTED, conversation=fit.conversation_stages(at)) for at in range(count)]
        fit.print_evidence("leave one conversation out", folds)
        fitted = replace(FITTED, conversation=fit.conversation_stages(), personal=fit.personal_stages())
        gate = fit.gate(fitted)
        fitted = replace(fitted, gate=gate) if fit.encodings else replace(fitted, lexical_gate=gate)
        for name in ("conversation", "personal", "gate", "lexical_gate"):
            print(f"{name}: {getattr(fitted, name)}")
        fit.print_evidence("fitted anew", [fitted] * count)
        fit.print_gate(fitted)


if __name__ == "__main__":
    main()
