"""The SQL for vectors; each function is the whole of one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from gateway.store import Unencoded

UNENCODED = (
    "SELECT tenant, entity, process, session, key, text FROM messages"
    " WHERE role = 'user' AND learnt AND encoded = '' ORDER BY recorded_at LIMIT ?"
)
WAITING = "SELECT count(*) FROM messages WHERE role = 'user' AND learnt AND encoded = ''"
OTHERS = (
    "SELECT count(*) FROM messages WHERE EXISTS (SELECT 1 FROM embedders WHERE id <> ?)"
    " AND role = 'user' AND learnt AND encoded NOT IN ('', ?)"
)
CHANGED = (
    "SELECT message, piece, packed FROM encodings"
    " WHERE tenant = ? AND entity = ? AND sequence > ? AND sequence <= ? AND embedder = ? ORDER BY sequence"
)


def keep(connection: sqlite3.Connection, embedder: str, encodings: Sequence[tuple[Unencoded, Sequence[bytes]]]) -> None:
    """Write the vectors of messages and mark the messages."""
    connection.execute("INSERT INTO embedders (id) VALUES (?) ON CONFLICT DO NOTHING", (embedder,))
    for message, pieces in encodings:
        keys = (message.scope.tenant, message.scope.entity)
        marked = connection.execute(
            "UPDATE messages INDEXED BY messages_by_key SET encoded = ?"
            " WHERE tenant = ? AND entity = ? AND key = ? AND role = 'user' AND learnt",
            (embedder, *keys, message.key),
        )
        if not marked.rowcount:
            continue  # erased meanwhile
        (sequence,) = connection.execute(
            "UPDATE entities SET sequence = sequence + 1 WHERE tenant = ? AND entity = ? RETURNING sequence", keys
        ).fetchall()[0]
        connection.executemany(
            "INSERT OR REPLACE INTO encodings (tenant, entity, message, piece, sequence, embedder, packed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(*keys, message.key, number, sequence, embedder, packed) for number, packed in enumerate(pieces)],
        )


def forget(connection: sqlite3.Connection, embedder: str) -> int:
    """Delete the vectors of other embedders."""
    connection.execute("DELETE FROM encodings WHERE embedder <> ?", (embedder,))
    connection.execute("DELETE FROM embedders WHERE id <> ?", (embedder,))
    marked = connection.execute("UPDATE messages SET encoded = '' WHERE encoded NOT IN ('', ?)", (embedder,))
    return marked.rowcount
