"""What is put back for clients that name a session and send only what is new."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.clients import CALL, OPEN_WEBUI, Served, assistant, sent, serve, user
from tests.upstream import Received, Script, Sequence, chat, completion, whole


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("shared")) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Replays at most four turns, of at most 200 tokens."""
    with serve(tmp_path_factory.mktemp("narrow"), memory={"history": {"turns": 4, "tokens": 200}}) as served:
        yield served


@pytest.fixture
def little(narrow: Served) -> Served:
    narrow.reset()
    return narrow


def test_stored_turns_stand_between_the_system_text_and_the_new_message(served: Served) -> None:
    system = {"role": "system", "content": "You are terse."}
    for question in ("One?", "Two?"):
        served.ask([system, user(question)], "replayed", session="s")
    assert sent(served.upstream.last) == [system, user("One?"), assistant(), user("Two?")]


def test_the_same_words_said_twice_are_two_turns(served: Served) -> None:
    for _ in range(3):
        served.ask("Next!", "repeating", session="s")
    assert [message["content"] for message in sent(served.upstream.last)] == [
        "Next!",
        "Noted.",
        "Next!",
        "Noted.",
        "Next!",
    ]
    assert served.turns("repeating") == ["complete"] * 3
    assert len(served.stored("repeating")) == 6


def test_a_session_without_its_id_is_never_replayed(served: Served) -> None:
    for _ in range(2):
        served.ask("Next!", "unnamed")
    assert sent(served.upstream.last) == [user("Next!")]


def test_a_client_that_once_sent_history_is_not_replayed_to(served: Served) -> None:
    served.ask([user("One?"), assistant("Mine."), user("Two?")], "own history", session="s")
    served.ask("Three?", "own history", session="s")
    assert sent(served.upstream.last) == [user("Three?")]


def test_a_chat_of_open_webui_is_never_replayed(served: Served) -> None:
    for text in ("One?", "Two?"):
        answer = served.ask(text, "open webui", headers=OPEN_WEBUI)
        assert answer.header("x-session-id") == "chat"
    assert sent(served.upstream.last) == [user("Two?")]


def test_replay_goes_on_after_a_first_turn_that_recalled_something(served: Served) -> None:
    served.ask("My boat is called Gaivota.", "recalled first")
    served.ask("What is my boat called?", "recalled first", session="s")
    before = sent(served.upstream.last)
    served.ask("Sure?", "recalled first", session="s")
    assert sent(served.upstream.last)[:2] == [*before, assistant()]


def test_a_tool_exchange_is_replayed_whole(served: Served) -> None:
    asked = user("How is the weather?")
    result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
    served.upstream.script = lambda _: [whole(completion(None, tool_calls=[CALL]))]
    served.ask([asked], "tools", session="s")
    served.upstream.script = chat("Sunny.")
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    served.ask([asked, called, result], "tools", session="s")
    assert sent(served.upstream.last) == [asked, called, result]
    served.ask("And tomorrow?", "tools", session="s")
    assert sent(served.upstream.last) == [asked, called, result, assistant("Sunny."), user("And tomorrow?")]
    assert [role for role, _ in served.stored("tools")] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
        "assistant",
    ]


def test_a_client_that_sends_its_tool_turns_one_by_one_is_replayed_to(served: Served) -> None:
    """Its second turn brings the calls of that turn, and nothing of the first."""
    result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    served.ask("Hello there?", "stepwise", session="s")
    served.upstream.script = lambda _: [whole(completion(None, tool_calls=[CALL]))]
    served.ask("How is the weather?", "stepwise", session="s")
    served.upstream.script = chat("Sunny.")
    served.ask([user("How is the weather?"), called, result], "stepwise", session="s")
    assert sent(served.upstream.last) == [
        user("Hello there?"), assistant(), user("How is the weather?"), called, result
    ]  # fmt: skip
    served.ask("And tomorrow?", "stepwise", session="s")
    assert len(sent(served.upstream.last)) == 7
    assert len(served.stored("stepwise")) == 8


def test_only_a_tools_result_is_put_behind_its_call(served: Served) -> None:
    result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
    served.upstream.script = lambda _: [whole(completion(None, tool_calls=[CALL]))]
    served.ask("How is the weather?", "results", session="s")
    served.upstream.script = chat("Sunny.")
    served.ask([result], "results", session="s")
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    assert sent(served.upstream.last) == [user("How is the weather?"), called, result]


def test_the_window_stays_within_its_turns_and_slides_rarely(little: Served) -> None:
    begins = []
    for turn in range(12):
        little.ask(f"Q{turn}?", "turns", session="s")
        earlier = sent(little.upstream.last)[:-1]
        assert len(earlier) <= 2 * 4
        assert len(earlier) >= min(2 * turn, 2 * 3)
        begins.append(sent(little.upstream.last)[0]["content"])
    assert len(set(begins)) <= 6, "a quarter of four turns is one or two turns at a time"


def test_the_window_stays_within_its_tokens(little: Served) -> None:
    little.upstream.script = chat("word " * 40)
    for turn in range(8):
        little.ask(f"Q{turn}?", "tokens", session="s")
        earlier = sent(little.upstream.last)[:-1]
        assert len(json.dumps(earlier)) <= 4 * 200 + 100
        assert not earlier or earlier[0]["role"] == "user"
    assert len(earlier) == 4


def test_an_exchange_with_tools_leaves_the_window_whole(little: Served) -> None:
    result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
    called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    for turn in range(8):
        little.upstream.script = lambda _: [whole(completion(None, tool_calls=[CALL]))]
        little.ask(f"Q{turn}?", "whole", session="s")
        little.upstream.script = chat("Sunny.")
        little.ask([user(f"Q{turn}?"), called, result], "whole", session="s")
        roles = "".join(message["role"][0] for message in sent(little.upstream.last))
        assert roles.replace("uata", "") == "uat"


def test_a_fork_in_a_session_does_not_bring_the_other_branch(served: Served) -> None:
    served.upstream.script = Sequence([chat("First."), chat("Second."), chat("Third.")])
    served.ask("One?", "forked", session="s")
    served.upstream.script = failing(400)
    served.gateway.chat("Two, refused?", "forked", session="s")
    served.upstream.script = chat("Third.")
    served.ask("Two?", "forked", session="s")
    assert [message["content"] for message in sent(served.upstream.last)] == ["One?", "First.", "Two?"]


def failing(status: int = 500) -> Script:
    """Answers with an error of the upstream."""

    def script(_: Received) -> Iterator[bytes | float]:
        yield whole(
            b'{"error": {"message": "overloaded", "type": "server_error", "param": null, "code": null}}', status
        )

    return script
