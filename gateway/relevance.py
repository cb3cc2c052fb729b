"""The gate: how probably a unit bears on a question, absolutely, between 0 and 1."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

WITH_MODEL: Mapping[str, float] = {
    "bias": -6.0,
    "coverage": 4.0,
    "coverage_window": 1.0,
    "best": 0.2,
    "cosine": 5.0,
    "maxsim_alone": 6.0,
}
WITHOUT_MODEL: Mapping[str, float] = {"bias": -3.5, "coverage": 4.0, "coverage_window": 1.0, "best": 0.2}


def relevance(features: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """The logistic of the weighted features, one value a unit."""
    total = sum((weight * features[name] for name, weight in weights.items() if name != "bias"), weights["bias"])
    return (1.0 / (1.0 + np.exp(-np.asarray(total, np.float32)))).astype(np.float32)
