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
    lexical_gate: Mapping[str, float]
    """The same without a model, and for languages that the model does not know."""


FITTED = Fitted(
    conversation=Stages(
        first={"dense": 0.45, "dense_window": 0.59, "bm25_window": 0.49, "bm25_session": 0.37, "question": -0.65,
               "length": 0.71, "when": 1.5, "speaker": 2.06, "month": 3.59, "day": 2.59},
        second={"dense": 0.01, "dense_window": 0.46, "bm25_window": 0.18, "bm25_session": 0.34, "maxsim": 0.74,
                "question": -0.63, "length": 0.42, "when": 1.3, "speaker": 2.11, "month": 3.02, "day": 2.45},
        lexical={"bm25_window": 0.79, "bm25_session": 0.45, "question": -0.7, "length": 0.46, "when": 1.55,
                 "speaker": 2.52, "month": 3.93, "day": 2.63},
    ),
    personal=Stages(
        first={"dense": 0.92, "dense_window": 0.83, "bm25_window": 0.45, "bm25_session": 0.0, "question": -1.1,
               "length": 0.26, "when": 1.47, "month": 2.84, "day": 2.29},
        second={"dense": 0.4, "dense_window": 0.6, "bm25_window": 0.13, "bm25_session": 0.0, "maxsim": 0.8,
                "question": -1.1, "length": 0.0, "when": 1.31, "month": 2.6, "day": 2.18},
        lexical={"bm25_window": 0.9, "bm25_session": 0.0, "question": -1.06, "length": 0.0, "when": 1.72,
                 "month": 3.37, "day": 2.18},
    ),
    gate={"bias": -3.5, "coverage": 0.1, "best": 0.04, "personal": 0.56, "telling": -0.48, "size": -0.98,
          "cosine": 13.46, "maxsim_alone": 2.95, "named": 3.0},
    lexical_gate={"bias": -1.5, "coverage": 2.5, "best": 0.2, "personal": 0.7, "telling": -0.5, "size": -0.5,
                  "named": 3.0},
)  # fmt: skip
"""Fitted on the development half of LoCoMo (conversations of two named people) and on the hand-written
benchmarks/first_person.jsonl (one user's own statements)."""
