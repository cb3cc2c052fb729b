"""The doors: the wire formats that are served, each as the same few functions, and messages told in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol

from gateway.domain import Message, Reply
from gateway.errors import GatewayError
from gateway.wire import (
    chat,
    messages,
    messages_blocks,
    messages_reply,
    reply,
    responses,
    responses_items,
    responses_reply,
)
from gateway.wire.lenient import dumps, loads
from gateway.wire.responses import Kept

_CHAT_PARTS = ("text", "image_url", "input_audio", "file", "refusal")
_BLOCKS = {"tool_use", "tool_result", "thinking", "redacted_thinking", "server_tool_use", "image", "document"}
_ITEM_PARTS = {"input_text", "output_text", "input_image", "input_file"}
_TEXT_KEYS = {"type", "text", "cache_control"}
_NO_MESSAGE = ""


class Request(Protocol):
    """A request body, whatever its format. Its messages have the same digests through every door."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation without system text, chained from ROOT; never empty."""

    @property
    def model(self) -> str | None:
        """As the client named it; None: not at all."""

    @property
    def choices(self) -> int:
        """How many answers are asked for."""

    @property
    def kept(self) -> Kept | None:
        """What the upstream itself puts before the messages; None: nothing."""

    @property
    def has_history(self) -> bool:
        """It carries earlier turns, not only new messages."""

    @property
    def answers_tool(self) -> bool:
        """The model is in the middle of a turn."""

    def body_field(self, path: str) -> object:
        """The value at a dotted path; None if there is none."""

    def can_hold_block(self, index: int) -> bool:
        """A block can be put into this one of `messages`."""

    def with_memory(self, blocks: dict[int, str], earlier: Sequence[str]) -> bytes:
        """The body with blocks by index in `messages`, and with what `Door.replayed` gave put in front."""


class Listener(Protocol):
    """Adds up the events of a stream; it never raises."""

    ended: bool
    """The last event taken ends the answer: it is held until the turn is recorded."""
    done: bool
    """The upstream has nothing more to say."""
    failed: bool
    """The stream says that it broke."""

    def take(self, data: bytes) -> None:
        """Read the data of one event."""

    def reply(self) -> Reply:
        """What came so far."""

    def cut_off(self, message: str) -> bytes:
        """The event that tells the client that the stream broke; to be sent where an event may begin."""


class Door(Protocol):
    """A wire format that is served: how its requests are read and edited, its answers understood, its errors worded."""

    path: bytes

    def request(self, raw: bytes) -> Request:
        """The body of a request; raises NotReadable."""

    def reply(self, body: bytes) -> Reply:
        """The answer in one body; never raises."""

    def listener(self, choices: int) -> Listener:
        """For the answer in a stream."""

    def message(self, reply: Reply, previous: Message | None) -> Message | None:
        """An answer as a message of the thread; None where it says nothing."""

    def replayed(self, raw: str, block: str) -> str:
        """A stored message, which came through any door, as JSON of this format with its block; empty: it has no form
        here. What came through this door keeps its bytes, but for breakpoints of the client's cache."""

    def error_body(self, error: GatewayError) -> bytes:
        """The gateway's own refusal."""


class ChatDoor:
    """OpenAI's Chat Completions."""

    path = b"/v1/chat/completions"

    def request(self, raw: bytes) -> Request:
        return chat.ChatRequest(raw)

    def reply(self, body: bytes) -> Reply:
        return reply.read_reply(body)

    def listener(self, choices: int) -> Listener:
        return reply.StreamedReply(choices)

    def message(self, answer: Reply, previous: Message | None) -> Message | None:
        return reply.reply_message(answer, previous)

    def replayed(self, raw: str, block: str) -> str:
        value = loads(raw.encode())
        raw = _chat_json(as_chat(value)) if form_of(value) not in ("any", "text", "chat") else _unmarked(raw, value)
        return chat.with_block(raw, block) if block and raw else raw

    def error_body(self, error: GatewayError) -> bytes:
        return error.body()


class ResponsesDoor:
    """OpenAI's Responses."""

    path = b"/v1/responses"

    def request(self, raw: bytes) -> Request:
        return responses.ResponsesRequest(raw)

    def reply(self, body: bytes) -> Reply:
        return responses_reply.read_reply(body)

    def listener(self, choices: int) -> Listener:
        return responses_reply.StreamedResponse()

    def message(self, answer: Reply, previous: Message | None) -> Message | None:
        return responses_reply.reply_message(answer, previous)

    def replayed(self, raw: str, block: str) -> str:
        value = loads(raw.encode())
        if form_of(value) not in ("any", "responses"):
            items = responses_items.from_chat(as_chat(value))
            raw = dumps(items[0] if len(items) == 1 else items) if items else _NO_MESSAGE
        return _blocked(responses.ResponsesRequest, "input", raw, block)

    def error_body(self, error: GatewayError) -> bytes:
        return error.body()


