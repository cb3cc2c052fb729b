"""The SQL by which replicas claim jobs without getting into each other's way; each function is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.domain import Scope
from gateway.store import queue
from gateway.store.database import Connection
from gateway.store.jobs import Job

_OWNED = "UPDATE jobs SET holder = ? WHERE tenant = ? AND entity = ? AND process = ?"
_RECOVER = "UPDATE jobs SET lease = 0 WHERE lease > 0 AND holder = ?"
_LOCK = (
    "SELECT j.tenant, j.entity, j.process FROM jobs AS j JOIN entities AS e USING (tenant, entity)"
    f" WHERE {queue.RIPE} AND {queue.FIRST_OF_ITS_ENTITY}"
)
_NAMED = " AND (j.tenant, j.entity, j.process) IN (SELECT * FROM unnest(?4::TEXT[], ?5::TEXT[], ?6::TEXT[]))"


def recover(connection: Connection, replica: str) -> None:
    """Give up the claims of this replica."""
    connection.execute(_RECOVER, (replica,))


def claim(
    connection: Connection, now: datetime, idle: float, lease: float, only: Sequence[Scope] | None, replica: str
) -> Job | None:
    """Take the job that was quiet longest, of the entities that no other replica is looking at.

    What was chosen is looked at again once its entity is locked: another replica may have been here in between.
    """
    named, values = "", tuple[list[str], ...]()
    if only is not None:
        named = _NAMED
        values = (
            [scope.tenant for scope in only],
            [scope.entity for scope in only],
            [scope.process for scope in only],
        )
    rows = connection.execute(
        f"{_LOCK}{named} ORDER BY j.touched LIMIT 1 FOR UPDATE OF e SKIP LOCKED",
        (*queue.times(now, idle), *values),
    ).fetchall()
    if not rows:
        return None
    job = queue.claim(connection, now, idle, lease, [Scope(*rows[0])])
    if job:
        connection.execute(_OWNED, (replica, *rows[0]))
    return job
