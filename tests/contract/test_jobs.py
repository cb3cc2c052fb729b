"""What waits for a language model, in any store: one row however much waits, one claim at a time, results only once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain import NOBODY, USER, Ended, Memory, Scope, Statement, Triple
from gateway.store.jobs import Batch, Digest, Fact, Findings, Job, Jobs, Link, Retraction
from gateway.store.sql_store import SqlStore
from tests.turns import Conversation, fact

pytestmark = pytest.mark.anyio

ALICE = Scope("default", "alice", "support", "s1")
IDLE, LEASE = 5.0, 60.0


@dataclass
class Waiting:
    """A store, what waits in it, and a clock that is set by hand."""

    store: SqlStore
    jobs: Jobs
    now: datetime

    def later(self, seconds: float = IDLE + 1) -> None:
        self.now = max(self.now, datetime.now(UTC)) + timedelta(seconds=seconds)

    async def say(self, conversation: Conversation, text: str, *states: Statement, closed: bool = False) -> None:
        turn = conversation.turn(text, states=states or (fact(text),))
        await self.store.record(replace(turn, extract=True, closed=closed))

    async def claim(self, only: list[Scope] | None = None) -> Job | None:
        return await self.jobs.claim(self.now, IDLE, LEASE, only)

    async def claimed(self) -> Job:
        """The next job, after a quiet while."""
        self.later()
        job = await self.claim()
        assert job
        return job

    async def batch(self, job: Job) -> Batch:
        return await self.jobs.batch(job, 100, 100_000)

    async def memories(self, entity: str = "alice") -> dict[str, Memory]:
        changes = await self.store.changes(replace(ALICE, entity=entity), 0, None)
        return {memory.text: memory for memory in changes.memories}

    async def holds(self, entity: str = "alice") -> list[str]:
        return [text for text, memory in (await self.memories(entity)).items() if memory.status == "active"]


@pytest.fixture
async def waiting(store: SqlStore) -> Waiting:
    return Waiting(store, store.jobs, datetime.now(UTC))


def stated(text: str, *sources: int, said_at: datetime | None = None, replaces: tuple[str, ...] = ()) -> Fact:
    return Fact(fact(text), sources, "s1", said_at or datetime.now(UTC), replaces)


async def test_what_waits_is_claimed_once_it_is_quiet(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a kayak.")
    assert await waiting.claim() is None
    job = await waiting.claimed()
    assert (job.scope, job.attempts, job.model, job.closed) == (replace(ALICE, session=None), 0, "m", False)
    assert [(m.role, m.text) for m in (await waiting.batch(job)).messages] == [
        ("user", "I own a kayak."),
        ("assistant", "Noted."),
    ]


async def test_what_is_never_quiet_is_claimed_after_a_while(waiting: Waiting) -> None:
    talk = Conversation(ALICE)
    await waiting.say(talk, "I own a kayak.")
    await waiting.say(talk, "I own a canoe.")
    waiting.later(IDLE * 13)
    await waiting.say(talk, "I own a yacht.")
    assert await waiting.claim()


@pytest.mark.timeout(300)
async def test_ten_thousand_turns_that_nobody_reads_are_one_row(waiting: Waiting) -> None:
    talks = [Conversation(replace(ALICE, process=f"p{number % 2}", session=f"s{number}")) for number in range(20)]
    for number in range(0, 500, 5):
        turns = [
            talk.turn(f"I own boat {number + i}.", states=[fact("I own a boat.")]) for talk in talks for i in range(5)
        ]
        await asyncio.gather(*(waiting.store.record(replace(turn, extract=True)) for turn in turns))
    assert await waiting.jobs.counts() == (2, 0)
    job = await waiting.claimed()
    assert len((await waiting.jobs.batch(job, 40, 100_000)).messages) == 80


async def test_turns_that_are_not_to_be_read_make_no_job(waiting: Waiting) -> None:
    await waiting.store.record(Conversation(ALICE).turn("I own a kayak.", states=[fact("I own a kayak.")]))
    assert await waiting.jobs.counts() == (0, 0)


async def test_reading_begins_with_the_first_turn_that_is_to_be_read(waiting: Waiting) -> None:
    talk = Conversation(ALICE)
    await waiting.say(talk, "I own a kayak.")
    job = await waiting.claimed()
    await waiting.jobs.finish(job, job.upto, Findings())
    await waiting.store.record(talk.turn("I own a canoe.", states=[fact("I own a canoe.")]))
    await waiting.say(talk, "I own a yacht.")
    said = [m.text for m in (await waiting.batch(await waiting.claimed())).messages if m.role == "user"]
    assert said == ["I own a yacht."]


async def test_of_an_entity_one_job_at_a_time_and_the_oldest_first(waiting: Waiting) -> None:
    for process in ("b", "a"):
        await waiting.say(Conversation(replace(ALICE, process=process)), f"I own {process}.")
    await waiting.say(Conversation(replace(ALICE, entity="bob", process="c")), "I own c.")
    first, second = await waiting.claimed(), await waiting.claim()
    assert second
    assert [(job.scope.entity, job.scope.process) for job in (first, second)] == [("alice", "b"), ("bob", "c")]
    assert await waiting.claim() is None
    assert await waiting.jobs.finish(first, first.upto, Findings())
    third = await waiting.claim()
    assert third
    assert third.scope.process == "a"


async def test_only_what_is_named_is_claimed(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a kayak.")
    waiting.later()
    assert await waiting.claim([]) is None
    assert await waiting.claim([replace(ALICE, entity="bob")]) is None
    assert await waiting.claim([replace(ALICE, entity="bob"), ALICE])


async def test_a_batch_ends_within_its_limits_and_the_rest_comes_next(waiting: Waiting) -> None:
    talk = Conversation(ALICE)
    for number in range(5):
        await waiting.say(talk, f"I own boat number {number}.")
    read: list[list[str]] = []
    for said, characters in ((2, 1000), (9, 30), (9, 1000)):
        job = await waiting.claimed()
        batch = await waiting.jobs.batch(job, said, characters)
        read.append([message.text[-2] for message in batch.messages if message.role == "user"])
        assert await waiting.jobs.finish(job, batch.upto, Findings())
    assert read == [["0", "1"], ["2"], ["3", "4"]]
    assert await waiting.jobs.counts() == (0, 0)


async def test_results_come_with_their_sources_and_a_key_of_their_own(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a red kayak.")
    job = await waiting.claimed()
    batch = await waiting.batch(job)
    digest = Digest("s1", "Kayak", "Talk of a kayak.")
    findings = Findings((stated("My kayak is red.", batch.upto),), digests=(digest,))
    assert await waiting.jobs.finish(job, batch.upto, findings)
    found = (await waiting.memories())["My kayak is red."]
    assert (found.status, found.sources, found.learnt_process) == ("active", (batch.upto,), "support")
    assert found.key > 0
    assert await waiting.jobs.counts() == (0, 0)


async def test_a_claim_that_was_taken_over_writes_nothing(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a red kayak.")
    lost = await waiting.claimed()
    waiting.later(LEASE + 1)
    held = await waiting.claim()
    assert held
    assert held.fence > lost.fence
    findings = Findings((stated("My kayak is red.", lost.upto),))
    assert not await waiting.jobs.finish(lost, lost.upto, findings)
    assert not await waiting.jobs.release(lost, waiting.now)
    assert await waiting.jobs.fail(lost, lost.upto, "late", waiting.now, 1) == "again"
    assert await waiting.holds() == ["I own a red kayak."]
    assert await waiting.jobs.finish(held, held.upto, findings)
    assert not await waiting.jobs.finish(held, held.upto, findings)
    assert await waiting.holds() == ["I own a red kayak.", "My kayak is red."]


async def test_a_claim_that_is_renewed_holds_longer(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a red kayak.")
    job = await waiting.claimed()
    waiting.later(LEASE - 1)
    assert await waiting.jobs.renew(job, waiting.now + timedelta(seconds=LEASE))
    waiting.later(LEASE - 1)
    assert await waiting.claim() is None
    waiting.later(2)
    assert await waiting.claim()


async def test_a_claim_that_nobody_took_over_may_be_renewed_late(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a red kayak.")
    job = await waiting.claimed()
    waiting.later(LEASE + 1)
    assert await waiting.jobs.renew(job, waiting.now + timedelta(seconds=LEASE))
    assert await waiting.claim() is None
    assert await waiting.jobs.finish(job, job.upto, Findings())


async def test_a_claim_that_is_not_held_is_not_renewed(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a red kayak.")
    lost = await waiting.claimed()
    waiting.later(LEASE + 1)
    held = await waiting.claim()
    assert held
    far = waiting.now + timedelta(days=1)
    assert not await waiting.jobs.renew(lost, far)
    waiting.later(LEASE + 1)
    held = await waiting.claim()
    assert held
    assert await waiting.jobs.finish(held, held.upto, Findings())
    assert not await waiting.jobs.renew(held, far)
    await waiting.say(Conversation(replace(ALICE, session="s2")), "I own a canoe.")
    job = await waiting.claimed()
    await waiting.store.library.erase("default", "alice")
    assert not await waiting.jobs.renew(job, far)


async def test_a_worker_that_is_gone_gives_up_its_claim(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a red kayak.")
    lost = await waiting.claimed()
    assert await waiting.claim() is None
    await waiting.jobs.recover()
    assert await waiting.claim()
    assert not await waiting.jobs.finish(lost, lost.upto, Findings())


async def test_an_entity_that_was_erased_gets_nothing_back(waiting: Waiting) -> None:
    talk = Conversation(ALICE)
    await waiting.say(talk, "I own a red kayak.")
    job = await waiting.claimed()
    await waiting.store.library.erase("default", "alice")
    findings = Findings((stated("My kayak is red.", job.upto),))
    assert not await waiting.jobs.finish(job, job.upto, findings)
    assert await waiting.jobs.counts() == (0, 0)
    turn = Conversation(replace(ALICE, session="s2")).turn("I own a canoe.", states=[fact("I own a canoe.")])
    await waiting.store.record(replace(turn, started_at=datetime.now(UTC), extract=True))
    assert not await waiting.jobs.finish(job, job.upto, findings)
    assert await waiting.holds() == ["I own a canoe."]


async def test_nothing_is_learnt_from_a_message_that_lost_a_statement(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a red kayak.")
    job = await waiting.claimed()
    (message, _) = (await waiting.batch(job)).messages
    (memory,) = (await waiting.memories()).values()
    assert await waiting.store.library.judge("default", "alice", memory.id, "private")
    findings = Findings((stated("My kayak is red.", job.upto),), stated=((message.key, message.stated),))
    assert await waiting.jobs.finish(job, job.upto, findings)
    assert await waiting.holds() == []


async def test_attempts_are_counted_and_the_last_one_parks(waiting: Waiting) -> None:
    talk = Conversation(ALICE)
    await waiting.say(talk, "I own a red kayak.")
    for attempt in range(3):
        job = await waiting.claimed()
        assert job.attempts == attempt
        outcome = await waiting.jobs.fail(job, job.upto, "junk", waiting.now + timedelta(seconds=10), 3)
        assert outcome == ("parked" if attempt == 2 else "again")
        assert await waiting.claim() is None
        waiting.later(10)
    await waiting.say(talk, "I own a blue canoe.")
    said = [m.text for m in (await waiting.batch(await waiting.claimed())).messages if m.role == "user"]
    assert said == ["I own a blue canoe."]
    (parked,) = await waiting.jobs.parked(ALICE)
    assert (parked.error, parked.attempts, parked.again) == ("junk", 3, False)


async def test_a_parked_batch_can_be_read_again(waiting: Waiting) -> None:
    talk = Conversation(ALICE)
    await waiting.say(talk, "I own a red kayak.")
    job = await waiting.claimed()
    assert await waiting.jobs.fail(job, job.upto, "junk", waiting.now, 1) == "parked"
    await waiting.say(talk, "I own a blue canoe.")
    (parked,) = await waiting.jobs.parked(ALICE)
    assert await waiting.jobs.requeue(parked)
    assert not await waiting.jobs.requeue(parked)
    again = await waiting.claimed()
    batch = await waiting.batch(again)
    assert again.again
    assert [m.text for m in batch.messages if m.role == "user"] == ["I own a red kayak."]
    assert await waiting.jobs.finish(again, batch.upto, Findings((stated("My kayak is red.", batch.upto),)))
    assert await waiting.jobs.parked(ALICE) == []
    rest = await waiting.claimed()
    assert [m.text for m in (await waiting.batch(rest)).messages if m.role == "user"] == ["I own a blue canoe."]


async def test_a_requeued_batch_that_fails_again_is_parked_again(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a red kayak.")
    job = await waiting.claimed()
    await waiting.jobs.fail(job, job.upto, "junk", waiting.now, 1)
    (parked,) = await waiting.jobs.parked(ALICE)
    await waiting.jobs.requeue(parked)
    again = await waiting.claimed()
    assert await waiting.jobs.fail(again, again.upto, "other", waiting.now, 5) == "parked"
    (parked,) = await waiting.jobs.parked(ALICE)
    assert (parked.error, parked.attempts, parked.again) == ("other", 2, False)
    assert await waiting.jobs.counts() == (0, 1)


async def test_the_calls_of_a_day_are_counted_for_entity_and_tenant(waiting: Waiting) -> None:
    for entity in ("alice", "bob"):
        await waiting.say(Conversation(replace(ALICE, entity=entity)), "I own a kayak.")
    alice, bob = await waiting.claimed(), await waiting.claim()
    assert bob
    noon = datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert [await waiting.jobs.spend(alice, noon, 2, 3) for _ in range(3)] == [True, True, False]
    assert [await waiting.jobs.spend(bob, noon, 2, 3) for _ in range(2)] == [True, False]
    assert await waiting.jobs.spend(bob, noon + timedelta(days=1), 2, 3)


async def test_what_replaces_a_memory_closes_it(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I live in Porto.")
    old = (await waiting.memories())["I live in Porto."]
    job = await waiting.claimed()
    new = stated("I live in Lisbon.", job.upto, replaces=(old.id,))
    retold = replace(stated("I live in Rome.", job.upto, said_at=old.said_at - timedelta(days=1)), replaces=(old.id,))
    assert await waiting.jobs.finish(job, job.upto, Findings((new, retold)))
    memories = await waiting.memories()
    assert memories["I live in Porto."].valid_to == memories["I live in Lisbon."].valid_from
    assert await waiting.holds() == ["I live in Lisbon."]


async def test_a_fact_that_is_older_than_what_it_replaces_is_over(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I live in Porto.")
    current = (await waiting.memories())["I live in Porto."]
    job = await waiting.claimed()
    late = stated("I live in Rome.", job.upto, said_at=current.said_at - timedelta(days=1), replaces=(current.id,))
    assert await waiting.jobs.finish(job, job.upto, Findings((late,)))
    assert await waiting.holds() == ["I live in Porto."]


async def test_a_correction_of_a_statement_reaches_what_was_read_out_of_it(waiting: Waiting) -> None:
    def home(city: str) -> Statement:
        edge, ended = Triple(USER, "lives in", city), Ended(USER, "lives in")
        return Statement(f"I live in {city}.", "fact", triples=(edge,), ends=(ended,))

    talk = Conversation(ALICE)
    await waiting.say(talk, "I live in Porto.", home("Porto"))
    job = await waiting.claimed()
    said_at = (await waiting.memories())["I live in Porto."].said_at
    reading = stated("My home is Porto, in the north.", job.upto, said_at=said_at)
    assert await waiting.jobs.finish(job, job.upto, Findings((reading,)))
    await waiting.say(talk, "I live in Lisbon.", home("Lisbon"))
    assert await waiting.holds() == ["I live in Lisbon."]


async def test_merged_memories_become_one_with_all_their_sources(waiting: Waiting) -> None:
    talk = Conversation(ALICE)
    await waiting.say(talk, "My dog is Rex.")
    await waiting.say(talk, "Rex is my dog!", fact("Rex is my dog!"))
    before = await waiting.memories()
    job = await waiting.claimed()
    ids = tuple(memory.id for memory in before.values())
    merged = Fact(fact("My dog is called Rex."), (), "s1", datetime.now(UTC), ids, merges=True)
    stale = Fact(fact("Rex the dog."), (), "s1", datetime.now(UTC), ids, merges=True)
    assert await waiting.jobs.finish(job, job.upto, Findings((merged, stale)))
    assert await waiting.holds() == ["My dog is called Rex."]
    sources = {key for memory in before.values() for key in memory.sources}
    assert set((await waiting.memories())["My dog is called Rex."].sources) == sources


async def test_what_was_taken_back_no_longer_holds(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I smoke.")
    old = (await waiting.memories())["I smoke."]
    job = await waiting.claimed()
    early = Retraction(old.id, old.said_at - timedelta(seconds=1))
    late = Retraction(old.id, old.said_at + timedelta(seconds=1))
    assert await waiting.jobs.finish(job, job.upto, Findings(retractions=(early,)))
    assert await waiting.holds() == ["I smoke."]
    await waiting.say(Conversation(replace(ALICE, session="s2")), "Forget that.")
    job = await waiting.claimed()
    assert await waiting.jobs.finish(job, job.upto, Findings(retractions=(late,)))
    assert (await waiting.memories())["I smoke."].valid_to == late.said_at


async def test_an_edge_goes_to_the_memory_that_names_its_object(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "Maria builds turbines at Siemens.")
    job = await waiting.claimed()
    edge = Triple("Maria", "works at", "Siemens")
    elsewhere = Triple("Maria", "works at", "Bosch")
    links = (Link(edge, (job.upto,)), Link(edge, (job.upto,)), Link(elsewhere, (job.upto,)))
    assert await waiting.jobs.finish(job, job.upto, Findings(links=links))
    assert (await waiting.memories())["Maria builds turbines at Siemens."].triples == (edge,)


async def test_an_attribute_is_proposed_once_and_belongs_to_nobody(waiting: Waiting) -> None:
    talk = Conversation(ALICE)
    for text in ("I own a kayak.", "I own a canoe."):
        await waiting.say(talk, text)
        job = await waiting.claimed()
        assert await waiting.jobs.finish(job, job.upto, Findings(attributes=("Handles boat rentals.",)))
    assert "Handles boat rentals." not in await waiting.memories()
    (memory,) = (await waiting.memories(NOBODY)).values()
    assert (memory.status, memory.process, memory.learnt_session) == ("proposed", "support", "")


async def test_what_a_closed_process_learns_stays_in_it(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a kayak.")
    job = await waiting.claimed()
    await waiting.jobs.finish(job, job.upto, Findings())
    await waiting.say(Conversation(replace(ALICE, process="diary")), "I own a secret canoe.", closed=True)
    job = await waiting.claimed()
    assert job.closed
    assert [memory.text for memory in await waiting.jobs.memories(job, 10)] == ["I own a secret canoe."]
    outside = (await waiting.memories())["I own a kayak."]
    fact_ = stated("My canoe is secret.", job.upto, replaces=(outside.id,))
    assert await waiting.jobs.finish(job, job.upto, Findings((fact_,), (Retraction(outside.id, datetime.now(UTC)),)))
    assert "I own a kayak." in await waiting.holds()


async def test_repetition_by_the_model_counts_nothing(waiting: Waiting) -> None:
    await waiting.say(Conversation(ALICE), "I own a red kayak.")
    job = await waiting.claimed()
    assert await waiting.jobs.finish(job, job.upto, Findings((stated("i own a red KAYAK", job.upto),)))
    assert list(await waiting.memories()) == ["I own a red kayak."]
