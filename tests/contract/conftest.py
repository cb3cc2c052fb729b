"""Every test of this folder runs against each kind of store."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from gateway.store import Store
from gateway.store.sqlite import SqliteStore

Open = Callable[[], Awaitable[Store]]
"""Opens the same database again."""


@pytest.fixture(params=["sqlite"])
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens stores on one empty database, and closes them."""
    assert request.param == "sqlite"
    async with contextlib.AsyncExitStack() as stack:

        async def again() -> Store:
            await stack.aclose()
            store = await SqliteStore.open(tmp_path / "memory.db")
            stack.push_async_callback(store.close)
            return store

        yield again


@pytest.fixture
async def store(opened: Open) -> Store:
    """An empty store."""
    return await opened()
