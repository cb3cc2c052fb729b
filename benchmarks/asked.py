"""People and their messages, what is asked about them, and when an answer counts: for fitting and for measuring."""

import asyncio
import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.dense import Encoding, pack
from gateway.embed import load
from gateway.ranking import EntityIndex, Unit
from gateway.weights import FITTED, Fitted
from gateway.words import is_question, label, sentences

Lookup = Mapping[str, Encoding]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OPENING = 150
"""Characters of a block's opening line."""
FILLERS = (
    "My {who}'s hobby is {what}.",
    "My {who} likes {what} since {when}.",
    "My {who} bought a {thing} in {where}.",
    "My {who} keeps the {thing} next to the {other}.",
    "I returned the {thing} on {when}.",
    "I visited {where} in {when}.",
    "The {thing} in {where} was too expensive.",
    "In {when} I repaired a {thing} and a {other}.",
    "People in {where} were friendly in {when}.",
    "A {thing} fell on my {other}.",
    "I read that {what} is popular in {where}.",
    "The {other} broke in {when}, so I borrowed one from my {who}.",
)
"""Statements that none of the questions is about, with words from FILLING."""
FILLING = {
    "who": "aunt uncle cousin niece colleague stepsister mentor gardener tutor godfather".split(),
    "what": "chess jazz opera archery techno origami judo knitting folk sailing".split(),
    "thing": "lamp toaster drill blanket ladder kettle tent scarf blender mirror".split(),
    "other": "bucket vase stool basket curtain rug hammer candle cushion bench".split(),
    "when": "1999 2004 2008 2011 2014 January April July October December".split(),
    "where": "Oslo Prague Naples Ghent Basel Riga Dublin Porto Malmo Graz".split(),
}
WORD = re.compile(r"[^\W_]+")


@dataclass
class Ask:
    """A question, the keys of the units that answer it, and the words that a line has to hold for each."""

    text: str
    answers: list[int]
    keys: list[set[str]]
    category: int = 0
    """Of LoCoMo: 1 multi-hop, 2 temporal, 3 open-domain, 4 single-hop; 0: of another source."""


def recalled(ask: Ask, lines: Iterable[str]) -> float:
    """The share of the answers of which one line holds at least 70 % of the words."""
    held = [words(line) for line in lines]
    return sum(any(len(key & line) >= 0.7 * len(key) for line in held) for key in ask.keys) / len(ask.keys)


def words(text: str) -> set[str]:
    return {word.casefold() for word in WORD.findall(text)}


def key_sentence(text: str, wanted: set[str]) -> set[str]:
    bare = re.sub(r"\[shares a photo:[^\]]*\]", "", text).strip()
    choices = [piece for piece in re.split(r"(?<=[.!?])\s+", bare) if words(piece)] or [text]
    return words(max(choices, key=lambda piece: (len(words(piece) & wanted), len(piece))))


def conversation(path: Path) -> tuple[list[Unit], list[Ask]]:
    """A conversation of LoCoMo: one unit a turn (its turns are short), and its answerable questions."""
    raw = json.loads(path.read_text())
    units: list[Unit] = []
    turns: dict[str, tuple[int, str]] = {}
    for session in raw["sessions"]:
        clock, day = session["time"].split(" on ")
        start = datetime.strptime(f"{day} {clock.replace(' ', '')}".upper(), "%d %B, %Y %I:%M%p").replace(tzinfo=UTC)
        for place, turn in enumerate(session["turns"]):
            text = f"{turn['speaker']}: {turn['text']}"
            turns[turn["id"]] = (len(units), turn["text"])
            said = start + timedelta(seconds=30 * place)
            units.append(Unit(len(units), session["id"], text, said, label(text)))
    asks = []
    for entry in raw["qa"]:
        named = dict.fromkeys(id for text in entry["evidence"] for id in re.findall(r"D\d+:\d+", text))
        found = [turns[id] for id in named if id in turns]
        if found and entry["category"] in (1, 2, 3, 4):
            wanted = words(f"{entry['question']} {entry['answer']}")
            keys = [key_sentence(text, wanted) for _, text in found]
            asks.append(Ask(entry["question"], [place for place, _ in found], keys, entry["category"]))
    return units, asks


def cases() -> list[dict[str, Any]]:
    """{"say": a statement or null, "ask": questions}: with null, nobody knows."""
    lines = Path(__file__).with_name("first_person.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def fillers(count: int, rng: random.Random) -> list[str]:
    """Different statements."""
    made: dict[str, None] = {}
    while len(made) < count:
        made[rng.choice(FILLERS).format(**{name: rng.choice(words) for name, words in FILLING.items()})] = None
    return list(made)


def encode(texts: Sequence[str], folder: Path) -> Lookup:
    """The encoding of every text, or none at all where no model is."""

    async def work() -> Lookup:
        embedder = await load("auto", "all-MiniLM-L6-v2", 1, folder)
        if embedder is None:
            return {}
        try:
            return dict(zip(texts, await embedder.encode(texts), strict=True))
        finally:
            embedder.close()

    return asyncio.run(work())


def index(units: Iterable[Unit], encodings: Lookup, fitted: Fitted = FITTED) -> EntityIndex:
    built = EntityIndex(fitted)
    for unit in units:
        built.add([unit])
        if unit.text in encodings:
            built.attach(unit.key, pack(encodings[unit.text]))
    return built


def person(
    case: dict[str, Any], size: int, known: bool, said: Sequence[str], pool: Sequence[str], rng: random.Random
) -> tuple[list[Unit], int]:
    """Someone with `size` memories, half of them other people's statements as far as there are; the place of the case's
    own, or -1. Each message has a session of its own, or eight unrelated ones share one."""
    others = [other for other in said if other != case["say"]]
    wanted = size - known
    texts = rng.sample(others, min(len(others), (wanted + 1) // 2))
    texts += rng.sample(pool, wanted - len(texts))
    rng.shuffle(texts)
    place = rng.randrange(len(texts) + 1) if known else -1
    if known:
        texts.insert(place, case["say"])
    per = rng.choice((1, 1, 8))
    hours = [NOW - timedelta(hours=size - at) for at in range(size)]
    return [Unit(at, f"s{at // per}", text, hours[at], None) for at, text in enumerate(texts)], place


def statements(text: str) -> tuple[str, ...]:
    """The sentences of `text` that do not ask."""
    return tuple(sentence for sentence in sentences(text) if not is_question(sentence))
