"""A few connections to PostgreSQL, each held by a thread, and the transactions that wait for one."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from gateway.errors import StoreError
from gateway.store.postgres_link import Link, Task
from gateway.store.postgres_server import PAUSE, Server, Unreachable

PATIENCE = 5.0
"""Seconds that something which only reads waits for its turn."""


@dataclass(slots=True, eq=False)
class _Item:
    task: Task
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    lane: Hashable
    since: float


class Pool:
    """Runs transactions in threads; of one lane one after the other, in the order they were submitted.

    What writes is done even if its caller was cancelled. Connections are made when they are first needed.
    """

    def __init__(self, server: Server, size: int, name: str) -> None:
        self.healthy = True
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._lanes: dict[Hashable, deque[_Item]] = {}
        """Of lanes that are at work: what comes next."""
        self._change = threading.Condition()
        self._open = 0
        """Transactions that are not done yet."""
        self._closed = False
        self._links = [Link(server) for _ in range(size)]
        self._threads = [
            threading.Thread(target=self._run, args=(link,), name=f"store-{name}-{number}", daemon=True)
            for number, link in enumerate(self._links)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, task: Task, lane: Hashable = None) -> asyncio.Future[Any]:
        """Queue a transaction; the future fails with StoreError where it was not committed."""
        loop = asyncio.get_running_loop()
        item = _Item(task, loop.create_future(), loop, lane, time.monotonic())
        with self._change:
            if self._closed:
                item.future.set_exception(StoreError("it was closed"))
                return item.future
            self._open += 1
            if lane is not None and lane in self._lanes:
                self._lanes[lane].append(item)
                return item.future
            if lane is not None:
                self._lanes[lane] = deque()
        self._queue.put(item)
        return item.future

    def close(self) -> None:
        """Finish what was submitted, and close the connections; blocks."""
        with self._change:
            self._closed = True
            self._change.wait_for(lambda: not self._open)
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, link: Link) -> None:
        while (item := self._queue.get()) is not None:
            if not self._serve(link, item):
                time.sleep(PAUSE)
        link.close()

    def _serve(self, link: Link, item: _Item) -> bool:
        """Run one transaction; False where it was left to the others, since this thread gets no connection."""
        outcome = self._outcome(link, item)
        if isinstance(outcome, Unreachable) and not item.future.cancelled() and any(each.alive for each in self._links):
            self._queue.put(item)
            return False
        self._finish(item, outcome)
        link.settle()
        return True

    def _outcome(self, link: Link, item: _Item) -> object:
        if not item.task.writes:
            if item.future.cancelled():
                return None
            if time.monotonic() - item.since > PATIENCE:
                return StoreError("it did not answer in time")
        try:
            result = link.transact(item.task)
        except StoreError as error:
            self.healthy = self.healthy and not item.task.writes
            return error
        except Exception as error:  # noqa: BLE001  # the caller raises it
            return error
        self.healthy = True
        return result

    def _finish(self, item: _Item, outcome: object) -> None:
        """Hand over the outcome, and begin what comes next in the lane.

        Where the database refused, so does it to what waits behind: nothing overtakes.
        """
        done = [item]
        with self._change:
            if item.lane is not None:
                waiting = self._lanes[item.lane]
                if isinstance(outcome, StoreError):
                    done += waiting
                    waiting.clear()
                if waiting:
                    self._queue.put(waiting.popleft())
                else:
                    del self._lanes[item.lane]
            self._open -= len(done)
            self._change.notify_all()
        for each in done:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits
                each.loop.call_soon_threadsafe(_resolve, each.future, outcome)


def _resolve(future: asyncio.Future[Any], outcome: object) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
