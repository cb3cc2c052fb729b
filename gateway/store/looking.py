"""The SQL that reads memories, their history and their graph; each function is the whole of one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.domain import NOBODY, Triple
from gateway.store.database import Connection
from gateway.store.library import Change, Edge, Entry, Owner, Profile, Source, Totals, Wanted
from gateway.store.pages import Listing, Page, after, listing
from gateway.store.reading import moment, moment_or_none

ENTRY = (
    "id, tenant, entity, process, session, learnt_process, learnt_session, closed, kind, text, status, standing,"
    " origin, trust, confidence, times_seen, first_seen, last_seen, valid_from, valid_to, expires_at, superseded_by,"
    " metadata, created_at, updated_at"
)
_COLUMNS = ENTRY.split(", ")
_PROFILE = (
    "SELECT e.entity, e.created_at, e.last_seen,"
    " (SELECT count(*) FROM memories AS m WHERE m.tenant = e.tenant AND m.entity = e.entity AND m.status = 'active'),"
    " (SELECT count(*) FROM sessions AS s WHERE s.tenant = e.tenant AND s.entity = e.entity),"
    " (SELECT count(*) FROM turns AS t WHERE t.tenant = e.tenant AND t.entity = e.entity)"
    " FROM entities AS e WHERE e.tenant = ? AND e.entity <> ''"
)
_OWNERS = (
    "SELECT entity, owner_process, owner_session, count(*), min(created_at), max(last_seen) FROM ("
    " SELECT entity, created_at, last_seen,"
    " CASE WHEN process = '' THEN learnt_process ELSE process END AS owner_process,"
    " CASE WHEN session = '' THEN learnt_session ELSE session END AS owner_session FROM memories"
    " WHERE tenant = ? AND status = 'active'{}) AS owned GROUP BY 1, 2, 3 {} ORDER BY 1, 2, 3 LIMIT ?"
)
_SOURCES = (
    "SELECT g.session, g.process, g.turn, g.role, g.text, g.said_at, n.former FROM mentions AS n"
    " CROSS JOIN messages AS g INDEXED BY messages_by_key"
    " ON g.tenant = n.tenant AND g.entity = n.entity AND g.key = n.message"
    " WHERE n.tenant = ? AND n.entity = ? AND n.memory = ? ORDER BY g.said_at, g.key"
)
_SHOWN = " AND predicate NOT IN ('about', 'does', 'lacks') AND substr(predicate, 1, 4) <> 'any '"
"""Triples that only help to find what a later statement ends are no knowledge."""
_EDGES = (
    "SELECT t.subject, t.predicate, t.object, t.slot, t.value, m.id, m.times_seen, m.first_seen, m.last_seen,"
    " m.valid_from, m.valid_to FROM triples AS t CROSS JOIN memories AS m"
    " ON m.tenant = t.tenant AND m.entity = t.entity AND m.id = t.memory"
    f" WHERE t.tenant = ? AND t.entity = ? AND m.status IN ('active', 'superseded'){_SHOWN}"
    " ORDER BY m.first_seen, m.id, t.place"
)


def entities(connection: Connection, tenant: str, page: Page) -> Listing[Profile]:
    """A page of the tenant's entities, those that came last first."""
    start = after(page, int, str)
    within, values = (" AND (created_at, entity) < (?, ?)", start) if start else ("", ())
    sql = f"{_PROFILE}{within} ORDER BY e.created_at DESC, e.entity DESC LIMIT ?"
    rows = connection.execute(sql, (tenant, *values, page.limit + 1)).fetchall()
    return listing(rows, page, _profile, lambda row: (row[1], row[0]))


def entity(connection: Connection, tenant: str, name: str) -> Profile | None:
    """One entity."""
    row = connection.execute(f"{_PROFILE} AND e.entity = ?", (tenant, name)).fetchone()
    return _profile(row) if row else None


