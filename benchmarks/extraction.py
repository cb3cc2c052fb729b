"""How much of what people state is kept, told apart and superseded: python -m benchmarks.extraction [--held] [--show]
[--no-model]

The cases are statements.jsonl and dialogues.jsonl beside this file; with --held their held-back twins.
--show prints the misses; --no-model asks the features alone, as where there is no embedding model.
"""

import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any

from gateway.domain import LASTING, Ended, Statement, Triple
from gateway.embedders import OnnxEmbedder
from gateway.extract.local import statements
from gateway.model import default_folder, prepare
from gateway.tagging import Tagger
from gateway.words import fold

NOW = datetime(2024, 5, 10, 14, tzinfo=UTC)


@dataclass
class Tally:
    """Counts of right ones among all, and what went wrong."""

    right: int = 0
    of: int = 0
    misses: list[str] = field(default_factory=list)

    def count(self, right: bool, miss: str) -> None:
        self.of += 1
        self.right += right
        if not right:
            self.misses.append(miss)

    def add(self, other: "Tally") -> None:
        self.right += other.right
        self.of += other.of
        self.misses += other.misses

    def __str__(self) -> str:
        return f"{100 * self.right / max(1, self.of):5.1f} %  ({self.right} of {self.of})"


def cases(name: str, held: bool) -> list[dict[str, Any]]:
    path = Path(__file__).with_name(f"{name}_held.jsonl" if held else f"{name}.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def plain(text: str) -> str:
    return " ".join(text.casefold().split())


def shared(one: str, other: str) -> bool:
    """Whether three words in a row, or all of either, stand in both."""
    ours, theirs = bare(one), bare(other)
    if ours and (f" {ours} " in f" {theirs} " or f" {theirs} " in f" {ours} "):
        return True
    words = ours.split()
    return any(f" {' '.join(words[at : at + 3])} " in f" {theirs} " for at in range(len(words) - 2))


def bare(text: str) -> str:
    return plain("".join(character if character.isalnum() or character in "'’" else " " for character in text))


def holding(found: Sequence[Statement], words: str) -> Statement | None:
    """The statement that holds `words`, the shortest first."""
    held = [one for one in found if plain(words) in plain(one.text)]
    return min(held, key=lambda one: len(one.text), default=None)


JOINING = frozenset("and but so because since which who".split())
"""Words that may be lost where a statement was cut in two."""


def holders(found: Sequence[Statement], words: str) -> list[Statement]:
    """The one statement that holds `words`, or else the neighbours that a statement was cut into: together they hold
    all of its words in order, but for joining words and a subject that is repeated. None where a part is missing."""
    one = holding(found, words)
    if one is not None:
        return [one]
    wanted = _spoken(words)
    runs = (_run(found[first:], wanted) for first in range(len(found)))
    return min(filter(None, runs), key=len, default=[])


def _run(found: Sequence[Statement], wanted: list[str]) -> list[Statement]:
    """The first statements, as many as it takes, where the first one ends with how `wanted` begins, and each further
    one goes on from its own begin, or behind words that the one before begins with too."""
    before: list[str] = []
    for count, one in enumerate(found, 1):
        own = _spoken(one.text)
        begins = range(len(own)) if count == 1 else range(_shared(before, own) + 1)
        length = next((len(own) - at for at in begins if _meet(own[at:], wanted)), 0)
        if not length:
            return []
        if length >= len(wanted):
            return list(found[:count])
        before, wanted = own, wanted[length:]
    return []


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _meet(own: list[str], wanted: list[str]) -> bool:
    """Whether one of the two, neither of them empty, begins with the other."""
    length = min(len(own), len(wanted))
    return length > 0 and own[:length] == wanted[:length]


def _spoken(text: str) -> list[str]:
    return [word for word in re.findall(r"[\w'’%$€£]+", plain(text)) if word not in JOINING]


def ends(new: Statement, old: Statement) -> bool:
    """Whether a new statement supersedes an old one."""
    return any(_ends(new, ended, triple) for ended in new.ends for triple in old.triples)


def _ends(new: Statement, ended: Ended, triple: Triple) -> bool:
    if not ended.predicate:
        same = _key(ended.subject, ended.object) == _key(triple.subject, triple.object)
        return same and triple.predicate not in LASTING
    if _key(ended.subject, ended.predicate) != _key(triple.subject, triple.predicate):
        return False
    if ended.object:
        return fold(ended.object) == fold(triple.object)
    own = {
        fold(each.object)
        for each in new.triples
        if _key(each.subject, each.predicate) == _key(ended.subject, ended.predicate)
    }
    return fold(triple.object) not in own


def _key(subject: str, predicate: str) -> tuple[str, str]:
    return fold(subject), fold(predicate)


def live(messages: Sequence[str], tagger: Tagger | None = None) -> list[Statement]:
    """What is current after the messages were said in order."""
    kept: list[Statement] = []
    for message in messages:
        for new in statements(message, at=NOW, tagger=tagger):
            kept = [old for old in kept if not ends(new, old)]
            kept.append(new)
    return [one for one in kept if not one.refused]


def tallied(
    messages: Sequence[dict[str, Any]], tagger: Tagger | None = None
) -> tuple[dict[str, Tally], Counter[tuple[str, str]]]:
    """What is kept (and of it what in one piece), left out and told apart in the messages, and which kinds were taken
    for which."""
    tallies = {name: Tally() for name in ("kept whole", "kept", "left out", "kind", "standing")}
    confused: Counter[tuple[str, str]] = Counter()
    for case in messages:
        at = datetime.fromisoformat(case["at"])
        found = statements(case["said"], asked=case["asked"], at=at, tagger=tagger)
        texts = [one.text for one in found]
        for wanted in case["statements"]:
            held = holders(found, wanted["words"])
            tallies["kept whole"].count(len(held) == 1, f"{wanted['words']!r}: {texts}")
            tallies["kept"].count(bool(held), f"{wanted['words']!r} of {case['said']!r}: {texts}")
            if not held:
                continue
            one = next((one for one in held if one.kind == wanted["kind"]), held[0])
            confused[wanted["kind"], one.kind] += 1
            tallies["kind"].count(one.kind == wanted["kind"], f"{wanted['kind']} as {one.kind}: {one.text!r}")
            standing = bool(wanted.get("standing"))
            got_standing = any(each.standing for each in held)
            tallies["standing"].count(got_standing == standing, f"{standing} wanted: {one.text!r}")
        for piece in case["not"]:
            got = holding(found, piece)
            tallies["left out"].count(got is None, f"{piece!r} in {got.text if got else ''!r}")
    return tallies, confused


def lost(found: Sequence[Statement], case: dict[str, Any]) -> list[str]:
    """What is current and not told; of words that name the old value too ("from Porto to Lisbon"), the new one has
    to be."""
    return [
        words
        for words in case["current"]
        if not holders(found, words) and not any(holding(found, one.text) for one in statements(words, at=NOW))
    ]


def of_dialogues(held: bool, tagger: Tagger | None) -> dict[str, Tally]:
    tallies = {"change": Tally(), "no change": Tally()}
    for case in cases("dialogues", held):
        found = live(case["say"], tagger)
        missing = lost(found, case)
        stale = [words for words in case["over"] if holding(found, words)]
        miss = f"{case['say']}\n      lost {missing}, stale {stale}"
        tallies[case["kind"]].count(not missing and not stale, miss)
    return tallies


def microseconds(held: bool, tagger: Tagger | None) -> float:
    """Of one message of the cases, the mean."""
    said = [case["said"] for case in cases("statements", held)]
    begun = time.perf_counter()
    for text in said:
        statements(text, at=NOW, tagger=tagger)
    return (time.perf_counter() - begun) / len(said) * 1e6


def main() -> None:
    held, show = "--held" in sys.argv, "--show" in sys.argv
    tagger = None if "--no-model" in sys.argv else OnnxEmbedder(prepare(default_folder(os.environ))).tagger
    tallies, confused = tallied(cases("statements", held), tagger)
    for name, tally in (tallies | of_dialogues(held, tagger)).items():
        print(f"{name:<10} {tally}")
        if show:
            print(*(f"    {miss}" for miss in tally.misses), sep="\n")
    print("kinds (wanted, got, times):")
    for (wanted, got), count in sorted(confused.items()):
        if wanted != got:
            print(f"    {wanted:<13} {got:<13} {count}")
    print(f"a message takes {microseconds(held, tagger):.0f} µs")


if __name__ == "__main__":
    main()
