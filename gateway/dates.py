"""The dates and the kinds of answer that a question asks for, and which units can give them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
# Capitals are required: "may" and "march" are verbs more often than months.
_NAMED = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b{_DAY}(?: of)? {_MONTH}\b\.?(?:,? {_YEAR})?",
        rf"\b{_MONTH}\b\.? {_DAY}\b(?:,? {_YEAR})?",
        rf"\b{_MONTH}\b\.?(?:,? (?:of )?{_YEAR})?",
    )
)
_ISO = re.compile(r"\b(?P<year>(?:19|20)\d\d)-(?P<month>[01]\d)(?:-(?P<day>[0-3]\d))?\b")
_MONTH_STEMS = frozenset(
    ("januari", "februari", "march", "april", "june", "juli", "august", "septemb", "octob", "novemb", "decemb", "may")
)
_RELATIVE = re.compile(r"\b(today|yesterday|this month|last month)\b", re.IGNORECASE)
_WHEN = re.compile(r"\b(?:when|since when|how long|what (?:date|day|month|year|time))\b", re.IGNORECASE)
_YEAR_TERM = re.compile(r"(?:^| )(?:19|20)\d\d(?!\d)")
_TIME_STEMS = _MONTH_STEMS - {"may"} | frozenset(
    "yesterday today tonight tomorrow ago last next recent sinc day week weekend month year "
    "monday tuesday wednesday thursday friday saturday sunday".split()
)
_ASKS_FOR = tuple(
    re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)
    for pattern in (
        r"when|how (?:long|late)|what (?:exact )?(?:date|day|month|year|time|age)|which (?:date|day|month|year)",
        r"how (?:many|much|old|tall|big|long|far|often|fast|heavy|late)|(?:what|which) (?:age|size)|number|code|pin"
        r"|password|salary|price|height|weight|plate|score|rate|size|digits",
        r"who|whom|whose|names?|named|called",
        r"where|(?:what|which) (?:city|town|country|place|street|island|region|airport|station|room)",
    )
)
"""Questions for a time, a number, a name and a place."""
_TIME, _NUMBER, _NAME, _PLACE = 1, 2, 4, 8
_TIME_WORDS = _TIME_STEMS | frozenset(
    "may hour minut morn even night noon midnight afternoon summer winter spring autumn season befor everi birth "
    "christma easter daili week weekli sinc until o'clock".split()
)
_NUMBER_WORDS = frozenset(
    "two three four five six seven eight nine ten eleven twelv thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenti thirti forti fifti sixti seventi eighti nineti hundr thousand million half twice first second "
    "third fourth fifth doubl".split()
)
_PERSONS = frozenset(
    "mother father brother sister son daughter wife husband uncl aunt cousin niec nephew friend boss manag neighbor "
    "colleagu landlord landladi grandmoth grandfath grandma grandpa grandson teacher doctor dentist partner girlfriend "
    "boyfriend roommat flatmat godfath godmoth mentor tutor".split()
)
_DIGIT = re.compile(r"\d")
_CAPITAL = re.compile(r"(?<=[^\s.!?:] )[A-Z][^\W\d_]")
"""A name; not the first word of a sentence."""
_WHEREABOUTS = re.compile(
    r"\b(?:in|at|on|near|from|to|under|behind|outside|above|below|by|next|inside|between|beside|around|over|off|along"
    r"|downstairs|upstairs|abroad|home|there)\b",
    re.IGNORECASE,
)
_SAID_AFTER = 3
"""Days within which people tell what happened on a day."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A date in a question: a month, perhaps of one year, perhaps one day of it."""

    month: int
    year: int | None
    """None: any year."""
    day: int | None
    """None: the whole month."""


def asked_dates(question: str, now: datetime) -> list[Asked]:
    """The dates that `question` names, relative ones seen from `now`."""
    dates: list[Asked] = []
    rest = question
    for pattern in (_ISO, *_NAMED):
        for found in pattern.finditer(rest):
            parts = found.groupdict()
            month = parts["month"]
            number = int(month) if month.isdigit() else _MONTHS.index(month[:3].lower()) + 1
            if month == "May" and found.start() == 0 and not (parts.get("day") or parts.get("year")):
                continue
            year, day = (int(parts[name]) if parts.get(name) else None for name in ("year", "day"))
            if 1 <= number <= 12:
                dates.append(Asked(number, year, day if day and 1 <= day <= 31 else None))
        rest = pattern.sub(" ", rest)
    for found in _RELATIVE.finditer(rest):
        dates.append(_relative(found.group().lower(), now))
    return dates


def matches(asked: list[Asked], said: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Per unit, 1 or 0: said in a month that is asked for; said on an asked day or in the days after it, when
    it is told. `said`: the day of each unit, as a proleptic ordinal."""
    in_month, on_day = np.zeros(len(said), np.float32), np.zeros(len(said), np.float32)
    if not asked:
        return in_month, on_day
    moments = (said - date(1970, 1, 1).toordinal()).astype("datetime64[D]")
    years = moments.astype("datetime64[Y]").astype(np.int64) + 1970
    months = moments.astype("datetime64[M]").astype(np.int64) % 12 + 1
    for one in asked:
        right_year = years == one.year if one.year is not None else np.ones(len(said), np.bool_)
        in_month[(months == one.month) & right_year] = 1.0
        if one.day is not None:
            for year in np.unique(years[right_year]).tolist():
                first = _ordinal(max(int(year), 1), one.month, one.day)
                on_day[(said >= first) & (said <= first + _SAID_AFTER)] = 1.0
    return in_month, on_day


def asks_when(question: str) -> bool:
    """Whether `question` asks for a time."""
    return _WHEN.search(question) is not None


def tells_time(terms: Sequence[str]) -> bool:
    """Whether one of a text's terms is a word of time or a year."""
    if not _TIME_STEMS.isdisjoint(terms):
        return True
    joined = " ".join(terms)
    return ("19" in joined or "20" in joined) and _YEAR_TERM.search(joined) is not None


def asked_kinds(question: str) -> int:
    """The kinds of answer that `question` asks for, as bits; 0 where it asks for none of those known."""
    return sum(1 << at for at, pattern in enumerate(_ASKS_FOR) if pattern.search(question))


def told_kinds(text: str, terms: Sequence[str]) -> int:
    """The kinds of answer that may be found in `text`, whose terms are `terms`, as the same bits."""
    name = _CAPITAL.search(text) is not None
    told = _NAME * (name or not _PERSONS.isdisjoint(terms)) | _PLACE * (name or _WHEREABOUTS.search(text) is not None)
    if _DIGIT.search(text):
        return told | _TIME | _NUMBER
    return told | _TIME * (not _TIME_WORDS.isdisjoint(terms)) | _NUMBER * (not _NUMBER_WORDS.isdisjoint(terms))


def undated(terms: Sequence[str]) -> list[str]:
    """`terms` without the names of months and years: the date of a unit answers these, not its words."""
    return [term for term in terms if term not in _MONTH_STEMS and not re.fullmatch(r"(?:19|20)\d\d(?:-[\d-]+)?", term)]


def _relative(word: str, now: datetime) -> Asked:
    day = now.date()
    if word == "yesterday":
        day -= timedelta(days=1)
    elif word == "last month":
        day = day.replace(day=1) - timedelta(days=1)
    return Asked(day.month, day.year, day.day if "month" not in word else None)


def _ordinal(year: int, month: int, day: int) -> int:
    """Of that day; of the first of the month plus the days where the month is shorter."""
    return date(year, month, 1).toordinal() + day - 1
