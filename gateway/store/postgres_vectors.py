"""Vectors as pgvector keeps them, beside the packed ones that the ranking reads."""

from __future__ import annotations

from collections.abc import Sequence

from pgvector import HalfVector

from gateway.dense import unpack
from gateway.store.database import Connection

_KEEP = (
    "INSERT INTO encodings (tenant, entity, key, piece, sequence, embedder, packed, embedding)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?::TEXT::halfvec) ON CONFLICT (tenant, entity, key, piece) DO UPDATE"
    " SET sequence = excluded.sequence, embedder = excluded.embedder, packed = excluded.packed,"
    " embedding = excluded.embedding"
)


def place(
    connection: Connection, keys: tuple[str, str], key: int, sequence: int, embedder: str, pieces: Sequence[bytes]
) -> None:
    """Write the vectors of one text. 16 bits a dimension lose nothing, since the packed ones have 8."""
    connection.executemany(
        _KEEP,
        [(*keys, key, number, sequence, embedder, packed, pooled(packed)) for number, packed in enumerate(pieces)],
    )


def pooled(packed: bytes) -> str | None:
    """The pooled vector; None where these are not packed vectors."""
    try:
        return str(HalfVector(unpack(packed)[0]).to_text())
    except ValueError:
        return None
