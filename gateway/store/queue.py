"""The SQL of what waits for a language model; each function is the whole of one transaction, or of its part in one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from gateway.domain import NOBODY, Scope, Turn
from gateway.store.database import Connection
from gateway.store.jobs import Job, Parked
from gateway.store.learning import micros

PATIENCE = 12
"""Times `idle` that a conversation which is never quiet waits."""
DAY = 86_400_000_000
"""Microseconds."""

_WAITS = "(j.upto > j.cursor OR j.again > 0)"
_HELD = (
    "SELECT 1 FROM jobs AS j JOIN entities AS e USING (tenant, entity)"
    " WHERE tenant = ? AND entity = ? AND process = ? AND j.fence = ? AND j.lease > 0 AND e.epoch = ?"
)
RIPE = f"{_WAITS} AND j.due <= ?1 AND j.lease <= ?1 AND (j.touched <= ?2 OR j.since <= ?3)"
FIRST_OF_ITS_ENTITY = (
    "NOT EXISTS (SELECT 1 FROM jobs AS o WHERE o.tenant = j.tenant AND o.entity = j.entity AND o.process <> j.process"
    " AND (o.lease > ?1 OR (o.since < j.since AND o.due <= ?1 AND (o.upto > o.cursor OR o.again > 0)"
    " AND (o.touched <= ?2 OR o.since <= ?3))))"
)
_NEXT = f"SELECT tenant, entity, process FROM jobs AS j INDEXED BY jobs_waiting WHERE {RIPE}"
_CLAIM = (
    "UPDATE jobs SET fence = fence + 1, lease = ? WHERE tenant = ? AND entity = ? AND process = ?"
    " RETURNING cursor, upto, again, attempts, fence, model, closed"
)
_OF = "tenant = ? AND entity = ? AND process = ?"


def enqueue(connection: Connection, turn: Turn, before: int, upto: int, now: int) -> None:
    """Say that the turn's messages are to be read; `before` is the entity's sequence number before them."""
    connection.execute(
        "INSERT INTO jobs AS j (tenant, entity, process, cursor, upto, model, closed, since, touched)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, entity, process) DO UPDATE SET"
        " cursor = CASE WHEN j.upto > j.cursor THEN j.cursor ELSE excluded.cursor END,"
        f" since = CASE WHEN {_WAITS} THEN j.since ELSE excluded.since END,"
        " upto = excluded.upto, model = excluded.model, closed = excluded.closed, touched = excluded.touched",
        (
            *(turn.scope.tenant, turn.scope.entity, turn.scope.process),
            *(before, upto, turn.requested or turn.model, turn.closed, now, now),
        ),
    )


def recover(connection: Connection) -> None:
    """Give up all claims."""
    connection.execute("UPDATE jobs SET lease = 0 WHERE lease > 0")


def claim(connection: Connection, now: datetime, idle: float, lease: float, only: Sequence[Scope] | None) -> Job | None:
    """Take the job that was quiet longest."""
    at, row = times(now, idle), None
    if only is None:
        row = connection.execute(f"{_NEXT} AND {FIRST_OF_ITS_ENTITY} ORDER BY j.touched LIMIT 1", at).fetchone()
    for scope in only or ():
        row = (
            row
            or connection.execute(
                f"SELECT tenant, entity, process FROM jobs AS j WHERE tenant = ?4 AND entity = ?5 AND process = ?6"
                f" AND {RIPE} AND {FIRST_OF_ITS_ENTITY}",
                (*at, scope.tenant, scope.entity, scope.process),
            ).fetchone()
        )
    if row is None:
        return None
    (found,) = connection.execute(_CLAIM, (at[0] + round(lease * 1e6), *row)).fetchall()
    cursor, upto, again, attempts, fence, model, closed = found
    if again:
        cursor, upto = connection.execute(
            f"SELECT cursor, upto FROM parked WHERE {_OF} AND again ORDER BY upto LIMIT 1", row
        ).fetchone()
        attempts = 0
    epoch = connection.execute("SELECT epoch FROM entities WHERE tenant = ? AND entity = ?", row[:2]).fetchone()[0]
    return Job(Scope(*row), cursor, upto, bool(again), attempts, fence, epoch, model, bool(closed))


def times(now: datetime, idle: float) -> tuple[int, int, int]:
    """Now, since when a conversation is quiet, and since when it has waited too long for that."""
    return micros(now), micros(now) - round(idle * 1e6), micros(now) - round(idle * PATIENCE * 1e6)


def held(connection: Connection, job: Job) -> bool:
    """Nobody else claimed the job, and its entity was not erased."""
    return connection.execute(_HELD, (*_keys(job.scope), job.fence, job.epoch)).fetchone() is not None


def renew(connection: Connection, job: Job, until: datetime) -> bool:
    """Have the claim hold until then."""
    if not held(connection, job):
        return False
    connection.execute(f"UPDATE jobs SET lease = ? WHERE {_OF}", (micros(until), *_keys(job.scope)))
    return True


def spend(connection: Connection, job: Job, now: datetime, entity: int, tenant: int) -> bool:
    """Count a call of the entity and of its tenant, and forget the days before."""
    today = micros(now) // DAY
    owners = ((job.scope.tenant, job.scope.entity, entity), (job.scope.tenant, NOBODY, tenant))
    for owner, name, most in owners:
        row = connection.execute(
            "SELECT calls FROM calls WHERE tenant = ? AND entity = ? AND day = ?", (owner, name, today)
        ).fetchone()
        if (row[0] if row else 0) >= most:
            return False
    for owner, name, _ in owners:
        connection.execute("DELETE FROM calls WHERE tenant = ? AND entity = ? AND day < ?", (owner, name, today))
        connection.execute(
            "INSERT INTO calls AS c (tenant, entity, day, calls) VALUES (?, ?, ?, 1)"
            " ON CONFLICT (tenant, entity, day) DO UPDATE SET calls = c.calls + 1",
            (owner, name, today),
        )
    return True


def release(connection: Connection, job: Job, due: datetime) -> bool:
    """Give the claim back."""
    if not held(connection, job):
        return False
    connection.execute(f"UPDATE jobs SET lease = 0, due = ? WHERE {_OF}", (micros(due), *_keys(job.scope)))
    return True


def fail(
    connection: Connection, job: Job, upto: int, error: str, due: datetime, attempts: int
) -> Literal["again", "parked"]:
    """Count an attempt; park the batch after the last one, whose parked batches are not tried by themselves."""
    if not held(connection, job):
        return "again"
    keys = _keys(job.scope)
    if job.attempts + 1 < attempts and not job.again:
        connection.execute(
            f"UPDATE jobs SET lease = 0, due = ?, attempts = attempts + 1, error = ? WHERE {_OF}",
            (micros(due), error, *keys),
        )
        return "again"
    now = micros(datetime.now(UTC))
    if job.again:
        connection.execute(
            "UPDATE parked SET again = FALSE, error = ?, attempts = attempts + 1, parked_at = ?"
            f" WHERE {_OF} AND upto = ?",
            (error, now, *keys, job.upto),
        )
    else:
        connection.execute(
            "INSERT INTO parked (tenant, entity, process, cursor, upto, error, attempts, parked_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*keys, job.cursor, upto, error, job.attempts + 1, now),
        )
    move(connection, job, job.upto if job.again else upto, parked=True)
    return "parked"


def move(connection: Connection, job: Job, upto: int, *, parked: bool = False) -> None:
    """Go on behind `upto`, and give the claim back; `parked`: the batch was not read."""
    keys = _keys(job.scope)
    if not job.again:
        connection.execute(
            f"UPDATE jobs SET lease = 0, due = 0, attempts = 0, error = NULL, cursor = ?, since = touched WHERE {_OF}",
            (upto, *keys),
        )
        return
    done = parked or upto >= job.upto
    connection.execute(f"UPDATE jobs SET lease = 0, due = 0, again = again - ? WHERE {_OF}", (int(done), *keys))
    if not parked and done:
        connection.execute(f"DELETE FROM parked WHERE {_OF} AND upto = ?", (*keys, job.upto))
    elif not parked:
        connection.execute(f"UPDATE parked SET cursor = ? WHERE {_OF} AND upto = ?", (upto, *keys, job.upto))


def requeue(connection: Connection, parked: Parked) -> bool:
    """Mark a parked batch, and wake its job."""
    keys = _keys(parked.scope)
    marked = connection.execute(
        f"UPDATE parked SET again = TRUE WHERE {_OF} AND upto = ? AND NOT again", (*keys, parked.upto)
    ).rowcount
    if marked:
        connection.execute(
            f"UPDATE jobs SET again = again + 1, due = 0, since = CASE WHEN upto > cursor OR again > 0 THEN since"
            f" ELSE touched END WHERE {_OF}",
            keys,
        )
    return bool(marked)


def listed(row: Sequence[Any]) -> Parked:
    """A row of the table, its time in microseconds."""
    *keys, cursor, upto, again, error, attempts, at = row
    moment = datetime.fromtimestamp(at / 1e6, UTC)
    return Parked(Scope(*keys), cursor, upto, error, attempts, moment, bool(again))


def _keys(scope: Scope) -> tuple[str, str, str]:
    return scope.tenant, scope.entity, scope.process
