"""Sessions and the traces of requests over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query

from gateway.api.calls import Caller, RequestId, SessionId
from gateway.api.given import RequestsQuery, SessionQuery, SessionsQuery
from gateway.api.shapes import Deleted, RequestList, RequestOut, SessionList, SessionRead
from gateway.domain import Scope, Trace
from gateway.errors import NotFound
from gateway.store.library import Library, PastTurn, Wanted
from gateway.store.pages import Page


class Sessions:
    """The calls under /api/sessions and /api/requests."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.router = APIRouter(tags=["sessions"])
        add = self.router.add_api_route
        add("/api/sessions", self.list, methods=["GET"], response_model=SessionList)
        add("/api/sessions/{session}", self.read, methods=["GET"], response_model=SessionRead)
        add("/api/sessions/{session}", self.delete, methods=["DELETE"], response_model=Deleted)
        add("/api/requests", self.requests, methods=["GET"], response_model=RequestList)
        add("/api/requests/{request_id}", self.request, methods=["GET"], response_model=RequestOut)

    async def list(self, caller: Caller, query: Annotated[SessionsQuery, Query()]) -> Any:
        """The sessions of an entity, newest first."""
        found = await self._library.sessions(caller.tenant, caller.entity(query.entity), query.process, query.page)
        return {"sessions": found.items, "cursor": found.cursor}

    async def read(self, caller: Caller, session: SessionId, query: Annotated[SessionQuery, Query()]) -> Any:
        """A session and its turns, oldest first."""
        scope = Scope(caller.tenant, caller.entity(query.entity), query.process, session)
        found = await self._library.session(scope, query.page)
        if found is None:
            raise _missing()
        return {"session": found[0], "turns": [_turn(turn) for turn in found[1].items], "cursor": found[1].cursor}

    async def delete(self, caller: Caller, session: SessionId, query: Annotated[SessionQuery, Query()]) -> Any:
        """Delete a session; what was learnt in it for others too stays."""
        scope = Scope(caller.tenant, caller.entity(query.entity), query.process, session)
        if not await self._library.delete_session(scope):
            raise _missing()
        return {"deleted": 1}

    async def requests(self, caller: Caller, query: Annotated[RequestsQuery, Query()]) -> Any:
        """What memory did to the latest requests, newest first."""
        entity = query.entity if caller.only is None else caller.entity(query.entity or caller.only)
        found = await self._library.requests(caller.tenant, entity, query.page)
        return {"requests": [_trace(trace) for trace in found.items], "cursor": found.cursor}

    async def request(self, caller: Caller, request_id: RequestId) -> Any:
        """What memory did to one request, with the texts of what it recalled."""
        trace = await self._library.request(caller.tenant, request_id)
        if trace is None or caller.only not in (None, trace.scope.entity):
            raise NotFound("There is no request with this id.", param="request_id")
        shown = _trace(trace)
        ids = tuple(told.memory for told in trace.told)
        texts: dict[str, str] = {}
        for entity in {trace.scope.entity, ""} if ids else ():
            entries = await self._library.memories(caller.tenant, entity, Wanted(ids=ids), Page(len(ids)))
            texts |= {entry.id: entry.text for entry in entries.items}
        shown["recalled"] = [told | {"text": texts.get(told["memory"])} for told in shown["recalled"]]
        return shown


def _turn(turn: PastTurn) -> dict[str, Any]:
    shown = asdict(turn)
    for message in shown["messages"]:
        message["raw"] = orjson.loads(message["raw"])
    return shown


def _trace(trace: Trace) -> dict[str, Any]:
    scope = {"entity": trace.scope.entity, "process": trace.scope.process, "session": trace.scope.session}
    told = [asdict(one) for one in trace.told]
    names = ("id", "mode", "status", "outcome", "started_at", "model", "upstream", "block", "injected", "timings")
    return {**scope, **{name: getattr(trace, name) for name in names}, "recalled": told}


def _missing() -> NotFound:
    return NotFound("This entity and process have no such session.", param="session")
