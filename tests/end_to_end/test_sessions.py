"""Which thread a request belongs to, what of it is recorded, and what is put back into it."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import Served, block_of, ids, openai, say, sent, serve
from tests.process import Answer
from tests.upstream import Close, Received, Script, Sequence, chat, completion, delta, event, head, whole

BROKEN = re.compile("incomplete|peer closed", re.IGNORECASE)
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Evora"}'}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("shared")) as served:
        yield served


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Replays at most four turns, of at most 200 tokens; records side calls."""
    memory = {"history": {"turns": 4, "tokens": 200}, "side_calls": "record"}
    with serve(tmp_path_factory.mktemp("narrow"), memory=memory) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


@pytest.fixture
def little(narrow: Served) -> Served:
    narrow.reset()
    return narrow


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str | None = "Noted.", **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def numbered(request: Received) -> str:
    """An answer that tells which request it was made for."""
    return f"Answer to {len(sent(request))} messages."


def failing(status: int = 500) -> Script:
    """Answers with an error of the upstream."""

    def script(_: Received) -> Iterator[bytes | float]:
        yield whole(
            b'{"error": {"message": "overloaded", "type": "server_error", "param": null, "code": null}}', status
        )

    return script


def cut(text: str) -> Script:
    """Streams the text and breaks off."""

    def script(_: Received) -> Iterator[bytes | float]:
        data = event(delta(role="assistant", content=text))
        yield head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
        yield b"%x\r\n%s\r\n" % (len(data), data)
        raise Close

    return script


