"""Changes told in words that the older statement does not share, and what only looks like one."""

from __future__ import annotations

import time

import pytest

from benchmarks.extraction import live
from gateway.domain import USER, Ended
from gateway.extract.local import statements

CHANGES = [
    ("I'm with EE for my mobile.", "I switched to giffgaff last week."),
    ("We rent a flat in Bristol.", "We bought a house in Bath and moved in on Friday!"),
    ("I'm on the Pro plan.", "I downgraded to the free plan yesterday."),
    ("I use Notion for my notes.", "I've moved all my notes to Obsidian."),
    ("I train at PureGym on Tuesdays.", "I cancelled PureGym and joined a climbing gym."),
    ("I have a cat called Tom.", "Tom passed away last month."),
    ("I get paid on the 25th.", "Payroll changed, I get paid on the 1st now."),
    ("The wedding is on 14 June.", "We postponed the wedding to 20 September."),
    ("I'm a smoker.", "It's been six weeks since I quit smoking."),
    ("Our backend is written in Django.", "We rewrote the backend in FastAPI."),
    ("My gym locker is 218.", "They gave me a different locker today, it's 305 now."),
    ("I work four days a week.", "I work five days a week from May."),
    ("We charge 45 pounds an hour.", "We charge 52 pounds an hour from October."),
    ("Handover is on 30 August.", "The client pushed it, handover is on 13 September now."),
    ("I live alone.", "My boyfriend moved in with me in June."),
    ("I have braces.", "Got my braces off yesterday!"),
    ("We host everything on Heroku.", "We're off Heroku now, everything is on Fly.io."),
    ("My hair is brown.", "I dyed my hair red yesterday!"),
    ("My son plays football.", "My son quit football."),
    ("Our team has six people.", "Our team has nine people now."),
    ("I'm studying economics.", "I'm studying law now."),
    ("My mentor is Grace.", "Grace is no longer my mentor."),
    ("I don't have any kids.", "We adopted a little boy last month."),
    ("I take the bus to uni.", "I cycle to uni again."),
]
BESIDE = [
    ("My phone is a Pixel 7.", "My work phone is an iPhone."),
    ("I like The Arch.", "I cancelled The Arch."),
    ("I go to the gym on Mondays.", "I left the gym at eight."),
    ("I live in Leeds.", "I left home at eight."),
    ("I have a library card.", "I lost five pounds."),
    ("I take the train on weekdays.", "I might sell the car."),
    ("The office is closed on Mondays.", "The office has twelve desks."),
    ("My car is a Golf.", "My car is in the garage."),
    ("I have yoga on Tuesdays.", "I have choir on Thursdays."),
    ("We use AWS.", "Our competitor switched to Azure."),
    ("My desk is by the window.", "My colleague's desk moved to the third floor."),
    ("I work at Siemens.", "I have an interview at Bosch next week."),
    ("I use Python for data work.", "I use Go for services."),
]


@pytest.mark.parametrize(("before", "now"), CHANGES)
def test_a_change_in_other_words_ends_what_was(before: str, now: str) -> None:
    assert before not in [one.text for one in live([before, now])]


@pytest.mark.parametrize(("one", "other"), BESIDE)
def test_what_only_looks_like_a_change_ends_nothing(one: str, other: str) -> None:
    assert one in [each.text for each in live([one, other])]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("I moved from Porto to Lisbon last week.", "I moved to Lisbon last week."),
        ("My locker is 14, not 12.", "My locker is 14."),
        ("We switched from Slack to Teams.", "We switched to Teams."),
        ("I used to like coffee, but now I prefer tea.", "now I prefer tea."),
        ("My sister's name is not Ana but Anna.", "My sister's name is Anna."),
        ("I moved to Berlin from Munich.", "I moved to Berlin."),
        ("I'm back from holiday.", "I'm back from holiday."),
        ("I used to live in Rome.", "I used to live in Rome."),
    ],
)
def test_the_old_value_is_left_out_beside_a_new_one(said: str, kept: str) -> None:
    assert [one.text for one in statements(said)] == [kept]


def test_a_thing_that_is_gone_ends_whatever_was_said_with_its_name() -> None:
    [sold] = statements("I sold the Golf.")
    assert Ended(USER, "", "Golf") in sold.ends


def test_a_long_run_of_changes_is_read_in_linear_time() -> None:
    for piece in ("I moved my ", "instead of ", "not a, not b, ", "the new ", "we are off ", "at 8 and at 9, "):
        begun = time.perf_counter()
        statements(piece * (200_000 // len(piece)))
        assert time.perf_counter() - begun < 20
