"""One case sent direct and through the gateway, and every difference that has no reason."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from tests.end_to_end.corpus.case import CHAT, JSON, MESSAGES, RESPONSES, Case
from tests.process import Gateway
from tests.upstream import Close, Received, Script, Step, Upstream, chunk

Headers = list[tuple[str, str]]

WAYS = {"off": ["X-Entity-Id: {}", "X-Memory: off"], "anonymous": [], "remembered": ["X-Entity-Id: {}"]}
"""Headers of a request without memory, of one without an entity, and of one whose entity has no memories."""

_ONE_HOP = "belongs to one connection (RFC 9110, 7.6.1)"
NOT_SENT = {
    "host": "names the server that the request is sent to",
    "expect": "is answered by the gateway",
    "upgrade": _ONE_HOP,
    "connection": _ONE_HOP,
    "keep-alive": _ONE_HOP,
    "proxy-connection": _ONE_HOP,
    "proxy-authorization": _ONE_HOP,
    "te": _ONE_HOP,
    "trailer": _ONE_HOP,
    "x-entity-id": "is for the gateway",
    "x-memory": "is for the gateway",
    "content-length": "frames the body: compared as such",
    "transfer-encoding": "frames the body: compared as such",
}
"""Request headers that are not compared, each with its reason."""
NOT_RETURNED = {
    "date": "is said by the server that the client talks to",
    "server": "is said by the server that the client talks to, and the gateway does not name itself",
    "upgrade": _ONE_HOP,
    "connection": _ONE_HOP,
    "keep-alive": _ONE_HOP,
    "proxy-connection": _ONE_HOP,
    "proxy-authenticate": _ONE_HOP,
    "te": _ONE_HOP,
    "trailer": _ONE_HOP,
    "content-length": "frames the body: compared as such",
    "transfer-encoding": "frames the body: compared as such",
    "x-session-id": "is the gateway's",
    "x-memory-status": "is the gateway's",
    "x-memory-recalled": "is the gateway's",
    "x-memory-recorded": "is the gateway's",
    "x-memory-request-id": "is the gateway's",
}
"""Response headers that are not compared, each with its reason."""
UNBUFFERED = {"cache-control": "no-cache", "x-accel-buffering": "no"}
"""Added to event streams of chats that do not say it themselves (R-33)."""
DOORS = (CHAT, RESPONSES, MESSAGES)
WITHOUT_BODY = (204, 304)


@dataclass
class Told:
    """An answer as a client sees it."""

    status: int
    headers: Headers
    """Names in lower case."""
    body: bytes = b""
    framing: str = ""
    """`chunked`, a length, or empty."""
    whole: bool = False
    """Its announced end came."""

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


@dataclass
class Differential:
    """A gateway and its upstream, which is also asked direct."""

    gateway: Gateway
    upstream: Upstream
    _count: int = field(default=0)

    def differences(self, case: Case) -> list[str]:
        """What is not as it was direct; empty if all is equal but for the listed exceptions."""
        self._count += 1
        direct_sent, direct = self._call(case, self.upstream.port, [])
        assert direct_sent is not None, direct
        found = []
        for way, lines in WAYS.items():
            sent, told = self._call(case, self.gateway.port, [line.format(f"e{self._count}") for line in lines])
            if sent is None:
                found.append(f"{way}: did not reach the upstream: {told}")
                continue
            different = [*self._request(case, way, direct_sent, sent), *_response(case, way, direct, told)]
            found += [f"{way}: {difference}" for difference in different]
        return found

    def _call(self, case: Case, port: int, lines: list[str]) -> tuple[Received | None, Told]:
        self.upstream.settle()
        self.upstream.received.clear()
        self.upstream.script = script(case)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(request(case, f"127.0.0.1:{port}", lines))
            with connection.makefile("rb") as reader:
                told = read_answer(reader, case.method)
        return (self.upstream.last if len(self.upstream.received) == 1 else None), told

    def _request(self, case: Case, way: str, direct: Received, sent: Received) -> Iterator[str]:
        recorded = way == "remembered" and (case.method, case.target.partition("?")[0]) in {("POST", d) for d in DOORS}
        if (direct.method, direct.target) != (sent.method, sent.target):
            yield f"request line: {direct.method} {direct.target} / {sent.method} {sent.target}"
        if direct.body != sent.body:
            yield f"request body: {direct.body[:500]!r} / {sent.body[:500]!r}"
        if sent.header("host") != f"127.0.0.1:{self.upstream.port}":
            yield f"host: {sent.header('host')}"
        yield from _framing_sent(case, direct, sent)
        unsent = NOT_SENT.keys() | _named(direct.headers)
        if recorded:  # asked for plain if it is to be read
            unsent |= {"accept-encoding"}
            if sent.header("accept-encoding") not in ("identity", direct.header("accept-encoding")):
                yield f"accept-encoding: {sent.header('accept-encoding')}"
        before, after = ([pair for pair in r.headers if pair[0] not in unsent] for r in (direct, sent))
        if before != after:
            yield f"request headers: {before} / {after}"
        gone = {name for name, _ in sent.headers} & (unsent - {"host", "content-length", "transfer-encoding"})
        if gone - {"accept-encoding", "connection"}:
            yield f"sent on: {gone}"


def _framing_sent(case: Case, direct: Received, sent: Received) -> Iterator[str]:
    before, after = ((r.header("content-length"), r.header("transfer-encoding")) for r in (direct, sent))
    if isinstance(case.body, tuple) and after == (str(len(direct.body)), None) and _names_a_model(case):
        return  # read whole, since its model chooses the server
    if {before, after} <= {("0", None), (None, None)}:
        return  # no body, said or not
    if before != after:
        yield f"request framing: {before} / {after}"


def _names_a_model(case: Case) -> bool:
    """Its body may name a model."""
    named = JSON in case.headers or case.target.startswith(("/v1/audio/", "/v1/images/"))
    return named or case.target.partition("?")[0] in DOORS


def _response(case: Case, way: str, direct: Told, told: Told) -> Iterator[str]:
    if direct.status != told.status:
        yield f"status: {direct.status} / {told.status}: {told.body[:300]!r}"
        return
    before, after = (
        [pair for pair in t.headers if pair[0] not in NOT_RETURNED.keys() | _named(t.headers)] for t in (direct, told)
    )
    before, after = _unbuffered(case, way, before, after, told)
    if before != after:
        yield f"response headers: {before} / {after}"
    if passed := {name for name, _ in told.headers} & (
        {n for n, why in NOT_RETURNED.items() if why == _ONE_HOP} - {"connection"}
    ):
        yield f"passed on: {passed}"
    framing = direct.framing
    if told.status in WITHOUT_BODY:
        framing = ""  # the server would wait for the body that a length there only tells of
    elif not framing and case.method != "HEAD":
        framing = "chunked"  # the end of the connection is a worse end than that of the last chunk
    if framing != told.framing:
        yield f"response framing: {direct.framing} / {told.framing}"
    yield from _bodies(case, direct, told)


def _unbuffered(case: Case, way: str, before: Headers, after: Headers, told: Told) -> tuple[Headers, Headers]:
    """The headers, without those that a chat's stream is marked with and without the gateway's times."""
    if case.method == "POST" and case.target.partition("?")[0] in DOORS and way != "off":
        if after and after[-1] in UNBUFFERED.items() and told.status == 200:
            names = {name for name, _ in before}
            added = [pair for pair in UNBUFFERED.items() if pair[0] not in names]
            if after[-len(added) :] == added:
                after = after[: -len(added)]
        if after and after[-1][0] == "server-timing" and after[-1][1].startswith("memory;dur="):
            after = after[:-1]
    return before, after


def _bodies(case: Case, direct: Told, told: Told) -> Iterator[str]:
    watched = case.ending != "same"
    error = told.body.removeprefix(direct.body) if case.ending == "error event" else b""
    if told.body.removesuffix(error) != direct.body or bool(error) != (case.ending == "error event"):
        yield f"response body: {direct.body[-500:]!r} / {told.body[-500:]!r}"
    if error and not (b'"error"' in error and error.endswith(b"\n\n")):
        yield f"no error event: {error!r}"
    if told.whole != (direct.whole and not watched):
        yield f"response end: {direct.whole} / {told.whole}"


def _named(headers: Headers) -> set[str]:
    return {token.strip().lower() for name, value in headers if name == "connection" for token in value.split(",")}


def request(case: Case, host: str, lines: list[str]) -> bytes:
    """The case's request as its bytes."""
    framing = []
    if isinstance(case.body, tuple):
        framing = ["Transfer-Encoding: chunked"]
    elif case.body is not None:
        framing = [f"Content-Length: {len(case.body)}"]
    head = [f"{case.method} {case.target} HTTP/1.1", f"Host: {host}", *case.headers, *lines, *framing, "", ""]
    body = b"".join(map(chunk, (*case.body, b""))) if isinstance(case.body, tuple) else case.body or b""
    return "\r\n".join(head).encode("latin-1") + body


