"""What waits for a language model: `Jobs` on any database that follows our SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

import orjson

from gateway.domain import NOBODY, Scope, Triple
from gateway.store import findings as finding
from gateway.store import queue
from gateway.store.database import Asked, Database, Result, Work
from gateway.store.jobs import Batch, Findings, Heard, Job, Known, Parked
from gateway.store.learning import micros
from gateway.store.reading import moment

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

_SUMMARY = (
    "SELECT summary FROM sessions WHERE tenant = ? AND entity = ? AND process = ? AND session = ?"
    " AND summary IS NOT NULL"
)
_COUNTS = "SELECT (SELECT count(*) FROM jobs WHERE upto > cursor OR again > 0), (SELECT count(*) FROM parked)"
_PARKED = "tenant, entity, process, cursor, upto, again, error, attempts, parked_at"


class SqlJobs:
    """`Jobs` on a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recover(self) -> None:
        """All of them: a SQLite file's lock says that nobody else is at work."""
        await self._database.write(queue.recover, None)

    async def claim(self, now: datetime, idle: float, lease: float, only: Sequence[Scope] | None = None) -> Job | None:
        if only is not None and not only:
            return None
        work = partial(queue.claim, now=now, idle=idle, lease=lease, only=only)
        return await self._database.write(work, None)

    async def renew(self, job: Job, until: datetime) -> bool:
        return await self._write(partial(queue.renew, job=job, until=until), job.scope)

    async def batch(self, job: Job, said: int, characters: int) -> Batch:
        return await self._ask(partial(_batch, job, said, characters), job.scope)

    async def memories(self, job: Job, limit: int) -> list[Known]:
        return await self._ask(partial(_known, job, limit), job.scope)

    async def spend(self, job: Job, now: datetime, entity: int, tenant: int) -> bool:
        work = partial(queue.spend, job=job, now=now, entity=entity, tenant=tenant)
        return await self._database.write(work, job.scope.tenant, job.scope.entity, NOBODY)

    async def release(self, job: Job, due: datetime) -> bool:
        return await self._write(partial(queue.release, job=job, due=due), job.scope)

    async def fail(self, job: Job, upto: int, error: str, due: datetime, attempts: int) -> Literal["again", "parked"]:
        work = partial(queue.fail, job=job, upto=upto, error=error, due=due, attempts=attempts)
        return await self._write(work, job.scope)

    async def finish(self, job: Job, upto: int, findings: Findings) -> bool:
        work = partial(finding.apply, job=job, upto=upto, findings=findings)
        return await self._database.write(work, job.scope.tenant, job.scope.entity, NOBODY)

    async def parked_in(self, tenant: str, limit: int) -> list[Parked]:
        sql = f"SELECT {_PARKED} FROM parked WHERE tenant = ? AND NOT again ORDER BY parked_at DESC LIMIT ?"
        return await self._database.ask(partial(_listed, sql, (tenant, limit)), tenant)

    async def parked(self, scope: Scope) -> list[Parked]:
        sql = f"SELECT {_PARKED} FROM parked WHERE tenant = ? AND entity = ? AND process = ? ORDER BY upto"
        return await self._ask(partial(_listed, sql, (scope.tenant, scope.entity, scope.process)), scope)

    async def requeue(self, parked: Parked) -> bool:
        return await self._write(partial(queue.requeue, parked=parked), parked.scope)

    async def counts(self) -> tuple[int, int]:
        return await self._database.ask(_counts, None)

    async def _ask(self, question: Callable[[], Asked[Result]], scope: Scope) -> Result:
        return await self._database.ask(question, scope.tenant, heavy=True)

    async def _write(self, work: Work[Result], scope: Scope) -> Result:
        return await self._database.write(work, scope.tenant, scope.entity)


def _batch(job: Job, said: int, characters: int) -> Asked[Batch]:
    keys = (job.scope.tenant, job.scope.entity)
    limit = said * (ANSWERS + 1)
    rows = yield _MESSAGES, (characters, *keys, job.cursor, job.upto, job.scope.process, limit)
    messages: list[Heard] = []
    for message in _cut(rows, said, characters):
        forms = (yield finding.STATED, (*keys, message.key)) if message.role == "user" else []
        messages.append(replace(message, stated=frozenset(form for (form,) in forms)))
    upto = max((message.key for message in messages if message.role == "user"), default=0)
    if not upto:
        upto = rows[-1][0] if len(rows) == limit else job.upto
    summaries: list[tuple[str, str]] = []
    for session in dict.fromkeys(message.session for message in messages):
        for (summary,) in (yield _SUMMARY, (*keys, job.scope.process, session)):
            summaries.append((session, summary))
    return Batch(tuple(messages), upto, tuple(summaries))


def _known(job: Job, limit: int) -> Asked[list[Known]]:
    closed = job.scope.process if job.closed else ""
    rows = yield _MEMORIES, (job.scope.tenant, job.scope.entity, closed, micros(datetime.now(UTC)), limit)
    return [
        Known(name, kind, text, moment(said_at), tuple(Triple(*edge) for edge in orjson.loads(triples)))
        for name, kind, text, said_at, triples in rows
    ]


def _listed(sql: str, values: Sequence[object]) -> Asked[list[Parked]]:
    rows = yield sql, values
    return [queue.listed(row) for row in rows]


def _counts() -> Asked[tuple[int, int]]:
    rows = yield _COUNTS, ()
    waiting, parked = rows[0]
    return waiting, parked


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
        kept.append(Heard(key, role, session, text, moment(said_at)))
    return kept
