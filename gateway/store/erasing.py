"""The SQL that erases entities and sessions, and lets go of what is old; each function is one whole transaction."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from gateway.domain import Scope
from gateway.store.database import Connection
from gateway.store.editing import delete
from gateway.store.fences import owner_of
from gateway.store.learning import micros
from gateway.store.library import Wanted
from gateway.store.recording import enter

_TABLES = (
    "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'"
    " AND c.name IN ('tenant', 'entity') GROUP BY m.name HAVING count(*) = 2 ORDER BY m.name"
)
_ERASED = (
    "INSERT INTO erased (owner, epoch, sequence, erased_at) VALUES (?, ?, ?, ?) ON CONFLICT (owner) DO UPDATE"
    " SET epoch = excluded.epoch, sequence = excluded.sequence, erased_at = excluded.erased_at, wiped = FALSE"
)
_OF_SESSION = "tenant = ? AND entity = ? AND process = ? AND session = ?"
_UNSTATED = (
    "SELECT id FROM memories AS m WHERE tenant = ? AND entity = ? AND key = 0 AND status <> 'deleted' AND NOT EXISTS"
    " (SELECT 1 FROM mentions AS n WHERE n.tenant = m.tenant AND n.entity = m.entity AND n.memory = m.id)"
)
_OLD = "SELECT DISTINCT tenant, entity FROM turns WHERE recorded_at < ?"


def erase(connection: Connection, tenant: str, entity: str) -> dict[str, int]:
    """Delete every row of an entity in every table there is; what stays is a number that tells nothing of it."""
    now, owner = micros(datetime.now(UTC)), owner_of(tenant, entity)
    row = (
        connection.execute(
            "SELECT epoch, sequence FROM entities WHERE tenant = ? AND entity = ?", (tenant, entity)
        ).fetchone()
        or connection.execute("SELECT epoch, sequence FROM erased WHERE owner = ?", (owner,)).fetchone()
    )
    epoch, sequence = row or (0, 0)
    tables = [name for (name,) in connection.execute(_TABLES).fetchall()]
    counts = {
        table: connection.execute(f"DELETE FROM {table} WHERE tenant = ? AND entity = ?", (tenant, entity)).rowcount
        for table in tables
    }
    connection.execute(_ERASED, (owner, epoch + 1, sequence + 1, now))
    return counts


def delete_session(connection: Connection, scope: Scope) -> bool:
    """Delete a conversation; memories that only messages of it stated are found by their own text from now on."""
    assert scope.session is not None
    keys = (scope.tenant, scope.entity, scope.process, scope.session)
    if not connection.execute(f"DELETE FROM sessions WHERE {_OF_SESSION}", keys).rowcount:
        return False
    gone = connection.execute(
        "SELECT id FROM memories WHERE tenant = ? AND entity = ? AND session = ? AND process IN ('', ?)",
        (scope.tenant, scope.entity, scope.session, scope.process),
    )
    ids = tuple(row[0] for row in gone.fetchall())
    if ids:
        delete(connection, scope.tenant, scope.entity, Wanted(ids=ids))
    connection.execute(f"DELETE FROM turns WHERE {_OF_SESSION}", keys)
    connection.execute(f"DELETE FROM blocks WHERE {_OF_SESSION}", keys)
    connection.execute(f"DELETE FROM requests WHERE {_OF_SESSION}", keys)
    messages = connection.execute(f"DELETE FROM messages WHERE {_OF_SESSION} RETURNING key", keys).fetchall()
    _part(connection, scope.tenant, scope.entity, [key for (key,) in messages])
    return True


def purge_traces(connection: Connection, before: int, limit: int) -> int:
    """Delete the oldest traces from before this time."""
    return connection.execute(
        "DELETE FROM requests WHERE (tenant, entity, started_at, request) IN"
        " (SELECT tenant, entity, started_at, request FROM requests INDEXED BY requests_by_age"
        " WHERE started_at < ? ORDER BY started_at LIMIT ?)",
        (before, limit),
    ).rowcount


def old_owners(connection: Connection, before: int) -> list[tuple[str, str]]:
    """The entities that have turns from before this time."""
    return [(tenant, entity) for tenant, entity in connection.execute(_OLD, (before,))]


def purge_turns(connection: Connection, tenant: str, entity: str, before: int) -> int:
    """Delete an entity's turns from before this time, with their messages and blocks; its memories stay."""
    old = (tenant, entity, before)
    within = "WHERE tenant = ? AND entity = ? AND"
    turns = connection.execute(f"DELETE FROM turns {within} recorded_at < ?", old).rowcount
    messages = connection.execute(f"DELETE FROM messages {within} recorded_at < ? RETURNING key", old).fetchall()
    connection.execute(f"DELETE FROM blocks {within} created_at < ?", old)
    connection.execute(
        "DELETE FROM sessions AS s WHERE tenant = ? AND entity = ? AND last_seen < ? AND NOT EXISTS (SELECT 1 FROM"
        " messages AS m WHERE m.tenant = s.tenant AND m.entity = s.entity AND m.process = s.process"
        " AND m.session = s.session)",
        old,
    )
    _part(connection, tenant, entity, [key for (key,) in messages])
    return turns


def _part(connection: Connection, tenant: str, entity: str, messages: list[int]) -> None:
    """Part the memories from messages that are gone, and have every index made anew without these."""
    keys, gone = (tenant, entity), orjson.dumps(messages).decode()
    for table, column in (("mentions", "message"), ("encodings", "key")):
        connection.execute(
            f"DELETE FROM {table} WHERE tenant = ? AND entity = ?"
            f" AND {column} IN (SELECT CAST(value AS BIGINT) FROM json_each(?))",
            (*keys, gone),
        )
    sequence = enter(connection, tenant, entity, micros(datetime.now(UTC))) + 1
    for (memory,) in connection.execute(_UNSTATED, keys).fetchall():
        sequence += 1
        connection.execute(
            "UPDATE memories SET key = ?, sequence = ?, encoded = '' WHERE tenant = ? AND entity = ? AND id = ?",
            (sequence, sequence, *keys, memory),
        )
    connection.execute(
        "UPDATE entities SET epoch = epoch + 1, sequence = ? WHERE tenant = ? AND entity = ?", (sequence, *keys)
    )
