"""The SQL that writes turns and blocks; each function is the whole of one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import orjson

from gateway.domain import Block, Learnt, Message, Scope, Turn
from gateway.store import queue, tracing
from gateway.store.database import Connection
from gateway.store.fences import any_deleted, erased_since, owner_of
from gateway.store.learning import Learning, micros, storable
from gateway.wire.chat import ROOT, rechained

RETRIED = 900_000_000
"""Microseconds in which a client's library tries again."""
_DONE = (
    "SELECT 1 FROM turns WHERE tenant = ? AND entity = ? AND turn = ?"
    " UNION ALL SELECT 1 FROM erased WHERE owner = ? AND erased_at >= ?"
)
"""It was committed although that was not known, or its entity was erased since it began."""
_LEARN = (
    "UPDATE messages SET learnt = TRUE, key = ?"
    " WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND chain = ? AND NOT learnt"
)


def record(connection: Connection, turn: Turn) -> None:
    """Write a turn: entity, session, new messages, reply, statements; one that is there already stays as it is."""
    now = micros(datetime.now(UTC))
    tenant, entity, process, session = _keys(turn.scope)
    if connection.execute(
        _DONE, (tenant, entity, turn.id, owner_of(tenant, entity), micros(turn.started_at))
    ).fetchone():
        return
    turn = _placed(connection, _retried(connection, turn))
    sequence = enter(connection, tenant, entity, now)
    before, follows = _forget_attempt(connection, turn)
    _session(connection, turn, now)
    learning = Learning(connection, tenant, entity, sequence)
    written = _Messages(connection, turn, learning, now)
    written.add([*turn.messages, turn.reply] if turn.reply else turn.messages)
    newest = 0
    for message, statements in turn.learn:
        key = written.learn(message)
        if key is None:
            continue
        newest = key
        closed = process if turn.closed else ""
        for statement in statements:
            learning.remember(Learnt(statement, turn.said_at, process, session, closed=closed, sources=(key,)))
    if turn.extract and newest:
        queue.enqueue(connection, turn, sequence, newest, now)
    connection.execute(
        "UPDATE entities SET sequence = ? WHERE tenant = ? AND entity = ?", (learning.sequence, tenant, entity)
    )
    _keep_turn(connection, turn, before + 1, follows, now)
    if turn.trace:
        tracing.keep(connection, turn.trace)


def _keep_turn(connection: Connection, turn: Turn, attempt: int, follows: bytes, now: int) -> None:
    tenant, entity, process, session = _keys(turn.scope)
    connection.execute(
        "INSERT INTO turns (tenant, entity, turn, process, session, request, anchor, reply, state, attempt,"
        " model, upstream_id, finish_reason, usage, timings, started_at, said_at, recorded_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(tenant, entity, turn.id, process, session, turn.request, follows),
            turn.reply.chain if turn.reply else None,
            *(turn.state, attempt, turn.model, turn.upstream_id, turn.finish_reason),
            orjson.dumps(turn.usage).decode() if turn.usage else None,
            orjson.dumps(turn.timings).decode(),
            *(micros(turn.started_at), micros(turn.said_at), now),
        ),
    )


def _placed(connection: Connection, turn: Turn) -> Turn:
    """A turn that begins a session which has one already follows its newest answer, unless its client sends history.

    So a session stays whole although the store could not be asked where the turn belongs.
    """
    if turn.anchor != ROOT or turn.sends_history or turn.replaces or not turn.messages:
        return turn
    row = connection.execute(
        "SELECT head FROM sessions"
        " WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND head <> x'' AND last_seen <= ?",
        (*_keys(turn.scope), micros(turn.started_at)),
    ).fetchone()
    return _moved(turn, row[0]) if row else turn  # else: a first turn, or one that was written late


