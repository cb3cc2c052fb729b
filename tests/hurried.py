"""The gateway on an event loop whose clock runs faster, so that long silences take moments and nothing is patched."""

from __future__ import annotations

import asyncio
import pathlib
import selectors
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from gateway.app import Gateway
from gateway.config import Config
from gateway.server import bind, settings

SPEED = 20
"""Seconds on the gateway's clock in one of ours."""


class _Selector(selectors.DefaultSelector):
    """Waits in our seconds for what the loop asks in its own."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / SPEED)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        return time.monotonic() * SPEED


@contextmanager
def hurried(folder: pathlib.Path, upstream: str, **more: Any) -> Iterator[int]:
    """Serve the gateway, in this process; gives its port. `more` are top-level keys of the configuration."""
    config = Config.model_validate(
        {
            "listen": "127.0.0.1:0",
            "store": f"sqlite:///{folder / 'memory.db'}",
            "upstreams": [{"base_url": upstream}],
            "embedder": {"kind": "none"},
            **more,
        }
    )
    listener = bind(*config.address)
    server = uvicorn.Server(settings(Gateway(config, folder), config))

    def run() -> None:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            runner.run(server.serve(sockets=[listener]))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
