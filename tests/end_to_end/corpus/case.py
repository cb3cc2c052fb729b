"""One request and the answer to it, as bytes on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tests.upstream import Step, chunk, completion, whole

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
JSON = "Content-Type: application/json"
COMPLETION = whole(completion("Noted."), 200, ("x-request-id", "req_1"))
DONE = b"data: [DONE]\n\n"

Ending = Literal["same", "error event", "cut"]


@dataclass(frozen=True)
class Case:
    """What a client sends and what the upstream answers."""

    name: str
    method: str = "POST"
    target: str = CHAT
    headers: tuple[str, ...] = (JSON,)
    """Lines of the head beside Host and what frames the body."""
    body: bytes | tuple[bytes, ...] | None = None
    """None: nothing is said of a body; a tuple: it is sent in these chunks."""
    answer: tuple[Step, ...] = (COMPLETION,)
    """The response, head included; then the connection is kept."""
    closes: bool = False
    """The upstream closes the connection after its answer."""
    ending: Ending = "same"
    """How a stream ends at the gateway whose answer the upstream left unfinished (R-42): as it came and cut off, where
    an event may stand with an error event before."""
    fault: str = ""
    """A difference that is known, and ought not to be."""


def bare(status: str, *lines: str) -> bytes:
    """A head of exactly these lines; `status` with its reason."""
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def lengthy(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    """A response of these lines and the length of its body."""
    return bare(status, *lines, f"content-length: {len(body)}") + body


def chunked(pieces: Iterable[bytes], *lines: str, status: str = "200 OK") -> tuple[bytes, ...]:
    """A response in chunks, each sent by itself."""
    return (bare(status, *lines, "transfer-encoding: chunked"), *map(chunk, pieces), chunk(b""))


def events(text: bytes, *lines: str) -> tuple[bytes, ...]:
    """An event stream, one chunk for each line."""
    pieces = text.splitlines(keepends=True) if len(text) < 20_000 else [text]
    return chunked(pieces, "content-type: text/event-stream; charset=utf-8", *lines)


def asking(group: str, target: str, bodies: dict[str, str], answer: bytes, *lines: str) -> list[Case]:
    """The same answer to different requests."""
    return [
        Case(f"{group}: {name}", target=target, headers=(JSON, *lines), body=body.encode(), answer=(answer,))
        for name, body in bodies.items()
    ]


def answered(group: str, target: str, body: bytes, bodies: dict[str, str], *lines: str) -> list[Case]:
    """Different answers, each in one JSON body, to the same request."""
    head = ("content-type: application/json", *lines)
    return [
        Case(f"{group}: {name}", target=target, body=body, answer=(lengthy(text.encode(), *head),))
        for name, text in bodies.items()
    ]


def streamed(group: str, target: str, body: bytes, streams: Mapping[str, str | bytes], *lines: str) -> list[Case]:
    """Different streams of events, each a whole answer, to the same request."""
    return [
        Case(
            f"{group}: {name}",
            target=target,
            body=body,
            answer=events(text.encode() if isinstance(text, str) else text, *lines),
        )
        for name, text in streams.items()
    ]
