"""The SQL that takes the text of a memory out of the blocks and traces that were written of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from gateway.domain import NOBODY
from gateway.prompt import without
from gateway.store.database import Connection


def texts_of(connection: Connection, tenant: str, entity: str, memory: str) -> list[str]:
    """All that a memory ever said."""
    keys = (tenant, entity, memory)
    rows = connection.execute(
        "SELECT text FROM memories WHERE tenant = ? AND entity = ? AND id = ?"
        " UNION SELECT before FROM history WHERE tenant = ? AND entity = ? AND memory = ? AND before IS NOT NULL",
        (*keys, *keys),
    )
    return [row[0] for row in rows if row[0]]


def scrub(connection: Connection, tenant: str, entity: str, told: Mapping[str, Sequence[str]]) -> None:
    """Take the memories, each with its texts, out of every block; a block that cannot be parted goes whole.

    What processes know by themselves is in the blocks of all the tenant's entities.
    """
    whose, owner = ("", (tenant,)) if entity == NOBODY else (" AND entity = ?", (tenant, entity))
    held = ", ".join("?" * len(told)) if len(told) <= 500 else ""
    names = f" AND EXISTS (SELECT 1 FROM json_each({{}}) WHERE value IN ({held}))" if held else ""
    ids = tuple(told) if held else ()
    blocks = connection.execute(
        "SELECT entity, process, session, chain, text, memories FROM blocks"
        f" WHERE tenant = ?{whose}{names.format('memories')}",
        (*owner, *ids),
    ).fetchall()
    for *place, text, memories in blocks:
        listed: list[str] = orjson.loads(memories)
        if told.keys().isdisjoint(listed):
            continue
        rest = _without(text, {name: told[name] for name in listed if name in told})
        left = orjson.dumps([name for name in listed if name not in told]).decode()
        where = "WHERE tenant = ? AND entity = ? AND process = ? AND session = ? AND chain = ?"
        if rest:
            connection.execute(f"UPDATE blocks SET text = ?, memories = ? {where}", (rest, left, tenant, *place))
        else:
            connection.execute(f"DELETE FROM blocks {where}", (tenant, *place))
    _scrub_traces(connection, (tenant, *owner[1:]), whose, told)


def _scrub_traces(
    connection: Connection, owner: tuple[str, ...], whose: str, told: Mapping[str, Sequence[str]]
) -> None:
    rows = connection.execute(
        f"SELECT entity, started_at, request, block, recalled FROM requests WHERE tenant = ?{whose} AND block <> ''",
        owner,
    ).fetchall()
    for *place, block, recalled in rows:
        gone = {name for name, *_ in orjson.loads(recalled)} & told.keys()
        if gone:
            rest = _without(block, {name: told[name] for name in gone})
            connection.execute(
                "UPDATE requests SET block = ? WHERE tenant = ? AND entity = ? AND started_at = ? AND request = ?",
                (rest, owner[0], *place),
            )


def _without(block: str, told: Mapping[str, Sequence[str]]) -> str:
    for texts in told.values():
        block = without(block, texts)
    return block
