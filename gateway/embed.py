"""Text to vectors: one model on one thread, where a query overtakes all background work."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gateway.tagging import Tagger

Floats = NDArray[np.float32]
Tokens = NDArray[np.int32]
Anything = TypeVar("Anything")


class EmbeddingError(Exception):
    """The model gave no usable vector for a text."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.position = position
        """Index of the refused text in what was to be encoded."""


@dataclass(frozen=True, slots=True, eq=False)
class Encoding:
    """What the model makes of one text; every vector has length 1."""

    vector: Floats
    """(dimension,): the mean over all tokens, specials included, as sentence-transformers pools."""
    tokens: Tokens
    """(n,): vocabulary ids in the order of the text, without special tokens and pure punctuation."""
    token_vectors: Floats
    """(n, dimension): the last hidden states of those tokens. n is 0 if the model gives none."""
    turned: Floats | None = None
    """(dimension,): of a query, where what answers it lies; None if the model tells nothing of it."""


class Embedder(Protocol):
    """A model behind a queue with two levels; to be used from one event loop."""

    @property
    def id(self) -> str:
        """Model, digest of its weights and precision: vectors of two ids are never compared."""

    @property
    def dimension(self) -> int: ...

    @property
    def tagger(self) -> Tagger | None:
        """What tells kinds of statements, if the model has learnt them."""

    async def encode_query(self, text: str) -> Encoding:
        """Ahead of all background work: waits for the text in hand and for earlier queries only.

        Cancelled, it leaves the queue. An empty text has a meaningless vector and no tokens. Raises EmbeddingError.
        """

    async def encode_now(self, text: str) -> Encoding:
        """What `encode` makes of a text, as soon as a query."""

    async def encode(self, texts: Sequence[str]) -> list[Encoding]:
        """In the background, in the order of `texts`; callers take turns, text by text.

        Raises EmbeddingError at the first text refused, and encodes none after it; so too when cancelled.
        """

    async def read_change(self, text: str) -> Floats:
        """A message in the background, read for what it ends: (dimension,), as `corrections` takes it. Raises
        EmbeddingError, always if the model has not learnt that."""

    def close(self) -> None:
        """Stop after the text in hand; whoever still waits gets an EmbeddingError."""


class ThreadEmbedder(ABC):
    """An Embedder whose `forward` runs on a thread of its own, one text at a time: batches are no faster on a CPU."""

    tagger: Tagger | None = None

    def __init__(self, id: str, dimension: int) -> None:
        self.id = id
        self.dimension = dimension
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="embedder")
        self._turn = asyncio.Lock()
        self._queries = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._closed = False

    @abstractmethod
    def forward(self, text: str, query: bool) -> Encoding:
        """`text` through the model, on the thread; vectors as they come, checked and scaled afterwards."""

    def changed(self, text: str) -> Floats:
        """`text` read for what it ends, on the thread."""
        raise EmbeddingError("the model has not learnt what messages end")

    async def encode_query(self, text: str) -> Encoding:
        return await self._ahead(text, query=True)

    async def encode_now(self, text: str) -> Encoding:
        return await self._ahead(text, query=False)

    async def _ahead(self, text: str, query: bool) -> Encoding:
        self._queries += 1
        self._quiet.clear()
        try:
            return await self._on_thread(self._query if query else self._text, text)
        finally:
            self._queries -= 1
            if not self._queries:
                self._quiet.set()

    async def encode(self, texts: Sequence[str]) -> list[Encoding]:
        encodings = []
        for position, text in enumerate(texts):
            try:
                encodings.append(await self._behind(self._text, text))
            except EmbeddingError as error:
                error.position = position
                raise
        return encodings

    async def read_change(self, text: str) -> Floats:
        return await self._behind(self._checked_change, text)

    async def _behind(self, work: Callable[[str], Anything], text: str) -> Anything:
        """On the thread when no query waits; callers take turns."""
        async with self._turn:
            while self._queries:
                await self._quiet.wait()
            return await self._on_thread(work, text)

    def close(self) -> None:
        self._closed = True
        self._thread.shutdown()

    async def _on_thread(self, work: Callable[[str], Anything], text: str) -> Anything:
        if self._closed:
            raise EmbeddingError("the embedder is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._unless_closed, work, text)

    def _unless_closed(self, work: Callable[[str], Anything], text: str) -> Anything:
        if self._closed:
            raise EmbeddingError("the embedder is closed")
        return work(encodable(text))

    def _query(self, text: str) -> Encoding:
        return self._checked(self.forward(text, query=True))

    def _text(self, text: str) -> Encoding:
        return self._checked(self.forward(text, query=False))

    def _checked_change(self, text: str) -> Floats:
        found = self.changed(text)
        _unit(found)
        return found

    def _checked(self, raw: Encoding) -> Encoding:
        if raw.vector.shape != (self.dimension,) or raw.token_vectors.shape != (len(raw.tokens), self.dimension):
            raise EmbeddingError(f"a vector of the wrong size: {raw.vector.shape}, not ({self.dimension},)")
        turned = None if raw.turned is None else _unit(raw.turned)
        return Encoding(_unit(raw.vector), raw.tokens, _unit(raw.token_vectors), turned)


def encodable(text: str) -> str:
    """The text, as long, with "?" for lone surrogates, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode()


def _unit(vectors: Floats) -> Floats:
    """`vectors` along the last axis at length 1; EmbeddingError for a vector that has no direction."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    if not np.all(np.isfinite(lengths) & (lengths > 0)):
        raise EmbeddingError("a vector that is zero or not a number")
    return np.asarray(vectors / lengths, np.float32)
