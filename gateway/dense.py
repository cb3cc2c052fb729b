"""Vectors of one entity: packed for the store, pooled vectors for the scan, 1-bit token vectors for MaxSim."""

import math
import struct
from collections.abc import Iterable, Sequence
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
TOGETHER = 2048
"""Encodings that are unpacked in one go."""
ASKING = 32
"""Tokens of a question that are compared, the most telling ones; a pasted page would take many times as long."""
SPECIAL_IDS = 1995
"""BERT's vocabulary (uncased): ids up to here are specials, punctuation and single characters; from here on
the ids are in the order of frequency, so that an id tells how common its token is."""


class Encoding(Protocol):
    """What the embedder makes of a text: `vector` (dim) and `token_vectors` (n, dim), float32, each of length 1;
    `tokens` (n), the vocabulary ids of the rows; of a question, `turned` (dim), where what answers it lies."""

    @property
    def vector(self) -> Floats: ...
    @property
    def tokens(self) -> npt.NDArray[np.int32]: ...
    @property
    def token_vectors(self) -> Floats: ...
    @property
    def turned(self) -> Floats | None: ...


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
    dim, _ = _shape(packed)
    _, vectors, tokens, signs = _unpacked([packed], dim)
    return vectors[0], tokens, signs


def _shape(packed: bytes) -> tuple[int, int]:
    """Dimensions and tokens. Raises ValueError where `packed` is not what `pack` makes."""
    if len(packed) < _HEADER.size:
        raise ValueError("a packed encoding is cut short")
    version, dim, count, scale = _HEADER.unpack_from(packed)
    width = (dim + 63) // 64
    if version != _VERSION or len(packed) != _HEADER.size + dim + count * (4 + 8 * width) or not math.isfinite(scale):
        raise ValueError("not a packed encoding of this version")
    return dim, count


