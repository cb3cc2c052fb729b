"""What the SQL of this package runs on: a connection in the middle of a transaction, and the database behind it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol, TypeVar

Result = TypeVar("Result")

Wipes = Literal["", "log", "file"]
"""Where no byte of what is removed may be left, as far as the database can promise that."""


class Rows(Protocol):
    """What a statement gave."""

    @property
    def rowcount(self) -> int:
        """Rows that it changed."""

    @property
    def description(self) -> Any:
        """Of each column its name, and more."""

    def fetchone(self) -> Any:
        """The next row, None after the last."""

    def fetchall(self) -> list[Any]:
        """All rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A transaction under way. The SQL is SQLite's, as far as others can follow (see `postgres_sql`)."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Run a statement; `?` are the values in their order, `?1` the first of them."""

    def executemany(self, sql: str, values: Iterable[Sequence[Any]], /) -> Rows:
        """Run a statement once for each of the values."""


class KeyTaken(Exception):
    """Another row has this key."""


TAKEN = (KeyTaken, sqlite3.IntegrityError)
"""What a connection raises where another row has the key; the transaction has to be given up."""

Work = Callable[[Connection], Result]
"""A whole transaction, which may be run again where the database gave it up."""
Asked = Generator[tuple[str, Sequence[Any]], list[Any], Result]
"""A look into the database, without the looking: it yields statements, is sent their rows, and returns what it found.

`IN (?*)` takes the place of a value that is a list.
"""


class Database(Protocol):
    """Runs transactions. All methods raise StoreError where it cannot; what the work itself raises is raised.

    `tenant` is the one whose rows are at hand; None: those of all, for work in the background.
    """

    @property
    def healthy(self) -> bool:
        """The last write was committed."""

    async def ask(self, question: Callable[[], Asked[Result]], tenant: str | None, *, heavy: bool = False) -> Result:
        """What a request needs to know at once; `heavy`: it may be much."""

    async def read(self, work: Work[Result], tenant: str | None) -> Result:
        """What nobody's chat waits for; the work sees one state of the database."""

    async def write(self, work: Work[Result], tenant: str | None, *entities: str, wipes: Wipes = "") -> Result:
        """Run the work and commit it. Durable on return; cannot be cancelled half-way.

        What changes these entities happens one after the other, in the order it was asked for; no two may be asked
        for in another order than here.
        """

    async def close(self) -> None:
        """Finish what was submitted and close."""
