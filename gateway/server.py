"""The HTTP server: uvicorn with limits on headers and silence, and a drain that finishes what runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from asyncio.events import TimerHandle
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.config import Config
from gateway.errors import ConfigError

HEADER_SECONDS = 10
"""How long a request's head may take from its connection or first byte."""
KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than the clients' own, so that they close first."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises ConfigError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ConfigError(f"listen {host}:{port}: {error.strerror or error}") from error
    listener.set_inheritable(True)
    return listener


def serve(app: Any, config: Config, listener: socket.socket, draining: Callable[[], None]) -> None:
    """Serve until a signal; then `draining` is told, and what runs may finish for `limits.drain` seconds."""
    settings = uvicorn.Config(
        app,
        http=_protocol(config.limits.headers),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=int(config.limits.drain) or 1,
    )
    _Server(settings, draining).run(sockets=[listener])


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


def _protocol(limit: int) -> type[HttpToolsProtocol]:
    """uvicorn's protocol with a limit on the head of a request, in bytes and in seconds."""

    class Protocol(HttpToolsProtocol):
        _head = 0
        """Bytes of the head in hand."""
        _deadline: TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._head_done()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._head = 0
            if self._deadline is None:
                self._await_head()

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            self._count(len(url))

        def on_header(self, name: bytes, value: bytes) -> None:
            super().on_header(name, value)
            self._count(len(name) + len(value) + 4)

        def on_headers_complete(self) -> None:
            self._head_done()
            if not self.transport.is_closing():
                super().on_headers_complete()

        def _count(self, size: int) -> None:
            self._head += size
            if self._head > 2 * limit:  # past this the application, which answers in JSON, is not asked
                self._refuse(b"431 Request Header Fields Too Large")

        def _await_head(self) -> None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._too_slow)

        def _head_done(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _too_slow(self) -> None:
            self._deadline = None
            if self.cycle is None or self.cycle.response_complete:
                self._refuse(b"408 Request Timeout")

        def _refuse(self, status: bytes) -> None:
            if not self.transport.is_closing():
                self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
                self.transport.close()

    return Protocol
