"""Which thread a request belongs to, and what of it is recorded: clients that resend what was said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import CALL, Served, assistant, sent, serve, user
from tests.upstream import Received, Sequence, chat, completion, whole


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("shared")) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


@pytest.mark.requirement("R-98")
def test_twenty_turns_are_forty_messages_in_one_session(served: Served) -> None:
    served.upstream.script = chat(numbered)
    history: list[dict[str, Any]] = []
    sessions = set()
    for turn in range(20):
        history.append(user(f"Question {turn}?"))
        answer = served.ask([{"role": "system", "content": f"It is {turn} o'clock."}, *history], "twenty")
        sessions.add(answer.header("x-session-id"))
        history.append(answer.json["choices"][0]["message"])
        assert len(served.stored("twenty")) == 2 * (turn + 1)
    assert len(sessions) == 1
    assert served.stored("twenty") == [(message["role"], message["content"]) for message in history]
    assert served.turns("twenty") == ["complete"] * 20


def test_a_history_from_before_the_gateway_is_recorded_once_and_learnt_from(served: Served) -> None:
    history = [user("My cat is called Tigre."), assistant(), user("Which cat?")]
    served.ask(history, "imported")
    served.ask([*history, assistant(), user("And now?")], "imported")
    assert len(served.stored("imported")) == 6
    assert served.memories("imported") == ["My cat is called Tigre."]


def test_a_regenerated_answer_is_a_branch(served: Served) -> None:
    opening = [user("Hello there?"), assistant(), user("Tell me a colour?")]
    first = served.ask(opening[:1], "regenerated")
    served.upstream.script = Sequence(
        [chat("First."), chat("Second."), chat("After the second."), chat("After the first.")]
    )
    for history in (
        opening,
        opening,
        [*opening, assistant("Second."), user("Why?")],
        [*opening, assistant("First."), user("Why?")],
    ):
        assert served.ask(history, "regenerated").header("x-session-id") == first.header("x-session-id")
    texts = [text for _, text in served.stored("regenerated")]
    assert texts[:4] == ["Hello there?", "Noted.", "Tell me a colour?", "First."]
    assert texts[4:] == ["Second.", "Why?", "After the second.", "Why?", "After the first."]
    assert served.turns("regenerated") == ["complete"] * 5


def test_an_edited_message_is_a_branch_that_loses_and_doubles_nothing(served: Served) -> None:
    served.upstream.script = chat(numbered)
    opening = [user("One?"), assistant("Answer to 1 messages."), user("Two?"), assistant("Answer to 3 messages.")]
    first = served.ask(opening[:1], "edited")
    served.ask(opening[:3], "edited")
    edited = served.ask([*opening[:2], user("Two, edited?")], "edited")
    back = served.ask([*opening, user("Three?")], "edited")
    assert {answer.header("x-session-id") for answer in (edited, back)} == {first.header("x-session-id")}
    texts = [text for _, text in served.stored("edited")]
    assert [texts.count(text) for text in ("One?", "Two?", "Two, edited?", "Three?")] == [1, 1, 1, 1]
    assert len(texts) == 8


def test_tools_are_recorded_once_with_their_calls_and_results(served: Served) -> None:
    result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
    asked = [user("How is the weather?")]
    served.upstream.script = lambda _: [whole(completion(None, tool_calls=[CALL]))]
    first = served.ask(asked, "weather")
    spaced = {**CALL, "function": {"name": "look_up", "arguments": '{"city":"Evora"}'}}
    called = [*asked, {"role": "assistant", "tool_calls": [spaced]}, result]
    served.upstream.script = chat("Sunny.")
    served.ask(called, "weather")
    answer = served.ask([*called, assistant("Sunny."), user("And tomorrow?")], "weather")
    assert answer.header("x-session-id") == first.header("x-session-id")
    assert [role for role, _ in served.stored("weather")] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
        "assistant",
    ]


@pytest.mark.parametrize(
    "resent",
    [
        pytest.param([user("Hi there?"), assistant()], id="as it was"),
        pytest.param([user([{"type": "text", "text": "Hi there?"}]), assistant()], id="one part for a string"),
        pytest.param([user("Hi there?"), {**assistant(), "refusal": None, "tool_calls": None}], id="null for absent"),
        pytest.param([user(" Hi there?\r\n"), assistant("Noted.\n")], id="trimmed"),
        pytest.param([user("Hi there?"), {"content": "Noted.", "role": "assistant"}], id="keys in another order"),
        pytest.param([user("Hi there?"), assistant("<think>Hm.</think>\n\nNoted.")], id="with its thoughts"),
    ],
)
def test_a_history_that_a_client_wrote_anew_is_the_same(
    served: Served, resent: list[dict[str, Any]], request: pytest.FixtureRequest
) -> None:
    name = request.node.name
    first = served.ask("Hi there?", name)
    answer = served.ask([*resent, user("Go on?")], name)
    assert answer.header("x-session-id") == first.header("x-session-id")
    assert len(served.stored(name)) == 4


def test_the_same_conversation_of_another_process_is_another_session(served: Served) -> None:
    first = served.ask("Hi there?", "processes", process="p")
    answer = served.ask([user("Hi there?"), assistant(), user("Go on?")], "processes", process="q")
    assert answer.header("x-session-id") != first.header("x-session-id")


@pytest.mark.parametrize("session", [None, "sliding"])
def test_a_client_that_leaves_out_its_oldest_messages_keeps_its_session(served: Served, session: str | None) -> None:
    served.upstream.script = chat(numbered)
    name = f"sliding-{session}"
    history: list[dict[str, Any]] = []
    sessions = set()
    for turn in range(10):
        history = [*history, user(f"Question {turn}?")][-5:]
        answer = served.ask(history, name, session=session)
        sessions.add(answer.header("x-session-id"))
        history.append(assistant(f"Answer to {len(history)} messages."))
    assert len(sessions) == 1
    assert len(served.stored(name)) == 20


def test_a_client_that_sums_up_its_oldest_messages_keeps_its_session(served: Served) -> None:
    served.upstream.script = chat(numbered)
    history = [user("One?")]
    first = served.ask(history, "summed up")
    for question in ("Two?", "Three?"):
        history += [assistant(f"Answer to {len(history)} messages."), user(question)]
        served.ask(history, "summed up")
    shortened = [user("So far: one and two."), *history[2:], assistant("Answer to 5 messages."), user("Four?")]
    answer = served.ask(shortened, "summed up")
    assert answer.header("x-session-id") == first.header("x-session-id")
    texts = [text for _, text in served.stored("summed up")]
    assert [texts.count(text) for text in ("One?", "Two?", "Three?", "Four?")] == [1, 1, 1, 1]


def test_equal_openings_of_two_conversations_stay_apart(served: Served) -> None:
    sessions = [served.ask("Hi there?", "openings").header("x-session-id") for _ in range(2)]
    assert sessions[0] != sessions[1]
    answer = served.ask([user("Hi there?"), assistant(), user("Go on?")], "openings")
    assert answer.header("x-session-id") == sessions[1], "the newest of several"


def test_an_edited_opening_is_a_branch_that_is_learnt_from(served: Served) -> None:
    history = [user("My cat is black."), assistant(), user("What is black?"), assistant(), user("Sure?")]
    first = served.ask(history[:1], "opening")
    for end in (3, 5):
        served.ask(history[:end], "opening")
    answer = served.ask([user("My cat is white."), *history[1:], assistant(), user("And now?")], "opening")
    assert answer.header("x-session-id") == first.header("x-session-id")
    assert served.memories("opening") == ["My cat is black.", "My cat is white."]
    texts = [text for _, text in served.stored("opening")]
    assert [texts.count(text) for text in ("My cat is black.", "My cat is white.", "And now?")] == [1, 1, 1]


def test_another_conversation_with_the_same_small_talk_is_another_session(served: Served) -> None:
    first = served.ask([user("My cat is black."), assistant(), user("Sure?")], "small talk")
    answer = served.ask([user("My dog is brown."), assistant(), user("Sure?")], "small talk")
    assert answer.header("x-session-id") != first.header("x-session-id")
    assert served.memories("small talk") == ["My cat is black.", "My dog is brown."]


def test_images_are_part_of_what_a_message_is(served: Served) -> None:
    def picture(url: str) -> dict[str, Any]:
        return user([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}])

    first = served.ask([picture("data:image/png;base64,AAAA")], "pictures")
    same = served.ask([picture("data:image/png;base64,AAAA"), assistant(), user("Sure?")], "pictures")
    other = served.ask([picture("data:image/png;base64,BBBB"), assistant(), user("Sure?")], "pictures")
    assert same.header("x-session-id") == first.header("x-session-id")
    assert other.header("x-session-id") != first.header("x-session-id")


def numbered(request: Received) -> str:
    """An answer that tells which request it was made for."""
    return f"Answer to {len(sent(request))} messages."
