"""The HTTP server: uvicorn with limits on headers and silence, and a drain that finishes what runs."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from asyncio.events import TimerHandle
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.config import Config
from gateway.errors import BadRequest, ConfigError, GatewayError, HeadersTooLarge, RequestTimeout

HEADER_SECONDS = 10
"""How long a request's head may take from its connection or first byte."""
BACKLOG = 2048
"""Connections that may wait to be accepted."""
KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than the clients' own, so that they close first."""

GARBAGE = (20_000, 20, 50)
"""Objects between two searches for garbage, and how much rarer those of the older ones are. Memories that are loaded
are many objects and none of them garbage: with Python's own settings, a sixth of a load's time went there."""

_OFFER = frozenset((b"upgrade", b"connection", b"http2-settings"))


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises ConfigError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)  # from here on the port is ours, and who connects waits for the start to end
    except OSError as error:
        listener.close()
        raise ConfigError(f"listen {host}:{port}: {error.strerror or error}") from error
    listener.set_inheritable(True)
    return listener


def serve(app: Any, config: Config, listener: socket.socket, draining: Callable[[], None]) -> None:
    """Serve until a signal; then `draining` is told, and what runs may finish for `limits.drain` seconds."""
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    _Server(settings(app, config), draining).run(sockets=[listener])


def settings(app: Any, config: Config) -> uvicorn.Config:
    """How uvicorn serves the gateway."""
    return uvicorn.Config(
        app,
        http=protocol(config.limits.headers),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=int(config.limits.drain) or 1,
    )


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, draining: Callable[[], None]) -> None:
        super().__init__(config)
        self._draining = draining

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A first signal drains, a second one leaves at once; the process ends with status 0."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
        self._draining()


def protocol(limit: int) -> type[HttpToolsProtocol]:
    """uvicorn's protocol with a limit on the head of a request, in bytes and in seconds.

    `limit` is what the application refuses in its own words; a head that is twice as long never reaches it.
    """

    class Protocol(HttpToolsProtocol):
        _unread = 0
        """Bytes received since the last that the application could be given: of a head, a chunk's size, a trailer."""
        _in_head = False
        _deadline: TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_done()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            self._unread += len(data)
            self._feed(data)
            if self._unread > 2 * limit:
                self._refuse(HeadersTooLarge())

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._in_head = True
            if self._deadline is None:
                self._await_head()

        def on_header(self, name: bytes, value: bytes) -> None:
            if self._in_head:  # a trailer is no header, least of all one that names an entity
                super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self._in_head = False
            self._unread = 0
            self._head_done()
            if len(self.url) > limit:  # the parser of addresses would call it invalid
                self._refuse(HeadersTooLarge())
            if not self.transport.is_closing():
                super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            self._unread = 0
            super().on_body(body)

        def _should_upgrade(self) -> bool:
            """The parser takes this request for the last in HTTP/1: it is read again without its offer.

            Java's client offers HTTP/2 with every request, and the parser would drop the body. A WebSocket's is left to
            the application, which refuses it in words.
            """
            return self._get_upgrade() not in (None, b"websocket") and self.parser.get_method() != b"CONNECT"

        def _feed(self, data: bytes) -> None:
            self._unset_keepalive_if_required()
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                if self._should_upgrade():
                    self._feed(self._without_offer() + data[upgrade.args[0] :])
            except httptools.HttpParserError:
                self._refuse(BadRequest("This is not valid HTTP."))

        def _without_offer(self) -> bytes:
            """The head of the request in hand without its offer of another protocol."""
            lines = [b"%s %s HTTP/1.1" % (self.parser.get_method(), self.url)]
            lines += [name + b": " + value for name, value in self.headers if name not in _OFFER]
            self.parser = httptools.HttpRequestParser(self)
            return b"\r\n".join([*lines, b"", b""])

        def _await_head(self) -> None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._too_slow)

        def _head_done(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _too_slow(self) -> None:
            self._deadline = None
            if self.cycle is None or self.cycle.response_complete:
                self._refuse(RequestTimeout("The request's head did not arrive in time."))

        def _refuse(self, error: GatewayError) -> None:
            """Close the connection, with an answer where none has begun."""
            if self.transport.is_closing():
                return
            idle = self.cycle is None or self.cycle.response_complete
            if idle or not (self._in_head or self.cycle.response_started):
                body = error.body()
                headers = [*error.headers(), (b"connection", b"close"), (b"content-length", b"%d" % len(body))]
                lines = [b"HTTP/1.1 %d %s" % (error.status, HTTPStatus(error.status).phrase.encode())]
                lines += [name + b": " + value for name, value in headers]
                self.transport.write(b"\r\n".join([*lines, b"", body]))
            self.transport.close()

    return Protocol
