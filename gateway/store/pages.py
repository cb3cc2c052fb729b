"""Lists in pages: cursors that stay good whatever is added meanwhile."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson

Item = TypeVar("Item")
Row = TypeVar("Row")

MAX_CURSOR = 4096
"""Characters."""


class BadCursor(ValueError):
    """The cursor is not one that this list gave."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list."""

    limit: int = 100
    cursor: str | None = None
    """Where the page before ended; None: from the start."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """A page of a list."""

    items: tuple[Item, ...]
    cursor: str | None
    """Where the next one goes on; None: this is the end."""


def after(page: Page, *kinds: type) -> tuple[str | int, ...] | None:
    """The values that the cursor stands for, of these types; None without one. Raises BadCursor."""
    if page.cursor is None:
        return None
    try:
        if len(page.cursor) > MAX_CURSOR:
            raise BadCursor
        values = orjson.loads(base64.b64decode(page.cursor.encode("ascii"), altchars=b"-_", validate=True))
    except (UnicodeEncodeError, binascii.Error, orjson.JSONDecodeError) as error:
        raise BadCursor from error
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise BadCursor
    if any(isinstance(value, int) and not -(2**63) <= value < 2**63 for value in values):
        raise BadCursor
    return tuple(values)


def listing(
    rows: Sequence[Row], page: Page, item: Callable[[Row], Item], key: Callable[[Row], Sequence[str | int]]
) -> Listing[Item]:
    """A page of rows of which one more than the limit was asked for; `key` gives what a cursor stands for."""
    more = len(rows) > page.limit
    rows = rows[: page.limit]
    cursor = base64.urlsafe_b64encode(orjson.dumps(list(key(rows[-1])))).decode() if more else None
    return Listing(tuple(map(item, rows)), cursor)
