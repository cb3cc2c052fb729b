"""Chat Completions: what a request says, where memory goes in it, and what an answer was."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from gateway.domain import Message, Reply, Role, TurnState
from gateway.wire.document import Document, Edit, NotReadable, quoted

ROOT = b""
"""The chain before the first message."""

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "tool": "tool", "function": "tool"}
_SYSTEM = ("system", "developer")
_KEPT = ("content", "refusal", "tool_calls", "function_call", "audio")
"""What of an assistant's message a client sends back."""
_THINKING = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)


class ChatRequest:
    """One request body; raises NotReadable where it is not a chat that memory could be added to.

    `messages` are the conversation without system and developer text, chained from ROOT; `places` are their places in
    the request's own array.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.document = Document(raw, "messages")
        try:
            self._read()
        except RecursionError as error:  # it could be parsed, but not be written again
            raise NotReadable from error

    def _read(self) -> None:
        values = self.document.values
        self.model = _string(values.get("model"))
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
        if not any(message.role == "user" for message in messages):
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
    text = _text(value.get("content"))
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


def reply_message(reply: Reply, previous: Message | None) -> Message | None:
    """The answer as a message of the thread."""
    if reply.message is None:
        return None
    value = {"role": "assistant", **reply.message}
    try:
        return read_message(value, _dumps(value), previous)
    except RecursionError:
        return None


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
    return replace(message, raw=_dumps(value), text=_text(content if isinstance(content, list) else value["content"]))


def _text(content: object) -> str:
    if isinstance(content, str):
        return _sound(content)
    if not isinstance(content, list):
        return ""
    texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
    return _sound("\n".join(text for text in texts if isinstance(text, str)))


def _sound(text: str) -> str:
    """Text that UTF-8 can hold: halves of a character that came in two pieces are joined, lone ones replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


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


def read_reply(body: bytes) -> Reply:
    """The answer in the body of a response that was not streamed; never raises."""
    try:
        value = _loads(body)
        choice = value["choices"][0]
        message = choice["message"]
        kept = {key: message[key] for key in _KEPT if message.get(key) is not None}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return Reply("error")
    kept.setdefault("content", None)
    return Reply(
        "complete",
        kept,
        _string(value.get("model")),
        _string(value.get("id")),
        _string(choice.get("finish_reason")),
        value.get("usage") if isinstance(value.get("usage"), dict) else None,
    )


class StreamedReply:
    """The answer that the events of a stream add up to; never raises.

    Text and calls of the first choice are kept; `ended` is true once the last of `choices` has its finish reason, or
    after `[DONE]`.
    """

    def __init__(self, choices: int = 1) -> None:
        self.ended = False
        self.done = False
        self.failed = False
        self._choices = choices
        self._finished: set[int] = set()
        self._text: dict[str, list[str]] = {"content": [], "refusal": []}
        self._calls = _StreamedCalls()
        self._function = {"name": "", "arguments": ""}
        self._model: str | None = None
        self._id: str | None = None
        self._finish: str | None = None
        self._usage: dict[str, Any] | None = None

    def take(self, data: bytes) -> None:
        """Read the data of one event."""
        if data.startswith(b"[DONE]"):
            self.done = self.ended = True
            return
        try:
            chunk = _loads(data)
        except ValueError:
            return
        if not isinstance(chunk, dict):
            return
        if chunk.get("error"):
            self.failed = True
            return
        self._model = _string(chunk.get("model")) or self._model
        self._id = _string(chunk.get("id")) or self._id
        usage = chunk.get("usage") or _member(chunk.get("x_groq"), "usage")
        if isinstance(usage, dict):
            self._usage = usage
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                self._take_choice(choice)

    def _take_choice(self, choice: dict[str, Any]) -> None:
        index = choice.get("index") if isinstance(choice.get("index"), int) else 0
        delta = choice.get("delta")
        if index == 0 and isinstance(delta, dict):
            for key, pieces in self._text.items():
                piece = delta.get(key)
                if isinstance(piece, str):
                    pieces.append(piece)
                elif isinstance(piece, list):  # thinking and text parts of some models
                    pieces.append(_text(piece))
            self._calls.take(delta.get("tool_calls"))
            if isinstance(function := delta.get("function_call"), dict):
                for key in self._function:
                    self._function[key] += _string(function.get(key)) or ""
        if choice.get("finish_reason"):
            assert index is not None
            self._finished.add(index)
            if index == 0:
                self._finish = _string(choice["finish_reason"])
            self.ended = self.ended or len(self._finished) >= self._choices

    def reply(self) -> Reply:
        """What came so far: complete after the end, partial before it, error if the stream said so."""
        state: TurnState = "error" if self.failed else "complete" if self.ended else "partial"
        content, refusal = (_sound("".join(self._text[key])) for key in ("content", "refusal"))
        message: dict[str, Any] = {"content": content or None}
        if refusal:
            message["refusal"] = refusal
        if calls := self._calls.values():
            message["tool_calls"] = calls
        if self._function["name"]:
            message["function_call"] = self._function
        usable = bool(content or refusal) or state == "complete"
        return Reply(state, message if usable else None, self._model, self._id, self._finish, self._usage)


class _StreamedCalls:
    """Tool calls put together from pieces: by index, else by id; a new id on a used index is a new call."""

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []
        self._by_index: dict[int, dict[str, Any]] = {}

    def take(self, pieces: object) -> None:
        for piece in pieces if isinstance(pieces, list) else ():
            if isinstance(piece, dict):
                self._add(self._call_of(piece), piece)

    def _call_of(self, piece: dict[str, Any]) -> dict[str, Any]:
        index, name = piece.get("index"), piece.get("id")
        call = self._by_index.get(index) if isinstance(index, int) else None
        if call is None and name:
            call = next((known for known in self._calls if known["id"] == name), None)
        if call is None and index is None and not name and self._calls:
            return self._calls[-1]
        if call is None or (name and call["id"] and call["id"] != name):
            call = {"id": name, "type": piece.get("type") or "function"}
            self._calls.append(call)
        if isinstance(index, int):
            self._by_index[index] = call
        return call

    def _add(self, call: dict[str, Any], piece: dict[str, Any]) -> None:
        call["id"] = call["id"] or piece.get("id")
        for kind, text in (("function", "arguments"), ("custom", "input")):
            body = piece.get(kind)
            if not isinstance(body, dict):
                continue
            target = call.setdefault(kind, {"name": "", text: ""})
            call["type"] = kind
            if isinstance(body.get("name"), str) and body["name"] != target["name"]:
                target["name"] += body["name"]
            if isinstance(body.get(text), str):
                target[text] += body[text]

    def values(self) -> list[dict[str, Any]]:
        return self._calls


def _dumps(value: object) -> str:
    """JSON text that UTF-8 can hold."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # half of a character, or an integer over 64 bits
        return json.dumps(value, separators=(",", ":"))


def _loads(data: bytes) -> Any:
    """Parsed JSON; half of a character, which servers send in `\\ud83d` escapes, is let through. Raises ValueError."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return json.loads(data)
        except RecursionError as error:
            raise ValueError("too deep") from error


def _string(value: object) -> str | None:
    return _sound(value) if isinstance(value, str) else None


def _member(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None
