"""The judge of what a new statement ends: what it reads of a text, and what it says of a pair."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pytest

from gateway.contrast import about
from gateway.correcting import _labelled
from gateway.corrections import likelihoods, table
from gateway.saying import Floats, Said, said


@dataclass
class Flat:
    """An encoding that knows nothing: every text is in the same place."""

    vector: Floats
    tokens: np.ndarray[tuple[int], np.dtype[np.int32]]
    token_vectors: Floats
    turned: Floats | None = None


def read(text: str) -> Said:
    ones = np.full(384, 384**-0.5, np.float32)
    return said(text, Flat(ones, np.array([3000], np.int32), ones[None, :]))


def test_weights_fit_the_vectors_of_the_model() -> None:
    weights, vectors = table()
    assert vectors.shape == (2, 384)
    assert weights


def test_values_are_told_by_what_they_are() -> None:
    one = read("Our stand-up is at 9 on Mondays in March with Ana")
    found = {name: set(values) for name, values in one.types.items()}
    assert found == {"number": {"9"}, "weekday": {"monday"}, "month": {"march"}, "count": set(), "name": {"ana"}}


def test_what_both_tell_is_read_in_its_clause() -> None:
    features = set(about(read("The rent rose, so we left Leeds."), read("We live in Leeds.")))
    assert {"l1:left", "c:left", "e:rent", "k:1:2"} <= features
    assert "c:rent" not in features


def test_a_change_is_likelier_than_the_same_of_somebody_else() -> None:
    old = read("My dentist is Dr Wu.")
    change, friend = (
        likelihoods(read(text), [old], 1)[0]
        for text in ("Switched dentists, it's Dr Roy now.", "My friend's dentist is Dr Roy.")
    )
    assert friend < change


@pytest.mark.parametrize("text", ["", ".", "。", ",,,,", "\u200b"])
def test_any_text_can_be_judged(text: str) -> None:
    for new, old in ((text, "I work."), ("I work.", text), (text, text)):
        (chance,) = likelihoods(read(new), [read(old)], 1)
        assert 0 <= chance <= 1


@pytest.mark.parametrize("piece", ["a", "a ", "my ", ", ", "A: ", "is not ", "$", "1."])
def test_adverse_text_is_read_in_no_time(piece: str) -> None:
    text = (piece * 200_000)[:200_000]
    begun = time.perf_counter()
    likelihoods(read(text), [read(text)], 1)
    assert not _labelled(text) or piece == "A: "
    assert time.perf_counter() - begun < 20


@pytest.mark.parametrize("text", ["Caroline: I moved.", "Mary Ann: I moved.", "Speaker 1: I moved."])
def test_a_participant_is_known_by_the_label(text: str) -> None:
    assert _labelled(text)


@pytest.mark.parametrize(
    "text",
    ["I moved.", "Update: I moved.", "Big change: I moved.", "new postcode since the move: YO10", "10:30 suits me"],
)
def test_a_heading_is_no_participant(text: str) -> None:
    assert not _labelled(text)