def eventually(condition: Any) -> None:
    """Wait for what the gateway does after its client has left."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class TestHistory:
    """Clients that resend what was said."""

    def test_twenty_turns_are_forty_messages_in_one_session(self, served: Served) -> None:
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

    def test_a_history_from_before_the_gateway_is_recorded_once_and_learnt_from(self, served: Served) -> None:
        history = [user("My cat is called Tigre."), assistant(), user("Which cat?")]
        served.ask(history, "imported")
        served.ask([*history, assistant(), user("And now?")], "imported")
        assert len(served.stored("imported")) == 6
        assert served.memories("imported") == ["My cat is called Tigre."]

    def test_a_regenerated_answer_is_a_branch(self, served: Served) -> None:
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

    def test_an_edited_message_is_a_branch_that_loses_and_doubles_nothing(self, served: Served) -> None:
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

    def test_tools_are_recorded_once_with_their_calls_and_results(self, served: Served) -> None:
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
            pytest.param(
                [user("Hi there?"), {**assistant(), "refusal": None, "tool_calls": None}], id="null for absent"
            ),
            pytest.param([user(" Hi there?\r\n"), assistant("Noted.\n")], id="trimmed"),
            pytest.param([user("Hi there?"), {"content": "Noted.", "role": "assistant"}], id="keys in another order"),
            pytest.param([user("Hi there?"), assistant("<think>Hm.</think>\n\nNoted.")], id="with its thoughts"),
        ],
    )
    def test_a_history_that_a_client_wrote_anew_is_the_same(
        self, served: Served, resent: list[dict[str, Any]], request: pytest.FixtureRequest
    ) -> None:
        name = request.node.name
        first = served.ask("Hi there?", name)
        answer = served.ask([*resent, user("Go on?")], name)
        assert answer.header("x-session-id") == first.header("x-session-id")
        assert len(served.stored(name)) == 4

    def test_the_same_conversation_of_another_process_is_another_session(self, served: Served) -> None:
        first = served.ask("Hi there?", "processes", process="p")
        answer = served.ask([user("Hi there?"), assistant(), user("Go on?")], "processes", process="q")
        assert answer.header("x-session-id") != first.header("x-session-id")

    @pytest.mark.parametrize("session", [None, "sliding"])
    def test_a_client_that_leaves_out_its_oldest_messages_keeps_its_session(
        self, served: Served, session: str | None
    ) -> None:
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

    def test_a_client_that_sums_up_its_oldest_messages_keeps_its_session(self, served: Served) -> None:
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

    def test_equal_openings_of_two_conversations_stay_apart(self, served: Served) -> None:
        sessions = [served.ask("Hi there?", "openings").header("x-session-id") for _ in range(2)]
        assert sessions[0] != sessions[1]
        answer = served.ask([user("Hi there?"), assistant(), user("Go on?")], "openings")
        assert answer.header("x-session-id") == sessions[1], "the newest of several"

    def test_an_edited_opening_is_a_branch_that_is_learnt_from(self, served: Served) -> None:
        history = [user("My cat is black."), assistant(), user("What is black?"), assistant(), user("Sure?")]
        first = served.ask(history[:1], "opening")
        for end in (3, 5):
            served.ask(history[:end], "opening")
        answer = served.ask([user("My cat is white."), *history[1:], assistant(), user("And now?")], "opening")
        assert answer.header("x-session-id") == first.header("x-session-id")
        assert served.memories("opening") == ["My cat is black.", "My cat is white."]
        texts = [text for _, text in served.stored("opening")]
        assert [texts.count(text) for text in ("My cat is black.", "My cat is white.", "And now?")] == [1, 1, 1]

    def test_another_conversation_with_the_same_small_talk_is_another_session(self, served: Served) -> None:
        first = served.ask([user("My cat is black."), assistant(), user("Sure?")], "small talk")
        answer = served.ask([user("My dog is brown."), assistant(), user("Sure?")], "small talk")
        assert answer.header("x-session-id") != first.header("x-session-id")
        assert served.memories("small talk") == ["My cat is black.", "My dog is brown."]

    def test_images_are_part_of_what_a_message_is(self, served: Served) -> None:
        def picture(url: str) -> dict[str, Any]:
            return user([{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}])

        first = served.ask([picture("data:image/png;base64,AAAA")], "pictures")
        same = served.ask([picture("data:image/png;base64,AAAA"), assistant(), user("Sure?")], "pictures")
        other = served.ask([picture("data:image/png;base64,BBBB"), assistant(), user("Sure?")], "pictures")
        assert same.header("x-session-id") == first.header("x-session-id")
        assert other.header("x-session-id") != first.header("x-session-id")


UI = {"X-OpenWebUI-Chat-Id": "chat"}


class TestReplay:
    """Clients that name a session and send only what is new."""

    def test_stored_turns_stand_between_the_system_text_and_the_new_message(self, served: Served) -> None:
        system = {"role": "system", "content": "You are terse."}
        for question in ("One?", "Two?"):
            served.ask([system, user(question)], "replayed", session="s")
        assert sent(served.upstream.last) == [system, user("One?"), assistant(), user("Two?")]

    def test_the_same_words_said_twice_are_two_turns(self, served: Served) -> None:
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

    def test_a_session_without_its_id_is_never_replayed(self, served: Served) -> None:
        for _ in range(2):
            served.ask("Next!", "unnamed")
        assert sent(served.upstream.last) == [user("Next!")]

    def test_a_client_that_once_sent_history_is_not_replayed_to(self, served: Served) -> None:
        served.ask([user("One?"), assistant("Mine."), user("Two?")], "own history", session="s")
        served.ask("Three?", "own history", session="s")
        assert sent(served.upstream.last) == [user("Three?")]

    def test_a_chat_of_open_webui_is_never_replayed(self, served: Served) -> None:
        for text in ("One?", "Two?"):
            answer = served.ask(text, "open webui", headers=UI)
            assert answer.header("x-session-id") == "chat"
        assert sent(served.upstream.last) == [user("Two?")]

    def test_replay_goes_on_after_a_first_turn_that_recalled_something(self, served: Served) -> None:
        served.ask("My boat is called Gaivota.", "recalled first")
        served.ask("What is my boat called?", "recalled first", session="s")
        before = sent(served.upstream.last)
        served.ask("Sure?", "recalled first", session="s")
        assert sent(served.upstream.last)[:2] == [*before, assistant()]

    def test_a_tool_exchange_is_replayed_whole(self, served: Served) -> None:
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

    def test_a_client_that_sends_its_tool_turns_one_by_one_is_replayed_to(self, served: Served) -> None:
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

    def test_only_a_tools_result_is_put_behind_its_call(self, served: Served) -> None:
        result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
        served.upstream.script = lambda _: [whole(completion(None, tool_calls=[CALL]))]
        served.ask("How is the weather?", "results", session="s")
        served.upstream.script = chat("Sunny.")
        served.ask([result], "results", session="s")
        called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
        assert sent(served.upstream.last) == [user("How is the weather?"), called, result]

    def test_the_window_stays_within_its_turns_and_slides_rarely(self, little: Served) -> None:
        begins = []
        for turn in range(12):
            little.ask(f"Q{turn}?", "turns", session="s")
            earlier = sent(little.upstream.last)[:-1]
            assert len(earlier) <= 2 * 4
            assert len(earlier) >= min(2 * turn, 2 * 3)
            begins.append(sent(little.upstream.last)[0]["content"])
        assert len(set(begins)) <= 6, "a quarter of four turns is one or two turns at a time"

    def test_the_window_stays_within_its_tokens(self, little: Served) -> None:
        little.upstream.script = chat("word " * 40)
        for turn in range(8):
            little.ask(f"Q{turn}?", "tokens", session="s")
            earlier = sent(little.upstream.last)[:-1]
            assert len(json.dumps(earlier)) <= 4 * 200 + 100
            assert not earlier or earlier[0]["role"] == "user"
        assert len(earlier) == 4

    def test_an_exchange_with_tools_leaves_the_window_whole(self, little: Served) -> None:
        result = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
        called = {"role": "assistant", "content": None, "tool_calls": [CALL]}
        for turn in range(8):
            little.upstream.script = lambda _: [whole(completion(None, tool_calls=[CALL]))]
            little.ask(f"Q{turn}?", "whole", session="s")
            little.upstream.script = chat("Sunny.")
            little.ask([user(f"Q{turn}?"), called, result], "whole", session="s")
            roles = "".join(message["role"][0] for message in sent(little.upstream.last))
            assert roles.replace("uata", "") == "uat"

    def test_a_fork_in_a_session_does_not_bring_the_other_branch(self, served: Served) -> None:
        served.upstream.script = Sequence([chat("First."), chat("Second."), chat("Third.")])
        served.ask("One?", "forked", session="s")
        served.upstream.script = failing(400)
        served.gateway.chat("Two, refused?", "forked", session="s")
        served.upstream.script = chat("Third.")
        served.ask("Two?", "forked", session="s")
        assert [message["content"] for message in sent(served.upstream.last)] == ["One?", "First.", "Two?"]


class TestAttempts:
    """Requests that fail, break off or come twice."""

    def test_the_clients_own_retries_are_recorded_once(self, served: Served) -> None:
        served.upstream.script = Sequence([failing(), failing(), chat("At last.")])
        with openai(served.gateway, ids("retrying"), max_retries=2) as client:
            assert say(client, "My kite is red.") == "At last."
        assert len(served.upstream.received) == 3
        assert served.turns("retrying") == ["complete"]
        assert served.stored("retrying") == [("user", "My kite is red."), ("assistant", "At last.")]
        assert served.memories("retrying") == ["My kite is red."]

    @pytest.mark.parametrize("session", [None, "s"])
    def test_the_same_request_after_a_failure_is_its_retry(self, served: Served, session: str | None) -> None:
        name = f"again-{session}"
        served.upstream.script = failing()
        failed = served.gateway.chat("My kite is red.", name, session=session)
        assert failed.status == 500
        assert served.turns(name) == ["error"]
        assert served.memories(name) == []
        served.upstream.script = chat()
        answer = served.ask("My kite is red.", name, session=session)
        assert answer.header("x-session-id") == failed.header("x-session-id")
        assert served.turns(name) == ["complete"]
        assert len(served.stored(name)) == 2

    def test_a_failed_turn_of_a_resent_history_is_recorded_once_when_it_is_retried(self, served: Served) -> None:
        served.ask("One?", "history retried")
        history = [user("One?"), assistant(), user("My kite is red.")]
        served.upstream.script = failing()
        served.gateway.chat(history, "history retried")
        served.upstream.script = chat()
        served.ask(history, "history retried")
        assert served.turns("history retried") == ["complete", "complete"]
        assert len(served.stored("history retried")) == 4
        assert served.memories("history retried") == ["My kite is red."]

    def test_a_stream_that_breaks_off_is_partial_and_not_learnt_from(self, served: Served) -> None:
        served.upstream.script = cut("Half an ans")
        with pytest.raises(Exception, match=BROKEN):
            served.gateway.chat("My kite is red.", "broken", stream=True)
        eventually(lambda: served.turns("broken") == ["partial"])
        assert served.stored("broken") == [("user", "My kite is red."), ("assistant", "Half an ans")]
        assert served.memories("broken") == []

    def test_a_client_that_leaves_is_recorded_as_partial(self, served: Served) -> None:
        served.upstream.script = chat("one two three four five six seven eight nine", gap=0.3)
        body = json.dumps({"model": "m", "stream": True, "messages": [user("My kite is red.")]}).encode()
        with socket.create_connection(("127.0.0.1", served.gateway.port)) as connection:
            request = (
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-entity-id: leaving\r\ncontent-length: %d\r\n\r\n%s"
            )
            connection.sendall(request % (len(body), body))
            while b"two" not in connection.recv(65536):
                pass
        eventually(lambda: served.turns("leaving") == ["partial"])
        assert served.memories("leaving") == []

    def test_a_partial_turn_is_learnt_from_once_it_was_answered(self, served: Served) -> None:
        served.upstream.script = cut("Half an ans")
        with pytest.raises(Exception, match=BROKEN):
            served.gateway.chat("My kite is red.", "mended", session="s", stream=True)
        eventually(lambda: served.turns("mended") == ["partial"])
        served.upstream.script = chat()
        served.ask("My kite is red.", "mended", session="s")
        assert served.turns("mended") == ["complete"]
        assert served.stored("mended") == [("user", "My kite is red."), ("assistant", "Noted.")]
        assert served.memories("mended") == ["My kite is red."]


class TestModes:
    """X-Memory, and requests that are not to be recorded."""

    def _state(self, served: Served, name: str) -> tuple[int, list[str]]:
        return len(served.stored(name)), served.memories(name)

    def _asked(self, served: Served, name: str, mode: str) -> Answer:
        """A user with one memory asks for it and states another thing."""
        served.ask("My boat is called Gaivota.", name)
        return served.ask("My car is green. What is my boat called?", name, headers={"X-Memory": mode})

    def test_off_relays_as_it_is_and_records_nothing(self, served: Served) -> None:
        answer = self._asked(served, "mode off", "off")
        assert answer.header("x-memory-status") == "off"
        assert answer.header("x-session-id") is None
        assert b"Gaivota" not in served.upstream.last.body
        assert self._state(served, "mode off") == (2, ["My boat is called Gaivota."])

    def test_read_recalls_and_records_nothing(self, served: Served) -> None:
        answer = self._asked(served, "mode read", "read")
        assert answer.header("x-memory-status") == "ok"
        assert answer.header("x-memory-recorded") != "true"
        assert "Gaivota" in block_of(served.upstream.last)
        assert self._state(served, "mode read") == (2, ["My boat is called Gaivota."])

    def test_write_records_and_recalls_nothing(self, served: Served) -> None:
        answer = self._asked(served, "mode write", "write")
        assert (answer.header("x-memory-recalled"), answer.header("x-memory-recorded")) == ("0", "true")
        assert b"Gaivota" not in served.upstream.last.body
        assert self._state(served, "mode write") == (4, ["My boat is called Gaivota.", "My car is green."])

    def test_shadow_records_and_tells_but_adds_nothing(self, served: Served) -> None:
        answer = self._asked(served, "mode shadow", "shadow")
        assert (answer.header("x-memory-status"), answer.header("x-memory-recalled")) == ("ok", "0")
        assert b"Gaivota" not in served.upstream.last.body
        assert self._state(served, "mode shadow") == (4, ["My boat is called Gaivota.", "My car is green."])

    @pytest.mark.parametrize("value", ["maybe", "", "on, off"])
    def test_another_mode_is_refused(self, served: Served, value: str) -> None:
        answer = served.gateway.chat("Hello", "mode", headers={"X-Memory": value})
        assert (answer.status, answer.json["error"]["param"]) == (400, "x-memory")

    def test_a_request_without_entity_is_relayed_and_leaves_no_trace(self, served: Served) -> None:
        before = served.gateway.rows("SELECT count(*) FROM messages")
        answer = served.ask("My boat is called Anonima.", process="p", session="s")
        assert answer.header("x-memory-status") == "anonymous"
        assert answer.header("x-session-id") is None
        assert served.upstream.last.json["messages"] == [user("My boat is called Anonima.")]
        assert served.gateway.rows("SELECT count(*) FROM messages") == before

    def test_the_body_can_carry_the_ids(self, served: Served) -> None:
        metadata = {"entity_id": "🦊 in the body", "process_id": "p", "session_id": "s", "other": "kept"}
        with openai(served.gateway) as client:
            say(client, "My den is warm.", metadata=metadata)
        assert served.upstream.last.json["metadata"] == metadata
        assert served.gateway.rows("SELECT process, session FROM sessions WHERE entity = '🦊 in the body'") == [
            ("p", "s")
        ]

    def test_a_header_goes_before_the_body(self, served: Served) -> None:
        served.ask("My den is warm.", "in the header", metadata={"entity_id": "in the body"})
        assert served.memories("in the header") == ["My den is warm."]
        assert served.memories("in the body") == []

    @pytest.mark.parametrize("value", [42, "", "x" * 257, {"a": 1}, "a\nb"])
    def test_a_malformed_id_in_the_body_is_refused(self, served: Served, value: object) -> None:
        answer = served.gateway.chat("Hello", metadata={"entity_id": value})
        assert (answer.status, answer.json["error"]["param"]) == (400, "metadata.entity_id")
        assert served.upstream.received == []

    @pytest.mark.parametrize("field", ["user", "safety_identifier"])
    def test_fields_in_which_applications_send_a_constant_are_no_ids(self, served: Served, field: str) -> None:
        answer = served.ask("My den is warm.", **{field: "constant"})
        assert answer.header("x-memory-status") == "anonymous"


TITLE = """### Task:
Generate a concise, 3-5 word title with an emoji summarizing the chat history.
### Guidelines:
- The title should clearly represent the main theme.
### Output:
JSON format: { "title": "your concise title here" }
### Chat History:
<chat_history>
USER: My boat is called Gaivota.
ASSISTANT: Noted.
</chat_history>"""
TAGS = TITLE.replace(
    "a concise, 3-5 word title with an emoji summarizing", "1-3 broad tags categorizing the main themes of"
)
FOLLOW_UPS = """### Task:
Suggest 3-5 relevant follow-up questions or prompts in the chat.
### Output:
JSON format: { "follow_ups": ["Question 1?"] }
### Chat History:
<chat_history>USER: My boat is called Gaivota.</chat_history>"""
LIBRECHAT = """Provide a concise, 5-word-or-less title for the conversation, using title case conventions.

