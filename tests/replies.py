"""What a model answers, in the words of each door: whole, as the events of a stream, and as errors."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.upstream import completion, delta, event


@dataclass(frozen=True, slots=True)
class Call:
    """A tool that the model asks for."""

    name: str
    arguments: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a model: text, or a call instead of it."""

    text: str = "Noted."
    call: Call | None = None

    @property
    def pieces(self) -> list[str]:
        """The text word by word; joined, they are the text."""
        return re.findall(r"\S+\s*", self.text)

    @property
    def halves(self) -> tuple[str, str]:
        """The call's arguments in two parts, as a stream brings them."""
        assert self.call is not None
        half = len(self.call.arguments) // 2
        return self.call.arguments[:half], self.call.arguments[half:]


def chat_completion(reply: Reply, name: str) -> bytes:
    """The body of a chat completion."""
    if reply.call is None:
        return completion(reply.text)
    return completion(None, tool_calls=[_tool_call(reply.call, f"call_{name}")])


def _tool_call(call: Call, name: str) -> dict[str, Any]:
    return {"id": name, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def chat_events(reply: Reply, name: str) -> Iterator[bytes]:
    """The events of a streamed chat completion, `[DONE]` included."""
    if reply.call is None:
        yield event(delta(role="assistant", content=""))
        yield from (event(delta(content=piece)) for piece in reply.pieces)
        yield event(delta("stop"))
    else:
        begun = _tool_call(Call(reply.call.name, ""), f"call_{name}")
        yield event(delta(role="assistant", content=None, tool_calls=[{"index": 0, **begun}]))
        for half in reply.halves:
            yield event(delta(tool_calls=[{"index": 0, "function": {"arguments": half}}]))
        yield event(delta("tool_calls"))
    yield event(b"[DONE]")


def response(reply: Reply, name: str) -> dict[str, Any]:
    """An answer of the Responses API."""
    part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
    item: dict[str, Any] = {"id": f"m{name}", "type": "message", "role": "assistant", "status": "completed"}
    item["content"] = [part]
    if call := reply.call:
        item = {"id": f"f{name}", "type": "function_call", "status": "completed", "call_id": f"call_{name}"}
        item |= {"name": call.name, "arguments": call.arguments}
    usage = {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 10,
    }
    return {
        "id": name, "object": "response", "created_at": 1, "status": "completed", "error": None,
        "incomplete_details": None, "instructions": None, "metadata": {}, "model": "m", "output": [item],
        "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "usage": usage,
    }  # fmt: skip


def response_events(answer: dict[str, Any]) -> Iterator[bytes]:
    """The events of a streamed answer of the Responses API that has one item."""
    number = itertools.count()
    (item,) = answer["output"]

    def told(kind: str, **fields: Any) -> bytes:
        return named(kind, {"type": kind, "sequence_number": next(number), **fields})

    begun = answer | {"status": "in_progress", "output": [], "usage": None}
    yield told("response.created", response=begun)
    yield told("response.in_progress", response=begun)
    empty: dict[str, Any] = {"arguments": ""} if "arguments" in item else {"content": []}
    yield told("response.output_item.added", output_index=0, item=item | {"status": "in_progress"} | empty)
    place = {"item_id": item["id"], "output_index": 0}
    if item["type"] == "function_call":
        reply = Reply(call=Call(item["name"], item["arguments"]))
        for half in reply.halves:
            yield told("response.function_call_arguments.delta", delta=half, **place)
        yield told("response.function_call_arguments.done", arguments=item["arguments"], name=item["name"], **place)
    else:
        (part,) = item["content"]
        place["content_index"] = 0
        yield told("response.content_part.added", part=part | {"text": ""}, **place)
        for piece in Reply(part["text"]).pieces:
            yield told("response.output_text.delta", delta=piece, logprobs=[], **place)
        yield told("response.output_text.done", text=part["text"], logprobs=[], **place)
        yield told("response.content_part.done", part=part, **place)
    yield told("response.output_item.done", output_index=0, item=item)
    yield told("response.completed", response=answer)


def message(reply: Reply, name: str) -> dict[str, Any]:
    """An answer of Anthropic's Messages API."""
    block: dict[str, Any] = {"type": "text", "text": reply.text, "citations": None}
    if call := reply.call:
        block = {"type": "tool_use", "id": f"toolu_{name}", "name": call.name, "input": json.loads(call.arguments)}
    return {
        "id": name, "type": "message", "role": "assistant", "model": "m", "content": [block],
        "stop_reason": "tool_use" if reply.call else "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 3},
    }  # fmt: skip


def message_events(reply: Reply, name: str) -> Iterator[bytes]:
    """The events of a streamed answer of Anthropic's Messages API."""

    def told(kind: str, **fields: Any) -> bytes:
        return named(kind, {"type": kind, **fields})

    whole = message(reply, name)
    (block,) = whole["content"]
    yield told("message_start", message=whole | {"content": [], "stop_reason": None})
    empty: dict[str, Any] = {"input": {}} if reply.call else {"text": ""}
    yield told("content_block_start", index=0, content_block=block | empty)
    yield told("ping")
    kind, field = ("input_json_delta", "partial_json") if reply.call else ("text_delta", "text")
    for piece in reply.halves if reply.call else reply.pieces:
        yield told("content_block_delta", index=0, delta={"type": kind, field: piece})
    yield told("content_block_stop", index=0)
    stopped = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield told("message_delta", delta=stopped, usage={"output_tokens": 3})
    yield told("message_stop")


def named(kind: str, value: dict[str, Any]) -> bytes:
    """One server-sent event with a name."""
    return f"event: {kind}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
