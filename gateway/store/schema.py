"""Opening a SQLite file: the lock that refuses a second process, and the numbered migrations."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from importlib import resources
from pathlib import Path
from typing import IO

from gateway.errors import ConfigError
from gateway.store.writer import connect


def lock(path: Path) -> IO[bytes]:
    """Hold the file for this process until the returned file is closed.

    The lock is on a sibling file, so that readers of other kinds (a backup) are not kept out. Raises ConfigError where
    another process holds it, or the folder cannot be written.
    """
    name = path.with_name(path.name + ".lock")
    try:
        file = open(os.open(name, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)  # noqa: SIM115  # it is kept open
    except OSError as error:
        raise ConfigError(f"store {path}: cannot be written ({error.strerror})") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        held = "another gateway has it open (SQLite serves one process)"
        raise ConfigError(f"store {path}: {held if isinstance(error, BlockingIOError) else error.strerror}") from None
    return file


def open_file(path: Path) -> sqlite3.Connection:
    """A writing connection to the file, made if it is not there, with the newest schema.

    Raises ConfigError, in one line, where that cannot be done.
    """
    try:
        if not path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = connect(path)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(f"store {path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        migrate(connection)
    except (ConfigError, sqlite3.Error) as error:
        connection.close()
        raise ConfigError(f"store {path}: {error}") from error
    return connection


def migrations() -> list[tuple[int, str]]:
    """Number and SQL of every migration, in order."""
    folder = resources.files(__package__) / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_")[0]), (folder / name).read_text()) for name in names]


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date; each migration is recorded in the transaction that runs it."""
    steps = migrations()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > steps[-1][0]:
        raise ConfigError(f"written by a newer gateway (schema {version}, known {steps[-1][0]})")
    for number, sql in steps:
        if number > version:
            connection.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version = {number};\nCOMMIT;")