Conversation:
User: My boat is called Gaivota."""
WITH_DOCUMENT = """### Task:
Respond to the user query using the provided context, incorporating inline citations in the format [id].

### Guidelines:
- If uncertain, ask the user for clarification.

### Output:
Provide a clear and direct response to the user's query.

<context>
<source id="1" name="lease.pdf">The tenant keeps two dogs.</source>
</context>

My landlord is Rui. May I keep a dog?"""


class TestSideCalls:
    """What a chat UI asks for on its own behalf."""

    @pytest.mark.parametrize(
        "prompt", [TITLE, TAGS, FOLLOW_UPS, LIBRECHAT], ids=["title", "tags", "follow-ups", "librechat"]
    )
    def test_a_side_call_is_relayed_and_not_recorded(self, served: Served, prompt: str) -> None:
        answer = served.ask(prompt, "side calls", headers=UI)
        assert answer.header("x-memory-status") == "off"
        assert served.upstream.last.json["messages"] == [user(prompt)]
        assert served.stored("side calls") == []

    @pytest.mark.parametrize(
        "prompt",
        [
            WITH_DOCUMENT,
            "Write a short title for my book about Lisbon",
            "Create a brief title page",
            "### Task: water the plants\nMy plants are ferns.",
        ],
    )
    def test_what_only_looks_like_one_is_the_users_own(
        self, served: Served, prompt: str, request: pytest.FixtureRequest
    ) -> None:
        served.ask(prompt, request.node.name)
        assert served.turns(request.node.name) == ["complete"]

    def test_of_a_question_with_documents_only_the_users_words_are_learnt(self, served: Served) -> None:
        served.ask(WITH_DOCUMENT, "documents")
        assert served.memories("documents") == ["My landlord is Rui."]

    def test_they_are_recorded_where_the_configuration_says_so(self, little: Served) -> None:
        little.ask(TITLE, "side calls")
        assert little.turns("side calls") == ["complete"]
