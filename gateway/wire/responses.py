"""The Responses API: what a request says, what the upstream keeps of it, and where memory goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.domain import Message
from gateway.wire.chat import hashed, read_message
from gateway.wire.document import Document, Edit, NotReadable, Span, quoted
from gateway.wire.lenient import string
from gateway.wire.responses_items import as_chat, speaker

_PLAIN_ID = 200
"""Bytes of an upstream's id that can be a session's."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the upstream itself puts before the messages of a request: nothing of it is sent again.

    Blocks in it stay in it. So only what none of them holds may be added, and nothing is replayed.
    """

    conversation: str | None = None
    """Id of the conversation that is gone on with, and that this turn will be added to."""
    response: str | None = None
    """Id of the answer that the request follows."""

    @property
    def session(self) -> str:
        """The session's id, where none is named and no recorded answer tells it: the same for the same chain."""
        found = self.conversation or self.response or ""
        plain = found.isprintable() and len(found.encode()) <= _PLAIN_ID
        return found if plain else hashed(found.encode()).hex()


class ResponsesRequest:
    """One request body; raises NotReadable where it holds no input that memory could be added to.

    `messages` are the conversation in `input`, chained from ROOT, without instructions; the items of one answer
    (reasoning, text, calls) are one message. `kept` is None unless the upstream has earlier turns.
    """

    choices = 1

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.document = Document(raw, "input")
        try:
            self._read()
        except RecursionError as error:  # it could be parsed, but not be written again
            raise NotReadable from error

    def _read(self) -> None:
        values = self.document.values
        self.model = string(values.get("model"))
        self.stream = values.get("stream") is True
        self.background = values.get("background") is True
        self.kept = kept_upstream(values)
        self._groups: list[list[Span]] = []
        self._text: Span | None = None
        self.messages: tuple[Message, ...]
        if isinstance(values.get("input"), str):
            self._text = self.document.member(Span(values, self.document.text.index("{"), 0), "input")
            assert self._text is not None
            source = f'{{"role":"user","content":{self.document.source(self._text)}}}'
            self.messages = (read_message({"role": "user", "content": self._text.value}, source, None),)
            return
        self._group()
        messages: list[Message] = []
        for group in self._groups:
            sources = [self.document.source(item) for item in group]
            raw = sources[0] if len(sources) == 1 else f"[{','.join(sources)}]"
            chat = as_chat([item.value for item in group])
            messages.append(read_message(chat, raw, messages[-1] if messages else None))
        self.messages = tuple(messages)
        if not messages:
            raise NotReadable

    def _group(self) -> None:
        """The items of each message, in order."""
        before = None
        for item in self.document.elements:
            if not isinstance(item.value, dict):
                raise NotReadable
            role = speaker(item.value)
            if role == "system":
                continue
            if role == before == "assistant":
                self._groups[-1].append(item)
            else:
                self._groups.append([item])
            before = role

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

    def can_hold_block(self, index: int) -> bool:
        """A block can be put before the text of this message."""
        return self._block_edit(index, "x") is not None

    def with_memory(self, blocks: dict[int, str], earlier: Sequence[str]) -> bytes:
        """The body with blocks before the text of messages (by index in `messages`) and earlier messages put in front.

        `earlier` are messages as the JSON of an item, or of the array of one answer's items; they go after the leading
        instructions. Input that is a string becomes a list only for them. Without either: the client's bytes.
        """
        edits = [edit for index, text in sorted(blocks.items()) if (edit := self._block_edit(index, text))]
        items = "".join(f"{_without_brackets(message)}," for message in earlier if message)
        if items and self._text:
            edits.insert(0, Edit(self._text.start, f'[{items}{{"role":"user","content":'))
            edits.append(Edit(self._text.end, "}]"))
        elif items:
            edits.insert(0, Edit(self._groups[0][0].start, items))
        return self.document.edited(edits) if edits else self.raw

    def _block_edit(self, index: int, block: str) -> Edit | None:
        if self._text:
            return Edit(self._text.start + 1, quoted(block)[1:-1])
        if self.messages[index].role != "user":
            return None
        try:
            content = self.document.member(self._groups[index][0], "content")
        except NotReadable:
            return None
        if content is None:
            return None
        if isinstance(content.value, str):
            return Edit(content.start + 1, quoted(block)[1:-1])
        if not isinstance(content.value, list) or not content.value:
            return None
        parts = self.document.items(content)
        texts = [part for part in parts if isinstance(part.value, dict) and part.value.get("type") in _TEXTS]
        kind = texts[0].value["type"] if texts else _TEXTS[0]
        return Edit((texts or parts)[0].start, f'{{"type":"{kind}","text":{quoted(block)}}},')


_TEXTS = ("input_text", "text")
"""A part of text; the second is chat's, which some servers take."""


def kept_upstream(values: dict[str, Any]) -> Kept | None:
    """What the upstream has of the conversation already, by the fields of a request's body, Anthropic's too."""
    conversation, thread = values.get("conversation"), values.get("thread")
    if isinstance(conversation, dict):
        conversation = conversation.get("id")
    previous = thread.get("previous_message_id") if isinstance(thread, dict) else values.get("previous_response_id")
    found = Kept(string(conversation) or None, string(previous) or None)
    return found if found.conversation or found.response else None


def _without_brackets(message: str) -> str:
    return message[1:-1] if message.startswith("[") else message
