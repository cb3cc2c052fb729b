"""What a message may have made untrue, and closing it, in any store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain import RETRACTION, Ended, Learnt, Memory, Scope, Statement, Triple
from gateway.store import Left, Superseded, Unencoded
from gateway.store.library import Edit, Wanted
from gateway.store.sql_store import SqlStore
from tests.turns import BEGUN, Conversation

pytestmark = pytest.mark.anyio

ALICE = Scope("default", "alice", "support", "s1")
MODEL = "model"
PACKED = bytes(8) + bytes([1, 2, 3, 4])
"""A header, and a vector of four dimensions."""


class Talk:
    """Says things to a store, a minute after each other or at given minutes, and encodes what was said."""

    def __init__(self, store: SqlStore, scope: Scope = ALICE, *, closed: bool = False) -> None:
        self.store, self.closed = store, closed
        self.conversation = Conversation(scope)

    async def say(
        self,
        text: str,
        minute: int | None = None,
        *,
        standing: bool = False,
        triples: tuple[Triple, ...] = (),
        ends: tuple[Ended, ...] = (),
    ) -> Unencoded:
        states = (Statement(text, "fact", triples=triples, ends=ends, standing=standing),)
        turn = self.conversation.turn(text, states=states)
        at = turn.said_at if minute is None else BEGUN + timedelta(minutes=minute)
        await self.store.record(replace(turn, said_at=at, closed=self.closed))
        waiting = await self.store.unencoded(100)
        await self.store.keep_encodings(MODEL, [(each, [PACKED]) for each in waiting])
        return next(each for each in waiting if each.text == text)


async def rivals(store: SqlStore, message: Unencoded) -> tuple[list[str], list[str]]:
    found = await store.contested(message.scope, message.key, MODEL, 4)
    return [each.text for each in found.stated], [each.text for each in found.older]


async def memories(store: SqlStore) -> dict[str, Memory]:
    return {memory.text: memory for memory in (await store.changes(ALICE, 0, None)).memories}


async def names(store: SqlStore, *texts: str) -> list[str]:
    known = await memories(store)
    return [known[text].id for text in texts]


async def test_what_was_said_before_is_a_rival_newest_first_with_its_vector(store: SqlStore) -> None:
    talk = Talk(store)
    for text in ("I work nights.", "I like tea."):
        await talk.say(text)
    message = await talk.say("They put me on days.")
    await talk.say("I like jam.")
    assert await rivals(store, message) == (["They put me on days."], ["I like tea.", "I work nights."])
    older = (await store.contested(message.scope, message.key, MODEL, 4)).older
    assert older[0].vectors == (PACKED[8:],)


async def test_what_was_said_later_and_recorded_earlier_is_no_rival(store: SqlStore) -> None:
    talk = Talk(store)
    await talk.say("I work nights.", 10)
    message = await talk.say("They put me on days.", 5)
    assert await rivals(store, message) == (["They put me on days."], [])


async def test_explicit_and_fenced_memories_are_no_rivals(store: SqlStore) -> None:
    talk = Talk(store)
    await Talk(store, replace(ALICE, process="diary"), closed=True).say("I work in secret.")
    explicit = Learnt(Statement("I work nights.", "fact"), BEGUN, "support", "s1", origin="api")
    await store.library.add("default", "alice", explicit)
    message = await talk.say("They put me on days.")
    assert (await rivals(store, message))[1] == []
    for text in ("I work in secret.", "I work nights."):
        assert not await store.supersede(ALICE, *await names(store, text, "They put me on days."), standing=False)


async def test_what_has_ended_something_by_rule_has_no_rivals(store: SqlStore) -> None:
    talk = Talk(store)
    await talk.say("I like tea.")
    await talk.say("I live in Leeds.", triples=(Triple("user", "lives in", "Leeds"),))
    moved = await talk.say(
        "I live in York.", triples=(Triple("user", "lives in", "York"),), ends=(Ended("user", "lives in"),)
    )
    found = await store.contested(moved.scope, moved.key, MODEL, 4)
    assert (found.older, [(each.text, each.by.text) for each in found.ended]) == (
        (),
        [("I live in Leeds.", "I live in York.")],
    )
    later = await talk.say("They put me on days.")
    assert await rivals(store, later) == (["They put me on days."], ["I live in York.", "I like tea."])


async def test_nothing_of_another_entity_is_a_rival(store: SqlStore) -> None:
    await Talk(store, replace(ALICE, entity="bob")).say("I work nights.")
    message = await Talk(store).say("They put me on days.")
    assert (await rivals(store, message))[1] == []


async def test_what_is_superseded_ends_when_the_later_one_was_said(store: SqlStore) -> None:
    talk = Talk(store)
    await talk.say("I work nights.")
    await talk.say("They put me on days.")
    before = (await store.changes(ALICE, 0, None)).sequence
    old, new = await names(store, "I work nights.", "They put me on days.")
    assert await store.supersede(ALICE, old, new, standing=False)
    (changed,) = (await store.changes(ALICE, before, None)).memories
    assert (changed.status, changed.valid_to) == ("superseded", (await memories(store))["They put me on days."].said_at)
    history = await store.library.history("default", "alice", old)
    assert [(each.event, each.by) for each in history] == [("made", None), ("superseded", new)]


async def test_what_takes_the_place_of_a_standing_memory_stands_too(store: SqlStore) -> None:
    talk = Talk(store)
    await talk.say("Call me Al.", standing=True)
    message = await talk.say("It's Alexandra from here on.")
    (older,) = (await store.contested(message.scope, message.key, MODEL, 4)).older
    assert (older.text, older.standing) == ("Call me Al.", True)
    before = (await store.changes(ALICE, 0, None)).sequence
    old, new = await names(store, "Call me Al.", "It's Alexandra from here on.")
    assert not await store.supersede(ALICE, old, new, standing=False)
    assert await store.supersede(ALICE, old, new, standing=True)
    changed = {each.text: each for each in (await store.changes(ALICE, before, None)).memories}
    assert changed["Call me Al."].status == "superseded"
    assert changed["It's Alexandra from here on."].standing
    assert [each.event for each in await store.library.history("default", "alice", new)] == ["made", "edited"]


async def test_what_was_opened_again_is_not_closed_by_the_same_memory(store: SqlStore) -> None:
    talk = Talk(store)
    await talk.say("I work nights.")
    message = await talk.say("They put me on days.")
    old, new = await names(store, "I work nights.", "They put me on days.")
    assert await store.supersede(ALICE, old, new, standing=False)
    assert not await store.supersede(ALICE, old, new, standing=False)
    await store.library.edit("default", "alice", old, Edit(status="active"))
    assert (await rivals(store, message))[1] == ["I work nights."]
    assert not await store.supersede(ALICE, old, new, standing=False)
    assert (await memories(store))["I work nights."].status == "active"


async def test_what_was_said_again_meanwhile_stays(store: SqlStore) -> None:
    talk = Talk(store)
    await talk.say("I work nights.")
    await talk.say("They put me on days.")
    await talk.say("I work nights.")
    assert not await store.supersede(
        ALICE, *await names(store, "I work nights.", "They put me on days."), standing=False
    )


async def test_what_is_gone_closes_nothing(store: SqlStore) -> None:
    talk = Talk(store)
    await talk.say("I work nights.")
    await talk.say("They put me on days.")
    old, new = await names(store, "I work nights.", "They put me on days.")
    await store.library.edit("default", "alice", new, Edit(status="superseded"))
    assert not await store.supersede(ALICE, old, new, standing=False)
    assert not await store.supersede(replace(ALICE, entity="nobody"), old, new, standing=False)


async def test_what_is_left_of_a_superseded_memory_holds_from_then_on(store: SqlStore) -> None:
    talk = Talk(store)
    cat = (Triple("cat", "name", "Biscuit"), Triple("cat", "is", "deaf"))
    first = await talk.say("My cat is Biscuit, she is deaf.", triples=cat)
    await talk.say("She is Waffle now.")
    old, new = await names(store, "My cat is Biscuit, she is deaf.", "She is Waffle now.")
    assert await store.supersede(ALICE, old, new, standing=False, left=Left("My cat, she is deaf.", False))
    known = await memories(store)
    left = known["My cat, she is deaf."]
    assert (left.status, left.sources, left.key) == ("active", (first.key,), 0)
    assert left.triples == cat[1:]
    assert (left.said_at, left.valid_from) == (
        known["My cat is Biscuit, she is deaf."].said_at,
        known["She is Waffle now."].said_at,
    )


async def test_what_is_left_is_closed_by_what_ends_it(store: SqlStore) -> None:
    talk = Talk(store)
    await talk.say(
        "I live in Leeds, and I work at Boots.",
        triples=(Triple("user", "lives in", "Leeds"), Triple("user", "works at", "Boots")),
    )
    moved = await talk.say(
        "I live in York.", triples=(Triple("user", "lives in", "York"),), ends=(Ended("user", "lives in"),)
    )
    (ended,) = (await store.contested(moved.scope, moved.key, MODEL, 4)).ended
    assert await store.retain(ALICE, ended, Left("I work at Boots.", False))
    assert (await memories(store))["I work at Boots."].status == "active"
    await talk.say("I work at Lidl.", triples=(Triple("user", "works at", "Lidl"),), ends=(Ended("user", "works at"),))
    assert (await memories(store))["I work at Boots."].status == "superseded"


async def test_nothing_is_left_of_what_was_opened_again(store: SqlStore) -> None:
    talk = Talk(store)
    await talk.say("I live in Leeds.", triples=(Triple("user", "lives in", "Leeds"),))
    moved = await talk.say(
        "I live in York.", triples=(Triple("user", "lives in", "York"),), ends=(Ended("user", "lives in"),)
    )
    (ended,) = (await store.contested(moved.scope, moved.key, MODEL, 4)).ended
    await store.library.edit("default", "alice", ended.memory, Edit(status="active"))
    assert not await store.retain(ALICE, ended, Left("I work at Boots.", False))
    assert not await store.retain(replace(ALICE, entity="bob"), ended, Left("I work at Boots.", False))


async def parted(store: SqlStore, *, triples: tuple[Triple, ...] = ()) -> tuple[Superseded, str]:
    """A memory that a rule has ended in part, and what is left of it."""
    talk = Talk(store)
    cat = Triple("cat", "name", "Biscuit")
    await talk.say("My cat is Biscuit, she takes insulin.", triples=(cat, *triples))
    renamed = await talk.say(
        "My cat is Waffle.", triples=(Triple("cat", "name", "Waffle"),), ends=(Ended("cat", "name"),)
    )
    (ended,) = (await store.contested(renamed.scope, renamed.key, MODEL, 4)).ended
    return ended, "My cat, she takes insulin."


async def test_what_is_left_is_kept_once(store: SqlStore) -> None:
    ended, left = await parted(store)
    assert await store.retain(ALICE, ended, Left(left, False))
    assert not await store.retain(ALICE, ended, Left(left, False))
    history = await store.library.history("default", "alice", ended.memory)
    assert [(each.event, each.by) for each in history][2:] == [("parted", (await names(store, left))[0])]
    (name,) = await names(store, left)
    await store.library.judge("default", "alice", name, "outdated")
    assert not await store.retain(ALICE, ended, Left(left, False))
    assert (await memories(store))[left].status == "superseded"


@pytest.mark.parametrize("gone", ["My cat is Biscuit, she takes insulin.", "My cat, she takes insulin."])
async def test_a_memory_is_deleted_with_what_was_left_of_it(store: SqlStore, gone: str) -> None:
    ended, left = await parted(store)
    await store.retain(ALICE, ended, Left(left, False))
    (name,) = await names(store, gone)
    await store.library.judge("default", "alice", name, "private")
    assert {text for text, each in (await memories(store)).items() if each.status != "deleted"} == {"My cat is Waffle."}


@pytest.mark.parametrize("late", [False, True])
async def test_what_the_user_wants_forgotten_is_not_left(store: SqlStore, late: bool) -> None:
    ended, left = await parted(store, triples=(Triple("cat", "does", "take insulin"),))
    if not late:
        await store.retain(ALICE, ended, Left(left, False))
    forget = Statement("Forget that my cat takes insulin.", "rule", refused=RETRACTION)
    turn = Conversation(ALICE).turn(
        forget.text, states=(replace(forget, ends=(Ended("cat", "does", "take insulin"),)),)
    )
    await store.record(replace(turn, said_at=BEGUN + timedelta(days=1), closed=False))
    if late:
        await store.retain(ALICE, ended, Left(left, False))
    assert (await memories(store))[left].status == "superseded"


@pytest.mark.parametrize("dates", ["2024", ["2024-05-03"], None, [{"words": 5}, {"words": "may"}]])
async def test_odd_metadata_does_not_hinder_what_is_left(store: SqlStore, dates: object) -> None:
    ended, left = await parted(store)
    await store.library.edit("default", "alice", ended.memory, Edit(metadata={"dates": dates, "note": 1}))
    assert await store.retain(ALICE, ended, Left(left, False))


async def test_nothing_is_left_of_what_was_made_by_other_means(store: SqlStore) -> None:
    explicit = Learnt(
        Statement("I live in Leeds, it rains.", "fact", triples=(Triple("user", "lives in", "Leeds"),)),
        *(BEGUN - timedelta(days=1), "support", "s1"),
        origin="llm",
    )
    await store.library.add("default", "alice", explicit)
    moved = await Talk(store).say(
        "I live in York.", triples=(Triple("user", "lives in", "York"),), ends=(Ended("user", "lives in"),)
    )
    assert (await memories(store))["I live in Leeds, it rains."].status == "superseded"
    assert (await store.contested(moved.scope, moved.key, MODEL, 4)).ended == ()


async def test_what_the_user_said_anyway_is_not_deleted_with_what_it_was_a_part_of(store: SqlStore) -> None:
    await Talk(store, replace(ALICE, session="s2")).say("My cat, she takes insulin.")
    ended, left = await parted(store)
    assert await store.retain(ALICE, ended, Left(left, False))
    assert not await store.retain(ALICE, ended, Left(left, False))
    assert await store.library.delete("default", "alice", Wanted(ids=(ended.memory,))) == 1
    assert (await memories(store))[left].status == "active"


async def test_what_was_left_and_written_anew_is_not_deleted_with_what_it_was_a_part_of(store: SqlStore) -> None:
    ended, left = await parted(store)
    await store.retain(ALICE, ended, Left(left, False))
    (name,) = await names(store, left)
    await store.library.edit("default", "alice", name, Edit(Statement("Waffle sleeps in the barn.", "fact")))
    await store.library.delete("default", "alice", Wanted(ids=(ended.memory,)))
    assert (await memories(store))["Waffle sleeps in the barn."].status == "active"


async def test_deleted_parts_are_counted(store: SqlStore) -> None:
    ended, left = await parted(store)
    await store.retain(ALICE, ended, Left(left, False))
    assert await store.library.delete("default", "alice", Wanted(ids=(ended.memory,))) == 2
