"""The schema of a PostgreSQL database: numbered migrations, each recorded in the transaction that runs it."""

from __future__ import annotations

from importlib import resources
from typing import Any

from gateway.errors import ConfigError

SCHEMA = "memory_gateway"
ROLE, BACKGROUND = "memory_gateway", "memory_gateway_background"
"""What requests are served as, and what the work in the background is done as (see the first migration)."""
PATH = f"{SCHEMA}, public, extensions"
"""Where names are looked for; the last two for pgvector, which somebody else may have installed there."""
GUARD = 0x6D656D6F7279
"""Key of the advisory lock that one replica holds while it migrates."""


def migrations() -> list[tuple[int, str]]:
    """Number and SQL of every migration, in order."""
    folder = resources.files(__package__) / "migrations" / "postgres"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name.split("_")[0]), (folder / name).read_text()) for name in names]


async def migrate(connection: Any) -> None:
    """Bring the schema up to date, while no other replica does. Raises ConfigError for a newer one."""
    steps = migrations()
    if await _version(connection) == steps[-1][0]:
        return
    async with connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({GUARD}), set_config('search_path', '{PATH}', TRUE)")
        version = await _version(connection)
        if version > steps[-1][0]:
            raise ConfigError(f"written by a newer gateway (schema {version}, known {steps[-1][0]})")
        if version == 0:
            await connection.execute(
                f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}; CREATE TABLE {SCHEMA}.migrations (number BIGINT PRIMARY KEY)"
            )
        for number, sql in steps:
            if number > version:
                await connection.execute(sql)
                await connection.execute(f"INSERT INTO {SCHEMA}.migrations (number) VALUES ({number})")


async def _version(connection: Any) -> int:
    known: str | None = await connection.fetchval(f"SELECT to_regclass('{SCHEMA}.migrations')::TEXT")
    if known is None:
        return 0
    version: int = await connection.fetchval(f"SELECT coalesce(max(number), 0) FROM {SCHEMA}.migrations")
    return version
