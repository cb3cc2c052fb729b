"""What every store promises, whatever database is behind it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest

from gateway.domain import Block, Changes, Scope, Session
from gateway.errors import StoreError
from gateway.store import Answered, Store
from gateway.store.pages import Page
from gateway.wire.chat import ROOT
from tests.contract.conftest import Open
from tests.turns import BEGUN, Conversation, fact, message

pytestmark = pytest.mark.anyio

EMBEDDER = "scripted-model"
ALICE = Scope("acme", "alice", "support", "s1")


def foreign(scope: Scope) -> list[Scope]:
    """Every scope that differs from this one in one id, near misses among them."""
    return [
        replace(scope, tenant="Acme"),
        replace(scope, entity="Alice"),
        replace(scope, entity="alic%"),
        replace(scope, entity="*"),
        replace(scope, process="sales"),
        replace(scope, process=""),
        replace(scope, session="S1"),
    ]


async def known(store: Store, scope: Scope) -> Changes:
    return await store.changes(scope, 0, None)


# --- what was recorded is found ---------------------------------------------------------------------------------


async def test_a_recorded_turn_is_found_by_its_chains(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("My dog is called Biscuit."))
    places = await store.find(ALICE, [m.chain for m in talk.history])
    assert [place.message.chain for place in places] == [m.chain for m in talk.history]
    assert [place.message.raw for place in places] == [m.raw for m in talk.history]
    assert {place.session for place in places} == {"s1"}


async def test_a_recorded_turn_outlives_the_store(opened: Open) -> None:
    talk = Conversation(ALICE)
    await (await opened()).record(talk.turn("I live in Rome.", states=[fact("I live in Rome.")]))
    changes = await known(await opened(), ALICE)
    assert [memory.text for memory in changes.memories] == ["I live in Rome."]


async def test_found_messages_come_in_the_order_asked_for(store: Store) -> None:
    talk = Conversation(ALICE)
    for number in range(5):
        await store.record(talk.turn(f"Message {number}."))
    chains = [m.chain for m in talk.history]
    assert [place.message.chain for place in await store.find(ALICE, chains)] == chains
    assert [place.message.chain for place in await store.find(ALICE, chains[::-1])] == chains[::-1]


async def test_without_a_session_the_one_with_the_longest_common_history_is_found(store: Store) -> None:
    short, long = (Conversation(replace(ALICE, session=name)) for name in ("short", "long"))
    await store.record(long.turn("Hello there."))
    await store.record(long.turn("And more."))
    await store.record(short.turn("Hello there."))
    places = await store.find(replace(ALICE, session=None), [m.chain for m in long.history])
    assert [place.session for place in places] == ["long"] * 4


async def test_of_equal_histories_the_newest_thread_is_found(store: Store) -> None:
    for name in ("older", "newer"):
        await store.record(Conversation(replace(ALICE, session=name)).turn("Hello there."))
    chain = Conversation(ALICE).turn("Hello there.").messages[0].chain
    assert [p.session for p in await store.find(replace(ALICE, session=None), [chain])] == ["newer"]


async def test_a_long_history_is_found_though_only_its_start_is_known(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("The start."))
    chains = [m.chain for m in talk.history] + [bytes([n]) * 16 for n in range(200)]
    assert len(await store.find(replace(ALICE, session=None), chains)) == 2


async def test_nothing_is_found_for_no_chains(store: Store) -> None:
    await store.record(Conversation(ALICE).turn("Hello."))
    assert await store.find(ALICE, []) == []
    assert await store.find_link(ALICE, []) is None


async def test_a_link_finds_the_newest_message_that_follows_its_predecessor(store: Store) -> None:
    talk = Conversation(ALICE)
    for text in ("One.", "Two.", "Three."):
        await store.record(talk.turn(text))
    place = await store.find_link(ALICE, [talk.history[1].link, talk.history[3].link])
    assert place is not None
    assert place.message.chain == talk.history[3].chain
    assert place.message.parent == talk.history[2].chain


async def test_a_path_leads_from_the_start_to_its_message(store: Store) -> None:
    talk = Conversation(ALICE)
    for text in ("One.", "Two.", "Three."):
        await store.record(talk.turn(text))
    chains = [m.chain for m in talk.history]
    assert [m.chain for m in await store.path(ALICE, chains[-1], ROOT, 100)] == chains
    assert [m.chain for m in await store.path(ALICE, chains[3], ROOT, 100)] == chains[:4]
    assert [m.chain for m in await store.path(ALICE, chains[-1], chains[2], 100)] == chains[2:]
    assert [m.chain for m in await store.path(ALICE, chains[-1], ROOT, 3)] == chains[-3:]
    assert await store.path(ALICE, b"?" * 16, ROOT, 100) == []


async def test_a_path_follows_its_own_branch(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("Where to?"))
    start = list(talk.history)
    await store.record(talk.turn("To Paris."))
    talk.history = list(start)
    await store.record(talk.turn("To Tokyo."))
    path = await store.path(ALICE, talk.history[-1].chain, ROOT, 100)
    assert [m.raw for m in path] == [m.raw for m in talk.history]
    assert "Paris" not in str(path)


async def test_text_of_any_kind_comes_back_as_it_was(store: Store) -> None:
    talk = Conversation(ALICE)
    for text in ("null \x00 byte", "\u2028 and \U0001f9c0", "' \" -- ; % _ *", "x" * 300_000):
        await store.record(talk.turn(text, text))
    found = await store.find(ALICE, [m.chain for m in talk.history])
    assert [place.message.raw for place in found] == [m.raw for m in talk.history]


async def test_text_that_no_utf_8_can_hold_is_recorded_all_the_same(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("half an emoji: \ud83e", states=[fact("half an emoji: \ud83e")]))
    assert [memory.text for memory in (await known(store, ALICE)).memories] == ["half an emoji: ?"]


# --- sessions ---------------------------------------------------------------------------------------------------


async def test_a_session_is_unknown_before_its_first_turn(store: Store) -> None:
    assert await store.session(ALICE) is None


async def test_the_head_of_a_session_is_its_newest_reply(store: Store) -> None:
    talk = Conversation(ALICE)
    for text in ("One.", "Two."):
        await store.record(talk.turn(text))
    assert await store.session(ALICE) == Session("s1", talk.history[-1].chain, b"", sends_history=False)


async def test_the_head_of_a_session_that_began_with_a_block_is_its_newest_reply(store: Store) -> None:
    """The block is kept before the upstream is called, so its session is there when the first turn is recorded."""
    talk = Conversation(ALICE)
    turn = talk.turn("What is my dog called?")
    await store.keep_block(ALICE, Block(turn.messages[0].chain, "Remembered: …", ("m1",)), None)
    await store.record(turn)
    session = await store.session(ALICE)
    assert session is not None
    assert session.head == talk.history[-1].chain


async def test_a_turn_written_late_does_not_take_the_head_back(store: Store) -> None:
    talk = Conversation(ALICE)
    late, newer = talk.turn("One."), talk.turn("Two.")
    await store.record(newer)
    await store.record(late)
    session = await store.session(ALICE)
    assert session is not None
    assert newer.reply is not None
    assert session.head == newer.reply.chain


async def test_the_head_moves_though_the_clock_was_set_back(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("One."))
    talk.minutes = -600
    await store.record(talk.turn("Two."))
    session = await store.session(ALICE)
    assert session is not None
    assert session.head == talk.history[-1].chain


async def test_a_turn_that_could_not_be_placed_follows_the_newest_answer(store: Store) -> None:
    """While the store was out of reach nobody could tell where it belongs; its client sends no history."""
    talk = Conversation(ALICE)
    await store.record(talk.turn("I plan a trip to Tokyo."))
    for text in ("Yes.", "Yes."):
        await store.record(Conversation(ALICE).turn(text, states=[fact(text)]))
    session = await store.session(ALICE)
    assert session is not None
    path = await store.path(ALICE, session.head, ROOT, 100)
    assert [orjson.loads(m.raw)["content"] for m in path] == [
        *("I plan a trip to Tokyo.", "Noted."),
        *("Yes.", "Noted.") * 2,
    ]
    assert [len(memory.sources) for memory in (await known(store, ALICE)).memories] == [2]


async def test_a_thread_of_a_client_that_sends_history_begins_where_it_says(store: Store) -> None:
    await store.record(Conversation(ALICE).turn("I plan a trip to Tokyo.", sends_history=True))
    other = Conversation(ALICE)
    await store.record(other.turn("I plan a trip to Paris.", sends_history=True))
    path = await store.path(ALICE, other.history[-1].chain, ROOT, 100)
    assert [m.chain for m in path] == [m.chain for m in other.history]


async def test_a_failed_turn_leaves_the_head_where_it_was(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("One."))
    head = talk.history[-1].chain
    await store.record(talk.turn("Two.", None, state="error"))
    session = await store.session(ALICE)
    assert session is not None
    assert session.head == head


async def test_a_client_that_once_sent_history_is_remembered_as_such(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("One.", sends_history=True))
    await store.record(talk.turn("Two."))
    session = await store.session(ALICE)
    assert session is not None
    assert session.sends_history


# --- blocks -----------------------------------------------------------------------------------------------------


async def test_the_first_block_of_a_message_stays(store: Store) -> None:
    first, second = Block(b"c" * 16, "first", ("m1",)), Block(b"c" * 16, "second", ("m2",))
    assert await store.keep_block(ALICE, first, None) == first
    assert await store.keep_block(ALICE, second, None) == first
    assert await store.blocks(ALICE) == [first]


async def test_a_block_without_text_keeps_nothing(store: Store) -> None:
    empty = Block(b"c" * 16, "", ())
    assert await store.keep_block(ALICE, empty, None) == empty
    assert await store.blocks(ALICE) == []
    kept = await store.keep_block(ALICE, Block(b"c" * 16, "text", ()), None)
    assert await store.keep_block(ALICE, empty, None) == kept


async def test_blocks_come_in_the_order_they_were_kept(store: Store) -> None:
    kept = [Block(bytes([n]) * 16, f"block {n}", (f"m{n}",)) for n in (7, 3, 9, 1)]
    for block in kept:
        await store.keep_block(ALICE, block, None)
    assert await store.blocks(ALICE) == kept


async def test_the_start_of_the_replay_stays_until_it_is_moved(store: Store) -> None:
    nothing = Block(b"c" * 16, "", ())
    await store.record(Conversation(ALICE).turn("One."))
    await store.keep_block(ALICE, nothing, b"start")
    await store.keep_block(ALICE, nothing, None)
    assert await replay_from(store) == b"start"
    await store.keep_block(ALICE, nothing, b"later")
    assert await replay_from(store) == b"later"


async def replay_from(store: Store) -> bytes:
    session = await store.session(ALICE)
    assert session is not None
    return session.replay_from


# --- answers that the upstream keeps ----------------------------------------------------------------------------


async def test_a_turn_is_found_by_the_upstreams_id_of_its_answer(store: Store) -> None:
    talk = Conversation(ALICE)
    for text in ("One.", "Two."):
        await store.record(talk.turn(text))
    assert await store.answered(ALICE, "answer 1") == Answered("s1", talk.history[1].chain)
    assert await store.answered(replace(ALICE, session=None), "answer 2") == Answered("s1", talk.history[3].chain)
    assert await store.answered(ALICE, "answer 3") is None


async def test_a_turn_whose_answer_said_nothing_ends_with_what_was_asked(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("One.", None))
    assert await store.answered(ALICE, "answer 1") == Answered("s1", talk.history[0].chain)


# --- attempts ---------------------------------------------------------------------------------------------------


async def test_an_attempt_is_known_by_its_request(store: Store) -> None:
    talk = Conversation(ALICE)
    turn = talk.turn("One.", None, state="error")
    await store.record(turn)
    attempt = await store.attempt(ALICE, turn.request, BEGUN)
    assert attempt is not None
    assert (attempt.turn, attempt.session, attempt.anchor, attempt.complete) == (turn.id, "s1", ROOT, False)


async def test_an_attempt_recorded_too_long_ago_is_none(store: Store) -> None:
    turn = Conversation(ALICE).turn("One.")
    await store.record(turn)
    assert await store.attempt(ALICE, turn.request, datetime.now(UTC) + timedelta(seconds=1)) is None


async def test_a_retry_takes_the_place_of_the_attempt_before(store: Store) -> None:
    talk = Conversation(ALICE)
    failed = talk.turn("I live in Rome.", "I li", state="partial")
    await store.record(failed)
    talk.history.clear()
    retry = talk.turn("I live in Rome.", states=[fact("I live in Rome.")], replaces=failed.id)
    await store.record(retry)
    assert [place.message.raw for place in await store.find(ALICE, [m.chain for m in talk.history])] == [
        m.raw for m in talk.history
    ]
    assert failed.reply is not None
    assert await store.find(ALICE, [failed.reply.chain]) == []
    attempt = await store.attempt(ALICE, retry.request, BEGUN)
    assert attempt is not None
    assert attempt.turn == retry.id
    assert attempt.complete


async def test_a_retry_that_began_before_the_attempt_was_recorded_is_one_with_it(store: Store) -> None:
    for _ in range(3):
        talk = Conversation(ALICE)
        await store.record(talk.turn("I live in Rome.", states=[fact("I live in Rome.")], replaces=""))
    (memory,) = (await known(store, ALICE)).memories
    assert len(memory.sources) == 1
    session = await store.session(ALICE)
    assert session is not None
    assert len(await store.path(ALICE, session.head, ROOT, 100)) == 2


async def test_a_turn_replaces_none_of_another_process(store: Store) -> None:
    theirs = Conversation(replace(ALICE, process="sales"))
    turn = theirs.turn("One.", "A price.")
    await store.record(turn)
    await store.record(Conversation(ALICE).turn("One.", replaces=turn.id))
    assert len(await store.find(theirs.scope, [m.chain for m in theirs.history])) == 2
    assert await store.attempt(theirs.scope, turn.request, BEGUN) is not None


# --- memories ---------------------------------------------------------------------------------------------------


async def test_statements_become_memories_that_name_their_messages(store: Store) -> None:
    turn = Conversation(ALICE).turn(
        "I live in Rome. I like tea.", states=[fact("I live in Rome."), fact("I like tea.")]
    )
    await store.record(turn)
    changes = await known(store, ALICE)
    (said,) = changes.messages
    assert (said.text, said.process, said.session) == ("I live in Rome. I like tea.", "support", "s1")
    assert said.said_at == turn.said_at
    assert [memory.text for memory in changes.memories] == ["I live in Rome.", "I like tea."]
    for memory in changes.memories:
        assert memory.sources == (said.key,)
        assert (memory.process, memory.session) == ("", "")
        assert (memory.learnt_process, memory.learnt_session) == ("support", "s1")
        assert (memory.status, memory.said_at) == ("active", turn.said_at)


async def test_what_is_said_again_is_counted_and_not_doubled(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("I like tea.", states=[fact("I like tea.")]))
    (before,) = (await known(store, ALICE)).memories
    again = talk.turn("i like  TEA", states=[fact("i like  TEA")])
    await store.record(again)
    changes = await known(store, ALICE)
    (after,) = changes.memories
    assert (after.id, after.text) == (before.id, "I like tea.")
    assert after.said_at == again.said_at
    assert after.sequence > before.sequence
    assert after.sources == tuple(said.key for said in changes.messages)


async def test_a_turn_recorded_twice_is_recorded_once(store: Store) -> None:
    """A commit that failed on its way back is tried again."""
    turn = Conversation(ALICE).turn("I like tea.", states=[fact("I like tea.")])
    await store.record(turn)
    before = await known(store, ALICE)
    await store.record(turn)
    assert await known(store, ALICE) == before


async def test_a_message_is_learnt_from_once(store: Store) -> None:
    """Two answers to one message, both complete: it was still said once."""
    talk = Conversation(ALICE)
    await store.record(talk.turn("I like tea.", "One answer.", states=[fact("I like tea.")]))
    before = await known(store, ALICE)
    talk.history.clear()
    await store.record(talk.turn("I like tea.", "Another.", states=[fact("I like tea.")], sends_history=True))
    after = await known(store, ALICE)
    assert (after.messages, after.memories) == (before.messages, before.memories)


async def test_a_message_of_a_failed_turn_is_learnt_from_when_it_is_answered(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("I like tea.", None, state="error"))
    before = await known(store, ALICE)
    assert (before.messages, before.memories) == ((), ())
    talk.history.clear()
    await store.record(talk.turn("I like tea.", states=[fact("I like tea.")]))
    changes = await store.changes(ALICE, before.sequence, None)
    (memory,) = changes.memories
    assert memory.sources == (changes.messages[0].key,)


async def test_what_two_processes_learn_is_one_memory_with_two_sources(store: Store) -> None:
    for process in ("support", "sales"):
        scope = replace(ALICE, process=process)
        await store.record(Conversation(scope).turn("I like tea.", states=[fact("I like tea.")]))
    changes = await known(store, ALICE)
    (memory,) = changes.memories
    assert memory.sources == tuple(said.key for said in changes.messages)
    assert [said.process for said in changes.messages] == ["support", "sales"]


async def test_what_a_closed_process_learns_is_its_own(store: Store) -> None:
    for process in ("support", "diary"):
        scope = replace(ALICE, process=process)
        turn = Conversation(scope).turn("I like tea.", states=[fact("I like tea.")])
        await store.record(replace(turn, closed=process == "diary"))
    memories = (await known(store, ALICE)).memories
    assert [memory.learnt_process for memory in memories] == ["support", "diary"]


async def test_changes_after_a_sequence_number_are_only_the_later_ones(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("I like tea.", states=[fact("I like tea.")]))
    seen = await known(store, ALICE)
    assert await store.changes(ALICE, seen.sequence, None) == Changes(seen.epoch, seen.sequence, 0, (), (), ())
    await store.record(talk.turn("I like cake.", states=[fact("I like cake.")]))
    later = await store.changes(ALICE, seen.sequence, None)
    assert [said.text for said in later.messages] == ["I like cake."]
    assert [memory.text for memory in later.memories] == ["I like cake."]
    assert later.sequence > seen.sequence


async def test_every_change_has_a_number_of_its_own(store: Store) -> None:
    talks = [Conversation(replace(ALICE, process=f"p{n}", session=f"s{n}")) for n in range(8)]
    turns = [
        talk.turn(
            f"Round {i}.",
            states=[fact(f"Fact {i}a of {talk.scope.process}."), fact(f"Fact {i}b of {talk.scope.process}.")],
        )
        for i in range(6)
        for talk in talks
    ]
    await asyncio.gather(*(store.record(turn) for turn in turns))
    changes = await known(store, ALICE)
    numbers = [said.key for said in changes.messages] + [memory.sequence for memory in changes.memories]
    assert len(numbers) == 48 * 3
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) <= changes.sequence
    assert [said.key for said in changes.messages] == sorted(said.key for said in changes.messages)


async def test_a_reader_beside_a_writer_is_told_of_each_change_once(store: Store) -> None:
    talk = Conversation(ALICE)
    turns = [talk.turn(f"I own {n} cats.", states=[fact(f"I own {n} cats.")]) for n in range(300)]
    told: list[int] = []
    sequence = 0

    async def write() -> None:
        for turn in turns:
            await store.record(turn)

    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write())
        while True:
            done = writing.done()
            changes = await store.changes(ALICE, sequence, None)
            told += [said.key for said in changes.messages]
            assert all(memory.sequence <= changes.sequence for memory in changes.memories)
            sequence = changes.sequence
            if done:
                break
    assert len(told) == len(set(told)) == 300


# --- vectors ----------------------------------------------------------------------------------------------------


async def encode_all(store: Store, embedder: str = EMBEDDER) -> None:
    """Give every waiting message two vectors that say whose they are."""
    waiting = await store.unencoded(1000)
    await store.keep_encodings(embedder, [(m, [f"{embedder} {m.text} {n}".encode() for n in (0, 1)]) for m in waiting])


async def test_messages_wait_for_their_vectors_oldest_first(store: Store) -> None:
    for name in ("alice", "bob", "carol"):
        await store.record(Conversation(replace(ALICE, entity=name)).turn(f"I am {name}.", states=[fact("x")]))
    waiting = await store.unencoded(2)
    assert [(message.scope.entity, message.text) for message in waiting] == [
        ("alice", "I am alice."),
        ("bob", "I am bob."),
    ]
    assert await store.waiting() == 3
    await encode_all(store)
    assert (await store.unencoded(10), await store.waiting()) == ([], 0)


async def test_only_what_was_learnt_from_waits_for_vectors(store: Store) -> None:
    await store.record(Conversation(ALICE).turn("One.", None, state="error"))
    assert await store.waiting() == 0


async def test_vectors_are_a_change_of_their_message(store: Store) -> None:
    await store.record(Conversation(ALICE).turn("One.", states=[fact("One.")]))
    before = await store.changes(ALICE, 0, EMBEDDER)
    assert before.encodings == ()
    await encode_all(store)
    after = await store.changes(ALICE, before.sequence, EMBEDDER)
    assert (after.messages, after.memories) == ((), ())
    key = before.messages[0].key
    assert after.encodings == (
        (key, 0, f"{EMBEDDER} One. 0".encode()),
        (key, 1, f"{EMBEDDER} One. 1".encode()),
    )
    assert (await store.changes(ALICE, 0, None)).encodings == ()


async def test_vectors_of_two_embedders_never_meet(store: Store) -> None:
    talk = Conversation(ALICE)
    await store.record(talk.turn("One.", states=[fact("One.")]))
    await encode_all(store, "old")
    await store.record(talk.turn("Two.", states=[fact("Two.")]))
    await encode_all(store, "new")
    assert [packed for _, _, packed in (await store.changes(ALICE, 0, "new")).encodings] == [
        b"new Two. 0",
        b"new Two. 1",
    ]
    assert await store.encoded_by_others("new") == 1
    assert await store.forget_encodings("new") == 1
    assert [message.text for message in await store.unencoded(10)] == ["One."]
    await encode_all(store, "new")
    assert len((await store.changes(ALICE, 0, "new")).encodings) == 4


async def test_vectors_of_a_message_that_is_gone_are_passed_over(store: Store) -> None:
    await store.record(Conversation(ALICE).turn("One.", states=[fact("One.")]))
    (message,) = await store.unencoded(10)
    gone = [replace(message, key=999), replace(message, scope=replace(message.scope, entity="bob"))]
    await store.keep_encodings(EMBEDDER, [(item, [b"vector"]) for item in gone])
    assert (await store.changes(ALICE, 0, EMBEDDER)).encodings == ()
    assert (await store.changes(replace(ALICE, entity="bob"), 0, EMBEDDER)).encodings == ()


# --- scopes -----------------------------------------------------------------------------------------------------


async def recorded(store: Store) -> Conversation:
    talk = Conversation(ALICE)
    await store.record(talk.turn("One.", states=[fact("CANARY.")]))
    await store.record(talk.turn("Two."))
    await store.keep_block(ALICE, Block(talk.history[0].chain, "CANARY block", ("m",)), b"CANARY")
    await encode_all(store)
    return talk


Look = Callable[[Store, Scope, Conversation], Awaitable[object]]
LOOKS: dict[str, Look] = {
    "session": lambda store, scope, talk: store.session(scope),
    "attempt": lambda store, scope, talk: store.attempt(scope, Conversation(ALICE).turn("One.").request, BEGUN),
    "answered": lambda store, scope, talk: store.answered(scope, "answer 1"),
    "find": lambda store, scope, talk: store.find(scope, [m.chain for m in talk.history]),
    "find_link": lambda store, scope, talk: store.find_link(scope, [m.link for m in talk.history]),
    "path": lambda store, scope, talk: store.path(scope, talk.history[-1].chain, ROOT, 100),
    "blocks": lambda store, scope, talk: store.blocks(scope),
    "changes": lambda store, scope, talk: store.changes(scope, 0, EMBEDDER),
    "encoded": lambda store, scope, talk: store.encoded(scope, EMBEDDER, 0, 1000),
    "encodings": lambda store, scope, talk: store.encodings(scope, EMBEDDER, list(range(1000))),
}
"""Every method that reads, asked for what `recorded` left."""
WRITES = {"record", "add_usage", "keep_block", "keep_encodings"}
OF_ALL = {"unencoded", "waiting", "encoded_by_others", "forget_encodings"}
"""What the background work asks for all entities; no request reaches it."""
SHARED = {
    "attempt": ("session",),
    "changes": ("process", "session"),
    "encoded": ("process", "session"),
    "encodings": ("process", "session"),
}
"""Ids that a method does not look at, by what the store's interface says."""


