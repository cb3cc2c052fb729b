"""The SQL that reads sessions and their turns; each function is the whole of one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.domain import Scope
from gateway.store.database import Connection
from gateway.store.library import Conversation, PastMessage, PastTurn
from gateway.store.pages import Listing, Page, after, listing
from gateway.store.reading import moment

_SESSION = (
    "SELECT process, session, title, summary, created_at, last_seen, (SELECT count(*) FROM turns AS t"
    " WHERE t.tenant = s.tenant AND t.entity = s.entity AND t.process = s.process AND t.session = s.session)"
    " FROM sessions AS s WHERE tenant = ? AND entity = ?"
)
_TURN = "turn, state, model, finish_reason, usage, timings, started_at, said_at, recorded_at"
_MESSAGES = (
    "SELECT turn, role, text, raw, said_at, chain, parent FROM messages"
    " WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND turn IN (SELECT value FROM json_each(?))"
)


def sessions(
    connection: Connection, tenant: str, entity: str, process: str | None, page: Page
) -> Listing[Conversation]:
    """A page of an entity's sessions, newest first."""
    start = after(page, int, str, str)
    only, name = (" AND process = ?", (process,)) if process is not None else ("", ())
    within, values = (" AND (created_at, process, session) < (?, ?, ?)", start) if start else ("", ())
    rows = connection.execute(
        f"{_SESSION}{only}{within} ORDER BY created_at DESC, process DESC, session DESC LIMIT ?",
        (tenant, entity, *name, *values, page.limit + 1),
    ).fetchall()
    return listing(rows, page, _conversation, lambda row: (row[4], row[0], row[1]))


def session(connection: Connection, scope: Scope, page: Page) -> tuple[Conversation, Listing[PastTurn]] | None:
    """A session with a page of its turns, oldest first."""
    start = after(page, int, str)
    keys = (scope.tenant, scope.entity, scope.process, scope.session)
    row = connection.execute(f"{_SESSION} AND process = ? AND session = ?", keys).fetchone()
    if row is None:
        return None
    within, values = (" AND (recorded_at, turn) > (?, ?)", start) if start else ("", ())
    rows = connection.execute(
        f"SELECT {_TURN} FROM turns WHERE tenant = ? AND entity = ? AND process = ? AND session = ?{within}"
        " ORDER BY recorded_at, turn LIMIT ?",
        (*keys, *values, page.limit + 1),
    ).fetchall()
    said: dict[str, list[Sequence[Any]]] = {}
    for name, *message in connection.execute(_MESSAGES, (*keys, orjson.dumps([row[0] for row in rows]).decode())):
        said.setdefault(name, []).append(message)
    turns = listing(
        rows, page, lambda row: _turn(row, in_order(said.get(row[0], []), 4, 5)), lambda row: (row[8], row[0])
    )
    return _conversation(row), turns


def in_order(rows: Sequence[Any], chain: int | str, parent: int | str) -> list[Any]:
    """Messages of one turn as they follow each other; `chain` and `parent` are where a row has these."""
    following = {row[parent]: row for row in rows}
    chains = {row[chain] for row in rows}
    ordered: list[Any] = []
    at = next((row for row in rows if row[parent] not in chains), None)
    while at is not None and len(ordered) < len(rows):
        ordered.append(at)
        at = following.get(at[chain])
    return ordered if len(ordered) == len(rows) else list(rows)


def _conversation(row: Sequence[Any]) -> Conversation:
    process, name, title, summary, created, last, turns = row
    return Conversation(process, name, title, summary, moment(created), moment(last), turns)


def _turn(row: Sequence[Any], messages: Sequence[Sequence[Any]]) -> PastTurn:
    name, state, model, finish_reason, usage, timings, started, said, recorded = row
    return PastTurn(
        *(name, state, model, finish_reason, orjson.loads(usage) if usage else None, orjson.loads(timings)),
        started_at=moment(started),
        said_at=moment(said),
        recorded_at=moment(recorded),
        messages=tuple(PastMessage(role, text, raw, moment(at)) for role, text, raw, at, *_ in messages),
    )
