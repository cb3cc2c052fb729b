"""Vectors as pgvector keeps them, beside the packed ones that the ranking reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pgvector import HalfVector

from gateway.dense import Floats, unpack
from gateway.domain import Scope
from gateway.store import PIECES, Compared
from gateway.store.database import Asked, Connection

_KEEP = (
    "INSERT INTO encodings (tenant, entity, key, piece, sequence, embedder, packed, embedding)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?::TEXT::halfvec) ON CONFLICT (tenant, entity, key, piece) DO UPDATE"
    " SET sequence = excluded.sequence, embedder = excluded.embedder, packed = excluded.packed,"
    " embedding = excluded.embedding"
)


_COMPARED = (
    "SELECT string_agg(int8send(key * {pieces} + piece), ''::BYTEA), {sent}"
    " FROM encodings, (SELECT {vectors} OFFSET 0) AS asked"
    " WHERE tenant = ? AND entity = ? AND vector_dims(embedding) = ?"
)
_SETTINGS = (
    "SELECT set_config('enable_seqscan', 'off', TRUE), set_config('enable_bitmapscan', 'off', TRUE),"
    " set_config('max_parallel_workers_per_gather', '0', TRUE), set_config('statement_timeout', '2000', TRUE)"
)
"""The vectors are in the primary key's index too, where those of an entity stand side by side."""
WIDEST = 1000
"""Dimensions of vectors that the database can compare: more do not fit into its index with the longest names."""


def compared(scope: Scope, vectors: Sequence[Floats]) -> Asked[Compared]:
    """All of an entity's vectors beside these, exactly."""
    yield _SETTINGS, ()
    numbers = range(len(vectors))
    sql = _COMPARED.format(
        pieces=PIECES,
        sent=", ".join(f"string_agg(float4send((embedding <#> v{n})::REAL), ''::BYTEA)" for n in numbers),
        vectors=", ".join(f"?::TEXT::halfvec AS v{n}" for n in numbers),
    )
    texts = [HalfVector(vector).to_text() for vector in vectors]
    rows = yield sql, (*texts, scope.tenant, scope.entity, len(vectors[0]))
    places, *products = rows[0]
    cosines = tuple(-np.frombuffer(product or b"", ">f4").astype(np.float32) for product in products)
    return Compared(np.frombuffer(places or b"", ">i8").astype(np.int64), cosines)


def place(
    connection: Connection, keys: tuple[str, str], key: int, sequence: int, embedder: str, pieces: Sequence[bytes]
) -> None:
    """Write the vectors of one text. 16 bits a dimension lose nothing, since the packed ones have 8."""
    connection.executemany(
        _KEEP,
        [(*keys, key, number, sequence, embedder, packed, pooled(packed)) for number, packed in enumerate(pieces)],
    )


def pooled(packed: bytes) -> str | None:
    """The pooled vector; None where these are not packed vectors, or too wide ones."""
    try:
        vector = unpack(packed)[0]
    except ValueError:
        return None
    return str(HalfVector(vector).to_text()) if len(vector) <= WIDEST else None
