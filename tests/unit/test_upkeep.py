"""What was kept long enough is let go of."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.config import Retention
from gateway.domain import Scope, Trace
from gateway.metrics import Metrics
from gateway.store.pages import Page
from gateway.store.sqlite import SqliteStore
from gateway.upkeep import Upkeep
from tests.turns import Conversation

pytestmark = pytest.mark.anyio

ALICE = Scope("t", "alice", "p", "s")


async def left(store: SqliteStore) -> list[str]:
    """Ids of the traces."""
    return [trace.id for trace in (await store.library.requests("t", "alice", Page())).items]


async def purged(store: SqliteStore, retention: Retention, remain: int) -> list[str]:
    """Ids of the traces that are left once there was time to purge, and no more than this many of them are."""
    async with Upkeep(store.library, retention, Metrics(), first=0, every=0.01), asyncio.timeout(60):
        await asyncio.sleep(0.2)
        while len(await left(store)) > remain:
            await asyncio.sleep(0.01)
    return await left(store)


async def test_traces_are_kept_for_their_days(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "memory.db")
    for days in range(4):
        began = datetime.now(UTC) - timedelta(days=days, hours=1)
        await store.library.keep_trace(Trace(f"r{days}", ALICE, "on", "ok", "complete", began))
    assert await purged(store, Retention(requests=None), 4) == ["r0", "r1", "r2", "r3"]
    assert await purged(store, Retention(requests=1e9), 4) == ["r0", "r1", "r2", "r3"]
    assert await purged(store, Retention(requests=2.5), 3) == ["r0", "r1", "r2"]
    await store.record(Conversation(ALICE).turn("Hello."))
    assert await purged(store, Retention(requests=1, turns=1e-9), 1) == ["r0"]
    assert await store.session(ALICE) is None
    await store.close()


async def test_a_store_that_refuses_does_not_end_it(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "memory.db")
    upkeep = Upkeep(store.library, Retention(requests=1), Metrics(), first=0, every=0.01)
    await store.close()
    async with upkeep:
        await asyncio.sleep(0.1)
        assert upkeep._running is not None
        assert not upkeep._running.done()
