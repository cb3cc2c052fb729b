"""What of a statement can be over while the rest of it holds."""

from __future__ import annotations

import pytest

from gateway.extract.fragments import MOST, fragments, rest


@pytest.mark.parametrize(
    ("text", "several"),
    [
        ("I live in York.", ["I live in York."]),
        ("my cat is called Rex, she was born deaf", ["my cat is called Rex", "she was born deaf"]),
        ("I study law at Ghent, in the second year.", ["I study law at Ghent", "in the second year."]),
        ("I run a shop in Perth, so no flowers please", ["I run a shop in Perth, so no flowers please"]),
        ("Our dog is three, and the cat is five.", ["Our dog is three", "the cat is five."]),
        ("We like jam and tea.", ["We like jam and tea."]),
    ],
)
def test_a_statement_is_cut_at_its_clauses_and_asides(text: str, several: list[str]) -> None:
    assert fragments(text) == several


@pytest.mark.parametrize(
    ("text", "over", "left"),
    [
        ("I study law at Ghent, in the second year.", {1}, "I study law at Ghent"),
        ("I study law at Ghent, in the second year.", {0}, ""),
        ("I study law at Ghent, in the second year.", {0, 1}, ""),
        ("my cat is called Rex, she was born deaf", {0}, "my cat, she was born deaf"),
        ("The dog we took in is a pug, he came from Rome", {0}, "The dog, he came from Rome"),
        ("My server is at Hetzner and only has 2gb of memory", {0}, "My server only has 2gb of memory"),
        ("I rent a flat in Ankara, its my third year there", {0}, "its my third year there"),
        ("Our dog is three, and the cat is five.", {0}, "the cat is five."),
        ("My boat is red, she has two masts, the crew is four", {1}, "My boat is red, the crew is four"),
    ],
)
def test_what_is_left_is_what_does_not_hang_on_what_is_over(text: str, over: set[int], left: str) -> None:
    assert rest(text, over) == left


def test_a_long_list_has_few_fragments() -> None:
    text = ", ".join(f"my aunt number {number} is old" for number in range(500))
    assert len(fragments(text)) == MOST
    assert rest(text, set(range(1, MOST))) == "my aunt number 0 is old"
