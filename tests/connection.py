"""A client on a raw socket: what it sends is what goes out, and what comes in is kept byte for byte."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any


class Broken(Exception):
    """The body ended before its announced end."""


class Connection:
    """One connection to a server on this machine; a context manager."""

    def __init__(self, port: int, timeout: float = 60) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def reset(self) -> None:
        """Close without a farewell: the peer meets an error."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def request(self, method: str, target: str, body: bytes | None = None, *headers: str) -> None:
        """Send a request; `headers` are whole lines, and a length is added for a body."""
        lines = [f"{method} {target} HTTP/1.1", "Host: gateway", *headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def chat(self, *headers: str, stream: bool = False, content: str = "Hello") -> None:
        """Send a chat request."""
        body = {"model": "m", "messages": [{"role": "user", "content": content}], "stream": stream}
        self.request("POST", "/v1/chat/completions", json.dumps(body).encode(), *headers)

    def head(self) -> tuple[int, list[tuple[str, str]]]:
        """Read a head: the status, and the headers with names in lower case, in order."""
        status = int(self._line().split(b" ")[1])
        headers = []
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.lower(), value.strip()))
        return status, headers

    def pieces(self, headers: list[tuple[str, str]]) -> Iterator[bytes]:
        """The body's bytes as they arrive, out of their chunks; raises Broken where they stop too early."""
        values = dict(headers)
        if values.get("transfer-encoding") == "chunked":
            while size := int(self._line(), 16):
                yield self._exactly(size)
                self._exactly(2)
            self._line()
        elif "content-length" in values:
            left = int(values["content-length"])
            while left:
                piece = self._some()[:left]
                self._read = self._read[len(piece) :]
                left -= len(piece)
                yield piece

    def answer(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """Read a whole answer."""
        status, headers = self.head()
        return status, headers, b"".join(self.pieces(headers))

    def rest(self) -> bytes:
        """Everything up to the peer's close, a reset included."""
        with contextlib.suppress(ConnectionResetError):
            while more := self._socket.recv(65536):
                self._read += more
        return self._read

    def closed_within(self, seconds: float) -> bool:
        """Whether the peer closes in time; what it sends until then is kept."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                self._socket.settimeout(left)
                more = self._socket.recv(65536)
                if not more:
                    return True
                self._read += more
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True
        return False

    def _some(self) -> bytes:
        if not self._read:
            try:
                self._read = self._socket.recv(262_144)
            except ConnectionResetError:
                raise Broken from None
            if not self._read:
                raise Broken
        return self._read

    def _exactly(self, size: int) -> bytes:
        taken = bytearray()
        while len(taken) < size:
            piece = self._some()[: size - len(taken)]
            self._read = self._read[len(piece) :]
            taken += piece
        return bytes(taken)

    def _line(self) -> bytes:
        while (end := self._read.find(b"\r\n")) < 0:
            held, self._read = self._read, b""
            self._read = held + self._some()
        line, self._read = self._read[:end], self._read[end + 2 :]
        return line


def header(headers: list[tuple[str, str]], name: str) -> str | None:
    """The first header of this name."""
    return next((value for key, value in headers if key == name), None)


def error(body: bytes) -> dict[str, Any]:
    """The error object of an answer, which has all four keys."""
    found: dict[str, Any] = json.loads(body)["error"]
    assert set(found) == {"message", "type", "param", "code"}
    return found
