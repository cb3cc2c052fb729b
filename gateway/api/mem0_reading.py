"""What mem0's platform API reads: lists, search, single memories, their history, and who they belong to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

from gateway.api import mem0_shapes as shapes
from gateway.api.mem0_filters import Node, Subject, holds, named, on_ids
from gateway.api.mem0_options import Call, Wish, paged, searched, wish
from gateway.domain import NOBODY, Memory, Recalled, Scope, Status
from gateway.errors import NotFound
from gateway.recall import Recall
from gateway.store.library import Entry, Library, Owner, Profile, Wanted
from gateway.store.pages import Page

AT_ONCE = 1000
"""Rows of one look into the store."""


class Reading:
    """Finds memories within the tenant of a call, and within the one entity that its key may be bound to."""

    def __init__(self, library: Library, recall: Recall) -> None:
        self._library, self._recall = library, recall

    async def wanted(self, call: Call) -> dict[str, Any]:
        wanted, part = wish(call), paged(call)
        entries = await self.wished(call.access.tenant, wanted)
        found = shapes.page(call.path, entries[: wanted.limit], part)
        return {**found, "results": [shapes.item(one, self.agent_of(one), wanted.fields) for one in found["results"]]}

    async def search(self, call: Call) -> dict[str, Any]:
        wanted = searched(call)
        assert wanted.limit is not None
        ids = None
        if not on_ids(wanted.node) or wanted.superseded:
            ids = {entry.id for entry in await self.wished(call.access.tenant, wanted)}
        found: list[tuple[str, Recalled]] = []
        for user in wanted.users:
            accepts = self._accepts(user, wanted) if ids is None else _among(ids)
            scope = Scope(call.access.tenant, user)
            found += [
                (user, one)
                for one in await self._recall.search(
                    scope, wanted.query, accepts, asked_at=wanted.asked_at, limit=wanted.limit
                )
                if one.score >= wanted.threshold
            ]
        found.sort(key=lambda one: -one[1].score)
        return {"results": await self._shown(call, wanted, found[: wanted.limit])}

    async def get(self, call: Call) -> dict[str, Any]:
        entry = await self.entry(call, call.arguments[0])
        return shapes.item(entry, self.agent_of(entry))

    async def history(self, call: Call) -> list[dict[str, Any]]:
        entry = await self.entry(call, call.arguments[0])
        changes = await self._library.history(call.access.tenant, entry.entity, entry.id)
        followers = tuple({change.by for change in changes if change.by})
        texts: dict[str, str] = {}
        if followers:
            page = Page(len(followers))
            listing = await self._library.memories(call.access.tenant, entry.entity, Wanted(ids=followers), page)
            texts = {follower.id: follower.text for follower in listing.items}
        return shapes.history(entry, changes, texts)

    async def users(self, call: Call) -> dict[str, Any]:
        part, tenant, only = paged(call), call.access.tenant, call.access.only
        profiles = [profile async for profile in self._profiles(tenant, only)]
        rows = [row async for row in self.owners(tenant, only)]
        known = [(one.entity, one.created_at, one.last_seen, one.memories) for one in profiles]
        found = shapes.owners(known, rows)
        totals = {
            f"total_{kind}s": sum(one["type"] == kind for one in found) for kind in ("user", "agent", "app", "run")
        }
        return shapes.page(call.path, found, part) | totals

    async def entry(self, call: Call, name: str) -> Entry:
        """A memory that the key may touch; raises NotFound."""
        entry = await self._library.memory(call.access.tenant, name)
        if entry is None or call.access.only not in (None, entry.entity):
            raise NotFound("Memory not found!")
        return entry

    async def wished(self, tenant: str, wanted: Wish) -> list[Entry]:
        """The memories that a request asks for, newest first."""
        statuses: tuple[Status, ...] = ("active", "superseded") if wanted.superseded else ("active",)
        agents = named(wanted.node, "agent_id") or frozenset()
        found: list[Entry] = []
        for user in wanted.users:
            async for entry in self.matching(tenant, user, wanted.node, statuses):
                if self._current(entry.expires_at, wanted) and self._open(self.agent_of(entry), agents):
                    found.append(entry)
        return sorted(found, key=lambda entry: entry.created_at, reverse=True) if len(wanted.users) > 1 else found

    async def matching(
        self, tenant: str, user: str, node: Node, statuses: tuple[Status, ...] = ()
    ) -> AsyncIterator[Entry]:
        """The memories of an entity, or of NOBODY, that a filter lets through, newest first."""
        agents, runs = named(node, "agent_id"), named(node, "run_id")
        rough = Wanted(process=_single(agents), session=_single(runs), statuses=statuses)
        page = Page(AT_ONCE)
        while True:
            listing = await self._library.memories(tenant, user, rough, page)
            for entry in listing.items:
                if holds(node, Subject(user, self.agent_of(entry), entry.session, entry)):
                    yield entry
            if listing.cursor is None:
                return
            page = Page(AT_ONCE, listing.cursor)

    def agent_of(self, memory: Entry | Memory) -> str:
        """Whose it is: the process of its scope, or the closed one that it was learnt in; empty: every agent's."""
        if memory.process:
            return memory.process
        return memory.learnt_process if memory.learnt_process and self._recall.closed(memory.learnt_process) else ""

    async def owners(self, tenant: str, only: str | None) -> AsyncIterator[Owner]:
        """The scopes that memories belong to or were learnt in."""
        page = Page(AT_ONCE)
        while True:
            listing = await self._library.owners(tenant, only, page)
            for owner in listing.items:
                yield owner
            if listing.cursor is None:
                return
            page = Page(AT_ONCE, listing.cursor)

    async def _profiles(self, tenant: str, only: str | None) -> AsyncIterator[Profile]:
        if only is not None:
            profile = await self._library.entity(tenant, only)
            if profile:
                yield profile
            return
        page = Page(AT_ONCE)
        while True:
            listing = await self._library.entities(tenant, page)
            for profile in listing.items:
                yield profile
            if listing.cursor is None:
                return
            page = Page(AT_ONCE, listing.cursor)

    def _accepts(self, user: str, wanted: Wish) -> Callable[[Memory], bool]:
        """Whether a memory of this user is wanted, for filters on ids alone."""
        agents = named(wanted.node, "agent_id") or frozenset()

        def accepts(memory: Memory) -> bool:
            agent = self.agent_of(memory)
            return (
                memory.status == "active"
                and self._current(memory.expires_at, wanted)
                and self._open(agent, agents)
                and holds(wanted.node, Subject(user, agent, memory.session))
            )

        return accepts

    def _current(self, expires_at: datetime | None, wanted: Wish) -> bool:
        return wanted.expired or expires_at is None or expires_at > datetime.now(UTC)

    def _open(self, agent: str, agents: frozenset[str]) -> bool:
        """What a closed process knows is told only to who asks for that process."""
        return not agent or agent in agents or not self._recall.closed(agent)

    async def _shown(self, call: Call, wanted: Wish, found: list[tuple[str, Recalled]]) -> list[dict[str, Any]]:
        entries: dict[str, Entry] = {}
        for user in {user for user, _ in found}:
            ids = tuple(one.memory.id for of, one in found if of == user)
            listing = await self._library.memories(call.access.tenant, user, Wanted(ids=ids), Page(len(ids)))
            entries |= {entry.id: entry for entry in listing.items}
        return [
            shapes.item(entries[one.memory.id], self.agent_of(one.memory), wanted.fields, one.score)
            for _, one in found
            if one.memory.id in entries
        ]


def _among(ids: set[str]) -> Callable[[Memory], bool]:
    return lambda memory: memory.id in ids


def _single(ids: frozenset[str] | None) -> str | None:
    """The one id that is possible, where there is but one and it is somebody's."""
    return next(iter(ids)) if ids and len(ids) == 1 and NOBODY not in ids else None
