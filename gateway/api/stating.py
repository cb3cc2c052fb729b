"""An explicit text as a statement, so that what is said later can correct it."""

from __future__ import annotations

from datetime import datetime

from gateway.domain import Kind, Statement
from gateway.extract.guard import refusal
from gateway.extract.local import statements


def stated(text: str, at: datetime, kind: Kind | None = None, standing: bool | None = None) -> Statement:
    """The text as it was given, with what extraction reads in it; `kind` and `standing` are found out if None."""
    read = statements(text, at=at)
    found = read[0] if len(read) == 1 else None
    return Statement(
        text,
        kind or (read[0].kind if read else "fact"),
        standing=standing if standing is not None else bool(found and found.standing),
        triples=tuple(triple for one in read for triple in one.triples),
        ends=tuple(ended for one in read for ended in one.ends),
        dates=tuple(dated for one in read for dated in one.dates),
        alone=True,
        refused=refusal(text),
    )
