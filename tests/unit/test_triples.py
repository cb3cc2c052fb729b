"""Which edges of the graph a statement gives."""

from __future__ import annotations

import pytest

from gateway.domain import USER, Ended, Triple
from gateway.extract.local import statements

USER_SAYS = [
    ("My name is Ana.", "name", "Ana"),
    ("I'm Ana.", "name", "Ana"),
    ("Call me Sam.", "called", "Sam"),
    ("I live in Porto now.", "lives in", "Porto"),
    ("I've lived in Porto since 2019.", "lives in", "Porto"),
    ("I'm from Leeds", "from", "Leeds"),
    ("I work at Siemens as an engineer.", "works at", "Siemens"),
    ("I work as a nurse", "works as", "nurse"),
    ("I'm a civil engineer in Lagos.", "works as", "civil engineer"),
    ("I'm 34 years old.", "age", "34"),
    ("i'm 34", "age", "34"),
    ("My birthday is on 3 May.", "birthday", "on 3 May"),
    ("My native language is Portuguese.", "native language", "Portuguese"),
    ("I speak German and French.", "speaks", "French"),
    ("My favorite color is blue.", "favourite colour", "blue"),
    ("My favourite colour for walls is white", "favourite colour of walls", "white"),
    ("My sister is called Maria.", "sister", "Maria"),
    ("I have a sister called Maria.", "sister", "Maria"),
    ("My mum's name is Rosa.", "mother", "Rosa"),
    ("Maria is my sister.", "sister", "Maria"),
    ("My wife Ana works at Siemens.", "wife", "Ana"),
    ("My dog is called Rex", "dog", "Rex"),
    ("My dog's name is Rex.", "dog", "Rex"),
    ("I love dark chocolate.", "likes", "dark chocolate"),
    ("I can't stand mushrooms.", "dislikes", "mushrooms"),
    ("I don't like coffee.", "dislikes", "coffee"),
    ("I prefer tea.", "prefers", "tea"),
    ("I'm allergic to nuts and cats.", "allergic to", "cats"),
    ("I'm vegan.", "diet", "vegan"),
    ("I use Arch.", "uses", "Arch"),
    ("I drive an old Volvo.", "drives", "old Volvo"),
    ("I play the cello.", "plays", "cello"),
    ("I'm studying law at Utrecht.", "studies", "law"),
    ("My goal is to run a marathon.", "goal", "run a marathon"),
    ("I want to learn Dutch.", "wants", "learn Dutch"),
    ("My email is ana@example.com.", "email", "ana@example.com"),
    ("My phone number is 0770 123.", "phone number", "0770 123"),
    ("My Netflix plan is Premium.", "plan of netflix", "Premium"),
    ("My locker code is 4711.", "locker code", "4711"),
    ("The code for my locker is 4711.", "locker code", "4711"),
    ("Remember that the gate code is 4471#.", "gate code", "4471#"),
    ("I moved from Porto to Lisbon last week.", "lives in", "Lisbon"),
    ("I left Acme for Initech.", "works at", "Initech"),
    ("Me llamo Ximena.", "name", "Ximena"),
]


@pytest.mark.parametrize(("text", "predicate", "value"), USER_SAYS)
def test_what_the_user_says_of_themselves_is_an_edge_from_the_user(text: str, predicate: str, value: str) -> None:
    edges = [(t.subject, t.predicate, t.object) for one in statements(text) for t in one.triples]
    assert ("user", predicate, value) in edges


@pytest.mark.parametrize(
    ("text", "subject", "predicate", "value"),
    [
        ("Maria lives in Porto", "Maria", "lives in", "Porto"),
        ("My wife Ana works at Siemens.", "Ana", "works at", "Siemens"),
        ("My sister lives in Porto.", "sister", "lives in", "Porto"),
        ("My sister's dog is called Rex.", "sister", "dog", "Rex"),
        ("Maria's phone number is 555.", "Maria", "phone number", "555"),
        ("My boss is a lawyer.", "boss", "works as", "lawyer"),
        ("Maria is my sister and she's a midwife.", "Maria", "works as", "midwife"),
        ("I have a sister called Maria. She works at Siemens.", "Maria", "works at", "Siemens"),
    ],
)
def test_what_is_said_of_another_is_an_edge_from_them(text: str, subject: str, predicate: str, value: str) -> None:
    edges = [(t.subject, t.predicate, t.object) for one in statements(text) for t in one.triples]
    assert (subject, predicate, value) in edges


@pytest.mark.parametrize(
    "text",
    [
        "I'd love to live in Rome.",
        "If I lived in Rome I'd be happy.",
        "I might move to Rome.",
        "I'm visiting Rome.",
        "I lived in Rome once.",
        "I used to live in Rome.",
        "I don't live in Rome.",
        "I'm moving to Rome in June.",
    ],
)
def test_only_where_the_user_lives_now_is_their_home(text: str) -> None:
    assert [t for one in statements(text) for t in one.triples if t.predicate == "lives in"] == []


def test_several_statements_of_a_sentence_are_apart() -> None:
    texts = [one.text for one in statements("I'm 34, I work at Acme and my dog is called Rex")]
    assert texts == ["I'm 34", "I work at Acme", "my dog is called Rex"]


def test_a_shared_subject_is_repeated() -> None:
    texts = [one.text for one in statements("My sister Maria lives in Porto and works at Siemens.")]
    assert texts == ["My sister Maria lives in Porto", "My sister Maria works at Siemens."]


def test_a_sentence_is_not_cut_where_nothing_is_gained() -> None:
    text = "I went to the market and bought some apples, and then it rained."
    assert [one.text for one in statements(text)] == [text]


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Caroline: I live in Porto.", "Caroline"),
        ("User: I live in Porto.", USER),
        ("Update: I live in Porto.", USER),
        ("I live in Porto.", USER),
    ],
)
def test_what_a_participant_says_is_said_of_them(text: str, subject: str) -> None:
    (statement,) = statements(text)
    assert statement.triples == (Triple(subject, "lives in", "Porto"),)
    assert statement.ends == (Ended(subject, "lives in"),)


def test_a_wish_of_another_participant_is_not_the_users() -> None:
    (statement,) = statements("Caroline: Please keep answers short.")
    assert not statement.standing
