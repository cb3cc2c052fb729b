"""The messages that an operation goes back to: what they say, what they answer, and what was taken out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.extract.evidence import Evidence, evidence
from gateway.extract.llm import USER_CHARACTERS, Question
from gateway.extract.local import statements
from gateway.prompt import own_words
from gateway.store.jobs import Heard
from gateway.store.learning import form
from gateway.wire.lenient import sound
from gateway.words import sentences, terms

SHORT = 12
"""Words; a shorter message may be an answer to what was asked before it."""


@dataclass(frozen=True, slots=True)
class Source:
    """What operations that name a set of messages may draw on."""

    messages: tuple[Heard, ...]
    texts: tuple[str, ...]
    asked: tuple[str, ...]
    """Questions that short ones of them answer."""
    given: Evidence

    @property
    def keys(self) -> tuple[int, ...]:
        return tuple(message.key for message in self.messages)

    @property
    def newest(self) -> Heard:
        return max(self.messages, key=lambda message: message.said_at)


class Sources:
    """The user's messages of one batch, by the numbers that they were shown with."""

    def __init__(self, asked: Question) -> None:
        self._asked = asked
        self.texts = tuple(sound(own_words(message.text)[:USER_CHARACTERS]) for message in asked.said)
        self._given: dict[tuple[str, ...], Evidence] = {}
        self._stated: dict[int, list[tuple[frozenset[str], bytes]]] = {}
        """Of the statements of a message: their words and forms."""

    def find(self, numbers: Sequence[int]) -> Source | None:
        """The messages with these numbers; None if there is none, or one of them was not shown."""
        named = dict.fromkeys(numbers)
        if not named or not all(1 <= number <= len(self.texts) for number in named):
            return None
        texts = tuple(self.texts[number - 1] for number in named)
        short = [number for number in named if len(self.texts[number - 1].split()) <= SHORT]
        asked = tuple(_question(self._asked.before[number - 1]) for number in short)
        messages = tuple(self._asked.said[number - 1] for number in named)
        return Source(messages, texts, asked, self.evidence((*texts, *asked)))

    def evidence(self, texts: tuple[str, ...]) -> Evidence:
        """The evidence of these texts, weighed once."""
        if texts not in self._given:
            self._given[texts] = evidence(texts)
        return self._given[texts]

    def lost(self, text: str, numbers: Sequence[int]) -> bool:
        """Whether a statement of these messages that says as much was deleted or edited before they were read."""
        content = set(terms(text))
        return any(
            len(content & words) * 2 >= len(content) and own not in self._asked.said[number - 1].stated
            for number in numbers
            for words, own in self._forms(number)
        )

    def _forms(self, number: int) -> list[tuple[frozenset[str], bytes]]:
        if number not in self._stated:
            message, before = self._asked.said[number - 1], self._asked.before[number - 1]
            found = statements(self.texts[number - 1], asked=before, at=message.said_at)
            self._stated[number] = [(frozenset(terms(said.text)), form(said.text)) for said in found]
        return self._stated[number]


def _question(text: str) -> str:
    """The question that the assistant's message ends with."""
    last = next(reversed(sentences(text[-1000:])), "")
    return last if last.endswith(("?", "\uff1f", "\u061f")) else ""
