"""A worker that dies at any point of a job: what is known after the next one's run equals that of one clean run."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ExtractConfig
from gateway.domain import Scope
from gateway.errors import StoreError
from gateway.extract.llm import Question
from gateway.extraction import Extractor
from gateway.keyring import Headers
from gateway.metrics import Metrics
from gateway.store.sqlite import SqliteStore
from tests.faults.extracting import POINTS, Honest, extract
from tests.turns import Conversation, fact

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(600)]

ALICE = Scope("default", "alice", "support", "s1")
MESSAGES = 45
"""More than one call takes."""


@pytest.fixture
async def recorded(tmp_path: Path) -> Path:
    """A store with turns that nobody has read."""
    path = tmp_path / "memory.db"
    store = await SqliteStore.open(path)
    for process in ("support", "sales"):
        talk = Conversation(replace(ALICE, process=process, session=process))
        for number in range(MESSAGES if process == "support" else 2):
            text = f"I own boat {process}{number}." if number % 9 else f"My home is City{process}{number}."
            await store.record(replace(talk.turn(text, states=[fact(text)]), extract=True))
    await store.close()
    return path


def known(path: Path) -> list[tuple[Any, ...]]:
    """All that is known, in its order, without what is new in every run."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        memories = connection.execute(
            "SELECT m.text, m.status, m.origin, m.times_seen, m.first_seen, m.valid_to, b.text,"
            " (SELECT group_concat(message) FROM (SELECT message FROM mentions AS n WHERE n.memory = m.id"
            " ORDER BY message))"
            " FROM memories AS m LEFT JOIN memories AS b ON b.id = m.superseded_by ORDER BY m.sequence"
        ).fetchall()
        state = connection.execute(
            "SELECT process, cursor, upto, lease, attempts FROM jobs ORDER BY process"
        ).fetchall()
        history = connection.execute("SELECT count(*) FROM history").fetchall()
        sessions = connection.execute("SELECT session, title, summary FROM sessions ORDER BY session").fetchall()
        return [*memories, *state, *history, *sessions]


def killed(path: Path, *arguments: str) -> bool:
    """Run the worker on the store; whether it died on the way."""
    program = [sys.executable, "-m", "tests.faults.extracting", str(path), *arguments]
    left = subprocess.run(program, check=False, timeout=110, cwd=Path(__file__).parents[2])
    assert left.returncode in (0, -signal.SIGKILL)
    return left.returncode != 0


def copied(path: Path, name: str) -> Path:
    to = path.with_name(f"{name.replace(' ', '-')}.db")
    shutil.copy(path, to)
    return to


async def test_a_worker_that_dies_at_any_of_twelve_points_changes_nothing(recorded: Path) -> None:
    clean = copied(recorded, "clean")
    await extract(clean)
    expected = known(clean)
    assert sum(row[1] == "active" and row[2] == "llm" for row in expected[:-5]) >= MESSAGES - 6
    for point in POINTS:
        path = copied(recorded, point)
        assert killed(path, point), point
        await extract(path)
        assert known(path) == expected, point


@pytest.mark.parametrize("error", [StoreError, RuntimeError])
@pytest.mark.parametrize("point", [point for point in POINTS if point != "after claim"])  # that one waits for its end
async def test_a_step_that_fails_once_changes_nothing(recorded: Path, point: str, error: type[Exception]) -> None:
    with contextlib.closing(sqlite3.connect(recorded)) as connection, connection:
        connection.execute("DELETE FROM jobs WHERE process = 'sales'")  # it would go on meanwhile
    failures = iter([error("on purpose")])

    def fail() -> None:
        for failure in failures:
            raise failure

    clean = copied(recorded, "clean")
    await extract(clean)
    await extract(recorded, point, fail=fail)
    assert next(failures, None) is None
    assert known(recorded) == known(clean)


async def test_nothing_is_begun_while_chats_need_the_machine(recorded: Path) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await extract(copied(recorded, "busy"), busy=1_000_000)
    with contextlib.closing(sqlite3.connect(recorded.with_name("busy.db"))) as connection:
        assert connection.execute("SELECT sum(fence) FROM jobs").fetchone() == (0,)
    await extract(recorded, busy=20)


class Slow(Honest):
    """A model that answers when it may."""

    def __init__(self) -> None:
        self.asked, self.may = 0, asyncio.Event()

    async def ask(self, model: str, asked: Question, credentials: Headers) -> str:
        self.asked += 1
        await self.may.wait()
        return await super().ask(model, asked, credentials)


def leases(path: Path) -> list[int]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [lease for (lease,) in connection.execute("SELECT lease FROM jobs ORDER BY process")]


async def test_a_claim_holds_as_long_as_its_job_is_worked_on(tmp_path: Path) -> None:
    store, model, path = await SqliteStore.open(tmp_path / "memory.db"), Slow(), tmp_path / "memory.db"
    turn = Conversation(ALICE).turn("I own a kayak.", states=[fact("I own a kayak.")])
    await store.record(replace(turn, extract=True))
    config = ExtractConfig(mode="llm", model="small", idle=0.01)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        await stack.enter_async_context(Extractor(store.jobs, model, config, Metrics(), lease=6))
        while not model.asked:
            await asyncio.sleep(0.01)
        (first,) = leases(path)
        while leases(path) <= [first + 1_000_000]:
            await asyncio.sleep(0.01)
        model.may.set()
        while (await store.jobs.counts())[0]:
            await asyncio.sleep(0.01)
    assert model.asked == 1
    assert leases(path) == [0]


async def assert_deaths_within_the_results_change_nothing(recorded: Path, step: int) -> None:
    clean = copied(recorded, "clean")
    await extract(clean)
    expected = known(clean)
    for statement in range(0, 10_000, step):
        path = copied(recorded, f"statement {statement}")
        if not killed(path, "", str(statement)):
            break
        await extract(path)
        assert known(path) == expected, statement
    assert statement > 10 * step


async def test_a_worker_that_dies_within_the_transaction_of_its_results_changes_nothing(recorded: Path) -> None:
    await assert_deaths_within_the_results_change_nothing(recorded, 24)


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_deaths_before_every_third_statement_of_the_results_change_nothing(recorded: Path) -> None:
    await assert_deaths_within_the_results_change_nothing(recorded, 3)
