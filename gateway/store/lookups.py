"""The SQL of what a request has to know; each generator is one look into the database (see `database.Asked`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson

from gateway.domain import NOBODY, Block, Changes, Memory, Said, Scope, Session, StoredMessage, Triple
from gateway.store import Answered, Attempt, Place
from gateway.store.database import Asked
from gateway.store.encoding import CHANGED
from gateway.store.fences import owner_of
from gateway.store.learning import micros
from gateway.store.reading import moment, moment_or_none

_MESSAGE = "key, chain, parent, digest, role, raw, tool, learnt"
_MEMORY = (
    "id, sequence, key, process, session, learnt_process, learnt_session, kind, text, status, standing, last_seen,"
    " valid_from, valid_to, expires_at"
)
_HEADS = (
    "SELECT coalesce((SELECT epoch FROM entities WHERE tenant = ? AND entity = ?),"
    " (SELECT epoch FROM erased WHERE owner = ?), 0),"
    " coalesce((SELECT sequence FROM entities WHERE tenant = ? AND entity = ?), 0),"
    " coalesce((SELECT sequence FROM entities WHERE tenant = ? AND entity = ?), 0)"
)
_OF_CHANGED = "m.tenant = ?1 AND m.entity = ?2 AND m.sequence > ?3 AND m.sequence <= ?4"
_PARTS = (
    "SELECT m.id, n.message, '' AS subject, '' AS predicate, '' AS object, 0 AS place FROM memories AS m"
    " JOIN mentions AS n ON n.tenant = m.tenant AND n.entity = m.entity AND n.memory = m.id"
    f" WHERE {_OF_CHANGED} AND NOT n.former"
    " UNION ALL SELECT m.id, 0, t.subject, t.predicate, t.object, t.place FROM memories AS m"
    " JOIN triples AS t ON t.tenant = m.tenant AND t.entity = m.entity AND t.memory = m.id"
    f" WHERE {_OF_CHANGED} ORDER BY place"
)
"""Sources and triples of memories, in one statement since each is a way to the server and back."""

RECENT = 16
"""Messages at the end of a history that are looked for first."""


def session(scope: Scope) -> Asked[Session | None]:
    """The session of the scope."""
    rows = yield (
        "SELECT session, head, replay_from, sends_history FROM sessions"
        " WHERE tenant = ? AND entity = ? AND process = ? AND session = ?",
        (scope.tenant, scope.entity, scope.process, scope.session),
    )
    return next((Session(row[0], row[1], row[2], bool(row[3])) for row in rows), None)


def attempt(scope: Scope, request: bytes, since: datetime) -> Asked[Attempt | None]:
    """The newest turn with this request hash."""
    rows = yield (
        "SELECT turn, session, anchor, state FROM turns"
        " WHERE tenant = ? AND entity = ? AND process = ? AND request = ? AND recorded_at > ?"
        " ORDER BY recorded_at DESC LIMIT 1",
        (scope.tenant, scope.entity, scope.process, request, micros(since)),
    )
    return next((Attempt(row[0], row[1], row[2], row[3] == "complete") for row in rows), None)


def find(scope: Scope, chains: Sequence[bytes]) -> Asked[list[Place]]:
    """Where the chains are, of one session."""
    session = scope.session
    if session is None:
        session = yield from _session_of(scope, chains[-RECENT:])
        if session is None and len(chains) > RECENT:
            session = yield from _session_of(scope, chains[:-RECENT])
        if session is None:
            return []
    rows = yield (
        f"SELECT {_MESSAGE} FROM messages WHERE tenant = ? AND entity = ? AND process = ? AND session = ?"
        " AND chain IN (?*)",
        (scope.tenant, scope.entity, scope.process, session, list(chains)),
    )
    order = {chain: place for place, chain in enumerate(chains)}
    found = sorted((_message(row) for row in rows), key=lambda message: order[message.chain])
    return [Place(session, message) for message in found]


def _session_of(scope: Scope, chains: Sequence[bytes]) -> Asked[str | None]:
    """The newest session that holds the last of `chains` that any session of the process holds."""
    rows = yield (
        "SELECT session, chain, recorded_at FROM messages INDEXED BY messages_by_chain"
        " WHERE tenant = ? AND entity = ? AND process = ? AND chain IN (?*)",
        (scope.tenant, scope.entity, scope.process, list(chains)),
    )
    order = {chain: place for place, chain in enumerate(chains)}
    newest = max(rows, key=lambda row: (order[row[1]], row[2]), default=None)
    return newest[0] if newest else None


def find_link(scope: Scope, links: Sequence[bytes]) -> Asked[Place | None]:
    """The newest message that follows its predecessor so."""
    within, session = ("", ()) if scope.session is None else (" AND session = ?", (scope.session,))
    rows = yield (
        f"SELECT session, link, recorded_at, {_MESSAGE} FROM messages INDEXED BY messages_by_link"
        f" WHERE tenant = ? AND entity = ? AND process = ?{within} AND link IN (?*)",
        (scope.tenant, scope.entity, scope.process, *session, list(links)),
    )
    order = {link: place for place, link in enumerate(links)}
    newest = max(rows, key=lambda row: (order[row[1]], row[2]), default=None)
    return Place(newest[0], _message(newest[3:])) if newest else None


def answered(scope: Scope, upstream_id: str) -> Asked[Answered | None]:
    """Where the turn of this answer ends."""
    within, session = ("", ()) if scope.session is None else (" AND session = ?", (scope.session,))
    rows = yield (
        "SELECT session, coalesce(reply, (SELECT chain FROM messages AS m WHERE m.tenant = t.tenant"
        " AND m.entity = t.entity AND m.process = t.process AND m.session = t.session AND m.turn = t.turn"
        " ORDER BY key DESC LIMIT 1), anchor) FROM turns AS t"
        f" WHERE tenant = ? AND entity = ? AND process = ? AND upstream_id = ?{within}"
        " ORDER BY recorded_at DESC LIMIT 1",
        (scope.tenant, scope.entity, scope.process, upstream_id, *session),
    )
    return next((Answered(*row) for row in rows), None)


def path(scope: Scope, chain: bytes, until: bytes, limit: int) -> Asked[list[StoredMessage]]:
    """The thread that ends with the message, oldest first."""
    keys = (scope.tenant, scope.entity, scope.process, scope.session)
    rows = yield (
        f"WITH RECURSIVE thread({_MESSAGE}, depth) AS ("
        f" SELECT {_MESSAGE}, 1 FROM messages"
        "  WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND chain = ?"
        f" UNION ALL SELECT {', '.join('m.' + name for name in _MESSAGE.split(', '))}, depth + 1"
        "  FROM thread JOIN messages AS m ON m.tenant = ? AND m.entity = ? AND m.process = ? AND m.session = ?"
        "  AND m.chain = thread.parent WHERE thread.chain <> ? AND depth < ?)"
        f" SELECT {_MESSAGE} FROM thread ORDER BY depth DESC",
        (*keys, chain, *keys, until, limit),
    )
    return [_message(row) for row in rows]


def blocks(scope: Scope, chains: Sequence[bytes] | None = None) -> Asked[list[Block]]:
    """The blocks of the session."""
    these = "" if chains is None else " AND chain IN (?*)"
    rows = yield (
        "SELECT chain, text, memories FROM blocks"
        f" WHERE tenant = ? AND entity = ? AND process = ? AND session = ?{these} ORDER BY created_at",
        (*(scope.tenant, scope.entity, scope.process, scope.session), *([] if chains is None else [list(chains)])),
    )
    return [Block(row[0], row[1], tuple(orjson.loads(row[2]))) for row in rows]


def changes(scope: Scope, after: int, embedder: str | None, most: int | None = None) -> Asked[Changes]:
    """What changed of an entity after this number."""
    keys = (scope.tenant, scope.entity)
    owner = owner_of(scope.tenant, scope.entity)
    heads = yield (_HEADS, (*keys, owner, *keys, scope.tenant, NOBODY))
    epoch, sequence, knowledge = heads[0]
    if sequence <= after:
        return Changes(epoch, sequence, knowledge, (), (), ())
    messages = yield (
        "SELECT key, process, session, text, said_at FROM messages"
        " WHERE tenant = ? AND entity = ? AND key > ? AND key <= ? AND role = 'user' AND learnt ORDER BY key",
        (*keys, after, sequence),
    )
    memories = yield (
        f"SELECT {_MEMORY} FROM memories"
        " WHERE tenant = ? AND entity = ? AND sequence > ? AND sequence <= ? ORDER BY sequence",
        (*keys, after, sequence),
    )
    parts = (yield _PARTS, (*keys, after, sequence)) if memories else []
    wanted = embedder and (most is None or len(messages) <= most)
    vectors = (yield CHANGED, (*keys, after, sequence, embedder)) if wanted else []
    said = tuple(Said(row[0], row[1], row[2], row[3], moment(row[4])) for row in messages)
    known = tuple(_memories(memories, parts))
    return Changes(epoch, sequence, knowledge, said, known, tuple(vectors))


def _message(row: Sequence[Any]) -> StoredMessage:
    key, chain, parent, digest, role, raw, tool, learnt = row
    return StoredMessage(key, chain, parent, digest, role, raw, bool(tool), bool(learnt))


def _memories(rows: Sequence[tuple[Any, ...]], parts: Iterable[Sequence[Any]]) -> Iterator[Memory]:
    sources: dict[str, list[int]] = {}
    triples: dict[str, list[Triple]] = {}
    for memory, message, subject, predicate, thing, _ in parts:
        if message:
            sources.setdefault(memory, []).append(message)
        else:
            triples.setdefault(memory, []).append(Triple(subject, predicate, thing))
    for row in rows:
        *plain, standing, said_at, valid_from, valid_to, expires_at = row
        said = moment(said_at)
        yield Memory(
            *plain,  # type: ignore[misc]  # ten
            standing=bool(standing),
            said_at=said,
            valid_from=said if valid_from == said_at else moment(valid_from),  # as most do
            valid_to=moment_or_none(valid_to),
            expires_at=moment_or_none(expires_at),
            sources=tuple(sorted(sources.get(row[0], ()))),
            triples=tuple(triples.get(row[0], ())),
        )
