"""Re-fits the weights of the ranking and of its gate, and prints them and what they reach. Nothing is written.

    python -m benchmarks.fit --data DIR [--models DIR]

DIR holds conversations of LoCoMo, one JSON file each; what a user asks about themselves is in first_person.jsonl,
oblique.jsonl and everyday.jsonl beside this file, and what nothing is fitted on in *_held.jsonl. An evidence turn is
recalled when one line of the block holds at least 70 % of the distinct words of its key sentence (which shares most
words with question and answer); tokens are characters / 4. Takes an hour, with --gate a quarter of that.
"""

import argparse
import math
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from benchmarks.asked import (
    LISTS,
    NOW,
    Ask,
    Lookup,
    block,
    cases,
    conversation,
    encode,
    fillers,
    index,
    people,
    recalled,
)
from benchmarks.likelihood import Array, listwise, logistic
from gateway.dense import pack
from gateway.extract.local import statements as stated
from gateway.model import default_folder
from gateway.ranking import EntityIndex
from gateway.relevance import COMPANY
from gateway.signals import Signals, best, standardised, take, weighted
from gateway.weights import FITTED, Fitted, Stages
from gateway.words import foreign

Weights = Mapping[str, float]
LEXICAL = ("bm25_window", "bm25_session", "question", "length", "when", "speaker", "month", "day")
FIRST = ("dense", "dense_window", "turned", "turned_window", *LEXICAL)
SECOND = (*FIRST, "maxsim")
LEXICAL_GATE = ("coverage", "found", "personal", "suggests", "size", "misfit")
GATE = ("missing", "personal", "suggests", "size", "misfit", "cosine", "dense", "turned", "outstanding")
AGREEING = {*FIRST[:4], "maxsim", "bm25_window", "bm25_session", "length"}
SETS = ("first_person", "oblique", "everyday")
SIZES = (1, 10, 100, 1000)
UNKNOWN_PASSES = 0.09
"""Share of the questions that nobody can answer which may pass the gate, over all sizes. Those who chat are left out:
among a thousand turns there is often something that a question bears on."""
CHAT = "chat"
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
    company: str = ""
    """What the others talk of."""


def everyone() -> list[dict[str, Any]]:
    """All cases there are."""
    return [
        case for name in ("first_person", "oblique", "everyday") for held in (False, True) for case in cases(name, held)
    ]


def sheet(built: EntityIndex, ask: Ask, encodings: Lookup, weight: float) -> Sheet:
    encoding = encodings.get(ask.text)
    signals = built.signals(ask.text, encoding, NOW)
    rows = built.slots(range(len(built)))
    if encoding is not None:
        signals["maxsim"] = np.concatenate([np.zeros(1, np.float32), built.maxsim(encoding, rows)])
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
    unknown = [table for table, each in pairs if each.answer is None and len(table)]
    found: Array = np.zeros(len(names) + 1)
    for turn in range(6):
        wrong = [table[np.argmax(table @ found[1:]) if turn else 0] for table in unknown]  # the first turn: the best
        found = logistic(np.array(right), np.array(wrong))
    highest = [
        float((table @ found[1:]).max(initial=-30))  # of nothing: it stays shut
        for table, each in pairs
        if each.answer is None and each.company != CHAT
    ]
    found[0] = -float(np.quantile(highest, 1 - UNKNOWN_PASSES))
    return dict(zip(("bias", *names), found.round(2).tolist(), strict=True))


def verdict(built: EntityIndex, ask: Ask, encodings: Lookup, known: bool) -> Verdict | None:
    """Without a model, of the units that hold a word of the question. None: the right one is not brought up."""
    ranked = built.rank(ask.text, encodings.get(ask.text), now=NOW, allowed=None, limit=RANK)
    ranked = [each for each in ranked if not each.signals["asks"] and (encodings or each.signals["found"])]
    places = [place for place, each in enumerate(ranked) if each.key in ask.answers]
    if (known and not places) or (encodings and foreign(ask.text)):  # these are judged by their words
        return None
    names = {*(GATE if encodings else LEXICAL_GATE), "named"}
    features = {name: np.array([each.signals[name] for each in ranked], np.float32) for name in names}
    return Verdict(features, places[0] if known else None)


