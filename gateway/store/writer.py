"""The only connection that writes to a SQLite file: whole transactions, in one thread, committed in groups."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import StoreError

MAX_GROUP = 64
"""Transactions that share one commit."""
BUSY = 0.1
"""Seconds to wait for another process's lock."""

Work = Callable[[sqlite3.Connection], object]


@dataclass(slots=True)
class _Item:
    work: Work
    future: asyncio.Future[object]
    loop: asyncio.AbstractEventLoop


def connect(path: Path) -> sqlite3.Connection:
    """A connection that may write; commits survive a power loss (`synchronous=FULL`)."""
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    return connection


class Writer:
    """Runs work in the order of its submission; work whose caller was cancelled is done all the same."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.healthy = True
        self._connection = connection
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> asyncio.Future[object]:
        """Queue a transaction; the future fails with StoreError where it was not committed."""
        loop = asyncio.get_running_loop()
        item = _Item(work, loop.create_future(), loop)
        self._queue.put(item)
        return item.future

    def close(self) -> None:
        """Finish the queue and close the connection; blocks."""
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            group = [item]
            closing = False
            while len(group) < MAX_GROUP:
                try:
                    following = self._queue.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    closing = True
                    break
                group.append(following)
            self._commit(group)
            if closing:
                return

    def _commit(self, group: list[_Item]) -> None:
        """One transaction for the group; each item has a savepoint, so that one that fails harms no other."""
        outcomes: list[tuple[_Item, object]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for item in group:
                outcomes.append((item, self._attempt(item.work)))
            self._connection.execute("COMMIT")
            self.healthy = True
        except sqlite3.Error as error:
            self.healthy = False
            failure = StoreError(f"{type(error).__name__}: {error}")
            outcomes = [(item, failure) for item in group]
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        for loop in {item.loop for item in group}:
            own = [(item, outcome) for item, outcome in outcomes if item.loop is loop]
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, own)

    def _attempt(self, work: Work) -> object:
        """The work's result, or the error that only it met; errors of the whole file are raised."""
        self._connection.execute("SAVEPOINT item")
        try:
            result = work(self._connection)
        except (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, ValueError, TypeError) as error:
            self._connection.execute("ROLLBACK TO item")
            result = error
        self._connection.execute("RELEASE item")
        return result


def _resolve(outcomes: list[tuple[_Item, object]]) -> None:
    for item, outcome in outcomes:
        if item.future.done():
            continue
        if isinstance(outcome, Exception):
            item.future.set_exception(outcome)
        else:
            item.future.set_result(outcome)
