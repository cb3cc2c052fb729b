"""What a later statement corrects is no longer told, stays in the history, and is found again by its time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import benchmarks
from tests.calls import ask, at
from tests.clients import Served, block_of, serve
from tests.unit.test_changes_said import CHANGES as CHANGES_SAID
from tests.unit.test_changes_said import UNRELATED

FOLDER = Path(benchmarks.__file__).parent
DIALOGUES = [json.loads(line) for line in (FOLDER / "dialogues.jsonl").read_text().splitlines()]
PLAIN = 60
"""Pairs of the unit tests that are told as wholes."""
EVERYDAY = 349
"""Of the dialogues, in order: worded as most people would. Those behind them, odder, are for benchmarks.corrected."""
CHANGES = [dialogue for dialogue in DIALOGUES[:EVERYDAY] if dialogue["over"]][::4]
NO_CHANGES = [dialogue for dialogue in DIALOGUES[:EVERYDAY] if not dialogue["over"]][::3]
BEGUN = datetime(2024, 5, 10, 14, tzinfo=UTC)
CHANGES_UNDERSTOOD, OTHERS_UNDERSTOOD = 0.88, 0.95
"""Shares that have to be understood: people put changes in more ways than are known, and an old memory that stays does
less harm than a true one that goes."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("corrected"), embedder={"kind": "auto"}) as served:
        yield served


def tell(served: Served, entity: str, dialogue: dict[str, Any]) -> None:
    """The user's messages, a day after each other."""
    for number, text in enumerate(dialogue["say"]):
        when = (BEGUN + timedelta(days=number)).isoformat()
        served.ask(text, entity, headers={"X-Memory-Time": when, "X-Session-Id": f"s{number}"})


def plain(text: str) -> str:
    return " ".join(text.casefold().split())


def about(words: str) -> str:
    """A question with these words in another order: what is in the very request is not recalled."""
    return f"What about {' '.join(reversed(words.split()))}?"


def told(served: Served, entity: str, words: str) -> str:
    """The block that a new session gets."""
    served.ask(about(words), entity, headers={"X-Memory": "read"})
    return plain(block_of(served.upstream.last))


def understood(served: Served, entity: str, dialogue: dict[str, Any]) -> bool:
    """Whether a new session is told what holds, and nothing that is over."""
    prompts = [told(served, entity, words) for words in (*dialogue["current"], *dialogue["over"])]
    return all(plain(words) in prompt for words, prompt in zip(dialogue["current"], prompts, strict=False)) and not any(
        plain(words) in prompt for words in dialogue["over"] for prompt in prompts
    )


def closed(served: Served) -> None:
    """Wait until what the messages end is closed: one thing after the other, before a later message has vectors."""
    served.gateway.settle()
    served.ask("Good evening.", "somebody else")
    served.gateway.settle()


def misunderstood(served: Served, name: str, dialogues: list[dict[str, Any]]) -> list[list[str]]:
    """What was said in those dialogues that are not understood when the background work is done."""
    for number, dialogue in enumerate(dialogues):
        tell(served, f"{name}-{number}", dialogue)
    closed(served)
    return [each["say"] for number, each in enumerate(dialogues) if not understood(served, f"{name}-{number}", each)]


def test_a_new_session_is_told_the_current_value_only(served: Served) -> None:
    wrong = misunderstood(served, "change", CHANGES)
    assert len(wrong) <= (1 - CHANGES_UNDERSTOOD) * len(CHANGES), wrong


def test_what_only_looks_like_a_change_leaves_both(served: Served) -> None:
    wrong = misunderstood(served, "both", NO_CHANGES)
    assert len(wrong) <= (1 - OTHERS_UNDERSTOOD) * len(NO_CHANGES), wrong


def test_plain_changes_are_understood_each_one(served: Served) -> None:
    pairs = dict(enumerate(CHANGES_SAID[:PLAIN]))
    for number, pair in pairs.items():
        tell(served, f"plain-{number}", {"say": pair})
    closed(served)
    wrong = [pair for number, pair in pairs.items() if not replaced(served, f"plain-{number}", *pair)]
    assert not wrong


def replaced(served: Served, entity: str, before: str, now: str) -> bool:
    """Whether a new session is told the current one alone, the history shows both, and as of then the old one is
    found."""
    prompts = [told(served, entity, words) for words in (now, before)]
    memories = listed(served, entity)
    old = memories[before]
    history = ask(served.gateway, "GET", at("memories", old["id"], "history"))["history"]
    [new] = [text for text, memory in memories.items() if memory["id"] == history[-1]["by"]]
    query = {"entity": entity, "query": before, "as_of": (BEGUN + timedelta(hours=1)).isoformat()}
    then = [memory["text"] for memory in ask(served.gateway, "POST", "/api/recall", query)["memories"]]
    return (
        plain(new) in prompts[0]
        and not any(plain(before) in prompt for prompt in prompts)
        and (old["status"], memories[new]["status"]) == ("superseded", "active")
        and before in then
    )


