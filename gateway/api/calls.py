"""What every call of the API has in common: who calls, what is in its path, and what may go wrong."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request

from gateway.api.access import part
from gateway.api.given import NO_CONTROLS
from gateway.api.shapes import Refusal
from gateway.attribution import Access, valid_id

ACCESS = "gateway.access"
"""Where a request's scope holds whose memories its key reaches."""

_REFUSED = {
    400: "It cannot be understood, or names no scope.",
    401: "No valid key was sent.",
    403: "This key, or this site, may not do that.",
    404: "There is no such thing.",
    405: "This address does not take that method.",
    408: "The body stopped arriving.",
    413: "The body is too large.",
    503: "The store cannot answer now.",
}
REFUSED: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": description} for status, description in _REFUSED.items()
}
"""The answers that every call may give."""


def _caller(request: Request) -> Access:
    access: Access = request.scope[ACCESS]
    return access


def _entity(entity: Annotated[str, Path(min_length=1, json_schema_extra=dict(NO_CONTROLS))]) -> str:
    return valid_id(part(entity), "entity")


def _session(session: Annotated[str, Path(min_length=1, json_schema_extra=dict(NO_CONTROLS))]) -> str:
    return valid_id(part(session), "session")


def _memory(memory: Annotated[str, Path(min_length=1, json_schema_extra=dict(NO_CONTROLS))]) -> str:
    return valid_id(part(memory), "memory")


def _request(request_id: Annotated[str, Path(min_length=1, json_schema_extra=dict(NO_CONTROLS))]) -> str:
    return valid_id(part(request_id), "request_id")


Caller = Annotated[Access, Depends(_caller)]
EntityId = Annotated[str, Depends(_entity)]
SessionId = Annotated[str, Depends(_session)]
MemoryId = Annotated[str, Depends(_memory)]
RequestId = Annotated[str, Depends(_request)]
