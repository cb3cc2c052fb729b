"""The times that a statement names, resolved against when it was said."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from gateway.domain import Dated

_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_MONTHS = "january february march april may june july august september october november december".split()
_NUMBERS = {
    word: number
    for number, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)
}
_MONTH = (
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?"
)
_YEAR = r"(?:19|20)\d\d"
_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_COUNT = (
    r"\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:a\s)?couple(?:\sof)?|(?:a\s)?few"
)
_TIME = re.compile(
    rf"""\b(?:
    (?P<iso>{_YEAR}-[01]\d(?:-[0-3]\d)?)(?![\d-])
    |(?P<day1>[0-3]?\d)(?:st|nd|rd|th)?\s(?:of\s)?(?P<month1>{_MONTH})\b\.?(?:,?\s(?P<year1>{_YEAR}))?
    |(?P<month2>{_MONTH})\b\.?\s(?P<day2>[0-3]?\d)(?:st|nd|rd|th)?\b(?!:)(?:,?\s(?P<year2>{_YEAR}))?
    |(?P<month3>{_MONTH})\b\.?(?:\sof)?,?\s(?P<year3>{_YEAR})
    |(?P<lead>in|since|last|next|this|early|late|until|by|from|of|mid|around|during)
      \s(?P<month4>{_MONTH})(?!\w|,?\s{_YEAR})
    |on\sthe\s(?P<ordinal>[0-3]?\d)(?:st|nd|rd|th)
    |(?P<word>the\sday\sbefore\syesterday|the\sday\safter\stomorrow|yesterday|today|tonight|tomorrow|this\smorning
      |this\safternoon|this\sevening|last\snight)
    |(?P<which>last|next|this|this\scoming|this\spast|on|by|until)\s(?P<weekday>{_DAY})s?
    |(?P<span>last|next|this)\s(?P<unit>week|weekend|month|year|summer|winter|spring|autumn|fall)
    |(?P<ago>{_COUNT})\s(?P<agounit>day|week|month|year)s?\s(?:ago|back)
    |in\s(?:about\s)?(?P<ahead>{_COUNT})\s(?P<aheadunit>day|week|month|year)s?(?:'|’)?(?:\stime)?
    |(?:in|since|until|by|from|of|around|during|back\sin)\s(?P<year>{_YEAR})(?![\d-])
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_PLURAL_DAY = re.compile(rf"(?:on|by|until)\s{_DAY}s\b", re.IGNORECASE)
MOST = 8
"""Times of one statement."""


def dates(text: str, at: datetime) -> tuple[Dated, ...]:
    """The times in `text`, in order, with the date that each one means; those that mean none are left out."""
    found: list[Dated] = []
    for match in _TIME.finditer(text):
        try:
            meant = _meant(match, at.date())
        except (ValueError, OverflowError):
            continue
        if meant:
            found.append(Dated(match.group(), meant))
        if len(found) == MOST:
            break
    return tuple(found)


def _meant(match: re.Match[str], today: date) -> str:
    part = match.groupdict()
    if part["iso"]:
        text = str(part["iso"])
        return (date.fromisoformat(text) if len(text) == 10 else date.fromisoformat(text + "-01")).isoformat()[
            : len(text)
        ]
    for number in "12":
        if part["day" + number]:
            return _day_of(match, number, today)
    if part["month3"]:
        return f"{part['year3']}-{_month(part['month3']):02}"
    if part["month4"]:
        return _month_near(part["lead"].lower(), part["month4"], today)
    if part["ordinal"]:
        return _ordinal(int(part["ordinal"]), today)
    if part["word"]:
        return (today + timedelta(days=_word(part["word"].lower()))).isoformat()
    if part["weekday"]:
        plural = _PLURAL_DAY.fullmatch(match.group())
        return "" if plural else _weekday(part["which"].lower(), part["weekday"].lower(), today).isoformat()
    if part["span"]:
        return _span(part["span"].lower(), part["unit"].lower(), today)
    if part["ago"]:
        return _shifted(-_count(part["ago"]), part["agounit"].lower(), today)
    if part["ahead"]:
        return _shifted(_count(part["ahead"]), part["aheadunit"].lower(), today)
    return part["year"] or ""


def _month(name: str) -> int:
    return next(at for at, month in enumerate(_MONTHS, 1) if month.startswith(name[:3].lower()))


def _day_of(match: re.Match[str], number: str, today: date) -> str:
    """A day of a month; without a year the nearest such day."""
    month, day, year = _month(match["month" + number]), int(match["day" + number]), match["year" + number]
    if match["month" + number] in ("may", "march", "mar") and number == "2":
        return ""
    if year:
        return date(int(year), month, day).isoformat()
    near = [
        date(each, month, day) for each in (today.year - 1, today.year, today.year + 1) if _exists(each, month, day)
    ]
    return min(near, key=lambda one: abs((one - today).days)).isoformat() if near else ""


def _ordinal(day: int, today: date) -> str:
    """ "On the 28th": of this month, or of the next if it is over."""
    month = today.year * 12 + today.month - 1 + (day < today.day)
    year, number = month // 12, month % 12 + 1
    return date(year, number, day).isoformat() if _exists(year, number, day) else ""


def _exists(year: int, month: int, day: int) -> bool:
    return 1 <= day <= 28 or (0 < day <= 31 and (date(year, month, 28) + timedelta(days=day - 28)).month == month)


def _month_near(lead: str, name: str, today: date) -> str:
    """ "Since June" is past, "next June" to come; of the others the nearest."""
    if name in ("may", "mar") and lead in ("this", "by", "of", "from"):
        return ""
    month = _month(name)
    years = [today.year - 1, today.year, today.year + 1]
    if lead in ("since", "last", "from"):
        years = [year for year in years if (year, month) < (today.year, today.month + (lead != "last"))][-1:]
    elif lead == "next":
        years = [year for year in years if (year, month) > (today.year, today.month)][:1]
    year = min(years, key=lambda one: abs((one - today.year) * 12 + month - today.month))
    return f"{year}-{month:02}"


def _word(word: str) -> int:
    word = " ".join(word.split())
    return {
        "yesterday": -1,
        "last night": -1,
        "tomorrow": 1,
        "the day before yesterday": -2,
        "the day after tomorrow": 2,
    }.get(word, 0)


def _weekday(which: str, name: str, today: date) -> date:
    """ "Last" is before today; "next" is in the week after, if the day is still to come in this one; else the next to
    come."""
    offset = (_DAYS.index(name) - today.weekday()) % 7
    if which.startswith("last") or which.endswith("past"):
        return today + timedelta(days=offset - 7)
    if which == "next":
        same_week = _DAYS.index(name) > today.weekday()
        return today + timedelta(days=offset + 7 if same_week or not offset else offset)
    return today + timedelta(days=offset)


def _span(which: str, unit: str, today: date) -> str:
    step = {"last": -1, "this": 0, "next": 1}[which]
    if unit in ("week", "weekend"):
        day = today + timedelta(days=7 * step)
        if unit == "weekend":
            return (day + timedelta(days=5 - day.weekday())).isoformat()
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    if unit == "month":
        return _shifted(step, "month", today)
    if unit == "year":
        return str(today.year + step)
    month = _SEASONS[unit]
    year = today.year + step
    if (which == "last" and month < today.month - 2) or (which == "next" and month > today.month):
        year = today.year
    return f"{year}-{month:02}"


def _count(word: str) -> int:
    low = " ".join(word.lower().split())
    low = low.removeprefix("a ") if low != "a" else low
    return int(low) if low.isdigit() else {"couple": 2, "couple of": 2, "few": 3}.get(low, _NUMBERS.get(low, 1))


def _shifted(count: int, unit: str, today: date) -> str:
    if unit == "day":
        return (today + timedelta(days=count)).isoformat()
    if unit == "week":
        return (today + timedelta(days=7 * count)).isoformat()
    if unit == "month":
        month = today.year * 12 + today.month - 1 + count
        return f"{month // 12}-{month % 12 + 1:02}"
    return str(today.year + count)
