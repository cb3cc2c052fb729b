"""The gate: how probably a unit bears on a question, absolutely, between 0 and 1; and who passes it."""

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

import numpy as np

from gateway.signals import Floats, weighted

COMPANY = 0.1
"""What a unit needs to be told along with one that passes the gate, as a share of the gate."""


class Judged(Protocol):
    """What has a relevance."""

    @property
    def relevance(self) -> float: ...


Anything = TypeVar("Anything", bound=Judged)


def relevance(features: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """The probability that each unit bears on the question: the logistic of the weighted features."""
    return (1.0 / (1.0 + np.exp(-np.clip(weighted(features, weights), -30, 30)))).astype(np.float32)


def admitted(ranked: Iterable[Anything], gate: float) -> list[Anything]:
    """Those who may be told, in their order: none where nobody reaches `gate`, for then this entity knows nothing
    about the question; else all who reach a tenth of it, for answers are often made of several weaker hints."""
    candidates = list(ranked)
    if not any(each.relevance >= gate for each in candidates):
        return []
    return [each for each in candidates if each.relevance >= gate * COMPANY]