def _retried(connection: Connection, turn: Turn) -> Turn:
    """A turn that its client tries again takes the place of what was recorded of it since it began, or just before."""
    keys = _keys(turn.scope)
    if turn.replaces is None or (
        turn.replaces
        and connection.execute(
            "SELECT 1 FROM turns WHERE tenant = ? AND entity = ? AND turn = ?", (*keys[:2], turn.replaces)
        ).fetchone()
    ):
        return turn
    known = connection.execute(
        "SELECT turn FROM turns WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND request = ?"
        " AND recorded_at > ? ORDER BY recorded_at DESC LIMIT 1",
        (*keys, turn.request, micros(turn.started_at) - RETRIED),
    ).fetchone()
    if known is None:
        return replace(turn, replaces=None)
    turn = replace(turn, replaces=known[0])
    if turn.anchor != ROOT or turn.sends_history or not turn.messages:
        return turn
    row = connection.execute(
        "SELECT parent FROM messages WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND digest = ?"
        " ORDER BY key DESC LIMIT 1",
        (*keys, turn.messages[0].digest),
    ).fetchone()
    return _moved(turn, row[0]) if row else turn


def _moved(turn: Turn, anchor: bytes) -> Turn:
    """The turn behind this message."""
    if turn.anchor == anchor:
        return turn
    messages = rechained(turn.messages, anchor)
    moved = {old.chain: new for old, new in zip(turn.messages, messages, strict=True)}
    return replace(
        turn,
        anchor=anchor,
        messages=messages,
        learn=tuple((moved.get(message.chain, message), statements) for message, statements in turn.learn),
        reply=rechained([turn.reply], messages[-1].chain)[0] if turn.reply else None,
    )


def add_usage(connection: Connection, turn: Turn) -> None:
    """Set the usage of a recorded turn."""
    connection.execute(
        "UPDATE turns SET usage = ? WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND turn = ?",
        (orjson.dumps(turn.usage).decode(), *_keys(turn.scope), turn.id),
    )


def keep_block(
    connection: Connection, scope: Scope, block: Block, replay_from: bytes | None, began: datetime | None
) -> Block:
    """Keep the first block of a message, and where replay starts; returns the block that is kept."""
    now = micros(datetime.now(UTC))
    keys = _keys(scope)
    if (began and erased_since(connection, scope, began)) or any_deleted(connection, scope.tenant, block.memories):
        return Block(block.chain, "", ())
    enter(connection, scope.tenant, scope.entity, now)
    connection.execute(
        "INSERT INTO sessions (tenant, entity, process, session, head, replay_from, created_at, last_seen)"
        " VALUES (?, ?, ?, ?, x'', x'', ?, ?) ON CONFLICT DO NOTHING",
        (*keys, now, now),
    )
    if replay_from is not None:
        connection.execute(
            "UPDATE sessions SET replay_from = ? WHERE tenant = ? AND entity = ? AND process = ? AND session = ?",
            (replay_from, *keys),
        )
    if block.text:
        kept = connection.execute(
            "INSERT INTO blocks (tenant, entity, process, session, chain, text, memories, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (*keys, block.chain, block.text, orjson.dumps(block.memories).decode(), now),
        )
        if kept.rowcount == 1:
            return block
    found = connection.execute(
        "SELECT text, memories FROM blocks"
        " WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND chain = ?",
        (*keys, block.chain),
    ).fetchone()
    return Block(block.chain, found[0], tuple(orjson.loads(found[1]))) if found else block


def _keys(scope: Scope) -> tuple[str, str, str, str]:
    assert scope.session is not None
    return scope.tenant, scope.entity, scope.process, scope.session


def enter(connection: Connection, tenant: str, entity: str, now: int) -> int:
    """The entity's sequence number; the entity is made if it is new, and goes on where it was erased."""
    owner = owner_of(tenant, entity)
    found = connection.execute(
        "INSERT INTO entities (tenant, entity, epoch, sequence, created_at, last_seen)"
        " VALUES (?1, ?2, coalesce((SELECT epoch FROM erased WHERE owner = ?3), 0),"
        " coalesce((SELECT sequence FROM erased WHERE owner = ?3), 0), ?4, ?4)"
        " ON CONFLICT (tenant, entity) DO UPDATE SET last_seen = excluded.last_seen RETURNING sequence",
        (tenant, entity, owner, now),
    ).fetchall()
    sequence: int = found[0][0]
    return sequence


