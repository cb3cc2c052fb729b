"""The model that the clients talk to: what it says is read off what reached it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.doors import door_of, texts
from tests.end_to_end.clients.programs.answering import STORY
from tests.replies import Call, Reply, named
from tests.upstream import Received, Script, Step, event, streamed, whole

CITY = '{"city": "Evora"}'
"""What it answers where the answer's shape is given, and what it calls tools with."""
SUNNY = "It is sunny."


def reply(request: Received) -> Reply:
    """Answers by shape if one is asked for, calls the first tool, tells what a tool said, knows a dog by its prompt."""
    body = request.json
    prompt = json.dumps(body.get("input", body.get("messages")), ensure_ascii=False)
    if STORY in prompt:
        return Reply("Once upon a time. " * 10_000)
    if _schema(body):
        return Reply(CITY)
    if "sunny in Evora" in prompt:
        return Reply(SUNNY)
    if body.get("tools"):
        return Reply(call=Call(_name(body["tools"][0]), CITY))
    if "?" not in texts(request)[-1]:
        return Reply("Noted.")
    return Reply("Biscuit." if "Biscuit" in prompt else "I do not know.")


def _schema(body: dict[str, Any]) -> bool:
    formats = (
        body.get("response_format"),
        body.get("text", {}).get("format"),
        body.get("output_config", {}).get("format"),
    )
    return any(given and given.get("type") == "json_schema" for given in formats)


def _name(tool: dict[str, Any]) -> str:
    name: str = tool["function"]["name"] if "function" in tool else tool["name"]
    return name


_KINDS = {400: "invalid_request_error", 429: "rate_limit_error", 500: "api_error"}
_SHOWN = (("x-request-id", "req_1"), ("request-id", "req_1"), ("retry-after", "1"))


def refusing(status: int) -> Script:
    """Answers everything with an error in the shape of its door."""

    def script(request: Received) -> Iterator[Step]:
        error = {"type": _KINDS[status], "message": f"The model says {status}."}
        if door_of(request) == "messages":
            body: dict[str, Any] = {"type": "error", "error": error, "request_id": "req_1"}
        else:
            body = {"error": error | {"param": None, "code": None}}
        yield whole(json.dumps(body).encode(), status, *_SHOWN)

    return script


def failing(request: Received) -> Iterator[Step]:
    """Begins to stream, and then says that something went wrong."""
    if door_of(request) == "messages":
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded."}}
        return streamed([named("error", error)])
    if door_of(request) == "responses":
        told = {"code": "server_error", "message": "It broke.", "param": None}
        return streamed([named("error", {"type": "error", "sequence_number": 0, **told, "error": told})])
    return streamed([event({"error": {"message": "It broke.", "type": "server_error", "param": None, "code": None}})])
