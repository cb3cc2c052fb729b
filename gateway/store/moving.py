"""The SQL that writes out everything of an entity, a part at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from gateway.store.database import Connection
from gateway.store.looking import graph
from gateway.store.reading import moment
from gateway.store.records import EdgeRecord, MemoryRecord, Record, SessionRecord, TurnRecord
from gateway.store.threads import in_order

AT_ONCE = 200
"""Rows that one transaction reads."""

Cursor = tuple[Any, ...] | None
Part = Callable[..., tuple[list[dict[str, Any]], Cursor]]

_TIMES = frozenset(
    "created_at last_seen started_at said_at recorded_at first_seen valid_from valid_to expires_at updated_at at"
    " since".split()
)
_OBJECTS = frozenset(("usage", "timings", "metadata"))
_SESSIONS = (
    "SELECT * FROM sessions WHERE tenant = ? AND entity = ? AND (created_at, process, session) > (?, ?, ?)"
    " ORDER BY created_at, process, session LIMIT ?"
)
_TURNS = (
    "SELECT *, turn AS id FROM turns WHERE tenant = ? AND entity = ? AND (recorded_at, turn) > (?, ?)"
    " ORDER BY recorded_at, turn LIMIT ?"
)
_MESSAGES = (
    "SELECT * FROM messages WHERE tenant = ? AND entity = ? AND process = ? AND session = ?"
    " AND turn IN (SELECT value FROM json_each(?))"
)
_MEMORIES = (
    "SELECT *, key > 0 AS alone FROM memories WHERE tenant = ? AND entity = ? AND status <> 'deleted'"
    " AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?"
)
_SOURCES = (
    "SELECT g.process, g.session, g.chain, n.former"
    " FROM mentions AS n CROSS JOIN messages AS g INDEXED BY messages_by_key"
    " ON g.tenant = n.tenant AND g.entity = n.entity AND g.key = n.message"
    " WHERE n.tenant = ? AND n.entity = ? AND n.memory = ? ORDER BY g.key"
)
_BELONGINGS = {
    "sources": _SOURCES,
    "triples": "SELECT * FROM triples WHERE tenant = ? AND entity = ? AND memory = ? ORDER BY place",
    "endings": "SELECT * FROM endings WHERE tenant = ? AND entity = ? AND memory = ?",
    "history": "SELECT * FROM history WHERE tenant = ? AND entity = ? AND memory = ? ORDER BY sequence",
}


def sessions(connection: Connection, tenant: str, entity: str, after: Cursor) -> Any:
    """The sessions that follow `after`, and where the next part goes on."""
    rows = _rows(connection, _SESSIONS, (tenant, entity, *(after or (-1, "", "")), AT_ONCE))
    records = [SessionRecord.model_validate(_plain(row)) for row in rows]
    return _written(records), _next(rows, "created_at", "process", "session")


def turns(connection: Connection, tenant: str, entity: str, after: Cursor) -> Any:
    """The turns that follow `after`, each with its messages."""
    rows = _rows(connection, _TURNS, (tenant, entity, *(after or (-1, "")), AT_ONCE))
    threads: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        threads.setdefault((row["process"], row["session"]), []).append(row["turn"])
    said: dict[str, list[dict[str, Any]]] = {}
    for thread, names in threads.items():
        for message in _rows(connection, _MESSAGES, (tenant, entity, *thread, orjson.dumps(names).decode())):
            said.setdefault(message["turn"], []).append(message)
    records = []
    for row in rows:
        messages = [_plain(message) for message in in_order(said.get(row["turn"], []), "chain", "parent")]
        records.append(TurnRecord.model_validate({**_plain(row), "messages": messages}))
    return _written(records), _next(rows, "recorded_at", "turn")


def memories(connection: Connection, tenant: str, entity: str, after: Cursor) -> Any:
    """The memories that follow `after`, with all that belongs to them."""
    rows = _rows(connection, _MEMORIES, (tenant, entity, *(after or (-1, "")), AT_ONCE))
    records = []
    for row in rows:
        keys = (tenant, entity, row["id"])
        more = {name: [_plain(one) for one in _rows(connection, sql, keys)] for name, sql in _BELONGINGS.items()}
        records.append(MemoryRecord.model_validate(_plain(row) | more))
    return _written(records), _next(rows, "created_at", "id")


def edges(connection: Connection, tenant: str, entity: str, after: Cursor) -> Any:
    """All edges of the graph."""
    return _written([EdgeRecord(**asdict(edge)) for edge in graph(connection, tenant, entity)]), None


PARTS: Sequence[Part] = (sessions, turns, memories, edges)
"""What an export consists of, in its order."""


def _rows(connection: Connection, sql: str, values: Sequence[object]) -> list[dict[str, Any]]:
    found = connection.execute(sql, values)
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row's columns as a record has them."""
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if name in _TIMES and value is not None:
        return moment(value)
    return orjson.loads(value) if name in _OBJECTS and value is not None else value


def _written(records: Sequence[Record]) -> list[dict[str, Any]]:
    return [record.model_dump(mode="json") for record in records]


def _next(rows: Sequence[dict[str, Any]], *columns: str) -> Cursor:
    return tuple(rows[-1][name] for name in columns) if len(rows) == AT_ONCE else None
