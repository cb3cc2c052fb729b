"""The SQL that turns statements into memories: repetition is counted, and what is over is closed."""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

import orjson

from gateway.domain import LASTING, RETRACTION, Ended, Learnt, Origin, Statement, Triple
from gateway.store.database import Connection

TRUST: dict[Origin, float] = {"local": 1.0, "api": 1.0, "import": 0.9, "llm": 0.8}
"""Of what comes this way: the user's own words, or somebody's reading of them."""

_REMEMBER = (
    "INSERT INTO memories AS m (tenant, entity, id, sequence, key, process, session, learnt_process, learnt_session,"
    " closed, kind, text, form, status, standing, origin, trust, confidence, times_seen, first_seen, last_seen,"
    " valid_from, expires_at, metadata, created_at, updated_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (tenant, entity, closed, process, session, form)"
    " WHERE status IN ('active', 'proposed', 'quarantined') DO UPDATE SET"
    " times_seen = m.times_seen + 1, last_seen = max(m.last_seen, excluded.last_seen),"
    " first_seen = min(m.first_seen, excluded.first_seen), valid_from = min(m.valid_from, excluded.valid_from),"
    " sequence = excluded.sequence, updated_at = excluded.updated_at"
    " RETURNING id"
)
_OVER = (
    "SELECT DISTINCT m.id FROM triples AS t JOIN memories AS m USING (tenant, entity)"
    " WHERE t.tenant = ? AND t.entity = ? AND t.slot = ? AND m.id = t.memory AND m.id <> ?"
    " AND m.status = 'active' AND m.last_seen <= ? AND m.closed = ? AND ? IN ('', m.process) AND ? IN ('', m.session)"
)
_NAMED = (
    "SELECT DISTINCT m.id, t.subject, t.predicate FROM triples AS t JOIN memories AS m USING (tenant, entity)"
    " WHERE t.tenant = ? AND t.entity = ? AND t.value = ? AND m.id = t.memory AND m.id <> ?"
    " AND m.status = 'active' AND m.last_seen <= ? AND m.closed = ? AND ? IN ('', m.process) AND ? IN ('', m.session)"
)
_CLOSE = (
    "UPDATE memories SET status = 'superseded', valid_to = ?, superseded_by = ?, sequence = ?, updated_at = ?"
    " WHERE tenant = ? AND entity = ? AND id = ?"
)
_STAND = "UPDATE memories SET standing = TRUE, sequence = ?, updated_at = ? WHERE tenant = ? AND entity = ? AND id = ?"
_CLOSED_BY = (
    "SELECT e.memory, e.since FROM endings AS e JOIN memories AS m USING (tenant, entity)"
    " WHERE e.tenant = ? AND e.entity = ? AND e.slot = ? AND e.since > ? AND m.id = e.memory AND m.id <> ?"
    " AND (m.status = 'active' OR (m.status = 'quarantined' AND m.metadata LIKE '%\"quarantined\":\"retraction\"%'))"
    " AND m.closed = ? AND m.process IN ('', ?) AND m.session IN ('', ?)"
    " AND (e.value = ? OR (e.value = x'' AND e.kept <> ?)) ORDER BY e.since LIMIT 1"
)


def micros(moment: datetime) -> int:
    """Microseconds since 1970, as times are stored."""
    return round(moment.timestamp() * 1_000_000)


