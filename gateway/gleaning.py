"""What the new messages of a thread state: found at once where they are short, else while the upstream answers."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from functools import partial

from gateway.domain import Statement, Turn
from gateway.extract.local import statements
from gateway.prompt import stripped
from gateway.recorder import Recorder
from gateway.sessions import Thread

SHORT = 2000
"""Characters of all messages that are cut into statements on the event loop: a few milliseconds."""
MAX_LEARNT = 200_000
"""Characters of a message that statements are looked for in."""

Learnt = dict[bytes, tuple[Statement, ...]]
"""Statements by the chain of their message."""


class Gleaning:
    """The statements of one turn; long messages are read on the recorder's thread from now on."""

    def __init__(self, thread: Thread, said_at: datetime, recorder: Recorder, *, llm: bool) -> None:
        """`llm`: a language model is to read the turn too, later."""
        self._thread, self._recorder, self._llm = thread, recorder, llm
        self._work = partial(gleaned, thread, said_at, recorder)
        long = sum(len(message.text) for message in thread.learn) > SHORT
        self._begun: Future[Learnt] | None = recorder.read(self._work) if long else None

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


def gleaned(thread: Thread, said_at: datetime, recorder: Recorder) -> Learnt:
    """A message that cannot be read is told to the recorder and left out."""
    found: Learnt = {}
    places = {message.chain: at for at, message in enumerate(thread.messages)}
    for message in thread.learn:
        try:
            asked = _asked(thread, places.get(message.chain, 0))
            found[message.chain] = statements(stripped(message.text)[:MAX_LEARNT], asked=asked, at=said_at)
        except Exception:  # noqa: BLE001  # recording never breaks the relay
            recorder.fault("a message could not be read for statements")
    return found


def _asked(thread: Thread, at: int) -> str:
    """What the assistant said before the message at this place."""
    if at == 0:
        return stripped(thread.answered_before)
    before = thread.messages[at - 1]
    return stripped(before.text) if before.role == "assistant" else ""
