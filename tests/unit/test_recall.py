"""Whose memories a question may be answered with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.config import MemoryConfig
from gateway.domain import NOBODY, Learnt, Scope
from gateway.recall import Question, Recall
from gateway.store.sqlite import SqliteStore
from tests.turns import fact

pytestmark = pytest.mark.anyio

QUESTION = Question(
    text="What is the gate code?",
    before="",
    asked_at=datetime.now(UTC),
    narrow=False,
    present=frozenset(),
    shown=frozenset(),
    said="",
    first=True,
    spent=0,
)


@pytest.mark.parametrize(
    ("process", "session", "told"),
    [("p", "", True), ("p", "s", True), ("p", "other", False), ("other", "", False), ("", "s", False), ("", "", False)],
)
@pytest.mark.parametrize("entity", ["alice", NOBODY])
async def test_what_nobody_owns_is_told_in_its_own_process_only(
    tmp_path: Path, entity: str, process: str, session: str, told: bool
) -> None:
    """The same session's name under another process or entity is another session."""
    store = await SqliteStore.open(tmp_path / "memory.db")
    learnt = Learnt(fact("The gate code is 4711."), datetime.now(UTC), process, session, process, session, origin="api")
    await store.library.add("t", NOBODY, learnt)
    async with Recall(store, MemoryConfig(), {}, lambda: None) as recall:
        lines = await recall.recall(Scope("t", entity, "p", "s"), QUESTION)
    assert [line.text for line in lines] == (["The gate code is 4711."] if told else [])
    await store.close()