def owners(connection: Connection, tenant: str, name: str | None, page: Page) -> Listing[Owner]:
    """A page of the scopes that memories belong to."""
    start = after(page, str, str, str)
    only, owner = (" AND entity = ?", (name,)) if name is not None else ("", ())
    having, values = ("HAVING (1, 2, 3) > (?, ?, ?)", start) if start else ("", ())
    having = having.replace("(1, 2, 3)", "(entity, owner_process, owner_session)")
    rows = connection.execute(
        _OWNERS.format(only, having), (tenant, *owner, *(values or ()), page.limit + 1)
    ).fetchall()
    return listing(rows, page, _owner, lambda row: row[:3])


def memories(connection: Connection, tenant: str, name: str, wanted: Wanted, page: Page) -> Listing[Entry]:
    """A page of an entity's memories, newest first."""
    start = after(page, int, str)
    clauses, values = matching(wanted)
    if start:
        clauses += " AND (created_at, id) < (?, ?)"
        values += start
    rows = connection.execute(
        f"SELECT {ENTRY} FROM memories WHERE tenant = ? AND entity = ?{clauses}"
        " ORDER BY created_at DESC, id DESC LIMIT ?",
        (tenant, name, *values, page.limit + 1),
    ).fetchall()
    triples = _triples(connection, tenant, name, [row[0] for row in rows])
    return listing(rows, page, lambda row: _entry(row, triples), lambda row: (row[23], row[0]))


def memory(connection: Connection, tenant: str, memory: str) -> Entry | None:
    """One memory that was not deleted."""
    row = connection.execute(
        f"SELECT {ENTRY} FROM memories INDEXED BY memories_by_id WHERE tenant = ? AND id = ? AND status <> 'deleted'",
        (tenant, memory),
    ).fetchone()
    return _entry(row, _triples(connection, tenant, row[2], [memory])) if row else None


def matching(wanted: Wanted) -> tuple[str, tuple[Any, ...]]:
    """The SQL conditions that select the wanted memories, and their values."""
    clauses, values = " AND status <> 'deleted'", list[Any]()
    for column, name in (("process", wanted.process), ("session", wanted.session)):
        if name is not None:
            clauses += f" AND ({column} = ? OR ({column} = '' AND learnt_{column} = ?))"
            values += (name, name)
    for column, names in (("kind", wanted.kinds), ("status", wanted.statuses), ("id", wanted.ids)):
        if names:
            clauses += f" AND {column} IN (SELECT value FROM json_each(?))"
            values.append(orjson.dumps(names).decode())
    if wanted.text:
        clauses += " AND instr(folded(text), folded(?)) > 0"
        values.append(wanted.text.casefold())
    for key, value in wanted.metadata.items():
        clauses += " AND EXISTS (SELECT 1 FROM json_each(metadata) AS j WHERE j.key = ?"
        clauses += " AND j.value = json_extract(?, '$'))"
        values += (key, orjson.dumps(value).decode())
    return clauses, tuple(values)


def history(connection: Connection, tenant: str, name: str, memory: str) -> list[Change]:
    """What happened to a memory, oldest first."""
    keys = (tenant, name, memory)
    row = connection.execute(
        "SELECT text, created_at FROM memories WHERE tenant = ? AND entity = ? AND id = ? AND status <> 'deleted'", keys
    ).fetchone()
    if row is None:
        return []
    noted = connection.execute(
        "SELECT event, at, before, by FROM history WHERE tenant = ? AND entity = ? AND memory = ? ORDER BY sequence",
        keys,
    ).fetchall()
    sources = connection.execute(_SOURCES, keys).fetchall()
    changes: list[Change] = []
    text = row[0]
    for event, at, before, by in reversed(noted):
        sources_of = _sources(connection, (tenant, name, by)) if by else ()
        changes.append(Change(event, moment(at), text if before is not None else None, before, by, sources_of))
        text = before if before is not None else text
    told = [_source(row) for row in sources]
    seen = [Change("seen", source.said_at, None, None, None, (source,)) for source in told[1:]]
    made = Change("made", moment(row[1]), text, None, None, tuple(told[:1]))
    return [made, *sorted([*seen, *reversed(changes)], key=lambda change: change.at)]