def _forget_attempt(connection: Connection, turn: Turn) -> tuple[int, bytes]:
    """Take back the attempt that this turn replaces; returns how many there were, and what the turn follows.

    Where its messages are those of the attempt, it follows what that one did: the next attempt is to be placed there.
    """
    if turn.replaces is None:
        return 0, turn.anchor
    keys = (turn.scope.tenant, turn.scope.entity, turn.replaces)
    found = connection.execute(
        "SELECT attempt, session, reply, anchor FROM turns"
        " WHERE tenant = ? AND entity = ? AND turn = ? AND process = ?",
        (*keys, turn.scope.process),
    )
    row = found.fetchone()
    if row is None:
        return 0, turn.anchor
    connection.execute(
        "DELETE FROM messages"
        " WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND chain = ? AND turn = ?",
        (turn.scope.tenant, turn.scope.entity, turn.scope.process, row[1], row[2], turn.replaces),
    )
    connection.execute("DELETE FROM turns WHERE tenant = ? AND entity = ? AND turn = ?", keys)
    connection.execute(
        "UPDATE messages SET turn = ? WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND turn = ?",
        (turn.id, turn.scope.tenant, turn.scope.entity, turn.scope.process, row[1], turn.replaces),
    )
    return row[0], turn.anchor if turn.messages else row[3]


def _session(connection: Connection, turn: Turn, now: int) -> None:
    """Make or renew the session; its head moves with the newest answer that said something.

    An answer to the head itself is newer than it whatever the clock says; a session may be there without a head, since
    blocks are kept before the upstream is called.
    """
    keys = _keys(turn.scope)
    head = turn.reply.chain if turn.reply and (turn.state == "complete" or not turn.reply.tool) else None
    connection.execute(
        "INSERT INTO sessions AS s (tenant, entity, process, session, head, replay_from, sends_history, created_at,"
        " last_seen) VALUES (?, ?, ?, ?, ?, x'', ?, ?, ?)"
        " ON CONFLICT (tenant, entity, process, session) DO UPDATE SET"
        " head = CASE WHEN length(excluded.head) > 0 AND (s.head IN (x'', ?) OR excluded.last_seen >= s.last_seen)"
        " THEN excluded.head ELSE s.head END,"
        " sends_history = s.sends_history OR excluded.sends_history,"
        " last_seen = max(s.last_seen, excluded.last_seen)",
        (*keys, head or b"", turn.sends_history, now, micros(turn.started_at), turn.anchor),
    )


class _Messages:
    """Messages of one turn on their way into the table."""

    def __init__(self, connection: Connection, turn: Turn, learning: Learning, now: int) -> None:
        self.connection, self.turn, self.learning, self.now = connection, turn, learning, now

    def add(self, messages: Sequence[Message]) -> None:
        """Write messages, each behind the one before; one that is there already stays as it is."""
        parents = [self.turn.anchor, *(message.chain for message in messages)]
        self.connection.executemany(
            "INSERT INTO messages (tenant, entity, process, session, chain, parent, digest, link, key, turn, role, raw,"
            " text, tool, learnt, said_at, recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            [self._row(message, parent) for message, parent in zip(messages, parents, strict=False)],
        )

    def _row(self, message: Message, parent: bytes) -> tuple[object, ...]:
        return (
            *_keys(self.turn.scope),
            *(message.chain, parent, message.digest, message.link, self.learning.next(), self.turn.id),
            *(message.role, storable(message.raw), storable(message.text), message.tool, message.role != "user"),
            *(micros(self.turn.said_at), self.now),
        )

    def learn(self, message: Message) -> int | None:
        """Mark a message as learnt, which makes it new to every index; its key, None if it was learnt before."""
        keys = (*_keys(self.turn.scope), message.chain)
        if self.connection.execute(_LEARN, (self.learning.sequence + 1, *keys)).rowcount:
            return self.learning.next()
        found = self.connection.execute(
            "SELECT 1 FROM messages WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND chain = ?", keys
        ).fetchone()
        if found is None:
            raise ValueError("a message that is to be learnt from is neither stored nor in its turn")
        return None
