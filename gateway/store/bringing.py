"""The SQL that brings an export back, whole records at a time; what is there stays as it is."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import ValidationError

from gateway.domain import Triple
from gateway.store.database import Connection
from gateway.store.learning import Learning, form, micros, storable
from gateway.store.library import Malformed
from gateway.store.recording import enter
from gateway.store.records import RECORD, MemoryRecord, MessageRecord, SessionRecord, SourceRecord, TurnRecord

_SESSION = (
    "INSERT INTO sessions (tenant, entity, process, session, head, replay_from, sends_history, title, summary,"
    " created_at, last_seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_TURN = (
    "INSERT INTO turns (tenant, entity, turn, process, session, request, anchor, reply, state, attempt, model,"
    " upstream_id, finish_reason, usage, timings, started_at, said_at, recorded_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_MESSAGE = (
    "INSERT INTO messages (tenant, entity, process, session, chain, parent, digest, link, key, turn, role, raw, text,"
    " tool, learnt, said_at, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_MEMORY = (
    "INSERT INTO memories (tenant, entity, id, sequence, key, process, session, learnt_process, learnt_session, closed,"
    " kind, text, form, status, standing, origin, trust, confidence, times_seen, first_seen, last_seen, valid_from,"
    " valid_to, expires_at, superseded_by, metadata, created_at, updated_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)


def bring(connection: Connection, tenant: str, entity: str, records: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Bring in records; raises Malformed, and then brings in none of them."""
    new = {"sessions": 0, "turns": 0, "memories": 0}
    sequence = enter(connection, tenant, entity, micros(datetime.now(UTC)))
    arrival = _Arrival(connection, tenant, entity, sequence)
    for number, given in enumerate(records, 1):
        try:
            record = RECORD.validate_python(given)
        except ValidationError as error:
            first = error.errors()[0]
            raise Malformed(f"record {number}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        if isinstance(record, SessionRecord):
            new["sessions"] += arrival.session(record)
        elif isinstance(record, TurnRecord):
            new["turns"] += arrival.turn(record)
        elif isinstance(record, MemoryRecord):
            new["memories"] += arrival.memory(record)
    connection.execute(
        "UPDATE entities SET sequence = ? WHERE tenant = ? AND entity = ?",
        (arrival.learning.sequence, tenant, entity),
    )
    return new


class _Arrival:
    """Records on their way into the tables of one entity; each method says how many rows were new."""

    def __init__(self, connection: Connection, tenant: str, entity: str, sequence: int) -> None:
        self._connection, self._owner = connection, (tenant, entity)
        self.learning = Learning(connection, tenant, entity, sequence)

    def session(self, record: SessionRecord) -> int:
        values = (
            *(*self._owner, record.process, record.session, _bytes(record.head), _bytes(record.replay_from)),
            *(record.sends_history, record.title, record.summary, micros(record.created_at), micros(record.last_seen)),
        )
        return self._connection.execute(_SESSION, values).rowcount

    def turn(self, record: TurnRecord) -> int:
        values = (
            *(*self._owner, record.id, record.process, record.session, _bytes(record.request), _bytes(record.anchor)),
            *(_bytes(record.reply) if record.reply else None, record.state, record.attempt, record.model),
            *(record.upstream_id, record.finish_reason, _json(record.usage) if record.usage else None),
            *(_json(record.timings), *map(micros, (record.started_at, record.said_at, record.recorded_at))),
        )
        new = self._connection.execute(_TURN, values).rowcount
        if new:
            for message in record.messages:
                self._message(record, message)
        return new

    def _message(self, turn: TurnRecord, message: MessageRecord) -> None:
        hashes = (_bytes(message.chain), _bytes(message.parent), _bytes(message.digest), _bytes(message.link))
        values = (
            *(*self._owner, turn.process, turn.session, *hashes, self.learning.next(), turn.id, message.role),
            *(message.raw, message.text, message.tool, message.learnt),
            *(micros(message.said_at), micros(message.recorded_at)),
        )
        self._connection.execute(_MESSAGE, values)

    def memory(self, record: MemoryRecord) -> int:
        """Write a memory; one that says what a memory here says already is that one."""
        name = self._own(record.id)
        sources = [(key, source.former) for source in record.sources if (key := self._key(source))]
        sequence = self.learning.next()
        alone = record.alone or not any(not former for _, former in sources)
        text = storable(record.text)
        values = (
            *(*self._owner, name, sequence, sequence if alone else 0, record.process, record.session),
            *(record.learnt_process, record.learnt_session, record.closed, record.kind, text, form(text)),
            *(record.status, record.standing, record.origin, record.trust, record.confidence, record.times_seen),
            *map(micros, (record.first_seen, record.last_seen, record.valid_from)),
            *(micros(at) if at else None for at in (record.valid_to, record.expires_at)),
            *(self._own(record.superseded_by) if record.superseded_by else None, _json(record.metadata)),
            *(micros(record.created_at), micros(record.updated_at)),
        )
        new = self._connection.execute(_MEMORY, values).rowcount
        if new:
            self._belongings(name, record, sources)
        return new

    def _belongings(self, name: str, record: MemoryRecord, sources: Sequence[tuple[int, bool]]) -> None:
        self._connection.executemany(
            "INSERT INTO mentions (tenant, entity, message, memory, former) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            [(*self._owner, key, name, former) for key, former in sources],
        )
        self.learning.link(name, [Triple(edge.subject, edge.predicate, edge.object) for edge in record.triples])
        self._connection.executemany(
            "INSERT INTO endings (tenant, entity, memory, slot, value, kept, since) VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            [
                (*self._owner, name, _bytes(end.slot), _bytes(end.value), _bytes(end.kept), micros(end.since))
                for end in record.endings
            ],
        )
        self._connection.executemany(
            "INSERT INTO history (tenant, entity, memory, sequence, at, event, before, by)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(*self._owner, name, self.learning.next(), micros(change.at), change.event, change.before),
                    self._own(change.by) if change.by else None,
                )
                for change in record.history
            ],
        )

    def _own(self, memory: str) -> str:
        """The id of a memory here: that of the export, unless another entity of the tenant has it."""
        tenant, entity = self._owner
        taken = self._connection.execute(
            "SELECT 1 FROM memories INDEXED BY memories_by_id WHERE tenant = ? AND id = ? AND entity <> ?",
            (tenant, memory, entity),
        ).fetchone()
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{entity}\n{memory}")) if taken else memory

    def _key(self, source: SourceRecord) -> int | None:
        row = self._connection.execute(
            "SELECT key FROM messages WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND chain = ?",
            (*self._owner, source.process, source.session, _bytes(source.chain)),
        ).fetchone()
        return row[0] if row else None


def _bytes(chain: str) -> bytes:
    return bytes.fromhex(chain)


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()
