"""What a model answered through the Responses API: in one body, in the events of a stream, or later."""

from __future__ import annotations

import re
from typing import Any

import orjson

from gateway.domain import Message, Reply, TurnState
from gateway.wire.chat import read_message
from gateway.wire.lenient import dumps, loads, sound, string
from gateway.wire.responses_items import as_chat, kept_of_answer

_UNFINISHED = ("queued", "in_progress")
_LAST = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_DELTAS = {
    "response.output_text.delta": ("text", "output_text"),
    "response.refusal.delta": ("refusal", "refusal"),
}
"""Events that carry a piece of a part, with the key and the type of the part."""
_ITEM = re.compile(rb"/v1/responses/([A-Za-z0-9_.-]{1,200})/?\Z")


def read_reply(body: bytes) -> Reply:
    """The answer in the body of a response that was not streamed; never raises.

    An answer that is still being made in the background is partial and has no message.
    """
    try:
        value = loads(body)
    except ValueError:
        return Reply("error")
    return _reply(value, None)


def reply_message(reply: Reply, previous: Message | None) -> Message | None:
    """The answer as a message of the thread."""
    items = reply.message["output"] if reply.message else None
    if not items:
        return None
    try:
        return read_message(as_chat(items), dumps(items[0] if len(items) == 1 else items), previous)
    except RecursionError:
        return None


def in_background(body: bytes) -> str | None:
    """The id of an answer that is still being made; None: this body is the whole answer."""
    try:
        value = loads(body)
    except ValueError:
        return None
    if not isinstance(value, dict) or value.get("status") not in _UNFINISHED:
        return None
    return string(value.get("id"))


def retrieved(path: bytes) -> str | None:
    """The id of the answer that a GET of this path asks for."""
    found = _ITEM.match(path)
    return found[1].decode() if found else None


class StreamedResponse:
    """The answer that the events of a stream add up to; never raises.

    The event that ends it carries the whole answer; what came before counts where there is no such event, or where it
    leaves the output out. `ended` and `done` are true from that event on, also if it says that the answer failed.
    """

    def __init__(self) -> None:
        self.ended = False
        self.done = False
        self.failed = False
        self._answer: dict[str, Any] = {}
        self._items: dict[object, _Item] = {}
        self._sequence = -1

    def take(self, data: bytes) -> None:
        """Read the data of one event."""
        if data.startswith(b"[DONE]"):
            self.done = True
            return
        try:
            event = loads(data)
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        if isinstance(number := event.get("sequence_number"), int):
            self._sequence = number
        kind = event.get("type")
        answer = event.get("response")
        if isinstance(answer, dict):
            self._answer = answer
        if kind in _LAST:
            self.ended = self.done = True
            self.failed = self.failed or kind == "response.failed"
        elif kind == "error" or event.get("error"):
            self.failed = True
        else:
            self._take_piece(kind, event)

    def _take_piece(self, kind: object, event: dict[str, Any]) -> None:
        place = event.get("output_index")
        place = place if isinstance(place, int) else string(event.get("item_id")) or 0
        item = event.get("item")
        if kind in ("response.output_item.added", "response.output_item.done"):
            if isinstance(item, dict):
                self._items.setdefault(place, _Item()).value = item
                self._items[place].whole = kind == "response.output_item.done"
            return
        piece = event.get("delta")
        if isinstance(kind, str) and kind in _DELTAS and isinstance(piece, str):
            part = event.get("content_index")
            self._items.setdefault(place, _Item()).add(kind, part if isinstance(part, int) else 0, piece)

    def reply(self) -> Reply:
        """What came so far: complete after the end, partial before it, error if the stream said so."""
        output = [self._items[place].as_output() for place in self._ordered()]
        if self.failed:
            return _reply(self._answer | {"status": "failed"}, output)
        if not self.ended:
            return _reply(self._answer | {"status": "in_progress"}, output)
        return _reply({"status": "completed"} | self._answer, output)

    def _ordered(self) -> list[object]:
        return sorted(self._items, key=lambda place: place if isinstance(place, int) else len(self._items))

    def cut_off(self, message: str) -> bytes:
        """The event that tells the client that the stream broke: both ways in which its libraries look for it."""
        error = {"type": "upstream_error", "code": "stream_interrupted", "message": message, "param": None}
        event = error | {"type": "error", "error": error, "sequence_number": self._sequence + 1}
        return b"event: error\ndata: " + orjson.dumps(event) + b"\n\n"


class _Item:
    """An item of the output, as far as it came."""

    def __init__(self) -> None:
        self.value: dict[str, Any] = {"type": "message", "role": "assistant"}
        self.whole = False
        self._pieces: dict[tuple[int, str], list[str]] = {}

    def add(self, kind: str, part: int, piece: str) -> None:
        self._pieces.setdefault((part, kind), []).append(piece)

    def as_output(self) -> dict[str, Any]:
        """The item as it ended; a message that did not end, with the text that came; nothing of a call that did not."""
        if self.whole:
            return self.value
        if not self._pieces:
            return {}
        parts = [
            {"type": _DELTAS[kind][1], _DELTAS[kind][0]: sound("".join(pieces))}
            for (_, kind), pieces in sorted(self._pieces.items(), key=lambda item: item[0][0])
        ]
        return {"type": "message", "role": "assistant", "content": parts}


def _reply(value: object, streamed: list[dict[str, Any]] | None) -> Reply:
    """The answer of a response object, whose output may be known from elsewhere."""
    if not isinstance(value, dict) or (streamed is None and not isinstance(value.get("output"), list)):
        return Reply("error")
    status = value.get("status")
    state: TurnState = "complete"
    if status == "failed" or (value.get("error") and streamed is None):
        state = "error"
    elif status in (*_UNFINISHED, "cancelled"):
        state = "partial"
    try:
        kept = kept_of_answer(value.get("output") or streamed)
        message = {"output": kept} if kept or state == "complete" else None
    except (TypeError, ValueError, RecursionError):
        return Reply("error")
    usage = value.get("usage")
    return Reply(
        state,
        message,
        string(value.get("model")),
        string(value.get("id")),
        _finish(value),
        usage if isinstance(usage, dict) else None,
    )


def _finish(value: dict[str, Any]) -> str | None:
    for key, name in (("incomplete_details", "reason"), ("error", "code")):
        detail = value.get(key)
        if isinstance(detail, dict) and (found := string(detail.get(name))):
            return found
    return None if value.get("status") in _UNFINISHED else string(value.get("status"))
