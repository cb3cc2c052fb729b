"""Memories, their history and their owners as mem0's platform API shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from gateway.api.mem0_filters import APP, made_at
from gateway.api.mem0_values import last_day
from gateway.store.library import Change, Entry, Owner

_EVENTS = {"made": "ADD", "edited": "UPDATE", "superseded": "UPDATE", "retired": "DELETE", "wrong": "DELETE"}
"""What happened, in mem0's words; what leaves a memory's text and its validity alone is no event there."""


def item(entry: Entry, agent: str, fields: Sequence[str] = (), score: float | None = None) -> dict[str, Any]:
    """A memory; `agent`: whose it is, empty if it is every agent's. `fields`: those that are wanted, all if none."""
    shown: dict[str, Any] = {
        "id": entry.id,
        "memory": entry.text,
        "user_id": entry.entity or None,
        "agent_id": agent or None,
        "app_id": entry.metadata.get(APP),
        "run_id": entry.session or None,
        "hash": hashlib.md5(entry.text.encode(), usedforsecurity=False).hexdigest(),
        "metadata": {key: value for key, value in entry.metadata.items() if key != APP},
        "categories": [entry.kind],
        "replaced_by": entry.superseded_by,
        "expiration_date": last_day(entry.expires_at),
        "created_at": _time(made_at(entry)),
        "updated_at": _time(entry.updated_at),
    }
    if score is not None:
        shown["score"] = round(score, 6)
    kept = {"id", "memory", "score", *fields} if fields else shown.keys()
    return {key: value for key, value in shown.items() if key in kept}


def result(event: str, entry: Entry, before: str | None = None) -> dict[str, Any]:
    """What became of a message that was added."""
    shown: dict[str, Any] = {"id": entry.id, "event": event, "memory": entry.text, "data": {"memory": entry.text}}
    return shown if before is None else {**shown, "previous_memory": before}


def history(entry: Entry, changes: Iterable[Change], texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """What happened to a memory, oldest first. `texts`: of the memories that took its place."""
    shown: list[dict[str, Any]] = []
    text: str | None = None
    for number, change in enumerate(changes):
        event = _EVENTS.get(change.event)
        if event is None or (change.event == "edited" and change.before is None):
            continue
        new = texts.get(change.by or "") if change.event == "superseded" else change.text
        shown.append(
            {
                "id": f"{entry.id}:{number}",
                "memory_id": entry.id,
                "input": [{"role": source.role, "content": source.text} for source in change.sources],
                "old_memory": text,
                "new_memory": new if event != "DELETE" else None,
                "user_id": entry.entity or None,
                "event": event,
                "metadata": None,
                "categories": [entry.kind],
                "created_at": _time(change.at),
                "updated_at": _time(change.at),
            }
        )
        text = change.text or text
    return shown


def owners(profiles: Iterable[tuple[str, datetime, datetime, int]], rows: Iterable[Owner]) -> list[dict[str, Any]]:
    """Users, then agents, then runs; each with when it came to be known, was seen last, and its memories."""
    agents: dict[str, tuple[datetime, datetime, int]] = {}
    runs: dict[str, tuple[datetime, datetime, int]] = {}
    for row in rows:
        for known, name in ((agents, row.process), (runs, row.session)):
            if name:
                since, until, count = known.get(name, (row.created_at, row.last_seen, 0))
                known[name] = (min(since, row.created_at), max(until, row.last_seen), count + row.memories)
    return [
        *(_owner("user", *profile) for profile in profiles),
        *(_owner("agent", name, *seen) for name, seen in sorted(agents.items())),
        *(_owner("run", name, *seen) for name, seen in sorted(runs.items())),
    ]


def page(path: str, found: Sequence[Any], wanted: tuple[int, int] | None) -> dict[str, Any]:
    """A page of a list with the addresses of its neighbours; None: all of it."""
    if wanted is None:
        return {"count": len(found), "next": None, "previous": None, "results": list(found)}
    number, size = wanted

    def address(of: int) -> str:
        return f"{path}?{urlencode({'page': of, 'page_size': size})}"

    return {
        "count": len(found),
        "next": address(number + 1) if number * size < len(found) else None,
        "previous": address(number - 1) if number > 1 else None,
        "results": list(found[(number - 1) * size : number * size]),
    }


def _owner(kind: str, name: str, since: datetime, until: datetime, count: int) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "type": kind,
        "owner": None,
        "metadata": {},
        "total_memories": count,
        "created_at": _time(since),
        "updated_at": _time(until),
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
