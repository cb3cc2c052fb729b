"""Anthropic's Messages API: what a request says, and where memory goes in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.domain import Message
from gateway.wire.chat import read_message
from gateway.wire.document import Document, Edit, NotReadable, Span, quoted
from gateway.wire.lenient import loads, string
from gateway.wire.messages_blocks import as_chat, is_result
from gateway.wire.responses import kept_upstream

_SPOKEN = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class _Fragment:
    """What of a message of the request is a message of the thread: all of it, one of its results, or the rest."""

    place: int
    value: dict[str, Any]
    raw: str


class MessagesRequest:
    """One request body; raises NotReadable where it holds no messages that memory could be added to.

    `messages` are the conversation, chained from ROOT, without system text. A user's message that brings results of
    tools is one message for each of them, and one for what stands beside them. `kept` is None unless the request goes
    on with a thread that the upstream keeps, as the official client's tool runner does.
    """

    choices = 1

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
        self.kept = kept_upstream(values)
        self._fragments: list[_Fragment] = []
        messages: list[Message] = []
        for place, element in enumerate(self.document.elements):
            if not isinstance(element.value, dict):
                raise NotReadable
            if element.value.get("role") in _SPOKEN:
                self._fragments += self._split(place, element)
        for fragment in self._fragments:
            previous = messages[-1] if messages else None
            messages.append(read_message(as_chat(fragment.value), fragment.raw, previous))
        self.messages = tuple(messages)
        if not messages:
            raise NotReadable
        # whoever marks blocks sends the message as a string once the mark has gone on to a later one
        self._marks = any(
            "cache_control" in block
            for element in self.document.elements
            if isinstance(content := element.value.get("content"), list)
            for block in content
            if isinstance(block, dict)
        )

    def _split(self, place: int, element: Span) -> Iterator[_Fragment]:
        value, content = element.value, element.value.get("content")
        if value["role"] != "user" or not isinstance(content, list) or not any(map(is_result, content)):
            yield _Fragment(place, value, self.document.source(element))
            return
        array = self.document.member(element, "content")  # given twice: which one counts is not ours to say
        assert array is not None
        blocks = self.document.items(array)
        if len(blocks) == 1:
            yield _Fragment(place, value, self.document.source(element))
            return
        others = [block for block in blocks if not is_result(block.value)]
        for part in [[block] for block in blocks if is_result(block.value)] + ([others] if others else []):
            source = ",".join(map(self.document.source, part))
            held = {"role": "user", "content": [block.value for block in part]}
            yield _Fragment(place, held, f'{{"role":"user","content":[{source}]}}')

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
        """A block can be put into this message."""
        return bool(self._block_edits(index, "x"))

    def with_memory(self, blocks: dict[int, str], earlier: Sequence[str]) -> bytes:
        """The body with blocks in messages (by index in `messages`) and earlier messages put in front.

        In a string the block comes first. Among blocks of content it is the last one: behind results and behind the
        client's breakpoints, and at the same place when the breakpoints have moved on. Without either argument: the
        client's bytes.
        """
        edits = [edit for index, text in sorted(blocks.items()) for edit in self._block_edits(index, text)]
        if replayed := joined([message for message in earlier if message]):
            first = self.document.elements[self._fragments[0].place].start
            edits.insert(0, Edit(first, "".join(f"{message}," for message in replayed)))
        return self.document.edited(edits) if edits else self.raw

    def _block_edits(self, index: int, block: str) -> list[Edit]:
        if self.messages[index].role != "user":
            return []
        try:
            content = self.document.member(self.document.elements[self._fragments[index].place], "content")
        except NotReadable:
            return []
        if content is None:
            return []
        part = f'{{"type":"text","text":{quoted(block)}}}'
        if isinstance(content.value, str):
            if self._marks and content.value.strip():
                return [Edit(content.start, '[{"type":"text","text":'), Edit(content.end, f"}},{part}]")]
            return [Edit(content.start + 1, quoted(block)[1:-1])]
        if not isinstance(content.value, list) or not content.value:
            return []
        return [Edit(self.document.items(content)[-1].end, f",{part}")]


def joined(messages: Sequence[str]) -> list[str]:
    """Messages as they are sent: results of tools, and what the user says to them, in one message."""
    found: list[str] = []
    open_: list[str] = []
    for message in messages:
        value = loads(message.encode())
        content = value.get("content")
        results = isinstance(content, list) and bool(content) and is_result(content[0])
        if open_ and value.get("role") == "user":
            open_.append(_inside(message))
            found[-1] = f'{{"role":"user","content":[{",".join(open_)}]}}'
        else:
            found.append(message)
            open_ = [_inside(message)] if results else []
        if not results:
            open_ = []
    return found


def _inside(message: str) -> str:
    """The blocks of a message, as they stand in it."""
    document = Document(message.encode(), "content")
    if document.elements:
        return document.text[document.elements[0].start : document.elements[-1].end]
    return f'{{"type":"text","text":{quoted(str(document.values.get("content")))}}}'
