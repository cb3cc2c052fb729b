"""The SQL for what a message may have made untrue, and for closing that."""

from __future__ import annotations

from gateway.domain import Scope
from gateway.store import Rival, Stated
from gateway.store.database import Asked, Connection
from gateway.store.learning import Learning

RIVALS = 2_000
"""Older statements that are weighed, the newest."""
_HEADER = 8
"""Bytes of a packed encoding before its vector (`dense.pack`)."""
_STATED = (
    "SELECT m.id, m.text, m.last_seen, m.closed FROM mentions AS n JOIN memories AS m"
    " ON m.tenant = n.tenant AND m.entity = n.entity AND m.id = n.memory"
    " WHERE n.tenant = ? AND n.entity = ? AND n.message = ? AND NOT n.former"
    " AND m.status = 'active' AND m.origin = 'local' AND m.process = '' AND m.session = '' ORDER BY m.sequence"
)
# Several pieces of one message are several rows. SQLite joins in this order, since CROSS says so; by its own choice it
# reads all vectors of the entity for each memory.
_OLDER = (
    "SELECT m.id, m.text, m.standing, substr(e.packed, ?, ?) FROM ("
    " SELECT tenant, entity, id, text, standing, sequence, last_seen, key FROM memories"
    " WHERE tenant = ? AND entity = ? AND status = 'active' AND origin = 'local' AND closed = ?"
    " AND process = '' AND session = '' AND last_seen <= ? ORDER BY sequence DESC LIMIT ?) AS m"
    " CROSS JOIN mentions AS n ON n.tenant = m.tenant AND n.entity = m.entity AND n.memory = m.id"
    " CROSS JOIN encodings AS e ON e.tenant = m.tenant AND e.entity = m.entity"
    " AND e.key = CASE WHEN m.key > 0 THEN m.key ELSE n.message END"
    " WHERE NOT n.former AND e.embedder = ? AND (m.last_seen < ? OR n.message < ?)"
    " AND NOT EXISTS (SELECT 1 FROM mentions AS s WHERE s.tenant = m.tenant AND s.entity = m.entity"
    " AND s.memory = m.id AND s.message >= ?) ORDER BY m.sequence DESC, n.message, e.piece"
)
# What is closed gets its sequence number behind the one of what closed it.
_ENDED = (
    "SELECT 1 FROM mentions AS n"
    " CROSS JOIN memories AS m ON m.tenant = n.tenant AND m.entity = n.entity AND m.id = n.memory"
    " CROSS JOIN memories AS o ON o.tenant = m.tenant AND o.entity = m.entity AND o.sequence > m.sequence"
    " AND o.superseded_by = m.id AND o.valid_to = m.last_seen"
    " WHERE n.tenant = ? AND n.entity = ? AND n.message = ? AND NOT n.former LIMIT 1"
)
_STILL = (
    "SELECT n.last_seen, n.standing FROM memories AS n"
    " JOIN memories AS o ON o.tenant = n.tenant AND o.entity = n.entity"
    " WHERE n.tenant = ? AND n.entity = ? AND n.id = ? AND o.id = ? AND n.id <> o.id"
    " AND n.status = 'active' AND o.status = 'active' AND o.origin = 'local' AND o.standing = ?"
    " AND o.closed = n.closed AND n.process IN ('', o.process) AND n.session IN ('', o.session)"
    " AND o.last_seen <= n.last_seen AND NOT EXISTS (SELECT 1 FROM history AS h WHERE h.tenant = o.tenant"
    " AND h.entity = o.entity AND h.memory = o.id AND h.by = n.id AND h.event = 'superseded')"
)


def rivals(scope: Scope, message: int, embedder: str, dimension: int) -> Asked[tuple[list[Stated], list[Rival]]]:
    """What the message states, and what was stated before it; nothing where it has ended something already."""
    keys = (scope.tenant, scope.entity)
    rows = yield _STATED, (*keys, message)
    if not rows or (yield _ENDED, (*keys, message)):
        return [], []
    said, closed = max(row[2] for row in rows), rows[0][3]
    older = yield (
        _OLDER,
        (_HEADER + 1, dimension, *keys, closed, said, RIVALS, embedder, said, message, message),
    )
    vectors: dict[tuple[str, str, bool], list[bytes]] = {}
    for id_, text, standing, vector in older:
        vectors.setdefault((id_, text, bool(standing)), []).append(bytes(vector))
    return [Stated(row[0], row[1]) for row in rows], [Rival(*who, tuple(found)) for who, found in vectors.items()]


def supersede(connection: Connection, scope: Scope, older: str, by: str, *, standing: bool) -> bool:
    """Close a memory that another one makes untrue, from when that was said; whether both still were as they have to
    be, and nobody has opened it again. What takes the place of a standing one stands too."""
    keys = (scope.tenant, scope.entity)
    (sequence,) = connection.execute(
        "SELECT coalesce(max(sequence), 0) FROM entities WHERE tenant = ? AND entity = ?", keys
    ).fetchone()
    found = connection.execute(_STILL, (*keys, by, older, standing)).fetchone()
    if found is None:
        return False
    learning = Learning(connection, *keys, sequence)
    if standing and not found[1]:
        learning.stand(by)
    learning.close(older, by, found[0])
    connection.execute("UPDATE entities SET sequence = ? WHERE tenant = ? AND entity = ?", (learning.sequence, *keys))
    return True
