"""Times in statements, resolved against when they were said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.extract.local import statements
from gateway.extract.times import dates

FRIDAY = datetime(2024, 5, 10, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "words", "date"),
    [
        ("I met Ana yesterday.", "yesterday", "2024-05-09"),
        ("I met Ana last night.", "last night", "2024-05-09"),
        ("I fly tomorrow.", "tomorrow", "2024-05-11"),
        ("We met last Friday.", "last Friday", "2024-05-03"),
        ("We met last Monday.", "last Monday", "2024-05-06"),
        ("We meet next Monday.", "next Monday", "2024-05-13"),
        ("We meet on Tuesday.", "on Tuesday", "2024-05-14"),
        ("It was last week.", "last week", "2024-W18"),
        ("It was last month.", "last month", "2024-04"),
        ("It is next year.", "next year", "2025"),
        ("It was three weeks ago.", "three weeks ago", "2024-04-19"),
        ("It was a couple of months ago.", "a couple of months ago", "2024-03"),
        ("It is in 10 days.", "in 10 days", "2024-05-20"),
        ("It is in June.", "in June", "2024-06"),
        ("It is on May 3rd.", "May 3rd", "2024-05-03"),
        ("It is on 3 May 2022.", "3 May 2022", "2022-05-03"),
        ("It is on 2024-06-03.", "2024-06-03", "2024-06-03"),
        ("I live here since 2019.", "since 2019", "2019"),
        ("It is this weekend.", "this weekend", "2024-05-11"),
        ("It was in March 2021.", "March 2021", "2021-03"),
        ("I leave on the 28th.", "on the 28th", "2024-05-28"),
    ],
)
def test_a_time_is_resolved(text: str, words: str, date: str) -> None:
    assert (words, date) in [(one.words, one.date) for one in dates(text, FRIDAY)]


@pytest.mark.parametrize(
    "text", ["I may go.", "We march on.", "On Mondays I swim.", "31 June", "It is 10:30.", "9999 years ago"]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert dates(text, FRIDAY) == ()


def test_a_statement_carries_its_dates_only_if_it_is_known_when_it_was_said() -> None:
    assert [one.dates for one in statements("I met Ana yesterday.")] == [()]
    assert [one.dates[0].date for one in statements("I met Ana yesterday.", at=FRIDAY)] == ["2024-05-09"]
