"""The SQL for what a message may have made untrue, and for closing that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from gateway.domain import Learnt, Scope, Statement, Triple
from gateway.store import Contested, Left, Rival, Stated, Superseded
from gateway.store.database import Asked, Connection
from gateway.store.learning import Learning, micros
from gateway.store.looking import memory
from gateway.words import fold, terms

RIVALS = 2_000
"""Older statements that are weighed, the newest."""
RECENT = 3600 * 1_000_000
"""Microseconds after which nobody asks any more what is left of what a rule has ended: the message was read before."""
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
    "SELECT o.id, o.text, o.standing, m.id, o.origin, o.updated_at FROM mentions AS n"
    " CROSS JOIN memories AS m ON m.tenant = n.tenant AND m.entity = n.entity AND m.id = n.memory"
    " CROSS JOIN memories AS o ON o.tenant = m.tenant AND o.entity = m.entity AND o.sequence > m.sequence"
    " AND o.superseded_by = m.id AND o.valid_to = m.last_seen"
    " WHERE n.tenant = ? AND n.entity = ? AND n.message = ? AND NOT n.former ORDER BY o.sequence"
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


_OF_MEMORY = " WHERE tenant = ? AND entity = ? AND memory = ?"
_TRIPLES = f"SELECT subject, predicate, object FROM triples{_OF_MEMORY} ORDER BY place"
_SOURCES = f"SELECT message FROM mentions{_OF_MEMORY} AND NOT former ORDER BY message"
_PARTED = (
    "SELECT 1 FROM history WHERE tenant = ? AND entity = ? AND memory = ? AND event = 'parted'"
    " UNION ALL SELECT 1 FROM memories AS n WHERE n.tenant = ? AND n.entity = ? AND n.id = ? AND n.last_seen <> ?"
)
"""Whether what is left of a memory was kept before, or another time than when this other one was said ended it."""


def contested(scope: Scope, message: int, embedder: str, dimension: int) -> Asked[Contested]:
    """What the message states, and what was stated before it."""
    keys = (scope.tenant, scope.entity)
    rows = yield _STATED, (*keys, message)
    if not rows:
        return Contested()
    stated = tuple(Stated(row[0], row[1]) for row in rows)
    ended = yield _ENDED, (*keys, message)
    if ended:
        own = {each.memory: each for each in stated}
        since = micros(datetime.now(UTC)) - RECENT
        fresh = [row for row in ended if row[3] in own and row[4] == "local" and row[5] >= since]
        over = tuple(Superseded(row[0], row[1], bool(row[2]), own[row[3]]) for row in fresh)
        return Contested(stated, ended=over)
    said, closed = max(row[2] for row in rows), rows[0][3]
    older = yield (
        _OLDER,
        (_HEADER + 1, dimension, *keys, closed, said, RIVALS, embedder, said, message, message),
    )
    vectors: dict[tuple[str, str, bool], list[bytes]] = {}
    for id_, text, standing, vector in older:
        vectors.setdefault((id_, text, bool(standing)), []).append(bytes(vector))
    return Contested(stated, tuple(Rival(*who, tuple(found)) for who, found in vectors.items()))


def supersede(
    connection: Connection, scope: Scope, older: str, by: str, *, standing: bool, left: Left | None = None
) -> bool:
    """Close a memory that another one makes untrue, from when that was said, and keep what is left of it; whether both
    still were as they have to be, and nobody has opened it again. What takes the place of a standing one stands too."""
    keys = (scope.tenant, scope.entity)
    found = connection.execute(_STILL, (*keys, by, older, standing)).fetchone()
    if found is None:
        return False
    with _learning(connection, *keys) as learning:
        if standing and not found[1]:
            learning.stand(by)
        learning.close(older, by, found[0])
        if left:
            _retain(connection, learning, keys, older, by, left)
    return True


def retain(connection: Connection, scope: Scope, superseded: Superseded, left: Left) -> bool:
    """Keep what is left of a memory that another one has ended; whether both are as they were and it is the first
    time."""
    keys = (scope.tenant, scope.entity)
    entry = memory(connection, scope.tenant, superseded.memory)
    if entry is None or entry.entity != scope.entity or entry.text != superseded.text or entry.status != "superseded":
        return False
    if entry.superseded_by != superseded.by.memory:
        return False
    with _learning(connection, *keys) as learning:
        return _retain(connection, learning, keys, superseded.memory, superseded.by.memory, left)


def still(triples: Iterable[Triple], old: str, left: str) -> tuple[Triple, ...]:
    """Those of a statement's edges that what is left of it tells, and what is gone of it does not."""
    said, told = Counter(_words(old)), Counter(_words(left))
    return tuple(
        each
        for each in triples
        if told.keys() >= (own := set(terms(each.object) or _words(each.object)))
        and not all(said[word] > told[word] for word in own)
    )


def _words(text: str) -> list[str]:
    return terms(text) + fold(text).split()


def _retain(connection: Connection, learning: Learning, keys: tuple[str, str], older: str, by: str, left: Left) -> bool:
    entry = memory(connection, keys[0], older)
    assert entry is not None
    assert entry.valid_to is not None
    own = (*keys, older)
    if connection.execute(_PARTED, (*own, *keys, by, micros(entry.valid_to))).fetchone():
        return False
    triples = still((Triple(*row) for row in connection.execute(_TRIPLES, own)), entry.text, left.text)
    name = learning.remember(
        Learnt(
            Statement(left.text, left.kind or entry.kind, standing=left.standing, triples=triples),
            *(entry.last_seen, entry.learnt_process, entry.learnt_session, entry.process, entry.session, entry.closed),
            sources=tuple(row[0] for row in connection.execute(_SOURCES, own)),
            confidence=entry.confidence,
            valid_from=entry.valid_to,
            expires_at=entry.expires_at,
            metadata=_told(entry.metadata, left.text),
        )
    )
    (times,) = connection.execute(
        "SELECT times_seen FROM memories WHERE tenant = ? AND entity = ? AND id = ?", (*keys, name)
    ).fetchone()
    learning.note(older, learning.next(), "parted", by=name if times == 1 else None)  # the user says it anyway
    return True


def _told(metadata: Mapping[str, Any], left: str) -> dict[str, Any]:
    """The metadata, without the dates of what is not told any more."""
    dates = metadata.get("dates")
    if not isinstance(dates, list):
        return dict(metadata)
    kept = [each for each in dates if not isinstance(each, dict) or str(each.get("words", "")) in left]
    rest = {name: value for name, value in metadata.items() if name != "dates"}
    return rest | ({"dates": kept} if kept else {})


@contextmanager
def _learning(connection: Connection, tenant: str, entity: str) -> Iterator[Learning]:
    """The entity's memories, and its sequence number stored when all is done."""
    keys = (tenant, entity)
    (sequence,) = connection.execute(
        "SELECT coalesce(max(sequence), 0) FROM entities WHERE tenant = ? AND entity = ?", keys
    ).fetchone()
    learning = Learning(connection, *keys, sequence)
    yield learning
    connection.execute("UPDATE entities SET sequence = ? WHERE tenant = ? AND entity = ?", (learning.sequence, *keys))
