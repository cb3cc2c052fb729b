"""The store on one SQLite file: one writing thread, readers that cannot write."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import aiosqlite
import orjson

from gateway.domain import NOBODY, Block, Changes, Memory, Said, Scope, Session, StoredMessage, Triple, Turn
from gateway.errors import ConfigError, StoreError
from gateway.store import Answered, Attempt, Place, Unencoded, encoding, fences, learning, recording, schema
from gateway.store.jobs import Jobs
from gateway.store.reading import Reader
from gateway.store.sqlite_jobs import SqliteJobs
from gateway.store.sqlite_library import SqliteLibrary
from gateway.store.writer import BUSY, Writer

_MESSAGE = "key, chain, parent, digest, role, raw, tool, learnt"
_MEMORY = (
    "id, sequence, key, process, session, learnt_process, learnt_session, kind, text, status, standing, last_seen,"
    " valid_from, valid_to, expires_at"
)
_HEADS = (
    "SELECT coalesce((SELECT epoch FROM entities WHERE tenant = ? AND entity = ?),"
    " (SELECT epoch FROM erased WHERE owner = ?), 0),"
    " coalesce((SELECT sequence FROM entities WHERE tenant = ? AND entity = ?), 0),"
    " coalesce((SELECT sequence FROM entities WHERE tenant = ? AND entity = ?), 0)"
)
_EDGES = (
    "SELECT m.id, t.subject, t.predicate, t.object FROM memories AS m JOIN triples AS t"
    " ON t.tenant = m.tenant AND t.entity = m.entity AND t.memory = m.id"
    " WHERE m.tenant = ? AND m.entity = ? AND m.sequence > ? AND m.sequence <= ? ORDER BY m.sequence, t.place"
)

LATEST = 2**63 - 1
RECENT = 16
"""Messages at the end of a history that are looked for first."""


class SqliteStore:
    """`Store` on a SQLite file. It holds the file's lock until it is closed."""

    def __init__(self, lock: Any, writer: Writer, readers: Sequence[aiosqlite.Connection], library: Reader) -> None:
        self._lock = lock
        self._writer = writer
        self._lookups, self._loads = readers
        self._beside = library
        self.library = SqliteLibrary(writer, library)
        self.jobs: Jobs = SqliteJobs(writer, lambda sql, values: self._read(self._loads, sql, values))

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
            library = Reader(path)
            stack.pop_all()
        return cls(lock, writer, readers, library)

    @property
    def healthy(self) -> bool:
        return self._writer.healthy

    async def close(self) -> None:
        for reader in (self._lookups, self._loads):
            await reader.close()
        await asyncio.to_thread(self._beside.close)
        await asyncio.to_thread(self._writer.close)
        self._lock.close()

    async def session(self, scope: Scope) -> Session | None:
        rows = await self._read(
            self._lookups,
            "SELECT session, head, replay_from, sends_history FROM sessions"
            " WHERE tenant = ? AND entity = ? AND process = ? AND session = ?",
            (scope.tenant, scope.entity, scope.process, scope.session),
        )
        return next((Session(row[0], row[1], row[2], bool(row[3])) for row in rows), None)

    async def attempt(self, scope: Scope, request: bytes, since: datetime) -> Attempt | None:
        rows = await self._read(
            self._lookups,
            "SELECT turn, session, anchor, state FROM turns"
            " WHERE tenant = ? AND entity = ? AND process = ? AND request = ? AND recorded_at > ?"
            " ORDER BY recorded_at DESC LIMIT 1",
            (scope.tenant, scope.entity, scope.process, request, learning.micros(since)),
        )
        return next((Attempt(row[0], row[1], row[2], row[3] == "complete") for row in rows), None)

    async def find(self, scope: Scope, chains: Sequence[bytes]) -> list[Place]:
        session = scope.session
        if session is None:
            session = await self._session_of(scope, chains[-RECENT:])
            if session is None and len(chains) > RECENT:
                session = await self._session_of(scope, chains[:-RECENT])
            if session is None:
                return []
        rows = await self._read(
            self._lookups,
            f"SELECT {_MESSAGE} FROM messages WHERE tenant = ? AND entity = ? AND process = ? AND session = ?"
            f" AND chain IN ({_marks(chains)})",
            (scope.tenant, scope.entity, scope.process, session, *chains),
        )
        order = {chain: place for place, chain in enumerate(chains)}
        found = sorted((_message(row) for row in rows), key=lambda message: order[message.chain])
        return [Place(session, message) for message in found]

    async def _session_of(self, scope: Scope, chains: Sequence[bytes]) -> str | None:
        """The newest session that holds the last of `chains` that any session of the process holds."""
        rows = await self._read(
            self._lookups,
            "SELECT session, chain, recorded_at FROM messages INDEXED BY messages_by_chain"
            f" WHERE tenant = ? AND entity = ? AND process = ? AND chain IN ({_marks(chains)})",
            (scope.tenant, scope.entity, scope.process, *chains),
        )
        order = {chain: place for place, chain in enumerate(chains)}
        newest = max(rows, key=lambda row: (order[row[1]], row[2]), default=None)
        return newest[0] if newest else None

    async def find_link(self, scope: Scope, links: Sequence[bytes]) -> Place | None:
        within, session = ("", ()) if scope.session is None else (" AND session = ?", (scope.session,))
        rows = await self._read(
            self._lookups,
            f"SELECT session, link, recorded_at, {_MESSAGE} FROM messages INDEXED BY messages_by_link"
            f" WHERE tenant = ? AND entity = ? AND process = ?{within} AND link IN ({_marks(links)})",
            (scope.tenant, scope.entity, scope.process, *session, *links),
        )
        order = {link: place for place, link in enumerate(links)}
        newest = max(rows, key=lambda row: (order[row[1]], row[2]), default=None)
        return Place(newest[0], _message(newest[3:])) if newest else None

    async def answered(self, scope: Scope, upstream_id: str) -> Answered | None:
        within, session = ("", ()) if scope.session is None else (" AND session = ?", (scope.session,))
        rows = await self._read(
            self._lookups,
            "SELECT session, coalesce(reply, (SELECT chain FROM messages AS m WHERE m.tenant = t.tenant"
            " AND m.entity = t.entity AND m.process = t.process AND m.session = t.session AND m.turn = t.turn"
            " ORDER BY key DESC LIMIT 1), anchor) FROM turns AS t"
            f" WHERE tenant = ? AND entity = ? AND process = ? AND upstream_id = ?{within}"
            " ORDER BY recorded_at DESC LIMIT 1",
            (scope.tenant, scope.entity, scope.process, upstream_id, *session),
        )
        return next((Answered(*row) for row in rows), None)

    async def path(self, scope: Scope, chain: bytes, until: bytes, limit: int) -> list[StoredMessage]:
        keys = (scope.tenant, scope.entity, scope.process, scope.session)
        rows = await self._read(
            self._loads,
            f"WITH RECURSIVE thread({_MESSAGE}, depth) AS ("
            f" SELECT {_MESSAGE}, 1 FROM messages"
            "  WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND chain = ?"
            f" UNION ALL SELECT {', '.join('m.' + name for name in _MESSAGE.split(', '))}, depth + 1"
            "  FROM thread JOIN messages AS m ON m.tenant = ? AND m.entity = ? AND m.process = ? AND m.session = ?"
            "  AND m.chain = thread.parent WHERE thread.chain <> ? AND depth < ?)"
            f" SELECT {_MESSAGE} FROM thread ORDER BY depth DESC",
            (*keys, chain, *keys, until, limit),
        )
        return [_message(row) for row in rows]

    async def blocks(self, scope: Scope, chains: Sequence[bytes] | None = None) -> list[Block]:
        these = "" if chains is None else f" AND chain IN ({_marks(chains)})"
        rows = await self._read(
            self._lookups,
            "SELECT chain, text, memories FROM blocks"
            f" WHERE tenant = ? AND entity = ? AND process = ? AND session = ?{these} ORDER BY created_at",
            (scope.tenant, scope.entity, scope.process, scope.session, *(chains or ())),
        )
        return [Block(row[0], row[1], tuple(orjson.loads(row[2]))) for row in rows]

    async def changes(self, scope: Scope, after: int, embedder: str | None) -> Changes:
        keys = (scope.tenant, scope.entity)
        owner = fences.owner_of(scope.tenant, scope.entity)
        heads = await self._read(self._loads, _HEADS, (*keys, owner, *keys, scope.tenant, NOBODY))
        epoch, sequence, knowledge = heads[0]
        if sequence <= after:
            return Changes(epoch, sequence, knowledge, (), (), ())
        messages = await self._read(
            self._loads,
            "SELECT key, process, session, text, said_at FROM messages"
            " WHERE tenant = ? AND entity = ? AND key > ? AND key <= ? AND role = 'user' AND learnt ORDER BY key",
            (*keys, after, sequence),
        )
        memories = await self._read(
            self._loads,
            f"SELECT {_MEMORY}, (SELECT group_concat(message) FROM mentions AS n WHERE n.tenant = m.tenant"
            " AND n.entity = m.entity AND n.memory = m.id AND NOT n.former) FROM memories AS m"
            " WHERE tenant = ? AND entity = ? AND sequence > ? AND sequence <= ? ORDER BY sequence",
            (*keys, after, sequence),
        )
        edges = await self._read(self._loads, _EDGES, (*keys, after, sequence))
        triples: dict[str, list[Triple]] = {}
        for row in edges:
            triples.setdefault(row[0], []).append(Triple(*row[1:]))
        vectors = (
            await self._read(self._loads, encoding.CHANGED, (*keys, after, sequence, embedder)) if embedder else []
        )
        said = tuple(Said(row[0], row[1], row[2], row[3], _moment(row[4])) for row in messages)
        known = tuple(_memory(row, triples.get(row[0], ())) for row in memories)
        return Changes(epoch, sequence, knowledge, said, known, tuple(vectors))

    async def keep_block(
        self, scope: Scope, block: Block, replay_from: bytes | None, began: datetime | None = None
    ) -> Block:
        kept = await self._writer.submit(
            lambda connection: recording.keep_block(connection, scope, block, replay_from, began)
        )
        return cast("Block", kept)

    async def record(self, turn: Turn) -> None:
        await self._writer.submit(lambda connection: recording.record(connection, turn))

    async def add_usage(self, turn: Turn) -> None:
        await self._writer.submit(lambda connection: recording.add_usage(connection, turn))

    async def unencoded(self, limit: int) -> list[Unencoded]:
        rows = await self._read(self._loads, encoding.UNENCODED, (limit,))
        return [Unencoded(Scope(*row[:4]), row[4], row[5]) for row in rows]

    async def waiting(self, since: datetime | None = None) -> int:
        return await self._count(encoding.WAITING, learning.micros(since) if since else LATEST)

    async def encoded_by_others(self, embedder: str) -> int:
        return await self._count(encoding.OTHERS, embedder, embedder)

    async def keep_encodings(self, embedder: str, encodings: Sequence[tuple[Unencoded, Sequence[bytes]]]) -> None:
        await self._writer.submit(lambda connection: encoding.keep(connection, embedder, encodings))

    async def forget_encodings(self, embedder: str) -> int:
        forgotten, done = 0, False
        while not done:
            some = await self._writer.submit(lambda connection: encoding.forget(connection, embedder))
            again, done = cast("tuple[int, bool]", some)
            forgotten += again
        return forgotten

    async def _count(self, sql: str, *values: object) -> int:
        return cast("int", (await self._read(self._lookups, sql, values))[0][0])

    async def _read(self, reader: aiosqlite.Connection, sql: str, values: Sequence[object]) -> list[Any]:
        try:
            return cast("list[Any]", await reader.execute_fetchall(sql, values))
        except (sqlite3.Error, ValueError) as error:  # ValueError: the connection was closed
            with suppress(sqlite3.Error, ValueError):  # what was cached of the file may be what was broken
                await reader.execute_fetchall("PRAGMA shrink_memory")
            raise StoreError(f"{type(error).__name__}: {error}") from error


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


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _message(row: Sequence[Any]) -> StoredMessage:
    key, chain, parent, digest, role, raw, tool, learnt = row
    return StoredMessage(key, chain, parent, digest, role, raw, bool(tool), bool(learnt))


def _memory(row: tuple[Any, ...], triples: Sequence[Triple]) -> Memory:
    *plain, standing, said_at, valid_from, valid_to, expires_at, sources = row
    return Memory(
        *plain[:10],  # type: ignore[misc]  # ten
        standing=bool(standing),
        said_at=_moment(said_at),
        valid_from=_moment(valid_from),
        valid_to=_moment(valid_to) if valid_to is not None else None,
        expires_at=_moment(expires_at) if expires_at is not None else None,
        sources=tuple(map(int, sources.split(","))) if sources else (),
        triples=tuple(triples),
    )


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)
