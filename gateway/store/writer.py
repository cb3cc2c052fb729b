"""The only connection that writes to a SQLite file: whole transactions, in one thread, committed in groups."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import StoreError
from gateway.store.database import Wipes

MAX_GROUP = 64
"""Transactions that share one commit."""
BUSY = 0.1
"""Seconds to wait for another process's lock."""

EMPTYING_TRIES = 10
"""Times that readers, for BUSY seconds each, may be in the way before the log is left for later."""

MAX_REWRITTEN = 1024 * 1024 * 1024
"""Bytes of a file that is written anew after an erasure, which keeps other writes waiting: about 10 s for as many."""

_OF_THE_ITEM = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError, sqlite3.NotSupportedError)

_log = logging.getLogger(__name__)

Work = Callable[[sqlite3.Connection], object]


@dataclass(slots=True)
class _Item:
    work: Work
    future: asyncio.Future[object]
    loop: asyncio.AbstractEventLoop
    wipes: Wipes = ""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that may write; commits survive a power loss (`synchronous=FULL`)."""
    connection = sqlite3.connect(path, timeout=BUSY, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA cell_size_check=ON")
    connection.create_function("folded", 1, str.casefold, deterministic=True)
    return connection


class Writer:
    """Runs work in the order of its submission; work whose caller was cancelled is done all the same."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.healthy = True
        self._path = path
        self._file = _identity(path)
        self._connection = connection
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._closed = False
        self._owes_emptying = False
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work, *, wipes: Wipes = "") -> asyncio.Future[object]:
        """Queue a transaction; the future fails with StoreError where it was not committed.

        `wipes`: no byte of what it removed is left there when the future is done; "file" is both, file and log.
        """
        loop = asyncio.get_running_loop()
        item = _Item(work, loop.create_future(), loop, wipes)
        with self._closing:
            if self._closed:
                item.future.set_exception(StoreError("it was closed"))
            else:
                self._queue.put(item)
        return item.future

    def close(self) -> None:
        """Finish the queue and close the connection; blocks."""
        with self._closing:
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        self._finish_wiping()
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
        """Commit the group at once; where the file refuses, each item alone, so that a bad page harms no other's."""
        try:
            outcomes = self._transaction(group)
            self.healthy = True
            if self._owes_emptying or any(item.wipes for item in group):
                self._owes_emptying = not self._wipe({item.wipes for item in group})
        except sqlite3.Error as error:
            if len(group) > 1 and _may_be_one(error):
                for item in group:
                    self._commit([item])
                return
            self.healthy = False
            self._forget_pages()
            outcomes = [(item, StoreError(f"{type(error).__name__}: {error}")) for item in group]
        for loop in {item.loop for item in group}:
            own = [(item, outcome) for item, outcome in outcomes if item.loop is loop]
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits
                loop.call_soon_threadsafe(_resolve, own)

    def _wipe(self, wipes: set[Wipes]) -> bool:
        """Write the file anew, and cut the log of changes to nothing; False if that is still to be done.

        `secure_delete` overwrites what is deleted, but not the copies that stay in a page when a part of it moves.
        """
        try:
            if "file" in wipes:
                if self._path.stat().st_size > MAX_REWRITTEN:
                    _log.warning("erased data may be left in unused bytes of the file, which is large: VACUUM it")
                else:
                    self._connection.execute("VACUUM")
            for _ in range(EMPTYING_TRIES if wipes - {""} else 1):
                busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if not busy:
                    if "file" in wipes and self._path.stat().st_size <= MAX_REWRITTEN:
                        self._connection.execute("UPDATE erased SET wiped = 1 WHERE NOT wiped")
                    return True
        except (sqlite3.Error, OSError) as error:
            _log.warning("erased data may be left in unused bytes of the file", extra={"reason": str(error)})
        return False

    def _finish_wiping(self) -> None:
        """Do what an earlier process was stopped in the middle of."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection.execute("SELECT 1 FROM erased WHERE NOT wiped LIMIT 1").fetchone():
                self._owes_emptying = not self._wipe({"file"})

    def _forget_pages(self) -> None:
        """Read the file anew: what was cached of it may be what was broken."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA shrink_memory")

    def _transaction(self, group: list[_Item]) -> list[tuple[_Item, object]]:
        """Each item's outcome, all committed; each has a savepoint, so that one that fails harms no other."""
        if _identity(self._path) != self._file:  # SQLite would go on writing to a file without a name
            raise sqlite3.OperationalError("the file was removed or replaced")
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            outcomes = [(item, self._attempt(item.work)) for item in group]
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return outcomes

    def _attempt(self, work: Work) -> object:
        """The work's result, or the error that only it met; errors of the whole file are raised."""
        self._connection.execute("SAVEPOINT item")
        try:
            result = work(self._connection)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not isinstance(error, _OF_THE_ITEM):
                raise
            self._connection.execute("ROLLBACK TO item")
            result = error  # the caller raises it
        self._connection.execute("RELEASE item")
        return result


def _may_be_one(error: sqlite3.Error) -> bool:
    """Whether the error may have met only a part of the file."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF != sqlite3.SQLITE_BUSY


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode; None where there is no such file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _resolve(outcomes: list[tuple[_Item, object]]) -> None:
    for item, outcome in outcomes:
        if item.future.done():
            continue
        if isinstance(outcome, Exception):
            item.future.set_exception(outcome)
        else:
            item.future.set_result(outcome)
