"""Turns as the gateway would record them, made without a request."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from gateway.domain import Message, Scope, Statement, Turn, TurnState
from gateway.wire.chat import ROOT, hashed, read_message

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def message(role: str, text: str, previous: Message | None = None) -> Message:
    value = {"role": role, "content": text}
    return read_message(value, json.dumps(value), previous)


@dataclass
class Conversation:
    """The turns of one session, each a minute after the one before."""

    scope: Scope
    history: list[Message] = field(default_factory=list)
    minutes: int = 0

    def turn(
        self,
        text: str,
        answer: str | None = "Noted.",
        *,
        states: Sequence[Statement] = (),
        state: TurnState = "complete",
        replaces: str | None = None,
        sends_history: bool = False,
    ) -> Turn:
        """The next turn: the user says `text`, and `states` is what was learnt from it."""
        previous = self.history[-1] if self.history else None
        said = message("user", text, previous)
        reply = message("assistant", answer, said) if answer is not None else None
        self.history += [said, reply] if reply else [said]
        self.minutes += 1
        at = BEGUN + timedelta(minutes=self.minutes)
        return Turn(
            id=uuid.uuid4().hex,
            scope=self.scope,
            request=hashed((self.scope.session or "").encode(), said.digest),
            replaces=replaces,
            anchor=previous.chain if previous else ROOT,
            messages=(said,),
            learn=((said, tuple(states)),) if state == "complete" else (),
            reply=reply,
            state=state,
            sends_history=sends_history,
            said_at=at,
            started_at=at,
            model="m",
            upstream_id=f"answer {self.minutes}",
            finish_reason="stop",
            usage={"total_tokens": 10},
            timings={"memory": 1.5},
        )


def fact(text: str) -> Statement:
    return Statement(text, "fact")
