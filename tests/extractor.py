"""A scripted language model that extracts: it reads the prompt as it was sent and answers what its script says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.process import Gateway
from tests.upstream import Received, Script, Step, completion, whole

Operations = list[dict[str, Any]]


def lines(request: Received) -> list[dict[str, Any]]:
    """The JSON lines of the prompt: memories, sessions and messages."""
    content: str = request.json["messages"][-1]["content"]
    return [json.loads(line) for line in content.splitlines() if line.startswith("{")]


def said(request: Received) -> dict[int, str]:
    """The user's messages by their numbers."""
    return {line["message"]: line["text"] for line in lines(request) if line.get("role") == "user"}


def shown(request: Received) -> dict[str, str]:
    """Texts of the memories by their short ids."""
    return {line["id"]: line["text"] for line in lines(request) if "id" in line}


def add(text: str, *sources: int, **more: Any) -> dict[str, Any]:
    return {"op": "add", "text": text, "kind": "fact", "sources": list(sources), **more}


def every_message(request: Received) -> Operations:
    """What an honest model does at the least: each message is a fact, in slightly other words."""
    return [add("So: " + text, number) for number, text in said(request).items()]


def answering(operations: Callable[[Received], Operations] = every_message, **more: Any) -> Script:
    """A script that answers in the form that was asked for."""
    return saying(lambda request: json.dumps({"operations": operations(request), "sessions": [], **more}))


def saying(text: str | Callable[[Received], str]) -> Script:
    """A script that answers this text."""

    def script(request: Received) -> Iterator[Step]:
        yield whole(completion(text if isinstance(text, str) else text(request)))

    return script


def refusing(status: int, body: bytes = b"{}", *headers: tuple[str, str]) -> Script:
    """A script that answers an error."""

    def script(_: Received) -> Iterator[Step]:
        yield whole(body, status, *headers)

    return script


def settings(extractor: str, upstream: str, **extract: Any) -> dict[str, Any]:
    """The configuration of a gateway whose turns are read by the model at `extractor`."""
    return {
        "upstreams": [
            {"name": "chat", "base_url": upstream},
            {"name": "extractor", "base_url": extractor, "api_key": "sk-extractor"},
        ],
        "memory": {
            "extract": {"mode": "llm", "upstream": "extractor", "model": "small", "idle": 0.1, "timeout": 20, **extract}
        },
    }


def learnt(gateway: Gateway, entity: str, status: str = "active") -> list[str]:
    """Texts of the memories of an entity that a model found, oldest first."""
    rows = gateway.rows(
        "SELECT text FROM memories WHERE entity = ? AND origin = 'llm' AND status = ? ORDER BY sequence", entity, status
    )
    return [text for (text,) in rows]


def nothing_waits(gateway: Gateway) -> bool:
    """Every message was read, or passed over."""
    return gateway.rows("SELECT count(*) FROM jobs WHERE upto > cursor OR again > 0 OR lease > 0") == [(0,)]
