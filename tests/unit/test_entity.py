"""An entity's index in this process follows what happens to its memories."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.domain import Changes, Memory, Said
from gateway.entity import Entity
from tests.turns import BEGUN

pytestmark = pytest.mark.anyio


def memory(**more: object) -> Memory:
    text = "My locker code is 4711."
    found = Memory("m", 2, 0, "", "", "p", "s", "fact", text, "active", False, BEGUN, BEGUN, None, None, (1,))
    return replace(found, **more)  # type: ignore[arg-type]  # they fit


def known(*memories: Memory, said: tuple[Said, ...] = ()) -> Changes:
    return Changes(0, max(found.sequence for found in memories), 0, said, memories, ())


SAID = Said(1, "p", "s", "My locker code is 4711. I swim.", BEGUN)


async def told(entity: Entity, question: str) -> list[str]:
    """Texts of the memories that are active and found."""
    ranked = await entity.rank(question, None, datetime.now(UTC), None)
    lines = entity.lines(question, [], ranked, lambda found: found.status == "active", set(), 4000)
    return [line.text for line in lines]


async def test_an_edited_memory_is_found_by_its_new_text_only() -> None:
    entity = Entity()
    entity.apply(known(memory(), memory(id="n", text="I swim."), said=(SAID,)))
    edited = memory(sequence=4, key=4, sources=(), text="My badge number is 2468.")
    entity.apply(known(edited))
    assert (await told(entity, "What is my badge number?"))[0] == "My badge number is 2468."
    assert (await told(entity, "What is my locker code?"))[0] == "I swim."  # all that its message states now


async def test_of_a_deleted_memory_nothing_is_left() -> None:
    entity = Entity()
    alone = memory(key=2, sources=(), text="My gate code is CANARY.")
    entity.apply(known(alone))
    assert await told(entity, "What is my gate code?") == ["My gate code is CANARY."]
    entity.apply(known(replace(alone, sequence=5, key=0, text="", status="deleted")))
    assert await told(entity, "What is my gate code? CANARY") == []
    assert "canary" not in repr(entity).lower()
    assert "canary" not in repr(vars(entity.index)).lower()


async def test_what_a_message_stated_and_is_over_finds_nothing_else_of_it() -> None:
    entity = Entity()
    said = Said(1, "p", "s", "My dog is called Biscuit. I live in Porto.", BEGUN)
    dog = memory(id="dog", text="My dog is called Biscuit.", status="superseded", valid_to=BEGUN)
    entity.apply(known(dog, memory(id="home", text="I live in Porto."), said=(said,)))

    async def telling(question: str) -> int:
        ranked = await entity.rank(question, None, datetime.now(UTC), None)
        return len(entity.telling(question, ranked, lambda found: found.status == "active", set()))

    assert await telling("What is my dog called?") == 0
    assert await telling("Where do I live?") == 1
    assert await telling("Which dog food can I buy where I live?") == 1
