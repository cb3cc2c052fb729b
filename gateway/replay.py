"""What of a stored thread is put back before the messages of a client that sends no history."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config import HistoryConfig
from gateway.domain import Block, StoredMessage
from gateway.prompt import tokens
from gateway.wire.chat import text_of
from gateway.wire.door import Door, as_chat
from gateway.wire.lenient import loads


class Replayed:
    """A stored message as it is replayed."""

    def __init__(self, message: StoredMessage, block: Block | None, door: Door) -> None:
        self.message = message
        self.block = block
        self.text = door.replayed(message.raw, block.text if block else "")
        chat = as_chat(loads(message.raw.encode()))
        self.said = text_of(chat.get("content"))
        """What a person would read of it."""
        self.calls = [_id(call) for call in chat.get("tool_calls") or [] if isinstance(call, dict)]
        self.answers = _id({"id": chat.get("tool_call_id")})
        self.speaks = bool(self.text) and any(chat.get(key) for key in ("content", "refusal", "audio"))


def newest(kept: Sequence[Replayed], role: str) -> str:
    """What was last said in this role; empty if nothing was."""
    return next((item.said for item in reversed(kept) if item.message.role == role), "")


def window(path: Sequence[Replayed], history: HistoryConfig, *, goes_on: bool) -> list[Replayed]:
    """The end of a thread that is replayed, in exchanges that upstreams take, within the limits.

    `goes_on`: the request brings what the last exchange waits for. When a limit is passed, a quarter of it is let go
    at once, so that the prompt's beginning changes rarely.
    """
    exchanges: list[list[Replayed]] = []
    for item in path:
        if item.message.role == "user" and not (exchanges and exchanges[-1][-1].message.role == "user"):
            exchanges.append([])
        if exchanges:  # a thread that was cut in the middle of an exchange begins with the next one
            exchanges[-1].append(item)
    last = exchanges[-1] if exchanges else None
    exchanges = [exchange for exchange in exchanges if _is_whole(exchange) or (goes_on and exchange is last)]
    sizes = [sum(tokens(item.text) for item in exchange) for exchange in exchanges]
    start, size = 0, 0
    for end, added in enumerate(sizes, 1):
        size += added
        if end - start > history.turns or size > history.tokens:
            while start < end and (end - start > history.turns * 3 / 4 or size > history.tokens * 3 / 4):
                size -= sizes[start]
                start += 1
    return [item for exchange in exchanges[start:] for item in exchange]


def _is_whole(exchange: Sequence[Replayed]) -> bool:
    """An answer ends it, and every call has its result: a prompt in which one has none is refused, now and for ever."""
    open_: list[str] = []
    for item in exchange:
        open_ += item.calls
        if item.message.role == "tool" and item.answers in open_:
            open_.remove(item.answers)
    return not open_ and exchange[-1].message.role == "assistant" and exchange[-1].speaks


def _id(call: dict[str, object]) -> str:
    """What a call and its result agree on; calls without an id are told by their number."""
    return str(call.get("id") or "")
