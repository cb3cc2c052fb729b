"""A SQLite connection that only reads, in a thread of its own: whole transactions, one after the other."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from gateway.errors import StoreError
from gateway.store.writer import BUSY

Result = TypeVar("Result")


class Reader:
    """Reads beside the requests, whose own readers it never holds up; every work sees one state of the file."""

    def __init__(self, path: Path) -> None:
        """Raises sqlite3.Error where the file cannot be opened."""
        self._thread = ThreadPoolExecutor(1, "store-reader")
        address = path.absolute().as_uri() + "?mode=ro"
        self._connection = sqlite3.connect(
            address, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False
        )
        for setting in ("query_only=ON", "wal_autocheckpoint=0", "trusted_schema=OFF", "cell_size_check=ON"):
            self._connection.execute(f"PRAGMA {setting}")
        self._connection.create_function("folded", 1, str.casefold, deterministic=True)

    async def run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """What `work` returns, in a transaction that is its own; raises StoreError where the file cannot be read."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)
        except RuntimeError as error:  # it was closed
            raise StoreError(str(error)) from error

    def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            self._connection.execute("BEGIN")
            try:
                return work(self._connection)
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StoreError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Finish what was asked for and close; blocks."""
        self._thread.shutdown()
        self._connection.close()


def moment(micros: int) -> datetime:
    """The time that is stored as these microseconds."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


def moment_or_none(micros: int | None) -> datetime | None:
    """The same, of a column that may be empty."""
    return None if micros is None else moment(micros)
