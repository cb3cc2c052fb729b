"""doctor: what is configured, reachable, indexed, queued and parked, and what to do about it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gateway.commands import show
from gateway.commands.options import File, Json, Key, Store, Target, Tenant, Url
from gateway.commands.reach import Api, CommandError, Refused, finished, reached, run
from gateway.config import Config, UpstreamConfig
from gateway.errors import UpstreamSilent, UpstreamUnreachable
from gateway.upstream import Upstream

State = Literal["ok", "note", "bad"]

REACH = 5.0
"""Seconds that an upstream may take to answer."""
LITTLE = 512 * 1024 * 1024
"""Bytes of disk that are too few."""

_STYLES = {"ok": "green", "note": "yellow", "bad": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: State
    found: str
    advice: str = ""
    """What to do about it; empty: nothing."""


def doctor(
    config: File = None,
    store: Store = None,
    url: Url = None,
    key: Key = None,
    tenant: Tenant = None,
    requeue: Annotated[bool, typer.Option("--requeue", help="Have what was parked read once more.")] = False,
    as_json: Json = False,
) -> None:
    """Look at everything, say what is wrong and what to do. Exit status 1 if something is."""
    target = Target(config, store, url, key, tenant)
    settings = target.settings()
    if requeue:
        again = run(target, lambda api: api.call("POST", "/api/requeue"))
        show.hint(f"{again['requeued']} parked batches are read once more.")
    found = finished(_examined(target, settings))
    if as_json:
        show.json({"findings": [asdict(finding) for finding in found]})
    else:
        show.findings([(f.what, f.state, _STYLES[f.state], f.found, f.advice) for f in found])
    if any(finding.state == "bad" for finding in found):
        raise typer.Exit(1)


async def _examined(target: Target, settings: Config) -> list[Finding]:
    found = [_configuration(target, settings)]
    if not target.url:
        found += _file(settings)
    try:
        async with reached(target) as api:
            found.append(await _gateway(api))
            found += [finding async for finding in _inside(api, settings)]
    except CommandError as error:
        found.append(Finding("gateway", "bad", str(error), "start it: memory-gateway serve"))
    found += await asyncio.gather(*(_upstream(upstream) for upstream in settings.upstreams))
    return found


def _configuration(target: Target, settings: Config) -> Finding:
    where = str(target.config) if target.config else "defaults and environment"
    tenants = len({key.tenant for key in settings.keys})
    keys = f"{len(settings.keys)} keys of {tenants} tenants" if settings.keys else "no keys"
    if settings.insecure and not settings.keys:
        advice = "whoever reaches it may name any entity: give keys, and take insecure away"
        return Finding("configuration", "note", f"{where}; {keys}, insecure", advice)
    return Finding("configuration", "ok", f"{where}; {keys}; listens on {settings.listen}")


def _file(settings: Config) -> list[Finding]:
    path = settings.store_file
    try:
        size = sum(part.stat().st_size for part in (path, _beside(path, "-wal")) if part.exists())
        free = shutil.disk_usage(path.absolute().parent).free
    except OSError as error:
        return [Finding("store", "bad", f"{path}: {error.strerror}", "name another one under `store`")]
    shown = f"{path}, {_bytes(size)}; {_bytes(free)} free"
    if not path.exists():
        return [Finding("store", "note", f"{path} is not there yet", "serve, remember and import make it")]
    if free < max(LITTLE, size // 10):
        return [Finding("store", "bad", shown, "make room: turns are not recorded on a full disk")]
    return [Finding("store", "ok", shown)]


async def _gateway(api: Api) -> Finding:
    if not api.running:
        return Finding("gateway", "note", "none runs on this store; looked at it directly", "memory-gateway serve")
    state = await api.state()
    works = state.get("store") == "ok"
    advice = "" if works else "look into its log: the store refuses; turns wait in memory"
    return Finding(
        "gateway", "ok" if works else "bad", f"{api.where}, {state['status']}, store {state['store']}", advice
    )


async def _inside(api: Api, settings: Config) -> AsyncIterator[Finding]:
    await api.embedded()
    try:
        state = await api.call("GET", "/api/background")
        totals = await api.call("GET", "/api/stats")
    except Refused as error:
        if error.status == 403:
            yield Finding("memory", "note", str(error), "give a key with `entity: header` by --key")
        else:
            yield Finding("memory", "bad", str(error), "give a valid one with --key" if error.status == 401 else "")
        return
    held = totals["memories"].get("active", 0)
    yield Finding("memory", "ok", f"{held} memories of {totals['entities']} entities; {totals['turns']} turns")
    yield _embedder(state["embedder"], settings)
    yield _indexed(state, api.running)
    yield _extraction(state["extraction"], settings)


def _embedder(embedder: dict[str, Any], settings: Config) -> Finding:
    state = embedder["state"]
    if state == "ready":
        return Finding("embedder", "ok", embedder["id"])
    if state == "none" and settings.embedder.kind == "none":
        return Finding("embedder", "note", "switched off: recall goes by words alone", "set embedder.kind to auto")
    advice = "memory-gateway model prepare, then start the gateway again"
    return Finding("embedder", "bad", f"{state}: recall goes by words alone", advice)


def _indexed(state: dict[str, Any], running: bool) -> Finding:
    if state["others"]:
        texts = f"{state['others']} texts have vectors of another model, and are found by their words alone"
        return Finding("index", "bad", texts, "memory-gateway reindex")
    if state["waiting"] and state["embedder"]["state"] == "ready":
        advice = "" if running else "the gateway makes them when it runs; or memory-gateway reindex"
        return Finding("index", "note", f"{state['waiting']} texts wait for their vectors", advice)
    return Finding("index", "ok", "every text that can be has been indexed")


def _extraction(jobs: dict[str, Any], settings: Config) -> Finding:
    mode = settings.memory.extract.mode
    shown = f"{mode}; {jobs['waiting']} queued, {jobs['parked']} parked"
    if jobs["parked"]:
        errors = sorted({batch["error"] for batch in jobs["batches"]})
        advice = f"mend why the model failed ({', '.join(errors)}), then: memory-gateway doctor --requeue"
        return Finding("extraction", "bad", shown, advice)
    if jobs["waiting"] and mode != "llm":
        return Finding("extraction", "note", shown, "they wait until memory.extract.mode is llm again")
    return Finding("extraction", "ok", shown)


async def _upstream(config: UpstreamConfig) -> Finding:
    """Asked as a chat would be: with its own key, sent as its make wants it."""
    what, where = f"upstream {config.name}", config.base_url.partition("?")[0]
    version = [(b"anthropic-version", b"2023-06-01")] if config.kind == "anthropic" else []
    upstream = Upstream(config)
    try:
        async with asyncio.timeout(REACH), upstream.send("GET", b"/models", version, None) as answer:
            status = answer.status
    except (UpstreamUnreachable, UpstreamSilent, TimeoutError) as error:
        advice = "is it running, and is `base_url` right?"
        return Finding(what, "bad", f"{where} cannot be reached ({type(error).__name__})", advice)
    finally:
        await upstream.close()
    shown = f"{where} answers {status}"
    if config.api_key and status in (401, 403):
        return Finding(what, "bad", f"{shown}: it refuses the key", "set another `api_key`")
    if status >= 500:
        return Finding(what, "bad", shown, "look at that server")
    return Finding(what, "ok", shown if config.api_key or status != 401 else f"{shown}; clients send the key")


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
