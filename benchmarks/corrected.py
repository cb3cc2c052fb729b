"""How many changes are understood, by rules and judge together: python -m benchmarks.corrected [--held] [--show]

Each dialogue of dialogues.jsonl beside this file (with --held: of its held-back twin) is somebody's whole memory.
Printed is how many leave what is current and nothing that is over: by the rules alone, as the next request finds it,
and after the judge in the background.
"""

import asyncio
import os
import sys
from collections.abc import Sequence

import numpy as np

from benchmarks.extraction import NOW, Tally, cases, ends, holding, lost
from gateway.corrections import NEAREST, Floats, Gone, gone, over
from gateway.domain import Statement
from gateway.embed import Embedder
from gateway.embedders import load
from gateway.extract.fragments import fragments, rest
from gateway.extract.local import statements
from gateway.model import NAME, default_folder
from gateway.store.contesting import still


async def live(messages: Sequence[str], embedder: Embedder, *, judged: bool) -> list[Statement]:
    """What is current after the messages were said in order; by the rules alone unless they are judged."""
    kept: list[Statement] = []
    for message in messages:
        found = statements(message, at=NOW, tagger=embedder.tagger)
        older: list[Statement] = []
        for old in kept:
            by = next((new for new in found if ends(new, old)), None)
            if by is None:
                older.append(old)
            elif judged and not old.refused and not by.refused:
                older += await _left(embedder, by.text, old)
        if judged and older and older == kept and any(not one.refused for one in found):
            older = await _judged(embedder, message, older)
        for new in found:
            older = [*(old for old in older if not ends(new, old)), new]
        kept = older
    return [one for one in kept if not one.refused]


async def _left(embedder: Embedder, by: str, old: Statement) -> list[Statement]:
    """What is left of a statement that a rule has ended."""
    several = fragments(old.text)
    if len(several) == 1:
        return []
    return _without(old, gone(await embedder.read_change(by), await _vectors(embedder, several)), by)


async def _judged(embedder: Embedder, message: str, older: list[Statement]) -> list[Statement]:
    [new] = await _vectors(embedder, [message])
    vectors = [await _vectors(embedder, fragments(one.text)) for one in older]
    order = sorted(range(len(older)), key=lambda at: -float((vectors[at] @ new).max()))[:NEAREST]
    standing = [older[at].standing for at in order]
    found = over(await embedder.read_change(message), [vectors[at] for at in order], standing, len(older))
    if found is None:
        return older
    place = order[found.place]
    return [*older[:place], *_without(older[place], found.gone, message), *older[place + 1 :]]


def _without(old: Statement, parts: Gone, by: str) -> list[Statement]:
    left = rest(old.text, parts.over, by, parts.stays)
    return [Statement(left, old.kind, triples=still(old.triples, old.text, left))] if left else []


async def _vectors(embedder: Embedder, texts: Sequence[str]) -> Floats:
    return np.stack([each.vector for each in await embedder.encode(list(texts))])


async def tallied(embedder: Embedder, held: bool, *, judged: bool) -> dict[str, Tally]:
    """Of changes, of what only looks like one, and of all; and of the statements alone that were kept when they were
    said: of those that are over, and of those that stay."""
    tallies = {name: Tally() for name in ("change", "no change", "all", "closed", "stays")}
    for case in cases("dialogues", held):
        found = await live(case["say"], embedder, judged=judged)
        missing = lost(found, case)
        stale = [words for words in case["over"] if holding(found, words)]
        miss = f"{case['say']}\n      lost {missing}, stale {stale}"
        for name in (case["kind"], "all"):
            tallies[name].count(not missing and not stale, miss)
        said = [one for text in case["say"] for one in statements(text, at=NOW, tagger=embedder.tagger)]
        never = lost(said, case)
        for words in case["over"]:
            if holding(said, words):
                tallies["closed"].count(words not in stale, miss)
        for words in case["current"]:
            if words not in never:
                tallies["stays"].count(words not in missing, miss)
    return tallies


async def main() -> None:
    held, show = "--held" in sys.argv, "--show" in sys.argv
    embedder = await load("auto", NAME, 1, default_folder(os.environ))
    assert embedder
    for label, judged in (("rules alone", False), ("with the judge", True)):
        print(f"{label}:")
        for name, tally in (await tallied(embedder, held, judged=judged)).items():
            print(f"    {name:<10} {tally}")
            if show and judged and name in ("change", "no change"):
                print(*(f"        {miss}" for miss in tally.misses), sep="\n")
    embedder.close()


if __name__ == "__main__":
    asyncio.run(main())
