"""An answer that is cut at any bytes gives the client the same bytes, and the same turn is recorded."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.connection import Connection
from tests.differing import Differential, request, script
from tests.end_to_end.corpus import chat_answered, chat_streamed, messages_door, responses_door
from tests.end_to_end.corpus.case import Case
from tests.process import Gateway
from tests.upstream import Step, Upstream, chat, chunk
from tests.waiting import until

NAMES = {
    chat_streamed: [
        "chat stream: normal",
        "chat stream: comments",
        "chat stream: CRLF",
        "chat stream: two data lines",
        "chat stream: no newline after [DONE]",
        "chat stream: usage without choices",
        "chat stream, odd: CR alone",
        "chat stream, odd: a byte order mark",
        "chat stream, odd: U+2028 and U+0085 in the text",
        "chat stream, odd: indented over lines",
        "chat stream, odd: data after [DONE]",
        "chat stream, deltas: a tool call in pieces",
        "chat stream, deltas: two choices",
        "chat stream, deltas: reasoning",
        "chat stream: no end at all",
        "chat stream: an end in the middle of an event",
    ],
    responses_door: [
        "responses stream: a text",
        "responses stream: CRLF and comments",
        "responses stream: a function call",
        "responses stream: reasoning",
    ],
    messages_door: ["messages stream: a text", "messages stream: a tool's use", "messages stream: CRLF"],
    chat_answered: [
        "chat answer: two tool calls",
        "chat answer: blank lines before the JSON",
        "chat answer: in chunks",
    ],
}
CASES = [next(case for case in module.CASES if case.name == name) for module, names in NAMES.items() for name in names]
TURN = "SELECT state, model, upstream_id, finish_reason, usage FROM turns WHERE entity = ?"
MESSAGES = "SELECT role, text, raw FROM messages WHERE entity = ? ORDER BY role, text"


@dataclass
class Cutting:
    """A gateway whose upstream cuts its answers anywhere, and what is recorded of those that come in one piece."""

    differential: Differential
    _entities: Iterator[int] = field(default_factory=itertools.count)
    _whole: dict[str, tuple[bytes, list[Any]]] = field(default_factory=dict)

    def told(self, case: Case, *steps: Step, recorded: list[Any] | None = None) -> tuple[bytes, list[Any]]:
        """The body that a client gets, and the turn that is recorded, at last as `recorded` if it ever is."""
        entity = f"cut {next(self._entities)}"
        gateway, upstream = self.differential.gateway, self.differential.upstream
        upstream.settle()
        upstream.script = script(replace(case, answer=steps))
        with Connection(gateway.port) as client:
            client.send(request(case, "gateway", [f"X-Entity-Id: {entity}", "Connection: close"]))
            _, _, body = client.rest().partition(b"\r\n\r\n")
        if recorded is None:
            self._written()
        end = time.monotonic() + 60  # what comes after an answer's end is recorded later
        while (rows := [*gateway.rows(TURN, entity), *gateway.rows(MESSAGES, entity)]) != (recorded or rows):
            if time.monotonic() > end:
                break
            time.sleep(0.001)
        return joined(body), rows

    def _written(self) -> None:
        """Wait until all that was to be recorded is: the store writes one after the other, and this last."""
        until(lambda: self.differential.gateway.active() == 0)
        self.differential.upstream.script = chat()
        answer = self.differential.gateway.chat("Hello.", f"after {next(self._entities)}")
        assert answer.header("x-memory-recorded") == "true"

    def whole(self, case: Case) -> tuple[bytes, list[Any]]:
        """The same of an answer in one piece."""
        if case.name not in self._whole:
            head, data = opened(case)
            self._whole[case.name] = self.told(case, head + chunk(data) + chunk(b""))
        return self._whole[case.name]

    def same(self, case: Case, *steps: Step) -> bool:
        """In these pieces it is what it is in one."""
        body, recorded = self.whole(case)
        assert recorded
        assert self.told(case, *steps, recorded=recorded) == (body, recorded)
        return True


def opened(case: Case) -> tuple[bytes, bytes]:
    """Head of the answer, as of one in chunks, and its body."""
    head, _, rest = b"".join(step for step in case.answer if isinstance(step, bytes)).partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head:
        return head + b"\r\n\r\n", joined(rest)
    head, _, _ = head.partition(b"\r\ncontent-length:")
    return head + b"\r\ntransfer-encoding: chunked\r\n\r\n", rest


def joined(chunked: bytes) -> bytes:
    """What the chunks hold, with a mark where the last one is missing."""
    found = b""
    while chunked:
        size, _, chunked = chunked.partition(b"\r\n")
        if size == b"0":
            return found
        found += chunked[: int(size, 16)]
        chunked = chunked[int(size, 16) + 2 :]
    return found + b" (cut off)"


@pytest.fixture(scope="module")
def cutting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cutting]:
    with Upstream() as upstream:
        upstreams = [
            {"name": "scripted", "base_url": upstream.url},
            {"name": "anthropic", "kind": "anthropic", "base_url": upstream.url},
        ]
        with Gateway(tmp_path_factory.mktemp("cutting"), upstream.url, upstreams=upstreams) as gateway:
            yield Cutting(Differential(gateway, upstream))


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The data, cut at these places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


@pytest.mark.requirement("R-35", "R-36")
@pytest.mark.timeout(900)
@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    case=st.sampled_from(CASES),
    cuts=st.lists(st.integers(0, 5000), max_size=40),
    packets=st.lists(st.integers(0, 5000), max_size=6),
    pauses=st.lists(st.sampled_from([0.0, 0.0, 0.002]), max_size=8),
)
def test_cuts_and_pauses_change_nothing(
    cutting: Cutting, case: Case, cuts: list[int], packets: list[int], pauses: list[float]
) -> None:
    """The body is cut into chunks, and what is sent into packets, at other places."""
    head, data = opened(case)
    sent = head + b"".join(map(chunk, pieces(data, cuts))) + chunk(b"")
    steps: list[Step] = []
    for packet, pause in itertools.zip_longest(pieces(sent, packets), pauses, fillvalue=0.0):
        steps += [packet, pause] if isinstance(packet, bytes) else []
    assert cutting.same(case, *steps)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_one_byte_at_a_time_changes_nothing(cutting: Cutting, case: Case) -> None:
    head, data = opened(case)
    steps = [head, *(chunk(data[at : at + 1]) for at in range(len(data))), chunk(b"")]
    assert cutting.same(case, *steps)
    assert cutting.whole(case)[0].startswith(data)
