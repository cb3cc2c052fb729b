"""The gateway's own API as one application, with its description at /api/openapi.json."""

from __future__ import annotations

import logging
import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway import __version__
from gateway.api.access import Doorkeeper, Guarded
from gateway.api.background import Background
from gateway.api.calls import ACCESS, REFUSED
from gateway.api.entities import Entities
from gateway.api.memories import Memories
from gateway.api.moving import Moving
from gateway.api.recalling import Recalling
from gateway.api.sessions import Sessions
from gateway.attribution import Attributor
from gateway.config import Config
from gateway.errors import BadRequest, GatewayError, NotAllowed, NotFound, StoreError, StoreSilent
from gateway.recall import Recall
from gateway.relay import Receive, Send
from gateway.store import Store
from gateway.store.library import Duplicate, Malformed
from gateway.store.pages import BadCursor

_log = logging.getLogger(__name__)

DESCRIPTION = "/api/openapi.json"


class Api:
    """The ASGI application under /api/."""

    def __init__(
        self, config: Config, attributor: Attributor, store: Store, recall: Recall, background: Background
    ) -> None:
        self._attributor = attributor
        self._keyed = bool(config.keys)
        app = self._app = FastAPI(
            title="Memory Gateway",
            version=__version__,
            openapi_url=DESCRIPTION,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            responses=REFUSED,
            generate_unique_id_function=lambda route: f"{route.name}_{route.path}",
        )
        for error in (GatewayError, RequestValidationError, HTTPException, StoreError, BadCursor, Duplicate, Malformed):
            app.add_exception_handler(error, _refuse)
        library = store.library
        parts = (
            Memories(library, recall),
            Recalling(library, recall),
            Entities(library),
            Sessions(library),
            Moving(store, recall, learns=config.memory.extract.mode != "off"),
            background,
        )
        for part in parts:
            app.include_router(part.router)
        app.openapi = self._described  # type: ignore[method-assign]  # FastAPI's own way to change it
        self._guarded = Guarded(self._identified, Doorkeeper(config), config, unread=("/api/import",))

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        status = 0

        async def watched(message: dict[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._guarded(scope, receive, watched)
        finally:
            ms = round((time.perf_counter() - begun) * 1000, 1)
            _log.info("api call", extra={"method": scope["method"], "status": status, "ms": ms})

    async def _identified(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        try:
            scope[ACCESS] = self._attributor.access(scope["headers"])
            await self._app(scope, receive, send)  # type: ignore[arg-type]  # the same shapes, named elsewhere
        except GatewayError as error:
            await _answer(error)(scope, receive, send)  # type: ignore[arg-type]

    def _described(self) -> dict[str, Any]:
        """The description, without the status that FastAPI gives to what is malformed: here that is 400."""
        if self._app.openapi_schema is None:
            schema = get_openapi(title=self._app.title, version=self._app.version, routes=self._app.routes)
            for path in schema["paths"].values():
                for call in path.values():
                    call["responses"].pop("422", None)
            for unused in ("HTTPValidationError", "ValidationError"):
                schema["components"]["schemas"].pop(unused, None)
            if self._keyed:
                schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
                schema["security"] = [{"key": []}]
            self._app.openapi_schema = schema
        return self._app.openapi_schema


async def _refuse(_: Request, error: Exception) -> Response:
    """Any error as the answer of one shape."""
    if isinstance(error, GatewayError):
        return _answer(error)
    if isinstance(error, RequestValidationError):
        return _answer(_malformed(error))
    if isinstance(error, HTTPException):
        found: GatewayError = NotAllowed() if error.status_code == 405 else NotFound()
        found = BadRequest(str(error.detail)) if error.status_code == 400 else found
        return _answer(found, dict(error.headers or {}))
    if isinstance(error, StoreError):
        return _answer(StoreSilent())
    if isinstance(error, BadCursor):
        return _answer(BadRequest("The cursor is not one that this list gave.", param="cursor"))
    if isinstance(error, Duplicate):
        return _answer(BadRequest("Another memory of this scope says that already.", param="text", code="duplicate"))
    return _answer(BadRequest(f"The import cannot be read: {error}."))


def _malformed(error: RequestValidationError) -> BadRequest:
    """The first thing that is wrong with a request."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"][1:]]
    message = first["msg"].removeprefix("Value error, ")
    return BadRequest(f"{'.'.join(place) or first['loc'][0]}: {message}", param=".".join(place) or None)


def _answer(error: GatewayError, headers: dict[str, str] | None = None) -> Response:
    more = {name.decode(): value.decode() for name, value in error.headers()}
    return Response(error.body(), error.status, {**(headers or {}), **more})
