"""Chat Completions: what a request says, and where memory goes in it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from gateway.domain import Message, Role
from gateway.wire.document import Document, Edit, NotReadable, quoted
from gateway.wire.lenient import dumps, sound, string

ROOT = b""
"""The chain before the first message."""

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "tool": "tool", "function": "tool"}
_SYSTEM = ("system", "developer")
_THINKING = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)


class ChatRequest:
    """One request body; raises NotReadable where it is not a chat that memory could be added to.

    `messages` are the conversation without system and developer text, chained from ROOT; `places` are their places in
    the request's own array.
    """

    kept = None
    """The upstream keeps nothing of the conversation."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.document = Document(raw, "messages")
        try:
            self._read()
        except RecursionError as error:  # it could be parsed, but not be written again
            raise NotReadable from error

    def _read(self) -> None:
        values = self.document.values
        self.model = string(values.get("model"))
        self.stream = values.get("stream") is True
        self.choices = values["n"] if isinstance(values.get("n"), int) and values["n"] > 0 else 1
        self.places: list[int] = []
        messages: list[Message] = []
        for place, element in enumerate(self.document.elements):
            if not isinstance(element.value, dict):
                raise NotReadable
            if element.value.get("role") in _SYSTEM:
                continue
            self.places.append(place)
            previous = messages[-1] if messages else None
            messages.append(read_message(element.value, self.document.source(element), previous))
        self.messages = tuple(messages)
        if not messages:
            raise NotReadable

    @property
    def has_history(self) -> bool:
        """It carries earlier turns, not only new messages."""
        return any(message.role == "assistant" for message in self.messages)

    @property
    def answers_tool(self) -> bool:
        """Its newest message is a tool's result: the model is in the middle of a turn."""
        return self.messages[-1].role != "user"

    def body_field(self, path: str) -> object:
        """The value at a dotted path such as `metadata.entity_id`; None if there is none."""
        value: object = self.document.values
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def with_memory(self, blocks: dict[int, str], earlier: Sequence[str]) -> bytes:
        """The body with blocks before the text of messages (by index in `messages`) and earlier messages put in front.

        `earlier` are messages as JSON, which go after the leading system text. Without either: the client's bytes.
        """
        edits = [self._block_edit(self.places[index], text) for index, text in sorted(blocks.items())]
        if earlier:
            first = self.document.elements[self.places[0]].start
            edits.insert(0, Edit(first, "".join(f"{message}," for message in earlier)))
        return self.document.edited([edit for edit in edits if edit]) if edits else self.raw

    def can_hold_block(self, index: int) -> bool:
        """A block can be put before the text of this message."""
        return self._block_edit(self.places[index], "x") is not None

    def _block_edit(self, place: int, block: str) -> Edit | None:
        try:
            content = self.document.member(self.document.elements[place], "content")
        except NotReadable:
            return None
        if content is None:
            return None
        if isinstance(content.value, str):
            return Edit(content.start + 1, quoted(block)[1:-1])
        if not isinstance(content.value, list) or not content.value:
            return None
        parts = self.document.items(content)
        texts = [part for part in parts if isinstance(part.value, dict) and part.value.get("type") == "text"]
        at = (texts or parts)[0].start
        return Edit(at, '{"type":"text","text":' + quoted(block) + "},")


def with_block(raw: str, block: str) -> str:
    """A stored message's JSON with a block before its text."""
    request = ChatRequest(b'{"messages":[' + raw.encode() + b"]}")
    return request.with_memory({0: block}, ()).decode()[len('{"messages":[') : -len("]}")]


def read_message(value: dict[str, Any], raw: str, previous: Message | None) -> Message:
    """A message of the wire; `previous` is the one before it in the thread (None at its start)."""
    named = value.get("role")
    role = _ROLES.get(named, "system") if isinstance(named, str) else "system"
    text = text_of(value.get("content"))
    tool = role == "tool" or bool(value.get("tool_calls") or value.get("function_call"))
    digest = _digest(role, _normal(role, text), value)
    return placed(Message(role, raw, text, digest, ROOT, ROOT, tool), previous)


def placed(message: Message, previous: Message | None) -> Message:
    """The message as the one that follows `previous`."""
    chain = previous.chain if previous else ROOT
    return Message(
        message.role,
        message.raw,
        message.text,
        message.digest,
        hashed(chain, message.digest),
        hashed(previous.digest if previous else ROOT, message.digest),
        message.tool,
    )


def rechained(messages: Sequence[Message], anchor: bytes) -> tuple[Message, ...]:
    """The messages as those that follow the message with the chain `anchor`; links stay as they are."""
    chained: list[Message] = []
    chain = anchor
    for message in messages:
        chain = hashed(chain, message.digest)
        chained.append(
            Message(message.role, message.raw, message.text, message.digest, chain, message.link, message.tool)
        )
    return tuple(chained)


def hashed(*parts: bytes) -> bytes:
    """16 bytes that stand for the parts, in order."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def rewritten(message: Message, change: Callable[[str], str]) -> Message:
    """The message with its text changed; its place in the thread stays that of what was sent."""
    value = json.loads(message.raw)
    content = value.get("content")
    if isinstance(content, list):
        texts = [part for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
        for part in texts:
            part["text"] = change(part["text"])
    elif isinstance(content, str):
        value["content"] = change(content)
    return replace(message, raw=dumps(value), text=text_of(content if isinstance(content, list) else value["content"]))


def text_of(content: object) -> str:
    """What a person would read of a message's content: its text parts, joined by line feeds."""
    if isinstance(content, str):
        return sound(content)
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return sound("\n".join(text for text in texts if isinstance(text, str)))


def _normal(role: Role, text: str) -> str:
    """Text as clients agree on it: they trim, change line ends, and leave a model's thinking out."""
    text = text.replace("\r\n", "\n")
    if role == "assistant" and "<think>" in text:
        text = _THINKING.sub("", text)
    return text.strip()


def _digest(role: Role, text: str, value: dict[str, Any]) -> bytes:
    """Over what stays the same when a client sends a message again: null is absent, one text part is a string."""
    parts = [role.encode(), text.encode()]
    content = value.get("content")
    if isinstance(content, list):
        parts += [_canonical(part) for part in content if not (isinstance(part, dict) and part.get("type") == "text")]
    for call in [*_calls(value.get("tool_calls")), *_calls([value.get("function_call")])]:
        parts += call
    if value.get("tool_call_id") is not None:
        parts += b"answers", _canonical(value["tool_call_id"])
    return hashed(*parts)


def _calls(calls: object) -> Iterator[list[bytes]]:
    for call in calls if isinstance(calls, list) else ():
        if not isinstance(call, dict):
            continue
        body = call.get("function") or call.get("custom") or call
        if isinstance(body, dict):
            given = body.get("arguments", body.get("input"))
            yield [b"call", _canonical(call.get("id")), _canonical(body.get("name")), _arguments(given)]


def _arguments(given: object) -> bytes:
    """A call's arguments: clients parse them and write them anew."""
    if isinstance(given, str):
        try:
            return _canonical(orjson.loads(given))
        except orjson.JSONDecodeError:
            return given.strip().encode("utf-8", "surrogatepass")
    return _canonical(given)


def _canonical(value: object) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer over 64 bits, or a lone surrogate
        return repr(value).encode("utf-8", "surrogatepass")
