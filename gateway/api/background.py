"""The background work over HTTP: what waits, and making all vectors anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from gateway.api.calls import Caller
from gateway.api.given import In, Time
from gateway.api.shapes import Out
from gateway.attribution import Access
from gateway.errors import BadRequest, Forbidden
from gateway.store import Store
from gateway.store.jobs import Jobs
from gateway.worker import Embedding

SHOWN = 20
"""Batches that are shown."""
REQUEUED = 1000
"""Batches that one call takes up again."""


class EmbedderOut(Out):
    """The embedding model."""

    state: str
    """loading, ready, none or failed."""
    id: str | None
    """What its vectors are known by; null until it is ready."""


class ParkedOut(Out):
    """Messages that a language model could not read, and that were passed over."""

    entity: str
    process: str
    error: str
    attempts: int
    parked_at: AwareDatetime


class ExtractionOut(Out):
    """What a language model is still to read."""

    waiting: int
    parked: int
    """Batches that failed too often, and were passed over."""
    batches: list[ParkedOut]
    """The newest of them, of this tenant."""


class BackgroundOut(Out):
    """What is to be done, of all tenants together."""

    embedder: EmbedderOut
    waiting: Annotated[int, Field(description="Texts without vectors.")]
    others: Annotated[int, Field(description="Texts with vectors of another model.")]
    extraction: ExtractionOut


class BackgroundQuery(In):
    """What of the background work is asked for."""

    since: Annotated[Time | None, Field(description="Only texts that were there by then.")] = None


class ReindexOut(Out):
    """What was begun."""

    embedder: str
    waiting: int
    """Texts whose vectors are being made."""
    began: AwareDatetime


class RequeuedOut(Out):
    """What is read once more."""

    requeued: int


class Background:
    """The calls under /api/background and /api/reindex."""

    def __init__(self, store: Store, jobs: Jobs, embedding: Embedding, notice: Callable[[], None]) -> None:
        self._store, self._jobs, self._embedding, self._notice = store, jobs, embedding, notice
        self.router = APIRouter(tags=["background"])
        self.router.add_api_route("/api/background", self.read, methods=["GET"], response_model=BackgroundOut)
        self.router.add_api_route("/api/reindex", self.reindex, methods=["POST"], response_model=ReindexOut)
        self.router.add_api_route("/api/requeue", self.requeue, methods=["POST"], response_model=RequeuedOut)

    async def read(self, caller: Caller, query: Annotated[BackgroundQuery, Query()]) -> Any:
        """What the background work has still to do."""
        _unconfined(caller)
        embedder = self._embedding.ready()
        waiting, parked = await self._jobs.counts()
        return {
            "embedder": {"state": self._embedding.state, "id": embedder.id if embedder else None},
            "waiting": await self._store.waiting(query.since),
            "others": await self._store.encoded_by_others(embedder.id) if embedder else 0,
            "extraction": {"waiting": waiting, "parked": parked, "batches": await self._parked(caller)},
        }

    async def requeue(self, caller: Caller) -> Any:
        """Have the tenant's batches that were passed over read once more."""
        _unconfined(caller)
        found = await self._jobs.parked_in(caller.tenant, REQUEUED)
        return {"requeued": sum([await self._jobs.requeue(parked) for parked in found])}

    async def _parked(self, caller: Access) -> list[dict[str, Any]]:
        return [
            {
                "entity": parked.scope.entity,
                "process": parked.scope.process,
                "error": parked.error,
                "attempts": parked.attempts,
                "parked_at": parked.parked_at,
            }
            for parked in await self._jobs.parked_in(caller.tenant, SHOWN)
        ]

    async def reindex(self, caller: Caller) -> Any:
        """Let go of the vectors of other models, and begin to make those of this one; chats go on meanwhile."""
        _unconfined(caller)
        embedder = self._embedding.ready()
        if embedder is None:
            raise BadRequest("There is no embedder to make vectors with.", code="no_embedder")
        began = datetime.now(UTC)
        await self._store.forget_encodings(embedder.id)
        self._notice()
        return {"embedder": embedder.id, "waiting": await self._store.waiting(began), "began": began}


def _unconfined(caller: Access) -> None:
    if caller.only is not None:
        raise Forbidden("This key may touch only its own entity.")
