"""Vectors of one entity: packed for the store, pooled vectors for the scan, 1-bit token vectors for MaxSim."""

import math
import struct
from collections.abc import Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gateway.columns import Column

Floats = npt.NDArray[np.float32]
Slots = npt.NDArray[np.int32]

_HEADER = struct.Struct("<BHHf")
_VERSION = 1
NEAR, FAR = 0.7, 0.5
"""What a matching token is worth in a neighbour one and two places away (reference recall.md, design step 5)."""
BACKGROUND_UNITS = 200.0
"""Weight of the background token frequencies, in units of text."""
SPECIAL_IDS = 1995
"""BERT's vocabulary (uncased): ids up to here are specials, punctuation and single characters; from here on
the ids are in the order of frequency, so that an id tells how common its token is."""


class Encoding(Protocol):
    """What the embedder makes of a text: `vector` (dim) and `token_vectors` (n, dim), float32, each of length 1;
    `tokens` (n), the vocabulary ids of the rows."""

    @property
    def vector(self) -> Floats: ...
    @property
    def tokens(self) -> npt.NDArray[np.int32]: ...
    @property
    def token_vectors(self) -> Floats: ...


def pack(encoding: Encoding) -> bytes:
    """`encoding` for the store: 8 bits a dimension of the pooled vector, 1 bit a dimension of each token
    vector; 1.9 KB for 28 tokens. The measured loss is nil (reference recall.md, section 6)."""
    scale = float(np.abs(encoding.vector).max()) / 127 or 1.0
    pooled = np.round(encoding.vector / scale).astype(np.int8)
    bits = _signs(encoding.token_vectors)
    header = _HEADER.pack(_VERSION, len(pooled), len(encoding.tokens), scale)
    return header + pooled.tobytes() + encoding.tokens.astype("<i4").tobytes() + bits.tobytes()


