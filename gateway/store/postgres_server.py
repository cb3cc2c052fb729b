"""A PostgreSQL server: how it is reached, and how often it is tried while it cannot be."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from gateway.errors import ConfigError, StoreError
from gateway.store.postgres_schema import analyze, migrate

CONNECT = 3.0
"""Seconds to wait for a connection."""
PAUSE = 0.5
"""Seconds after a failed try in which none is made."""
MIGRATING = 600.0
"""Seconds that a new schema may take, or another replica that is making it."""
BROKEN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What asyncpg raises, of the server and of the way to it."""
UNREACHABLE = ("08", "53", "57")
"""Beginnings of the states that time may mend."""


class Unreachable(StoreError):
    """The server gives no connection now."""


class Server:
    """Makes connections, one at a time. The first one brings the schema up to date."""

    def __init__(self, url: str) -> None:
        self.name = _shown(url)
        self.silent_at = 0.0
        """When a connection was given up on which nothing was answered: older ones may have lost their way too."""
        self._url = url
        self._lock = threading.Lock()
        self._migrated = False
        self._reason = ""
        self._not_before = 0.0

    def connect(self, loop: asyncio.AbstractEventLoop) -> Any:
        """A connection on this loop; blocks. Raises Unreachable, and does so at once shortly after a failed try."""
        with self._lock:
            if time.monotonic() < self._not_before:
                raise Unreachable(self._reason)
            try:
                return loop.run_until_complete(self._connect())
            except (*BROKEN, ConfigError, asyncio.CancelledError) as error:
                self._reason = _reason(error)
                self._not_before = time.monotonic() + PAUSE
                raise Unreachable(self._reason) from error

    async def try_out(self) -> None:
        """Connect once and bring the schema up to date.

        Raises ConfigError for what time does not mend, Unreachable for what it may.
        """
        try:
            connection = await self._connect()
        except (*BROKEN, ValueError) as error:
            state = getattr(error, "sqlstate", None) or ""
            if isinstance(error, OSError | TimeoutError) or state.startswith(UNREACHABLE):
                raise Unreachable(_reason(error)) from error
            raise ConfigError(f"store {self.name}: {_reason(error)}") from error
        except ConfigError as error:
            raise ConfigError(f"store {self.name}: {error}") from error
        await connection.close(timeout=CONNECT)

    async def _connect(self) -> Any:
        connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT,
            statement_cache_size=0,
            server_settings={"application_name": "memory-gateway"},
        )
        try:
            if not self._migrated:
                async with asyncio.timeout(MIGRATING):
                    await migrate(connection)
                self._migrated = True
            await analyze(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection


def _shown(url: str) -> str:
    """The address without its password."""
    parts = urlsplit(url)
    return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if text and not isinstance(error, TimeoutError) else "it does not answer"
