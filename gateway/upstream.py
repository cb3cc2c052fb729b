"""A model's server: one long-lived client, bytes in and bytes out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

import httpx2

from gateway.config import UpstreamConfig
from gateway.errors import UpstreamSilent, UpstreamUnreachable
from gateway.transport import AiohttpTransport

Headers = Sequence[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding"
    b" upgrade".split()
)
_NOT_SENT = _HOP_BY_HOP | {b"host", b"expect", b"content-length"}
_NOT_RETURNED = _HOP_BY_HOP | {b"date", b"server"}
_CREDENTIALS = frozenset((b"authorization", b"api-key", b"x-api-key"))


class StreamBroken(Exception):
    """The upstream's answer ended before it was whole."""


class Answer:
    """The head of an upstream's response, and its body as it comes."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self._read = b""
        self.status = response.status_code
        self.headers = end_to_end(response.headers.raw, _NOT_RETURNED)

    def header(self, name: bytes) -> bytes:
        """The first header of this (lower-case) name; empty if there is none."""
        return next((value for key, value in self.headers if key.lower() == name), b"")

    @property
    def length(self) -> int | None:
        """The body's announced length in bytes; None if it ends when it ends."""
        value = self.header(b"content-length")
        return int(value) if value.isdigit() else None

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body's bytes as they arrive, not decoded; raises StreamBroken where it is cut."""
        if self._read:
            yield self._read
        try:
            async for piece in self._response.stream:  # type: ignore[union-attr]  # an async response has this kind
                yield piece
        except httpx2.TransportError as error:
            raise StreamBroken(f"{type(error).__name__}: {error}") from error

    async def peek(self, limit: int) -> bytes:
        """The first bytes of the body, to its end or a little past `limit`; `pieces` gives them again."""
        pieces, size = [], 0
        async for piece in self.pieces():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                break
        self._read = b"".join(pieces)
        return self._read


class Upstream:
    """One configured server. Nothing in a request chooses another host, and no credential but its own is sent."""

    def __init__(self, config: UpstreamConfig) -> None:
        self.name = config.name
        self._base = httpx2.URL(config.base_url)
        self._prefix = self._base.raw_path.rstrip(b"/")
        self._key = config.api_key
        self._kind = config.kind
        self._timeout = {"connect": config.timeouts.connect, "read": config.timeouts.read}
        # The transport alone: a client's redirects, cookies and default headers are what a proxy must not add.
        self._transport: httpx2.AsyncBaseTransport = AiohttpTransport(config.max_connections)

    async def close(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    @asynccontextmanager
    async def send(
        self,
        method: str,
        target: bytes,
        headers: Headers,
        body: bytes | AsyncIterator[bytes] | None,
        length: int | None = None,
    ) -> AsyncIterator[Answer]:
        """Send a request and give its answer; the connection is free again, or closed, when the context ends.

        `target` is the raw path and query behind the base address; `headers` are the client's, which lose what belongs
        to a connection; `length` is that of a body that comes in pieces, None if it is not known. Raises
        UpstreamUnreachable, or UpstreamSilent where no answer begins.
        """
        request = httpx2.Request(
            method,
            self._base,
            headers=self._request_headers(headers),
            content=body,
            extensions={"timeout": self._timeout, "target": self._prefix + target},
        )
        if not isinstance(body, bytes):
            request.headers.pop("transfer-encoding", None)  # set by the transport where no length is known
        if length is not None:
            request.headers["content-length"] = str(length)
        with _translated():
            response = await self._transport.handle_async_request(request)
        try:
            if not 200 <= response.status_code <= 599:
                raise UpstreamUnreachable(f"The upstream answered with the status {response.status_code}.")
            yield Answer(response)
        finally:
            await response.aclose()

    def _request_headers(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        sent = end_to_end(headers, _NOT_SENT)
        if self._key is None:
            return sent
        sent = [(name, value) for name, value in sent if name not in _CREDENTIALS]
        key = self._key.get_secret_value().encode()
        return [*sent, (b"x-api-key", key) if self._kind == "anthropic" else (b"authorization", b"Bearer " + key)]


def end_to_end(headers: Headers, dropped: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    """The headers without those of one connection: `dropped`, and every header that Connection names."""
    named = {
        token.strip().lower() for name, value in headers if name.lower() == b"connection" for token in value.split(b",")
    }
    return [(name, value) for name, value in headers if name.lower() not in dropped and name.lower() not in named]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (httpx2.ConnectTimeout, httpx2.ConnectError) as error:
        raise UpstreamUnreachable("The upstream could not be reached.") from error
    except httpx2.TimeoutException as error:
        raise UpstreamSilent from error
    except httpx2.TransportError as error:
        raise UpstreamUnreachable(
            "The upstream closed the connection before it answered.", code="upstream_closed"
        ) from error