def storable(text: str) -> str:
    """Text without lone surrogates, which no UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()


def form(text: str) -> bytes:
    """What two texts share that say the same thing in the same words: NFKC, case and white space folded."""
    return _hash(_folded(text).rstrip(".!"))


def slot(subject: str, predicate: str) -> bytes:
    """What two triples share that speak of the same thing."""
    return _hash(f"{_folded(subject)}\n{_folded(predicate)}")


def value(text: str) -> bytes:
    """What two objects share that are the same."""
    return _hash(_folded(text).strip(" .!,"))


class Learning:
    """Memories of one entity on their way into the tables, within the caller's transaction.

    The caller stores `sequence` as the entity's when it is done.
    """

    def __init__(self, connection: Connection, tenant: str, entity: str, sequence: int) -> None:
        self.sequence = sequence
        self._connection = connection
        self._owner = (tenant, entity)
        self._now = micros(datetime.now(UTC))

    def next(self) -> int:
        """A sequence number that was not used before."""
        self.sequence += 1
        return self.sequence

    def remember(self, learnt: Learnt) -> str:
        """Write a memory, or count that it was said again; close what is over since. Returns its id."""
        statement, new, said = learnt.statement, str(uuid.uuid4()), micros(learnt.said_at)
        status = "quarantined" if statement.refused else learnt.status
        sequence = self.next()
        key = sequence if statement.alone or not learnt.sources else 0
        text = storable(statement.text)
        values = (
            *(*self._owner, new, sequence, key, learnt.process, learnt.session),
            *(learnt.learnt_process, learnt.learnt_session, learnt.closed, statement.kind, text, form(text), status),
            *(statement.standing, learnt.origin, TRUST[learnt.origin], learnt.confidence, said, said),
            micros(learnt.valid_from) if learnt.valid_from else said,
            *(micros(learnt.expires_at) if learnt.expires_at else None, _metadata(learnt), self._now, self._now),
        )
        (name,) = self._connection.execute(_REMEMBER, values).fetchall()[0]
        self.mention(name, learnt.sources)
        if name == new:
            self._link(name, statement.triples)
        if status == "active" or statement.refused == RETRACTION:
            self.end(name, learnt, said)
        if status == "active" and name == new:
            self._end_at_birth(name, learnt, said)
        return str(name)

    def mention(self, memory: str, messages: Iterable[int]) -> None:
        """Say which messages state the memory."""
        self._connection.executemany(
            "INSERT INTO mentions (tenant, entity, message, memory) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(*self._owner, message, memory) for message in messages],
        )

    def link(self, memory: str, triples: Iterable[Triple]) -> None:
        """Write the memory's edges, in place of those that it had."""
        self._connection.execute(
            "DELETE FROM triples WHERE tenant = ? AND entity = ? AND memory = ?", (*self._owner, memory)
        )
        self._link(memory, triples)

    def _link(self, memory: str, triples: Iterable[Triple]) -> None:
        self._connection.executemany(
            "INSERT INTO triples (tenant, entity, memory, place, subject, predicate, object, slot, value)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (*self._owner, memory, place, *map(storable, (t.subject, t.predicate, t.object)), *_edge(t))
                for place, t in enumerate(triples)
            ],
        )

    def close(self, memory: str, by: str, at: int) -> None:
        """End a memory's validity at this time, since another one holds instead."""
        sequence = self.next()
        self._connection.execute(_CLOSE, (at, by, sequence, self._now, *self._owner, memory))
        self.note(memory, sequence, "superseded", by=by)

    def stand(self, memory: str) -> None:
        """Tell a memory in the first block of each session from now on."""
        sequence = self.next()
        self._connection.execute(_STAND, (sequence, self._now, *self._owner, memory))
        self.note(memory, sequence, "edited")

    def note(self, memory: str, sequence: int, event: str, *, before: str | None = None, by: str | None = None) -> None:
        """Write into the memory's history."""
        self._connection.execute(
            "INSERT INTO history (tenant, entity, memory, sequence, at, event, before, by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*self._owner, memory, sequence, self._now, event, before, by),
        )

    def end(self, name: str, learnt: Learnt, said: int) -> None:
        """Close the older memories that this one ends, and keep what it ends for those that come late."""
        for ended in learnt.statement.ends:
            place = slot(ended.subject, ended.predicate)
            own = _own(learnt.statement, place)
            gone = value(ended.object) if ended.object else b""
            self._connection.execute(
                "INSERT INTO endings AS e (tenant, entity, memory, slot, value, kept, since)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, entity, slot, memory, value)"
                " DO UPDATE SET since = max(e.since, excluded.since)",
                (*self._owner, name, place, gone, own[0] if own else b"", said),
            )
            about = (name, said, learnt.closed, learnt.process, learnt.session)
            for older in (
                self._named(ended, gone, about) if not ended.predicate else self._over(place, gone, own, about)
            ):
                self.close(older, name, said)

    def _over(self, place: bytes, gone: bytes, own: tuple[bytes, ...], about: tuple[str | int, ...]) -> Iterable[str]:
        """The older memories with this slot: those of one object, or of all but the new statement's own."""
        which = " AND t.value = ?" if gone else "".join(" AND t.value <> ?" for _ in own)
        these = (gone,) if gone else own
        rows = self._connection.execute(f"{_OVER}{which}", (*self._owner, place, *about, *these))
        return [older for (older,) in rows.fetchall()]

    def _named(self, ended: Ended, gone: bytes, about: tuple[str | int, ...]) -> Iterable[str]:
        """The older memories that say something of this subject with this object."""
        rows = self._connection.execute(_NAMED, (*self._owner, gone, *about)).fetchall()
        subject = _folded(ended.subject)
        return dict.fromkeys(older for older, whose, what in rows if _folded(whose) == subject and what not in LASTING)

    def _end_at_birth(self, name: str, learnt: Learnt, said: int) -> None:
        """Close a memory that was said before another one which ends it, and came to be known after that."""
        for triple in learnt.statement.triples:
            place, what = _edge(triple)
            for each in (place,) if triple.predicate in LASTING else (place, slot(triple.subject, "")):
                keys = (*self._owner, each, said, name, learnt.closed, learnt.process, learnt.session, what, what)
                for by, since in self._connection.execute(_CLOSED_BY, keys).fetchall():
                    self.close(name, by, since)
                    return


def _own(statement: Statement, place: bytes) -> tuple[bytes, ...]:
    """The objects that the statement states itself in this slot."""
    return tuple(what for where, what in map(_edge, statement.triples) if where == place)


def _edge(triple: Triple) -> tuple[bytes, bytes]:
    return slot(triple.subject, triple.predicate), value(triple.object)


def _metadata(learnt: Learnt) -> str:
    """The caller's metadata, with what was found out about the statement."""
    found: dict[str, object] = {}
    if learnt.statement.dates:
        found["dates"] = [{"words": dated.words, "date": dated.date} for dated in learnt.statement.dates]
    if learnt.statement.refused:
        found["quarantined"] = learnt.statement.refused
    return orjson.dumps(found | dict(learnt.metadata)).decode()


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", storable(text)).casefold().split())


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
