"""The store on one SQLite file: one writing thread, readers that cannot write."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, cast

import aiosqlite

from gateway.errors import ConfigError, StoreError
from gateway.store import schema
from gateway.store.database import Asked, Result, Wipes, Work
from gateway.store.reading import Reader
from gateway.store.sql_jobs import SqlJobs
from gateway.store.sql_store import SqlStore
from gateway.store.writer import BUSY, Writer


class SqliteDatabase:
    """`Database` on a SQLite file. Everything is done in the order it was asked for, since one thread writes."""

    def __init__(self, lock: Any, writer: Writer, readers: Sequence[aiosqlite.Connection], beside: Reader) -> None:
        self._lock, self.writer, self._beside = lock, writer, beside
        self.lookups, self.loads = readers

    @property
    def healthy(self) -> bool:
        return self.writer.healthy

    async def ask(self, question: Callable[[], Asked[Result]], tenant: str | None, *, heavy: bool = False) -> Result:
        asked, rows = question(), None
        try:
            while True:
                sql, values = asked.send(rows)  # type: ignore[arg-type]  # nothing comes before the first statement
                rows = await self._read(self.loads if heavy else self.lookups, *_written_out(sql, values))
        except StopIteration as answer:
            return cast("Result", answer.value)

    async def read(self, work: Work[Result], tenant: str | None) -> Result:
        return await self._beside.run(work)

    async def write(self, work: Work[Result], tenant: str | None, *entities: str, wipes: Wipes = "") -> Result:
        return cast("Result", await self.writer.submit(work, wipes=wipes))

    async def close(self) -> None:
        for reader in (self.lookups, self.loads):
            await reader.close()
        await asyncio.to_thread(self._beside.close)
        await asyncio.to_thread(self.writer.close)
        self._lock.close()

    async def _read(self, reader: aiosqlite.Connection, sql: str, values: Sequence[object]) -> list[Any]:
        try:
            return cast("list[Any]", await reader.execute_fetchall(sql, values))
        except (sqlite3.Error, ValueError) as error:  # ValueError: the connection was closed
            with suppress(sqlite3.Error, ValueError):  # what was cached of the file may be what was broken
                await reader.execute_fetchall("PRAGMA shrink_memory")
            raise StoreError(f"{type(error).__name__}: {error}") from error


class SqliteStore(SqlStore):
    """`Store` on a SQLite file. It holds the file's lock until it is closed."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database, SqlJobs(database))
        self._writer = database.writer
        self._lookups, self._loads = database.lookups, database.loads

    @classmethod
    async def open(cls, path: Path) -> SqliteStore:
        """Open the file, made and migrated as needed; raises ConfigError where that cannot be done."""
        async with AsyncExitStack() as stack:
            lock = stack.enter_context(await asyncio.to_thread(schema.lock, path))
            writer = Writer(await asyncio.to_thread(schema.open_file, path), path)
            stack.push_async_callback(asyncio.to_thread, writer.close)
            readers = []
            for _ in range(2):
                readers.append(await _reader(path))
                stack.push_async_callback(readers[-1].close)
            beside = Reader(path)
            stack.pop_all()
        return cls(SqliteDatabase(lock, writer, readers, beside))


async def _reader(path: Path) -> aiosqlite.Connection:
    """A connection that cannot write and never checkpoints."""
    address = path.absolute().as_uri() + "?mode=ro"
    try:
        reader = await aiosqlite.connect(address, uri=True, timeout=BUSY, isolation_level=None)
        for setting in ("query_only=ON", "wal_autocheckpoint=0", "trusted_schema=OFF", "cell_size_check=ON"):
            await reader.execute_fetchall(f"PRAGMA {setting}")
    except sqlite3.Error as error:
        raise ConfigError(f"store {path}: {error}") from error
    return reader


def _written_out(sql: str, values: Sequence[Any]) -> tuple[str, list[object]]:
    """The statement with a question mark for each value of a list."""
    plain: list[object] = []
    for value in values:
        if isinstance(value, list):
            sql = sql.replace("(?*)", f"({', '.join('?' * len(value))})", 1)
            plain += value
        else:
            plain.append(value)
    return sql, plain
