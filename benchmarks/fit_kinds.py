"""Fits the weights that tell kinds and non-statements, and writes gateway/extract/learnt.txt: python -m
benchmarks.fit_kinds [--cross]

Fitted on the labelled sentences of sentences.txt ("f I live in Oslo", "- the red one", "s Can you swim? >> A bit") and
on the pieces of the messages in statements.jsonl; held-back ones are not looked at. Softmax regression with a quadratic
penalty; takes two minutes, and needs the embedding model. --cross first prints what is scored on each writer's batch by
weights fitted without it: that, and not the score on what it is fitted on, is what to expect of cases never seen.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize  # type: ignore[import-untyped]
from scipy.sparse import csr_matrix, hstack  # type: ignore[import-untyped]

from benchmarks.extraction import bare, cases, plain, shared, tallied
from benchmarks.stem_vectors import stem_vectors
from gateway.extract import likely
from gateway.extract.likely import BIAS, CODES, LEARNT, LETTERS, NOT, STEPS
from gateway.extract.local import answering, sentences_of
from gateway.extract.pieces import Passage, Piece, pieces
from gateway.extract.replied import question_to_user, short_answer

HERE = Path(__file__).parent
LETTER_OF = {kind: letter for letter, kind in LETTERS.items()}
BATCHES = {"first": 808, "hard": 260, "terse": 1775, "short": 504, "other": 260} | {
    "plain": 220,
    "phone": 220,
    "work": 200,
    "odd": 680,
    "daily": 300,
    "phones": 220,
    "offices": 220,
    "families": 220,
    "cases": 260,
    "doubtful": 215,
    "near": 260,
    "orders": 359,
    "talks": 2080,
    "traps": 1760,
    "beside": 1988,
}
"""Of statements.jsonl, in order: how many messages came from one writer."""
WEIGHTS = {"sentences": 0.6, "first": 1.0, "hard": 2.0, "terse": 1.5, "dialogues": 0.05, "memories": 0.1} | {
    "everyday": 0.7
}
ANY = "?"
"""The letter of a statement whose kind nobody labelled."""
_OWN = frozenset("i my we our am is are was has have had the".split())
CROSSED = ("hard", "other", "plain", "phone", "work", "daily", "held")
"""By writers who knew neither the rules nor each other; nothing is ever fitted on the last one."""
RARE = 2
"""A feature of fewer pieces is not looked at."""
PENALTY = 7e-5
STEPS_DOWN = 150
SMALL = 1
"""In tenths: a smaller weight is left out."""
ROOM = 800_000
"""Characters that the weights may take; the weakest features go."""
WIDTH = 118
Case = dict[str, Any]
Vectors = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Row:
    """A piece with its label."""

    letter: str
    features: frozenset[str]
    weight: float
    kind_alone: bool = False
    """It is one of many statements without anything beside them: they would say that nearly all is stated."""


def batches() -> dict[str, list[Case]]:
    """The messages by who wrote them; the labelled sentences are messages too."""
    rest = cases("statements", False)
    found = {"sentences": [_case(line) for line in (HERE / "sentences.txt").read_text().splitlines()]}
    for name, size in BATCHES.items():
        found[name], rest = rest[:size], rest[size:]
    asked = {"memories": list(_of_memories("oblique", "first_person")), "everyday": list(_of_memories("everyday"))}
    return found | {"rest": rest, "dialogues": list(_of_dialogues())} | asked


def _of_dialogues() -> Iterator[Case]:
    """What the dialogues name as current or over is stated, of whatever kind; what stands between, if it is a question
    or has neither subject nor verb, asks for something."""
    for case in cases("dialogues", False):
        for said in case["say"]:
            named = [words for words in case["current"] + case["over"] if plain(words) in plain(said)]
            terse = len(said.split()) < 7 and _OWN.isdisjoint(bare(said).split()) and said != case["say"][-1]
            asks = said.endswith("?") and not re.search(r"[.!?:;,] ", said)
            if named:
                stated = [{"words": words, "kind": ANY} for words in named]
                yield {"said": said, "asked": "", "statements": stated, "not": []}
            elif terse or asks:
                yield _case(f"- {said}")


def _of_memories(*names: str) -> Iterator[Case]:
    """What can be asked for later is stated."""
    for name in names:
        for case in cases(name, False):
            if case["say"]:
                yield _case(f"{LETTER_OF.get(case.get('kind', ''), ANY)} {case['say']}")


def _case(line: str) -> Case:
    letter, _, text = line.partition(" ")
    question, _, answer = text.partition(" >> ")
    said = answer or text
    stated = [] if letter == "-" else [{"words": said, "kind": LETTERS.get(letter, ANY)}]
    return {"said": said, "asked": question if answer else "", "statements": stated, "not": [] if stated else [said]}


def cut(case: Case) -> tuple[list[Passage], list[list[Piece]]]:
    """The passages of a message and the pieces of each."""
    answer = short_answer(case["said"], case["asked"])
    question = question_to_user(case["asked"])
    passages = [answering(case["said"], question)] if answer else sentences_of(case["said"])
    return passages, pieces(passages, asked=bool(case["asked"]))


def labelled(case: Case) -> Iterator[tuple[Piece, str | None]]:
    """The pieces of a message, each with the one letter that it is labelled with; None where there is not just one."""
    for passage, several in zip(*cut(case), strict=True):
        for piece in several:
            assert passage.words is not None
            letters = set(_letters(case, passage.words.between(piece.start, piece.stop)))
            yield piece, letters.pop() if len(letters) == 1 else None


def rows(case: Case, weight: float, kind_alone: bool) -> Iterator[Row]:
    """The pieces of a message that are labelled."""
    for piece, letter in labelled(case):
        if letter and piece.evidence:
            yield Row(letter, frozenset({BIAS, *piece.evidence}), weight, kind_alone)


def _letters(case: Case, text: str) -> Iterator[str]:
    yield from (NOT for words in case["not"] if shared(text, words))
    yield from (LETTER_OF.get(one["kind"], ANY) for one in case["statements"] if shared(text, one["words"]))


def fitted(found: Sequence[Row], vectors: Vectors) -> dict[str, NDArray[np.float64]]:
    """Weights by feature, one of each code. To a stem's own weights comes what its vector makes of weights that all
    stems share: one that no case has is weighed as those like it."""
    counts = Counter(feature for row in found for feature in row.features)
    names = sorted(feature for feature, count in counts.items() if count >= RARE and "|" not in feature)
    shared = csr_matrix(_counted(found, list(vectors)) @ np.array(list(vectors.values())))
    best = _fitted(hstack([_counted(found, names), shared]).tocsr(), found)
    weights = dict(zip(names, best, strict=False))
    none = np.zeros(len(CODES))
    return weights | {stem: weights.get(stem, none) + vector @ best[len(names) :] for stem, vector in vectors.items()}


def _counted(found: Sequence[Row], names: Sequence[str]) -> csr_matrix:
    """Which rows have which features."""
    column = {feature: at for at, feature in enumerate(names)}
    places = [[column[feature] for feature in row.features if feature in column] for row in found]
    down = np.repeat(np.arange(len(found)), [len(each) for each in places])
    across = [place for each in places for place in each]
    return csr_matrix((np.ones(len(across)), (down, across)), shape=(len(found), len(names)))


def _fitted(matrix: csr_matrix, found: Sequence[Row]) -> NDArray[np.float64]:
    """Weights of the columns, one of each code."""
    turned = matrix.T.tocsr()
    target = np.array([[code == row.letter or (row.letter == ANY and code != NOT) for code in CODES] for row in found])
    possible = np.array([[code != NOT or not row.kind_alone for code in CODES] for row in found])
    share = np.array([row.weight for row in found])
    share /= share.sum()

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(-1, len(CODES))
        scores = matrix @ weights
        scores -= scores.max(axis=1, keepdims=True)
        raised = np.exp(scores) * possible
        whole = raised.sum(axis=1)
        meant = raised * target
        part = meant.sum(axis=1)
        cost = share @ (np.log(whole) - np.log(part)) + PENALTY * (weights**2).sum()
        slope = turned @ ((raised / whole[:, None] - meant / part[:, None]) * share[:, None]) + 2 * PENALTY * weights
        return float(cost), slope.ravel()

    start = np.zeros(matrix.shape[1] * len(CODES))
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS_DOWN})
    weights: NDArray[np.float64] = best.x.reshape(-1, len(CODES))
    return weights


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


def learn(found: Sequence[Row], vectors: Vectors) -> None:
    kept = entries(fitted(found, vectors))
    place = Path(likely.__file__).with_name(LEARNT)
    place.write_text(lines(kept), encoding="utf-8")
    likely.table.cache_clear()
    print(f"{len(kept)} features, {place.stat().st_size} bytes", file=sys.stderr)


def crossed(found: dict[str, list[Row]], messages: dict[str, list[Case]], vectors: Vectors, name: str) -> None:
    """Prints what is scored on one batch by weights that were fitted without it."""
    learn([row for batch, several in found.items() for row in several if batch != name], vectors)
    tallies, confused = tallied(messages[name])
    print(*(f"{name}, left out: {key:<9} {tally}" for key, tally in tallies.items()), sep="\n", flush=True)
    if "--show" in sys.argv:
        print(*(f"  {key}: {miss}" for key, tally in tallies.items() for miss in tally.misses), sep="\n")
        print(Counter({key: count for key, count in confused.items() if key[0] != key[1]}).most_common(20))


def _often(texts: Iterable[str]) -> list[str]:
    """Words that are said more than once."""
    counts = Counter(word for text in texts for word in bare(text).split())
    return sorted(word for word, count in counts.items() if count > 1)


def main() -> None:
    messages = batches()
    found = {
        name: [row for case in several for row in rows(case, WEIGHTS.get(name, 1.5), name == "everyday")]
        for name, several in messages.items()
    }
    print(json.dumps(Counter(row.letter for several in found.values() for row in several)))
    vectors = stem_vectors(_often(case["said"] for several in messages.values() for case in several))
    if "--cross" in sys.argv:
        messages["held"] = cases("statements", True)
        for name in CROSSED:
            crossed(found, messages, vectors, name)
    learn([row for several in found.values() for row in several], vectors)


if __name__ == "__main__":
    main()
