"""Extraction by a language model, in the background: what waits is claimed, read, held against its sources and kept."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol

from gateway.asking import Failed, Paused, Unauthorised
from gateway.config import ExtractConfig
from gateway.errors import StoreError
from gateway.extract.answer import Junk, read
from gateway.extract.llm import Question, question
from gateway.extract.operations import Sifted, sift
from gateway.keyring import Headers, Key, Keyring
from gateway.metrics import Metrics
from gateway.store.jobs import Batch, Findings, Job, Jobs

AT_ONCE = 4
"""Jobs in work, each of another entity: one that hangs does not keep the others."""
SAID = 40
CHARACTERS = 24_000
"""Messages of the user, and characters of all, that one call is about."""
SINGLY = 2
"""Failed attempts after which messages are read one by one, so that a bad one takes no others with it."""
KNOWN = 5_000
"""Newest memories that the nearest ones are looked for in."""
KEYS = 512
"""Callers' credentials that are tried for a job at once."""
POLL = 1.0
"""Longest seconds between two looks for work."""
AFTER_ERROR = 1.0
FIRST_PAUSE = 5.0
MAX_WAIT = 600.0
"""Seconds: before the next question to a server that did not say when, and the most before another attempt."""
LEASE = 30.0
"""Seconds that a claim holds; it is renewed while its job is worked on, so that those of a dead process end soon."""
RENEWALS = 3
"""In the seconds of a lease; the store may refuse some of them."""
MARGIN = 30.0
"""Seconds that a job may take besides its call, before it counts as hanging."""
GAUGES = 5.0
"""Seconds between two counts of what waits."""

_log = logging.getLogger(__name__)


class Asks(Protocol):
    """What the extractor needs of `Asker`."""

    async def ask(self, model: str, asked: Question, credentials: Headers) -> str:
        """The model's answer; raises Failed, Paused or Unauthorised."""


