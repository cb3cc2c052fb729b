"""Real clients, each as it is published, are remembered, and notice nothing else of the gateway."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.doors import EveryDoor, texts
from tests.end_to_end.clients.client import Client
from tests.end_to_end.clients.conftest import Used
from tests.end_to_end.clients.model import SUNNY, failing, refusing, reply
from tests.end_to_end.clients.pins import LONG, SHORT
from tests.upstream import Received, Script
from tests.waiting import until

FACT, QUESTION = "My dog is called Biscuit.", "What is my dog called?"
SOON = 10.0
"""Seconds within which the upstream is let go of."""
pytestmark = pytest.mark.timeout(600)  # the first test that uses a client may have to install it
LATE = pytest.mark.long


def each_client(operation: str) -> pytest.MarkDecorator:
    """Every client that can do this; those of `LONG` as long tests."""
    short = [client for client in SHORT if operation in client.can]
    long = [pytest.param(client, marks=LATE) for client in LONG if operation in client.can]
    return pytest.mark.parametrize("client", [*short, *long], ids=str)


Use = Callable[..., Used]


def say(used: Used, operation: str, user: str, text: str) -> str:
    """One message in a conversation of its own, to the answer's text."""
    if operation == "stream":
        answer: str = used.through("stream", user, text=text)
        return answer
    (answer,) = used.through("talk", user, texts=[text])
    return answer


def refers(request: Received) -> bool:
    """The upstream keeps what the request goes on with."""
    return any(key in request.json for key in ("previous_response_id", "conversation")) or (
        request.json.get("thread", {}).get("type") == "continue"
    )


def foreign(request: Received) -> list[str]:
    """Headers and words of the gateway that reached the upstream."""
    names = [name for name, _ in request.headers if name in ("x-entity-id", "x-process-id", "x-session-id")]
    return names + [word for word in ("Biscuit", "<memory>") if word.encode() in request.body]


@pytest.mark.parametrize("operation", ["talk", "stream"])
@each_client("talk")
def test_a_user_is_remembered_in_a_new_session_and_no_other_user_hears_of_it(
    use: Use, client: Client, operation: str
) -> None:
    used = use(client)
    assert say(used, operation, "alice", FACT) == "Noted."
    assert say(used, operation, "alice", QUESTION) == "Biscuit."
    assert say(used, operation, "bob", QUESTION) == "I do not know."
    told, asked, other = used.served.upstream.received
    assert foreign(told) == ["Biscuit"]
    assert foreign(asked) == ["Biscuit", "<memory>"]
    assert foreign(other) == []
    alice = used.entity("alice")
    assert used.served.gateway.rows("SELECT count(DISTINCT session) FROM turns WHERE entity = ?", alice) == [(2,)]
    assert used.served.stored(alice) == [
        ("user", FACT), ("assistant", "Noted."), ("user", QUESTION), ("assistant", "Biscuit.")
    ]  # fmt: skip


@pytest.mark.parametrize(("writes", "reads"), list(itertools.pairwise([*SHORT, SHORT[0]])), ids=str)
def test_what_one_client_was_told_another_knows(use: Use, writes: Client, reads: Client) -> None:
    assert say(use(writes, "shared"), "talk", "alice", FACT) == "Noted."
    asking = use(reads, "shared")
    assert say(asking, "stream", "alice", QUESTION) == "Biscuit."
    assert say(asking, "stream", "bob", QUESTION) == "I do not know."


