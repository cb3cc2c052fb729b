"""Several processes that serve one address: started, replaced when they die, and ended together."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from prometheus_client import multiprocess

QUICK = 10.0
"""Seconds: a worker that lived for less has failed to start."""
FAILURES = 5
"""Workers that may fail to start, one after the other, until all is given up."""
PAUSE = 1.0
"""Seconds before a worker is replaced."""

_log = logging.getLogger(__name__)


class Workers:
    """Processes that each run `work(*given)`, which has to be importable, and what it is given to be picklable.

    `counted` is the folder in which they count for /metrics, together.
    """

    def __init__(self, count: int, counted: Path, work: Callable[..., None], *given: Any) -> None:
        self._counted, self._work, self._given = counted, work, given
        self._count = count
        self._running: dict[SpawnProcess, float] = {}
        """Each with the time of its start."""
        self._failures = 0
        self._stopping = False

    def run(self) -> int:
        """Serve until a signal, which every worker is sent; the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        while self._running or not self._stopping:
            while len(self._running) < self._count and not self._stopping:
                self._start()
            for process in [process for process in self._running if process.sentinel in self._ended()]:
                self._bury(process)
        return 1 if self._failures >= FAILURES else 0

    def _start(self) -> None:
        process = multiprocessing.get_context("spawn").Process(target=_begin, args=(self._work, *self._given))
        process.start()
        self._running[process] = time.monotonic()
        if self._stopping:  # the signal came meanwhile
            process.terminate()

    def _ended(self) -> list[Any]:
        return wait([process.sentinel for process in self._running])

    def _bury(self, process: SpawnProcess) -> None:
        """Take note that a worker has ended, and make room for the next one."""
        begun = self._running.pop(process)
        process.join()
        multiprocess.mark_process_dead(process.pid, str(self._counted))  # type: ignore[no-untyped-call]
        if self._stopping:
            return
        _log.warning("a worker ended and is replaced", extra={"status": process.exitcode})
        self._failures = self._failures + 1 if time.monotonic() - begun < QUICK else 0
        if self._failures >= FAILURES:
            _log.error("workers end again and again: giving up")
            self._stop()
        else:
            time.sleep(PAUSE)

    def _stop(self, *_: object) -> None:
        """A first signal drains, a second one ends the workers at once."""
        self._stopping = True
        for process in list(self._running):
            process.terminate()


def _begin(work: Callable[..., None], *given: Any) -> None:
    """Run the work in a new process, which ends when the one that began it does."""
    os.setsid()  # a signal of the terminal is passed on by whoever started this, and shall not come twice
    threading.Thread(target=_watch, name="parent", daemon=True).start()
    work(*given)


def _watch() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.kill(os.getpid(), signal.SIGTERM)