class Fit:
    """The two sets, measured once."""

    def __init__(self, data: Path, models: Path, model: bool) -> None:
        self.conversations = [conversation(path) for path in sorted(data.glob("conv-*.json"))]
        turns = [u.text for units, _ in self.conversations for u in units]
        self.companies = {
            CHAT: [said for said in (turn.partition(": ")[2] for turn in turns) if stated(said)],
            "other things": fillers(1000, random.Random(1)),
            "lists": fillers(1000, random.Random(2), LISTS),
        }
        texts = turns + [text for pool in self.companies.values() for text in pool]
        texts += [ask.text for _, asks in self.conversations for ask in asks]
        texts += [text for case in everyone() for text in (case["say"], *case["ask"]) if text]
        self.model = model
        self.encodings: Lookup = encode(list(dict.fromkeys(texts)), models) if model else {}
        self.packed = {text: pack(encoding) for text, encoding in self.encodings.items()}
        self.sheets = [
            [sheet(built, ask, self.encodings, 1 / len(asks)) for ask in asks]
            for at, (units, asks) in enumerate(self.conversations)
            for built in [self.conversation_index(at, FITTED)]
        ]

    def conversation_index(self, at: int, fitted: Fitted) -> EntityIndex:
        return index(self.conversations[at][0], self.packed, fitted)

    def conversation_stages(self, without: int | None = None) -> Stages:
        sheets = [each for at, some in enumerate(self.sheets) if at != without for each in some]
        return fit_stages(sheets, self.model, named=True)

    def personal_stages(self) -> Stages:
        """From the first-person set and, at half the weight, from the conversations without their speakers."""
        sheets = [replace(each, weight=each.weight / 10) for some in self.sheets for each in some]
        mixed = self.companies["other things"][:500] + self.companies[CHAT]
        known = [(units, asks) for knows, units, asks in people(cases(), mixed, SIZES[1:], 7) if knows]
        share = 1 / sum(len(asks) for _, asks in known)
        for units, asks in known:
            built = index(units, self.packed)
            sheets += [sheet(built, ask, self.encodings, share) for ask in asks]
        return fit_stages(sheets, self.model, named=False)

    def gate(self, fitted: Fitted) -> Weights:
        """From the first-person set; a question that names a participant gets what lets 99.9 % of those of the
        conversations pass and 99.9 % of their answers come along."""
        verdicts = []
        for company, pool in self.companies.items():
            for known, units, asks in people(cases(), pool, SIZES, 3):
                built = index(units, self.packed, fitted)
                judged = [verdict(built, ask, self.encodings, known) for ask in asks]
                verdicts += [replace(each, company=company) for each in judged if each]
        found = fit_gate(verdicts, GATE if self.model else LEXICAL_GATE)
        answers, highest = [], []
        for at, (_, asks) in enumerate(self.conversations):
            built = self.conversation_index(at, fitted)
            for each in (verdict(built, ask, self.encodings, True) for ask in asks):
                if each and each.features["named"].any():
                    scores = weighted(each.features, found)
                    answers.append(scores[each.answer])
                    highest.append(scores.max())
        told = math.log(0.5 * COMPANY / (1 - 0.5 * COMPANY))
        lacking = (told - float(np.quantile(answers, 0.001)), -float(np.quantile(highest, 0.001)), 0.0)
        return {**found, "named": round(max(lacking), 2)}

    def evidence(self, at: int, fitted: Fitted, tokens: int, whole: bool) -> list[float]:
        units, asks = self.conversations[at]
        built = self.conversation_index(at, fitted)
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
        for name, held in (("first_person", False), ("first_person", True), ("everyday", True)):
            for company, pool in self.companies.items():
                title = "held back" if held else "fitted on"
                print(f"set {name} that was {title}, company: {company}; for 1, 10, 100, 1,000 memories")
                self._print_gate(fitted, cases(name, held), pool)

    def _print_gate(self, fitted: Fitted, some: Sequence[dict[str, Any]], pool: Sequence[str]) -> None:
        told: dict[str, dict[int, list[bool]]] = {}
        for known, units, asks in people(some, pool, SIZES, 11):
            built = index(units, self.packed, fitted)
            for place, ask in enumerate(asks):
                lines = block(built, units, ask, self.encodings, 500, False)
                right = units[ask.answers[0]].text if known else ""
                kind = "unknown, something told" if not known else "known, paraphrased" if place else "known, plain"
                outcome = right in " ".join(lines) if right else bool(lines)
                told.setdefault(kind, {}).setdefault(len(units), []).append(outcome)
        for kind, sizes in sorted(told.items()):
            shares = "  ".join(f"{100 * mean(sizes[size]):.0f} %" for size in SIZES)
            print(f"  {kind}: {shares} of {len(sizes[1])}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of conv-*.json")
    parser.add_argument("--models", type=Path, default=default_folder(os.environ), help="folder of prepared models")
    parser.add_argument("--gate", action="store_true", help="fit the gates only, with the ranking of the code")
    arguments = parser.parse_args()
    for model in (True, False):
        fit = Fit(arguments.data, arguments.models, model)
        print(f"\n{'with the model' if fit.encodings else 'without a model'}: evidence at 500, 1,000, 2,000 tokens")
        count = len(fit.conversations)
        fitted = FITTED
        if not arguments.gate:
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
