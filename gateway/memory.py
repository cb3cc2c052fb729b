"""What memory does to one chat request: the thread, the recall, the block. Whatever fails, the request goes on."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar

from gateway.attribution import Attributor, Identity, Ids
from gateway.config import MemoryConfig
from gateway.domain import NOBODY, Block, Line, Scope, Told
from gateway.errors import StoreError
from gateway.metrics import Metrics
from gateway.prompt import compose, own_words, tokens
from gateway.recall import Begun, Question, Recall, looked_for
from gateway.sessions import Sessions, Thread, unplaced
from gateway.store import Store
from gateway.wire.chat import ROOT
from gateway.wire.document import NotReadable
from gateway.wire.door import Door, Request
from gateway.wire.side_calls import is_side_call

LARGE = 64 * 1024
"""Bytes of a body that is read and edited outside the event loop."""

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is sent upstream, and what is recorded of it."""

    body: bytes
    status: str
    """The value of X-Memory-Status."""
    thread: Thread | None = None
    """None: nothing is recorded, and no session belongs to the request."""
    records: bool = False
    closed: bool = False
    """What is learnt stays in the process."""
    recalled: int = 0
    """Memories that this request added to the prompt."""
    model: str | None = None
    choices: int = 1
    scope: Scope | None = None
    """Whose trace the request leaves; None: it leaves none."""
    told: tuple[Told, ...] = ()
    """What recall found."""
    block: str = ""
    """What was put before the newest message, or would have been."""


