"""An erasure leaves nothing, whatever is under way and wherever it is stopped."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.domain import Block, Scope, Statement, Trace, Triple
from gateway.store.library import Wanted
from gateway.store.pages import Page
from gateway.store.sqlite import SqliteStore
from tests.turns import Conversation

pytestmark = pytest.mark.anyio


def statement(canary: str, number: int) -> Statement:
    text = f"My {canary} number {number} is {random.random()}."
    return Statement(text, "fact", triples=(Triple("user", "number", canary),))


def left(folder: Path, canary: str) -> dict[str, int]:
    """How often the files of the store hold the word."""
    return {
        path.name: count for path in folder.glob("memory.db*") if (count := path.read_bytes().count(canary.encode()))
    }


async def work(store: SqliteStore, scope: Scope, canary: str, dice: random.Random) -> None:
    """A request as the gateway would serve it, with pauses in between."""
    began = datetime.now(UTC)
    turn = replace(
        Conversation(scope).turn(f"{canary}?", f"{canary}!", states=[statement(canary, 1)]), started_at=began
    )
    await asyncio.sleep(dice.random() / 100)
    await store.keep_block(scope, Block(turn.messages[0].chain, canary, ("m",)), b"x", began)
    await asyncio.sleep(dice.random() / 100)
    trace = Trace(turn.id, scope, "on", "ok", "complete", began, block=canary)
    await store.record(replace(turn, trace=trace))
    await store.keep_encodings("e", [(text, [canary.encode()]) for text in await store.unencoded(10)])
    await store.library.keep_trace(replace(trace, id=f"{turn.id}-alone"))


@pytest.mark.parametrize("times", [60, pytest.param(2000, marks=pytest.mark.long)])
@pytest.mark.timeout(1800)
async def test_nothing_under_way_brings_anything_back(tmp_path: Path, times: int) -> None:
    store = await SqliteStore.open(tmp_path / "memory.db")
    dice = random.Random(5)
    for number in range(times):
        canary = f"CANARY{number}X"
        scopes = [Scope("t", f"entity-{canary}", "p", f"s{n}") for n in range(4)]
        async with asyncio.TaskGroup() as group:
            for scope in scopes:
                group.create_task(work(store, scope, canary, dice))
            await asyncio.sleep(dice.random() / 40)
            await store.library.erase("t", f"entity-{canary}")
        await asyncio.sleep(0)
        assert await store.library.entity("t", f"entity-{canary}") is None, number
        assert (await store.library.requests("t", f"entity-{canary}", Page())).items == ()
    await store.library.erase("t", "nobody-known")
    await store.close()
    assert left(tmp_path, "CANARY") == {}


async def test_of_erased_entities_no_byte_is_left_and_others_are_whole(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "memory.db")
    for session in range(8):
        talks = [Conversation(Scope("t", f"{kind}{n}", "p", f"{kind}{session}")) for kind in "CK" for n in range(40)]
        turns = [
            talk.turn(f"{'CANARY' if talk.scope.entity[0] == 'C' else 'KEPT'} {'long ' * (n % 90)}", states=[fact])
            for n, talk in enumerate(talks)
            for fact in [statement("CANARY" if talk.scope.entity[0] == "C" else "KEPT", session)]
        ]
        await asyncio.gather(*map(store.record, turns))
    before = {f"K{n}": (await store.library.entity("t", f"K{n}")) for n in range(40)}
    await asyncio.gather(*(store.library.erase("t", f"C{n}") for n in range(40)))
    assert left(tmp_path, "CANARY") == {}
    assert {f"K{n}": (await store.library.entity("t", f"K{n}")) for n in range(40)} == before
    assert len((await store.library.memories("t", "K7", Wanted(), Page())).items) == 8
    await store.close()


ERASE = """
import asyncio, os, signal, sys
from pathlib import Path
from gateway.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    left = int(sys.argv[2])

    def count(statement):
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    store._writer._connection.set_trace_callback(count)
    await store.library.erase("t", "CANARY")
    store._writer._connection.set_trace_callback(None)
    await store.close()

asyncio.run(main())
"""
"""Erases, and dies by kill -9 before statement number argv[2]."""


@pytest.mark.timeout(900)
async def test_an_erasure_that_is_killed_is_whole_or_finished_after_the_restart(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    outcomes = []
    for statements in range(0, 200, 3):
        store = await SqliteStore.open(path)
        for number in range(5):
            talk = Conversation(Scope("t", "CANARY", "p", f"CANARY{number}"))
            await store.record(
                replace(talk.turn("CANARY", states=[statement("CANARY", number)]), started_at=datetime.now(UTC))
            )
        await store.close()
        killed = subprocess.run([sys.executable, "-c", ERASE, str(path), str(statements)], check=False)
        store = await SqliteStore.open(path)
        there = await store.library.entity("t", "CANARY")
        await store.close()
        outcomes.append(there is not None)
        if there is None:
            assert left(tmp_path, "CANARY") == {}
        if killed.returncode == 0:
            break
        assert killed.returncode == -signal.SIGKILL
    assert outcomes[0]
    assert not outcomes[-1]
    assert killed.returncode == 0
