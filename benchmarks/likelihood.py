"""Weights of highest likelihood, by Newton's method."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def listwise(tables: Sequence[tuple[Array, Array, float]], penalty: float = 1e-3) -> Array:
    """The weights under which the softmax over each table's rows gives its answers the highest likelihood."""
    width = tables[0][0].shape[1]
    found: Array = np.zeros(width)
    step: Array = np.zeros(width)
    lowest = np.inf
    total = sum(weight for _, _, weight in tables)
    for _ in range(40):
        trial = found - step
        loss = penalty * float(trial @ trial)
        gradient, curvature = 2 * penalty * trial, 2 * penalty * np.eye(width)
        for rows, answers, weight in tables:
            scores = rows @ trial
            share = np.exp(scores - scores.max())
            loss += weight / total * float(scores.max() + np.log(share.sum()) - scores[answers].mean())
            share /= share.sum()
            centre = share @ rows
            gradient += weight / total * (centre - rows[answers].mean(0))
            curvature += weight / total * ((rows * share[:, None]).T @ rows - np.outer(centre, centre))
        if loss > lowest:
            step = step / 2  # Newton's step was too long
            continue
        if lowest - loss < 1e-7:
            break
        found, lowest, step = trial, loss, np.linalg.solve(curvature, gradient)
    return found


def logistic(right: Array, wrong: Array, penalty: float = 1e-4) -> Array:
    """Bias and weights; both sides count the same."""
    rows = np.concatenate([right, wrong])
    rows = np.concatenate([np.ones((len(rows), 1)), rows], axis=1)
    truth = np.array([1.0] * len(right) + [0.0] * len(wrong))
    weights = np.array([1 / len(right)] * len(right) + [1 / len(wrong)] * len(wrong))
    found: Array = np.zeros(rows.shape[1])
    for _ in range(25):
        guess = 1 / (1 + np.exp(-np.clip(rows @ found, -30, 30)))
        gradient = rows.T @ (weights * (guess - truth)) + 2 * penalty * found
        curvature = (rows * (weights * guess * (1 - guess))[:, None]).T @ rows + 2 * penalty * np.eye(len(found))
        found = found - np.linalg.solve(curvature, gradient)
    return found
