"""`Jobs` on a SQLite file: what changes goes through its only writer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, cast

import orjson

from gateway.domain import Scope, Triple
from gateway.store import findings as finding
from gateway.store import queue
from gateway.store.jobs import Batch, Findings, Heard, Job, Known, Parked
from gateway.store.learning import micros
from gateway.store.writer import Writer

Read = Callable[[str, Sequence[object]], Awaitable[list[Any]]]

ANSWERS = 4
"""Messages read with each of the user's: answers, calls and results between two of them."""

_MESSAGES = (
    "SELECT key, role, session, substr(text, 1, ?), said_at, chain, parent FROM messages INDEXED BY messages_by_key"
    " WHERE tenant = ? AND entity = ? AND key > ? AND key <= ? AND process = ? AND learnt"
    " AND role IN ('user', 'assistant') ORDER BY key LIMIT ?"
)
_MEMORIES = (
    "SELECT id, kind, text, last_seen, (SELECT json_group_array(json_array(subject, predicate, object))"
    " FROM triples AS t WHERE t.tenant = m.tenant AND t.entity = m.entity AND t.memory = m.id)"
    " FROM memories AS m WHERE tenant = ? AND entity = ? AND status = 'active' AND closed = ? AND process = ''"
    " AND session = '' AND (expires_at IS NULL OR expires_at > ?) ORDER BY sequence DESC LIMIT ?"
)

_PARKED = "tenant, entity, process, cursor, upto, again, error, attempts, parked_at"


class SqliteJobs:
    """`Jobs` beside a `SqliteStore`, which gives it its writer and a reader."""

    def __init__(self, writer: Writer, read: Read) -> None:
        self._writer, self._read = writer, read

    async def recover(self) -> None:
        """All of them: the file's lock says that nobody else is at work."""
        await self._writer.submit(queue.recover)

    async def claim(self, now: datetime, idle: float, lease: float, only: Sequence[Scope] | None = None) -> Job | None:
        if only is not None and not only:
            return None
        found = await self._writer.submit(lambda connection: queue.claim(connection, now, idle, lease, only))
        return cast("Job | None", found)

    async def batch(self, job: Job, said: int, characters: int) -> Batch:
        keys = (job.scope.tenant, job.scope.entity)
        limit = said * (ANSWERS + 1)
        rows = await self._read(_MESSAGES, (characters, *keys, job.cursor, job.upto, job.scope.process, limit))
        messages = [
            replace(message, stated=await self._stated(job, message.key)) if message.role == "user" else message
            for message in _cut(rows, said, characters)
        ]
        upto = max((message.key for message in messages if message.role == "user"), default=0)
        if not upto:
            upto = rows[-1][0] if len(rows) == limit else job.upto
        sessions = dict.fromkeys(message.session for message in messages)
        summaries = [
            (session, row[0])
            for session in sessions
            for row in await self._read(
                "SELECT summary FROM sessions WHERE tenant = ? AND entity = ? AND process = ? AND session = ?"
                " AND summary IS NOT NULL",
                (*keys, job.scope.process, session),
            )
        ]
        return Batch(tuple(messages), upto, tuple(summaries))

    async def _stated(self, job: Job, message: int) -> frozenset[bytes]:
        rows = await self._read(finding.STATED, (job.scope.tenant, job.scope.entity, message))
        return frozenset(row[0] for row in rows)

    async def memories(self, job: Job, limit: int) -> list[Known]:
        closed = job.scope.process if job.closed else ""
        values = (job.scope.tenant, job.scope.entity, closed, micros(datetime.now(UTC)), limit)
        return [_known(row) for row in await self._read(_MEMORIES, values)]

    async def spend(self, job: Job, now: datetime, entity: int, tenant: int) -> bool:
        return bool(await self._writer.submit(lambda connection: queue.spend(connection, job, now, entity, tenant)))

    async def release(self, job: Job, due: datetime) -> bool:
        return bool(await self._writer.submit(lambda connection: queue.release(connection, job, due)))

    async def fail(self, job: Job, upto: int, error: str, due: datetime, attempts: int) -> Literal["again", "parked"]:
        found = await self._writer.submit(lambda connection: queue.fail(connection, job, upto, error, due, attempts))
        return cast('Literal["again", "parked"]', found)

    async def finish(self, job: Job, upto: int, findings: Findings) -> bool:
        return bool(await self._writer.submit(lambda connection: finding.apply(connection, job, upto, findings)))

    async def parked_in(self, tenant: str, limit: int) -> list[Parked]:
        rows = await self._read(
            f"SELECT {_PARKED} FROM parked WHERE tenant = ? AND NOT again ORDER BY parked_at DESC LIMIT ?",
            (tenant, limit),
        )
        return [queue.listed(row) for row in rows]

    async def parked(self, scope: Scope) -> list[Parked]:
        rows = await self._read(
            f"SELECT {_PARKED} FROM parked WHERE tenant = ? AND entity = ? AND process = ? ORDER BY upto",
            (scope.tenant, scope.entity, scope.process),
        )
        return [queue.listed(row) for row in rows]

    async def requeue(self, parked: Parked) -> bool:
        return bool(await self._writer.submit(lambda connection: queue.requeue(connection, parked)))

    async def counts(self) -> tuple[int, int]:
        rows = await self._read(
            "SELECT (SELECT count(*) FROM jobs WHERE upto > cursor OR again > 0), (SELECT count(*) FROM parked)", ()
        )
        return rows[0][0], rows[0][1]


def _cut(rows: Sequence[Any], said: int, characters: int) -> list[Heard]:
    """The messages in the order of the conversation, up to the last one of the user that is within the limits.

    An answer has a lower key than the message that it answers, since that one got a new key when it was learnt from.
    """
    asked = {(row[2], row[5]): row[0] for row in rows if row[1] == "user"}
    order = sorted(
        rows, key=lambda row: (asked.get((row[2], row[6]), row[0]) if row[1] != "user" else row[0], row[1] != "user")
    )
    kept: list[Heard] = []
    users = size = 0
    for key, role, session, text, said_at, _, _ in order:
        size += len(text)
        users += role == "user"
        if role == "user" and users > 1 and (users > said or size > characters):
            break
        kept.append(Heard(key, role, session, text, datetime.fromtimestamp(said_at / 1e6, UTC)))
    return kept


def _known(row: Sequence[Any]) -> Known:
    name, kind, text, said_at, triples = row
    edges = tuple(Triple(*edge) for edge in orjson.loads(triples))
    return Known(name, kind, text, datetime.fromtimestamp(said_at / 1e6, UTC), edges)
