"""What of a language model's answer may be stored: each operation is held against what was said."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast, get_args

from gateway.domain import USER, Dated, Kind, Statement, Triple
from gateway.extract.answer import Answer, Operation, Summary
from gateway.extract.evidence import Evidence, alike, evidence, numbers, related, says, supports, takes_back
from gateway.extract.guard import refusal, taint
from gateway.extract.llm import Question
from gateway.extract.local import statements
from gateway.extract.sources import Source, Sources
from gateway.store.jobs import Digest, Fact, Findings, Known, Link, Retraction
from gateway.wire.lenient import sound
from gateway.words import fold, sentences, terms

MAX_TEXT = 500
"""Characters of a memory."""
FACTS, FACTS_A_MESSAGE, MOST_FACTS = 4, 4, 80
"""How many facts a batch may bring: some, and some more for each message of the user, up to a limit."""
MOST_OPERATIONS = 200
MAX_ATTRIBUTES = 3
MAX_TITLE, MAX_SUMMARY = 120, 1000
STYLES = frozenset(("name", "called", "language", "native language", "answers", "answer style"))
"""Predicates of what stands first in every session."""
SPOKEN = 200
"""Characters of a message that surely holds nothing pasted."""

_DATE = re.compile(r"(?:19|20)\d\d(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?")
_SELF = frozenset(("user", "the user", "me", "i", "myself", "self"))
_NAME = re.compile(r"(?<=[\w,;:\"'(] )[^\W\d_a-z][\w'-]+")


@dataclass(slots=True)
class Sifted:
    """What may be stored of an answer, and what was refused of it."""

    facts: list[Fact] = field(default_factory=list)
    retractions: list[Retraction] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    digests: list[Digest] = field(default_factory=list)
    stated: tuple[tuple[int, frozenset[bytes]], ...] = ()
    refused: Counter[str] = field(default_factory=Counter)
    """Operations that were not taken, by their kind."""

    @property
    def findings(self) -> Findings:
        return Findings(
            tuple(self.facts),
            tuple(self.retractions),
            tuple(self.links),
            tuple(self.attributes),
            tuple(self.digests),
            self.stated,
        )


def sift(answer: Answer, asked: Question) -> Sifted:
    """Every operation that names what was shown and says what was said; the others are left out."""
    sifting = _Sifting(asked)
    sifting.found.stated = tuple((message.key, message.stated) for message in asked.said)
    for operation in answer.operations[:MOST_OPERATIONS]:
        if not sifting.take(operation):
            sifting.found.refused[operation.op] += 1
    sifting.found.refused["excess"] += max(0, len(answer.operations) - MOST_OPERATIONS)
    for summary in answer.sessions:
        sifting.summarise(summary)
    sifting.found.refused["misshapen"] += answer.misshapen
    return sifting.found


class _Sifting:
    def __init__(self, asked: Question) -> None:
        self.found = Sifted()
        self._asked = asked
        self._sources = Sources(asked)
        self._known = {f"m{number}": memory for number, memory in enumerate(asked.known, 1)}
        self._room = min(MOST_FACTS, FACTS + FACTS_A_MESSAGE * len(asked.said))
        self._gone: set[str] = set()
        """Ids of the memories that an operation ended."""

    def take(self, operation: Operation) -> bool:
        """Whether the operation was taken."""
        if operation.op == "attribute":
            return self._propose(operation)
        if operation.op == "merge":
            return self._merge(operation)
        source = self._sources.find(operation.sources)
        if source is None:
            return False
        if operation.op == "retract":
            return self._retract(operation, source)
        if operation.op == "link":
            triple = self._triple(operation, source.given)
            if triple:
                self.found.links.append(Link(triple, source.keys))
            return triple is not None
        return self._state(operation, source)

    def summarise(self, summary: Summary) -> None:
        """Keep a session's title and summary, unless they carry what must not be kept."""
        if not 1 <= summary.session <= len(self._asked.sessions):
            return
        title, text = _line(summary.title)[:MAX_TITLE], _line(summary.summary)[:MAX_SUMMARY]
        title, text = "" if refusal(title) else title, "" if refusal(text) else text
        if title or text:
            self.found.digests.append(Digest(self._asked.sessions[summary.session - 1], title, text))

    def _memories(self, operation: Operation) -> list[Known] | None:
        """The memories that the operation names; None where one was not shown, or was ended already."""
        found = [self._known.get(name) for name in dict.fromkeys(operation.ids)]
        if not found or not all(memory and memory.id not in self._gone for memory in found):
            return None
        return cast("list[Known]", found)

    def _state(self, operation: Operation, source: Source) -> bool:
        """An addition, or what takes the place of something: that has to speak of the same matter."""
        older: list[Known] = []
        if operation.op == "supersede":
            named = self._memories(operation)
            if named is None:
                return False
            said = "\n".join((operation.text, *source.texts))
            older = [memory for memory in named if related(memory.text, said)]
        text = _line(operation.text)
        given = source.given
        if older and not says(text, given):
            given = self._sources.evidence((*source.texts, *source.asked, *(memory.text for memory in older)))
            if not related(text, "\n".join(source.texts)):
                return False
        if not self._fits(text) or not says(text, given) or self._sources.lost(text, operation.sources):
            return False
        newest = source.newest
        statement = self._statement(operation, text, source, given)
        ids = tuple(memory.id for memory in older)
        self.found.facts.append(Fact(statement, source.keys, newest.session, newest.said_at, ids))
        self._gone.update(ids)
        return True

    def _merge(self, operation: Operation) -> bool:
        """Near-duplicates into one that says no more than they do."""
        memories = self._memories(operation)
        if memories is None or len(memories) < 2:
            return False
        text, first = _line(operation.text), memories[0]
        same = all(alike(first.text, memory.text) and alike(text, memory.text) for memory in memories)
        if not same or not self._fits(text):
            return False
        given = evidence(memory.text for memory in memories)
        triples = tuple(dict.fromkeys(triple for memory in memories for triple in memory.triples))
        statement = Statement(text, self._kind(operation, first.kind), triples=triples, refused=refusal(text))
        if statement.refused or not says(text, given):
            return False
        said_at = max(memory.said_at for memory in memories)
        ids = tuple(memory.id for memory in memories)
        session = self._asked.said[-1].session
        self.found.facts.append(Fact(statement, (), session, said_at, ids, merges=True))
        self._gone.update(ids)
        return True

    def _retract(self, operation: Operation, source: Source) -> bool:
        """What the user took back, in words that do so, about the same matter; never what they have just said."""
        memories = self._memories(operation)
        said = "\n".join(source.texts)
        if memories is None or not takes_back(said):
            return False
        taken = [m for m in memories if related(m.text, said) and fold(m.text).rstrip(".!") not in fold(said)]
        self.found.retractions += [Retraction(memory.id, source.newest.said_at) for memory in taken]
        self._gone.update(memory.id for memory in taken)
        return bool(taken)

    def _propose(self, operation: Operation) -> bool:
        """An attribute of the agent, which its other users may see: nothing in it may be this one's."""
        text = _line(operation.text)
        said = "\n".join(self._sources.texts)
        names = {fold(name) for name in _NAME.findall(text)}
        own = any(name in fold(said) for name in names)
        if not text or len(text) > MAX_TEXT or len(self.found.attributes) == MAX_ATTRIBUTES:
            return False
        if (
            own
            or numbers(text)
            or "@" in text
            or refusal(text)
            or says(text, self._sources.evidence(self._sources.texts))
        ):
            return False
        self.found.attributes.append(text)
        return True

    def _fits(self, text: str) -> bool:
        return 0 < len(text) <= MAX_TEXT and len(self.found.facts) < self._room

    def _statement(self, operation: Operation, text: str, source: Source, given: Evidence) -> Statement:
        triple = self._triple(operation, given)
        refused: str = refusal(text) or next((why for said in source.texts if (why := _refused(text, said))), "")
        return Statement(
            text,
            self._kind(operation, "fact"),
            standing=operation.standing and not refused and _stands(operation, text, source),
            triples=(triple,) if triple else (),
            dates=_since(operation, source.newest.said_at),
            alone=True,
            refused=refused,
        )

    def _kind(self, operation: Operation, default: Kind) -> Kind:
        return cast("Kind", operation.kind) if operation.kind in get_args(Kind) else default

    def _triple(self, operation: Operation, given: Evidence) -> Triple | None:
        """The operation's edge, if all of it was said."""
        subject, predicate, value = map(_line, (operation.subject, operation.predicate, operation.object))
        if not (subject and predicate and value) or max(len(subject), len(predicate)) > 60 or len(value) > 200:
            return None
        subject = USER if subject.casefold() in _SELF else subject
        if not supports(value, given) or (subject != USER and not supports(subject, given)):
            return None
        return Triple(subject, predicate.lower(), value.rstrip("."))


def _stands(operation: Operation, text: str, source: Source) -> bool:
    """Whether the user's own words make this stand: as the rules read them, or a short message and a plain edge."""
    for said in source.texts:
        own = [found.text for found in statements(said) if found.standing]
        if any(related(text, words) for words in own):
            return True
    plain = operation.predicate.strip().lower() in STYLES and supports(operation.object, source.given)
    return plain and all(len(said) <= SPOKEN and "\n" not in said for said in source.texts)


def _refused(text: str, said: str) -> str:
    """Why what a message says is not to be recalled: the whole of it, or the sentences that this text goes back to."""
    whole = taint(said)
    if whole:
        return whole
    content = set(terms(text))
    for piece in sentences(said):
        if len(content.intersection(terms(piece))) * 2 >= len(content) and (why := refusal(piece)):
            return why
    return ""


def _since(operation: Operation, said_at: datetime) -> tuple[Dated, ...]:
    """From when it holds, if that is a date, and not one after it was said by more than a century."""
    date = operation.since.strip()
    if not _DATE.fullmatch(date) or int(date[:4]) > said_at.year + 100:
        return ()
    return (Dated("since", date),)


def _line(text: str) -> str:
    """Text as one line that UTF-8 can hold."""
    return " ".join(sound(text).split())
