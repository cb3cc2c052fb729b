"""The SQL that adds, corrects, judges and deletes memories; each function is the whole of one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.domain import Learnt, Statement
from gateway.store.database import TAKEN, Connection
from gateway.store.learning import Learning, form, micros, storable
from gateway.store.library import Duplicate, Edit, Entry, Event, Verdict, Wanted
from gateway.store.looking import matching, memory
from gateway.store.recording import enter
from gateway.store.scrubbing import scrub, texts_of

_UPDATE = "UPDATE memories SET {} WHERE tenant = ? AND entity = ? AND id = ?"
_FORGET = (
    "UPDATE memories SET status = 'deleted', text = '', form = x'', metadata = '{}', key = 0, encoded = '',"
    " standing = FALSE, sequence = ?, updated_at = ? WHERE tenant = ? AND entity = ? AND id = ?"
)


class _Desk:
    """One entity's memories at hand; its sequence number is stored when it is left."""

    def __init__(self, connection: Connection, tenant: str, entity: str) -> None:
        self.connection, self.owner = connection, (tenant, entity)
        self.now = micros(datetime.now(UTC))

    def __enter__(self) -> _Desk:
        self.learning = Learning(self.connection, *self.owner, enter(self.connection, *self.owner, self.now))
        return self

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self.connection.execute(
                "UPDATE entities SET sequence = ? WHERE tenant = ? AND entity = ?",
                (self.learning.sequence, *self.owner),
            )

    def set(self, memory: str, event: Event, columns: Mapping[str, object], before: str | None = None) -> None:
        """Change columns of a memory, and note it in its history with what it said until then."""
        sequence = self.learning.next()
        columns = {**columns, "sequence": sequence, "updated_at": self.now}
        names = ", ".join(f"{name} = ?" for name in columns)
        self.connection.execute(_UPDATE.format(names), (*columns.values(), *self.owner, memory))
        self.learning.note(memory, sequence, event, before=before)

    def entry(self, name: str) -> Entry | None:
        """The memory as it is now; None if it is not this entity's."""
        return _entry(self.connection, *self.owner, name)


def add(connection: Connection, tenant: str, entity: str, learnt: Learnt) -> Entry:
    """Remember what somebody says explicitly."""
    with _Desk(connection, tenant, entity) as desk:
        name = desk.learning.remember(learnt)
        entry = desk.entry(name)
        assert entry is not None
        if entry.times_seen > 1:
            desk.set(name, "seen", _given(learnt.metadata or None, learnt.expires_at))
        if entry.status == "proposed" and learnt.status == "active" and not learnt.statement.refused:
            _move(desk, entry, "active")
        found = desk.entry(name)
    assert found is not None
    return found


def edit(connection: Connection, tenant: str, entity: str, name: str, change: Edit) -> Entry | None:
    """Change a memory; raises Duplicate."""
    entry = _entry(connection, tenant, entity, name)
    if entry is None:
        return None
    with _Desk(connection, tenant, entity) as desk:
        try:
            if change.statement and storable(change.statement.text) != entry.text:
                _restate(desk, entry, change.statement)
            columns = _given(change.metadata, change.expires_at)
            if change.lasting:
                columns["expires_at"] = None
            if change.kind:
                columns["kind"] = change.kind
            if change.standing is not None:
                columns["standing"] = change.standing
            if columns:
                desk.set(name, "edited", columns)
            refused = "quarantined" if change.statement and change.statement.refused else None
            status = change.status or refused
            if status and status != entry.status:
                _move(desk, entry, status)
        except TAKEN as error:
            raise Duplicate from error
        return desk.entry(name)


def judge(connection: Connection, tenant: str, entity: str, name: str, verdict: Verdict) -> bool:
    """Act on what somebody says of a memory."""
    entry = _entry(connection, tenant, entity, name)
    if entry is None:
        return False
    with _Desk(connection, tenant, entity) as desk:
        if verdict == "private":
            _delete(desk, [name])
        elif verdict == "useful":
            desk.set(name, "useful", {"confidence": (1 + entry.confidence) / 2})
        elif verdict == "outdated":
            _move(desk, entry, "superseded")
        else:
            never = {"status": "superseded", "valid_to": micros(entry.valid_from)}
            desk.set(name, "wrong", {**never, "confidence": entry.confidence / 2})
        return True


def delete(connection: Connection, tenant: str, entity: str, wanted: Wanted) -> int:
    """Delete the wanted memories."""
    clauses, values = matching(wanted)
    keys = (tenant, entity)
    rows = connection.execute(f"SELECT id FROM memories WHERE tenant = ? AND entity = ?{clauses}", (*keys, *values))
    ids = [row[0] for row in rows.fetchall()]
    if not ids:
        return 0
    with _Desk(connection, tenant, entity) as desk:
        return _delete(desk, ids)