class MessagesDoor:
    """Anthropic's Messages."""

    path = b"/v1/messages"

    def request(self, raw: bytes) -> Request:
        return messages.MessagesRequest(raw)

    def reply(self, body: bytes) -> Reply:
        return messages_reply.read_reply(body)

    def listener(self, choices: int) -> Listener:
        return messages_reply.StreamedMessage()

    def message(self, answer: Reply, previous: Message | None) -> Message | None:
        return messages_reply.reply_message(answer, previous)

    def replayed(self, raw: str, block: str) -> str:
        value = loads(raw.encode())
        if form_of(value) not in ("any", "text", "messages"):
            found = messages_blocks.from_chat(as_chat(value))
            raw = dumps(found) if found else _NO_MESSAGE
        else:
            raw = _unmarked(raw, value)
        return _blocked(messages.MessagesRequest, "messages", raw, block)

    def error_body(self, error: GatewayError) -> bytes:
        return messages_reply.error_body(error)


CHAT: Door = ChatDoor()
RESPONSES: Door = ResponsesDoor()
MESSAGES: Door = MessagesDoor()
DOORS = {door.path: door for door in (CHAT, RESPONSES, MESSAGES)}


def form_of(value: Any) -> Literal["any", "text", "chat", "responses", "messages"]:
    """The format of a stored message; `any` is the same in all, `text` (parts of text) in chat and messages."""
    if isinstance(value, list):
        return "responses"
    if value.get("role") in ("tool", "function") or any(value.get(key) for key in ("tool_calls", "function_call")):
        return "chat"
    if "type" in value or "phase" in value or "role" not in value:
        return "responses"
    content = value.get("content")
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    kinds = {str(part.get("type")) for part in parts}
    if kinds & _ITEM_PARTS:
        return "responses"
    if kinds & _BLOCKS or any("citations" in part for part in parts) or any(map(_is_hosted, kinds)):
        return "messages"
    if value.keys() - {"role", "content"}:  # a name, or keys that are null: the others refuse what they do not know
        return "chat"
    if isinstance(content, str):
        return "any"
    return "text" if parts and all(part.keys() <= _TEXT_KEYS for part in parts) else "chat"


def _is_hosted(kind: str) -> bool:
    return kind.endswith("_tool_result")


def as_chat(value: Any) -> dict[str, Any]:
    """A stored message in chat's form."""
    form = form_of(value)
    if form == "responses":
        return responses_items.as_chat(value if isinstance(value, list) else [value])
    if form == "messages":
        return messages_blocks.as_chat(value)
    found: dict[str, Any] = value
    return found


def rewritten(message: Message, change: Callable[[str], str]) -> Message:
    """The message with its text changed; its place in the thread stays that of what was sent."""
    value = loads(message.raw.encode())
    if form_of(value) not in ("responses", "messages"):
        return chat.rewritten(message, change)
    changed = _changed(value, change)
    return replace(message, raw=dumps(changed), text=chat.text_of(as_chat(changed).get("content")))


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_changed(part, change) for part in value]
    if not isinstance(value, dict):
        return value
    texts = {key: value[key] for key in ("text", "content", "output") if key in value}
    return value | {
        key: change(part) if isinstance(part, str) else _changed(part, change) for key, part in texts.items()
    }


def _chat_json(message: dict[str, Any]) -> str:
    """The message as chat servers take it; empty for one that says nothing there."""
    content = message.get("content")
    if isinstance(content, list):
        content = [part for part in content if isinstance(part, dict) and part.get("type") in _CHAT_PARTS]
        texts = [part.get("text") for part in content if part["type"] == "text"]
        if message.get("role") != "user" and len(texts) == len(content):
            content = "\n".join(text for text in texts if isinstance(text, str))
    speaks = content or message.get("tool_calls") or message.get("refusal") or message.get("role") == "tool"
    return dumps(message | {"content": content or ("" if message.get("role") == "tool" else None)}) if speaks else ""


def _unmarked(raw: str, value: Any) -> str:
    """Without breakpoints of the client's cache: those of all requests would be more than one request may have."""
    return dumps(messages_blocks.without_breakpoints(value)) if '"cache_control"' in raw else raw


def _blocked(request: Callable[[bytes], Request], key: str, raw: str, block: str) -> str:
    """A message with a block put where requests of its format hold one."""
    if not raw or not block:
        return raw
    before = f'{{"{key}":['
    return request(f"{before}{raw}]}}".encode()).with_memory({0: block}, ()).decode()[len(before) : -2]
