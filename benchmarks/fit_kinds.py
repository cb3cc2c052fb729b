"""Fits the weights that tell kinds and non-statements, and writes gateway/extract/learnt.txt: python -m
benchmarks.fit_kinds

Fitted on the labelled sentences of sentences.txt ("f I live in Oslo", "- the red one", "s Can you swim? >> A bit") and
on what extraction finds in the development cases of statements.jsonl; the held-back ones are not looked at. Softmax
regression with a quadratic penalty; takes a minute.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.extraction import NOW, cases, holding
from gateway.domain import Dated, Triple
from gateway.extract import kinds, likely
from gateway.extract.acts import opening
from gateway.extract.clauses import independent
from gateway.extract.likely import LEARNT, LETTERS, NOT, STEPS
from gateway.extract.local import statements
from gateway.extract.reading import says_change
from gateway.extract.replied import question_to_user, turned
from gateway.extract.subjects import Mentioned
from gateway.extract.times import dates
from gateway.extract.tokens import Words
from gateway.extract.triples import read

HERE = Path(__file__).parent
CODES = (*LETTERS, NOT)
LETTER_OF = {kind: letter for letter, kind in LETTERS.items()}
RARE = 2
"""A feature of fewer sentences is not looked at."""
PENALTY = 4e-4
STEPS_DOWN = 400
SMALL = 2
"""In tenths: a smaller weight is left out."""
ROOM = 60_000
"""Characters that the weights may take; the weakest features go."""
WIDTH = 118
Row = tuple[str, list[str]]


def labelled() -> Iterator[Row]:
    for line in (HERE / "sentences.txt").read_text().splitlines():
        letter, _, text = line.partition(" ")
        question, _, answer = text.partition(" >> ")
        said = f"{turned(question)} {answer}" if answer else text
        yield NOT if letter == "-" else letter, seen(said, bool(answer))


def seen(text: str, answer: bool) -> list[str]:
    """The features of a sentence, as extraction takes them."""
    words = Words(text)
    at = 0 if answer else opening(words)
    at = at if at < len(words) else 0
    changed, mentioned = says_change(words), Mentioned()
    triples = [triple for span in independent(words) for triple in read(words, *span, mentioned, changed).triples]
    return evidence(words, at, triples, () if answer else dates(text, NOW), answer)


def evidence(words: Words, at: int, triples: Sequence[Triple], dated: Sequence[Dated], answer: bool) -> list[str]:
    return list(dict.fromkeys(kinds.evidence(words, at, triples, dated, answer)))


def developed() -> Iterator[Row]:
    """What extraction finds in the development cases, with the kind of the first statement that it holds."""
    for case in cases("statements", False):
        found = statements(case["said"], asked=case["asked"], at=datetime.fromisoformat(case["at"]))
        kind_of: dict[str, str] = {}
        for piece in case["not"]:
            one = holding(found, piece)
            if one is not None:
                kind_of[one.text] = NOT
        for wanted in reversed(case["statements"]):
            one = holding(found, wanted["words"])
            if one is not None and not wanted.get("standing"):
                kind_of[one.text] = LETTER_OF[wanted["kind"]]
        for one in found:
            if one.text in kind_of and not one.standing:
                said = f"{turned(question_to_user(case['asked']))} {case['said']}" if one.alone else one.text
                words = Words(said)
                at = 0 if one.alone else opening(words)
                at = at if at < len(words) else 0
                yield kind_of[one.text], evidence(words, at, one.triples, () if one.alone else one.dates, one.alone)


def fitted(rows: Sequence[Row]) -> dict[str, NDArray[np.float64]]:
    """Weights by feature, one of each code."""
    counts = Counter(feature for _, features in rows for feature in features)
    names = [feature for feature, count in counts.items() if count >= RARE and "|" not in feature]
    column = {feature: at for at, feature in enumerate(names)}
    matrix = np.zeros((len(rows), len(names)), dtype=np.float32)
    target = np.zeros((len(rows), len(CODES)), dtype=np.float32)
    for at, (letter, features) in enumerate(rows):
        target[at, CODES.index(letter)] = 1
        matrix[at, [column[feature] for feature in features if feature in column]] = 1
    weights = np.zeros((len(names), len(CODES)), dtype=np.float32)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS_DOWN + 1):
        scores = matrix @ weights
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        slope = matrix.T @ (scores / scores.sum(axis=1, keepdims=True) - target) / len(rows) + PENALTY * weights
        mean = 0.9 * mean + 0.1 * slope
        square = 0.99 * square + 0.01 * slope**2
        weights -= 0.05 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    return {name: weights[at].astype(np.float64) for at, name in enumerate(names)}


def entries(weights: dict[str, NDArray[np.float64]]) -> list[str]:
    """Each feature with its weights in tenths, the strongest features first, as many as there is room for."""
    kept: list[str] = []
    size = 0
    for feature, row in sorted(weights.items(), key=lambda item: -float(np.abs(item[1]).max())):
        whole = np.rint(row * STEPS).astype(int)
        said = "".join(f"{code}{value}" for code, value in zip(CODES, whole, strict=True) if abs(value) >= SMALL)
        entry = f"{feature}|{said}"
        if not said:
            continue
        size += len(entry) + 1
        if size > ROOM:
            break
        kept.append(entry)
    return kept


def lines(kept: Sequence[str]) -> str:
    found = [""]
    for entry in sorted(kept):
        if len(found[-1]) + len(entry) >= WIDTH:
            found.append("")
        found[-1] = f"{found[-1]} {entry}".strip()
    return "\n".join(found) + "\n"


def main() -> None:
    place = Path(likely.__file__).with_name(LEARNT)
    place.write_text("")  # the cases are read without the weights of before, which leave statements out
    likely.table.cache_clear()
    rows = [*labelled(), *developed()]
    print(json.dumps(Counter(letter for letter, _ in rows)))
    kept = entries(fitted(rows))
    print(f"{len(kept)} features")
    place.write_text(lines(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
