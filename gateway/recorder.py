"""Turns on their way into the store: committed before the answer ends, or kept until the store can."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from gateway.domain import Turn
from gateway.errors import StoreError
from gateway.metrics import Metrics
from gateway.store import Store

COMMIT_WAIT = 0.25
"""Seconds that the end of an answer waits for its turn to be durable."""
RETRY_EVERY = 0.5
"""Seconds between two tries while the store refuses."""
MAX_WAITING = 20_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Turns, and bytes of them, that are held while the store refuses; older ones are let go of first, and counted."""

_log = logging.getLogger(__name__)


class Recorder:
    """Records turns so that no request can cancel a write and no write can break a request.

    Used as an async context: leaving it writes what waits, as long as the store can.
    """

    def __init__(self, store: Store, metrics: Metrics, recorded: Callable[[], None] = lambda: None) -> None:
        """`recorded` is called after each turn that was committed."""
        self._recorded = recorded
        self._store = store
        self._metrics = metrics
        self._waiting: deque[Turn] = deque()
        self._waiting_bytes = 0
        self._tasks = asyncio.TaskGroup()
        self._retry: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Recorder:
        await self._tasks.__aenter__()
        self._retry = self._tasks.create_task(self._write_waiting())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._retry is not None
        self._retry.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._flush()
        if self._waiting:
            _log.warning("turns lost: the store never took them", extra={"turns": len(self._waiting)})
            self._metrics.turns.labels("dropped").inc(len(self._waiting))

    @property
    def waiting(self) -> int:
        """Turns that the store refused so far."""
        return len(self._waiting)

    def submit(self, turn: Turn) -> asyncio.Task[bool]:
        """Begin to record a turn; the task tells whether it was committed at once. It never raises."""
        return self._tasks.create_task(self._record(turn))

    async def committed(self, recording: asyncio.Task[bool]) -> bool:
        """Wait for a recording, at most COMMIT_WAIT seconds; whether it is durable now."""
        done, _ = await asyncio.wait([recording], timeout=COMMIT_WAIT)
        if not done:
            self._metrics.turns.labels("late").inc()
            return False
        return recording.result()

    def add_usage(self, turn: Turn) -> None:
        """Record the usage that came after the end of an answer; losing it is no harm."""
        self._tasks.create_task(self._usage(turn))

    async def _record(self, turn: Turn) -> bool:
        try:
            await self._store.record(turn)
        except StoreError as error:
            _log.warning("turn not recorded yet: the store refused", extra={"reason": str(error)})
            self._keep(turn)
            return False
        except Exception:  # recording never breaks the relay
            _log.exception("turn lost: it could not be recorded")
            self._metrics.faults.labels("record").inc()
            self._metrics.turns.labels("dropped").inc()
            return False
        self._metrics.turns.labels("recorded").inc()
        self._recorded()
        return True

    async def _usage(self, turn: Turn) -> None:
        try:
            await self._store.add_usage(turn)
        except StoreError as error:
            _log.info("usage not recorded", extra={"reason": str(error)})

    def _keep(self, turn: Turn) -> None:
        self._waiting.append(turn)
        self._waiting_bytes += _size(turn)
        while len(self._waiting) > MAX_WAITING or self._waiting_bytes > MAX_WAITING_BYTES:
            self._waiting_bytes -= _size(self._waiting.popleft())
            self._metrics.turns.labels("dropped").inc()
        self._metrics.turns.labels("waiting").inc()
        self._metrics.waiting.set(len(self._waiting))

    async def _write_waiting(self) -> None:
        while True:
            await asyncio.sleep(RETRY_EVERY)
            await self._flush()

    async def _flush(self) -> None:
        """Write what waits, in order, until the store refuses."""
        while self._waiting:
            turn = self._waiting[0]
            try:
                await self._store.record(turn)
            except StoreError:
                return
            except Exception:  # recording never breaks the relay
                _log.exception("turn lost: it could not be recorded")
                self._metrics.faults.labels("record").inc()
                self._metrics.turns.labels("dropped").inc()
            else:
                self._metrics.turns.labels("recorded").inc()
            if self._waiting and self._waiting[0] is turn:
                self._waiting.popleft()
                self._waiting_bytes -= _size(turn)
            self._metrics.waiting.set(len(self._waiting))


def _size(turn: Turn) -> int:
    messages = (*turn.messages, turn.reply) if turn.reply else turn.messages
    return sum(len(message.raw) for message in messages)
