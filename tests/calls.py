"""Calls of the gateway's own API over plain HTTP."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from tests.process import Answer, Gateway


def call(
    gateway: Gateway,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    **query: Any,
) -> Answer:
    """One call; `query` is encoded, what is None in it is left out."""
    given = {name: value for name, value in query.items() if value is not None}
    target = f"{path}?{urlencode(given, doseq=True)}" if given else path
    sent = {"content-type": "application/json", **(headers or {})}
    return gateway.request(method, target, json.dumps(body).encode() if body is not None else None, sent)


def ask(gateway: Gateway, method: str, path: str, body: Any = None, **more: Any) -> Any:
    """The answer of a call that succeeds, as JSON."""
    answer = call(gateway, method, path, body, **more)
    assert answer.status in (200, 201), (method, path, answer.status, answer.body)
    return answer.json


def at(*parts: str) -> str:
    """The path of these parts, whatever characters they hold."""
    return "/api/" + "/".join(quote(part, safe="") for part in parts)


def texts(gateway: Gateway, **query: Any) -> list[str]:
    """Texts of the memories that are listed."""
    return [memory["text"] for memory in ask(gateway, "GET", "/api/memories", **query)["memories"]]