class Memory:
    """Plans requests. It never raises for a fault of its own, and never takes longer than the recall's deadline."""

    def __init__(
        self,
        config: MemoryConfig,
        attributor: Attributor,
        store: Store,
        sessions: Sessions,
        recall: Recall,
        metrics: Metrics,
    ) -> None:
        self._config = config
        self._attributor = attributor
        self._store = store
        self._sessions = sessions
        self._recall = recall
        self._metrics = metrics

    async def plan(self, door: Door, identity: Identity, raw: bytes, retries: int) -> Plan:
        """The plan for a request body of this format; raises BadRequest for malformed ids in it."""
        try:
            request = await _beside(raw, lambda: door.request(raw))
        except NotReadable:  # the upstream says what is wrong with it
            return Plan(raw, "anonymous" if identity.entity is None else self._degraded("body"))
        plain = Plan(raw, "off", model=request.model, choices=request.choices)
        ids = self._attributor.complete(identity, request.body_field)
        if ids.entity is None and not (ids.named and identity.mode in ("on", "read")):
            return replace(plain, status="anonymous")
        if self._config.side_calls == "relay" and is_side_call(request):
            return plain
        records = ids.entity is not None and identity.mode in ("on", "write", "shadow")
        scope = Scope(identity.tenant, ids.entity or NOBODY, ids.process, ids.session)
        plain = replace(plain, records=records, closed=self._recall.closed(ids.process), scope=scope)
        thread: Thread | None = None
        try:
            async with asyncio.timeout(self._config.recall.deadline):
                if ids.entity is None:
                    return await self._with_knowledge(plain, identity, ids, request)
                begun = self._begun(scope, identity, request)
                thread = await self._sessions.resolve(
                    identity.tenant, ids, door, request, full_history=identity.full_history, retries=retries
                )
                return await self._with_memory(plain, identity, request, thread, begun)
        except TimeoutError:
            reason = "deadline"
        except StoreError as error:
            _log.warning("recall went without memory: the store refused", extra={"reason": str(error)})
            reason = "store"
        except Exception:  # noqa: BLE001  # recall fails open
            _log.exception("recall went without memory")
            self._metrics.faults.labels("recall").inc()
            reason = "fault"
        if ids.entity is None:
            return replace(plain, status=self._degraded(reason))
        return replace(
            plain, status=self._degraded(reason), thread=thread or self._unplaced(identity, ids, request, retries)
        )

    async def _with_knowledge(self, plain: Plan, identity: Identity, ids: Ids, request: Request) -> Plan:
        """The body of a request without an entity, with what its process knows by itself; nothing of it is kept but
        the blocks, which say nothing of anybody."""
        if request.kept:  # what the upstream has of it cannot be seen, and would pile up there
            return replace(plain, status="anonymous")
        scope = Scope(identity.tenant, NOBODY, ids.process, "")
        kept = {block.chain: block for block in await self._store.blocks(scope, [m.chain for m in request.messages])}
        back = tuple((i, kept[m.chain]) for i, m in enumerate(request.messages) if m.chain in kept)
        thread = Thread(
            scope,
            b"",
            request.messages,
            0,
            ROOT,
            blocks=back,
            shown=frozenset(memory for _, block in back for memory in block.memories),
            spent=sum(tokens(block.text) for _, block in back),
        )
        plan = await self._with_memory(plain, identity, request, thread)
        return replace(plan, thread=None, status="anonymous" if plan.status == "empty" else plan.status)

    def _begun(self, scope: Scope, identity: Identity, request: Request) -> Begun | None:
        """Recall, begun while the session is still looked for; None where there will hardly be any."""
        if self._config.inject == "off" or identity.mode == "write" or request.answers_tool:
            return None
        said = [message.text for message in request.messages if message.role == "user"][-2:]
        if not said or sum(map(len, said)) > LARGE:
            return self._recall.begin(scope, "")
        return self._recall.begin(scope, looked_for(own_words(said[-1]), own_words(said[0]) if said[1:] else ""))

    async def _with_memory(
        self, plain: Plan, identity: Identity, request: Request, thread: Thread, begun: Begun | None = None
    ) -> Plan:
        """The body with what was recalled before and now."""
        began = datetime.now(UTC)
        blocks = {index: block.text for index, block in thread.blocks}
        last = len(thread.messages) - 1
        found: list[Line] = []
        if (
            self._config.inject != "off"
            and identity.mode != "write"
            and not request.answers_tool
            and last not in blocks
        ):
            question = await _beside(plain.body, lambda: _question(identity, request, thread))
            found = await self._recall.recall(thread.scope, question, begun)
        injects = bool(found) and identity.mode != "shadow" and request.can_hold_block(last)
        if injects or thread.replay_from is not None:
            names = tuple(recalled.memory.id for line in found for recalled in line.memories)
            new = Block(thread.messages[last].chain, compose(found) if injects else "", names)
            kept = await self._store.keep_block(thread.scope, new, thread.replay_from, began)
            injects = injects and bool(kept.text)
            if kept.text:
                blocks[last] = kept.text
        status = "ok" if blocks or thread.shown or found else "empty"
        if not self._store.healthy:
            status = self._degraded("store")
        elif identity.mode == "write":
            status = "off"
        return replace(
            plain,
            thread=thread,
            body=await _beside(plain.body, lambda: request.with_memory(blocks, thread.earlier)),
            status=status,
            recalled=sum(len(line.memories) for line in found) if injects else 0,
            told=tuple(Told(hit.memory.id, hit.score, hit.signals) for line in found for hit in line.memories),
            block=(blocks[last] if injects else compose(found)) if found else "",
        )

    def _unplaced(self, identity: Identity, ids: Ids, request: Request, retries: int) -> Thread:
        assert ids.entity is not None
        session = ids.session or (request.kept.session if request.kept else str(uuid.uuid4()))
        return unplaced(Scope(identity.tenant, ids.entity, ids.process, session), request, retries)

    def _degraded(self, reason: str) -> str:
        self._metrics.degraded.labels(reason).inc()
        return f"degraded; reason={reason}"


async def _beside(raw: bytes, work: Callable[[], Result]) -> Result:
    """What `work` gives, whose time grows with the body `raw`; other requests go on meanwhile where that is large."""
    return await asyncio.to_thread(work) if len(raw) > LARGE else work()


def _question(identity: Identity, request: Request, thread: Thread) -> Question:
    said = [own_words(message.text) for message in request.messages if message.role == "user"]
    return Question(
        text=said[-1],
        before=own_words(thread.said_before) if len(said) == 1 else said[-2],
        asked_at=identity.said_at or datetime.now(UTC),
        narrow=identity.narrow,
        present=thread.present,
        shown=thread.shown,
        said="\n".join(said),
        first=not thread.shown,
        spent=thread.spent,
        back_dated=identity.said_at is not None,
    )
