"""What a question asks for by name."""

import time

import pytest

from gateway.extract.local import statements
from gateway.wanted import LONGEST, kinds, predicates


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("We moved to Cardiff last week.", "Where do I live?"),
        ("I just relocated to Berlin for work", "remind me, which city do i live in now"),
        ("My flat is in Leith.", "Where’s my flat?"),
        ("I started at Aldi on Monday.", "Where do I work?"),
        ("I got a job at Tesco", "who do I work for again"),
        ("I'm a nurse at St James.", "What do I do for a living?"),
        ("I'm unemployed", "What's my job?"),
        ("I turned 34 in March.", "How old am I?"),
        ("I was born on 4 June 1990", "When is my birthday?"),
        ("I'm married to Ana", "Who's my wife?"),
        ("we have a son called Max", "Do I have kids?"),
        ("I've two cats, Tom and Jerry", "What pets do we have?"),
        ("I'm allergic to peanuts.", "Which foods should I avoid?"),
        ("I'm vegan", "what can't I eat?"),
        ("I got a new car, a Skoda", "What do I drive?"),
        ("I'm with Monzo for banking", "Which bank am I with?"),
        ("I speak French", "How many languages can I speak?"),
        ("I was born in Accra", "Where am I from?"),
        ("I support Leeds United", "Which football team do I support?"),
    ],
)
def test_a_question_about_the_user_asks_for_what_answers_it_in_other_words(statement: str, question: str) -> None:
    said = {triple.predicate for found in statements(statement) for triple in found.triples if triple.subject == "user"}
    assert said & predicates(question)


@pytest.mark.parametrize(
    "question",
    [
        "Where does my sister live?",
        "How old is my dog?",
        "Where do I live-stream this?",
        "What do I do if the build fails?",
        "Where do they work?",
        "What's the capital of France?",
        "What is my job queue called?",
        "Which foods are rich in iron?",
        "",
    ],
)
def test_other_questions_ask_for_nothing_by_name(question: str) -> None:
    assert predicates(question) == frozenset()


def test_a_kind_is_asked_for_by_its_name() -> None:
    assert kinds("What are my preferences?") == {"preference"}
    assert kinds("What do I prefer?") == frozenset()


def test_long_texts_are_looked_at_in_no_time() -> None:
    begun = time.monotonic()
    for text in ("where do i " * (LONGEST // 12), "which which " * 100_000):
        predicates(text)
    assert time.monotonic() - begun < 1
