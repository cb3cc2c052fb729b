"""Work in the background: letting go of what was kept long enough."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

from gateway.config import Retention
from gateway.errors import StoreError
from gateway.metrics import Metrics
from gateway.store.library import Library

EVERY = 3600.0
"""Seconds between two looks for what is old."""
FIRST = 30.0
"""Seconds before the first, so that a start is not held up."""

_log = logging.getLogger(__name__)


class Upkeep:
    """Purges traces and turns past their days, every hour. Used as an async context, which ends the work."""

    def __init__(
        self, library: Library, retention: Retention, metrics: Metrics, *, first: float = FIRST, every: float = EVERY
    ) -> None:
        self._library, self._retention, self._metrics = library, retention, metrics
        self._first, self._every = first, every
        self._tasks = asyncio.TaskGroup()
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Upkeep:
        await self._tasks.__aenter__()
        if self._retention.requests or self._retention.turns:
            self._running = self._tasks.create_task(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._running:
            self._running.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def _run(self) -> None:
        await asyncio.sleep(self._first)
        while True:
            now = datetime.now(UTC)
            try:
                gone = await self._library.purge(
                    _before(now, self._retention.requests), _before(now, self._retention.turns)
                )
                if gone:
                    _log.info("let go of what was kept long enough", extra={"rows": gone})
            except StoreError as error:
                _log.warning("nothing purged: the store refused", extra={"reason": str(error)})
            except Exception:  # noqa: BLE001  # the worker's loop goes on
                _log.exception("purging failed")
                self._metrics.faults.labels("worker").inc()
            await asyncio.sleep(self._every)


def _before(now: datetime, days: float | None) -> datetime | None:
    if days is None:
        return None
    try:
        return now - timedelta(days=days)
    except OverflowError:  # further back than there are dates
        return None
