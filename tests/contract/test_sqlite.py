"""What only a SQLite file promises: its lock, its rights, its migrations."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.domain import Scope
from gateway.errors import ConfigError
from gateway.store import schema
from gateway.store.sqlite import SqliteStore
from gateway.store.writer import connect
from tests.turns import Conversation, fact

pytestmark = pytest.mark.anyio

ALICE = Scope("acme", "alice", "support", "s1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


async def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        await SqliteStore.open(path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"store {path}: ")
    return line.removeprefix(f"store {path}: ")


async def test_a_second_store_on_the_same_file_is_refused(path: Path) -> None:
    first = await SqliteStore.open(path)
    assert await refusal(path) == "another gateway has it open (SQLite serves one process)"
    await first.close()
    await (await SqliteStore.open(path)).close()


async def test_a_second_process_on_the_same_file_is_refused(path: Path) -> None:
    script = (
        f"import asyncio; from gateway.store.sqlite import SqliteStore; asyncio.run(SqliteStore.open({str(path)!r}))"
    )
    script = script.replace(repr(str(path)), f"__import__('pathlib').Path({str(path)!r})")
    store = await SqliteStore.open(path)
    left = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    await store.close()
    assert left.returncode == 1
    assert b"another gateway has it open" in left.stderr


async def test_nobody_else_can_read_the_files(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.record(Conversation(ALICE).turn("One."))
    rights = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    await store.close()
    assert rights == dict.fromkeys(["memory.db", "memory.db-wal", "memory.db-shm", "memory.db.lock"], 0o600)


@pytest.mark.parametrize("sql", ["DELETE FROM turns", "CREATE TABLE x (y)", "PRAGMA user_version = 9"])
async def test_readers_cannot_write(path: Path, sql: str) -> None:
    store = await SqliteStore.open(path)
    for reader in (store._lookups, store._loads):
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await reader.execute_fetchall(sql)
    await store.close()


async def test_a_commit_survives_a_power_loss_by_its_settings(path: Path) -> None:
    with contextlib.closing(connect(path)) as connection:
        settings = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert settings == ["wal", 2]


async def test_a_backup_can_be_taken_while_the_store_is_open(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.record(Conversation(ALICE).turn("I like tea.", states=[fact("I like tea.")]))
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(":memory:")) as copy:
        source.backup(copy)
        assert copy.execute("SELECT text FROM memories").fetchall() == [("I like tea.",)]
    await store.close()


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"These are my holiday notes. " * 100)
    assert await refusal(path) == "file is not a database"
    assert path.read_bytes().startswith(b"These are my holiday notes.")


async def test_a_folder_in_the_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir()
    assert await refusal(path) == "unable to open database file"


async def test_a_missing_folder_is_refused(path: Path) -> None:
    assert await refusal(path / "deeper.db") == "cannot be written (No such file or directory)"


async def test_a_refused_file_can_be_opened_once_it_is_repaired(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    await refusal(path)
    path.unlink()
    await (await SqliteStore.open(path)).close()


# --- migrations -------------------------------------------------------------------------------------------------

STEPS = schema.migrations()


def tables(path: Path) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()
        rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return [version, *rows]


def make(path: Path, version: int) -> None:
    """A file as the gateway of this schema version left it."""
    with contextlib.closing(connect(path)) as connection:
        for number, sql in STEPS[:version]:
            connection.executescript(f"BEGIN;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")


@pytest.fixture
def fresh(tmp_path: Path) -> list[tuple[object, ...]]:
    file = tmp_path / "fresh.db"
    schema.open_file(file).close()
    return tables(file)


def test_migrations_are_numbered_from_one_without_a_gap() -> None:
    assert [number for number, _ in STEPS] == list(range(1, len(STEPS) + 1))


@pytest.mark.parametrize("version", range(len(STEPS) + 1))
def test_a_migrated_schema_equals_a_fresh_one(path: Path, version: int, fresh: list[tuple[object, ...]]) -> None:
    make(path, version)
    schema.open_file(path).close()
    assert tables(path) == fresh


async def test_a_newer_schema_is_refused(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1000")
    assert await refusal(path) == f"written by a newer gateway (schema 1000, known {len(STEPS)})"


MIGRATE = """
import os, signal, sys
from pathlib import Path
from gateway.store import schema
from gateway.store.writer import connect

left = int(sys.argv[2])

def count(statement):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

connection = connect(Path(sys.argv[1]))
connection.set_trace_callback(count)
schema.migrate(connection)
"""
"""Migrates a file and dies by kill -9 before statement number argv[2]."""


def killed_migrations(path: Path, version: int) -> Iterator[list[tuple[object, ...]]]:
    """The schema that is left by a kill before each statement in turn."""
    for statement in range(1000):
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        make(path, version)
        left = subprocess.run([sys.executable, "-c", MIGRATE, str(path), str(statement)], check=False)
        yield tables(path)
        if left.returncode == 0:
            return
        assert left.returncode == -signal.SIGKILL


@pytest.mark.parametrize("version", range(len(STEPS)))
def test_a_migration_that_is_killed_leaves_the_old_schema_or_a_later_one_whole(
    path: Path, tmp_path: Path, version: int
) -> None:
    whole = []
    for number in range(version, len(STEPS) + 1):
        make(tmp_path / f"v{number}.db", number)
        whole.append(tables(tmp_path / f"v{number}.db"))
    found = list(killed_migrations(path, version))
    assert all(schema in whole for schema in found)
    assert found[0] == whole[0]
    assert found[-1] == whole[-1]
    assert len(found) > 5
