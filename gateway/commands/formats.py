"""Files that can be brought in, cut into parts that are sent one by one."""

from __future__ import annotations

import re
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from gateway.commands.reach import CommandError

Format = Literal["jsonl", "chatgpt", "mem0"]

PART = 200
"""Messages or records of one part, as far as a conversation is not longer."""
PART_BYTES = 4 * 1024 * 1024

_CONVERSATIONS = re.compile(r"(?:.*/)?conversations(?:-\d+)?\.json")
_OWNERS = ("user_id", "agent_id", "run_id")
_SAID = ("memory", "text", "content", "data")


@dataclass(frozen=True, slots=True)
class Part:
    """What one request brings in."""

    body: bytes
    size: int
    """Messages or records."""
    entity: str | None = None
    """Whose it is, where the file says so; empty: nobody's but an agent's."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file that was understood."""

    format: Format
    unit: str
    """What its size counts."""
    size: int
    parts: Iterator[Part]

    @property
    def media_type(self) -> str:
        return "application/json" if self.format == "chatgpt" else "application/jsonl"


def opened(path: Path, entity: str | None, process: str | None) -> Parcel:
    """The file as it can be sent; raises CommandError where it is none of the formats."""
    try:
        documents = _documents(path)
        first = documents[0].lstrip()[:1]
        if first == b"{" and _is_record(documents[0]):
            return _lines(documents[0])
        values = [orjson.loads(document) for document in documents]
    except OSError as error:
        raise CommandError(f"{path}: cannot be read ({error.strerror})") from error
    except (orjson.JSONDecodeError, zipfile.BadZipFile) as error:
        raise CommandError(f"{path}: {error}") from None
    items = [item for value in values for item in _items(value)]
    if items and all(isinstance(item, dict) and isinstance(item.get("mapping"), dict) for item in items):
        return Parcel("chatgpt", "messages", sum(map(_messages, items)), _conversations(items))
    if items and all(isinstance(item, dict) and _said(item) for item in items):
        return Parcel("mem0", "memories", len(items), _memories(items, entity, process))
    raise CommandError(
        f"{path}: neither an export of this gateway, nor ChatGPT's conversations.json, nor mem0's export"
    )


def type_of(line: bytes) -> str:
    """Which type of record a line of our export is."""
    record = orjson.loads(line)
    return str(record.get("type")) if isinstance(record, dict) else "record"


def _documents(path: Path) -> list[bytes]:
    """The JSON texts of a file, or of ChatGPT's whole archive."""
    if not zipfile.is_zipfile(path):
        return [path.read_bytes()]
    with zipfile.ZipFile(path) as archive:
        found = sorted(name for name in archive.namelist() if _CONVERSATIONS.fullmatch(name))
        if not found:
            raise CommandError(f"{path}: there is no conversations.json in this archive")
        return [archive.read(name) for name in found]


def _is_record(document: bytes) -> bool:
    """The first line is a record of our own export."""
    try:
        first = orjson.loads(document.lstrip().partition(b"\n")[0])
    except orjson.JSONDecodeError:
        return False
    return isinstance(first, dict) and isinstance(first.get("type"), str)


def _lines(document: bytes) -> Parcel:
    records = [line for line in document.split(b"\n") if line.strip()]

    def parts() -> Iterator[Part]:
        waiting: list[bytes] = []
        size = 0
        for line in records:
            if waiting and (len(waiting) == PART or size + len(line) > PART_BYTES):
                yield Part(b"\n".join(waiting), len(waiting))
                waiting, size = [], 0
            waiting.append(line)
            size += len(line)
        if waiting:
            yield Part(b"\n".join(waiting), len(waiting))

    return Parcel("jsonl", "records", len(records), parts())


def _items(value: Any) -> Sequence[Any]:
    """The list that an export consists of, under whichever name it stands."""
    if isinstance(value, dict):
        value = next((value[name] for name in ("results", "memories", "conversations") if name in value), [value])
    return value if isinstance(value, list) else []


def _messages(conversation: Mapping[str, Any]) -> int:
    """How many messages of a person or the assistant a conversation has, on all its branches."""
    nodes = [node for node in conversation["mapping"].values() if isinstance(node, dict)]
    spoken = [node["message"] for node in nodes if isinstance(node.get("message"), dict)]
    authors = [message.get("author") for message in spoken]
    return sum(isinstance(author, dict) and author.get("role") in ("user", "assistant") for author in authors)


def _conversations(conversations: Sequence[dict[str, Any]]) -> Iterator[Part]:
    """Whole conversations, the oldest first, so that what was said last is what holds."""
    waiting: list[dict[str, Any]] = []
    size = 0
    for conversation in sorted(conversations, key=_begun):
        length = _messages(conversation)
        if waiting and size + length > PART:
            yield Part(orjson.dumps(waiting), size)
            waiting, size = [], 0
        waiting.append(conversation)
        size += length
    if waiting:
        yield Part(orjson.dumps(waiting), size)


def _begun(conversation: Mapping[str, Any]) -> float:
    begun = conversation.get("create_time")
    return float(begun) if isinstance(begun, int | float) else 0.0


def _said(item: Mapping[str, Any]) -> str | None:
    """The text of a memory in mem0's words."""
    return next((item[name] for name in _SAID if isinstance(item.get(name), str) and item[name].strip()), None)


def _memories(items: Sequence[dict[str, Any]], entity: str | None, process: str | None) -> Iterator[Part]:
    """Memories as records of ours, in parts that each belong to one entity."""
    owned: dict[str, list[dict[str, Any]]] = {}
    for number, item in enumerate(items, 1):
        owner = entity or str(item.get("user_id") or "")
        agent = process or str(item.get("agent_id") or "")
        if not owner and not agent:
            raise CommandError(f"memory {number} has neither user_id nor agent_id: name an --entity")
        owned.setdefault(owner, []).append(_record(item, agent))
    for owner, records in owned.items():
        for start in range(0, len(records), PART):
            some = records[start : start + PART]
            yield Part(b"\n".join(map(orjson.dumps, some)), len(some), owner)


def _record(item: Mapping[str, Any], process: str) -> dict[str, Any]:
    """One of mem0's memories as a record of our export, under the id that it had."""
    from gateway.extract.local import statements

    text = _said(item)
    assert text is not None
    made = _moment(item.get("created_at"))
    changed = _moment(item.get("updated_at") or item.get("created_at"))
    read = statements(text, at=made)
    session = str(item.get("run_id") or "")
    metadata = item.get("metadata")
    return {
        "type": "memory",
        "id": str(item.get("id") or _derived(item, text)),
        "process": process,
        "session": session,
        "learnt_process": process,
        "learnt_session": session,
        "closed": "",
        "alone": True,
        "kind": read[0].kind if read else "fact",
        "text": text,
        "status": "active",
        "standing": len(read) == 1 and read[0].standing,
        "origin": "import",
        "trust": 0.5,
        "confidence": 1.0,
        "times_seen": 1,
        "first_seen": made,
        "last_seen": changed,
        "valid_from": made,
        "metadata": metadata if isinstance(metadata, dict) else {},
        "created_at": made,
        "updated_at": changed,
        "triples": [
            {"subject": triple.subject, "predicate": triple.predicate, "object": triple.object}
            for one in read
            for triple in one.triples
        ],
    }


def _derived(item: Mapping[str, Any], text: str) -> str:
    """An id for a memory without one, the same each time that it is read."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\n".join([*(str(item.get(name)) for name in _OWNERS), text])))


def _moment(value: object) -> datetime:
    """A time as mem0 writes it; without one, now."""
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return datetime.now(UTC)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
