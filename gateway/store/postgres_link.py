"""One connection to a PostgreSQL server, held by one thread: whole transactions, spoken to as if it were SQLite.

asyncpg runs on an event loop of the thread's own. A statement is a call like any other there, so that the same
functions write to both databases, and no request's cancellation can reach the middle of a transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from gateway.errors import StoreError
from gateway.store.database import KeyTaken, Work
from gateway.store.postgres_server import BROKEN, Server
from gateway.store.postgres_sql import translated

ANSWER = 5.0
"""Seconds that a statement may take, and a lock be waited for."""
CLOSING = 1.0
"""Seconds for a farewell."""
SIGN = 1.0
"""Seconds for a sign of life, which is asked for where another connection gave none."""
STATEMENTS = 256
"""Prepared statements that a connection keeps."""
TRIES = 6
"""Times that a transaction is begun which the server gives up to let another one through."""
BETWEEN_TRIES = 0.02
"""Seconds, on average and at first."""
ABANDONED = ("40001", "40P01")
"""serialization_failure, deadlock_detected: nothing was written, and the next try may pass."""
TOO_SLOW = ("55P03", "57014")
"""lock_not_available, query_canceled: by the deadlines that every transaction sets itself."""
NEVER = ("22", "42601", "42804", "42883")
"""Beginnings of the states that no other try could mend: a value that cannot be, a statement that is wrong."""
GONE = ("08", "25P0", "53", "57", "58", "XX")
"""Beginnings of the states after which a connection is not used any more."""

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """A transaction to run."""

    begin: str
    """The statements that it begins with."""
    work: Work[Any]
    writes: bool
    deadline: float = ANSWER
    """Seconds for each statement of the work."""


@dataclass(slots=True)
class Fetched:
    """Rows of a statement (`database.Rows`)."""

    rows: list[Any]
    rowcount: int
    description: tuple[tuple[str], ...] = ()

    def fetchone(self) -> Any:
        return self.rows.pop(0) if self.rows else None

    def fetchall(self) -> list[Any]:
        rows, self.rows = self.rows, []
        return rows

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())


class Link:
    """A connection that is made when it is needed, and made anew when it broke. Only its thread may use it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._connection: Any = None
        self._statements: OrderedDict[str, Any] = OrderedDict()
        self._deadline = ANSWER
        self._unsettled = False
        self._answered = 0.0

    @property
    def alive(self) -> bool:
        return self._connection is not None

    def transact(self, task: Task) -> Any:
        """The work's result, committed if it writes; one that only reads is ended by `settle`.

        Raises StoreError, Unreachable where there is no connection, and what the work itself raises.
        """
        for attempt in range(1, TRIES + 1):
            used = self.alive
            try:
                return self._once(task)
            except _Abandoned as error:
                if attempt == TRIES:
                    raise StoreError(f"given up {TRIES} times: {error}") from error
                time.sleep(secrets.SystemRandom().uniform(0.5, 1.5) * BETWEEN_TRIES * attempt)
            except _Lost as error:
                if not used:  # it was made just now
                    raise StoreError(str(error)) from error
        raise StoreError("the connection broke again and again")

    def settle(self) -> None:
        """End a transaction that only read."""
        if self._unsettled:
            self._unsettled = False
            try:
                self._run(self._connection.execute("COMMIT", timeout=ANSWER))
            except BROKEN:
                self._drop()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            with contextlib.suppress(*BROKEN):
                self._run(self._connection.close(timeout=CLOSING))
        self._drop()
        self._loop.close()

    # --- one transaction ---------------------------------------------------------------------------------------

    def _once(self, task: Task) -> Any:
        if self._connection is not None and self._answered < self._server.silent_at:
            self._hear()
        if self._connection is None:
            self._connection = self._server.connect(self._loop)
        committing = False
        try:
            self._deadline = ANSWER
            self._run(self._connection.execute(task.begin, timeout=ANSWER))
            self._answered, self._deadline = time.monotonic(), task.deadline
            result = task.work(self)
            if not task.writes:
                self._unsettled = True
                return result
            committing = True
            ended = self._run(self._connection.execute("COMMIT", timeout=task.deadline))
        except ValueError:  # of the work, or a value that cannot be sent
            self._roll_back()
            raise
        except BROKEN as error:
            raise self._refusal(error, committing) from error
        except BaseException:
            self._roll_back()
            raise
        if ended != "COMMIT":
            raise StoreError("the transaction had failed before its end")
        return result

    def _hear(self) -> None:
        """Keep the connection only if it gives a sign of life."""
        try:
            self._run(self._connection.execute("SELECT 1", timeout=SIGN))
        except BROKEN:
            self._drop()

    def _refusal(self, error: Exception, committing: bool) -> Exception:
        """What the error means for whoever asked; the connection is ready for the next transaction, or gone."""
        state = getattr(error, "sqlstate", None) or ""
        text = f"{type(error).__name__}: {error}"
        if state in ABANDONED:
            self._roll_back()
            return _Abandoned(text)
        if state in TOO_SLOW or (state and not state.startswith(GONE)):
            self._roll_back()
            return ValueError(text) if state.startswith(NEVER) else StoreError(text)
        self._drop()
        if isinstance(error, TimeoutError):
            self._server.silent_at = time.monotonic()
        if committing:
            return StoreError(f"whether it was committed is not known: {text}")
        return _Lost(text) if not isinstance(error, TimeoutError) else StoreError("it did not answer in time")

    def _roll_back(self) -> None:
        try:
            self._run(self._connection.execute("ROLLBACK", timeout=ANSWER))
        except BROKEN:
            self._drop()

    def _drop(self) -> None:
        """Let go of the connection, and of what asyncpg was about to do with it."""
        connection, self._connection = self._connection, None
        self._statements.clear()
        self._unsettled = False
        if connection is None:
            return
        connection.terminate()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._run(_ended(left))

    def _run(self, step: Coroutine[Any, Any, Result]) -> Result:
        try:
            return self._loop.run_until_complete(step)
        except asyncio.CancelledError as error:  # by the library: it must not end the thread
            raise ConnectionError("it was given up") from error

    # --- database.Connection -----------------------------------------------------------------------------------

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Fetched:
        return self._run(self._execute(sql, [_storable(value) for value in values]))

    def executemany(self, sql: str, values: Iterable[Sequence[Any]], /) -> Fetched:
        many = [[_storable(value) for value in row] for row in values]
        if len(many) > 1 and " RETURNING " not in sql and sql.startswith("INSERT"):
            self._run(self._execute_many(sql, many))
            return Fetched([], -1)
        return Fetched([], sum(self._run(self._execute(sql, row)).rowcount for row in many))

    async def _execute(self, sql: str, values: list[Any]) -> Fetched:
        statement = await self._prepared(sql)
        try:
            rows = await statement.fetch(*values, timeout=self._deadline)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise KeyTaken(str(error)) from error
        _, _, count = statement.get_statusmsg().rpartition(" ")
        names = tuple((attribute.name,) for attribute in statement.get_attributes()) if rows else ()
        return Fetched([tuple(row) for row in rows], int(count) if count.isdigit() else -1, names)

    async def _execute_many(self, sql: str, many: list[list[Any]]) -> None:
        statement = await self._prepared(sql)
        try:
            await statement.executemany(many, timeout=self._deadline)
        except asyncpg.IntegrityConstraintViolationError as error:
            raise KeyTaken(str(error)) from error

    async def _prepared(self, sql: str) -> Any:
        statement = self._statements.get(sql)
        if statement is None:
            async with asyncio.timeout(self._deadline):  # asyncpg's own does not bound what it does beside
                statement = await self._connection.prepare(translated(sql))
            self._statements[sql] = statement
            if len(self._statements) > STATEMENTS:
                self._statements.popitem(last=False)
        else:
            self._statements.move_to_end(sql)
        return statement


class _Abandoned(Exception):
    """The server gave the transaction up to let another one through."""


class _Lost(Exception):
    """The connection broke before anything could have been committed."""


async def _ended(tasks: Iterable[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # the transport closes in the loop's next round


def _storable(value: Any) -> Any:
    """Text without NUL, which PostgreSQL's cannot hold."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value
