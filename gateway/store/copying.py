"""Moving a whole store to another database, table by table, in the order of keys.

What is there of a table is at any time the beginning of it, so that a broken off move goes on behind the last row.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from gateway.errors import ConfigError
from gateway.store import schema
from gateway.store.database import Connection, Database

AT_ONCE = 500
"""Rows that are read together."""
MEGABYTE = 1024 * 1024
"""Bytes of the values that one transaction writes, about: it has to end within seconds."""

Row = tuple[Any, ...]
Vector = Callable[[bytes], str | None]
"""A packed encoding as PostgreSQL keeps it beside the packed one; None where it is not ours."""
Advance = Callable[[int], None]
"""Is told how many rows are done."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that both databases have."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]

    def key_of(self, row: Row) -> Row:
        """The row's primary key."""
        return tuple(row[self.columns.index(column)] for column in self.key)


@dataclass(frozen=True, slots=True)
class Count:
    """What a table came to."""

    rows: int
    checksum: str


def tables() -> list[Table]:
    """All tables with the columns that SQLite's have: PostgreSQL's have some more, which are made of these."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.migrate(connection)
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        return [_table(connection, name) for (name,) in names]


async def plan(source: Database, target: Database) -> list[tuple[Table, int, int]]:
    """Each table with its rows, and how many of them are in the target already.

    Raises ConfigError where the target holds anything that is not the beginning of the source.
    """
    found = []
    for table in tables():
        rows, there = await source.read(partial(_count, table=table), None), 0
        last = await target.read(partial(_last, table=table), None)
        if last is not None:
            there = await target.read(partial(_count, table=table), None)
            before = await source.read(partial(_count, table=table, upto=last), None)
            if there != before or not await source.read(partial(_has, table=table, key=last), None):
                raise ConfigError(f"the target holds other data (its table {table.name})")
        found.append((table, rows, there))
    return found


async def copy(source: Database, target: Database, table: Table, vector: Vector | None, advance: Advance) -> None:
    """Copy the rows that the target does not have yet; `vector` is given where the target is PostgreSQL."""
    last = await target.read(partial(_last, table=table), None)
    flags = await target.read(partial(_flags, table=table), None) if vector else frozenset()
    async for rows in _batches(source, table, last):
        for tenant, own in groupby(rows, lambda row: row[0] if table.columns[0] == "tenant" else ""):
            for part in _parts([_converted(table, row, flags) for row in own]):
                await target.write(partial(_insert, table=table, rows=part, vector=vector), tenant)
                advance(len(part))


async def counted(database: Database, table: Table, advance: Advance) -> Count:
    """The table's rows and a checksum over all that is in them, which is the same in both databases."""
    total, checksum = 0, hashlib.sha256()
    async for rows in _batches(database, table, None):
        for row in rows:
            checksum.update(repr(_converted(table, row, frozenset())).encode())
        total += len(rows)
        advance(len(rows))
    return Count(total, checksum.hexdigest())


def _table(connection: sqlite3.Connection, name: str) -> Table:
    columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
    key = sorted((place, column) for _, column, *_, place in columns if place)
    return Table(name, tuple(row[1] for row in columns), tuple(column for _, column in key))


async def _batches(database: Database, table: Table, last: Row | None) -> AsyncIterator[Sequence[Row]]:
    """The rows behind this key, in the order of keys."""
    while rows := await database.read(partial(_some, table=table, last=last), None):
        yield rows
        last = table.key_of(rows[-1])


def _some(connection: Connection, table: Table, last: Row | None) -> list[Row]:
    key, places = ", ".join(table.key), ", ".join("?" * len(table.key))
    behind = f" WHERE ({key}) > ({places})" if last else ""
    sql = f"SELECT {', '.join(table.columns)} FROM {table.name}{behind} ORDER BY {key} LIMIT {AT_ONCE}"
    return connection.execute(sql, last or ()).fetchall()


def _last(connection: Connection, table: Table) -> Row | None:
    """The last key."""
    order = ", ".join(f"{column} DESC" for column in table.key)
    found = connection.execute(f"SELECT {', '.join(table.key)} FROM {table.name} ORDER BY {order} LIMIT 1").fetchall()
    return tuple(found[0]) if found else None


def _count(connection: Connection, table: Table, upto: Row | None = None) -> int:
    where = f" WHERE ({', '.join(table.key)}) <= ({', '.join('?' * len(table.key))})" if upto else ""
    count: int = connection.execute(f"SELECT count(*) FROM {table.name}{where}", upto or ()).fetchall()[0][0]
    return count


def _has(connection: Connection, table: Table, key: Row) -> bool:
    where = " AND ".join(f"{column} = ?" for column in table.key)
    return bool(connection.execute(f"SELECT 1 FROM {table.name} WHERE {where}", key).fetchall())


def _flags(connection: Connection, table: Table) -> frozenset[str]:
    """The columns that PostgreSQL keeps as true or false, SQLite as 1 or 0."""
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = CAST(CAST(? AS TEXT) AS REGCLASS)"
        " AND atttypid = CAST('boolean' AS REGTYPE)",
        (table.name,),
    ).fetchall()
    return frozenset(name for (name,) in rows)


def _converted(table: Table, row: Row, flags: frozenset[str]) -> Row:
    """The row with true or false in these columns, 1 or 0 in all others, and without NUL, which PostgreSQL refuses."""
    return tuple(_plain(value, column in flags) for column, value in zip(table.columns, row, strict=True))


def _plain(value: Any, flag: bool) -> Any:
    if flag:
        return bool(value)
    if isinstance(value, bool):
        return int(value)
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows in lots that can be written in one transaction."""
    part, size = list[Row](), 0
    for row in rows:
        size += sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
        part.append(row)
        if size > MEGABYTE:
            yield part
            part, size = [], 0
    if part:
        yield part


def _insert(connection: Connection, table: Table, rows: Sequence[Row], vector: Vector | None) -> None:
    columns, places = list(table.columns), ["?"] * len(table.columns)
    if vector and table.name == "encodings":
        columns.append("embedding")
        places.append("?::TEXT::halfvec")
        rows = [(*row, vector(row[table.columns.index("packed")])) for row in rows]
    connection.executemany(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join(places)})", rows)
