"""What adding did, for clients of mem0's platform API that ask later: kept in this process, without any text."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from gateway.api import mem0_shapes as shapes
from gateway.api.mem0_options import Call, paged
from gateway.attribution import Access
from gateway.errors import NotFound
from gateway.store.library import Entry, Library, Wanted
from gateway.store.pages import Page

MOST = 10_000
"""Events that are kept; the oldest go first."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one statement."""

    memory: str
    event: Literal["ADD", "UPDATE", "NOOP"]
    replaced: str | None
    """The memory whose place it took."""


@dataclass(frozen=True, slots=True)
class Happened:
    """What one request added."""

    tenant: str
    user: str
    at: datetime
    outcomes: tuple[Outcome, ...]


class Events:
    """The newest events. Each was over before its id was told: a client that asks finds it done."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._kept: OrderedDict[str, Happened] = OrderedDict()

    def keep(self, happened: Happened) -> str:
        """Keep it, and return the id to ask by."""
        name = str(uuid.uuid4())
        self._kept[name] = happened
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return name

    async def event(self, call: Call) -> dict[str, Any]:
        happened = self._kept.get(call.arguments[0])
        if happened is None or not _reaches(call.access, happened):
            raise NotFound("Event not found!")
        return _shown(call.arguments[0], happened) | {"results": await self.results(happened)}

    async def events(self, call: Call) -> dict[str, Any]:
        part = paged(call)
        found = [
            _shown(name, happened) for name, happened in reversed(self._kept.items()) if _reaches(call.access, happened)
        ]
        return shapes.page(call.path, found, part)

    async def results(self, happened: Happened) -> list[dict[str, Any]]:
        """What was added, with texts as they are now; what was deleted since is left out."""
        ids = {one.memory for one in happened.outcomes} | {one.replaced for one in happened.outcomes if one.replaced}
        entries: dict[str, Entry] = {}
        if ids:
            wanted = Wanted(ids=tuple(ids))
            listing = await self._library.memories(happened.tenant, happened.user, wanted, Page(len(ids)))
            entries = {entry.id: entry for entry in listing.items}
        shown: list[dict[str, Any]] = []
        for one in happened.outcomes:
            if one.memory in entries:
                before = entries.get(one.replaced or "")
                shown.append(shapes.result(one.event, entries[one.memory], before.text if before else None))
        return shown


def _reaches(access: Access, happened: Happened) -> bool:
    return access.tenant == happened.tenant and access.only in (None, happened.user)


def _shown(name: str, happened: Happened) -> dict[str, Any]:
    at = happened.at.isoformat()
    return {"id": name, "event_type": "ADD", "status": "SUCCEEDED", "created_at": at, "updated_at": at}
