"""A process that extracts from a store, as the gateway's worker does, and dies by kill -9 at a given point of a job."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from gateway.config import ExtractConfig
from gateway.extract.llm import Question
from gateway.extraction import Extractor
from gateway.keyring import Headers
from gateway.metrics import Metrics
from gateway.store.sqlite import SqliteStore

POINTS = tuple(
    f"{when} {what}"
    for what in ("claim", "batch", "memories", "spend", "ask", "finish")
    for when in ("before", "after")
)
"""Twelve of them: before and after each step of a job."""


class Honest:
    """A model that says each message again, and knows a new home for a change."""

    async def ask(self, model: str, asked: Question, credentials: Headers) -> str:
        homes = [f"m{number}" for number, memory in enumerate(asked.known, 1) if memory.text.startswith("My home:")]
        operations: list[dict[str, Any]] = []
        for number, message in enumerate(asked.said, 1):
            if "home is" in message.text:
                text = message.text.replace("home is", "home:")
                op = "supersede" if homes else "add"
                operations.append({"op": op, "ids": homes, "text": text, "sources": [number]})
                homes = []
            else:
                operations.append({"op": "add", "text": "So " + message.text, "sources": [number]})
        return json.dumps({"operations": operations, "sessions": [{"session": 1, "title": "T", "summary": "S"}]})


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Failing:
    """Passes calls on to what it wraps, and fails at one of the points."""

    def __init__(self, wrapped: object, point: str, fail: Callable[[], None]) -> None:
        self._wrapped, self._point, self._fail = wrapped, point, fail

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._wrapped, name)

        async def call(*values: Any) -> Any:
            if self._point == f"before {name}":
                self._fail()
            result = await method(*values)
            if self._point == f"after {name}" and result is not None:
                self._fail()
            return result

        return call


async def extract(
    path: Path, point: str = "", statement: int | None = None, fail: Callable[[], None] = die, busy: int = 0
) -> None:
    """Read all that waits; fail at a point, or die before the given statement of the transaction with the results.

    At first the machine is `busy` for so many looks.
    """
    store = await SqliteStore.open(path)
    config = ExtractConfig(mode="llm", model="small", idle=0.01)
    jobs: Any = Failing(store.jobs, point, fail)
    asks: Any = Failing(Honest(), point, fail)
    if statement is not None:
        _die_before(store, statement)
    looks = iter(range(busy))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        await stack.enter_async_context(
            Extractor(jobs, asks, config, Metrics(), busy=lambda: next(looks, None) is not None)
        )
        while (await store.jobs.counts())[0]:
            await asyncio.sleep(0.01)


def _die_before(store: SqliteStore, statement: int) -> None:
    left, writing = statement, False

    def count(sql: str) -> None:
        nonlocal left, writing
        writing = (writing or "j.fence" in sql) and not sql.startswith(
            "COMMIT"
        )  # the check that a transaction begins with
        if writing:
            left -= 1
            if left < 0:
                die()

    store._writer._connection.set_trace_callback(count)


if __name__ == "__main__":
    number = int(sys.argv[3]) if len(sys.argv) > 3 else None
    asyncio.run(extract(Path(sys.argv[1]), sys.argv[2], number))
