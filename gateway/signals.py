"""What is known of every unit with respect to a question: arrays by name, their scaling and their weighted sum."""

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Slots = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Signals = dict[str, Floats]

DENSE = ("dense", "dense_window", "turned", "turned_window", "maxsim")
"""Signals that need vectors."""
STANDARDISED = (*DENSE, "bm25_window", "bm25_session")
"""Signals that go into the sum as z-scores over the units asked for; the others go in as they are."""
EXPECTED, EXPECTED_MOST = 0.6, 3.0
"""Dense z-score for each lexical one, about their correlation on the conversations, and its bound."""


def standardised(signals: Mapping[str, Floats], mask: Mask) -> Signals:
    """The signals of STANDARDISED as z-scores over the rows of `mask` (0 where these do not differ), the others
    unchanged."""
    result: Signals = dict(signals)
    for name in STANDARDISED:
        if name in result:
            some = result[name][mask]
            spread = float(some.std())
            shifted = result[name] - some.mean()
            result[name] = shifted / np.float32(spread) if spread > 1e-6 else np.zeros_like(shifted)
    return result


def weighted(signals: Mapping[str, Floats], weights: Mapping[str, float]) -> Floats:
    """The weighted sum; `bias` weighs 1."""
    rows = len(next(iter(signals.values())))
    total = np.full(rows, weights.get("bias", 0.0), np.float32)
    for name, weight in weights.items():
        if name != "bias" and weight:
            total += np.float32(weight) * signals[name]
    return total


def among(keys: npt.NDArray[np.int64], allowed: Collection[int] | None) -> Mask:
    """The slots whose keys are `allowed` (None: all), but not slot 0, which is no unit."""
    mask = np.ones(len(keys), np.bool_)
    if allowed is not None:
        mask = np.isin(keys, np.fromiter(allowed, np.int64, len(allowed)))
    mask[0] = False
    return mask


def best(scores: Floats, mask: Mask, count: int) -> Slots:
    """The `count` best slots of the mask, lowest slot first."""
    slots = np.flatnonzero(mask).astype(np.int32)
    if len(slots) > count:
        slots = np.sort(slots[np.argpartition(-scores[slots], count - 1)[:count]])
    return slots


def take(signals: Mapping[str, Floats], slots: Slots) -> Signals:
    """The rows `slots` of every signal."""
    return {name: values[slots] for name, values in signals.items()}


def filled(values: Floats, known: Mask) -> Floats:
    """`values`, with their mean in the rows that are not known."""
    if known.all() or not known.any():
        return values
    return np.where(known, values, values[known].mean()).astype(np.float32)


def guess(standard: Signals, missing: Mask) -> None:
    """Write into the dense z-scores of units that have no vector yet, the rows of `missing`, what their words let
    expect, so that what was said a second ago does not stand behind all that was said before."""
    if missing.any():
        expected = np.clip(EXPECTED * standard["bm25_window"][missing], -EXPECTED, EXPECTED_MOST)
        for name in DENSE:
            if name in standard:
                standard[name] = standard[name].copy()
                standard[name][missing] = expected