def unpack(packed: bytes) -> tuple[Floats, npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
    """The pooled vector (length 1), the token ids and the signs of the token vectors, shape (n, dim / 64).
    Raises ValueError where `packed` is not what `pack` makes."""
    if len(packed) < _HEADER.size:
        raise ValueError("a packed encoding is cut short")
    version, dim, count, scale = _HEADER.unpack_from(packed)
    width = (dim + 63) // 64
    if version != _VERSION or len(packed) != _HEADER.size + dim + count * (4 + 8 * width) or not math.isfinite(scale):
        raise ValueError("not a packed encoding of this version")
    vector = np.frombuffer(packed, np.int8, dim, _HEADER.size).astype(np.float32)
    length = float(np.linalg.norm(vector))
    tokens = np.frombuffer(packed, "<i4", count, _HEADER.size + dim).astype(np.int32)
    bits = np.frombuffer(packed, "<u8", count * width, _HEADER.size + dim + 4 * count).reshape(count, width)
    return vector / np.float32(length or 1.0), tokens, bits.astype(np.uint64)


class Vectors:
    """Vectors by slot. Slots count from 1; row 0 of every array is 'no unit', a vector of zeros."""

    def __init__(self) -> None:
        self._dim = 0
        self._pooled = Column(np.float32, 0)
        self._norms = Column(np.float32)  # of the window's summed vectors
        self._starts, self._counts = Column(np.int64), Column(np.int32)  # of a slot's rows in _bits and _tokens
        self._bits, self._tokens = Column(np.uint64, 0), Column(np.int32)
        self._holders: dict[int, int] = {}  # units by token
        self._stale: set[int] = set()
        self.attached = 0
        self.add()

    @property
    def nbytes(self) -> int:
        columns = (self._pooled, self._norms, self._starts, self._counts, self._bits, self._tokens)
        return sum(column.nbytes for column in columns) + 80 * len(self._holders)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which slots have their vector."""
        counts: npt.NDArray[np.int32] = self._counts.rows
        return counts >= 0

    def add(self) -> None:
        """One more slot, its vector not there yet."""
        self._norms.append(0.0)
        self._starts.append(0)
        self._counts.append(-1)
        if self._dim:
            self._pooled.append(0.0)

    def attach(self, slot: int, packed: bytes) -> None:
        """The vectors of `slot`; a second call for a slot changes nothing. ValueError: another dimension."""
        if self._counts.rows[slot] >= 0:
            return
        vector, tokens, bits = unpack(packed)
        if not self._dim:
            self._dim = len(vector)
            self._pooled = Column(np.float32, self._dim)
            self._pooled.extend(np.zeros((len(self._counts), self._dim), np.float32))
            self._bits = Column(np.uint64, bits.shape[1])
        if len(vector) != self._dim:
            raise ValueError(f"a vector of {len(vector)} dimensions among vectors of {self._dim}")
        self._pooled.rows[slot] = vector
        self._starts.rows[slot], self._counts.rows[slot] = len(self._tokens), len(tokens)
        self._tokens.extend(tokens)
        self._bits.extend(bits)
        for token in set(tokens.tolist()):
            self._holders[token] = self._holders.get(token, 0) + 1
        self._stale.add(slot)
        self.attached += 1

    def keep(self, kept: npt.NDArray[np.bool_]) -> None:
        """Only the slots of the mask `kept` (its row 0 true), renumbered in order; the rest leaves memory."""
        starts, counts = self._starts.rows[kept], self._counts.rows[kept]
        rows = _ranges(starts, np.maximum(counts, 0))
        for column in (self._norms, self._counts, self._starts, *([self._pooled] if self._dim else [])):
            column.keep(kept)
        self._tokens.keep(rows)
        if self._dim:
            self._bits.keep(rows)
        ends = np.cumsum(np.maximum(counts, 0))
        self._starts.rows[:] = ends - np.maximum(counts, 0)
        self._holders = {}
        tokens = self._tokens.rows.tolist()
        for start, count in zip(self._starts.rows.tolist(), counts.tolist(), strict=True):
            for token in set(tokens[start : start + max(count, 0)]):
                self._holders[token] = self._holders.get(token, 0) + 1
        self.attached = int((counts >= 0).sum())
        self._stale = set(range(1, len(counts)))

    def weight(self, token: int) -> float:
        """How telling a token is: its inverse frequency, from text in general and from this entity."""
        background = 1.0 - math.exp(-3.0 / max(token - SPECIAL_IDS, 3.0)) if token > SPECIAL_IDS else 0.05
        seen = max(self._holders.get(token, 0) - 1, 0)
        return math.log((self.attached + BACKGROUND_UNITS) / (seen + BACKGROUND_UNITS * background))

    def weights(self, query: Encoding) -> Floats:
        """The weight of each token of `query`, at least 0."""
        return np.array([max(self.weight(token), 0.0) for token in query.tokens.tolist()], np.float32)

    def scan(self, query: Encoding, near: Slots, far: Slots) -> tuple[Floats, Floats]:
        """Per slot: cosine with the weighted mean of the query's token vectors, and the same of the slot's window.
        `near`, `far`: the neighbours' slots, shape (2, rows)."""
        self._refresh(near, far)
        weights = self.weights(query)
        mean = weights @ query.token_vectors if weights.sum() > 0 else query.vector
        dense: Floats = self._pooled.rows @ (mean / max(float(np.linalg.norm(mean)), 1e-9)).astype(np.float32)
        window = dense + dense[near].sum(0) + dense[far].sum(0)
        return dense, window / np.maximum(self._norms.rows, 1e-6)

    def cosine(self, query: Encoding, slots: Slots) -> Floats:
        """For each of `slots`: cosine with the query's own vector."""
        cosines: Floats = self._pooled.rows[slots] @ query.vector
        return cosines

    def maxsim(self, query: Encoding, slots: Slots, near: Slots, far: Slots) -> tuple[Floats, Floats]:
        """For each of `slots`: weighted mean over the query's tokens of the best squared cosine in the unit's
        window, and in the unit alone; between 0 and about 1."""
        weights = self.weights(query)
        telling = weights > 0
        if not telling.any() or not len(slots):
            return np.zeros(len(slots), np.float32), np.zeros(len(slots), np.float32)
        weights = weights[telling] / weights[telling].sum()
        groups = np.concatenate([slots[None], near[:, slots], far[:, slots]])
        touched, places = np.unique(groups, return_inverse=True)
        best = self._best(query.token_vectors[telling], touched.astype(np.int32))[:, places.reshape(groups.shape)]
        window = np.maximum.reduce(
            [best[:, 0], NEAR * best[:, 1], NEAR * best[:, 2], FAR * best[:, 3], FAR * best[:, 4]]
        )
        return weights @ window, weights @ best[:, 0]

    def _best(self, query: Floats, slots: Slots) -> Floats:
        """Highest squared cosine of each query token with any token of each slot, shape (tokens, slots). Both as
        signs: of two vectors at an angle a, a share a / pi of the signs differ. Measured, that ranks as well as
        signs against the query's floats, in a fifth of the time."""
        counts = np.maximum(self._counts.rows[slots], 0)
        best = np.zeros((len(query), len(slots)), np.float32)
        filled = np.flatnonzero(counts)
        if not len(filled):
            return best
        rows = _ranges(self._starts.rows[slots[filled]], counts[filled])
        words = np.ascontiguousarray(self._bits.rows[rows].T)
        asked = _signs(query)
        differing = np.zeros((len(query), len(rows)), np.uint16)
        for at, word in enumerate(words):
            differing += np.bitwise_count(asked[:, at, None] ^ word)
        starts = np.cumsum(counts[filled]) - counts[filled]
        nearest = np.minimum.reduceat(differing, starts, axis=1)
        best[:, filled] = np.clip(np.cos(nearest * np.float32(math.pi / self._dim)), 0, 1) ** 2
        return best

    def _refresh(self, near: Slots, far: Slots) -> None:
        """The norms of the windows that a new vector changed."""
        if not self._stale:
            return
        changed = np.fromiter(self._stale, np.int32, len(self._stale))
        touched = np.unique(np.concatenate([changed, *near[:, changed], *far[:, changed]]))
        pooled, norms = self._pooled.rows, self._norms.rows
        for part in np.array_split(touched, len(touched) // 4096 + 1):
            window = pooled[part] + sum(pooled[side[part]] for side in (*near, *far))
            norms[part] = np.linalg.norm(window, axis=1)
        norms[0] = 0.0
        self._stale.clear()


def _signs(vectors: Floats) -> npt.NDArray[np.uint64]:
    """A bit for each dimension, set where it is positive, 64 to a word, the last word filled with zeros."""
    bits = np.packbits(vectors > 0, axis=1)
    filled = np.pad(bits, ((0, 0), (0, -bits.shape[1] % 8)))
    words: npt.NDArray[np.uint64] = np.ascontiguousarray(filled).view("<u8").astype(np.uint64)
    return words


def _ranges(starts: Iterable[int], counts: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """start, start + 1, … for each pair of start and count, one after the other."""
    ends = np.cumsum(counts, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    offsets = np.asarray(starts, np.int64) - (ends - counts)
    rows: npt.NDArray[np.int64] = np.arange(total, dtype=np.int64) + np.repeat(offsets, counts)
    return rows