def _unpacked(many: Sequence[bytes], dim: int) -> tuple[Slots, Floats, Slots, npt.NDArray[np.uint64]]:
    """Of encodings of `dim` dimensions: their counts of tokens, the pooled vectors, and tokens and signs one after the
    other."""
    width, start = (dim + 63) // 64, _HEADER.size + dim
    counts = [(len(packed) - start) // (4 + 8 * width) for packed in many]
    ends = [start + 4 * count for count in counts]
    pooled = np.frombuffer(b"".join(packed[_HEADER.size : start] for packed in many), np.int8)
    tokens = np.frombuffer(b"".join(packed[start:end] for packed, end in zip(many, ends, strict=True)), "<i4")
    signs = np.frombuffer(b"".join(packed[end:] for packed, end in zip(many, ends, strict=True)), "<u8")
    vectors = pooled.reshape(len(many), dim).astype(np.float32)
    lengths = np.sqrt(np.vecdot(vectors, vectors))
    vectors /= np.where(lengths > 0, lengths, np.float32(1))[:, None]
    signs = signs.reshape(len(tokens), width).astype(np.uint64, copy=False)
    return np.array(counts, np.int32), vectors, tokens.astype(np.int32, copy=False), signs


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
        self._waiting: dict[int, bytes] = {}  # by slot: many are unpacked at once, when they are first needed
        self.attached = 0
        self.add(1)

    @property
    def nbytes(self) -> int:
        columns = (self._pooled, self._norms, self._starts, self._counts, self._bits, self._tokens)
        waiting = sum(map(len, self._waiting.values()))
        return sum(column.nbytes for column in columns) + 80 * len(self._holders) + 2 * waiting

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Which slots have their vector."""
        self._settle()
        counts: npt.NDArray[np.int32] = self._counts.rows
        return counts >= 0

    @property
    def pooled(self) -> Floats:
        """The pooled vectors, a row for each slot."""
        self._settle()
        rows: Floats = self._pooled.rows
        return rows

    def add(self, count: int) -> None:
        """So many more slots, their vectors not there yet."""
        self._norms.grow(count)
        self._starts.grow(count)
        self._counts.extend(np.full(count, -1, np.int32))
        if self._dim:
            self._pooled.grow(count)

    def attach(self, encodings: Iterable[tuple[int, bytes]]) -> None:
        """The vectors of slots; one that has its own keeps them. ValueError: another dimension."""
        given, waiting = dict(encodings), self._waiting
        held = self._counts.rows[np.fromiter(given, np.int32, len(given))] >= 0
        for (slot, packed), known in zip(given.items(), held.tolist(), strict=True):
            if known or slot in waiting:
                continue
            dim, _ = _shape(packed)
            if not self._dim:
                self._begin(dim)
            if dim != self._dim:
                raise ValueError(f"a vector of {dim} dimensions among vectors of {self._dim}")
            waiting[slot] = packed
            self.attached += 1

    def _settle(self) -> None:
        """Unpack what waits."""
        waiting = list(self._waiting.items())
        self._waiting = {}
        for start in range(0, len(waiting), TOGETHER):
            some = waiting[start : start + TOGETHER]
            slots = np.array([slot for slot, _ in some], np.int32)
            counts, vectors, tokens, signs = _unpacked([packed for _, packed in some], self._dim)
            self._counts.rows[slots] = counts
            self._count_holders(tokens, counts)
            self._keep(slots, counts, vectors, tokens, signs)

    def _begin(self, dim: int) -> None:
        """Make room for vectors of this dimension."""
        self._dim = dim
        self._pooled = Column(np.float32, dim)
        self._pooled.grow(len(self._counts))
        self._bits = Column(np.uint64, (dim + 63) // 64)

    def _keep(self, slots: Slots, counts: Slots, vectors: Floats, tokens: Slots, signs: npt.NDArray[np.uint64]) -> None:
        """Write what was unpacked into the columns."""
        self._pooled.rows[slots] = vectors
        self._starts.rows[slots] = len(self._tokens) + np.cumsum(counts) - counts
        self._tokens.extend(tokens)
        self._bits.extend(signs)
        self._stale.update(slots.tolist())

    def _count_holders(self, tokens: npt.NDArray[np.int32], counts: npt.NDArray[np.int32]) -> None:
        """Units, of `counts` tokens each, that are new."""
        units = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        pairs = np.sort((tokens.astype(np.int64) << 32) | units)
        held = pairs[np.diff(pairs, prepend=-1) > 0] >> 32
        firsts = np.flatnonzero(np.diff(held, prepend=-1))
        holders = np.diff(firsts, append=len(held))
        get = self._holders.get
        self._holders.update(
            (token, get(token, 0) + count) for token, count in zip(held[firsts].tolist(), holders.tolist(), strict=True)
        )

    def keep(self, kept: npt.NDArray[np.bool_]) -> None:
        """Only the slots of the mask `kept` (its row 0 true), renumbered in order; the rest leaves memory."""
        self._settle()
        starts, counts = self._starts.rows[kept], np.maximum(self._counts.rows[kept], 0)
        rows = _ranges(starts, counts)
        for column in (self._norms, self._counts, self._starts, *([self._pooled] if self._dim else [])):
            column.keep(kept)
        self._tokens.keep(rows)
        if self._dim:
            self._bits.keep(rows)
        self._starts.rows[:] = np.cumsum(counts) - counts
        self._holders = {}
        self._count_holders(self._tokens.rows, counts)
        self.attached = int((self._counts.rows >= 0).sum())
        self._stale = set(range(1, len(counts)))

    def weight(self, token: int) -> float:
        """How telling a token is: its inverse frequency, from text in general and from this entity."""
        background = 1.0 - math.exp(-3.0 / max(token - SPECIAL_IDS, 3.0)) if token > SPECIAL_IDS else 0.05
        seen = max(self._holders.get(token, 0) - 1, 0)
        return math.log((self.attached + BACKGROUND_UNITS) / (seen + BACKGROUND_UNITS * background))

    def weights(self, query: Encoding) -> Floats:
        """The weight of each token of `query`, at least 0."""
        self._settle()
        return np.array([max(self.weight(token), 0.0) for token in query.tokens.tolist()], np.float32)

    def mean(self, query: Encoding) -> Floats:
        """The weighted mean of the query's token vectors, of length 1."""
        weights = self.weights(query)
        mean = (weights[:, None] * query.token_vectors).sum(0) if weights.sum() > 0 else query.vector
        shortened: Floats = mean / np.float32(max(float(np.linalg.norm(mean)), 1e-9))
        return shortened

    def scan(self, query: Encoding, turned: Floats, near: Slots, far: Slots) -> dict[str, Floats]:
        """Per slot: `dense`, the cosine with the weighted mean of the query's token vectors, `turned`, that with its
        turned vector, and both of the slot's window. `near`, `far`: the neighbours' slots, shape (2, rows)."""
        self._settle()
        self._refresh(near, far)
        mean = self.mean(query)
        # Not `@`, which shares this out among threads: on busy cores that takes 100 times as long.
        found: dict[str, Floats] = {}
        for name, vector in (("dense", mean), ("turned", turned)):
            cosines: Floats = np.vecdot(self._pooled.rows, vector)
            window = cosines + cosines[near].sum(0) + cosines[far].sum(0)
            found |= {name: cosines, f"{name}_window": window / np.maximum(self._norms.rows, 1e-6)}
        return found

    def cosine(self, query: Encoding, slots: Slots) -> Floats:
        """For each of `slots`: cosine with the query's own vector."""
        cosines: Floats = np.vecdot(self._pooled.rows[slots], query.vector)
        return cosines

    def maxsim(self, query: Encoding, slots: Slots, near: Slots, far: Slots) -> Floats:
        """For each of `slots`: weighted mean over the query's tokens of the best squared cosine in the unit's
        window; between 0 and about 1."""
        weights = self.weights(query)
        telling = np.flatnonzero(weights > 0)
        if not len(telling) or not len(slots):
            return np.zeros(len(slots), np.float32)
        telling = telling[np.argsort(-weights[telling], kind="stable")[:ASKING]]
        weights = weights[telling] / weights[telling].sum()
        groups = np.concatenate([slots[None], near[:, slots], far[:, slots]])
        touched, places = np.unique(groups, return_inverse=True)
        best = self._best(query.token_vectors[telling], touched.astype(np.int32))[:, places.reshape(groups.shape)]
        window: Floats = np.maximum.reduce(
            [best[:, 0], NEAR * best[:, 1], NEAR * best[:, 2], FAR * best[:, 3], FAR * best[:, 4]]
        )
        similar: Floats = np.vecdot(window.T, weights)
        return similar

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
        for part in np.array_split(touched, len(touched) // 512 + 1):  # that many stay in the processor's cache
            window = pooled[part]
            for side in (*near, *far):
                window += pooled[side[part]]
            norms[part] = np.sqrt(np.vecdot(window, window))
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
