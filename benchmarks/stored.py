"""Entities with many messages and their vectors, written straight into a store's file."""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.domain import Scope, Statement, Turn
from gateway.store import recording, schema
from gateway.wire.chat import ROOT, hashed, read_message

SESSION = 20
"""Messages of one session."""
_WHO = "sister brother neighbour colleague cousin mentor dentist landlord trainer accountant".split()
_NAMES = "Ana Bruno Carla Dmitri Elif Farid Greta Hiro Ines Jonas Kemi Lars Mona Nils Olga".split()
_DID = "bought sold repaired borrowed painted lost found photographed inherited restored".split()
_THINGS = "guitar bicycle telescope aquarium piano carpet lantern violin canoe toaster kettle loom".split()
_PLACES = "Rome Oslo Lima Kyoto Porto Quito Cairo Riga Turin Seville Bergen Lyon".split()
_WHY = (
    "because the old one was too heavy to carry up the stairs",
    "after a long talk with the man from the museum",
    "while everybody else was away for the summer",
    "and paid much less than we had expected",
    "which made the whole family laugh for days",
)


def sentences(count: int) -> list[str]:
    """Different statements about a user's people and things."""
    order = random.Random(7)
    made: dict[str, None] = {}
    while len(made) < count:
        who, name = order.choice(_WHO), order.choice(_NAMES)
        what = f"{order.choice(_DID)} a {order.choice(_THINGS)} in {order.choice(_PLACES)}"
        made[f"My {who} {name} {what} {order.choice(_WHY)}."] = None
    return list(made)


def question(number: int, pool: Sequence[str]) -> str:
    """A question about one of these statements; every second one is about something else."""
    if number % 2:
        return f"How do I convert {number} miles to kilometres in Python?"
    _, who, name, _, _, thing, _, place, *_ = random.Random(number).choice(pool).split()
    return f"What did my {who} {name} do with the {thing} in {place}?"


def fill(
    path: Path,
    sizes: dict[str, int],
    pool: Sequence[str],
    packed: Sequence[bytes],
    embedder: str,
    *,
    repeated: bool = True,
) -> None:
    """Entities by name and count of messages, with the vectors of `pool` (none where `packed` is empty). Each message
    is a sentence of `pool` and words of its own; not `repeated`, each sentence is said as it is, once at most."""
    schema.open_file(path).close()
    with _fast(path) as connection:
        for entity, size in sizes.items():
            order = random.Random(size)
            chosen = order.choices(range(len(pool)), k=size) if repeated else order.sample(range(len(pool)), size)
            for number, at in enumerate(chosen):
                text = f"{pool[at]} Note {number} of {size}." if repeated else pool[at]
                recording.record(connection, _turn(entity, number, text))
            if packed:
                _encode(connection, entity, [packed[at] for at in chosen], embedder)


def multiply(path: Path, entity: str, count: int, name: str = "other") -> None:
    """`count` more entities, `name`-0 and so on, with all that `entity` has."""
    with _fast(path) as connection:
        for table in ("entities", "sessions", "messages", "turns", "memories", "mentions", "triples", "encodings"):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            copied = ", ".join("?" if column == "entity" else column for column in columns)
            sql = f"INSERT INTO {table} SELECT {copied} FROM {table} WHERE tenant = 'default' AND entity = '{entity}'"
            connection.executemany(sql, [(f"{name}-{number}",) for number in range(count)])


@contextlib.contextmanager
def _fast(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction that no power loss has to be survived by."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=OFF")
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-200000")  # KiB
        connection.execute("BEGIN")
        yield connection
        connection.execute("COMMIT")


def _encode(connection: sqlite3.Connection, entity: str, packed: Sequence[bytes], embedder: str) -> None:
    """The vectors of all of the entity's messages, in the order of their keys."""
    keys = connection.execute(
        "SELECT key FROM messages WHERE tenant = 'default' AND entity = ? ORDER BY key", (entity,)
    ).fetchall()
    connection.execute("INSERT OR IGNORE INTO embedders (id) VALUES (?)", (embedder,))
    ((last,),) = connection.execute("SELECT sequence FROM entities WHERE tenant = 'default' AND entity = ?", (entity,))
    connection.executemany(
        "INSERT INTO encodings (tenant, entity, key, piece, sequence, embedder, packed)"
        " VALUES ('default', ?, ?, 0, ?, ?, ?)",
        [
            (entity, key, last + at, embedder, each)
            for at, ((key,), each) in enumerate(zip(keys, packed, strict=True), 1)
        ],
    )
    connection.execute("UPDATE messages SET encoded = ? WHERE tenant = 'default' AND entity = ?", (embedder, entity))
    connection.execute(
        "UPDATE entities SET sequence = ? WHERE tenant = 'default' AND entity = ?", (last + len(keys), entity)
    )


def _turn(entity: str, number: int, text: str) -> Turn:
    said_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    value = {"role": "user", "content": text}
    message = read_message(value, json.dumps(value), None)
    scope = Scope("default", entity, session=f"{entity}-{number // SESSION}")
    learn = ((message, (Statement(text, "fact"),)),)
    name = f"{entity}-{number}"
    return Turn(
        name, scope, hashed(name.encode()), None, ROOT, (message,), learn, None, "complete", False, said_at, said_at
    )
