"""A large entity's index, with vectors lent for each question, answers as one that holds them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest

from gateway import lending
from gateway.dense import Floats, unpack
from gateway.ranking import EntityIndex
from gateway.store import PIECES, Compared
from gateway.units import Ranked, Unit
from tests.vectors import encoded
from tests.vectors import packed as made

pytestmark = pytest.mark.anyio

BEGUN = datetime(2026, 3, 1, tzinfo=UTC)
WORDS = "apple river stone violin winter garden copper falcon ladder mirror needle orchard pepper quartz".split()
TEXTS = [" ".join(random.Random(n).sample(WORDS, 5)) + f" number{n}" for n in range(300)]


@cache
def packed(text: str) -> bytes:
    return made(text)


class Shelf:
    """Lends the vectors of the texts, whose keys are 101, 102, …; of those from `most` on it knows nothing yet."""

    seconds = 60.0

    def __init__(self, most: int = len(TEXTS)) -> None:
        self.most = most

    async def compared(self, vectors: Sequence[Floats]) -> Compared:
        held = np.stack([unpack(packed(text))[0] for text in TEXTS[: self.most]])
        places = (np.arange(len(held), dtype=np.int64) + 101) * PIECES
        return Compared(places[::-1], tuple((held @ vector)[::-1] for vector in vectors))

    async def encodings(self, keys: Sequence[int]) -> list[tuple[int, int, bytes]]:
        return [(key, 0, packed(TEXTS[key - 101])) for key in keys if key - 101 < self.most]


def index() -> EntityIndex:
    built = EntityIndex()
    built.add(Unit(n, f"s{n // 9}", text, BEGUN + timedelta(minutes=n), None) for n, text in enumerate(TEXTS, 1))
    for n, text in enumerate(TEXTS, 1):
        built.attach([(n, packed(text))])
    return built


async def lent(built: EntityIndex, question: str, shelf: Shelf, allowed: list[int] | None = None) -> list[Ranked]:
    asked = lending.Asked(question, encoded(question), BEGUN, allowed, 20)
    ranked = await lending.rank(built, range(101, 101 + len(TEXTS)), shelf, asked)
    assert ranked is not None
    return ranked


def held(built: EntityIndex, question: str, allowed: list[int] | None = None) -> list[Ranked]:
    return built.rank(question, encoded(question), now=BEGUN, allowed=allowed, limit=20)


def alike(one: Sequence[Ranked], other: Sequence[Ranked]) -> bool:
    return [each.key for each in one] == [each.key for each in other] and all(
        a.score == pytest.approx(b.score, abs=1e-3) and a.relevance == pytest.approx(b.relevance, abs=1e-3)
        for a, b in zip(one, other, strict=True)
    )


QUESTIONS = ("apple winter number7", "falcon quartz mirror", "violin", "nothing of this")


@pytest.mark.parametrize("question", QUESTIONS)
async def test_what_is_lent_ranks_as_what_is_held(question: str) -> None:
    here, away = index(), index()
    away.let_go()
    assert alike(held(here, question), await lent(away, question, Shelf()))
    allowed = list(range(50, 90))
    assert alike(held(here, question, allowed), await lent(away, question, Shelf(), allowed))


@pytest.mark.parametrize("question", QUESTIONS)
async def test_vectors_that_went_by_after_it_grew_large_count_too(question: str) -> None:
    here, away = index(), EntityIndex()
    away.let_go()
    away.add(Unit(n, f"s{n // 9}", text, BEGUN + timedelta(minutes=n), None) for n, text in enumerate(TEXTS, 1))
    for n, text in enumerate(TEXTS, 1):
        away.attach([(n, packed(text))])
    assert alike(held(here, question), await lent(away, question, Shelf(most=len(TEXTS) - 5)))


@pytest.mark.parametrize("question", QUESTIONS)
async def test_what_was_removed_is_neither_told_nor_a_neighbour(question: str) -> None:
    here, away = index(), index()
    away.let_go()
    gone = [3, 4, 100, 299]
    here.remove(gone)
    away.remove(gone)
    found = await lent(away, question, Shelf())
    assert not {each.key for each in found} & set(gone)
    assert len({each.key for each in found} & {each.key for each in held(here, question)}) >= 19


async def test_an_index_that_lent_its_vectors_holds_few_bytes() -> None:
    here, away = index(), index()
    before = here.nbytes
    away.let_go()
    await lent(away, QUESTIONS[0], Shelf())
    assert away.nbytes < before / 2
