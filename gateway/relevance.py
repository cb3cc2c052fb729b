"""The gate: how probably a unit bears on a question, absolutely, between 0 and 1; and who passes it."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

import numpy as np

from gateway.signals import Floats, Mask, Slots, weighted
from gateway.words import foreign

COMPANY = 0.1
"""What a unit needs to be told along with one that passes the gate, as a share of the gate."""
SURE = math.exp(4.0)
"""How many times as high the best unit's odds may be as those of one that does not pass the gate but is told along:
beside a sure answer nothing doubtful is wanted. Answers in conversations are made of many hints, so they are spared."""

USUAL, SPREAD, UNITS = 0.12, 0.12, 16.0
"""Mean and deviation of the cosines between a question and what it is not about, before an entity shows its own;
and how many of its units weigh as much as these."""

_FIRST_PERSON = re.compile(r"\b(?:i|my|me|mine|myself|we|our|ours|us)\b", re.IGNORECASE)
_SUGGEST = re.compile(r"\b(?:suggest|recommend|plan|ideas?|(?:should|could|can) (?:i|we))\b", re.IGNORECASE)
"""What asks for advice bears on tastes and circumstances that it does not name."""


class Judged(Protocol):
    """What has a relevance."""

    @property
    def relevance(self) -> float: ...
    @property
    def signals(self) -> Mapping[str, float]: ...


Anything = TypeVar("Anything", bound=Judged)


def relevance(features: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """The probability that each unit bears on the question: the logistic of the weighted features."""
    return (1.0 / (1.0 + np.exp(-np.clip(weighted(features, weights), -30, 30)))).astype(np.float32)


def asking(question: str, named: bool) -> dict[str, float]:
    """What the gate has to know of the question itself. `named`: it names a participant."""
    other = foreign(question)
    return {
        "named": float(named),
        "personal": float(named or other or _FIRST_PERSON.search(question) is not None),
        "suggests": float(_SUGGEST.search(question) is not None),
        "foreign": float(other),
    }


def outstanding(cosines: Floats, known: Mask, slots: Slots) -> Floats:
    """How far the cosines of `slots` stand out from those of all known units, in standard deviations, above what the
    highest of as many by chance would."""
    count = int(known.sum())
    some = cosines[known]
    mean = (float(some.sum()) + UNITS * USUAL) / (count + UNITS)
    spread = math.sqrt((count * float(some.var()) + UNITS * SPREAD**2) / (count + UNITS))
    chance = math.sqrt(2 * math.log(count + 1))
    return ((cosines[slots] - mean) / spread - chance).astype(np.float32)


def admitted(ranked: Iterable[Anything], gate: float, *, company: bool = True) -> list[Anything]:
    """Those who may be told, in their order: none where nobody reaches `gate`, for then this entity knows nothing
    about the question; else all who reach a tenth of it, for answers are often made of several weaker hints. Where the
    question names no participant they also need a share of the odds of the best (SURE). Without `company`, as beside
    an answer that is known, only who reaches it."""
    candidates = list(ranked)
    best = max((each.relevance for each in candidates), default=0.0)
    if best < gate or not candidates:
        return []
    least = gate * COMPANY
    if not company:
        least = gate
    elif not candidates[0].signals.get("named"):
        least = max(least, min(gate, _share(best)))
    return [each for each in candidates if each.relevance >= least]


def _share(best: float) -> float:
    """The probability of what has the SURE-th part of the odds of `best`."""
    return best / (best + (1 - best) * SURE)
