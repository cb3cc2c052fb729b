"""Items of the Responses API, and the chat message that says the same as each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.domain import Role
from gateway.wire.chat import text_of
from gateway.wire.lenient import dumps

_RESULTS = (
    *("function_call_output", "custom_tool_call_output", "computer_call_output", "shell_call_output"),
    *("local_shell_call_output", "apply_patch_call_output", "mcp_approval_response"),
)
"""What a client sends for a call; the outputs of hosted tools belong to the answer that they stand in."""
_SETTINGS = ("additional_tools", "compaction_trigger")
"""Items that say nothing."""
_TEXTS = ("input_text", "output_text", "text")


def speaker(item: Mapping[str, Any]) -> Role:
    """Who said it; `system` for instructions and settings, which are no part of the conversation.

    Reasoning, hosted tools and items of kinds that are not known are the assistant's.
    """
    kind = item.get("type")
    if kind in (None, "message") and "role" in item:
        role = item["role"]
        return "user" if role == "user" else "assistant" if role == "assistant" else "system"
    if kind in _SETTINGS:
        return "system"
    if kind in _RESULTS or (kind == "tool_search_output" and item.get("execution") == "client"):
        return "tool"
    return "assistant"


def as_chat(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The chat message of one item of a user or a tool, or of all items of one answer."""
    first = items[0]
    role = speaker(first)
    if role == "user":
        return {"role": "user", "content": _content_as_chat(first.get("content"))}
    if role == "tool":
        given = first.get("output", first.get("approve"))
        answered = first.get("call_id", first.get("approval_request_id"))
        return {"role": "tool", "tool_call_id": answered, "content": _content_as_chat(given)}
    content = [part for item in items for part in _said(item)]
    calls = [call for item in items for call in _calls(item)]
    if not content and not calls:  # what a reference stands for is known to the upstream alone
        content = [{"type": "item_reference", "id": item.get("id")} for item in items if _is_reference(item)]
    refusals = [part.get("refusal") for item in items for part in _parts(item.get("content")) if _refuses(part)]
    message: dict[str, Any] = {"role": "assistant", "content": content or None}
    if refusals:
        message["refusal"] = "\n".join(text for text in refusals if isinstance(text, str))
    return message | ({"tool_calls": calls} if calls else {})


def from_chat(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The items of a chat message; an answer's text is a string, which every server of this API takes."""
    role, content = message.get("role"), message.get("content")
    if role in ("tool", "function"):
        return [{"type": "function_call_output", "call_id": message.get("tool_call_id"), "output": _given(content)}]
    if role != "assistant":
        return [{"role": "user", "content": _given(content)}]
    text = text_of(content) or message.get("refusal") or ""
    said: list[dict[str, Any]] = [{"role": "assistant", "content": text}] if text else []
    return said + [_call_from_chat(call) for call in message.get("tool_calls") or [] if isinstance(call, dict)]


def kept_of_answer(output: object) -> list[dict[str, Any]]:
    """What of an answer a client sends back, in the form that does not depend on what the upstream stores.

    Reasoning is kept where it carries its own content and leads to calls: without it they can be refused.
    """
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    reasoning = [item for item in items if item.get("type") == "reasoning"]
    whole = all(item.get("encrypted_content") for item in reasoning) and any(map(_is_call, items))
    kept: list[dict[str, Any]] = []
    for item in items:
        if item.get("type") == "message":
            kept += _message_kept(item)
        elif _is_call(item):
            left_out = ("status",) if whole else ("status", "id")
            kept.append({key: value for key, value in item.items() if key not in left_out and value is not None})
        elif whole and item in reasoning:
            kept.append({key: value for key, value in item.items() if key != "status"})
    return kept


def _message_kept(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    parts = list(_parts(item.get("content")))
    text = text_of([part for part in (_part_as_chat(part) for part in parts) if part])
    phase = {"phase": item["phase"]} if item.get("phase") else {}
    if text:
        yield {"role": "assistant", "content": text, **phase}
    elif refusals := [part for part in parts if _refuses(part)]:
        yield {"type": "message", "role": "assistant", "content": refusals, **phase}


def _said(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if speaker(item) != "assistant" or item.get("type") not in (None, "message"):
        return
    content = item.get("content")
    for part in [{"type": "text", "text": content}] if isinstance(content, str) else _parts(content):
        if part.get("type") in _TEXTS and part.get("text"):
            yield {"type": "text", "text": part["text"]}


def _calls(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if not _is_call(item):
        return
    name, kind = item.get("call_id", item.get("id")), item["type"]
    if kind == "custom_tool_call":
        yield {"id": name, "type": "custom", "custom": {"name": item.get("name"), "input": item.get("input")}}
        return
    given = item.get("arguments", item.get("action", item.get("operation")))
    function = {"name": item.get("name", kind), "arguments": given if isinstance(given, str) else dumps(given)}
    yield {"id": name, "type": "function", "function": function}


def _is_call(item: Mapping[str, Any]) -> bool:
    """It asks the client to do something."""
    kind = item.get("type")
    if kind == "mcp_approval_request":
        return True
    return isinstance(kind, str) and kind.endswith("_call") and isinstance(item.get("call_id"), str)


def _is_reference(item: Mapping[str, Any]) -> bool:
    return item.get("type") == "item_reference" or (item.get("type") is None and "role" not in item)


def _refuses(part: Mapping[str, Any]) -> bool:
    return part.get("type") == "refusal"


def _parts(content: object) -> Iterator[dict[str, Any]]:
    return (part for part in content if isinstance(part, dict)) if isinstance(content, list) else iter(())


def _content_as_chat(content: object) -> object:
    """Text as it is; parts in chat's form; anything else as its JSON."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list):
        return dumps(content)
    return [_part_as_chat(part) if isinstance(part, dict) else part for part in content]


def _part_as_chat(part: dict[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    if kind in _TEXTS:
        return {"type": "text", "text": part.get("text")}
    if kind == "input_image" and isinstance(part.get("image_url"), str):
        detail = {} if part.get("detail") in (None, "auto") else {"detail": part["detail"]}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
    if kind == "input_file":
        return {"type": "file", "file": {key: part[key] for key in part if key != "type" and part[key] is not None}}
    return part


def _given(content: object) -> object:
    """What a user or a tool gave, as the content of an item."""
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    return [_part_from_chat(part) for part in content if isinstance(part, dict)]


def _part_from_chat(part: dict[str, Any]) -> dict[str, Any]:
    kind, image, file = part.get("type"), part.get("image_url"), part.get("file")
    if kind == "text":
        return {"type": "input_text", "text": part.get("text")}
    if kind == "image_url":
        image = image if isinstance(image, dict) else {"url": image}
        return {"type": "input_image", "image_url": image.get("url"), "detail": image.get("detail", "auto")}
    if kind == "file" and isinstance(file, dict):
        return {"type": "input_file", **file}
    return part


def _call_from_chat(call: dict[str, Any]) -> dict[str, Any]:
    custom, function = call.get("custom"), call.get("function")
    if isinstance(custom, dict):
        given = {"name": custom.get("name"), "input": custom.get("input")}
        return {"type": "custom_tool_call", "call_id": call.get("id"), **given}
    function = function if isinstance(function, dict) else {}
    given = {"name": function.get("name"), "arguments": function.get("arguments")}
    return {"type": "function_call", "call_id": call.get("id"), **given}
