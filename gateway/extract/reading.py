"""What the reading of one clause collects: triples, and what they end."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.domain import Ended, Triple
from gateway.extract.groups import Group, bare, listed
from gateway.extract.lexicon import ADDS
from gateway.extract.subjects import Mentioned, Subject, one_valued
from gateway.extract.tokens import Phrases, Words

_CHANGED = frozenset(
    """actually correction now anymore changed change updated new instead wrong longer switched moved rescheduled
    postponed meant typo currently renamed latest nowadays mistaken misspoke replaced""".split()
)
_TURNED = frozenset("now nowadays instead switched changed".split())
_OF_LATE = Phrases("as of, from today, from tomorrow, change of plan, at last, once again")
_OPPOSITE = {"likes": "dislikes", "dislikes": "likes"}
_LONGEST = 120
"""Characters of an object: what is longer is a tale, not a value."""


@dataclass(slots=True)
class Reading:
    """One clause, from word `at` up to `stop`, with what was found in it."""

    words: Words
    at: int
    stop: int
    mentioned: Mentioned
    changed: bool = False
    """The sentence says that something is not as it was."""
    carried: str = ""
    """The subject, in the user's words, that the clause shares with an earlier one."""
    triples: list[Triple] = field(default_factory=list)
    ends: list[Ended] = field(default_factory=list)

    @property
    def plain(self) -> list[str]:
        return self.words.plain

    def word(self, at: int) -> str:
        """Lower case; empty behind the clause."""
        return self.words.plain[at] if at < self.stop else ""

    @property
    def adds(self) -> bool:
        return not ADDS.isdisjoint(self.plain[self.at : self.stop])

    @property
    def turned(self) -> bool:
        """The sentence says that this holds in place of something else."""
        return not self.adds and (
            not _TURNED.isdisjoint(self.plain) or ("these" in self.plain and "days" in self.plain)
        )

    def state(
        self, subject: str, predicate: str, said: str, changed: tuple[str, ...] = (), *, one: bool = False
    ) -> None:
        """A triple; it ends older values where the predicate has one value (`one`: it has), or the words say that it
        changed. `changed`: the subjects whose values it ends, if they are others than its own."""
        value = bare(said)
        if not (value and subject and predicate) or len(value) > _LONGEST:
            return
        self.triples.append(Triple(subject, predicate, value))
        if predicate in _OPPOSITE:
            self.end(subject, _OPPOSITE[predicate], value)
        elif ((one or one_valued(predicate) or (self.changed and predicate == "goes to")) and not self.adds) and (
            not changed or subject in changed
        ):
            self.end(subject, predicate)

    def state_each(self, subject: str, predicate: str, said: str) -> None:
        for value in listed(said):
            self.state(subject, predicate, value)

    def end(self, subject: str, predicate: str, said: str = "") -> None:
        """With no predicate: whatever has that object."""
        ended = Ended(subject, predicate, bare(said))
        if subject and (predicate or ended.object) and ended not in self.ends:
            self.ends.append(ended)

    def tell(self, subject: Subject, group: Group, predicate: str, said: str, each: bool = False) -> None:
        """What the verb group makes of a predicate and its object: it holds, it is over, or it is only thought of."""
        if group.over:
            for actor in subject.actors:
                self.end(actor, predicate, said)
        elif group.unreal:
            return
        elif group.negated:
            self._deny(subject, predicate, said)
        else:
            for actor in subject.actors:
                for value in listed(said) if each else [said]:
                    self.state(actor, predicate, value, subject.changed)

    def _deny(self, subject: Subject, predicate: str, said: str) -> None:
        for actor in subject.actors:
            if predicate in _OPPOSITE:
                self.state(actor, _OPPOSITE[predicate], said)
            elif said:
                self.end(actor, predicate, said)


def says_change(words: Words) -> bool:
    """Whether one of the words says that something is not as it was, or was said wrongly."""
    plain = words.plain
    return not _CHANGED.isdisjoint(plain) or ("days" in plain and "these" in plain) or _OF_LATE.within(plain)