ELSEWHERE = {"compared", "contested", "supersede", "retain"}
"""In test_large_entity and test_contesting."""


def test_every_method_of_a_store_is_walked_here() -> None:
    methods = {name for name, _ in inspect.getmembers(Store, inspect.isfunction) if not name.startswith("_")}
    assert methods == LOOKS.keys() | WRITES | OF_ALL | ELSEWHERE | {"close"}


@pytest.mark.parametrize("method", LOOKS)
async def test_no_method_returns_what_belongs_to_another_scope(store: Store, method: str) -> None:
    talk = await recorded(store)
    own = await LOOKS[method](store, ALICE, talk)
    assert own
    for scope in foreign(ALICE):
        differs = [
            key for key in ("tenant", "entity", "process", "session") if getattr(scope, key) != getattr(ALICE, key)
        ]
        if differs[0] in SHARED.get(method, ()):
            continue
        found = await LOOKS[method](store, scope, talk)
        assert found in (None, [], Changes(0, 0, 0, (), (), ())), scope


async def test_the_same_turn_in_many_scopes_leaves_each_its_own(store: Store) -> None:
    scopes = [ALICE, *foreign(ALICE)]
    for number, scope in enumerate(scopes):
        talk = Conversation(scope)
        await store.keep_block(scope, Block(b"c" * 16, f"block {number}", ()), bytes([number]))
        await store.record(talk.turn("One.", f"Answer {number}.", states=[fact(f"Fact {number}.")]))
    for number, scope in enumerate(scopes):
        (block,) = await store.blocks(scope)
        assert block.text == f"block {number}"
        session = await store.session(scope)
        assert session is not None
        assert session.replay_from == bytes([number])
        (_, answer) = await store.path(scope, session.head, ROOT, 10)
        assert f"Answer {number}." in answer.raw
    assert [m.text for m in (await known(store, foreign(ALICE)[0])).memories] == ["Fact 1."]


