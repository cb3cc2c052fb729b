"""REQUIREMENTS.md names tests that exist, and they name its numbers."""

from __future__ import annotations

import ast
import pathlib
import re
from dataclasses import dataclass
from functools import cache

import pytest

ROOT = pathlib.Path(__file__).parents[2]
LAST = 122
_LINE = re.compile(r"- (\*\*)?(R-\d+)(?:\*\*)? (.+?[.:]) (held in part|held|overruled|not held): (.+)")
_TEST = re.compile(r"(test_\w+\.py)::(\w+)|(benchmarks/\w+\.py)")


@dataclass(frozen=True)
class Line:
    """One requirement as the list has it."""

    number: str
    required: bool
    state: str
    tests: tuple[tuple[str, str], ...]
    """File and function; the function is empty for a benchmark."""


def lines() -> list[Line]:
    text = (pathlib.Path(__file__).parent / "REQUIREMENTS.md").read_text()
    found = [_LINE.fullmatch(line) for line in text.splitlines() if line.startswith(("- R-", "- **R-"))]
    assert all(found), "a line is not in the form that the others have"
    return [
        Line(
            match[2],
            bool(match[1]),
            match[4],
            tuple((file or benchmark, name) for file, name, benchmark in _TEST.findall(match[5])),
        )
        for match in found
        if match
    ]


def required() -> set[str]:
    text = (pathlib.Path(__file__).parent / "REQUIREMENTS.md").read_text()
    return set(re.findall(r"R-\d+", text.partition("\nRequired: ")[2].partition("\n\n")[0]))


@cache
def marked() -> dict[tuple[str, str], set[str]]:
    """The numbers that each test names, by its file's name and its own."""
    found: dict[tuple[str, str], set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                marks = [ast.unparse(decorator) for decorator in node.decorator_list]
                named = [mark for mark in marks if mark.startswith("pytest.mark.requirement(")]
                found[path.name, node.name] = set(re.findall(r"R-\d+", "".join(named)))
    return found


LINES = lines()


def test_every_number_is_listed_once_and_in_order() -> None:
    assert [line.number for line in LINES] == [f"R-{number}" for number in range(1, LAST + 1)]
    assert {line.number for line in LINES if line.required} == required()
    assert len(required()) == 30


@pytest.mark.parametrize("line", LINES, ids=[line.number for line in LINES])
def test_what_is_listed_is_there(line: Line) -> None:
    """A required number is held, or overruled, by tests or benchmarks that name it."""
    names = marked()
    for file, test in line.tests:
        assert (file, test) in names if test else (ROOT / file).is_file(), f"{file}::{test}"
    if line.state.startswith("held") or line.required:
        assert line.tests, "no test is named"
    if line.required:
        assert line.state in ("held", "overruled")
        telling = [
            line.number in names[file, test] if test else line.number in (ROOT / file).read_text()
            for file, test in line.tests
        ]
        assert all(telling), "one of them does not name the number"


def test_every_number_that_a_test_names_is_one_of_them() -> None:
    numbers = {line.number for line in LINES}
    assert {number for named in marked().values() for number in named} <= numbers