class Extractor:
    """Works on jobs, those of different entities at the same time, as long as it is entered.

    `keyring` has the callers' credentials; None: the upstream has one of its own. `busy` says that chats need the
    machine: nothing is begun then.
    """

    def __init__(
        self,
        jobs: Jobs,
        asks: Asks,
        config: ExtractConfig,
        metrics: Metrics,
        keyring: Keyring | None = None,
        busy: Callable[[], bool] = lambda: False,
        lease: float = LEASE,
    ) -> None:
        """`lease`: seconds that a claim holds without being renewed."""
        self._jobs, self._asks, self._config, self._metrics = jobs, asks, config, metrics
        self._keyring, self._busy, self._lease = keyring, busy, lease
        self._free = asyncio.Semaphore(AT_ONCE)
        self._tasks = asyncio.TaskGroup()
        self._running: asyncio.Task[None] | None = None
        self._working: set[asyncio.Task[None]] = set()
        self._paused_until = self._counted_at = 0.0
        self._pauses = 0

    async def __aenter__(self) -> Extractor:
        await self._tasks.__aenter__()
        self._running = self._tasks.create_task(self._run())
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._running is not None
        for task in (self._running, *self._working):
            task.cancel()
        await self._tasks.__aexit__(None, None, None)

    async def _run(self) -> None:
        recovered = False
        while True:
            await self._free.acquire()
            job = None
            try:
                if not recovered:
                    await self._jobs.recover()
                    recovered = True
                job = await self._claim()
                await self._count()
            except StoreError as error:
                _log.warning("extraction waits: the store refused", extra={"reason": str(error)})
                await asyncio.sleep(AFTER_ERROR)
            except Exception:  # noqa: BLE001  # the worker's loop goes on
                _log.exception("no job could be claimed")
                self._metrics.faults.labels("extraction").inc()
                await asyncio.sleep(AFTER_ERROR)
            if job:
                task = self._tasks.create_task(self._hold(job))
                self._working.add(task)
                task.add_done_callback(self._working.discard)
            else:
                self._free.release()
                await asyncio.sleep(min(POLL, self._config.idle / 2))

    async def _claim(self) -> Job | None:
        if self._busy() or time.monotonic() < self._paused_until:
            return None
        only = self._keyring.scopes(KEYS) if self._keyring else None
        return await self._jobs.claim(datetime.now(UTC), self._config.idle, self._lease, only)

    async def _renew(self, job: Job) -> None:
        """Keep the claim; whoever hangs loses it in the end."""
        end = time.monotonic() + self._config.timeout + MARGIN
        while time.monotonic() < end:
            await asyncio.sleep(self._lease / RENEWALS)
            try:
                if not await self._jobs.renew(job, datetime.now(UTC) + timedelta(seconds=self._lease)):
                    return
            except StoreError as error:
                _log.warning("a claim was not renewed: the store refused", extra={"reason": str(error)})
            except Exception:  # noqa: BLE001  # the worker's loop goes on
                _log.exception("a claim was not renewed")
                self._metrics.faults.labels("extraction").inc()

    async def _hold(self, job: Job) -> None:
        upto = job.upto
        renewing = self._tasks.create_task(self._renew(job))
        try:
            key = self._keyring.find(job.scope) if self._keyring else None
            if self._keyring and key is None:
                await self._jobs.release(job, datetime.now(UTC))
                return
            batch = await self._jobs.batch(job, SAID if job.attempts < SINGLY else 1, CHARACTERS)
            upto = batch.upto
            await self._work(job, batch, key)
        except StoreError as error:
            _log.warning("extraction waits: the store refused", extra={"reason": str(error)})
            with suppress(StoreError):  # else the claim ends by itself
                await self._jobs.release(job, datetime.now(UTC) + timedelta(seconds=AFTER_ERROR))
        except Exception:  # noqa: BLE001  # the worker's loop goes on
            _log.exception("extraction failed")
            self._metrics.faults.labels("extraction").inc()
            with suppress(StoreError):
                await self._fail(job, upto, "fault")
        finally:
            renewing.cancel()
            self._free.release()

    async def _work(self, job: Job, batch: Batch, key: Key | None) -> None:
        if not any(message.role == "user" for message in batch.messages):
            await self._jobs.finish(job, batch.upto, Findings())
            return
        asked = await asyncio.to_thread(question, batch, await self._jobs.memories(job, KNOWN))
        try:
            sifted = await self._answer(job, asked, key)
        except Paused as pause:
            await self._pause(job, pause)
        except Unauthorised:
            await self._turn_away(job, key)
        except Failed as failure:
            await self._fail(job, batch.upto, failure.error, failure.why)
        except Junk as junk:
            await self._fail(job, batch.upto, f"answer: {junk.why}", junk.why)
        else:
            if sifted:
                await self._keep(job, batch, sifted, key)

    async def _answer(self, job: Job, asked: Question, key: Key | None) -> Sifted | None:
        """What may be stored of the model's answer; None where the day's calls are used up."""
        model = self._config.model or job.model
        if model is None:
            raise Failed("status", 404)
        now = datetime.now(UTC)
        if not await self._jobs.spend(job, now, self._config.entity_calls, self._config.tenant_calls):
            self._metrics.extraction.labels("capped").inc()
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            await self._jobs.release(job, midnight + timedelta(seconds=random.uniform(0, 600)))  # noqa: S311
            return None
        try:
            async with asyncio.timeout(self._config.timeout):
                text = await self._asks.ask(model, asked, key.headers if key else ())
        except TimeoutError as error:
            raise Failed("timeout") from error
        self._pauses = 0
        return await asyncio.to_thread(lambda: sift(read(text), asked))

    async def _keep(self, job: Job, batch: Batch, sifted: Sifted, key: Key | None) -> None:
        kept = await self._jobs.finish(job, batch.upto, sifted.findings)
        self._metrics.extraction.labels("kept" if kept else "void").inc()
        for operation, count in sifted.refused.items():
            self._metrics.refused.labels(operation).inc(count)
        if self._keyring and key and batch.upto >= job.upto:
            self._keyring.drop(job.scope, key)

    async def _pause(self, job: Job, pause: Paused) -> None:
        """Leave the server alone; the job has lost no attempt."""
        self._metrics.extraction.labels("paused").inc()
        seconds = pause.seconds
        if seconds is None:
            seconds = min(FIRST_PAUSE * 2**self._pauses, MAX_WAIT)
            self._pauses = min(self._pauses + 1, 16)
        if not pause.of_the_caller:
            self._paused_until = max(self._paused_until, time.monotonic() + seconds)
            _log.warning("extraction pauses: its upstream takes nothing now", extra={"seconds": round(seconds, 1)})
        await self._jobs.release(job, datetime.now(UTC) + timedelta(seconds=seconds))

    async def _turn_away(self, job: Job, key: Key | None) -> None:
        """A caller's key that is refused is forgotten: the job waits for another; our own may be mended meanwhile."""
        self._metrics.extraction.labels("unauthorised").inc()
        if self._keyring and key:
            self._keyring.drop(job.scope, key)
            await self._jobs.release(job, datetime.now(UTC))
            return
        _log.warning("extraction pauses: its upstream refuses the key")
        self._paused_until = time.monotonic() + MAX_WAIT
        await self._jobs.release(job, datetime.now(UTC))

    async def _fail(self, job: Job, upto: int, error: str, why: str = "fault") -> None:
        """Count an attempt; the next one comes after a wait that grows fourfold, give or take a quarter."""
        self._metrics.extraction.labels(why).inc()
        seconds = min(self._config.idle * 4**job.attempts, MAX_WAIT) * random.uniform(0.75, 1.25)  # noqa: S311
        due = datetime.now(UTC) + timedelta(seconds=seconds)
        outcome = await self._jobs.fail(job, upto, error, due, self._config.attempts)
        if outcome == "parked":
            self._metrics.parked.inc()
            _log.warning("a batch of messages was not extracted: parked", extra={"error": error})

    async def _count(self) -> None:
        if time.monotonic() - self._counted_at > GAUGES:
            self._counted_at = time.monotonic()
            waiting, parked = await self._jobs.counts()
            self._metrics.jobs.labels("waiting").set(waiting)
            self._metrics.jobs.labels("parked").set(parked)
