"""What the new messages of a thread state: found while the upstream answers, or at once where that takes no time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal

from gateway.domain import Statement, Turn
from gateway.extract.local import statements
from gateway.prompt import stripped
from gateway.recorder import Recorder
from gateway.sessions import Thread
from gateway.tagging import Tagger

SHORT = 2000
"""Characters of all messages that are cut into statements on the event loop: a few milliseconds."""
MAX_LEARNT = 200_000
"""Characters of a message that statements are looked for in."""

CLOSELY = 20
"""New messages of a turn, the last ones, that the model reads: a history that comes all at once would take seconds."""

PATIENCE = 0.25
"""Seconds from a turn's begin in which its messages are read by the model: no answer has to wait long for that."""

Learnt = dict[bytes, tuple[Statement, ...]]
"""Statements by the chain of their message."""


Mode = Literal["off", "local", "llm"]
"""How statements are found: not at all, by rules, or by rules and later by a language model too."""


@dataclass(frozen=True, slots=True)
class Gleaner:
    """Finds what turns state."""

    mode: Mode
    recorder: Recorder
    tagger: Callable[[], Tagger | None]
    """The one that is ready now."""

    def begin(self, thread: Thread, said_at: datetime) -> Gleaning | None:
        """None if nothing is to be found.

        Where a language model reads later, no tagger is asked: to see what was deleted since, what a message stated is
        read out of it once more (`extract.sources`), and the features alone read the same every time.
        """
        if self.mode == "off":
            return None
        llm = self.mode == "llm"
        return Gleaning(thread, said_at, self.recorder, None if llm else self.tagger(), llm=llm)


class Gleaning:
    """The statements of one turn; what takes a while is read on the recorder's thread from now on."""

    def __init__(
        self, thread: Thread, said_at: datetime, recorder: Recorder, tagger: Tagger | None, *, llm: bool
    ) -> None:
        """`llm`: a language model is to read the turn too, later."""
        self._thread, self._recorder, self._llm = thread, recorder, llm
        self._work = partial(gleaned, thread, said_at, recorder, tagger, time.monotonic() + PATIENCE)
        long = sum(len(message.text) for message in thread.learn) > SHORT
        beside = thread.learn and (long or tagger)
        self._begun: Future[Learnt] | None = recorder.read(self._work) if beside else None

    def submit(self, turn: Turn) -> asyncio.Task[bool]:
        """Begin to record the turn: one that was answered with its statements, as soon as they are found."""
        if turn.state != "complete":
            if self._begun:
                self._begun.cancel()
            return self._recorder.submit(turn)
        if self._begun is None:
            return self._recorder.submit(self._with(turn, self._work()))
        return self._recorder.submit_read(self._begun, partial(self._with, turn))

    def _with(self, turn: Turn, learnt: Learnt) -> Turn:
        learn = tuple((m, learnt[m.chain]) for m in self._thread.learn if m.chain in learnt)
        return replace(turn, learn=learn, extract=self._llm and bool(learn))


def gleaned(thread: Thread, said_at: datetime, recorder: Recorder, tagger: Tagger | None, until: float) -> Learnt:
    """A message that cannot be read is told to the recorder and left out. `until`: by time.monotonic(), when the tagger
    is not asked any more."""
    found: Learnt = {}
    places = {message.chain: at for at, message in enumerate(thread.messages)}
    closely = {message.chain for message in thread.learn[-CLOSELY:]} if tagger else set()
    for message in thread.learn:
        text, asked = stripped(message.text)[:MAX_LEARNT], _asked(thread, places.get(message.chain, 0))
        ways = (tagger, None) if message.chain in closely and time.monotonic() < until else (None,)
        for way in ways:
            try:
                found[message.chain] = statements(text, asked=asked, at=said_at, tagger=way)
                break
            except Exception:  # noqa: BLE001  # recording never breaks the relay
                recorder.fault("a message could not be read for statements")
    return found


def _asked(thread: Thread, at: int) -> str:
    """What the assistant said before the message at this place."""
    if at == 0:
        return stripped(thread.answered_before)
    before = thread.messages[at - 1]
    return stripped(before.text) if before.role == "assistant" else ""