def test_what_plainly_changes_nothing_leaves_each_one(served: Served) -> None:
    pairs = dict(enumerate(UNRELATED[:PLAIN]))
    for number, pair in pairs.items():
        tell(served, f"beside-{number}", {"say": pair})
    closed(served)
    wrong = [
        pair
        for number, pair in pairs.items()
        if not all(plain(words) in told(served, f"beside-{number}", words) for words in pair)
    ]
    assert not wrong


def test_what_no_rule_knows_is_closed_in_the_background_and_can_be_opened_again(served: Served) -> None:
    tell(served, "ben", {"say": ["I work nights at the mill.", "They put me on days at the mill now."]})
    closed(served)
    old = listed(served, "ben")["I work nights at the mill."]
    assert old["status"] == "superseded"
    assert old["valid_to"].startswith("2024-05-11T14")
    ask(served.gateway, "PATCH", at("memories", old["id"]), {"status": "active"})
    assert listed(served, "ben")["I work nights at the mill."]["status"] == "active"


def test_of_many_statements_of_one_message_the_one_that_is_over_is_found(served: Served) -> None:
    first = "My name is Ana. I live in Leeds. We drive a Volvo, and my mother has a Fiat. My cat is Tom. I keep bees."
    tell(served, "kim", {"say": [first, "I got married, so it's Ana Castellan now."]})
    closed(served)
    assert [text for text, one in listed(served, "kim").items() if one["status"] != "active"] == ["My name is Ana."]


def test_what_else_a_superseded_statement_says_is_kept(served: Served) -> None:
    tell(
        served,
        "lea",
        {"say": ["My cat is named Biscuit, she has been deaf since birth.", "The cat's name is Waffle now."]},
    )
    tell(
        served,
        "max",
        {"say": ["I rent a studio in Ankara, its my third year as a translator.", "I live in Izmir now."]},
    )
    closed(served)
    cat, home = listed(served, "lea"), listed(served, "max")
    assert cat["My cat is named Biscuit, she has been deaf since birth."]["status"] == "superseded"
    assert cat["My cat, she has been deaf since birth."]["status"] == "active"
    assert home["its my third year as a translator."]["status"] == "active"
    assert "deaf since birth" in told(served, "lea", "since birth deaf")
    assert "biscuit" not in told(served, "lea", "since birth deaf")


def test_what_stands_is_over_only_by_what_the_user_states(served: Served) -> None:
    tell(served, "eve", {"say": ["My name is Eve.", "I got married, so it's Eve Castellan now."]})
    quoted = "I work in HR. Proofread this: I got married, so my name is Maria Castellan now."
    tell(served, "ida", {"say": ["My name is Ida.", quoted]})
    closed(served)
    changed, kept = listed(served, "eve"), listed(served, "ida")
    assert changed["My name is Eve."]["status"] == "superseded"
    assert any(one["standing"] for text, one in changed.items() if "Castellan" in text)
    assert (kept["My name is Ida."]["status"], kept["I work in HR."]["standing"]) == ("active", False)


def listed(served: Served, entity: str) -> dict[str, Any]:
    found = ask(served.gateway, "GET", at("memories") + f"?entity={entity}")
    return {memory["text"]: memory for memory in found["memories"]}


def test_the_history_shows_both_and_as_of_finds_the_old_one(served: Served) -> None:
    tell(served, "ana", {"say": ["I live in Porto.", "I moved to Lisbon."]})
    query = {"entity": "ana", "query": "Did I live in Porto, or have I moved to Lisbon?"}
    now = ask(served.gateway, "POST", "/api/recall", query)
    assert [memory["text"] for memory in now["memories"]] == ["I moved to Lisbon."]
    then = ask(served.gateway, "POST", "/api/recall", query | {"as_of": (BEGUN + timedelta(hours=1)).isoformat()})
    (old,) = then["memories"]
    assert old["text"] == "I live in Porto."
    history = ask(served.gateway, "GET", at("memories", old["id"], "history"))
    assert [(event["event"], event["by"]) for event in history["history"]] == [
        ("made", None),
        ("superseded", now["memories"][0]["id"]),
    ]
