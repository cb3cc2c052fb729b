"""Turns on their way into the store: committed before the answer ends, or kept until the store can."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from gateway.domain import Trace, Turn
from gateway.errors import StoreError
from gateway.metrics import Metrics
from gateway.store import Store

COMMIT_WAIT = 0.25
"""Seconds that the end of an answer waits for its turn to be durable."""
RETRY_EVERY = 0.5
"""Seconds between two tries while the store refuses."""
LAST_TRIES = 5.0
"""Seconds that a gateway which ends still tries."""
BATCH = 64
"""Turns of an entity that are given to the store at once."""
AGAIN = 8
"""Entities whose refused turns are given to it at once: others need not wait behind what an outage left."""
MAX_WAITING = 20_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Turns, and bytes of them, that wait for the store; older ones are let go of first, and counted."""

MAX_TRACES = 1000
"""Traces that are being written; more are let go of."""

_log = logging.getLogger(__name__)
Found = TypeVar("Found")
Entity = tuple[str, str]
"""With its tenant first."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    turn: Turn
    size: int
    outcome: asyncio.Future[bool]
    """Whether it was committed at the first try."""

    @property
    def entity(self) -> Entity:
        return self.turn.scope.tenant, self.turn.scope.entity


class Recorder:
    """Records what an entity says in the order it came; no request can cancel a write, no write can break a request.

    Used as an async context: leaving it writes what waits, as long as the store can.
    """

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        recorded: Callable[[], None] = lambda: None,
        *,
        room: int = MAX_WAITING,
        last_tries: float = LAST_TRIES,
    ) -> None:
        """`recorded` is called after turns were committed; `room` is for how many turns may wait."""
        self._room = room
        self._last_tries = last_tries
        self._recorded = recorded
        self._store = store
        self._metrics = metrics
        self._waiting: dict[_Waiting, None] = {}
        """What is not done yet, oldest first."""
        self._lanes: dict[Entity, deque[_Waiting]] = {}
        """Of what waits, that which the store is not trying; each is emptied by a task of its own."""
        self._waiting_bytes = 0
        self._behind = 0
        self._again = asyncio.Semaphore(AGAIN)
        self._refusing = False
        self._taken = 0.0
        self._traces = 0
        self._reader = ThreadPoolExecutor(1, "read")
        self._last_try: float | None = None
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Recorder:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._last_try = asyncio.get_running_loop().time() + self._last_tries
        await self._tasks.__aexit__(None, None, None)
        self._reader.shutdown(cancel_futures=True)
        if self._waiting:
            _log.warning("turns lost: the store never took them", extra={"turns": len(self._waiting)})
            self._metrics.turns.labels("dropped").inc(len(self._waiting))

    @property
    def waiting(self) -> int:
        """Turns that the store refused and has not taken since."""
        return self._behind

    def submit(self, turn: Turn) -> asyncio.Task[bool]:
        """Begin to record a turn; the task tells whether it was committed at the first try. It never raises."""
        item = _Waiting(turn, _size(turn), asyncio.get_running_loop().create_future())
        self._waiting[item] = None
        self._waiting_bytes += item.size
        if item.entity not in self._lanes:
            self._lanes[item.entity] = deque()
            self._tasks.create_task(self._write(item.entity))
        self._lanes[item.entity].append(item)
        while len(self._waiting) > self._room or self._waiting_bytes > MAX_WAITING_BYTES:
            if not self._let_go_of_the_oldest():
                break
        if self._refusing:  # it is known: nobody needs to wait for it
            self._refused(item)
        return self._tasks.create_task(_result(item.outcome))

    def read(self, work: Callable[[], Found]) -> Future[Found]:
        """Begin work on the thread that reads messages: one, so that reading leaves the processor to requests."""
        return self._reader.submit(work)

    def submit_read(self, reading: Future[Found], finish: Callable[[Found], Turn]) -> asyncio.Task[bool]:
        """Begin to record a turn that what is being read completes; `reading` does not raise."""
        return self._tasks.create_task(self._read(reading, finish))

    async def _read(self, reading: Future[Found], finish: Callable[[Found], Turn]) -> bool:
        return await self.submit(finish(await asyncio.wrap_future(reading)))

    async def committed(self, recording: asyncio.Task[bool]) -> bool:
        """Wait for a recording, at most COMMIT_WAIT seconds; whether it is durable now."""
        done, _ = await asyncio.wait([recording], timeout=COMMIT_WAIT)
        if not done:
            _log.warning("an answer ended before its turn was durable")
            self._metrics.turns.labels("late").inc()
            return False
        return recording.result()

    def fault(self, what: str) -> None:
        """Log and count the exception at hand, which costs a turn something and its answer nothing."""
        _log.exception(what)
        self._metrics.faults.labels("record").inc()

    def add_usage(self, turn: Turn) -> None:
        """Record the usage that came after the end of an answer; losing it is no harm."""
        self._tasks.create_task(self._usage(turn))

    def keep_trace(self, trace: Trace) -> None:
        """Keep the trace of a request that records no turn; losing it is no harm."""
        if self._traces < MAX_TRACES:
            self._traces += 1
            self._tasks.create_task(self._trace(trace))

    async def _trace(self, trace: Trace) -> None:
        try:
            await self._store.library.keep_trace(trace)
        except StoreError as error:
            _log.info("trace not kept", extra={"reason": str(error)})
        except Exception:  # noqa: BLE001  # recording never breaks the relay
            _log.exception("trace lost: it could not be kept")
            self._metrics.faults.labels("record").inc()
        finally:
            self._traces -= 1

    async def _usage(self, turn: Turn) -> None:
        try:
            await self._store.add_usage(turn)
        except StoreError as error:
            _log.info("usage not recorded", extra={"reason": str(error)})
        except Exception:  # noqa: BLE001  # recording never breaks the relay
            _log.exception("usage lost: it could not be recorded")
            self._metrics.faults.labels("record").inc()

    async def _write(self, entity: Entity) -> None:
        """Write what an entity said until nothing waits, or the store refuses after the last tries' time."""
        lane, taken = self._lanes[entity], not self._refusing
        while lane:
            if taken:
                taken = await self._try(lane)
                continue
            async with self._again:
                if self._last_try is not None and asyncio.get_running_loop().time() > self._last_try:
                    for item in lane:
                        self._refused(item)
                    break
                taken = await self._try(lane)
                if not taken:
                    await asyncio.sleep(RETRY_EVERY)
        del self._lanes[entity]

    async def _try(self, lane: deque[_Waiting]) -> bool:
        """Write the turns that wait longest; whether the store takes any.

        What it refuses goes back to its place; if it takes others, a broken page is the cause, not the file, and the
        refused go behind all others.
        """
        begun = asyncio.get_running_loop().time()
        batch = [lane.popleft() for _ in range(min(BATCH, len(lane)))]
        outcomes = await asyncio.gather(*(self._store.record(item.turn) for item in batch), return_exceptions=True)
        refused: list[_Waiting] = []
        for item, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, StoreError):
                if not self._refusing and not refused:
                    _log.warning("turns wait: the store refuses", extra={"reason": str(outcome)})
                self._refused(item)
                refused.append(item)
            elif outcome is None:
                self._done(item, committed=True)
                self._metrics.turns.labels("recorded").inc()
            else:  # recording never breaks the relay
                _log.error("turn lost: it could not be recorded", exc_info=outcome)
                self._metrics.faults.labels("record").inc()
                self._drop(item)
        takes = len(refused) < len(batch)
        if takes:
            self._recorded()
            self._refusing, self._taken = False, asyncio.get_running_loop().time()
            lane.extend(refused)
        else:
            lane.extendleft(reversed(refused))
            self._see_whether_it_refuses_all(begun)
        return takes

    def _see_whether_it_refuses_all(self, begun: float) -> None:
        """Let all answers go, now and until it takes a turn again, if it took none since it was asked to."""
        if self._refusing or self._taken >= begun:
            return
        self._refusing = True
        for lane in self._lanes.values():
            for item in lane:
                self._refused(item)

    def _let_go_of_the_oldest(self) -> bool:
        """Drop a turn; False where the store is trying all of them."""
        for item in self._waiting:
            lane = self._lanes.get(item.entity)
            if lane and lane[0] is item:
                lane.popleft()
                self._drop(item)
                return True
        return False

    def _refused(self, item: _Waiting) -> None:
        """Let its answer go; it is counted once."""
        if not item.outcome.done():
            item.outcome.set_result(False)
            self._metrics.turns.labels("waiting").inc()
            self._count(+1)

    def _drop(self, item: _Waiting) -> None:
        self._metrics.turns.labels("dropped").inc()
        self._done(item, committed=False)

    def _done(self, item: _Waiting, *, committed: bool) -> None:
        del self._waiting[item]
        self._waiting_bytes -= item.size
        if item.outcome.done():
            self._count(-1)
        else:
            item.outcome.set_result(committed)

    def _count(self, change: int) -> None:
        self._behind += change
        self._metrics.waiting.set(self._behind)


async def _result(outcome: asyncio.Future[bool]) -> bool:
    return await outcome


def _size(turn: Turn) -> int:
    messages = (*turn.messages, turn.reply) if turn.reply else turn.messages
    return sum(len(message.raw) for message in messages)
