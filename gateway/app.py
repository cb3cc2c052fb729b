"""The composition root: the only module that names concrete classes and puts them together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import embedders
from gateway.api.access import Doorkeeper, Guarded
from gateway.api.background import Background
from gateway.api.mcp import Mcp
from gateway.api.mem0 import PREFIX, Mem0
from gateway.api.service import Api
from gateway.api.tools import Tools
from gateway.asking import Asker
from gateway.attribution import Attributor
from gateway.config import Config, UpstreamConfig
from gateway.errors import ConfigError, NotFound, StoreError
from gateway.extraction import Extractor
from gateway.gleaning import Gleaner
from gateway.keyring import Keyring
from gateway.memory import Memory
from gateway.metrics import Metrics
from gateway.proxy import Proxy
from gateway.recall import Recall
from gateway.recorder import Recorder
from gateway.relay import Receive, Send
from gateway.sessions import Sessions
from gateway.store.sql_store import SqlStore
from gateway.store.sqlite import SqliteStore
from gateway.upkeep import Upkeep
from gateway.upstream import Upstream
from gateway.worker import Embedding, Worker

KEY_KEPT = 60.0
"""Seconds, after a conversation fell quiet, that its caller's credential is kept to have it read."""
STORE_ANSWER = 0.25
"""Seconds that readiness waits for the store."""


class Gateway:
    """The ASGI application. Its parts live from the start of the server's lifespan to its end."""

    def __init__(self, config: Config, models: Path, counted: Path | None = None) -> None:
        """`models` is the folder of prepared embedding models, `counted` that in which several workers count."""
        self._config = config
        wanted = config.embedder
        self._embedding = Embedding(lambda: embedders.load(wanted.kind, wanted.model, wanted.threads, models))
        self._metrics = Metrics(counted)
        self._draining = False
        self._proxy: Proxy | None = None
        self._mcp: Guarded | None = None
        self._api: Api | None = None
        self._mem0: Mem0 | None = None
        self._recorder: Recorder | None = None
        self._store: SqlStore | None = None
        routes = [
            Route("/healthz", self._health),
            Route("/readyz", self._ready),
            Route("/metrics", self._page),
        ]
        self._pages = Starlette(routes=routes, lifespan=self._lifespan, exception_handlers={404: _missing})
        self._pages.router.redirect_slashes = False

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["raw_path"].startswith(b"/v1/"):
            assert self._proxy is not None
            await self._proxy(scope, receive, send)
        elif scope["type"] == "http" and scope["raw_path"].startswith(b"/api/"):
            assert self._api is not None
            await self._api(scope, receive, send)
        elif scope["type"] == "http" and scope["raw_path"].startswith(PREFIX):
            assert self._mem0 is not None
            await self._mem0(scope, receive, send)
        elif scope["type"] == "http" and scope["raw_path"] == b"/mcp":
            assert self._mcp is not None
            await self._mcp(scope, receive, send)
        else:
            await self._pages(scope, receive, send)  # type: ignore[arg-type]  # the same shapes, named elsewhere

    def drain(self) -> None:
        """Say in /readyz that no new work is wanted."""
        self._draining = True

    def running(self) -> AbstractAsyncContextManager[None]:
        """Its parts, alive until the context ends: for a program that calls the application by itself."""
        return self._lifespan(self._pages)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        config = self._config
        async with AsyncExitStack() as stack:
            self._store = await open_store(config)
            stack.push_async_callback(self._store.close)
            upstreams = []
            for upstream in config.upstreams:
                upstreams.append(Upstream(upstream))
                stack.push_async_callback(upstreams[-1].close)
            worker = await stack.enter_async_context(Worker(self._store, self._embedding, self._metrics))
            recorder = Recorder(self._store, self._metrics, worker.notice)
            self._recorder = await stack.enter_async_context(recorder)
            recall = await stack.enter_async_context(
                Recall(self._store, config.memory, config.processes, self._embedding.ready)
            )
            await stack.enter_async_context(Upkeep(self._store.library, config.memory.retention, self._metrics))
            attributor = Attributor(config)
            sessions = Sessions(self._store, config.memory.history)
            memory = Memory(config.memory, attributor, self._store, sessions, recall, self._metrics)
            mcp = await stack.enter_async_context(Mcp(attributor, Tools(self._store.library, recall)))
            self._mcp = Guarded(mcp, Doorkeeper(config), config)
            self._mem0 = Mem0(
                config.limits,
                Doorkeeper(config),
                attributor,
                self._store.library,
                recall,
                worker.notice,
                self._embedding.tagger,
            )
            background = Background(self._store, self._store.jobs, self._embedding, worker.notice)
            self._api = Api(config, attributor, self._store, recall, background)
            keyring = _keyring(config)
            gleaner = Gleaner(config.memory.extract.mode, self._recorder, self._embedding.tagger)
            proxy = self._proxy = Proxy(
                config, attributor, memory, self._recorder, gleaner, upstreams, self._metrics, keyring
            )
            if config.memory.extract.mode == "llm":
                asker = Asker(upstreams[config.upstreams.index(_extractor(config))])
                await stack.enter_async_context(
                    Extractor(
                        self._store.jobs,
                        asker,
                        config.memory.extract,
                        self._metrics,
                        keyring,
                        lambda: proxy.active > config.limits.concurrency // 2,
                    )
                )
            yield

    async def _health(self, _: Request) -> Response:
        return Response(b"ok", media_type="text/plain")

    async def _ready(self, _: Request) -> Response:
        assert self._store is not None
        assert self._recorder is not None
        works = self._store.healthy and not self._recorder.waiting
        pending = 0
        try:
            async with asyncio.timeout(STORE_ANSWER):
                if self._embedding.state in ("ready", "loading"):
                    pending = await self._store.waiting()
        except (TimeoutError, StoreError):
            works = False
        state = {
            "status": "draining" if self._draining else "ready",
            "store": "ok" if works else "degraded",
            "embedder": self._embedding.state,
            "pending": pending,
        }
        return Response(orjson.dumps(state), 503 if self._draining else 200, media_type="application/json")

    async def _page(self, _: Request) -> Response:
        return Response(self._metrics.page(), media_type="text/plain; version=0.0.4")


async def open_store(config: Config) -> SqlStore:
    """The store that the configuration names; raises ConfigError where it cannot be used."""
    if config.store_url is None:
        return await SqliteStore.open(config.store_file)
    try:
        from gateway.store.postgres import PostgresStore
    except ImportError as error:
        raise ConfigError("store: PostgreSQL needs what memory-gateway[postgres] installs") from error
    return await PostgresStore.open(config.store_url, config.limits.connections)


def _extractor(config: Config) -> UpstreamConfig:
    """The upstream that reads turns."""
    name = config.memory.extract.upstream
    return next(upstream for upstream in config.upstreams if name in (None, upstream.name))


def _keyring(config: Config) -> Keyring | None:
    """For callers' credentials, where turns are read with them."""
    upstream, extract = _extractor(config), config.memory.extract
    if extract.mode != "llm" or upstream.api_key:
        return None
    return Keyring(upstream.name, extract.idle + KEY_KEPT)


async def _missing(_: Request, __: Exception) -> Response:
    error = NotFound()
    return Response(error.body(), error.status, media_type="application/json")