async def test_usage_goes_to_the_turn_of_its_scope_only(store: Store) -> None:
    turn = Conversation(ALICE).turn("One.")
    await store.record(turn)
    for scope in foreign(ALICE):
        await store.add_usage(replace(turn, scope=scope, usage={"total_tokens": 666}))
    assert await usage(store) == {"total_tokens": 10}
    await store.add_usage(replace(turn, usage={"total_tokens": 11}))
    assert await usage(store) == {"total_tokens": 11}


async def usage(store: Store) -> object:
    """The usage of alice's only turn."""
    found = await store.library.session(ALICE, Page())
    assert found
    (turn,) = found[1].items
    return turn.usage


# --- transactions -----------------------------------------------------------------------------------------------


async def test_one_bad_turn_among_many_harms_no_other(store: Store) -> None:
    talks = [Conversation(replace(ALICE, session=f"s{n}")) for n in range(20)]
    turns = [talk.turn("Hello.", states=[fact("Hello.")]) for talk in talks]
    turns[7] = replace(turns[7], learn=((message("user", "Never recorded."), ()),))
    turns[11] = replace(turns[11], timings={"memory": 2**70})
    outcomes = await asyncio.gather(*(store.record(turn) for turn in turns), return_exceptions=True)
    assert [number for number, outcome in enumerate(outcomes) if outcome is not None] == [7, 11]
    found = [await store.session(talk.scope) for talk in talks]
    assert [number for number, session in enumerate(found) if session is None] == [7, 11]
    assert store.healthy


