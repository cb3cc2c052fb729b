"""Vectors of an entity that is too large to hold them here: the database compares them, and lends the few at hand."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from gateway.dense import TOGETHER, Encoding, Floats, Slots, Vectors, unpack

FRESH = 64
"""Vectors made last, which the database may not have yet."""


class Distant(Vectors):
    """Knows of every slot whether it has vectors, and which tokens are rare; the rest is lent for one question.

    `lend` brings the cosines of all slots, `borrow` the vectors of some. Until then there is nothing to rank by but
    words. The length of a window's sum is kept if all of it was seen together, and estimated else.
    """

    def __init__(self, neighbours: Callable[[], tuple[Slots, Slots]]) -> None:
        """`neighbours` gives the slots one and two places away, shape (2, rows) each."""
        self._neighbours = neighbours
        super().__init__()
        self._fresh: dict[int, bytes] = {}
        self._alike, self._pairs = 0.0, 0
        """Sum of the cosines of neighbours, and their number."""
        self._lent: npt.NDArray[np.bool_] | None = None
        self._cosines: tuple[Floats, Floats] = (np.zeros(0, np.float32), np.zeros(0, np.float32))
        self._near = Vectors()
        self._rows: Slots = np.zeros(1, np.int32)
        """Of each slot its row in `_near`, 0 for those that are not at hand."""

    @classmethod
    def of(cls, vectors: Vectors, neighbours: Callable[[], tuple[Slots, Slots]]) -> "Distant":
        """What is known of these vectors, which are let go of."""
        distant = cls(neighbours)
        slots = np.flatnonzero(vectors.known).astype(np.int32)[:TOGETHER]
        vectors._refresh(*neighbours())
        distant._dim, distant._counts, distant._norms = vectors._dim, vectors._counts, vectors._norms
        distant._holders, distant.attached = vectors._holders, vectors.attached
        if len(slots):
            distant._compare_neighbours(slots, vectors.pooled[slots])
        return distant

    @property
    def nbytes(self) -> int:
        return super().nbytes + sum(map(len, self._fresh.values()))

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return super().known if self._lent is None else self._lent

    def add(self, count: int) -> None:
        self._counts.extend(np.full(count, -1, np.int32))
        self._norms.extend(np.full(count, np.nan, np.float32))

    def attach(self, encodings: Iterable[tuple[int, bytes]]) -> None:
        for slot, packed in encodings:
            attached = self.attached
            super().attach([(slot, packed)])
            if self.attached == attached:
                continue
            self._fresh[slot] = packed
            if len(self._fresh) > FRESH:
                del self._fresh[next(iter(self._fresh))]
            if len(self._waiting) >= TOGETHER:
                self._settle()

    def keep(self, kept: npt.NDArray[np.bool_]) -> None:
        """Only these slots. The tokens of those that go are still counted, since nobody knows them any more."""
        self._settle()
        self.give_back()
        self._forget_norms(np.flatnonzero(~kept).astype(np.int32))
        self._counts.keep(kept)
        self._norms.keep(kept)
        moved = np.cumsum(kept) - 1
        self._fresh = {int(moved[slot]): packed for slot, packed in self._fresh.items() if kept[slot]}
        self.attached = int((self._counts.rows >= 0).sum())

    # --- for one question --------------------------------------------------------------------------------------

    def lend(self, slots: Slots, dense: Floats, turned: Floats) -> None:
        """The cosines of these slots with the question's mean vector, and with the turned one."""
        self._settle()
        count = len(self._counts)
        self._lent = np.zeros(count, np.bool_)
        self._lent[slots] = self._counts.rows[slots] >= 0  # else it is of another embedder
        values = np.zeros((2, count), np.float32)
        values[:, slots] = dense, turned
        values[:, ~self._lent] = 0.0
        self._cosines = values[0], values[1]

    def borrow(self, packed: Mapping[int, bytes]) -> None:
        """The vectors of these slots."""
        self._near = Vectors()
        at_hand = {**packed, **self._fresh}
        self._near.add(len(at_hand))
        self._rows = np.zeros(len(self._counts), np.int32)
        for row, slot in enumerate(at_hand, 1):
            self._rows[slot] = row
        self._near.attach(enumerate(at_hand.values(), 1))
        self._near.known  # noqa: B018  # unpacked

    def give_back(self) -> None:
        """The question is answered."""
        self._lent, self._near, self._rows = None, Vectors(), np.zeros(1, np.int32)

    def scan(self, query: Encoding, turned: Floats, near: Slots, far: Slots) -> dict[str, Floats]:
        self._settle()
        self._compare_fresh(self.mean(query), turned)
        norms = self._norms_about(near, far)
        found: dict[str, Floats] = {}
        for name, cosines in zip(("dense", "turned"), self._cosines, strict=True):
            window = cosines + cosines[near].sum(0) + cosines[far].sum(0)
            found |= {name: cosines, f"{name}_window": window / norms}
        return found

    def corrections(self, slots: Slots, near: Slots, far: Slots) -> Floats:
        """What the windows' cosines of these slots, whose vectors and neighbours' are at hand, are to be multiplied by:
        `scan` had to estimate the windows' lengths."""
        vectors, rows = self._near.pooled, self._rows
        windows = vectors[rows[slots]]
        for side in (*near, *far):
            windows = windows + vectors[rows[side[slots]]]
        norms = np.sqrt(np.vecdot(windows, windows))
        right: Floats = np.where(norms > 0, self._norms_about(near, far)[slots] / np.maximum(norms, 1e-6), 1)
        return right.astype(np.float32)

    def cosine(self, query: Encoding, slots: Slots) -> Floats:
        return self._near.cosine(query, self._rows[slots])

    # --- inside ------------------------------------------------------------------------------------------------

    def _begin(self, dim: int) -> None:
        self._dim = dim

    def _keep(self, slots: Slots, counts: Slots, vectors: Floats, tokens: Slots, signs: npt.NDArray[np.uint64]) -> None:
        """Nothing but the lengths of windows, and how like neighbours are each other."""
        self._compare_neighbours(slots, vectors)
        self._forget_norms(slots)
        near, far = self._neighbours()
        members = np.stack([slots, *near[:, slots], *far[:, slots]])
        rows = np.zeros(len(self._counts), np.int32)
        rows[slots] = np.arange(1, len(slots) + 1)
        whole = ((rows[members] > 0) | (self._counts.rows[members] < 0)).all(0)
        windows = np.zeros((int(whole.sum()), self._dim), np.float32)
        padded = np.concatenate([np.zeros((1, self._dim), np.float32), vectors])
        for side in members[:, whole]:
            windows += padded[rows[side]]
        self._norms.rows[slots[whole]] = np.sqrt(np.vecdot(windows, windows))

    def _forget_norms(self, slots: Slots) -> None:
        """The windows about these slots are other ones now."""
        near, far = self._neighbours()
        self._norms.rows[np.concatenate([slots, *near[:, slots], *far[:, slots]])] = np.nan

    def _compare_neighbours(self, slots: Slots, vectors: Floats) -> None:
        pairs = np.flatnonzero(np.diff(slots) == 1)
        self._alike += float(np.vecdot(vectors[pairs], vectors[pairs + 1]).sum())
        self._pairs += len(pairs)

    def _best(self, query: Floats, slots: Slots) -> Floats:
        return self._near._best(query, self._rows[slots])

    def _norms_about(self, near: Slots, far: Slots) -> Floats:
        """Lengths of the sums of windows; where they are not known, as if all neighbours were equally alike."""
        known = self.known.astype(np.float32)
        count = known + known[near].sum(0) + known[far].sum(0)
        alike = self._alike / self._pairs if self._pairs else 0.0
        norms = self._norms.rows
        guessed = np.sqrt(np.maximum(count * (1 + (count - 1) * np.float32(alike)), 1e-6))
        lengths: Floats = np.maximum(np.where(np.isnan(norms), guessed, norms), 1e-6)
        return lengths

    def _compare_fresh(self, mean: Floats, turned: Floats) -> None:
        """What the database did not know yet."""
        if self._lent is None:
            self.lend(np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.float32))
        lent, (dense, far) = self._lent, self._cosines
        assert lent is not None
        for slot, packed in self._fresh.items():
            if not lent[slot]:
                vector = unpack(packed)[0]
                dense[slot], far[slot], lent[slot] = vector @ mean, vector @ turned, True
