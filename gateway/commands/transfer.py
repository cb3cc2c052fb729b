"""export and import."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Annotated
from urllib.parse import quote

import orjson
import typer

from gateway.commands import formats, show
from gateway.commands.options import Entity, File, Json, Key, Process, Store, Target, Tenant, Url
from gateway.commands.reach import Api, CommandError, run

_MANY = {"session": "sessions", "turn": "turns", "memory": "memories", "edge": "edges"}


def export(
    entity: Annotated[str, typer.Option("--entity", "-e", help="Whose memories: a user, a customer.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; else standard output.")] = None,
    config: File = None,
    store: Store = None,
    url: Url = None,
    key: Key = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Write out everything of an entity as JSON Lines: sessions, turns, memories and edges."""
    if as_json and output is None:
        raise CommandError("--json tells what was written, and needs an --output to write to")
    target = Target(config, store, url, key, tenant)
    counts = run(target, lambda api: _write(api, entity, output))
    if as_json:
        show.json({"entity": entity, "output": str(output), "records": counts})
    elif output is not None:
        show.say(f"{_listed(counts)} in {output}.")


async def _write(api: Api, entity: str, output: Path | None) -> dict[str, int]:
    """Write the records; a file is there only once it is whole. Returns how many there are of each type."""
    path = f"/api/entities/{quote(entity, safe='')}/export"
    if output is None:
        return await _copy(api, path, sys.stdout.buffer)
    partial = output.with_name(output.name + ".part")
    try:
        with partial.open("wb") as file:
            counts = await _copy(api, path, file)
        partial.replace(output)
    except OSError as error:
        raise CommandError(f"{output}: cannot be written ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)
    return counts


async def _copy(api: Api, path: str, file: IO[bytes]) -> dict[str, int]:
    counts: dict[str, int] = {}
    with show.progress() as progress:
        task = progress.add_task("Writing records", total=None)
        async for line in api.lines(path):
            file.write(line)
            kind = _MANY.get(name := formats.type_of(line), name)
            counts[kind] = counts.get(kind, 0) + 1
            progress.advance(task)
    with suppress(BrokenPipeError):
        file.flush()
    return counts


def import_(
    file: Annotated[
        Path, typer.Argument(help="Our export, ChatGPT's conversations.json or archive, or mem0's export.")
    ],
    entity: Entity = None,
    process: Process = None,
    config: File = None,
    store: Store = None,
    url: Url = None,
    key: Key = None,
    tenant: Tenant = None,
    as_json: Json = False,
) -> None:
    """Bring in memories and conversations; broken off and begun anew, it passes over what is there already."""
    parcel = formats.opened(file, entity, process)
    if entity is None and parcel.format != "mem0":
        raise CommandError("whose memories are these? name an --entity")
    target = Target(config, store, url, key, tenant)
    new = run(target, lambda api: _send(api, parcel, entity, process), makes=True)
    if as_json:
        show.json({"format": parcel.format, parcel.unit: parcel.size, "new": new})
    else:
        show.say(f"{parcel.size} {parcel.unit} read; new: {_listed(new)}.")


async def _send(api: Api, parcel: formats.Parcel, entity: str | None, process: str | None) -> dict[str, int]:
    """Send the parts, one after the other; returns what was new."""
    new: dict[str, int] = {}
    done = 0
    with show.progress() as progress:
        task = progress.add_task(f"Bringing in {parcel.unit}", total=parcel.size)
        try:
            for part in parcel.parts:
                for name, count in (await _sent(api, parcel, part, entity, process)).items():
                    new[name] = new.get(name, 0) + count
                done += part.size
                progress.advance(task, part.size)
        except BaseException:
            progress.stop()
            show.hint(f"{done} of {parcel.size} {parcel.unit} are in; run the same command again to go on.")
            raise
    return new


async def _sent(
    api: Api, parcel: formats.Parcel, part: formats.Part, entity: str | None, process: str | None
) -> dict[str, int]:
    """Send one part; how many were new, by type."""
    owner = part.entity if entity is None else entity
    if not owner:
        return {"memories": await _taught(api, part.body.split(b"\n"))}
    answer = await api.call(
        "POST",
        "/api/import",
        content=part.body,
        headers={"content-type": parcel.media_type},
        query={"entity": owner, "process": process},
    )
    return {name: count for name, count in answer.items() if isinstance(count, int)}


async def _taught(api: Api, lines: Sequence[bytes]) -> int:
    """Bring in what agents know by themselves, which is of no entity; what they know already is passed over."""
    known: dict[str, set[str]] = {}
    new = 0
    for record in map(orjson.loads, lines):
        process, text = record["process"], record["text"]
        if process not in known:
            pages = api.pages("/api/memories", "memories", {"process": process, "limit": 1000})
            known[process] = {memory["text"] async for memory in pages}
        if text in known[process]:
            continue
        known[process].add(text)
        given = {"process": process, "text": text, "metadata": record["metadata"], "said_at": record["first_seen"]}
        await api.call("POST", "/api/memories", json=given)
        new += 1
    return new


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing"
