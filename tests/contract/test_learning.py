"""Repetition and correction, in any store: what holds, what is over, and since when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain import USER, Dated, Ended, Memory, Scope, Statement, Triple
from gateway.store import Store
from tests.turns import BEGUN, Conversation

pytestmark = pytest.mark.anyio

ALICE = Scope("default", "alice", "support", "s1")


def home(city: str) -> Statement:
    return Statement(
        f"I live in {city}.", "fact", triples=(Triple(USER, "lives in", city),), ends=(Ended(USER, "lives in"),)
    )


def pet(name: str) -> Statement:
    return Statement(f"My dog is called {name}.", "fact", triples=(Triple(USER, "dog", name),))


class Talk:
    """Says things to a store, a minute after each other or at given minutes."""

    def __init__(self, store: Store, scope: Scope = ALICE, *, closed: bool = False) -> None:
        self.store, self.closed = store, closed
        self.conversation = Conversation(scope)

    async def say(self, *statements: Statement, minute: int | None = None) -> None:
        turn = self.conversation.turn(" ".join(statement.text for statement in statements), states=statements)
        at = turn.said_at if minute is None else BEGUN + timedelta(minutes=minute)
        await self.store.record(replace(turn, said_at=at, closed=self.closed))

    async def memories(self) -> dict[str, Memory]:
        """By text; of several with one text the newest."""
        changes = await self.store.changes(ALICE, 0, None)
        return {memory.text: memory for memory in changes.memories}

    async def holds(self) -> list[str]:
        return [text for text, memory in (await self.memories()).items() if memory.status == "active"]


async def test_what_is_over_without_a_successor_closes_every_value(store: Store) -> None:
    talk = Talk(store)
    await talk.say(pet("Rex"))
    await talk.say(Statement("I have no dogs any more.", "fact", ends=(Ended(USER, "dog"),)))
    assert await talk.holds() == ["I have no dogs any more."]


async def test_a_new_value_takes_the_place_of_the_old_one(store: Store) -> None:
    talk = Talk(store)
    await talk.say(home("Porto"))
    await talk.say(home("Lisbon"))
    memories = await talk.memories()
    old, new = memories["I live in Porto."], memories["I live in Lisbon."]
    assert (old.status, old.valid_to) == ("superseded", new.valid_from)
    assert (new.status, new.valid_to) == ("active", None)
    assert old.valid_from < new.valid_from


async def test_a_change_is_told_to_who_knew_the_old_value(store: Store) -> None:
    talk = Talk(store)
    await talk.say(home("Porto"))
    before = (await store.changes(ALICE, 0, None)).sequence
    await talk.say(home("Lisbon"))
    changed = (await store.changes(ALICE, before, None)).memories
    assert {memory.text: memory.status for memory in changed} == {
        "I live in Porto.": "superseded",
        "I live in Lisbon.": "active",
    }


async def test_many_values_stay_beside_each_other(store: Store) -> None:
    talk = Talk(store)
    await talk.say(pet("Rex"))
    await talk.say(pet("Max"))
    assert await talk.holds() == ["My dog is called Rex.", "My dog is called Max."]


async def test_the_same_value_in_other_words_ends_nothing(store: Store) -> None:
    talk = Talk(store)
    await talk.say(home("Porto"))
    await talk.say(replace(home("porto"), text="Porto is where I live."))
    assert len(await talk.holds()) == 2


async def test_a_named_object_ends_alone(store: Store) -> None:
    talk = Talk(store)
    await talk.say(pet("Rex"), pet("Max"))
    await talk.say(Statement("Rex died.", "event", ends=(Ended(USER, "dog", "rex"),)))
    assert await talk.holds() == ["My dog is called Max.", "Rex died."]


async def test_a_thing_that_is_gone_ends_whatever_was_said_with_it(store: Store) -> None:
    talk = Talk(store)
    await talk.say(
        Statement("I train at The Arch.", "fact", triples=(Triple(USER, "trains", "The Arch"),)),
        Statement("I drink tea at the arch.", "fact", triples=(Triple(USER, "drinks tea at", "the arch"),)),
        Statement("I like The Arch.", "preference", triples=(Triple(USER, "likes", "The Arch"),)),
        Statement("Tom trains at The Arch.", "person", triples=(Triple("Tom", "trains", "The Arch"),)),
        Statement("I train at Pump.", "fact", triples=(Triple(USER, "trains", "Pump"),)),
    )
    await talk.say(Statement("The Arch has closed.", "event", ends=(Ended(USER, "", "The Arch"),)))
    assert await talk.holds() == [
        "I like The Arch.",
        "Tom trains at The Arch.",
        "I train at Pump.",
        "The Arch has closed.",
    ]


async def test_a_thing_that_is_gone_is_gone_for_what_is_filled_in_after_it(store: Store) -> None:
    talk = Talk(store)
    await talk.say(Statement("Rex died.", "event", ends=(Ended(USER, "", "Rex"),)), minute=100)
    likes = Statement("I like Rex.", "preference", triples=(Triple(USER, "likes", "Rex"),))
    await talk.say(pet("Rex"), pet("Max"), likes, minute=10)
    assert sorted(await talk.holds()) == ["I like Rex.", "My dog is called Max.", "Rex died."]


async def test_what_was_over_holds_again_when_it_is_said_again(store: Store) -> None:
    talk = Talk(store)
    for city in ("Porto", "Lisbon", "Porto"):
        await talk.say(home(city))
    assert await talk.holds() == ["I live in Porto."]
    memories = (await store.changes(ALICE, 0, None)).memories
    assert sorted((memory.text, memory.status) for memory in memories) == [
        ("I live in Lisbon.", "superseded"),
        ("I live in Porto.", "active"),
        ("I live in Porto.", "superseded"),
    ]


async def test_what_is_said_later_about_earlier_is_over_at_once(store: Store) -> None:
    """History is filled in after the fact: the order of saying counts, not that of recording."""
    talk = Talk(store)
    await talk.say(home("Lisbon"), minute=100)
    await talk.say(home("Porto"), minute=10)
    memories = await talk.memories()
    assert await talk.holds() == ["I live in Lisbon."]
    assert memories["I live in Porto."].valid_to == memories["I live in Lisbon."].valid_from


async def test_a_retraction_reaches_what_is_filled_in_after_it(store: Store) -> None:
    talk = Talk(store)
    await talk.say(Statement("Rex died.", "event", ends=(Ended(USER, "dog", "Rex"),)), minute=100)
    await talk.say(pet("Rex"), pet("Max"), minute=10)
    await talk.say(pet("Rex"), minute=200)
    held = await talk.holds()
    assert sorted(held) == ["My dog is called Max.", "My dog is called Rex.", "Rex died."]


async def test_a_correction_does_not_leave_its_process_where_that_is_closed(store: Store) -> None:
    open_talk = Talk(store)
    await open_talk.say(home("Porto"))
    await Talk(store, replace(ALICE, process="diary", session="d"), closed=True).say(home("Lisbon"))
    assert await open_talk.holds() == ["I live in Porto.", "I live in Lisbon."]


async def test_a_correction_does_not_reach_another_entity(store: Store) -> None:
    talk = Talk(store)
    await talk.say(home("Porto"))
    await Talk(store, replace(ALICE, entity="bob")).say(home("Lisbon"))
    await Talk(store, replace(ALICE, tenant="other")).say(home("Lisbon"))
    assert await talk.holds() == ["I live in Porto."]


async def test_a_refused_statement_is_kept_apart_and_ends_nothing(store: Store) -> None:
    talk = Talk(store)
    await talk.say(home("Porto"))
    await talk.say(replace(home("Lisbon"), refused="instruction"))
    assert await talk.holds() == ["I live in Porto."]
    assert (await talk.memories())["I live in Lisbon."].status == "quarantined"


async def test_edges_come_with_their_memory(store: Store) -> None:
    talk = Talk(store)
    await talk.say(home("Porto"), pet("Rex"))
    memories = await talk.memories()
    assert memories["I live in Porto."].triples == (Triple(USER, "lives in", "Porto"),)
    assert memories["My dog is called Rex."].triples == (Triple(USER, "dog", "Rex"),)


async def test_a_statement_that_is_found_alone_waits_for_vectors_of_its_own(store: Store) -> None:
    talk = Talk(store)
    answer = Statement("Do you play the cello? Yes.", "skill", alone=True, dates=(Dated("2019", "2019"),))
    await talk.say(answer)
    (memory,) = (await talk.memories()).values()
    waiting = await store.unencoded(10)
    assert await store.waiting() == 2
    assert [(text.key, text.text) for text in waiting if text.key == memory.key] == [(memory.key, answer.text)]
    await store.keep_encodings("e", [(text, [b"packed"]) for text in waiting])
    assert await store.waiting() == 0
    assert (memory.key, 0, b"packed") in (await store.changes(ALICE, 0, "e")).encodings
    assert await store.encoded_by_others("f") == 2
    assert await store.forget_encodings("f") == 2
    assert await store.waiting() == 2
