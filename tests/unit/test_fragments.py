"""What of a statement can be over while the rest of it holds."""

from __future__ import annotations

import time

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
        ("My mother lives in Izmir, and she turned seventy.", {0}, "My mother, she turned seventy."),
        ("My server runs on Debian and only has 2gb of memory", {0}, "My server only has 2gb of memory"),
        ("I rent a flat in Ankara, its my third year there", {0}, "its my third year there"),
        ("Our dog is three, and the cat is five.", {0}, "the cat is five."),
        ("My boat is red, she has two masts, the crew is four", {1}, "My boat is red, the crew is four"),
        ("answer me in german pls, got relatives in kassel", {0}, "got relatives in kassel"),
        ("im vegan these days and training for a triathlon", {0}, "training for a triathlon"),
        ("japan trip is 10 days, going to tokyo and kyoto", {0}, "japan trip, going to tokyo and kyoto"),
        ("Our trip is 10 days, it ends in Kyoto again", {0}, "Our trip, it ends in Kyoto again"),
        ("We have two kids, Tom (9, in school) and Eva (11)", {0}, "Tom (9, in school) and Eva (11)"),
        ("home server is a pi 4, it does jellyfin and pihole", {0}, "home server, it does jellyfin and pihole"),
        ("Our backend runs on Django 4.2, with Postgres 15 beside it", {0}, "Our backend, with Postgres 15 beside it"),
        ("can spend 600 on a laptop, its for uni, mostly cad", {0}, "its for uni, mostly cad"),
        ("rent's 740 a month, bills come on top", {0}, "bills come on top"),
        ("grandpa only has a landline, he's pretty hard of hearing", {0}, "grandpa, he's pretty hard of hearing"),
    ],
)
def test_what_is_left_is_what_does_not_hang_on_what_is_over(text: str, over: set[int], left: str) -> None:
    assert rest(text, over, "It is otherwise now.") == left


@pytest.mark.parametrize(
    "text",
    [
        "My boss is Karen, she hates remote work",
        "My boss is called Karen, she hates remote work",
        "my girlfriend is called Marit, she loves horror films",
        "my car is a Civic, it is red",
        "I'm on sertraline 50mg, it makes me sleepy",
        "I am vegan, have been since 2015",
        "I drive a Honda Civic, it needs a test in May",
        "I drive a Honda Civic and love it dearly",
        "my dad works for the post, 30 years now",
        "My flat is a studio, it is cold",
        "His name is Bo, he is our first grandchild",
        "My sister is in York, it is quiet there",
        "I have a cat called Rex, she was born deaf",
        "My landlord is Tom, his number is 0770 123",
        "my girlfriend is Marit, I met her in Oslo",
        "my boss is Karen, I can't stand her at all",
        "my boss is Karen, and everybody in the team hates her",
        "I live with Tom, his cat is called Bo",
        "I work at Boots, the pay is bad there",
        "My boss is Karen, who hates mornings",
    ],
)
def test_nothing_is_left_of_what_was_told_of_somebody_or_something_replaced(text: str) -> None:
    assert rest(text, {0}, "It is another one now.") == ""


def test_nothing_is_left_of_what_is_not_there_any_more() -> None:
    text = "Our dog works on a farm, he sleeps on the sofa"
    assert rest(text, {0}, "Our dog works on two farms.") == "Our dog, he sleeps on the sofa"
    for by in (
        "We gave the dog away.",
        "Our dog passed away.",
        "We had to put him down.",
        "We don't have him anymore.",
    ):
        assert rest(text, {0}, by) == ""


def test_what_surely_stays_does_not_hang_on_what_is_over() -> None:
    text = "we write the game in Unity, its a fishing roguelike"
    assert rest(text, {0}, "We moved the game to Godot.") == ""
    assert rest(text, {0}, "We moved the game to Godot.", {1}) == "its a fishing roguelike"
    assert rest(text, {0}, "We sold it.", set()) == ""


def test_a_long_list_has_few_fragments() -> None:
    text = ", ".join(f"my aunt number {number} is old" for number in range(20))
    assert len(fragments(text)) == MOST
    assert rest(text, set(range(1, MOST)), "") == "my aunt number 0 is old"


@pytest.mark.parametrize("text", [", a b c" * 30_000, "x (" * 60_000, "i, says bob" * 20_000, "my " * 60_000])
def test_what_is_long_is_not_looked_into(text: str) -> None:
    begun = time.perf_counter()
    assert fragments(text) == [text]
    assert time.perf_counter() - begun < 1.0


@pytest.mark.parametrize(
    "text", ["My old flat is, it is cold now", "The house is, it was cold", ", , ,", "", "ok", "he, she, they are it"]
)
def test_odd_text_is_parted_without_a_fault(text: str) -> None:
    for place in range(len(fragments(text))):
        assert isinstance(rest(text, {place}, ""), str)
