"""What mem0's platform API writes: memories are added, changed, deleted, and owners erased."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.api import mem0_shapes as shapes
from gateway.api.mem0_events import Happened, Outcome
from gateway.api.mem0_filters import APP, same
from gateway.api.mem0_messages import Spoken, spoken
from gateway.api.mem0_options import MOST, Call, Place, deleted, expires, labels, placed, text_of
from gateway.api.mem0_reading import AT_ONCE, Reading
from gateway.api.mem0_values import expiry, identifier, moment, truth
from gateway.api.stating import stated
from gateway.domain import Learnt, Statement
from gateway.errors import BadRequest, NotBuilt, NotFound
from gateway.extract.local import statements
from gateway.gleaning import MAX_LEARNT
from gateway.recall import Recall
from gateway.store.library import Duplicate, Edit, Entry, Library, Wanted
from gateway.store.pages import Page
from gateway.tagging import Tagger

PATIENCE = 2.0
"""Seconds in which the messages of a call are read by the model; others are read without it."""


class Writing:
    """Changes memories within the tenant of a call, and within the one entity that its key may be bound to."""

    def __init__(
        self,
        library: Library,
        recall: Recall,
        reading: Reading,
        notice: Callable[[], None],
        tagger: Callable[[], Tagger | None],
    ) -> None:
        self._library, self._recall, self._reading, self._notice = library, recall, reading, notice
        self._tagger = tagger

    async def add(self, call: Call) -> tuple[Happened, bool]:
        """What became of the messages, and whether statements were read out of them."""
        place, options = placed(call)
        infer = truth(options.get("infer", True), "infer")
        said_at = moment(options["timestamp"], "timestamp") if "timestamp" in options else datetime.now(UTC)
        until = expires(options)
        metadata = {**(labels(options) or {}), **({APP: place.app} if place.app else {})}
        messages = spoken(options.get("messages"))
        found = (
            await asyncio.to_thread(_statements, messages, said_at, self._tagger())
            if infer
            else _raw(messages, said_at)
        )
        outcomes = [
            await self._learn(call.access.tenant, place, self._learnt(place, statement, said_at, until, metadata))
            for statement in found
        ]
        self._notice()
        return Happened(call.access.tenant, place.user, datetime.now(UTC), tuple(outcomes)), infer

    async def update(self, call: Call) -> dict[str, Any]:
        entry = await self._reading.entry(call, call.arguments[0])
        known = {"text", "metadata", "timestamp", "expiration_date", "org_id", "project_id"}
        lasting = isinstance(call.body, dict) and call.body.get("expiration_date", "") is None
        return self._item(await self._change(call, entry, call.options(known), lasting=lasting))

    async def delete(self, call: Call) -> dict[str, Any]:
        given = call.parameters({"delete_linked", "org_id", "project_id"})
        entry = await self._reading.entry(call, call.arguments[0])
        ids = [entry.id]
        if truth(given.get("delete_linked", "false"), "delete_linked"):
            ids += await self._superseded_by(call.access.tenant, entry)
        count = await self._library.delete(call.access.tenant, entry.entity, Wanted(ids=tuple(ids)))
        return {"message": "Memory deleted successfully!", "cascade_count": max(count - 1, 0)}

    async def delete_all(self, call: Call) -> dict[str, Any]:
        node, user = deleted(call)
        ids = [entry.id async for entry in self._reading.matching(call.access.tenant, user, node)]
        count = await self._library.delete(call.access.tenant, user, Wanted(ids=tuple(ids))) if ids else 0
        return {"message": f"{count} memories deleted successfully!"}

    async def delete_owner(self, call: Call) -> dict[str, Any]:
        """Erase a user with everything; of an agent or a run, delete the memories whose scope names it."""
        call.parameters({"org_id", "project_id"})
        kind, name = call.arguments
        identifier(name, kind)
        if kind == "user":
            user = call.access.entity(name)
            if await self._library.entity(call.access.tenant, user) is None:
                raise NotFound("Entity not found!")
            await self._library.erase(call.access.tenant, user)
        elif kind in ("agent", "run"):
            await self._delete_scope(call, kind, name)
        else:
            raise NotBuilt(f"There are no owners of the type {kind[:100]!r} here.")
        return {"message": "Entity deleted successfully!"}

    async def update_many(self, call: Call) -> dict[str, Any]:
        batch = [(one, await self._reading.entry(call, _id_of(one))) for one in _batch(call)]
        for one, entry in batch:
            given = Call(call.access, (), {}, {key: one[key] for key in one.keys() - {"memory_id"}}, call.path)
            await self._change(call, entry, given.options({"text", "metadata"}), lasting=False)
        return {"message": f"Successfully updated {len(batch)} memories"}

    async def delete_many(self, call: Call) -> dict[str, Any]:
        owned: dict[str, list[str]] = {}
        for one in _batch(call):
            entry = await self._reading.entry(call, _id_of(one))
            owned.setdefault(entry.entity, []).append(entry.id)
        counts = [
            await self._library.delete(call.access.tenant, user, Wanted(ids=tuple(ids))) for user, ids in owned.items()
        ]
        return {"message": f"Successfully deleted {sum(counts)} memories"}

    def _learnt(
        self, place: Place, statement: Statement, said_at: datetime, until: datetime | None, metadata: dict[str, Any]
    ) -> Learnt:
        return Learnt(
            statement,
            said_at,
            learnt_process=place.agent,
            learnt_session=place.run,
            process=place.agent,
            session=place.run,
            closed=place.agent if place.agent and self._recall.closed(place.agent) else "",
            origin="api",
            expires_at=until,
            metadata=metadata,
        )

    async def _learn(self, tenant: str, place: Place, learnt: Learnt) -> Outcome:
        """Remember one statement, and tell what it did to what was there."""
        entry = await self._library.add(tenant, place.user, learnt)
        if entry.times_seen > 1 or entry.status != "active":  # known, or in quarantine
            return Outcome(entry.id, "NOOP", None)
        if learnt.statement.ends:
            async for older in self._superseded(tenant, entry.entity):
                if older.superseded_by == entry.id:
                    return Outcome(entry.id, "UPDATE", older.id)
        return Outcome(entry.id, "ADD", None)

    async def _change(self, call: Call, entry: Entry, given: Mapping[str, Any], *, lasting: bool) -> Entry:
        if not given and not lasting:
            raise BadRequest("At least one of text, metadata and expiration_date is needed.")
        if "timestamp" in given:
            raise NotBuilt("When a memory was said is not changed afterwards.")
        text, metadata = given.get("text"), labels(given)
        if metadata is not None and APP in entry.metadata:
            metadata = {**metadata, APP: entry.metadata[APP]}
        edit = Edit(
            statement=stated(text_of(text, "text"), datetime.now(UTC), entry.kind) if text is not None else None,
            metadata=metadata,
            expires_at=expiry(given["expiration_date"]) if "expiration_date" in given else None,
            lasting=lasting,
        )
        try:
            changed = await self._library.edit(call.access.tenant, entry.entity, entry.id, edit)
        except Duplicate:
            raise BadRequest("Another memory of this scope says that already.") from None
        if changed is None:
            raise NotFound("Memory not found!")
        self._notice()
        return changed

    async def _delete_scope(self, call: Call, kind: str, name: str) -> None:
        tenant, field = call.access.tenant, f"{kind}_id"
        users = {
            owner.entity
            async for owner in self._reading.owners(tenant, call.access.only)
            if name == (owner.process if kind == "agent" else owner.session)
        }
        for user in users:
            ids = [entry.id async for entry in self._reading.matching(tenant, user, same(field, name))]
            if ids:
                await self._library.delete(tenant, user, Wanted(ids=tuple(ids)))

    async def _superseded_by(self, tenant: str, entry: Entry) -> list[str]:
        """What a memory took the place of, and what that did."""
        by = {older.id: older.superseded_by async for older in self._superseded(tenant, entry.entity)}
        found = [entry.id]
        for name in found:
            found += [older for older, newer in by.items() if newer == name and older not in found]
        return found[1:]

    async def _superseded(self, tenant: str, user: str) -> AsyncIterator[Entry]:
        page = Page(AT_ONCE)
        while True:
            listing = await self._library.memories(tenant, user, Wanted(statuses=("superseded",)), page)
            for entry in listing.items:
                yield entry
            if listing.cursor is None:
                return
            page = Page(AT_ONCE, listing.cursor)

    def _item(self, entry: Entry) -> dict[str, Any]:
        return shapes.item(entry, self._reading.agent_of(entry))


def _raw(messages: list[Spoken], said_at: datetime) -> list[Statement]:
    """The messages as they were said."""
    return [stated(text_of(message.text, "content"), said_at) for message in messages if message.role != "system"]


def _statements(messages: list[Spoken], said_at: datetime, tagger: Tagger | None) -> list[Statement]:
    """What the user states in the messages."""
    found: list[Statement] = []
    asked = ""
    until = time.monotonic() + PATIENCE
    for message in messages:
        if message.role == "user":
            way = tagger if time.monotonic() < until else None
            found += statements(message.text[:MAX_LEARNT], asked=asked, at=said_at, tagger=way)
        asked = message.text if message.role == "assistant" else ""
    return found


def _batch(call: Call) -> list[dict[str, Any]]:
    batch = call.options({"memories", "org_id", "project_id"}).get("memories")
    if not isinstance(batch, list) or not 1 <= len(batch) <= MOST or not all(isinstance(one, dict) for one in batch):
        raise BadRequest(f"memories must be a list of 1 to {MOST} objects.", param="memories")
    return batch


def _id_of(one: dict[str, Any]) -> str:
    return identifier(one.get("memory_id"), "memory_id")
