"""A real PostgreSQL server for the tests, and a database of its own for each of them.

GATEWAY_TEST_POSTGRES names a server to use instead (the URL of a user who may create databases and roles).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil
import pytest

from gateway.store.postgres import PostgresStore

WAIT = 100.0
"""Seconds for one command to the server."""


def named(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def command(url: str, *statements: str) -> None:
    """Run statements, each by itself, as the user of the URL."""
    import asyncpg

    async def run() -> None:
        connection = await asyncpg.connect(url, timeout=WAIT)
        try:
            for statement in statements:
                await connection.execute(statement, timeout=WAIT)
        finally:
            await connection.close(timeout=WAIT)

    asyncio.run(run())


def _started(folder: Path) -> Any:
    """pgserver's handle of a new server. It gives up after 10 s, and a busy machine takes longer: looked at again."""
    from pgserver.postgres_server import get_server

    end, tries = time.monotonic() + WAIT, 0
    while True:
        try:
            server = get_server(folder, cleanup_mode="stop")
            if tries:  # it is half made: started, and not waited for
                server.ensure_postgres_running()
                server.global_process_id_list.get_and_add(os.getpid())
        except (subprocess.TimeoutExpired, AssertionError):
            if time.monotonic() > end:
                raise
            tries += 1
            time.sleep(1)
        else:
            return server


class Server:
    """A server that runs until it is closed, and can be made to fail. Nothing is safe there from a power loss."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of platformdirs, where there is no folder for sockets
            from pgserver import _commands
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._running = _started(self._folder)
        self._control = _commands.pg_ctl  # type: ignore[attr-defined]  # it makes them by name
        self._stopped: list[psutil.Process] = []
        self.url: str = self._running.get_uri()
        settings = ("fsync = off", "full_page_writes = off", "max_connections = 300")
        command(self.url, *(f"ALTER SYSTEM SET {setting}" for setting in settings))
        self.restart()

    def close(self) -> None:
        self.resume()
        self._running.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def restart(self, mode: str = "fast") -> None:
        """Stop it, with `immediate` as by a crash, and start it again."""
        self.stop(mode)
        self.start()

    def stop(self, mode: str = "fast") -> None:
        self._ctl("-m", mode, "stop")

    def start(self) -> None:
        self._ctl("-l", str(self._folder / "log"), "-o", f'-h "" -k {self._folder}', "start")

    def pause(self) -> None:
        """Stop all its processes in the middle of what they do."""
        postmaster = psutil.Process(int((self._folder / "postmaster.pid").read_text().split()[0]))
        self._stopped = [postmaster, *postmaster.children(recursive=True)]
        for process in self._stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        """Have them go on."""
        for process in self._stopped:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self._stopped = []

    def _ctl(self, *arguments: str) -> None:
        user = self._running.system_user
        self._control(["-w", *arguments], pgdata=self._folder, user=user, timeout=WAIT)


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of a server that runs until the context ends."""
    running = Server()
    try:
        yield running.url
    finally:
        running.close()


async def _migrated(url: str) -> None:
    await (await PostgresStore.open(url)).close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of the server's own database. Without a server: skipped at home, failed in CI."""
    with contextlib.ExitStack() as stack:
        url = os.environ.get("GATEWAY_TEST_POSTGRES", "")
        if not url:
            try:
                url = stack.enter_context(server())
            except ImportError as error:
                if os.environ.get("CI"):
                    pytest.fail(f"no PostgreSQL to test with: {error}")
                pytest.skip(f"no PostgreSQL to test with: {error}")
        yield url


@pytest.fixture(scope="session")
def migrated(postgres: str) -> Iterator[str]:
    """The name of a database with the schema and nothing in it, which others are copied from."""
    name = f"gateway_{uuid.uuid4().hex[:12]}"
    command(postgres, f"CREATE DATABASE {name}")
    asyncio.run(_migrated(named(postgres, name)))
    yield name
    command(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def fresh(postgres: str, migrated: str) -> Iterator[str]:
    """The URL of an empty database, which is there until the context ends."""
    name = f"{migrated}_{uuid.uuid4().hex[:12]}"
    command(postgres, f"CREATE DATABASE {name} TEMPLATE {migrated} STRATEGY file_copy")
    try:
        yield named(postgres, name)
    finally:
        command(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(postgres: str, migrated: str) -> Iterator[str]:
    """The URL of an empty database of the test's own."""
    with fresh(postgres, migrated) as url:
        yield url
