"""Content blocks of Anthropic's Messages API, and the chat message that says the same as each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.wire.chat import text_of
from gateway.wire.lenient import dumps, loads

_DATA_URL = re.compile(r"\Adata:([\w.+-]{1,60}/[\w.+-]{1,60});base64,", re.ASCII)
_ID = re.compile(r"[^A-Za-z0-9_-]")
"""What may not stand in the id of a call."""
_FILLED = "[System: Empty message content sanitised to satisfy protocol]"
"""What litellm says in the place of an answer that held calls only."""


def is_result(block: object) -> bool:
    """A tool's result, which comes before everything else that a user's message holds."""
    return isinstance(block, dict) and block.get("type") == "tool_result"


def as_chat(message: Mapping[str, Any]) -> dict[str, Any]:
    """The chat message of an answer, of a user's message without results, or of one result."""
    content = message.get("content")
    if message.get("role") == "assistant":
        return _answer_as_chat(content)
    if isinstance(content, list) and len(content) == 1 and is_result(content[0]):
        result = content[0]
        return {"role": "tool", "tool_call_id": result.get("tool_use_id"), "content": _content(result.get("content"))}
    return {"role": message.get("role"), "content": _content(content)}


def from_chat(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The message of a chat message; None for one that says nothing, which this API refuses."""
    role, content = message.get("role"), message.get("content")
    if role in ("tool", "function"):
        given = content if isinstance(content, str) else _blocks(content)
        result = {"type": "tool_result", "tool_use_id": _id(message.get("tool_call_id")), "content": given}
        return {"role": "user", "content": [result]}
    if role != "assistant":
        found = content if isinstance(content, str) else _blocks(content)
        return {"role": "user", "content": found} if found else None
    text = text_of(content) or message.get("refusal") or ""
    calls = [_use(call) for call in message.get("tool_calls") or [] if isinstance(call, dict)]
    if calls:
        return {"role": "assistant", "content": [*([{"type": "text", "text": text}] if text.strip() else []), *calls]}
    return {"role": "assistant", "content": text} if text.strip() else None


def without_breakpoints(value: Any) -> Any:
    """The message without the client's cache breakpoints, of which one request may have four."""
    if isinstance(value, dict):
        return {key: without_breakpoints(part) for key, part in value.items() if key != "cache_control"}
    return [without_breakpoints(part) for part in value] if isinstance(value, list) else value


def kept_of_answer(content: object) -> list[dict[str, Any]]:
    """What of an answer a client sends back: all but empty text, which is refused."""
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return [block for block in blocks if block.get("type") != "text" or block.get("text")]


def _answer_as_chat(content: object) -> dict[str, Any]:
    """Text and calls: thinking, and what the provider's own tools did, do not come back from every client."""
    if not isinstance(content, list):
        return {"role": "assistant", "content": content}
    texts: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    for block in content:
        if not isinstance(block, dict):
            continue
        if block.get("type") == "text" and block.get("text") not in (None, "", _FILLED):
            texts.append({"type": "text", "text": block["text"]})
        elif block.get("type") == "tool_use":
            function = {"name": block.get("name"), "arguments": dumps(block.get("input"))}
            calls.append({"id": block.get("id"), "type": "function", "function": function})
    message = {"role": "assistant", "content": texts or None}
    return message | ({"tool_calls": calls} if calls else {})


def _content(content: object) -> object:
    if not isinstance(content, list):
        return content
    return [_part(block) if isinstance(block, dict) else block for block in content]


def _part(block: dict[str, Any]) -> dict[str, Any]:
    """A block as a part of a chat message; breakpoints move from message to message and say nothing."""
    source = block.get("source")
    if block.get("type") == "text":
        return {"type": "text", "text": block.get("text")}
    if block.get("type") == "image" and isinstance(source, dict):
        if source.get("type") == "base64":
            return {"type": "image_url", "image_url": {"url": _data_url(source)}}
        if source.get("type") == "url":
            return {"type": "image_url", "image_url": {"url": source.get("url")}}
    return {key: value for key, value in block.items() if key != "cache_control"}


def _data_url(source: dict[str, Any]) -> str:
    return f"data:{source.get('media_type')};base64,{source.get('data')}"


def _blocks(content: object) -> list[dict[str, Any]]:
    """Parts of a chat message as blocks; what has no block here is named, since it was there."""
    parts: Sequence[object] = content if isinstance(content, list) else ()
    return [block for part in parts if isinstance(part, dict) and (block := _block(part))]


def _block(part: dict[str, Any]) -> dict[str, Any] | None:
    kind, image = part.get("type"), part.get("image_url")
    if kind == "text":
        text = part.get("text")
        return {"type": "text", "text": text} if isinstance(text, str) and text.strip() else None
    url = image.get("url") if isinstance(image, dict) else image
    if kind == "image_url" and isinstance(url, str):
        if data := _DATA_URL.match(url):
            source = {"type": "base64", "media_type": data[1], "data": url[data.end() :]}
            return {"type": "image", "source": source}
        return {"type": "image", "source": {"type": "url", "url": url}}
    return {"type": "text", "text": f"[{kind}]"}


def _use(call: dict[str, Any]) -> dict[str, Any]:
    body = call.get("function") or call.get("custom") or {}
    body = body if isinstance(body, dict) else {}
    given = body.get("arguments", body.get("input"))
    try:
        read = loads(given.encode()) if isinstance(given, str) else given
    except ValueError:
        read = None
    use = {"name": body.get("name"), "input": read if isinstance(read, dict) else {"input": given} if given else {}}
    return {"type": "tool_use", "id": _id(call.get("id")), **use}


def _id(given: object) -> object:
    return _ID.sub("_", given) if isinstance(given, str) else given
