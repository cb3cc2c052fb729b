"""What turns state, read beside the requests."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import anyio
import numpy as np
import pytest

from gateway.domain import Turn
from gateway.embed import Floats
from gateway.extract.likely import CODES, NOT
from gateway.gleaning import CLOSELY, PATIENCE, Gleaner
from gateway.metrics import Metrics
from gateway.sessions import Thread
from gateway.tagging import Span
from tests.unit.test_recorder import ScriptedStore, recorder, turns

pytestmark = pytest.mark.anyio
NOW = datetime(2024, 5, 10, 14, tzinfo=UTC)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


class Doubting:
    """A tagger that takes nothing for a statement, and waits until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.read: list[str] = []

    def __call__(self, text: str, asked: str, spans: Sequence[Span | None]) -> Floats:
        assert self.let_go.wait(30)
        self.read.append(text)
        found = np.zeros((len(spans), len(CODES)), np.float32)
        found[:, CODES.index(NOT)] = 50
        return found


def thread_of(*given: Turn) -> Thread:
    messages = tuple(turn.messages[0] for turn in given)
    return Thread(given[0].scope, b"r", messages, 0, b"", learn=messages)


def stating(count: int) -> list[Turn]:
    """Turns whose messages state something."""
    found = turns(count)
    return [
        replace(turn, messages=(replace(turn.messages[0], text=f"I live at {number} High Street."),))
        for number, turn in enumerate(found)
    ]


async def test_what_the_model_doubts_is_not_learnt(metrics: Metrics) -> None:
    store, tagger = ScriptedStore(), Doubting()
    (turn,) = stating(1)
    async with recorder(store, metrics) as recording:
        gleaning = Gleaner("local", recording, lambda: tagger).begin(thread_of(turn), NOW)
        assert gleaning
        tagger.let_go.set()
        assert await gleaning.submit(turn)
    [(_, learnt)] = store.recorded[0].learn
    assert learnt == ()


async def test_turns_that_wait_are_read_without_the_model(metrics: Metrics) -> None:
    store, tagger = ScriptedStore(), Doubting()
    first, second = stating(2)
    async with recorder(store, metrics) as recording:
        gleaner = Gleaner("local", recording, lambda: tagger)
        held, late = gleaner.begin(thread_of(first), NOW), gleaner.begin(thread_of(second), NOW)
        assert held
        assert late
        await anyio.sleep(PATIENCE)
        tagger.let_go.set()
        assert await held.submit(first)
        assert await late.submit(second)
    assert tagger.read == [first.messages[0].text]
    assert [[len(learnt) for _, learnt in turn.learn] for turn in store.recorded] == [[0], [1]]


async def test_where_the_model_fails_the_features_judge(metrics: Metrics) -> None:
    def failing(text: str, asked: str, spans: Sequence[Span | None]) -> Floats:
        raise MemoryError

    store = ScriptedStore()
    (turn,) = stating(1)
    async with recorder(store, metrics) as recording:
        gleaning = Gleaner("local", recording, lambda: failing).begin(thread_of(turn), NOW)
        assert gleaning
        assert await gleaning.submit(turn)
    assert [len(learnt) for _, learnt in store.recorded[0].learn] == [1]
    assert metrics.registry.get_sample_value("memory_gateway_faults_total", {"where": "record"}) == 1


async def test_where_a_language_model_reads_later_the_tagger_is_not_asked(metrics: Metrics) -> None:
    store, tagger = ScriptedStore(), Doubting()
    (turn,) = stating(1)
    async with recorder(store, metrics) as recording:
        gleaning = Gleaner("llm", recording, lambda: tagger).begin(thread_of(turn), NOW)
        assert gleaning
        assert await gleaning.submit(turn)
    assert store.recorded[0].extract
    assert [len(learnt) for _, learnt in store.recorded[0].learn] == [1]
    assert tagger.read == []


async def test_of_a_history_the_model_reads_the_end(metrics: Metrics) -> None:
    store, tagger = ScriptedStore(), Doubting()
    tagger.let_go.set()
    given = stating(CLOSELY + 2)
    async with recorder(store, metrics) as recording:
        gleaning = Gleaner("local", recording, lambda: tagger).begin(thread_of(*given), NOW)
        assert gleaning
        assert await gleaning.submit(given[0])
    assert [len(learnt) for _, learnt in store.recorded[0].learn] == [1, 1] + [0] * CLOSELY


async def test_nothing_is_read_where_nothing_is_to_be_learnt(metrics: Metrics) -> None:
    async with recorder(ScriptedStore(), metrics) as recording:
        assert Gleaner("off", recording, lambda: None).begin(thread_of(*stating(1)), NOW) is None
