"""Kinds and non-statements that are told by the fitted weights, where no rule knows the words."""

import time

import pytest

from gateway.extract.likely import LETTERS, verdicts
from gateway.extract.local import statements


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("My tenant, Mr. Szabo, is a violin teacher.", "person"),
        ("Mi hermana trabaja en un hospital.", "person"),
        ("I can't ride a horse.", "skill"),
        ("Ich kann nicht schwimmen.", "skill"),
        ("Orders above 80 euros ship free.", "rule"),
        ("Liver makes me gag.", "preference"),
        ("Marta and Kofi are my flatmates.", "relationship"),
        ("I tore a ligament on Sunday.", "event"),
        ("I host a weekly quiz.", "fact"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    assert [one.kind for one in statements(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "Dinner ideas for a cold evening",
        "Now in French.",
        "I'm not convinced.",
        "You are a seasoned copywriter with many clients.",
        'Rate my profile: "Hi, I\'m Gus, I like long walks and I have a boat."',
        "See you around!",
        "name,age,team\nIvo,31,red",
    ],
)
def test_requests_and_talk_are_no_statements(text: str) -> None:
    assert statements(text) == ()


def test_what_is_told_before_a_question_of_another_language_is_kept() -> None:
    found = statements("mi perro tiene miedo a los truenos, ¿qué hago?")
    assert [one.text for one in found] == ["mi perro tiene miedo a los truenos"]


def test_likelihoods_sum_to_one() -> None:
    [found] = verdicts([["^i", "nothing known"]], [0])
    assert found.kinds.keys() == set(LETTERS.values())
    assert sum(found.kinds.values()) == pytest.approx(1)


def test_a_piece_is_doubted_as_its_neighbours_of_the_sentence_are() -> None:
    told, unknown = ["^i", "own", "u:i", "x:states"], ["nothing known"]
    alone, _ = verdicts([unknown, told], [0, 1])
    beside, _ = verdicts([unknown, told], [0, 0])
    assert beside.doubt < alone.doubt


@pytest.mark.parametrize("piece", ['"', ",", "a,", ", was ", "my ", "¿", "Error:", "a|"])
def test_time_grows_with_the_length_alone(piece: str) -> None:
    begun = time.monotonic()
    statements(piece * (200_000 // len(piece)))
    assert time.monotonic() - begun < 20