async def test_the_store_goes_on_after_a_turn_that_it_cannot_hold(store: Store) -> None:
    talk = Conversation(ALICE)
    with pytest.raises((TypeError, ValueError, OverflowError)):
        await store.record(replace(talk.turn("One."), timings={"memory": 2**70}))
    talk.history.clear()
    await store.record(talk.turn("One."))
    assert await store.session(ALICE) is not None


async def test_cancelling_a_caller_loses_no_turn(store: Store) -> None:
    talk = Conversation(ALICE)
    turns = [talk.turn(f"Message {n}.") for n in range(40)]
    async with asyncio.TaskGroup() as group:
        for number, turn in enumerate(turns):
            recording = group.create_task(store.record(turn))
            await asyncio.sleep(0 if number % 2 else 0.001)
            recording.cancel()
    await store.record(talk.turn("The last."))  # in order: all before it are done
    assert len(await store.find(ALICE, [m.chain for m in talk.history])) == 82


async def test_turns_are_recorded_in_the_order_they_were_given(store: Store) -> None:
    talks = [Conversation(replace(ALICE, session=f"s{n}")) for n in range(150)]
    await asyncio.gather(*(store.record(talk.turn(f"I am number {n}.")) for n, talk in enumerate(talks)))
    said = [message.text for message in (await known(store, ALICE)).messages]
    assert said == [f"I am number {n}." for n in range(150)]


async def test_closing_finishes_what_was_submitted(opened: Open) -> None:
    store = await opened()
    talk = Conversation(ALICE)
    async with asyncio.TaskGroup() as group:
        for number in range(100):
            group.create_task(store.record(talk.turn(f"Message {number}.")))
        await asyncio.sleep(0)
        store = await opened()
    assert len(await store.find(ALICE, [m.chain for m in talk.history])) == 200


async def test_a_closed_store_refuses(opened: Open) -> None:
    store = await opened()
    await opened()
    with pytest.raises(StoreError):
        await store.session(ALICE)
    with pytest.raises(StoreError):
        await store.record(Conversation(ALICE).turn("One."))
