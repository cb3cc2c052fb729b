"""migrate-store: everything of one store into another, empty one."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.progress import Progress

from gateway.commands import show
from gateway.commands.options import Json
from gateway.commands.reach import CommandError, finished
from gateway.config import Config
from gateway.errors import ConfigError, StoreError
from gateway.store import copying
from gateway.store.copying import Table
from gateway.store.database import Database

LEAVING = 5.0
"""Seconds that the connections of a gateway, or of a move, that was stopped or killed may take to end."""
AGAIN = "What was moved stays there; run the same command again to go on."


def migrate_store(
    source: Annotated[str, typer.Argument(help="The store to move, such as sqlite:///memory.db.")],
    target: Annotated[str, typer.Argument(help="An empty one, such as postgresql://user@host/database.")],
    as_json: Json = False,
) -> None:
    """Move everything from one store to another, which may be broken off and gone on with; no gateway may use them."""
    counts = finished(_move(source, target))
    if as_json:
        show.json({"tables": {name: {"rows": count.rows, "sha256": count.checksum} for name, count in counts.items()}})
    else:
        rows = sum(count.rows for count in counts.values())
        show.say(f"{rows} rows of {len(counts)} tables are moved; counts and checksums of all tables agree.")


async def _move(source: str, target: str) -> dict[str, copying.Count]:
    """Copy what is missing, and compare everything."""
    begun = _settings(source), _settings(target)
    if begun[0].store_url is None and not begun[0].store_file.exists():
        raise ConfigError(f"store {begun[0].store_file}: there is none")
    async with AsyncExitStack() as stack:
        old, new = [await _opened(stack, settings) for settings in begun]
        try:
            plan = await copying.plan(old, new)
            with show.progress() as progress:
                try:
                    await _copied(progress, old, new, plan, postgres=begun[1].store_url is not None)
                except BaseException:
                    progress.stop()
                    show.hint(AGAIN)
                    raise
                return await _compared(progress, old, new, plan)
        except StoreError as error:
            raise CommandError(f"migrate-store: {error}") from error


def _settings(url: str) -> Config:
    try:
        return Config.model_validate({"store": url})
    except ValidationError as error:
        raise ConfigError(f"store: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


async def _opened(stack: AsyncExitStack, settings: Config) -> Database:
    """The store's database, which nobody else uses."""
    from gateway.app import open_store

    if settings.store_url is not None:
        try:
            from gateway.store.postgres_use import users
        except ImportError as error:
            raise ConfigError("store: PostgreSQL needs what memory-gateway[postgres] installs") from error
        end = time.monotonic() + LEAVING
        while await users(settings.store_url):
            if time.monotonic() > end:
                raise ConfigError("store: a gateway is using this database; stop it first")
            await asyncio.sleep(0.2)
    store = await open_store(settings)
    stack.push_async_callback(store.close)
    return store.database


async def _copied(
    progress: Progress, old: Database, new: Database, plan: list[tuple[Table, int, int]], *, postgres: bool
) -> None:
    vector = None
    if postgres:
        from gateway.store.postgres_vectors import pooled

        vector = pooled
    for table, rows, there in plan:
        task = progress.add_task(f"Moving {table.name}", total=rows, completed=there)
        await copying.copy(old, new, table, vector, lambda count, task=task: progress.advance(task, count))  # type: ignore[misc]


async def _compared(
    progress: Progress, old: Database, new: Database, plan: list[tuple[Table, int, int]]
) -> dict[str, copying.Count]:
    task = progress.add_task("Comparing", total=2 * sum(rows for _, rows, _ in plan))
    counts = {}
    for table, *_ in plan:
        before = await copying.counted(old, table, lambda count: progress.advance(task, count))
        after = await copying.counted(new, table, lambda count: progress.advance(task, count))
        if before != after:
            raise CommandError(f"migrate-store: the table {table.name} is not the same in both; do not use the target")
        counts[table.name] = after
    return counts
