"""The fitted weights of the ranking and of its gate, as `benchmarks/fit.py` printed them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stages:
    """Weights of the signals, by name."""

    first: Mapping[str, float]
    """For all units, with a model."""
    second: Mapping[str, float]
    """For the best of the first stage, whose token vectors are compared."""
    lexical: Mapping[str, float]
    """For all units, without a model."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """All that was fitted."""

    conversation: Stages
    """For questions that name a participant."""
    personal: Stages
    """For all others: a user's own questions about themselves."""
    gate: Mapping[str, float]
    """Features of the relevance, with a model; 0.5 is the proposed cut."""
    published_gate: Mapping[str, float]
    """The same where the model reads questions as it reads texts (`Encoding.turned` is None)."""
    lexical_gate: Mapping[str, float]
    """The same without a model, and for languages that the model does not know."""


FITTED = Fitted(
    conversation=Stages(
        first={"dense": 0.45, "dense_window": 0.6, "bm25_window": 0.5, "bm25_session": 0.39, "question": -0.67,
               "length": 0.68, "when": 1.95, "speaker": 2.11, "month": 3.44, "day": 2.52},
        second={"dense": 0.02, "dense_window": 0.46, "bm25_window": 0.19, "bm25_session": 0.36, "question": -0.67,
                "length": 0.38, "when": 1.71, "speaker": 2.18, "month": 2.92, "day": 2.4, "maxsim": 0.73},
        lexical={"bm25_window": 0.79, "bm25_session": 0.46, "question": -0.71, "length": 0.42, "when": 1.99,
                 "speaker": 2.56, "month": 3.73, "day": 2.5},
    ),
    personal=Stages(
        first={"dense": 0.0, "dense_window": 0.38, "turned": 2.0, "turned_window": 0.38, "bm25_window": 0.22,
               "bm25_session": 0.0, "question": -1.2, "length": 0.0, "when": 1.68, "month": 2.44, "day": 1.85},
        second={"turned": 1.8, "turned_window": 0.58, "bm25_window": 0.03, "bm25_session": 0.0, "question": -1.26,
                "length": 0.0, "when": 1.46, "month": 2.21, "day": 1.73, "maxsim": 0.64},
        lexical={"bm25_window": 0.6, "bm25_session": 0.0, "question": -1.54, "length": 0.0, "when": 1.72, "month": 2.6,
                 "day": 1.68},
    ),
    gate={"bias": -0.35, "missing": -0.63, "personal": 0.03, "suggests": 1.47, "size": -0.87, "misfit": -0.93,
          "cosine": 1.0, "dense": 2.97, "turned": 14.6, "outstanding": 0.11, "named": 2.8},
    published_gate={"bias": -2.35, "missing": -0.63, "personal": 0.03, "suggests": 1.47, "size": -0.87, "misfit": -0.93,
                    "cosine": 2.66, "dense": 2.97, "turned": 8.61, "outstanding": 0.11, "named": 3.2},
    lexical_gate={"bias": -0.16, "coverage": 2.59, "found": 0.36, "personal": 0.42, "suggests": -0.82, "size": -1.43,
                  "misfit": -1.76, "named": 3.45},
)  # fmt: skip
"""Fitted on the development half of LoCoMo (conversations of two named people) and on the hand-written
benchmarks/first_person.jsonl (a user's own statements); nothing is fitted on first_person_held.jsonl. `named` lets a
question that names a participant be answered nearly always. `size` (the logarithm of the number of units, up to 1,000)
is what keeps the meaning of 0.5: the best of a thousand wrong units looks better than the best of one. What else is in
the gates: `found` and `missing`, the weight of the question's words that a unit holds and (as a logarithm) lacks, and
`coverage`, the share that it holds; `misfit`, 1 where the question asks for a time, number, name or place and the unit
holds none; `outstanding`, how far the unit's cosine is above what the entity's others have with this question. The
weights of the vectors in `personal` and in `gate`, and its bias, were chosen on first_person.jsonl once questions had
layers of their own (`questions`), all else left as fitted."""
