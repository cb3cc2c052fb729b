"""Entities over HTTP: what is known of whom, and its erasure."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from gateway.api.calls import Caller, EntityId
from gateway.api.given import Paged
from gateway.api.shapes import EntityList, EntityOut, Erased, GraphOut, StatsOut
from gateway.errors import Forbidden, NotFound
from gateway.store.library import Library


class Entities:
    """The calls under /api/entities but for moving them, and /api/stats."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.router = APIRouter(tags=["entities"])
        add = self.router.add_api_route
        add("/api/entities", self.list, methods=["GET"], response_model=EntityList)
        add("/api/entities/{entity}", self.read, methods=["GET"], response_model=EntityOut)
        add("/api/entities/{entity}", self.erase, methods=["DELETE"], response_model=Erased)
        add("/api/entities/{entity}/graph", self.graph, methods=["GET"], response_model=GraphOut)
        add("/api/stats", self.stats, methods=["GET"], response_model=StatsOut)

    async def list(self, caller: Caller, query: Annotated[Paged, Query()]) -> Any:
        """The entities, those that came last first."""
        if caller.only is not None:
            profile = await self._library.entity(caller.tenant, caller.only)
            return {"entities": [profile] if profile else [], "cursor": None}
        found = await self._library.entities(caller.tenant, query.page)
        return {"entities": found.items, "cursor": found.cursor}

    async def read(self, caller: Caller, entity: EntityId) -> Any:
        """How much is known of an entity."""
        profile = await self._library.entity(caller.tenant, caller.entity(entity))
        if profile is None:
            raise NotFound("Nothing is known of this entity.", param="entity")
        return profile

    async def erase(self, caller: Caller, entity: EntityId) -> Any:
        """Erase an entity, everything of it, everywhere; what is under way brings nothing back."""
        return {"erased": await self._library.erase(caller.tenant, caller.entity(entity))}

    async def graph(self, caller: Caller, entity: EntityId) -> Any:
        """What is stated of whom and what, as nodes and edges."""
        edges = await self._library.graph(caller.tenant, caller.entity(entity))
        nodes = dict.fromkeys(name for edge in edges for name in (edge.subject, edge.object))
        return {"nodes": list(nodes), "edges": edges}

    async def stats(self, caller: Caller) -> Any:
        """How much is kept in all."""
        if caller.only is not None:
            raise Forbidden("This key may touch only its own entity.")
        return await self._library.totals(caller.tenant)
