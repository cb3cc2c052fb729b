"""Work in the background: vectors for the messages that have none yet, and what these messages end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from gateway.correcting import correct
from gateway.dense import pack
from gateway.embed import Embedder, EmbeddingError, Encoding
from gateway.errors import StoreError
from gateway.metrics import Metrics
from gateway.model import ModelError
from gateway.store import Store, Unencoded
from gateway.tagging import Tagger
from gateway.words import cut

BATCH = 16
"""Messages that are taken from the store at once."""
IDLE = 5.0
"""Seconds between two looks into the store when nobody says that there is work."""
SETTLE = 0.05
"""Seconds to wait before the work that somebody spoke of: an answer has just ended, and its user may go on at once."""
AFTER_ERROR = 1.0
"""Seconds to wait after something failed."""

_log = logging.getLogger(__name__)


class Embedding:
    """The embedder while it loads, once it is there, and if it never comes."""

    def __init__(self, load: Callable[[], Awaitable[Embedder | None]]) -> None:
        self.state: Literal["loading", "ready", "none", "failed"] = "loading"
        self._load = load
        self._embedder: Embedder | None = None

    def ready(self) -> Embedder | None:
        """The embedder, if it can be asked now."""
        return self._embedder

    def tagger(self) -> Tagger | None:
        """What tells kinds of statements, if it can be asked now."""
        return self._embedder.tagger if self._embedder else None

    async def load(self) -> Embedder | None:
        """Load it; a failure is one warning, since words alone find much."""
        try:
            self._embedder = await self._load()
        except ModelError as error:
            _log.warning("no embedding model, recall goes by words alone", extra={"reason": str(error)})
            self.state = "failed"
            return None
        self.state = "ready" if self._embedder else "none"
        return self._embedder

    def close(self) -> None:
        """Let go of the embedder."""
        if self._embedder:
            self._embedder.close()


class Worker:
    """Encodes messages, oldest first; what fails is tried again.

    Used as an async context, which ends the work.
    """

    def __init__(self, store: Store, embedding: Embedding, metrics: Metrics) -> None:
        self._store = store
        self._embedding = embedding
        self._metrics = metrics
        self._work = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Worker:
        await self._tasks.__aenter__()
        self._running = self._tasks.create_task(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._running is not None
        self._running.cancel()
        await self._tasks.__aexit__(None, None, None)
        self._embedding.close()

    def notice(self) -> None:
        """Say that there may be work."""
        self._work.set()

    async def _run(self) -> None:
        embedder = await self._embedding.load()
        if embedder is None:
            return
        await self._report_others(embedder)
        while True:
            try:
                self._work.clear()
                begun = time.monotonic()
                if await read_some(self._store, embedder):
                    await asyncio.sleep(time.monotonic() - begun)  # half of the time is for the requests
                else:
                    await self._pause(IDLE)
                    await asyncio.sleep(SETTLE)
            except StoreError as error:
                _log.warning("vectors not stored yet: the store refused", extra={"reason": str(error)})
                await asyncio.sleep(AFTER_ERROR)
            except Exception:  # noqa: BLE001  # the worker's loop goes on
                _log.exception("background work failed")
                self._metrics.faults.labels("worker").inc()
                await asyncio.sleep(AFTER_ERROR)

    async def _report_others(self, embedder: Embedder) -> None:
        try:
            others = await self._store.encoded_by_others(embedder.id)
        except StoreError:
            return
        if others:
            _log.warning(
                "messages have vectors of another model and are found by their words alone: run memory-gateway reindex",
                extra={"messages": others},
            )

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._work.wait()
        except TimeoutError:
            return


async def encode_some(store: Store, embedder: Embedder) -> int:
    """Encode the oldest messages that wait; returns how many there were."""
    return len(await _encoded(store, embedder))


async def read_some(store: Store, embedder: Embedder) -> int:
    """Encode the oldest messages that wait, and close what they end; returns how many there were."""
    done = await _encoded(store, embedder)
    for message, pieces in done:
        try:
            await correct(store, embedder, message, pieces)
        except EmbeddingError as error:
            _log.warning("message not compared with older ones", extra={"reason": str(error)})
        except StoreError:
            raise
        except Exception:  # noqa: BLE001  # one message does not cost the others
            _log.exception("message not compared with older ones")
    return len(done)


async def _encoded(store: Store, embedder: Embedder) -> list[tuple[Unencoded, list[tuple[str, Encoding]]]]:
    """The messages that waited, each with its pieces and their vectors, which are stored."""
    done = []
    for message in await store.unencoded(BATCH):
        texts = cut(message.text)
        try:
            encodings = await embedder.encode(texts)
        except EmbeddingError as error:  # its words still find it
            _log.warning("message left without vectors", extra={"reason": str(error)})
            encodings = []
        done.append((message, list(zip(texts, encodings, strict=False))))
    if done:
        await store.keep_encodings(
            embedder.id, [(message, [pack(encoding) for _, encoding in pieces]) for message, pieces in done]
        )
    return done