def _entry(connection: Connection, tenant: str, entity: str, name: str) -> Entry | None:
    found = memory(connection, tenant, name)
    return found if found and found.entity == entity else None


def _restate(desk: _Desk, entry: Entry, statement: Statement) -> None:
    """Give a memory another text: it is found by that alone from now on, and ends what the new text ends."""
    key, text = desk.learning.next(), storable(statement.text)
    keys = (*desk.owner, entry.id)
    desk.connection.execute(
        "DELETE FROM encodings WHERE tenant = ? AND entity = ? AND key ="
        " (SELECT key FROM memories WHERE tenant = ? AND entity = ? AND id = ? AND key > 0)",
        (*desk.owner, *keys),
    )
    desk.connection.execute("UPDATE mentions SET former = TRUE WHERE tenant = ? AND entity = ? AND memory = ?", keys)
    desk.connection.execute("DELETE FROM endings WHERE tenant = ? AND entity = ? AND memory = ?", keys)
    columns = {"text": text, "form": form(text), "key": key, "encoded": "", "last_seen": desk.now}
    desk.set(entry.id, "edited", columns, before=entry.text)
    desk.learning.link(entry.id, statement.triples)
    if entry.status == "active":
        at = datetime.fromtimestamp(desk.now / 1_000_000, UTC)
        learnt = Learnt(
            replace(statement, text=text), at, entry.learnt_process, entry.learnt_session, entry.process, entry.session
        )
        desk.learning.end(entry.id, replace(learnt, closed=entry.closed), desk.now)


def _move(desk: _Desk, entry: Entry, status: str) -> None:
    if status == "superseded":
        until = desk.now if entry.status == "active" else micros(entry.valid_from)
        if entry.status != "superseded":
            desk.set(entry.id, "retired", {"status": status, "valid_to": until})
    elif status == "quarantined":
        desk.set(entry.id, "quarantined", {"status": status})
    else:
        desk.set(entry.id, "approved", {"status": status, "valid_to": None, "superseded_by": None})


def _delete(desk: _Desk, ids: list[str]) -> int:
    """Leave nothing of these memories but that they were there, nor of what they were parted into or from: those say
    the same words. Returns their number."""
    ids = _with_parts(desk, ids)
    told = {name: texts_of(desk.connection, *desk.owner, name) for name in ids}
    scrub(desk.connection, *desk.owner, told)
    for name in ids:
        keys = (*desk.owner, name)
        desk.connection.execute(
            "DELETE FROM encodings WHERE tenant = ? AND entity = ? AND key ="
            " (SELECT key FROM memories WHERE tenant = ? AND entity = ? AND id = ? AND key > 0)",
            (*desk.owner, *keys),
        )
        for table in ("mentions", "triples", "endings", "history"):
            desk.connection.execute(f"DELETE FROM {table} WHERE tenant = ? AND entity = ? AND memory = ?", keys)
        desk.connection.execute(_FORGET, (desk.learning.next(), desk.now, *keys))
    return len(ids)


_PARTS = (
    "SELECT h.memory, h.by FROM history AS h CROSS JOIN memories AS n"
    " ON n.tenant = h.tenant AND n.entity = h.entity AND n.id = h.by"
    " WHERE h.tenant = ? AND h.entity = ? AND h.event = 'parted' AND n.times_seen = 1"
    " AND NOT EXISTS (SELECT 1 FROM history AS e WHERE e.tenant = n.tenant AND e.entity = n.entity AND e.memory = n.id"
    " AND e.before IS NOT NULL)"
)
"""Memories and what was left of them, as long as that says nothing but their words."""


def _with_parts(desk: _Desk, ids: list[str]) -> list[str]:
    parts = desk.connection.execute(_PARTS, desk.owner).fetchall()
    found = dict.fromkeys(ids)
    size = 0
    while size < len(found):
        size = len(found)
        found |= dict.fromkeys(name for pair in parts if not found.keys().isdisjoint(pair) for name in pair)
    return list(found)


def _given(metadata: Mapping[str, Any] | None, expires_at: datetime | None) -> dict[str, object]:
    """The columns for metadata and expiry, where they are given."""
    columns: dict[str, object] = {}
    if metadata is not None:
        columns["metadata"] = orjson.dumps(dict(metadata)).decode()
    if expires_at is not None:
        columns["expires_at"] = micros(expires_at)
    return columns
