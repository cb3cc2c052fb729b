"""reindex: vectors of the configured embedder for everything, while chats go on."""

from __future__ import annotations

import asyncio

from gateway.commands import show
from gateway.commands.options import File, Json, Key, Store, Target, Tenant, Url, models
from gateway.commands.reach import Api, CommandError, finished, held, reached
from gateway.config import Config
from gateway.errors import ConfigError

LOOK = 0.3
"""Seconds between two looks at how far a running gateway is."""


def reindex(
    config: File = None,
    store: Store = None,
    url: Url = None,
    key: Key = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Make all vectors anew with the configured embedder; it can be broken off, and goes on where it was."""
    target = Target(config, store, url, key, tenant)
    settings = target.settings()
    path = settings.store_file
    if url or held(path):
        count, embedder = finished(_through(target))
    elif not path.exists():
        raise ConfigError(f"store {path}: there is none")
    else:
        count, embedder = finished(_alone(settings))
    if as_json:
        show.json({"messages": count, "embedder": embedder})
    else:
        show.say(f"{count} messages have vectors of {embedder}.")


async def _through(target: Target) -> tuple[int, str]:
    """Have the running gateway do it, and watch."""
    async with reached(target) as api:
        await api.embedded()
        begun = await api.call("POST", "/api/reindex")
        try:
            await _watched(api, begun["waiting"], begun["began"])
        except asyncio.CancelledError:
            show.hint("The gateway goes on with it by itself.")
            raise
    return begun["waiting"], begun["embedder"]


async def _watched(api: Api, total: int, began: str) -> None:
    """Return when all that was there when it began has its vectors; what comes in meanwhile is not waited for."""
    with show.progress() as progress:
        task = progress.add_task("Encoding messages", total=total)
        while left := (await api.call("GET", "/api/background", query={"since": began}))["waiting"]:
            progress.update(task, completed=max(total - left, 0))
            await asyncio.sleep(LOOK)
        progress.update(task, completed=total)


async def _alone(settings: Config) -> tuple[int, str]:
    from gateway import embedders
    from gateway.model import ModelError
    from gateway.store.sqlite import SqliteStore
    from gateway.worker import encode_some

    wanted = settings.embedder
    try:
        embedder = await embedders.load(wanted.kind, wanted.model, wanted.threads, models())
    except ModelError as error:
        raise CommandError(f"reindex: {error}") from error
    if embedder is None:
        raise CommandError("reindex: there is no embedder to make vectors with")
    try:
        store = await SqliteStore.open(settings.store_file)
        try:
            await store.forget_encodings(embedder.id)
            waiting = await store.waiting()
            with show.progress() as progress:
                task = progress.add_task("Encoding messages", total=waiting)
                while done := await encode_some(store, embedder):
                    progress.advance(task, done)
        finally:
            await store.close()
    finally:
        embedder.close()
    return waiting, embedder.id
