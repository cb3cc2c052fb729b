"""recall, list, remember and forget."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.commands import show
from gateway.commands.options import Entity, File, Json, Key, Process, Session, Store, Target, Tenant, Url
from gateway.commands.reach import Api, CommandError, run

PAGE = 100
"""Memories that are asked for at once."""

Kind = Annotated[str | None, typer.Option(help="fact, preference, skill, rule, event, person or relationship.")]


def recall(
    query: Annotated[str, typer.Argument(help="A question, as it would be asked in a chat.")],
    entity: Entity = None,
    process: Process = None,
    session: Session = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many memories.")] = None,
    as_of: Annotated[str | None, typer.Option(help="When it is asked (RFC 3339); else now.")] = None,
    config: File = None,
    store: Store = None,
    url: Url = None,
    key: Key = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Show what a chat with this question would be told, and why. Writes nothing."""
    _owned(entity, process)
    asked = {"entity": entity, "process": process, "session": session, "query": query, "limit": limit, "as_of": as_of}

    async def ask(api: Api) -> Any:
        await api.embedded()
        return await api.call("POST", "/api/recall", json=_given(asked))

    answer = run(Target(config, store, url, key, tenant), ask)
    if as_json:
        show.json(answer)
    elif not answer["memories"]:
        show.say("Nothing that is remembered bears on this.")
    else:
        show.memories(answer["memories"])
        show.say("")
        show.say(answer["block"].rstrip())


def list_(
    entity: Entity = None,
    process: Process = None,
    kind: Kind = None,
    status: Annotated[str | None, typer.Option(help="active, proposed, superseded or quarantined.")] = None,
    containing: Annotated[str | None, typer.Option("--containing", "-q", help="Words that the text holds.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many memories.")] = PAGE,
    config: File = None,
    store: Store = None,
    url: Url = None,
    key: Key = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """List what is remembered, the newest first; without --entity and --process, whom anything is remembered of."""
    target = Target(config, store, url, key, tenant)
    if entity is None and process is None:
        _entities(target, limit, as_json)
        return
    query = {"entity": entity, "process": process, "kind": kind, "status": status, "q": containing}

    async def look(api: Api) -> list[dict[str, Any]]:
        return await _first(api, limit, "/api/memories", "memories", query)

    found = run(target, look)
    if as_json:
        show.json({"memories": found})
    elif found:
        show.memories(found)
    else:
        show.say("Nothing is remembered here.")


def remember(
    text: Annotated[str, typer.Argument(help="What to remember, such as: I am allergic to peanuts.")],
    entity: Entity = None,
    process: Process = None,
    session: Session = None,
    kind: Kind = None,
    config: File = None,
    store: Store = None,
    url: Url = None,
    key: Key = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Remember something in exactly this scope: an entity, a process, a session, or a combination."""
    _owned(entity, process)
    given = _given({"entity": entity, "process": process, "session": session, "kind": kind, "text": text})

    async def add(api: Api) -> Any:
        return await api.call("POST", "/api/memories", json=given)

    made = run(Target(config, store, url, key, tenant), add, makes=True)
    if as_json:
        show.json(made)
    else:
        show.memories([made])


def forget(
    memories: Annotated[list[str] | None, typer.Argument(help="Ids of memories, as recall and list show them.")] = None,
    entity: Entity = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: File = None,
    store: Store = None,
    url: Url = None,
    key: Key = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Delete memories by their ids, or everything of an entity, for good."""
    target = Target(config, store, url, key, tenant)
    if bool(memories) == (entity is not None):
        raise typer.BadParameter("name either ids of memories, or an --entity of which everything is erased")
    if entity is not None:
        _erase(target, entity, yes, as_json)
        return

    async def delete(api: Api) -> None:
        for memory in memories or ():
            await api.call("DELETE", f"/api/memories/{quote(memory, safe='')}")

    run(target, delete)
    if as_json:
        show.json({"forgotten": memories})
    else:
        show.say(f"Forgotten: {', '.join(memories or ())}.")


def _erase(target: Target, entity: str, yes: bool, as_json: bool) -> None:
    if not yes:
        typer.confirm(f"Erase everything of {entity!r}: memories, conversations, traces?", abort=True, err=True)

    async def erase(api: Api) -> Any:
        return await api.call("DELETE", f"/api/entities/{quote(entity, safe='')}")

    counts = run(target, erase)
    if as_json:
        show.json(counts)
    else:
        show.table(("erased", "rows"), ((name, count) for name, count in counts["erased"].items() if count))


def _entities(target: Target, limit: int, as_json: bool) -> None:
    async def look(api: Api) -> list[dict[str, Any]]:
        return await _first(api, limit, "/api/entities", "entities", {})

    found = run(target, look)
    if as_json:
        show.json({"entities": found})
        return
    columns = ("entity", "memories", "sessions", "turns", "last_seen")
    show.table(columns, ([entity.get(column) for column in columns] for entity in found))


async def _first(api: Api, limit: int, path: str, name: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    """The first items of a list, the newest first."""
    found: list[dict[str, Any]] = []
    async for item in api.pages(path, name, {**query, "limit": min(limit, PAGE)}):
        found.append(item)
        if len(found) == limit:
            break
    return found


def _owned(entity: str | None, process: str | None) -> None:
    if entity is None and process is None:
        raise CommandError("whose memory? name an --entity (a user), a --process (an agent's own knowledge), or both")


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
