"""The in-process index of one entity's messages, and their ranking against a question."""

import math
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt

from gateway.columns import Column
from gateway.dates import asked_dates, asked_kinds, asks_when, matches, tells_time, told_kinds, undated
from gateway.dense import Encoding, Vectors
from gateway.distant import Distant
from gateway.lexical import Postings
from gateway.relevance import asking, outstanding, relevance
from gateway.signals import Floats, Signals, Slots, among, best, filled, guess, standardised, take, weighted
from gateway.units import Ranked, Survey, Unit, ranked
from gateway.weights import FITTED, Fitted, Stages
from gateway.words import fold, grammatical, is_question, sentences, terms

RERANKED = 100
"""Units whose token vectors are compared; 50 to 100 is enough (reference recall.md, section 5)."""
UNFOUND = np.float32(0.2)
"""Highest relevance, by words, of a unit that holds none of the question's: it may come along, but opens no gate."""
TERMS = 64
"""Terms of a question that are looked for; in a pasted page there are hundreds."""
UNREAD = 255
"""In place of kinds of answer that nobody asked for yet."""
LARGE = 1000
"""Units past which more of them do not raise what the gate asks for."""


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
        self._kinds = Column(np.uint8)  # of answers that it may hold, `dates.told_kinds`; UNREAD until that is asked
        self._texts = [""]
        for column in self._columns():
            column.append(0)  # no unit
        self._postings = Postings()
        self._vectors = Vectors()
        self.distant: Distant | None = None  # the vectors, where they are too many to be held here
        self._links: tuple[Slots, Slots] | None = None

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def nbytes(self) -> int:
        """Memory held, estimated where Python's own objects are concerned."""
        columns = sum(column.nbytes for column in self._columns())
        parts = self._postings.nbytes + self._vectors.nbytes
        return columns + parts + 100 * (len(self._slots) + len(self._sessions))

    def add(self, units: Iterable[Unit]) -> None:
        """New units, their keys above every key that is here. Raises ValueError else."""
        batch, newest = list(units), int(self._keys.rows[-1]) if self._slots else None
        for unit in batch:
            if newest is not None and unit.key <= newest:
                raise ValueError(f"unit {unit.key} comes after unit {newest}")
            newest = unit.key
        if not batch:
            return
        first = len(self._keys)
        words = [terms(unit.text) for unit in batch]
        rows = [self._row(first + at, unit, words[at]) for at, unit in enumerate(batch)]
        for column, values in zip(self._columns(), zip(*rows, strict=True), strict=True):
            column.extend(np.array(values))
        before = self._before.rows[first:]
        self._after.rows[before] = np.arange(first, len(self._keys))
        self._after.rows[0] = 0
        self._texts += [unit.text for unit in batch]
        self._postings.add(first, words)
        self._vectors.add(len(batch))
        self._links = None

    def attach(self, encodings: Iterable[tuple[int, bytes]]) -> None:
        """The vectors of units, as `dense.pack` made them, by key; those of a unit that is not here (it was removed
        meanwhile) or has its own are passed over. Raises ValueError for another dimension."""
        slots = self._slots
        self._vectors.attach((slots[key], packed) for key, packed in encodings if key in slots)

    def remove(self, keys: Iterable[int]) -> None:
        """Forget units, wholly: nothing of them stays in memory. Unknown keys are passed over."""
        gone = [self._slots[key] for key in set(keys) if key in self._slots]
        if not gone:
            return
        kept = np.ones(len(self._keys), np.bool_)
        kept[gone] = False
        self._texts = [text for text, here in zip(self._texts, kept.tolist(), strict=True) if here]
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
        surveyed = self.survey(question, encoding, now=now, allowed=allowed) if self._slots else None
        return self.answer(surveyed, limit) if surveyed else []

    def let_go(self) -> None:
        """Vectors are too many to be held from now on: `distant` is lent what a question needs."""
        self.distant = self._vectors = Distant.of(self._vectors, self.neighbours)

    @property
    def keys(self) -> npt.NDArray[np.int64]:
        """Of all units, in the order of their slots, which count from 1."""
        return np.asarray(self._keys.rows[1:], np.int64)

    def directions(self, encoding: Encoding) -> tuple[Floats, Floats]:
        """The vectors that the units' are compared with."""
        return self._vectors.mean(encoding), self._turned(encoding)

    def survey(
        self, question: str, encoding: Encoding | None, *, now: datetime, allowed: Collection[int] | None
    ) -> Survey:
        """What can be told of all units before the dear part."""
        return Survey(question, encoding, now, among(self._keys.rows, allowed), self.signals(question, encoding, now))

    def promising(self, survey: Survey, count: int) -> Slots:
        """The slots of the `count` best units by the survey alone."""
        return best(self._scores(survey)[0], survey.mask, count)

    def answer(self, survey: Survey, limit: int) -> list[Ranked]:
        """The best of the units surveyed."""
        question, encoding, now, signals = survey.question, survey.encoding, survey.now, survey.signals
        if not survey.mask.any() or limit < 1:
            return []
        scores, standard, stages = self._scores(survey)
        modelled, named = "dense" in signals, stages is self._fitted.conversation
        chosen = best(scores, survey.reach, max(limit, RERANKED))
        plain, scores = take(signals, chosen), scores[chosen]
        plain |= self._features(question, named, chosen)
        gate = relevance(plain, self._fitted.lexical_gate)
        gate = np.where(plain["found"] > 0, gate, np.minimum(gate, UNFOUND))
        if encoding is not None and modelled:
            plain["maxsim"] = self.maxsim(encoding, chosen)
            plain |= self._dense_features(encoding, signals, chosen)
            everywhere = np.ones(len(chosen), np.bool_)
            second = take(standard, chosen) | standardised({"maxsim": plain["maxsim"]}, everywhere)
            guess(second, ~self._vectors.known[chosen])
            scores = weighted(second, stages.second)
            usable = self._vectors.known[chosen] & (plain["foreign"] == 0)
            fitted = self._fitted.published_gate if encoding.turned is None else self._fitted.gate
            gate = np.where(usable, relevance(plain, fitted), gate)
        plain["age"] = ((now.timestamp() - self._said.rows[chosen]) / 86_400).astype(np.float32)
        return ranked(self._keys.rows[chosen], scores, gate, plain, limit)

    def _scores(self, survey: Survey) -> tuple[Floats, Signals, Stages]:
        """Of the first stage, with the standardised signals, and the weights that are meant for the question."""
        standard = standardised(survey.signals, survey.mask)
        guess(standard, ~self._vectors.known)
        named = bool(survey.signals["speaker"].any())
        stages = self._fitted.conversation if named else self._fitted.personal
        return weighted(standard, stages.first if "dense" in survey.signals else stages.lexical), standard, stages

    def signals(self, question: str, encoding: Encoding | None, now: datetime) -> Signals:
        """What can be told of every slot (row 0 is no unit) before the dear part. For `rank` and for fitting."""
        near, far = self.neighbours()
        asked = list(dict.fromkeys(terms(question)))
        month, day = matches(asked_dates(question, now), self._day.rows)
        traits = self._traits.rows
        telling = self._postings.telling(asked, TERMS)
        signals: Signals = {
            "bm25_window": self._postings.windows(telling, near, far),
            "bm25_session": self._postings.sessions(telling, self._session.rows),
            "question": traits[:, 0],
            "length": traits[:, 1],
            "when": traits[:, 2] * np.float32(asks_when(question)),
            "speaker": self._named(asked)[self._speaker.rows],
            "month": month,
            "day": day,
        }
        if encoding is not None and self._vectors.attached:
            seen = self._vectors.scan(encoding, self._turned(encoding), near, far)
            known = self._vectors.known
            signals |= {name: filled(values, known) for name, values in seen.items()}
        return signals

    @staticmethod
    def _turned(encoding: Encoding) -> Floats:
        return encoding.vector if encoding.turned is None else encoding.turned

    def _features(self, question: str, named: bool, slots: Slots) -> Signals:
        """What the gate has to know of the words of `slots`, of the question and of the entity; these two are the same
        in every row."""
        asked, kinds = undated(list(dict.fromkeys(terms(question)))), asked_kinds(question)
        values = asking(question, named)
        if values["foreign"]:
            asked = [term for term in asked if not grammatical(term)] or asked
        values |= {"size": math.log10(min(max(len(self), 1), LARGE))}
        features: Signals = {name: np.full(len(slots), value, np.float32) for name, value in values.items()}
        held, total = self._postings.held(asked)
        held = held[slots]
        coverage = held / np.float32(max(total, 1e-9))
        return features | {
            "asks": self._traits.rows[slots, 3],
            "coverage": coverage,
            "found": held,
            "missing": np.log1p(np.maximum(total - held, 0)),
            "misfit": ((self._told(slots) & kinds == 0) & (kinds > 0)).astype(np.float32),
        }

    def _told(self, slots: Slots) -> npt.NDArray[np.uint8]:
        """The kinds of answer that `slots` may hold, found out once."""
        kinds: npt.NDArray[np.uint8] = self._kinds.rows
        for slot in slots[kinds[slots] == UNREAD].tolist():
            kinds[slot] = told_kinds(self._texts[slot], terms(self._texts[slot]))
        return kinds[slots]

    def _dense_features(self, encoding: Encoding, signals: Signals, slots: Slots) -> Signals:
        """What the gate has to know of the vectors of `slots`."""
        known = self._vectors.known
        return {
            "cosine": filled(self._vectors.cosine(encoding, slots), known[slots]),
            "outstanding": outstanding(signals["dense"], known, slots),
        }

    def maxsim(self, encoding: Encoding, slots: Slots) -> Floats:
        """For `slots`: how well the best matching tokens of each unit's window answer the question's tokens; 0 to
        about 1."""
        return filled(self._vectors.maxsim(encoding, slots, *self.neighbours()), self._vectors.known[slots])

    def slots(self, keys: Collection[int]) -> Slots:
        """The rows of `signals` that belong to `keys`, in their order."""
        return np.array([self._slots[key] for key in keys], np.int32)

    def _row(self, slot: int, unit: Unit, words: Sequence[str]) -> tuple[object, ...]:
        """What a new unit puts into the columns."""
        number = self._sessions.setdefault(unit.session, len(self._sessions))
        if number == len(self._last):
            self._last.append(0)
        before, self._last[number] = self._last[number], slot
        name = fold(unit.speaker) if unit.speaker else ""
        speaker = self._speakers.setdefault(name, len(self._speakers))
        said, day = unit.said_at.timestamp(), unit.said_at.toordinal()
        length = math.log1p(unit.text.count(" ") + 1 if " " in unit.text else len(words))
        question = is_question(unit.text)
        only = question and all(map(is_question, sentences(unit.text)))
        traits = (question, length, tells_time(words), only)
        self._slots[unit.key] = slot
        return unit.key, number, speaker, before, 0, said, day, traits, UNREAD

    def _columns(self) -> tuple[Column, ...]:
        spoken = (self._keys, self._session, self._speaker, self._before, self._after)
        return (*spoken, self._said, self._day, self._traits, self._kinds)

    def neighbours(self) -> tuple[Slots, Slots]:
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

    def _named(self, asked: Sequence[str]) -> Floats:
        """1 for each speaker whose name is among the question's terms. The user has none."""
        wanted = set(asked)
        return np.array([bool(name) and not wanted.isdisjoint(terms(name)) for name in self._speakers], np.float32)
