"""The schema of a PostgreSQL database: numbered migrations, each recorded in the transaction that runs it."""

from __future__ import annotations

import contextlib
from importlib import resources
from typing import Any

import asyncpg

from gateway.errors import ConfigError

SCHEMA = "memory_gateway"
ROLE, BACKGROUND = "memory_gateway", "memory_gateway_background"
"""What requests are served as, and what the work in the background is done as (see the first migration)."""
PATH = f"{SCHEMA}, public, extensions"
"""Where names are looked for; the last two for pgvector, which somebody else may have installed there."""
LOOK = 5.0
"""Seconds to wait for the schema's version: a server that says nothing is not waited for as one that migrates is."""
ANALYZING = 1000
"""Milliseconds that a new connection may be held up by a statement that only makes later ones faster."""
GUARD = 0x6D656D6F7279
"""Key of the advisory lock that one replica holds while it migrates."""

_GROWN = (
    "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'r'"
    " AND pg_relation_size(oid) > 4 * 8192 * greatest(relpages, 2)"
)


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


async def analyze(connection: Any) -> None:
    """Have the server look at tables that are several times as large as when it did so last.

    It does by itself, each minute, unless it crashed: then it forgets what changed. What it takes for a table of one
    row it joins by reading all of an entity for each row of the entity, which gets slower with every turn.
    """
    with contextlib.suppress(asyncpg.PostgresError):
        async with connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = {ANALYZING}", timeout=LOOK)
            tables = await connection.fetch(_GROWN, SCHEMA, timeout=LOOK)
            if tables:
                names = ", ".join(f"{SCHEMA}.{table}" for (table,) in tables)
                await connection.execute(f"ANALYZE (SKIP_LOCKED) {names}", timeout=LOOK)


async def _version(connection: Any) -> int:
    known: str | None = await connection.fetchval(f"SELECT to_regclass('{SCHEMA}.migrations')::TEXT", timeout=LOOK)
    if known is None:
        return 0
    sql = f"SELECT coalesce(max(number), 0) FROM {SCHEMA}.migrations"
    version: int = await connection.fetchval(sql, timeout=LOOK)
    return version
