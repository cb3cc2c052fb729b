"""Every test of this folder runs against each kind of store."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from gateway.store.postgres import PostgresStore
from gateway.store.sql_store import SqlStore
from gateway.store.sqlite import SqliteStore

Open = Callable[[], Awaitable[SqlStore]]
"""Opens the same database again."""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """Of an empty database; empty for a SQLite file."""
    return str(request.getfixturevalue("database")) if request.param == "postgres" else ""


@pytest.fixture
async def opened(url: str, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens stores on one empty database, and closes them."""
    async with contextlib.AsyncExitStack() as stack:

        async def again() -> SqlStore:
            await stack.aclose()
            store = await (PostgresStore.open(url) if url else SqliteStore.open(tmp_path / "memory.db"))
            stack.push_async_callback(store.close)
            return store

        yield again


@pytest.fixture
async def store(opened: Open) -> SqlStore:
    """An empty store."""
    return await opened()
