"""What the commands print: tables for people, JSON for programs, progress for who waits."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_TOLD = {"dense": "meaning", "maxsim": "words' meaning", "bm25_window": "words"}
"""Signals of recall, as people call them."""


def out() -> Console:
    """The terminal, or the file, that answers go to."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def say(text: str) -> None:
    """One line of an answer, as it is."""
    out().print(text, markup=False)


def hint(text: str) -> None:
    """One line beside the answer."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, style="dim", markup=False)


def json(value: object) -> None:
    """The answer in JSON."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; what it shows is text, never markup and never anything that steers the terminal."""
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold", ratio=1 if column == "text" else None, no_wrap=column == "id")
    for row in rows:
        shown.add_row(*(plain(value) for value in row))
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=200)
    console.print(shown)


def plain(value: object) -> Text:
    """A value as text that does nothing to the terminal."""
    text = "" if value is None else str(value)
    return Text("".join(mark if mark.isprintable() else " " for mark in text))


def memories(found: Sequence[Mapping[str, Any]]) -> None:
    """A table of memories."""
    scored = any("score" in memory for memory in found)
    columns = [*(["score"] if scored else []), "id", "date", "kind", "text", "scope", *(["why"] if scored else [])]
    rows = (_row(memory) for memory in found)
    if scored:
        rows = ([f"{memory['score']:.2f}", *_row(memory), _why(memory["signals"])] for memory in found)
    table(columns, rows)


def findings(rows: Sequence[tuple[str, str, str, str, str]]) -> None:
    """What was looked at: its name, its state and that one's colour, what was found, and what to do about it."""
    console = out()
    width = max(len(what) for what, *_ in rows)
    for what, state, style, found, advice in rows:
        line = Text.assemble((f"{state:<5}", style), f"{what:<{width + 2}}", plain(found))
        console.print(line)
        if advice:
            console.print(Text(" " * (width + 7) + "→ ").append(plain(advice)))


def progress() -> Progress:
    """A bar on standard error, where that is a terminal: what is done, what is left, how long it takes."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _why(signals: Mapping[str, float]) -> str:
    """The signals that say most to people, as far as there are any."""
    if signals.get("standing"):
        return "always told"
    if signals.get("fact") or signals.get("kind"):
        return "asked for by name"
    return ", ".join(f"{shown} {signals[name]:.2f}" for name, shown in _TOLD.items() if signals.get(name))


def _row(memory: Mapping[str, Any]) -> list[object]:
    scope = " ".join(f"{name}={memory[name]}" for name in ("process", "session") if memory.get(name))
    status = memory.get("status", "active")
    return [
        memory["id"],
        str(memory.get("last_seen", ""))[:10],
        memory["kind"],
        memory["text"] if status == "active" else f"({status}) {memory['text']}",
        scope,
    ]
