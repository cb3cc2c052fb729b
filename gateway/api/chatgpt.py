"""Conversations as ChatGPT exports them, as turns: each user message with what was answered to it."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from gateway.attribution import valid_id
from gateway.domain import Message, Scope, Turn
from gateway.errors import BadRequest
from gateway.extract.local import statements
from gateway.wire.chat import ROOT, hashed, read_message

LONGEST = 200_000
"""Characters of a message that statements are looked for in."""


@dataclass(frozen=True, slots=True)
class _Said:
    id: str
    role: str
    text: str
    at: datetime


def conversations(document: object) -> list[Mapping[str, Any]]:
    """The conversations of a `conversations.json`, or of one of its entries; raises BadRequest where it is none."""
    if isinstance(document, Mapping):
        document = document.get("conversations", [document])
    if not isinstance(document, list) or not all(isinstance(entry, Mapping) for entry in document):
        raise BadRequest("A list of conversations is expected.")
    for number, entry in enumerate(document):
        if not isinstance(entry.get("mapping"), Mapping):
            raise BadRequest(f"Conversation {number} has no mapping of messages.", param=f"{number}.mapping")
    return document


def turns(conversation: Mapping[str, Any], scope: Scope, *, learns: bool, closed: bool) -> list[Turn]:
    """The turns of the thread that the conversation ended with, in order; the same conversation gives the same ids.

    `scope` needs no session: that is the conversation. Raises BadRequest where the conversation cannot be named.
    """
    name = conversation.get("conversation_id") or conversation.get("id")
    if not isinstance(name, str):
        raise BadRequest("A conversation has no id.", param="conversation_id")
    scope = Scope(scope.tenant, scope.entity, scope.process, valid_id(name, "conversation_id"))
    made: list[Turn] = []
    previous: Message | None = None
    now = datetime.now(UTC)
    for said, answered in _exchanges(_thread(conversation)):
        user = _message("user", said.text, previous)
        reply = _message("assistant", answered, user) if answered else None
        state = statements(said.text[:LONGEST], asked=previous.text if previous else "", at=said.at) if learns else ()
        made.append(
            Turn(
                id=uuid.uuid5(uuid.NAMESPACE_URL, f"{name}\n{said.id}").hex,
                scope=scope,
                request=hashed(name.encode(), said.id.encode("utf-8", "replace")),
                replaces=None,
                anchor=previous.chain if previous else ROOT,
                messages=(user,),
                learn=((user, state),),
                reply=reply,
                state="complete",
                sends_history=False,
                said_at=said.at,
                started_at=now,
                closed=closed,
            )
        )
        previous = reply or user
    return made


def _thread(conversation: Mapping[str, Any]) -> list[_Said]:
    """What was said on the way to the newest message; without one named, in the order of the file."""
    mapping: Mapping[str, Any] = conversation["mapping"]
    at = conversation.get("current_node")
    nodes: list[Any] = []
    if isinstance(at, str) and at in mapping:
        seen: set[str] = set()
        while isinstance(at, str) and at in mapping and at not in seen:
            seen.add(at)
            nodes.append(mapping[at])
            at = mapping[at].get("parent") if isinstance(mapping[at], Mapping) else None
        nodes.reverse()
    else:
        nodes = list(mapping.values())
    began = _time(conversation.get("create_time")) or datetime.now(UTC)
    found: list[_Said] = []
    for node in nodes:
        said = _said(node, found[-1].at if found else began)
        if said:
            found.append(said)
    return found


def _said(node: object, before: datetime) -> _Said | None:
    """A visible message of a person or of the model; None for everything else."""
    message = node.get("message") if isinstance(node, Mapping) else None
    if not isinstance(message, Mapping):
        return None
    author, content, metadata = (_object(message.get(name)) for name in ("author", "content", "metadata"))
    role, name, parts = author.get("role"), message.get("id"), content.get("parts")
    if role not in ("user", "assistant") or metadata.get("is_visually_hidden_from_conversation"):
        return None
    if not isinstance(name, str) or not isinstance(parts, list) or message.get("recipient", "all") != "all":
        return None
    text = "\n".join(part for part in parts if isinstance(part, str)).strip()
    return _Said(name, role, text, _time(message.get("create_time")) or before) if text else None


def _exchanges(thread: Sequence[_Said]) -> Iterator[tuple[_Said, str]]:
    """Each user message with all that was answered to it."""
    asked: _Said | None = None
    answers: list[str] = []
    for said in thread:
        if said.role == "user":
            if asked:
                yield asked, "\n\n".join(answers)
            asked, answers = said, []
        else:
            answers.append(said.text)
    if asked:
        yield asked, "\n\n".join(answers)


def _message(role: str, text: str, previous: Message | None) -> Message:
    value = {"role": role, "content": text}
    return read_message(value, orjson.dumps(value).decode(), previous)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _time(value: object) -> datetime | None:
    """Seconds since 1970; None for what is no time of this or the last century."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return datetime.fromtimestamp(value, UTC) if 0 <= value < 2**32 else None