@each_client("talk")
def test_the_turns_of_a_conversation_are_one_session_in_which_nothing_is_told_twice(use: Use, client: Client) -> None:
    used = use(client)
    say(used, "talk", "alice", FACT)
    answers = used.through("talk", "alice", texts=[QUESTION, "Are you sure?", "Is my dog a poodle?"])
    assert answers == ["Biscuit."] * (1 if client.keeps else 3) + ["I do not know."] * (2 if client.keeps else 0)
    sessions = used.served.gateway.rows(
        "SELECT count(*) FROM turns WHERE entity = ? GROUP BY session ORDER BY 1", used.entity("alice")
    )
    assert sessions == [(1,), (3,)]
    assert used.served.turns(used.entity("alice")) == ["complete"] * 4
    said = [text for _, text in used.served.stored(used.entity("alice")) if text]  # a reference to an answer has none
    assert len(said) == 8
    assert "\n".join(texts(used.served.upstream.last)).count(FACT) == (0 if client.keeps else 1)


@each_client("tools")
def test_a_tool_loop_is_one_turn_and_its_calls_and_results_are_recorded(use: Use, client: Client) -> None:
    used = use(client)
    say(used, "talk", "alice", "I live in Evora.")
    assert used.through("tools", "alice") == SUNNY
    assert used.served.turns(used.entity("alice"))[0] == "complete"
    roles = [role for role, _ in used.served.stored(used.entity("alice"))]
    assert roles == ["user", "assistant", "user", "assistant", "tool", "assistant"]
    sessions = used.served.gateway.rows("SELECT DISTINCT session FROM turns WHERE entity = ?", used.entity("alice"))
    assert len(sessions) == 2
    begun, *gone_on = used.served.upstream.received[1:]
    assert b"<memory>" in begun.body
    assert all((b"<memory>" in request.body) is not refers(request) for request in gone_on)


@each_client("again")
def test_an_answer_that_is_refused_and_given_again_is_one_turn(use: Use, client: Client) -> None:
    used = use(client)
    assert used.through("again", "alice") == {"city": "Evora"}
    assert [role for role, _ in used.served.stored(used.entity("alice"))] == ["user", "assistant", "tool", "assistant"]


@each_client("parsed")
def test_an_answer_of_a_given_shape_is_the_shape(use: Use, client: Client) -> None:
    used = use(client)
    say(used, "talk", "alice", FACT)
    assert used.through("parsed", "alice") == {"city": "Evora"}
    assert used.served.turns(used.entity("alice")) == ["complete"] * 2


REFUSALS = {str(status): refusing(status) for status in (400, 429, 500)}
ATTEMPTS = [*itertools.product(("talk", "stream"), REFUSALS.items()), ("stream", ("broken", failing))]


@pytest.mark.parametrize(
    ("operation", "script"), [pytest.param(how, script, id=f"{how}-{name}") for how, (name, script) in ATTEMPTS]
)
@each_client("talk")
def test_an_error_of_the_upstream_raises_what_it_raises_without_the_gateway(
    use: Use, client: Client, script: Script, operation: str
) -> None:
    used = use(client)
    say(used, "talk", "alice", FACT)
    used.served.upstream.script = script
    arguments: dict[str, Any] = {"text": QUESTION} if operation == "stream" else {"texts": [QUESTION]}
    expected = used.direct(operation, **arguments)
    assert expected["raised"]
    assert used.through(operation, "alice", **arguments) == expected
    until(lambda: used.served.turns(used.entity("alice")) == ["complete", "error"])


@each_client("leave")
def test_a_client_that_leaves_ends_the_request_and_what_it_heard_is_recorded(use: Use, client: Client) -> None:
    used = use(client)
    used.served.upstream.script = EveryDoor(reply, gap=0.02)
    heard = used.through("leave", "alice")
    left = time.monotonic()
    assert "Once upon a time. ".startswith(heard) or heard.startswith("Once upon a time. ")
    request = used.served.upstream.last
    until(lambda: request.closed)
    assert request.closed is not None
    assert request.closed - left < SOON
    until(lambda: used.served.turns(used.entity("alice")) == ["partial"])
    ((_, asked), (_, answered)) = used.served.stored(used.entity("alice"))
    assert asked == "Tell me a long story."
    assert answered.startswith(heard.strip())
    used.served.upstream.script = EveryDoor(reply)
    assert say(used, "talk", "bob", QUESTION) == "I do not know."
