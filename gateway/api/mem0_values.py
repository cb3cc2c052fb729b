"""The values of mem0's platform API: ids, times and days, and how they are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from gateway.attribution import valid_id
from gateway.errors import BadRequest

DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Interval:
    """The time that a value names: a day, or a moment."""

    start: datetime
    end: datetime
    """Not in it any more."""


def identifier(value: object, name: str) -> str:
    """An id exactly as it was given; whole numbers are written out. Raises BadRequest."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise BadRequest(f"{name} must be a string.", param=name)
    return valid_id(value, name)


def interval(value: object, name: str) -> Interval:
    """A day (YYYY-MM-DD), an ISO 8601 time or seconds since 1970; raises BadRequest."""
    if isinstance(value, str) and len(value) == 10:
        start = _midnight(day(value, name))
        return Interval(start, start + DAY)
    start = moment(value, name)
    return Interval(start, start + _MOMENT)


def moment(value: object, name: str) -> datetime:
    """An ISO 8601 time, UTC if it names no zone, or seconds since 1970; raises BadRequest."""
    try:
        if isinstance(value, str):
            said = datetime.fromisoformat(value)
            said = (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            said = datetime.fromtimestamp(value, UTC)
        else:
            raise TypeError
        if said.year < 9000:  # what is later cannot be reckoned with
            return said
    except (TypeError, ValueError, OverflowError, OSError):
        pass
    raise BadRequest(f"{name} must be an ISO 8601 time or a number of seconds.", param=name)


def day(value: object, name: str) -> date:
    """A date as YYYY-MM-DD; raises BadRequest."""
    try:
        if isinstance(value, str) and len(value) == 10 and (found := date.fromisoformat(value)).year < 9000:
            return found
    except ValueError:
        pass
    raise BadRequest(f"{name} must be a date, YYYY-MM-DD.", param=name)


def expiry(value: object) -> datetime:
    """The end of the last day that a memory holds; raises BadRequest."""
    return _midnight(day(value, "expiration_date")) + DAY


def last_day(expires_at: datetime | None) -> str | None:
    """The day whose end that is."""
    return (expires_at - _MOMENT).date().isoformat() if expires_at else None


def listed(value: object, name: str) -> list[Any]:
    """A list; raises BadRequest."""
    if not isinstance(value, list):
        raise BadRequest(f"{name} must be a list.", param=name)
    return value


def strings(value: object, name: str) -> tuple[str, ...]:
    """A list of strings, or one alone; raises BadRequest."""
    found = [value] if isinstance(value, str) else listed(value, name)
    if not all(isinstance(one, str) for one in found):
        raise BadRequest(f"{name} must be a list of strings.", param=name)
    return tuple(found)


def number(value: object, name: str, least: float, most: float) -> float:
    """A number, or one written out, within its bounds; raises BadRequest."""
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool) and least <= float(value) <= most:
            return float(value)
    except ValueError:
        pass
    raise BadRequest(f"{name} must be a number from {least:g} to {most:g}.", param=name)


def count(value: object, name: str, most: int) -> int:
    """A whole number from 1 on; raises BadRequest."""
    found = number(value, name, 1, most)
    if found != int(found):
        raise BadRequest(f"{name} must be a whole number.", param=name)
    return int(found)


def truth(value: object, name: str) -> bool:
    """True or false; raises BadRequest."""
    known: Mapping[object, bool] = {
        True: True,
        False: False,
        "true": True,
        "false": False,
        "True": True,
        "False": False,
    }
    if isinstance(value, bool | str) and value in known:
        return known[value]
    raise BadRequest(f"{name} must be true or false.", param=name)


def compare(operator: str, known: object, expected: Any, *, part: bool = True) -> bool:
    """Whether `known` stands so to what is expected; things that cannot be compared are different. `part`: a string
    contains what is a part of it."""
    if operator in ("eq", "ne"):
        return _equal(known, expected) is (operator == "eq")
    if operator == "in":
        return any(_equal(known, one) for one in expected)
    if operator in ("contains", "icontains"):
        return _contains(known, expected, part, folded=operator == "icontains")
    return _ordered(operator, known, expected)


def _equal(known: object, expected: object) -> bool:
    if isinstance(expected, Interval):
        return isinstance(known, datetime) and expected.start <= known < expected.end
    return known == expected and isinstance(known, bool) is isinstance(expected, bool)


def _contains(known: object, expected: object, part: bool, *, folded: bool) -> bool:
    if isinstance(known, list):
        return any(_contains(one, expected, False, folded=folded) for one in known)
    if not isinstance(known, str) or not isinstance(expected, str):
        return _equal(known, expected)
    if folded:
        known, expected = known.casefold(), expected.casefold()
    return expected in known if part else expected == known


def _ordered(operator: str, known: object, expected: object) -> bool:
    if isinstance(expected, Interval):
        if not isinstance(known, datetime):
            return False
        return {
            "gt": known >= expected.end,
            "gte": known >= expected.start,
            "lt": known < expected.start,
            "lte": known < expected.end,
        }[operator]
    if isinstance(known, str) and isinstance(expected, str):
        return _before(operator, (known > expected) - (known < expected))
    if _is_number(known) and _is_number(expected):
        assert isinstance(known, int | float)
        assert isinstance(expected, int | float)
        return _before(operator, (known > expected) - (known < expected))
    return False


def _before(operator: str, sign: int) -> bool:
    return {"gt": sign > 0, "gte": sign >= 0, "lt": sign < 0, "lte": sign <= 0}[operator]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _midnight(of: date) -> datetime:
    return datetime.combine(of, time(), UTC)
