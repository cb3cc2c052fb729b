"""A model's server: one long-lived client, bytes in and bytes out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from fnmatch import fnmatchcase
from urllib.parse import quote, unquote

import httpx2

from gateway.config import UpstreamConfig
from gateway.errors import UpstreamSilent, UpstreamUnreachable
from gateway.transport import AiohttpTransport
from gateway.wire.naming import renamed

Headers = Sequence[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding"
    b" upgrade".split()
)
_NOT_SENT = _HOP_BY_HOP | {b"host", b"expect", b"content-length"}
_NOT_RETURNED = _HOP_BY_HOP | {b"date", b"server"}
_CREDENTIALS = frozenset((b"authorization", b"api-key", b"x-api-key", b"x-goog-api-key", b"ocp-apim-subscription-key"))
_ACCOUNT = _CREDENTIALS | {b"cookie", b"openai-organization", b"openai-project"}
"""What belongs to a client's account at one server, and means nothing, or too much, to another."""
_KEY_PARAMETERS = frozenset((b"key", b"api_key", b"api-key", b"access_token", b"subscription-key"))
_MODEL = b"/models/"
_AZURE = (".openai.azure.com", ".openai.azure.us", ".cognitiveservices.azure.com", ".services.ai.azure.com")


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
        self.config = config
        address, _, query = config.base_url.partition("?")
        self._base = httpx2.URL(address)
        self._prefix = self._base.raw_path.rstrip(b"/")
        self._query = [part for part in query.encode().split(b"&") if part]
        self._timeout = {"connect": config.timeouts.connect, "read": config.timeouts.read}
        # The transport alone: a client's redirects, cookies and default headers are what a proxy must not add.
        self._transport: httpx2.AsyncBaseTransport = AiohttpTransport(config.max_connections)

    def serves(self, model: str) -> bool:
        """Its patterns take this name."""
        return any(fnmatchcase(model, pattern) for pattern in self.config.models)

    def own_name(self, model: str) -> str:
        """What the server itself calls a model."""
        names = self.config.rename
        return next((own for name, own in names.items() if fnmatchcase(model, name)), model) if names else model

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
        *,
        foreign: bool = False,
    ) -> AsyncIterator[Answer]:
        """Send a request and give its answer; the connection is free again, or closed, when the context ends.

        `target` is the raw path and query behind the base address; `headers` are the client's, which lose what belongs
        to a connection; `length` is that of a body that comes in pieces, None if it is not known. The model that a
        whole body names is renamed. `foreign`: what the client authenticates itself with is meant for another server,
        and stays here. Raises UpstreamUnreachable, or UpstreamSilent where no answer begins.
        """
        if isinstance(body, bytes) and self.config.rename:
            kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
            body = renamed(kind, body, self.own_name)
        request = httpx2.Request(
            method,
            self._base,
            headers=self._request_headers(headers, foreign=foreign),
            content=body,
            extensions={"timeout": self._timeout, "target": self._target(target, foreign=foreign)},
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

    def _target(self, target: bytes, *, foreign: bool) -> bytes:
        """The whole path and query; a parameter of the base address gives way to the client's own."""
        path, mark, query = target.partition(b"?")
        if self.config.rename and path.startswith(_MODEL):
            name = unquote(path[len(_MODEL) :].decode("latin-1"))
            own = self.own_name(name)
            path = path if own == name else _MODEL + quote(own, safe="/:").encode()
        if not self._query and not foreign:
            return self._prefix + path + mark + query
        given = [part for part in query.split(b"&") if not (foreign and _name(part) in _KEY_PARAMETERS)]
        named = set(map(_name, given))
        query = b"&".join([*given, *(part for part in self._query if _name(part) not in named)]).lstrip(b"&")
        return self._prefix + path + (b"?" + query if query or mark else b"")

    def _request_headers(self, headers: Headers, *, foreign: bool) -> list[tuple[bytes, bytes]]:
        sent = end_to_end(headers, _NOT_SENT)
        own = self._credential()
        if own or foreign:
            kept = _ACCOUNT if foreign else _CREDENTIALS
            sent = [(name, value) for name, value in sent if name.lower() not in kept]
        return [*sent, *own]

    def _credential(self) -> list[tuple[bytes, bytes]]:
        if self.config.api_key is None:
            return []
        key = self.config.api_key.get_secret_value().encode()
        if self.config.kind == "anthropic":
            return [(b"x-api-key", key)]
        if self._base.host.endswith(_AZURE) or b"api-version" in map(_name, self._query):
            return [(b"api-key", key)]
        return [(b"authorization", b"Bearer " + key)]


def _name(parameter: bytes) -> bytes:
    return parameter.partition(b"=")[0].lower()


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