def _sources(connection: Connection, keys: tuple[str, str, str]) -> tuple[Source, ...]:
    rows = connection.execute(_SOURCES, keys).fetchall()
    return tuple(map(_source, rows))


def _source(row: Sequence[Any]) -> Source:
    session, process, turn, role, text, said_at, _ = row
    return Source(session, process, turn, role, text, moment(said_at))


def graph(connection: Connection, tenant: str, name: str) -> list[Edge]:
    """The edges of an entity, each once, however many memories state it."""
    found: dict[tuple[bytes, bytes], Edge] = {}
    for row in connection.execute(_EDGES, (tenant, name)):
        subject, predicate, thing, slot, value, memory, count, *times = row
        first, last, since, until = moment(times[0]), moment(times[1]), moment(times[2]), moment_or_none(times[3])
        edge = found.get((slot, value))
        if edge is None:
            found[slot, value] = Edge(subject, predicate, thing, count, first, last, since, until, (memory,))
            continue
        ends = None if edge.valid_to is None or until is None else max(edge.valid_to, until)
        found[slot, value] = Edge(
            *(edge.subject, edge.predicate, edge.object, edge.count + count),
            *(min(edge.first_seen, first), max(edge.last_seen, last), min(edge.valid_from, since), ends),
            memories=(*edge.memories, memory),
        )
    return list(found.values())


def totals(connection: Connection, tenant: str) -> Totals:
    """How much is kept of a tenant."""
    counts = [
        connection.execute(f"SELECT count(*) FROM {table} WHERE tenant = ?{but}", (tenant,)).fetchone()[0]
        for table, but in (
            ("entities", f" AND entity <> '{NOBODY}'"),
            ("sessions", ""),
            ("turns", ""),
            ("messages", ""),
            ("requests", ""),
        )
    ]
    statuses, kinds = (
        dict(connection.execute(f"SELECT {what} FROM memories WHERE tenant = ? AND {of} GROUP BY 1", (tenant,)))
        for what, of in (("status, count(*)", "status <> 'deleted'"), ("kind, count(*)", "status = 'active'"))
    )
    entities, sessions, turns, messages, requests = counts
    return Totals(entities, sessions, turns, messages, requests, statuses, kinds)


def _profile(row: Sequence[Any]) -> Profile:
    name, created, last, memories, sessions, turns = row
    return Profile(name, moment(created), moment(last), memories, sessions, turns)


def _owner(row: Sequence[Any]) -> Owner:
    name, process, session, count, created, last = row
    return Owner(name, process, session, count, moment(created), moment(last))


def _triples(connection: Connection, tenant: str, name: str, ids: Sequence[str]) -> dict[str, list[Triple]]:
    found: dict[str, list[Triple]] = {}
    for row in connection.execute(
        f"SELECT memory, subject, predicate, object FROM triples WHERE tenant = ? AND entity = ?{_SHOWN}"
        " AND memory IN (SELECT value FROM json_each(?)) ORDER BY memory, place",
        (tenant, name, orjson.dumps(list(ids)).decode()),
    ):
        found.setdefault(row[0], []).append(Triple(*row[1:]))
    return found


def _entry(row: Sequence[Any], triples: dict[str, list[Triple]]) -> Entry:
    values = dict(zip(_COLUMNS, row, strict=True))
    for name in ("first_seen", "last_seen", "valid_from", "valid_to", "expires_at", "created_at", "updated_at"):
        values[name] = moment_or_none(values[name])
    values["standing"] = bool(values["standing"])
    values["metadata"] = orjson.loads(values["metadata"])
    return Entry(**values, triples=tuple(triples.get(row[0], ())))
