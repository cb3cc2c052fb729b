"""Everything of a SQLite store goes to PostgreSQL, and back, whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import sqlite3
from collections.abc import Callable

import pytest

from benchmarks import stored
from gateway.dense import unpack
from gateway.store.copying import tables
from gateway.store.sqlite import SqliteStore
from tests.commands import Shell
from tests.postgres import command
from tests.process import Gateway
from tests.replicas import rows
from tests.upstream import Upstream, chat
from tests.vectors import packed
from tests.waiting import until

EVERY = {"entities", "sessions", "messages", "turns", "blocks", "memories", "mentions", "triples", "endings", "history"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The store of a gateway that has heard this and that, and was stopped."""
    with Upstream(chat("Noted.")) as upstream, Gateway(tmp_path_factory.mktemp("told"), upstream.url) as gateway:
        for entity in ("alice", "bob", "zoë"):
            gateway.chat(
                f"My name is {entity}. I live in Porto. My sister is called Maria.", entity=entity, session="s"
            )
            gateway.chat("I moved to Lisbon.", entity=entity, session="s")
            gateway.chat("Where do I live?", entity=entity, session="t")
        known = gateway.get("/api/memories?entity=alice").json["memories"]
        sister = next(memory["id"] for memory in known if "sister" in memory["text"])
        gateway.request("DELETE", f"/api/memories/{sister}")
        gateway.request("DELETE", "/api/entities/bob")
        return gateway.store


def test_a_store_moves_to_postgresql_and_is_served_there(
    start: Callable[..., Gateway], upstream: Upstream, told: pathlib.Path, database: str, tmp_path: pathlib.Path
) -> None:
    moved = Shell(tmp_path).json("migrate-store", f"sqlite:///{told}", database)["tables"]
    assert moved.keys() == {table.name for table in tables()}
    assert {name for name, count in moved.items() if count["rows"]} >= {*EVERY, "requests", "erased"}
    assert all(rows(database, f"SELECT count(*) FROM {name}") == [(moved[name]["rows"],)] for name in moved)
    there = start(store=database)
    there.chat("When did I move to Lisbon?", entity="alice", session="u")
    assert "I moved to Lisbon." in str(upstream.last.json["messages"])


def test_a_move_back_gives_the_same_rows(told: pathlib.Path, database: str, tmp_path: pathlib.Path) -> None:
    there = Shell(tmp_path).json("migrate-store", f"sqlite:///{told}", database)
    back = Shell(tmp_path).json("migrate-store", database, f"sqlite:///{tmp_path}/back.db")
    assert there == back
    with (
        contextlib.closing(sqlite3.connect(told)) as original,
        contextlib.closing(sqlite3.connect(tmp_path / "back.db")) as copied,
    ):
        for table in tables():
            sql = f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}"
            assert copied.execute(sql).fetchall() == original.execute(sql).fetchall(), table.name


SLOW = """
CREATE FUNCTION memory_gateway.slow() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN PERFORM pg_sleep(0.003); RETURN NEW; END';
CREATE TRIGGER slow BEFORE INSERT ON memory_gateway.messages FOR EACH ROW EXECUTE FUNCTION memory_gateway.slow()
"""
"""A move takes long enough to be killed on its way."""


def test_a_move_that_was_killed_goes_on(database: str, tmp_path: pathlib.Path) -> None:
    file, shell = tmp_path / "large.db", Shell(tmp_path)
    pool = stored.sentences(50)
    stored.fill(file, {"alice": 2000, "bob": 300}, pool, [packed(text) for text in pool], "e")
    move = ("migrate-store", f"sqlite:///{file}", database)
    command(database, SLOW)
    for at_least in (300, 1200):
        begun = shell.begin(*move)
        until(lambda at_least=at_least: rows(database, "SELECT count(*) FROM messages")[0][0] >= at_least)  # type: ignore[misc]
        begun.kill()
        begun.wait(60)
    command(database, "DROP FUNCTION memory_gateway.slow CASCADE")
    before = rows(database, "SELECT count(*) FROM messages")[0][0]
    assert before < 2300
    assert shell.json(*move)["tables"]["messages"]["rows"] == 2300
    ((text, pooled, source),) = rows(
        database, "SELECT text, embedding::TEXT, packed FROM encodings JOIN messages USING (entity, key) LIMIT 1"
    )
    assert text
    near = [float(value) for value in pooled.strip("[]").split(",")]
    assert sum(a * b for a, b in zip(near, unpack(source)[0], strict=True)) == pytest.approx(1, abs=0.01)
    assert "2300" in str(shell.json(*move))  # nothing is left to do


def test_what_holds_something_else_or_is_in_use_is_refused(
    start: Callable[..., Gateway], told: pathlib.Path, database: str, tmp_path: pathlib.Path
) -> None:
    shell, other = Shell(tmp_path), start(store=database)
    other.chat("I am somebody else.", entity="carol")
    move = ("migrate-store", f"sqlite:///{told}", database)
    assert "a gateway is using this database" in shell.refused(*move, code=3)
    other.stop()
    assert "the target holds other data" in shell.refused(*move, code=3)
    start(store=f"sqlite:///{told}")
    assert "another gateway has it open" in shell.refused(*move, code=3)
    missing = f"sqlite:///{tmp_path}/none.db"
    assert "there is none" in shell.refused("migrate-store", missing, database, code=3)
    assert not (tmp_path / "none.db").exists()


def test_the_checksum_notices_a_changed_value(tmp_path: pathlib.Path) -> None:
    from gateway.store import copying

    file = tmp_path / "memory.db"
    stored.fill(file, {"alice": 3}, stored.sentences(5), [], "e")
    table = next(table for table in tables() if table.name == "messages")

    async def checksum() -> str:
        store = await SqliteStore.open(file)
        try:
            return (await copying.counted(store.database, table, lambda _: None)).checksum
        finally:
            await store.close()

    before = asyncio.run(checksum())
    assert asyncio.run(checksum()) == before
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE messages SET text = text || '!' WHERE key = 2")
        connection.commit()
    assert asyncio.run(checksum()) != before
