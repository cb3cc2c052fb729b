"""What questions and statements are about, and how the units of an entity bear on that."""

import numpy as np
import pytest

from gateway.bearing import Topics
from gateway.topics import asked, told


def about(text: str) -> int:
    return told(text)


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("We moved to Cardiff last week.", "Where do I live?"),
        ("I started at Aldi on Monday.", "Where do I work?"),
        ("I turned 40 in March.", "How old am I?"),
        ("We named the puppy Waffles.", "What's my dog's name?"),
        ("I\u2019ve been with Marco for six years.", "Who\u2019s my partner?"),
        ("My account is at Santander.", "Which bank am I with?"),
        ("I have to hand in the thesis by June.", "What's my thesis deadline?"),
        ("Our eldest started at Hillcrest Primary.", "Where does my child go to school?"),
    ],
)
def test_a_question_and_its_answer_share_a_topic_without_a_word(statement: str, question: str) -> None:
    assert asked(question) & about(statement)


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("I turned 40 in March.", "Where do I live?"),
        ("We named the puppy Waffles.", "Which bank am I with?"),
        ("I take my coffee black.", "When is my flight?"),
    ],
)
def test_what_has_nothing_to_do_with_a_question_shares_none(statement: str, question: str) -> None:
    assert not asked(question) & about(statement)


def test_a_topic_weighs_more_the_fewer_units_bear_on_it() -> None:
    topics = Topics()
    topics.add(["I rent a car.", *["The car broke down."] * 20, "My bank is Monzo.", "It rained."])
    cars, banks = topics.bearing("Which car do I have?"), topics.bearing("Which bank do I use?")
    assert banks[22] > cars[1] > 0
    assert cars[[0, 22, 23]].tolist() == [0, 0, 0]


def test_a_question_without_a_topic_finds_none() -> None:
    topics = Topics()
    topics.add(["I live in Bath."])
    assert not topics.bearing("Tell me about Zebulon.").any()


def test_topics_of_units_that_are_gone_are_gone() -> None:
    topics = Topics()
    topics.add(["My bank is Monzo.", "I live in Bath."])
    topics.keep(np.array([True, False, True]))
    assert not topics.bearing("Which bank do I use?").any()
    assert topics.bearing("Where do I live?")[1] > 0


def test_very_long_texts_are_read_in_linear_time() -> None:
    for text in ("a-" * 100_000, "moved to " * 25_000, "a.'" * 66_000, "+#" * 100_000, "my " * 66_000):
        asked(text)
        about(text)
