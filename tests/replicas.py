"""Several gateways on one PostgreSQL database, as behind a load balancer that goes round."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import pathlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import Any

from tests.postgres import WAIT
from tests.process import Answer, Gateway


def rows(url: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """What a PostgreSQL database holds; `$1` is the first of the values."""
    import asyncpg

    async def fetch() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(url, timeout=WAIT)
        try:
            await connection.execute("SET search_path TO memory_gateway, public")
            return [tuple(row) for row in await connection.fetch(sql, *values, timeout=WAIT)]
        finally:
            await connection.close(timeout=WAIT)

    return asyncio.run(fetch())


class Replicas:
    """Gateways that share a database; each chat goes to the next one."""

    def __init__(self, gateways: list[Gateway], url: str) -> None:
        self.gateways, self.url = gateways, url
        self._turn = itertools.count()

    def next(self) -> Gateway:
        """Whose turn it is."""
        return self.gateways[next(self._turn) % len(self.gateways)]

    def chat(self, messages: str | list[dict[str, Any]], entity: str, **more: Any) -> Answer:
        """A chat with the next one that answers: a client, or its load balancer, tries again where nobody does."""
        for attempt in range(500):
            with contextlib.suppress(OSError, HTTPException):
                answer = self.next().chat(messages, entity, headers={"x-stainless-retry-count": str(attempt)}, **more)
                assert answer.status == 200, answer.body
                return answer
        raise AssertionError("nobody answers")

    def tell(self, text: str, entity: str, session: str) -> None:
        """Say something until it is acknowledged, in a session of its own: on a busy machine some are late."""
        for attempt in range(500):
            with contextlib.suppress(OSError, HTTPException):
                headers = {"x-stainless-retry-count": str(attempt)}
                answer = self.next().chat(text, entity, session=session, headers=headers)
                assert answer.status == 200, answer.body
                if answer.header("x-memory-recorded") == "true":
                    return
        raise AssertionError("nobody acknowledges it")

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database holds."""
        return rows(self.url, sql, *values)


@contextlib.contextmanager
def replicas(folder: pathlib.Path, upstream: str, url: str, count: int, **settings: Any) -> Iterator[Replicas]:
    """So many gateways with these settings."""
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(count) as pool:
        begun = [pool.submit(Gateway, folder, upstream, store=url, **settings) for _ in range(count)]
        yield Replicas([stack.enter_context(each.result()) for each in begun], url)
