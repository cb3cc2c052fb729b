"""Term postings of one entity, and what is taken from them: BM25 scores, and the weight of what is held."""

import math
from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gateway.columns import Column
from gateway.words import commonness

Floats = npt.NDArray[np.float32]
Slots = npt.NDArray[np.int32]

K1 = 1.2
"""BM25's saturation; the measured optimum is flat (reference recall.md, section 5)."""
WINDOW_B, SESSION_B = 0.3, 0.75
"""BM25's length normalisation for a window of units and for a whole session."""
CENTRE = 3.0
"""Weight of a unit's own term counts in its window; each of the two neighbours either side counts once."""
ENGLISH_UNITS = 200.0
"""Weight of the background frequencies, in units of text: by then an entity's own counts matter as much."""
UNIT_TERMS = 10.0
"""Terms of a typical unit, for turning a word's frequency into a share of units that hold it."""


def background(term: str) -> float:
    """Share of units that hold `term` in anyone's text, by Zipf's law from the term's rank."""
    return 1.0 - math.exp(-UNIT_TERMS * 0.1 / (commonness(term) + 3.0))


class Postings:
    """Which unit holds which term how often. Slots count from 1; row 0 of every array is 'no unit'."""

    def __init__(self) -> None:
        self._by_term: dict[str, array[int]] = {}  # slot * 256 + min(count, 255), slots rising
        self._lengths = Column(np.float32)
        self._lengths.append(0.0)

    @property
    def nbytes(self) -> int:
        """Estimated: the dictionary's share is 150 bytes a term."""
        return self._lengths.nbytes + sum(150 + 4 * len(p) for p in self._by_term.values())

    def add(self, slot: int, texts: Sequence[Sequence[str]]) -> None:
        """The terms of the units in `slot` and those after it, which are new."""
        by_term = self._by_term
        for at, terms in enumerate(texts, slot):
            once = at * 256 + 1
            counts = Counter(terms) if len(set(terms)) < len(terms) else dict.fromkeys(terms, 1)
            for term, count in counts.items():
                held = once if count == 1 else at * 256 + min(count, 255)
                try:
                    by_term[term].append(held)
                except KeyError:
                    by_term[term] = array("I", (held,))
        self._lengths.extend(np.array([len(terms) for terms in texts], np.float32))

    def keep(self, kept: npt.NDArray[np.bool_]) -> None:
        """Only the slots of the mask `kept` (its row 0 true), renumbered in order."""
        renumbered = np.cumsum(kept) - 1
        for term in list(self._by_term):
            posting = np.array(self._by_term[term], np.int64)
            slots, counts = posting >> 8, posting & 255
            alive = kept[slots]
            if not alive.any():
                del self._by_term[term]
            elif not alive.all() or renumbered[slots[-1]] != slots[-1]:
                moved = (renumbered[slots[alive]] << 8) + counts[alive]
                self._by_term[term] = array("I", moved.astype(np.uint32).tobytes())
        self._lengths.keep(kept)

    def weight(self, term: str) -> float:
        """How telling `term` is: its inverse frequency, from English in general and, the more units there are,
        from this entity; its first occurrence here does not count, so that one memory alone means the same
        as one among many."""
        share = ENGLISH_UNITS * background(term)
        seen = max(len(self._by_term.get(term, ())) - 1, 0)
        return math.log((len(self._lengths) - 1 + ENGLISH_UNITS) / (seen + share))

    def telling(self, terms: Sequence[str], most: int) -> list[str]:
        """Those of `terms` that are held here, in their order, and no more than the `most` rarest."""
        held = [term for term in dict.fromkeys(terms) if term in self._by_term]
        rarest = set(sorted(held, key=lambda term: len(self._by_term[term]))[:most]) if len(held) > most else held
        return [term for term in held if term in rarest]

    def found(self, term: str) -> tuple[Slots, Floats]:
        """The slots that hold `term`, rising, and how often each does."""
        posting = np.array(self._by_term.get(term, ()), np.uint32)
        return (posting >> 8).astype(np.int32), (posting & 255).astype(np.float32)

    def windows(self, terms: Sequence[str], near: Slots, far: Slots) -> Floats:
        """BM25 over each unit's window. `near` and `far`: the two slots one and two places away, shape (2, rows)."""
        lengths = self._lengths.rows
        window = CENTRE * lengths + lengths[near].sum(0) + lengths[far].sum(0)
        window[0] = 0.0
        norm = K1 * (1 - WINDOW_B + WINDOW_B * window / max(float(window.sum()) / max(len(lengths) - 1, 1), 1e-9))
        scores = np.zeros(len(lengths), np.float32)
        for term in dict.fromkeys(terms):
            slots, counts = self.found(term)
            if len(slots):
                frequency = _spread(slots, counts * CENTRE, counts, counts, near, far, np.add)
                scores += self._idf(len(slots), len(lengths) - 1) * frequency * (K1 + 1) / (frequency + norm)
        scores[0] = 0.0
        return scores

    def sessions(self, terms: Sequence[str], session: Slots) -> Floats:
        """BM25 of the session each unit stands in. `session`: number of each slot's session, from 0."""
        lengths = np.bincount(session[1:], self._lengths.rows[1:])
        occupied = max(int(np.count_nonzero(np.bincount(session[1:]))), 1)
        norm = K1 * (1 - SESSION_B + SESSION_B * lengths / max(float(lengths.sum()) / occupied, 1e-9))
        scores = np.zeros(len(lengths))
        for term in dict.fromkeys(terms):
            slots, counts = self.found(term)
            if len(slots):
                frequency = np.bincount(session[slots], counts, len(lengths))
                idf = self._idf(int(np.count_nonzero(frequency)), occupied)
                scores += idf * frequency * (K1 + 1) / (frequency + norm)
        return scores[session].astype(np.float32)

    def held(self, terms: Sequence[str]) -> tuple[Floats, float]:
        """Per unit, the weight of those of `terms` that it holds; and the weight of them all."""
        held = np.zeros(len(self._lengths), np.float32)
        total = 0.0
        for term in dict.fromkeys(terms):
            weight = self.weight(term)
            total += weight
            held[self.found(term)[0]] += weight
        return held, total

    @staticmethod
    def _idf(holders: int, units: int) -> float:
        return math.log(1 + (units - holders + 0.5) / (holders + 0.5))


def _spread(slots: Slots, centre: Floats, one: Floats, two: Floats, near: Slots, far: Slots, join: np.ufunc) -> Floats:
    """An array over all slots: `centre` at `slots`, `one` and `two` joined in at their neighbours."""
    values = np.zeros(near.shape[1], np.float32)
    values[slots] = centre
    for neighbours, value in ((near, one), (far, two)):
        for side in neighbours:
            at = side[slots]  # unique but for 0, which is no unit
            values[at] = join(values[at], value)
    values[0] = 0.0
    return values
