"""The SQL for vectors; each function is the whole of one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.store import Unencoded

_MESSAGES = "FROM messages WHERE role = 'user' AND learnt AND encoded = ''"
_MEMORIES = "FROM memories WHERE key > 0 AND encoded = ''"
UNENCODED = (
    "SELECT tenant, entity, process, session, key, text FROM ("
    f" SELECT * FROM (SELECT tenant, entity, process, session, key, text, recorded_at AS since {_MESSAGES}"
    "  ORDER BY recorded_at LIMIT ?1)"
    f" UNION ALL SELECT * FROM (SELECT tenant, entity, process, session, key, text, created_at AS since {_MEMORIES}"
    "  ORDER BY created_at LIMIT ?1)) ORDER BY since LIMIT ?1"
)
WAITING = f"SELECT (SELECT count(*) {_MESSAGES}) + (SELECT count(*) {_MEMORIES})"
OTHERS = (
    "SELECT count(*) FROM encodings WHERE EXISTS (SELECT 1 FROM embedders WHERE id <> ?)"
    " AND embedder <> ? AND piece = 0"
)
CHANGED = (
    "SELECT key, piece, packed FROM encodings"
    " WHERE tenant = ? AND entity = ? AND sequence > ? AND sequence <= ? AND embedder = ? ORDER BY sequence"
)


def keep(connection: sqlite3.Connection, embedder: str, encodings: Sequence[tuple[Unencoded, Sequence[bytes]]]) -> None:
    """Write the vectors of messages and memories, and mark these."""
    connection.execute("INSERT INTO embedders (id) VALUES (?) ON CONFLICT DO NOTHING", (embedder,))
    for message, pieces in encodings:
        keys = (message.scope.tenant, message.scope.entity)
        marked = connection.execute(
            "UPDATE messages INDEXED BY messages_by_key SET encoded = ?"
            " WHERE tenant = ? AND entity = ? AND key = ? AND role = 'user' AND learnt",
            (embedder, *keys, message.key),
        ).rowcount
        marked += connection.execute(
            "UPDATE memories INDEXED BY memories_by_key SET encoded = ?"
            " WHERE tenant = ? AND entity = ? AND key = ? AND key > 0",
            (embedder, *keys, message.key),
        ).rowcount
        if not marked:
            continue  # erased meanwhile
        (sequence,) = connection.execute(
            "UPDATE entities SET sequence = sequence + 1 WHERE tenant = ? AND entity = ? RETURNING sequence", keys
        ).fetchall()[0]
        connection.executemany(
            "INSERT OR REPLACE INTO encodings (tenant, entity, key, piece, sequence, embedder, packed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(*keys, message.key, number, sequence, embedder, packed) for number, packed in enumerate(pieces)],
        )


def forget(connection: sqlite3.Connection, embedder: str) -> int:
    """Delete the vectors of other embedders."""
    connection.execute("DELETE FROM encodings WHERE embedder <> ?", (embedder,))
    connection.execute("DELETE FROM embedders WHERE id <> ?", (embedder,))
    return sum(
        connection.execute(f"UPDATE {table} SET encoded = '' WHERE encoded NOT IN ('', ?)", (embedder,)).rowcount
        for table in ("messages", "memories")
    )
