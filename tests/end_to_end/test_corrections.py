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

FOLDER = Path(benchmarks.__file__).parent
DIALOGUES = [
    json.loads(line)
    for name in ("dialogues.jsonl", "dialogues_held.jsonl")
    for line in (FOLDER / name).read_text().splitlines()
]
CHANGES = [dialogue for dialogue in DIALOGUES if dialogue["over"]]
NO_CHANGES = [dialogue for dialogue in DIALOGUES if not dialogue["over"]]
BEGUN = datetime(2024, 5, 10, 14, tzinfo=UTC)
CHANGES_UNDERSTOOD, OTHERS_UNDERSTOOD = 0.88, 0.95
"""Shares that have to be understood: people put changes in more ways than any rules know."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("corrected"), embedder={"kind": "none"}) as served:
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


def test_a_new_session_is_told_the_current_value_only(served: Served) -> None:
    wrong = []
    for number, dialogue in enumerate(CHANGES):
        tell(served, f"change-{number}", dialogue)
        if not understood(served, f"change-{number}", dialogue):
            wrong.append(dialogue["say"])
    assert len(wrong) <= (1 - CHANGES_UNDERSTOOD) * len(CHANGES), wrong


def test_what_only_looks_like_a_change_leaves_both(served: Served) -> None:
    wrong = []
    for number, dialogue in enumerate(NO_CHANGES):
        tell(served, f"both-{number}", dialogue)
        if not understood(served, f"both-{number}", dialogue):
            wrong.append(dialogue["say"])
    assert len(wrong) <= (1 - OTHERS_UNDERSTOOD) * len(NO_CHANGES), wrong


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
