"""People and their messages, what is asked about them, and when an answer counts: for fitting and for measuring."""

import asyncio
import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.dense import Encoding
from gateway.embedders import load
from gateway.entity import CANDIDATES
from gateway.ranking import EntityIndex
from gateway.relevance import admitted
from gateway.selection import Candidate, select
from gateway.units import Unit
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
LISTS = (
    "My {thing} number {number} is from {where}.",
    "Item {number} on my list is a {thing} for my {who}.",
    "On day {number} I practised {what}.",
    "I bought a {thing} in {where} for {number} euros.",
    "My {who} has {number} {thing}s and a {other}.",
)
"""Statements that one person makes hundreds of, in nearly the same words."""
FILLING = {
    "who": "aunt uncle cousin niece colleague stepsister mentor gardener tutor godfather".split(),
    "what": "chess jazz opera archery techno origami judo knitting folk sailing".split(),
    "thing": "lamp toaster drill blanket ladder kettle tent scarf blender mirror".split(),
    "other": "bucket vase stool basket curtain rug hammer candle cushion bench".split(),
    "when": "1999 2004 2008 2011 2014 January April July October December".split(),
    "where": "Oslo Prague Naples Ghent Basel Riga Dublin Porto Malmo Graz".split(),
    "number": [str(number) for number in range(2, 2000)],
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


def cases(name: str = "first_person", held: bool = False) -> list[dict[str, Any]]:
    """{"say": a statement or null, "ask": questions, the nearest first}: with null, nobody knows. `held`: those that
    nothing was fitted on. `name`: first_person; oblique, whose questions share few words with what answers them; or
    everyday and near, whose three are plain, in other words, and a request that the statement matters for; near has
    "near" too: four that are about the like, and not answered by it. fresh is held back only; those that nobody
    knows there were told apart from its own statements alone, so that sets cannot be put together."""
    lines = Path(__file__).with_name(f"{name}_held.jsonl" if held else f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def fillers(count: int, rng: random.Random, templates: Sequence[str] = FILLERS) -> list[str]:
    """Different statements."""
    made: dict[str, None] = {}
    while len(made) < count:
        made[rng.choice(templates).format(**{name: rng.choice(words) for name, words in FILLING.items()})] = None
    return list(made)


def encode(texts: Sequence[str], folder: Path) -> Lookup:
    """The encoding of every text, as of a question, or none at all where no model is."""

    async def work() -> Lookup:
        embedder = await load("auto", "all-MiniLM-L6-v2", 1, folder)
        if embedder is None:
            return {}
        try:
            return {text: await embedder.encode_query(text) for text in texts}
        finally:
            embedder.close()

    return asyncio.run(work())


def index(units: Sequence[Unit], packed: Mapping[str, bytes], fitted: Fitted = FITTED) -> EntityIndex:
    """`packed`: the units' encodings by text, as far as there are any."""
    built = EntityIndex(fitted)
    built.add(units)
    for unit in units:
        if unit.text in packed:
            built.attach([(unit.key, packed[unit.text])])
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


def people(
    everyone: Sequence[dict[str, Any]], pool: Sequence[str], sizes: Sequence[int], seed: int
) -> Iterator[tuple[bool, list[Unit], list[Ask]]]:
    """Someone who knows, and someone who does not, for each case and size; with the case's questions."""
    rng = random.Random(seed)
    said = [case["say"] for case in everyone if case["say"]]
    for case in everyone:
        for size in sizes:
            for known in (True, False) if case["say"] else (False,):
                units, answer = person(case, size, known, said, pool, rng)
                yield known, units, [Ask(question, [answer], []) for question in case["ask"]]


def statements(text: str) -> tuple[str, ...]:
    """The sentences of `text` that do not ask."""
    return tuple(sentence for sentence in sentences(text) if not is_question(sentence))


def block(
    built: EntityIndex, units: Sequence[Unit], ask: Ask, encodings: Lookup, tokens: int, whole: bool
) -> list[str]:
    """The lines that would be injected; `whole`: questions too."""
    ranked = built.rank(ask.text, encodings.get(ask.text), now=NOW, allowed=None, limit=CANDIDATES)
    texts = {each.key: units[each.key].text for each in admitted(ranked, 0.5)}
    lines = {key: (text,) if whole else statements(text) for key, text in texts.items()}
    overhead = len("- [2023-05-08] ") + 1
    candidates = [Candidate(str(key), told, overhead) for key, told in lines.items() if told]
    return [line for _, line in select(ask.text, candidates, 4 * tokens - OPENING)]
