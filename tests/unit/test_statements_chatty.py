"""Statements as people really write them: in requests, in lists, in short answers, beside code and quotes."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import Triple
from gateway.extract.asking import run_on
from gateway.extract.local import statements
from gateway.extract.tokens import Words

AT = datetime(2024, 5, 10, 14, tzinfo=UTC)
HELD = [
    (
        "I teach maths at a secondary school in Hull, any fun starter activities?",
        "I teach maths at a secondary school in Hull",
    ),
    (
        "hiya, my landlord's raising the rent by 12% in july, is that legal",
        "my landlord's raising the rent by 12% in july",
    ),
    ("could you always reply in bullet points please?", "always reply in bullet points"),
    ("I've been vegetarian since I was 12", "I've been vegetarian since I was 12"),
    ("we usually ship on Thursdays, how do I tell customers about delays?", "we usually ship on Thursdays"),
    ("Our return window is 45 days. Write a friendly email.", "Our return window is 45 days"),
    ("so basically i broke my arm last week lol. what exercises can i do", "i broke my arm last week"),
    ("I hate mornings. suggest a routine", "I hate mornings"),
    ("My kids are 4 and 7, ideas for a rainy day?", "My kids are 4 and 7"),
    ("As a diabetic, what snacks can I have?", "diabetic"),
    ("since I'm lactose intolerant, which cheese can I eat?", "I'm lactose intolerant"),
    ("given that I only have 30 minutes a day, build me a workout", "I only have 30 minutes a day"),
    ("Explain recursion. I'm a complete beginner in programming.", "I'm a complete beginner in programming"),
    ("I need a birthday gift for my mum, she loves gardening", "she loves gardening"),
    ("What's a good gift for my dad? He is 70 and likes fishing.", "He is 70 and likes fishing"),
    ("Do you remember that I moved to Cork in May?", "I moved to Cork in May"),
    ("FYI: the office is closed on Mondays", "the office is closed on Mondays"),
    ("no onions for me, ever", "no onions for me"),
    ("from now on, metric units only", "metric units only"),
    ("Use British spelling in everything you write for me.", "Use British spelling"),
    ("Treat me like a beginner.", "Treat me like a beginner"),
    ("don't be so verbose", "don't be so verbose"),
    ("be blunt with me", "be blunt with me"),
    ("No need to apologise all the time", "No need to apologise"),
    ("You may call me Dr. Okafor", "call me Dr. Okafor"),
    ("everyone calls me Ted", "calls me Ted"),
    ("Ted here", "Ted here"),
    ("This is Priya from accounting", "This is Priya from accounting"),
    ("Tokyo trip is booked for 3 November!", "Tokyo trip is booked for 3 November"),
    ("Been feeling down lately", "Been feeling down lately"),
    ("got promoted yesterday", "got promoted yesterday"),
    ("Gluten makes me sick", "Gluten makes me sick"),
    ("My team uses Jira and we deploy every Friday.", "we deploy every Friday"),
    ("The client wants everything in blue.", "The client wants everything in blue"),
    ("I think remote work is better", "I think remote work is better"),
    ("It's my anniversary tomorrow", "It's my anniversary tomorrow"),
    ("There are six of us in the family.", "There are six of us in the family"),
    ("That restaurant gave me food poisoning last year.", "That restaurant gave me food poisoning"),
    ("You know my brother Tom? He got married.", "He got married"),
    ("I wish I could play guitar", "I wish I could play guitar"),
    ("Sorry for the late reply, I was in hospital.", "I was in hospital"),
    ("Thanks! By the way, I'm colour blind.", "I'm colour blind"),
    ("ok so my budget is 800 euros", "my budget is 800 euros"),
    ("Let's call my project Orion from now on.", "my project Orion"),
    ("People at work call me the spreadsheet guy", "call me the spreadsheet guy"),
    ("I'd like to become a pilot one day", "I'd like to become a pilot one day"),
    ("I want to lose 5 kg by August. Make a plan.", "I want to lose 5 kg by August"),
    ("I need to finish my thesis by Friday", "I need to finish my thesis by Friday"),
    ("I'm looking for a new job", "I'm looking for a new job"),
]
NOTHING = [
    "how about a joke",
    "fix it",
    "is there a faster way",
    "make it shorter and friendlier",
    "Rewrite the second paragraph in a formal tone.",
    "Answer in one word: is Pluto a planet?",
    "give me 5 more",
    "what about the other one",
    "nope, still broken",
    "you already told me that",
    "can u check my grammar",
    "Thanks a million!",
    "good night",
    "that's not it",
    "no that's wrong, try again",
    "continue",
    "I don't understand your answer",
    "could you explain that again more simply?",
    "Help me write a cover letter",
    "Generate a SQL query for monthly revenue",
    "tell me about Rome",
    "Show me how to tie a tie.",
    "Let's start over",
    "sounds great, thanks so much",
    "hmm interesting",
    "Which of these is better?",
    "any recommendations for a thriller",
    "how come the sky is blue",
    "I want a recipe for pancakes",
    "I need a logo",
    "I'd like to know how tides work",
    "need help with excel",
    "please summarise the text above",
    "import numpy as np",
    "for i in range(10):",
    "ERROR 2024-05-10 disk full",
    "npm run build",
    "Hello!",
    "lol",
    "ok thanks bye",
    "What if I was a bird?",
    "Do it again but in French",
    "You are a helpful assistant.",
    "Pick one",
    "Roll a die",
    "What's the weather like in Oslo tomorrow?",
    "Compare Rust and Go.",
    "import os",
    "SELECT name FROM users;",
    "drwxr-xr-x 3 kim staff 96 Jan 4 09:12 backups",
    "Ola: I will send the budget on Monday.\nBas: I have no access to the drive.",
    'Proofread this: "My name is Harold and I apply for the position."',
    "Here's the email I got:\n\nDear Bob,\nI live in Rome.",
    'Fix this error\n\nTraceback (most recent call last):\n  File "app.py", line 14, in <module>\nTypeError: no',
    "Suggest dinner:\n- soup\n- salad",
    "Kannst du mir einen Plan schreiben?",
    "Propose-moi un goûter.",
    "Let's say I'm a vegan.",
    "If I lived in Tokyo, how much would rent be?",
]


@pytest.mark.parametrize(("text", "words"), HELD)
def test_what_is_told_is_kept_and_no_question_with_it(text: str, words: str) -> None:
    kept = [one.text for one in statements(text, at=AT)]
    assert any(words.casefold() in one.casefold() for one in kept)
    assert not any("suggest" in one or "ideas for" in one or "Write" in one for one in kept)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("we rent a houseboat in Delft how do i keep the damp out", "we rent a houseboat in Delft"),
        ("my sister is terrified of wasps what can she plant on her balcony", "my sister is terrified of wasps"),
        ("i love crime novels whats a good one for the train?", "i love crime novels"),
        ("got a new scooter last week do i need a licence for it", "got a new scooter last week"),
        ("my brother knows what i can do for her", "my brother knows what i can do for her"),
    ],
)
def test_a_question_that_nothing_sets_apart_is_left_out(text: str, told: str) -> None:
    assert [one.text for one in statements(text, at=AT)] == [told]


@pytest.mark.parametrize(
    "text",
    [
        "i do what i can and i know what i want",
        "my new boss decides how often do you mean it",
        "say i had a million how much would i owe",
        "we work on friday so which van do i take",
        "the meds help, how long do i take them",
        "if i move to Rome do i need a visa",
    ],
)
def test_what_goes_on_is_not_cut_as_a_question(text: str) -> None:
    assert run_on(Words(text)) == 0


@pytest.mark.parametrize("text", NOTHING)
def test_nothing_is_kept_where_nothing_is_told(text: str) -> None:
    assert [one.text for one in statements(text, at=AT)] == []


@pytest.mark.parametrize(
    ("asked", "said", "text", "triple"),
    [
        ("Do you play the cello?", "Yes, since 2019", "Do you play the cello? Yes, since 2019", ("plays", "cello")),
        (
            "Nice! What's your favourite colour?",
            "Blue.",
            "What's your favourite colour? Blue.",
            ("favourite colour", "Blue"),
        ),
        ("Where do you live?", "in Leeds", "Where do you live? in Leeds", ("lives in", "Leeds")),
        ("How old are you?", "34", "How old are you? 34", ("age", "34")),
    ],
)
def test_a_short_answer_is_kept_with_its_question(asked: str, said: str, text: str, triple: tuple[str, str]) -> None:
    [one] = statements(said, asked=asked, at=AT)
    assert (one.text, one.alone) == (text, True)
    assert Triple("user", *triple) in one.triples


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("Would you like more tips?", "yes please"),
        ("Shall I book it?", "yes"),
        ("What's your name?", "ok"),
        ("Do you play the cello?", "Why do you ask?"),
        ("What do you think?", "Try again, but funnier"),
        ("Here is a list.", "thanks"),
    ],
)
def test_an_answer_that_tells_nothing_of_the_user_is_none(asked: str, said: str) -> None:
    assert statements(said, asked=asked, at=AT) == ()


def test_an_answer_that_says_it_all_stands_for_itself() -> None:
    [one] = statements("My name is Bo.", asked="What's your name?", at=AT)
    assert not one.alone
    assert one.standing


def test_items_of_a_list_are_kept_with_what_introduces_them() -> None:
    texts = [one.text for one in statements("My allergies:\n- nuts\n- cats")]
    assert texts == ["My allergies: nuts", "My allergies: cats"]


def test_items_that_say_it_all_need_no_introduction() -> None:
    texts = [one.text for one in statements("About me:\n1. I live in Leeds\n2. My boss is Ken")]
    assert texts == ["I live in Leeds", "My boss is Ken"]


@pytest.mark.parametrize(
    "text",
    [
        "I'm allergic to e.g. nuts and cats.",
        "I met Dr. Melo at 5 p.m. on Monday.",
        "We run v2.0 of the API at 3.5 GHz.",
        "My favourite author is Ursula K. Le Guin.",
        "I keep my notes in notes.md at https://example.com/a.b",
    ],
)
def test_a_full_stop_within_a_sentence_does_not_cut_it(text: str) -> None:
    assert [one.text for one in statements(text, at=AT)] == [text]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("My name is Ana.", "fact"),
        ("I live in Leeds.", "fact"),
        ("I have type 1 diabetes.", "fact"),
        ("I'm vegetarian.", "fact"),
        ("My favourite band is Radiohead.", "preference"),
        ("I'd rather travel by train.", "preference"),
        ("I'm fluent in French.", "skill"),
        ("I play the cello.", "skill"),
        ("I have ten years of experience with Java.", "skill"),
        ("My French is rusty.", "skill"),
        ("Our refund policy is 30 days.", "rule"),
        ("From now on never mention my ex.", "rule"),
        ("Whenever I paste an address, format it the German way.", "rule"),
        ("We never deploy on Fridays.", "rule"),
        ("I'm flying to Oslo on 14 June.", "event"),
        ("I bought a boat last week.", "event"),
        ("My sister got married in May.", "event"),
        ("Maria is a nurse.", "person"),
        ("My boss is called Ken.", "relationship"),
        ("Anna works at Shell.", "person"),
        ("Maria is my sister.", "relationship"),
        ("I'm married to Tom.", "relationship"),
        ("Tom and Ana are married.", "relationship"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    assert [one.kind for one in statements(text, at=AT)] == [kind]


@pytest.mark.parametrize(
    "piece", ["I'm Ana, ", "my ", "'s ", "A. ", "from to ", "in June ", "User: x\n", "not ", "- I like tea\n", "no "]
)
def test_a_long_message_takes_time_that_grows_with_its_length_only(piece: str) -> None:
    begun = time.process_time()
    statements((piece * 200_000)[:200_000], asked="What is your name?", at=AT)
    assert time.process_time() - begun < 10


SPOKEN = """
I i'm my sister Maria lives in Porto, and . ! ? : ; - not no longer moved from to Lisbon called me Sam used
switched forget that actually is was have had quit smoking like the a new phone what can you please write
always never remember 's " ( ) it's they were on Tuesday at 9 a.m. don't any more Dr. St. because when if so
but as with of - 12 don't 2019 \n > ``` * as you is are there this that her his job works plan goal
answer short German Netflix name age born sold left
"""


@given(st.lists(st.sampled_from(SPOKEN.split(" ")), max_size=25), st.text(max_size=60))
def test_any_text_can_be_read(words: list[str], asked: str) -> None:
    said = " ".join(words)
    for one in statements(said, asked=asked + "?", at=AT):
        assert one.text.strip()
        assert all(edge.subject and edge.predicate and edge.object for edge in one.triples)


@given(st.text(max_size=200))
def test_any_characters_can_be_read(text: str) -> None:
    statements(text, asked="Do you like it?", at=AT)
