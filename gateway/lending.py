"""The ranking of an entity whose vectors stay in the database: what a question needs of them is asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gateway.embed import Encoding
from gateway.errors import StoreError
from gateway.ranking import EntityIndex
from gateway.signals import Floats, Slots
from gateway.store import PIECES, Compared
from gateway.units import Ranked, Survey

BORROWED = 200
"""Units whose vectors are fetched, with those of their neighbours; twice as many as are ranked by them."""


class Lender(Protocol):
    """Knows the vectors of an entity. Both raise StoreError where it cannot tell."""

    @property
    def seconds(self) -> float:
        """That a ranking may take which asks it."""

    async def compared(self, vectors: Sequence[Floats]) -> Compared:
        """How like these vectors each one of the entity is."""

    async def encodings(self, keys: Sequence[int]) -> list[tuple[int, int, bytes]]:
        """Key, piece and packed vectors of these messages and memories."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to a large entity."""

    text: str
    encoding: Encoding
    now: datetime
    allowed: Collection[int] | None
    limit: int


async def rank(index: EntityIndex, messages: Sequence[int], lender: Lender, asked: Asked) -> list[Ranked] | None:
    """The best units by all that is known of them (`EntityIndex.rank`); None where the lender cannot tell in time.

    `messages`: the key of the message that each unit is part of, from unit 1 on.
    """
    try:
        async with asyncio.timeout(lender.seconds):
            return await _rank(index, messages, lender, asked)
    except TimeoutError:
        _log.warning("a large entity's vectors did not come in time: ranked by words")
    except StoreError as error:
        _log.warning("a large entity's vectors did not come: ranked by words", extra={"reason": str(error)})
    return None


async def _rank(index: EntityIndex, messages: Sequence[int], lender: Lender, asked: Asked) -> list[Ranked]:
    compared = await lender.compared(index.directions(asked.encoding))
    places = await asyncio.to_thread(_places, messages)
    try:
        survey, slots = await asyncio.to_thread(_survey, index, places, compared, asked)
        numbers = dict(zip(places[index.keys[slots - 1] - 1].tolist(), slots.tolist(), strict=True))
        fetched = await lender.encodings(list({place // PIECES for place in numbers}))
        packed = {numbers[at]: each for key, piece, each in fetched if (at := key * PIECES + piece) in numbers}
        return await asyncio.to_thread(_answer, index, survey, packed, asked.limit)
    finally:
        if index.distant is not None:
            index.distant.give_back()


def _places(messages: Sequence[int]) -> npt.NDArray[np.int64]:
    """Of each unit its message and piece as one number; the units of a message follow each other."""
    keys = np.array(messages, np.int64)
    numbers = np.arange(len(keys))
    first = np.ones(len(keys), np.bool_)
    first[1:] = keys[1:] != keys[:-1]
    return keys * PIECES + numbers - np.maximum.accumulate(np.where(first, numbers, 0))


def _survey(
    index: EntityIndex, places: npt.NDArray[np.int64], compared: Compared, asked: Asked
) -> tuple[Survey, Slots]:
    """What the cosines tell of all units; and the slots whose vectors are needed, those of the best and about them."""
    if index.distant is None or not len(compared.places):
        raise StoreError("the database has no vectors of it")
    order = np.argsort(compared.places, kind="stable")
    held = compared.places[order]
    wanted = places[index.keys - 1]
    at = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    found = held[at] == wanted
    dense, turned = (values[order[at[found]]] for values in compared.cosines)
    index.distant.lend(np.flatnonzero(found).astype(np.int32) + 1, dense, turned)
    survey = index.survey(asked.text, asked.encoding, now=asked.now, allowed=asked.allowed)
    within = index.promising(survey, BORROWED)
    near, far = index.neighbours()
    touched = np.unique(np.concatenate([within, *near[:, within], *far[:, within]]))
    return replace(survey, within=within), touched[touched > 0]


def _answer(index: EntityIndex, survey: Survey, packed: Mapping[int, bytes], limit: int) -> list[Ranked]:
    """The best by the vectors of these slots too."""
    if index.distant is None or survey.within is None or not packed:
        raise StoreError("the database has none of its vectors")
    index.distant.borrow(packed)
    right = index.distant.corrections(survey.within, *index.neighbours())
    windows = {name: survey.signals[name].copy() for name in ("dense_window", "turned_window")}
    for values in windows.values():
        values[survey.within] *= right
    return index.answer(replace(survey, signals=survey.signals | windows), limit)
