"""Turns wait for a store that refuses, in order and within bounds, and nobody waits for them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import cast

import pytest
from prometheus_client import generate_latest

from gateway import recorder as module
from gateway.domain import Scope, Turn
from gateway.errors import StoreError
from gateway.metrics import Metrics
from gateway.recorder import COMMIT_WAIT, MAX_WAITING_BYTES, Recorder
from gateway.store import Store
from tests.turns import Conversation
from tests.waiting import holds

pytestmark = pytest.mark.anyio

Answer = BaseException | float | None
"""To one write: an error to raise, seconds to take, or nothing."""


class ScriptedStore:
    """A store that only records turns; each write is answered by the script, whose last answer is kept."""

    def __init__(self, *script: Answer, by_turn: Callable[[Turn], Answer] = lambda turn: None) -> None:
        self.script = list(script)
        self.by_turn = by_turn
        self.recorded: list[Turn] = []
        self.tries = 0
        self.turn = asyncio.Lock()

    async def record(self, turn: Turn) -> None:
        self.tries += 1
        async with self.turn:
            await self._record(turn)

    async def _record(self, turn: Turn) -> None:
        answer = self.by_turn(turn)
        if answer is None and self.script:
            answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, BaseException):
            raise answer
        if answer:
            await asyncio.sleep(answer)
        if turn not in self.recorded:
            self.recorded.append(turn)

    async def add_usage(self, turn: Turn) -> None:
        await self.record(turn)

    @property
    def texts(self) -> list[str]:
        return [turn.messages[0].text for turn in self.recorded]


REFUSED = StoreError("OperationalError: database is locked")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def recorder(store: ScriptedStore, metrics: Metrics) -> Recorder:
    return Recorder(cast("Store", store), metrics)


def counted(metrics: Metrics, outcome: str) -> float:
    value = metrics.registry.get_sample_value("memory_gateway_turns_total", {"outcome": outcome})
    return value or 0.0


def turns(count: int, session: str = "s1") -> list[Turn]:
    talk = Conversation(Scope("acme", "alice", "support", session))
    return [talk.turn(f"{session} {number}") for number in range(count)]


def texts(given: Iterable[Turn]) -> list[str]:
    return [turn.messages[0].text for turn in given]


async def test_a_turn_is_committed_before_its_answer_ends(metrics: Metrics) -> None:
    store = ScriptedStore()
    async with recorder(store, metrics) as recording:
        (turn,) = turns(1)
        assert await recording.committed(recording.submit(turn))
        assert store.recorded == [turn]
    assert counted(metrics, "recorded") == 1


async def test_turns_are_recorded_in_the_order_they_came(metrics: Metrics) -> None:
    store = ScriptedStore(0.002, 0.0)
    given = turns(500)
    async with recorder(store, metrics) as recording:
        for turn in given:
            recording.submit(turn)
    assert store.recorded == given


async def test_what_the_store_refused_is_recorded_in_order_when_it_takes_it(metrics: Metrics) -> None:
    store = ScriptedStore(REFUSED)
    given = turns(200)
    async with recorder(store, metrics) as recording:
        for turn in given[:150]:
            recording.submit(turn)
        await holds(lambda: recording.waiting == 150)
        store.script = []
        for turn in given[150:]:
            recording.submit(turn)
        await holds(lambda: not recording.waiting)
        assert store.recorded == given
    assert counted(metrics, "recorded") == 200


async def test_turns_in_hand_are_not_behind(metrics: Metrics) -> None:
    store = ScriptedStore(0.02)
    async with recorder(store, metrics) as recording:
        for turn in turns(3):
            recording.submit(turn)
            await asyncio.sleep(0.01)
            assert recording.waiting == 0
    assert len(store.recorded) == 3


@pytest.mark.requirement("R-97")
async def test_nobody_waits_for_a_store_that_is_known_to_refuse(metrics: Metrics) -> None:
    store = ScriptedStore(REFUSED)
    async with recorder(store, metrics) as recording:
        first, *others = [recording.submit(turn) for turn in turns(20)]
        assert not await recording.committed(first)
        assert [other.done() for other in others] == [True] * 19
        assert [await recording.committed(other) for other in others] == [False] * 19
        assert counted(metrics, "waiting") == 20
        assert counted(metrics, "late") == 0
        store.script = []
    assert len(store.recorded) == 20


async def test_a_store_that_refuses_is_tried_at_a_bounded_rate(metrics: Metrics) -> None:
    store = ScriptedStore(REFUSED)
    async with recorder(store, metrics) as recording:
        begun = time.monotonic()
        for turn in turns(100):
            recording.submit(turn)
            await asyncio.sleep(0.002)
        rounds = 1 + (time.monotonic() - begun) / module.RETRY_EVERY
        assert store.tries <= (1 + rounds) * (module.BATCH + 1)
        store.script = []


@pytest.mark.requirement("R-97")
async def test_an_answer_waits_no_longer_than_the_bound(metrics: Metrics) -> None:
    store = ScriptedStore(COMMIT_WAIT * 3, 0.0)
    async with recorder(store, metrics) as recording:
        (turn,) = turns(1)
        begun = time.monotonic()
        assert not await recording.committed(recording.submit(turn))
        assert time.monotonic() - begun >= COMMIT_WAIT
        assert counted(metrics, "late") == 1
    assert store.recorded == [turn]
    assert counted(metrics, "recorded") == 1


@pytest.mark.requirement("R-97", "R-107")
@pytest.mark.parametrize("ends", [False, True])
async def test_long_messages_are_read_beside_the_requests_and_hold_up_no_answer(metrics: Metrics, ends: bool) -> None:
    store, leave = ScriptedStore(), threading.Event()
    (turn,) = turns(1)

    def finish(read: bool) -> Turn:
        return replace(turn, extract=read)

    async with recorder(store, metrics) as recording:
        saved = recording.submit_read(recording.read(lambda: leave.wait(30)), finish)
        begun = time.monotonic()
        assert not await recording.committed(saved)
        assert time.monotonic() - begun >= COMMIT_WAIT
        assert store.recorded == []
        asyncio.get_running_loop().call_later(0.1 if ends else 0, leave.set)
        if not ends:
            assert await saved
    assert store.recorded == [finish(True)]
    assert await saved


async def test_cancelling_the_request_loses_no_turn(metrics: Metrics) -> None:
    store = ScriptedStore(0.05)
    (turn,) = turns(1)
    async with recorder(store, metrics) as recording, asyncio.TaskGroup() as group:
        request = group.create_task(recording.committed(recording.submit(turn)))
        await asyncio.sleep(0.01)
        request.cancel()
    assert store.recorded == [turn]


@pytest.mark.requirement("R-101")
async def test_too_many_waiting_turns_lose_the_oldest_and_are_counted(metrics: Metrics) -> None:
    store = ScriptedStore(REFUSED)
    given = turns(130)
    async with Recorder(cast("Store", store), metrics, room=100) as recording:
        recordings = [recording.submit(turn) for turn in given]
        assert not any([await recording.committed(one) for one in recordings])
        assert recording.waiting == 100
        store.script = []
    assert texts(store.recorded) == texts(given[30:])
    assert counted(metrics, "dropped") == 30
    assert counted(metrics, "recorded") == 100


async def test_waiting_turns_are_bounded_by_their_bytes(metrics: Metrics) -> None:
    store = ScriptedStore(REFUSED)
    talk = Conversation(Scope("acme", "alice", "support", "s1"))
    big = talk.turn("x" * (MAX_WAITING_BYTES // 4))
    async with recorder(store, metrics) as recording:
        for number in range(10):
            recording.submit(replace(big, id=str(number)))
        await holds(lambda: recording.waiting == 3)
        assert counted(metrics, "dropped") == 7
        store.script = []
    assert [turn.id for turn in store.recorded] == ["7", "8", "9"]


async def test_a_turn_that_cannot_be_recorded_is_dropped_and_the_others_are_not(metrics: Metrics) -> None:
    given = turns(9)
    store = ScriptedStore(by_turn=lambda turn: ValueError("no") if turn is given[4] else None)
    async with recorder(store, metrics) as recording:
        outcomes = [await recording.committed(one) for one in [recording.submit(turn) for turn in given]]
    assert outcomes == [turn is not given[4] for turn in given]
    assert store.recorded == [turn for turn in given if turn is not given[4]]
    assert counted(metrics, "dropped") == 1
    assert b'memory_gateway_faults_total{where="record"} 1.0' in generate_latest(metrics.registry)


@pytest.mark.parametrize("broken", [1, 3, 60])
async def test_turns_that_a_broken_page_refuses_do_not_keep_others_out(metrics: Metrics, broken: int) -> None:
    bad, good = turns(broken, "bad"), turns(100, "good")
    store = ScriptedStore(by_turn=lambda turn: REFUSED if turn.scope.session == "bad" else None)
    async with recorder(store, metrics) as recording:
        for turn in (*bad, *good):
            recording.submit(turn)
        await holds(lambda: store.recorded == good and recording.waiting == broken)
        store.by_turn = lambda turn: None
    assert len(store.recorded) == broken + 100


async def test_what_the_store_never_takes_is_counted_at_the_end(metrics: Metrics) -> None:
    async with Recorder(cast("Store", ScriptedStore(REFUSED)), metrics, last_tries=0.1) as recording:
        for turn in turns(7):
            recording.submit(turn)
    assert counted(metrics, "dropped") == 7


async def test_a_turn_that_comes_while_the_recorder_ends_is_recorded_too(metrics: Metrics) -> None:
    store = ScriptedStore(1.0)
    first, late = turns(2)

    async def come_late(recording: Recorder) -> None:
        await asyncio.sleep(0.02)
        assert await recording.submit(late)

    async with asyncio.TaskGroup() as group, recorder(store, metrics) as recording:
        recording.add_usage(first)  # the end waits for it
        group.create_task(come_late(recording))
    assert store.recorded == [first, late]
    assert counted(metrics, "dropped") == 0


async def test_what_an_outage_left_is_tried_at_a_bounded_rate(metrics: Metrics) -> None:
    store = ScriptedStore(REFUSED)
    given = [replace(turn, scope=replace(turn.scope, entity=f"e{n}")) for n, turn in enumerate(turns(300))]
    async with recorder(store, metrics) as recording:
        assert not await recording.submit(given[0])
        assert not any([await recording.submit(turn) for turn in given[1:]])
        begun = time.monotonic()
        await asyncio.sleep(module.RETRY_EVERY / 2)
        rounds = 2 + (time.monotonic() - begun) / module.RETRY_EVERY
        assert store.tries <= rounds * module.AGAIN
        store.script = []
    assert len(store.recorded) == 300


async def test_usage_that_cannot_be_recorded_does_no_harm(metrics: Metrics) -> None:
    store = ScriptedStore(REFUSED, OverflowError("too large"), None)
    given = turns(3)
    async with recorder(store, metrics) as recording:
        recording.add_usage(given[0])
        await asyncio.sleep(0.01)
        recording.add_usage(given[1])
        await asyncio.sleep(0.01)
        assert await recording.committed(recording.submit(given[2]))
