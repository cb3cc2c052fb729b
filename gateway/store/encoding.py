"""The SQL for vectors; each function is the whole of one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.domain import Scope
from gateway.store import Unencoded
from gateway.store.database import Asked, Connection

_MESSAGES = "FROM messages WHERE role = 'user' AND learnt AND encoded = ''"
_MEMORIES = "FROM memories WHERE key > 0 AND encoded = ''"
_UNENCODED = (
    "SELECT tenant, entity, process, session, key, text FROM ("
    f" SELECT * FROM (SELECT tenant, entity, process, session, key, text, recorded_at AS since {_MESSAGES}"
    "  ORDER BY recorded_at LIMIT ?1) AS said"
    f" UNION ALL SELECT * FROM (SELECT tenant, entity, process, session, key, text, created_at AS since {_MEMORIES}"
    "  ORDER BY created_at LIMIT ?1) AS known) AS texts ORDER BY since LIMIT ?1"
)
WAITING = (
    f"SELECT (SELECT count(*) {_MESSAGES} AND recorded_at <= ?1) + (SELECT count(*) {_MEMORIES} AND created_at <= ?1)"
)
OTHERS = (
    "SELECT count(*) FROM encodings WHERE EXISTS (SELECT 1 FROM embedders WHERE id <> ?)"
    " AND embedder <> ? AND piece = 0"
)
_SOME_OTHERS = "SELECT tenant, entity, key FROM encodings WHERE embedder <> ? AND piece = 0 LIMIT ?"
CHANGED = (
    "SELECT key, piece, packed FROM encodings"
    " WHERE tenant = ? AND entity = ? AND sequence > ? AND sequence <= ? AND embedder = ? ORDER BY sequence"
)

_THESE = "SELECT key, piece, packed FROM encodings WHERE tenant = ? AND entity = ? AND embedder = ? AND key IN (?*)"

FORGOTTEN_AT_ONCE = 200
"""Texts whose vectors one transaction lets go of."""


def unencoded(limit: int) -> Asked[list[Unencoded]]:
    """The texts that wait for vectors."""
    rows = yield _UNENCODED, (limit,)
    return [Unencoded(Scope(*row[:4]), row[4], row[5]) for row in rows]


def encoded(scope: Scope, embedder: str, after: int, upto: int) -> Asked[list[tuple[int, int, bytes]]]:
    """The vectors that were made after a change of the entity and up to another."""
    return (yield CHANGED, (scope.tenant, scope.entity, after, upto, embedder))


def begun(scope: Scope, embedder: str, most: int | None) -> Asked[tuple[int, list[tuple[int, int, bytes]]]]:
    """All vectors of an entity and the change up to which they are; none, and 0, of one that may have more than `most`
    messages."""
    heads = yield "SELECT sequence FROM entities WHERE tenant = ? AND entity = ?", (scope.tenant, scope.entity)
    sequence: int = heads[0][0] if heads else 0
    if most is not None and sequence > most:
        return 0, []
    return sequence, (yield from encoded(scope, embedder, 0, sequence))


def encodings(scope: Scope, embedder: str, keys: Sequence[int]) -> Asked[list[tuple[int, int, bytes]]]:
    """The vectors of these texts."""
    return (yield _THESE, (scope.tenant, scope.entity, embedder, list(keys)))


def counted(sql: str, values: Sequence[object]) -> Asked[int]:
    """The number that the statement gives."""
    rows = yield sql, values
    number: int = rows[0][0]
    return number


Place = Callable[[Connection, tuple[str, str], int, int, str, Sequence[bytes]], None]
"""Writes the vectors of one text, given its entity, key and sequence number, the embedder and the pieces."""


def place(
    connection: Connection, keys: tuple[str, str], key: int, sequence: int, embedder: str, pieces: Sequence[bytes]
) -> None:
    """Write the vectors of one text, a row for each piece."""
    connection.executemany(
        "INSERT INTO encodings (tenant, entity, key, piece, sequence, embedder, packed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, entity, key, piece) DO UPDATE"
        " SET sequence = excluded.sequence, embedder = excluded.embedder, packed = excluded.packed",
        [(*keys, key, number, sequence, embedder, packed) for number, packed in enumerate(pieces)],
    )


def keep(
    connection: Connection,
    embedder: str,
    encodings: Sequence[tuple[Unencoded, Sequence[bytes]]],
    place: Place = place,
) -> None:
    """Write the vectors of messages and memories, and mark these."""
    connection.execute("INSERT INTO embedders (id) VALUES (?) ON CONFLICT DO NOTHING", (embedder,))
    for message, pieces in encodings:
        keys = (message.scope.tenant, message.scope.entity)
        marked = connection.execute(
            "UPDATE messages INDEXED BY messages_by_key SET encoded = ?"
            " WHERE tenant = ? AND entity = ? AND key = ? AND role = 'user' AND learnt AND encoded <> ?",
            (embedder, *keys, message.key, embedder),
        ).rowcount
        marked += connection.execute(
            "UPDATE memories INDEXED BY memories_by_key SET encoded = ?"
            " WHERE tenant = ? AND entity = ? AND key = ? AND key > 0 AND encoded <> ?",
            (embedder, *keys, message.key, embedder),
        ).rowcount
        if not marked:
            continue  # erased meanwhile, or encoded by another replica
        (sequence,) = connection.execute(
            "UPDATE entities SET sequence = sequence + 1 WHERE tenant = ? AND entity = ? RETURNING sequence", keys
        ).fetchall()[0]
        place(connection, keys, message.key, sequence, embedder, pieces)


def forget(connection: Connection, embedder: str) -> tuple[int, bool]:
    """Delete the vectors of other embedders, of some texts at a time so that turns can be written in between.

    Returns how many texts wait again, and whether none are left.
    """
    others = connection.execute(_SOME_OTHERS, (embedder, FORGOTTEN_AT_ONCE)).fetchall()
    connection.executemany("DELETE FROM encodings WHERE tenant = ? AND entity = ? AND key = ?", others)
    again = sum(
        connection.executemany(
            f"UPDATE {table} INDEXED BY {table}_by_key SET encoded = ''"
            " WHERE tenant = ? AND entity = ? AND key = ? AND key > 0",
            others,
        ).rowcount
        for table in ("messages", "memories")
    )
    if len(others) == FORGOTTEN_AT_ONCE:
        return again, False
    connection.execute("DELETE FROM embedders WHERE id <> ?", (embedder,))
    again += sum(  # texts that were left without vectors
        connection.execute(f"UPDATE {table} SET encoded = '' WHERE encoded NOT IN ('', ?)", (embedder,)).rowcount
        for table in ("messages", "memories")
    )
    return again, True
