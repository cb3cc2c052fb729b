"""The in-process index of one entity's messages, and their ranking against a question."""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from gateway.columns import Column
from gateway.dates import asked_dates, asks_when, matches, tells_time, undated
from gateway.dense import Encoding, Vectors
from gateway.lexical import Postings
from gateway.relevance import relevance
from gateway.signals import Floats, Mask, Signals, Slots, best, filled, standardised, take, weighted
from gateway.weights import FITTED, Fitted
from gateway.words import fold, foreign, is_question, sentences, terms

RERANKED = 100
"""Units whose token vectors are compared; 50 to 100 is enough (reference recall.md, section 5)."""
EXPECTED, EXPECTED_MOST = 0.6, 3.0
"""Dense z-score for each lexical one, about their correlation on the conversations, and its bound."""
LARGE = 1000
"""Units past which more of them do not raise what the gate asks for."""

_FIRST_PERSON = re.compile(r"\b(?:i|my|me|mine|myself|we|our|ours|us)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of a user's message as it is scored: a message, or a part of a long one (`words.cut`)."""

    key: int
    """Unique, and rising in the order in which things were said."""
    session: str
    """Neighbours are the units of one session; unique within the entity."""
    text: str
    said_at: datetime
    """Aware, UTC."""
    speaker: str | None
    """The participant that the message names as its author; None: the user."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A unit's place in the answer."""

    key: int
    score: float
    """Orders the units of one answer; means nothing across answers."""
    relevance: float
    """0 to 1, comparable across questions and entities: the gate's value."""
    signals: Mapping[str, float]
    """What the score and the relevance were made of."""


class EntityIndex:
    """The units of one entity, ranked exactly. Not thread-safe: one caller at a time, `rank` included.

    An index built in any steps equals the one built at once from what is left."""

    def __init__(self, fitted: Fitted = FITTED) -> None:
        self._fitted = fitted
        self._slots: dict[int, int] = {}
        self._sessions: dict[str, int] = {}
        self._speakers: dict[str, int] = {}
        self._last: list[int] = []  # slot of each session's newest unit
        self._keys = Column(np.int64)
        self._session, self._speaker = Column(np.int32), Column(np.int32)
        self._before, self._after = Column(np.int32), Column(np.int32)  # neighbours in the session; 0: none
        self._said, self._day = Column(np.float64), Column(np.int64)  # seconds since 1970; ordinal
        self._traits = Column(np.float32, 4)  # question, length, holds a time word, nothing but questions
        for column in self._columns():
            column.append(0)
        self._postings = Postings()
        self._vectors = Vectors()
        self._links: tuple[Slots, Slots] | None = None

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def nbytes(self) -> int:
        """Memory held, estimated where Python's own objects are concerned."""
        columns = sum(column.nbytes for column in self._columns())
        return columns + self._postings.nbytes + self._vectors.nbytes + 100 * (len(self._slots) + len(self._sessions))

    def add(self, units: Iterable[Unit]) -> None:
        """New units, their keys above every key that is here. Raises ValueError else."""
        for unit in units:
            if unit.key <= int(self._keys.rows[-1]) and self._slots:
                raise ValueError(f"unit {unit.key} comes after unit {int(self._keys.rows[-1])}")
            self._append(unit)
        self._links = None

    def attach(self, key: int, packed: bytes) -> None:
        """The vectors of a unit, as `dense.pack` made them; nothing happens for a unit that is not here (it was
        removed meanwhile) or has its vectors. Raises ValueError for another dimension."""
        slot = self._slots.get(key)
        if slot is not None:
            self._vectors.attach(slot, packed)

    def remove(self, keys: Iterable[int]) -> None:
        """Forget units, wholly: nothing of them stays in memory. Unknown keys are passed over."""
        gone = [self._slots[key] for key in set(keys) if key in self._slots]
        if not gone:
            return
        kept = np.ones(len(self._keys), np.bool_)
        kept[gone] = False
        self._postings.keep(kept)
        self._vectors.keep(kept)
        for column in self._columns():
            column.keep(kept)
        self._renumber()

    def rank(
        self, question: str, encoding: Encoding | None, *, now: datetime, allowed: Collection[int] | None, limit: int
    ) -> list[Ranked]:
        """At most `limit` units, best first. `encoding`: the question's, None ranks by words alone. `now`: from
        where "yesterday" is seen. `allowed`: keys that may be answered with, None all; the others still count
        as neighbours and in the statistics of words."""
        mask = self._allowed(allowed)
        if not mask.any() or limit < 1:
            return []
        signals, features = self.signals(question, encoding, now)
        standard = standardised(signals, mask)
        self._guess(standard, np.arange(len(mask), dtype=np.int32))
        modelled = "dense" in signals
        stages = self._fitted.conversation if signals["speaker"].any() else self._fitted.personal
        scores = weighted(standard, stages.first if modelled else stages.lexical)
        chosen = best(scores, mask, max(limit, RERANKED))
        plain, features, scores = take(signals, chosen), take(features, chosen), scores[chosen]
        gate = relevance(features, self._fitted.lexical_gate)
        if encoding is not None and modelled:
            plain["maxsim"], features["maxsim_alone"] = self.maxsim(encoding, chosen)
            features["cosine"] = filled(self._vectors.cosine(encoding, chosen), self._vectors.known[chosen])
            everywhere = np.ones(len(chosen), np.bool_)
            second = take(standard, chosen) | standardised({"maxsim": plain["maxsim"]}, everywhere)
            self._guess(second, chosen)
            scores = weighted(second, stages.second)
            usable = self._vectors.known[chosen] & (features["foreign"] == 0)
            gate = np.where(usable, relevance(features, self._fitted.gate), gate)
        gate = np.where(features["asks"] > 0, np.float32(0), gate)
        plain |= features | {"age": ((now.timestamp() - self._said.rows[chosen]) / 86_400).astype(np.float32)}
        return self._answer(chosen, scores, gate, plain, limit)

    def signals(self, question: str, encoding: Encoding | None, now: datetime) -> tuple[Signals, Signals]:
        """What can be told of every slot (row 0 is no unit) before the dear part: the signals that order, and the
        features of the gate. For `rank` and for fitting."""
        near, far = self._neighbours()
        asked = list(dict.fromkeys(terms(question)))
        month, day = matches(asked_dates(question, now), self._day.rows)
        traits = self._traits.rows
        signals: Signals = {
            "bm25_window": self._postings.windows(asked, near, far),
            "bm25_session": self._postings.sessions(asked, self._session.rows),
            "question": traits[:, 0],
            "length": traits[:, 1],
            "when": traits[:, 2] * np.float32(asks_when(question)),
            "speaker": self._named(asked)[self._speaker.rows],
            "month": month,
            "day": day,
        }
        own, window, top = self._postings.coverage(undated(asked), near, far)
        features: Signals = {"coverage": own, "coverage_window": window, "best": top, "asks": traits[:, 3]}
        features |= self._of_question(question, asked, bool(signals["speaker"].any()))
        if encoding is not None and self._vectors.attached:
            dense, dense_window = self._vectors.scan(encoding, near, far)
            known = self._vectors.known
            signals |= {"dense": filled(dense, known), "dense_window": filled(dense_window, known)}
        return signals, features

    def _of_question(self, question: str, asked: Sequence[str], named: bool) -> Signals:
        """What the gate has to know of the question itself and of the entity, the same in every row."""
        telling = sum((self._postings.weight(term) for term in undated(asked)), 0.0)
        other = foreign(question)
        values = {
            "named": float(named),
            "personal": float(named or other or _FIRST_PERSON.search(question) is not None),
            "telling": math.log1p(telling),
            "size": math.log10(min(max(len(self), 1), LARGE)),
            "foreign": float(other),
        }
        return {name: np.full(len(self._keys), value, np.float32) for name, value in values.items()}

    def maxsim(self, encoding: Encoding, slots: Slots) -> tuple[Floats, Floats]:
        """For `slots`: how well the best matching tokens of each unit's window, and of the unit alone, answer the
        question's tokens; 0 to about 1."""
        window, alone = self._vectors.maxsim(encoding, slots, *self._neighbours())
        known = self._vectors.known[slots]
        return filled(window, known), filled(alone, known)

    def _guess(self, standard: Signals, slots: Slots) -> None:
        """Write into the dense z-scores of units that have no vector yet what their words let expect, so that what
        was said a second ago does not stand behind all that was said before."""
        missing = ~self._vectors.known[slots]
        if missing.any():
            expected = np.clip(EXPECTED * standard["bm25_window"][missing], -EXPECTED, EXPECTED_MOST)
            for name in ("dense", "dense_window", "maxsim"):
                if name in standard:
                    standard[name] = standard[name].copy()
                    standard[name][missing] = expected

    def slots(self, keys: Collection[int]) -> Slots:
        """The rows of `signals` that belong to `keys`, in their order."""
        return np.array([self._slots[key] for key in keys], np.int32)

    def _append(self, unit: Unit) -> None:
        slot = len(self._keys)
        number = self._sessions.setdefault(unit.session, len(self._sessions))
        if number == len(self._last):
            self._last.append(0)
        before, self._last[number] = self._last[number], slot
        words = terms(unit.text)
        name = fold(unit.speaker) if unit.speaker else ""
        self._keys.append(unit.key)
        self._session.append(number)
        self._speaker.append(self._speakers.setdefault(name, len(self._speakers)))
        self._before.append(before)
        self._after.append(0)
        if before:
            self._after.rows[before] = slot
        self._said.append(unit.said_at.timestamp())
        self._day.append(unit.said_at.toordinal())
        length = math.log1p(len(unit.text.split()) if " " in unit.text else len(words))
        question = is_question(unit.text)
        only = question and all(map(is_question, sentences(unit.text)))
        self._traits.append((question, length, tells_time(words), only))
        self._postings.add(slot, words)
        self._vectors.add()
        self._slots[unit.key] = slot

    def _columns(self) -> tuple[Column, ...]:
        return (
            self._keys,
            self._session,
            self._speaker,
            self._before,
            self._after,
            self._said,
            self._day,
            self._traits,
        )

    def _neighbours(self) -> tuple[Slots, Slots]:
        """The slots one place and two places away in the session, before and after: twice shape (2, rows)."""
        if self._links is None:
            before, after = self._before.rows, self._after.rows
            self._links = np.stack([before, after]), np.stack([before[before], after[after]])
        return self._links

    def _renumber(self) -> None:
        """Slots, sessions and neighbours anew, from the rows that are left."""
        keys, numbers = self._keys.rows, self._session.rows
        names = {number: name for name, number in self._sessions.items()}
        self._slots = {key: slot for slot, key in enumerate(keys.tolist()) if slot}
        self._sessions, self._last = {}, []
        self._before.rows[:] = 0
        self._after.rows[:] = 0
        for slot, old in enumerate(numbers.tolist()):
            if slot:
                number = self._sessions.setdefault(names[old], len(self._sessions))
                if number == len(self._last):
                    self._last.append(0)
                self._before.rows[slot] = self._last[number]
                self._after.rows[self._last[number]] = slot
                self._last[number] = slot
                numbers[slot] = number
        self._after.rows[0] = 0
        self._links = None

    def _allowed(self, allowed: Collection[int] | None) -> Mask:
        mask = np.ones(len(self._keys), np.bool_)
        if allowed is not None:
            wanted = np.fromiter(allowed, np.int64, len(allowed))
            mask = np.isin(self._keys.rows, wanted)
        mask[0] = False
        return mask

    def _named(self, asked: Sequence[str]) -> Floats:
        """1 for each speaker whose name is among the question's terms. The user has none."""
        wanted = set(asked)
        return np.array([bool(name) and not wanted.isdisjoint(terms(name)) for name in self._speakers], np.float32)

    def _answer(self, chosen: Slots, scores: Floats, gate: Floats, signals: Signals, limit: int) -> list[Ranked]:
        order = np.argsort(-scores, kind="stable")[:limit]
        keys = self._keys.rows[chosen[order]].tolist()
        names = list(signals)
        table = np.stack([signals[name][order] for name in names], axis=1).tolist()
        return [
            Ranked(key, score, value, dict(zip(names, row, strict=True)))
            for key, score, value, row in zip(keys, scores[order].tolist(), gate[order].tolist(), table, strict=True)
        ]
