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
"""Turns that are given to the store at once, which commits them together."""
MAX_WAITING = 20_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Turns, and bytes of them, that wait for the store; older ones are let go of first, and counted."""

MAX_TRACES = 1000
"""Traces that are being written; more are let go of."""

_log = logging.getLogger(__name__)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    turn: Turn
    size: int
    outcome: asyncio.Future[bool]
    """Whether it was committed at the first try."""


class Recorder:
    """Records turns in the order they came, so that no request can cancel a write and no write can break a request.

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
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._behind = 0
        self._work = asyncio.Event()
        self._refusing = False
        self._traces = 0
        self._reading = 0
        self._reader = ThreadPoolExecutor(1, "read")
        self._last_try: float | None = None
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Recorder:
        await self._tasks.__aenter__()
        self._tasks.create_task(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        self._last_try = asyncio.get_running_loop().time() + self._last_tries
        self._work.set()
        await self._tasks.__aexit__(None, None, None)
        self._reader.shutdown()
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
        self._waiting.append(item)
        self._waiting_bytes += item.size
        while len(self._waiting) > self._room or self._waiting_bytes > MAX_WAITING_BYTES:
            self._drop(self._waiting.popleft())
        if self._refusing:  # it is known: nobody needs to wait for it
            self._refused(item)
        self._work.set()
        return self._tasks.create_task(_result(item.outcome))

    def read(self, work: Callable[[], Found]) -> Future[Found]:
        """Begin work on the thread that reads messages: one, so that reading leaves the processor to requests."""
        return self._reader.submit(work)

    def submit_read(self, reading: Future[Found], finish: Callable[[Found], Turn]) -> asyncio.Task[bool]:
        """Begin to record a turn that what is being read completes; `reading` does not raise."""
        self._reading += 1
        return self._tasks.create_task(self._read(reading, finish))

    async def _read(self, reading: Future[Found], finish: Callable[[Found], Turn]) -> bool:
        turn = finish(await asyncio.wrap_future(reading))
        self._reading -= 1
        return await self.submit(turn)

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

    async def _run(self) -> None:
        """Write what comes until the end is asked for and nothing waits, or the store refuses for too long."""
        await self._write_until_the_end()
        self._refusing = True  # whoever comes now comes too late

    async def _write_until_the_end(self) -> None:
        while self._waiting or self._reading or self._last_try is None:
            if not self._waiting:
                self._work.clear()
                await self._work.wait()
                continue
            if await self._write():
                self._refusing = False
                continue
            self._refusing = True
            for item in self._waiting:
                self._refused(item)
            if self._last_try is not None and asyncio.get_running_loop().time() > self._last_try:
                return
            await asyncio.sleep(RETRY_EVERY)

    async def _write(self) -> bool:
        """Write the turns that wait longest; whether the store takes any.

        What it refuses goes back to its place; if it takes others, a broken page is the cause, not the file, and the
        refused go behind all others.
        """
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
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
            self._waiting.extend(refused)
        else:
            self._waiting.extendleft(reversed(refused))
        return takes

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