def script(case: Case) -> Script:
    """Answers as the case says."""

    def answer(_: Received) -> Iterator[Step]:
        yield from case.answer
        if case.closes:
            raise Close

    return answer


def read_answer(reader: BinaryIO, method: str) -> Told:
    """The final answer, with the body as far as it came."""
    told = _head(reader)
    while 100 <= told.status < 200:
        told = _head(reader)
    if method == "HEAD" or told.status in WITHOUT_BODY:
        told.framing = told.header("content-length")
        told.whole = True
        return told
    with contextlib.suppress(ConnectionResetError):
        if told.header("transfer-encoding").lower() == "chunked":
            told.framing = "chunked"
            told.whole = _chunks(reader, told)
        elif length := told.header("content-length"):
            told.framing = length
            told.body = reader.read(int(length))
            told.whole = len(told.body) == int(length)
        else:
            told.body = reader.read()
            told.whole = True
    return told


def _head(reader: BinaryIO) -> Told:
    status = int(reader.readline().split(b" ")[1])
    headers = []
    while line := reader.readline().rstrip(b"\r\n"):
        name, _, value = line.decode("latin-1").partition(":")
        headers.append((name.lower(), value.strip()))
    return Told(status, headers)


def _chunks(reader: BinaryIO, told: Told) -> bool:
    """Read the chunks into the body; whether the last one came."""
    while (line := reader.readline()).endswith(b"\n"):
        size = int(line.partition(b";")[0], 16)
        if not size:
            while reader.readline().strip():
                pass
            return True
        told.body += reader.read(size)
        reader.readline()
    return False
