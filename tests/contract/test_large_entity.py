"""An entity whose vectors stay in PostgreSQL is answered as one whose vectors are held in the process."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import numpy as np
import pytest

from gateway.config import MemoryConfig
from gateway.dense import pack
from gateway.domain import Memory, Scope
from gateway.embed import EmbeddingError, Encoding, Floats
from gateway.errors import StoreError
from gateway.recall import Recall
from gateway.store import Compared
from gateway.store.postgres import PostgresStore
from gateway.store.postgres_vectors import pooled
from tests.turns import Conversation, fact

pytestmark = pytest.mark.anyio

BIG = Scope("default", "big", "p", "s")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TOP = 20
PATIENT = MemoryConfig.model_validate({"recall": {"deadline": 60}})
DIMENSIONS = 64
WORDS = 4_000
_VECTORS = np.random.default_rng(5).standard_normal((WORDS, DIMENSIONS)).astype(np.float32)


class Words:
    """An embedder that knows `w1` to `w3999`: words whose numbers are close mean nearly the same."""

    id = "words"
    dimension = DIMENSIONS
    tagger = None

    def encoded(self, text: str) -> Encoding:
        numbers = np.array([int(word.strip(".?")[1:]) for word in text.split() if word[0] == "w"])
        vectors = _VECTORS[numbers // 4 * 4] + 0.5 * _VECTORS[numbers]
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        mean: Floats = vectors.mean(axis=0)
        return Encoding(mean / np.linalg.norm(mean), (2000 + numbers).astype(np.int32), vectors)

    async def encode_query(self, text: str) -> Encoding:
        return self.encoded(text)

    async def encode_now(self, text: str) -> Encoding:
        return self.encoded(text)

    async def encode(self, texts: Sequence[str]) -> list[Encoding]:
        return [self.encoded(text) for text in texts]

    async def read_change(self, text: str) -> Floats:
        raise EmbeddingError("words change nothing")

    def close(self) -> None:
        """Nothing is open."""


def sentences(count: int) -> list[str]:
    """Statements of one person, each in some words that are common and some that are rare."""
    chance = random.Random(3)
    return [
        " ".join(f"w{int(WORDS * chance.random() ** 3)}" for _ in range(chance.randint(4, 14))) for _ in range(count)
    ]


async def fill(store: PostgresStore, database: str, texts: Sequence[str]) -> None:
    """Record a turn, and copy it for each of the texts, with vectors."""
    talk = Conversation(BIG)
    await store.record(talk.turn("w1 w2 w3.", states=[fact("w1 w2 w3.")]))
    await store.keep_encodings("words", [])
    embedder, connection = Words(), await asyncpg.connect(database, server_settings={"search_path": "memory_gateway"})
    try:
        await connection.execute("CREATE TEMP TABLE said (n BIGINT, text TEXT, packed BYTEA, embedding TEXT)")
        packed = [pack(embedder.encoded(text)) for text in texts]
        rows = [(n, text, each, pooled(each)) for n, (text, each) in enumerate(zip(texts, packed, strict=True), 10)]
        await connection.copy_records_to_table("said", records=rows)
        for table, changed in CHANGED.items():
            columns = [
                row[0]
                for row in await connection.fetch(
                    "SELECT column_name FROM information_schema.columns WHERE table_schema = 'memory_gateway'"
                    " AND table_name = $1",
                    table,
                )
            ]
            values = ", ".join(changed.get(column, f"old.{column}") for column in columns)
            only = " AND role = 'user'" if table == "messages" else ""
            await connection.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM said, {table} AS old WHERE TRUE{only}"
            )
        await connection.execute(
            "INSERT INTO encodings (tenant, entity, key, piece, sequence, embedder, packed, embedding)"
            " SELECT 'default', 'big', n, 0, $1 + n, 'words', packed, embedding::halfvec FROM said ORDER BY n",
            len(texts) + 10,
        )
        await connection.execute("UPDATE entities SET sequence = $1", 2 * len(texts) + 20)
        await connection.execute("VACUUM ANALYZE encodings")
    finally:
        await connection.close()


CHANGED = {
    "messages": {
        "key": "n",
        "text": "said.text",
        "chain": "decode(md5(n::TEXT), 'hex')",
        "session": "'s' || n / 12",
        "encoded": "'words'",
        "said_at": "old.said_at + n * 60000000",
    },
    "memories": {
        "id": "'m' || n",
        "text": "said.text",
        "form": "decode(md5(n::TEXT), 'hex')",
        "sequence": "n",
        "last_seen": "old.last_seen + n * 60000000",
    },
    "mentions": {"message": "n", "memory": "'m' || n"},
}
"""What is different in the copies."""


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(database)
    yield opened
    await opened.close()


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.long)])
async def test_a_large_entity_is_answered_as_if_its_vectors_were_here(
    store: PostgresStore, database: str, count: int
) -> None:
    texts = sentences(count)
    await fill(store, database, texts)
    chance = random.Random(9)
    questions = [" ".join(chance.sample(chance.choice(texts).split(), 3)) + "?" for _ in range(40)]
    async with (
        Recall(store, PATIENT, {}, Words, most=10**9) as held,
        Recall(store, PATIENT, {}, Words, most=count // 2) as lent,
    ):
        found = [await answers(recall, question) for question in questions for recall in (held, lent)]
    shared = [len(set(a) & set(b)) / TOP for a, b in zip(found[::2], found[1::2], strict=True)]
    assert all(len(each) == TOP for each in found)
    assert sum(shared) / len(shared) >= 0.95


async def test_an_entity_that_grows_large_is_still_answered_as_before(store: PostgresStore, database: str) -> None:
    texts = sentences(300)
    await fill(store, database, texts)
    async with (
        Recall(store, PATIENT, {}, Words, most=10**9) as held,
        Recall(store, PATIENT, {}, Words, most=305) as lent,
    ):
        await answers(lent, "w1 w2?")
        talk = Conversation(replace(BIG, session="later"))
        for number in range(10):
            text = f"w{3000 + number} w{number}."
            await store.record(talk.turn(text, states=[fact(text)]))
        without = [await answers(recall, "w3007?") for recall in (lent, held)]  # but for the two newest
        assert len(set(without[0]) & set(without[1])) >= TOP - 1
        embedder = Words()
        waiting = await store.unencoded(100)
        await store.keep_encodings("words", [(each, [pack(embedder.encoded(each.text))]) for each in waiting])
        for question in ("w3007?", f"{texts[7]}?", "w3001 w1 w2?"):
            assert len(set(await answers(lent, question)) & set(await answers(held, question))) >= TOP - 1
        newest = (await lent.search(BIG, "w3007?", lambda memory: True, asked_at=NOW, limit=1))[0]
        assert newest.memory.text == "w3007 w7."


class Slow(PostgresStore):
    """Takes longer to compare vectors than anybody waits."""

    async def compared(self, scope: Scope, vectors: Sequence[Floats]) -> Compared:
        await asyncio.sleep(60)
        return await super().compared(scope, vectors)


class Refusing(PostgresStore):
    """Compares no vectors."""

    async def compared(self, scope: Scope, vectors: Sequence[Floats]) -> Compared:
        raise StoreError("not now")


@pytest.mark.parametrize("kind", [Slow, Refusing])
async def test_words_have_to_do_where_the_vectors_do_not_come(database: str, kind: type[PostgresStore]) -> None:
    store = await kind.open(database)
    texts = sentences(100)
    await fill(store, database, texts)
    async with Recall(store, MemoryConfig(), {}, Words, most=50) as recall:
        found = await recall.search(BIG, f"{texts[7]}?", lambda memory: True, asked_at=NOW, limit=TOP)
    assert found[0].memory.text == texts[7]
    assert "cosine" not in found[0].signals
    await store.close()


async def test_no_other_scope_compares_with_its_vectors(store: PostgresStore, database: str) -> None:
    await fill(store, database, sentences(20))
    question = Words().encoded("w1 w2").vector
    assert len((await store.compared(BIG, [question])).places) == 20
    for other in (replace(BIG, entity="small"), replace(BIG, tenant="other"), replace(BIG, entity="%")):
        assert not len((await store.compared(other, [question])).places)


async def answers(recall: Recall, question: str) -> list[str]:
    def anything(memory: Memory) -> bool:
        return True

    return [found.memory.id for found in await recall.search(BIG, question, anything, asked_at=NOW, limit=TOP)]
