"""Request n of a session extends request n-1 byte for byte, memory included, so that the provider's cache holds."""

from __future__ import annotations

import itertools
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from tests.caching import ANSWER, FACTS, QUESTIONS, TOOL_TURNS, session, shares, upstreams
from tests.caching import Talk as PlainTalk
from tests.clients import Served, block_of, ids, openai, prefix, sent, serve
from tests.doors import DOORS
from tests.process import Gateway
from tests.upstream import Received, Upstream, completion, delta, event, streamed, whole

TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("shared")) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    shared.upstream.script = model
    return shared


def model(request: Received) -> Iterator[bytes | float]:
    """Answers, or calls a tool where the newest user message belongs to a turn of TOOL_TURNS."""
    messages = sent(request)
    asked = next(m["content"] for m in reversed(messages) if m["role"] == "user")
    turn = next((i for i, question in enumerate(QUESTIONS) if _text(asked).endswith(question)), -1)
    calls = None
    if turn in TOOL_TURNS and messages[-1]["role"] == "user":
        function = {"name": "look_up", "arguments": json.dumps({"turn": turn, "é": "ü"}, ensure_ascii=False)}
        calls = [{"id": f"call_{turn}_{n}", "type": "function", "function": function} for n in range(2)]
    answer = None if calls else ANSWER.format(turn)
    if not request.json.get("stream"):
        yield whole(completion(answer, **({"tool_calls": calls} if calls else {})))
        return
    events = [event(delta(role="assistant", content=None if calls else ""))]
    for number, call in enumerate(calls or ()):
        events.append(event(delta(tool_calls=[{"index": number, **call}])))
    events += [event(delta(content=piece)) for piece in re.findall(r"\S+\s*", answer or "")]
    yield from streamed([*events, event(delta("tool_calls" if calls else "stop")), event(b"[DONE]")])


def _text(content: Any) -> str:
    return content if isinstance(content, str) else content[-1]["text"]


def teach(served: Served, entity: str) -> None:
    """What the entity said in earlier sessions."""
    for fact in FACTS:
        served.ask(fact, entity)
    served.upstream.received.clear()


class Talk:
    """A client's conversation of ten turns; `history`: it resends all that was said."""

    def __init__(self, client: OpenAI, *, history: bool, stream: bool = False, parts: bool = False) -> None:
        self.client, self.history, self.stream, self.parts = client, history, stream, parts
        self.system: list[Any] = [{"role": "system", "content": "You are terse."}]
        self.messages: list[Any] = []

    def turn(self, number: int) -> None:
        """Ask, and serve the tool calls until there is an answer."""
        question = QUESTIONS[number]
        content = [{"type": "text", "text": question}] if self.parts else question
        begun = len(self.messages) if not self.history else 0
        self.messages.append({"role": "user", "content": content})
        while True:
            message = self._ask(self.system + self.messages[begun:])
            self.messages.append(message)
            if not message.get("tool_calls"):
                return
            for call in message["tool_calls"]:
                self.messages.append({"role": "tool", "tool_call_id": call["id"], "content": "it is 42"})

    def _ask(self, messages: list[Any]) -> dict[str, Any]:
        more: Any = {"model": "m", "messages": messages, "tools": TOOLS}
        if self.stream:
            with self.client.chat.completions.stream(**more) as stream:
                message = stream.get_final_completion().choices[0].message
        else:
            message = self.client.chat.completions.create(**more).choices[0].message
        return _handed_back(message)


def _handed_back(message: Any) -> dict[str, Any]:
    """An answer as the API's documents put it into the next request."""
    value = {"role": "assistant", "content": message.content}
    if message.tool_calls:
        value["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
            for c in message.tool_calls
        ]
    return value


def assert_extends(requests: list[Received]) -> None:
    """Every list of messages begins with the whole one before."""
    for number, (before, after) in enumerate(itertools.pairwise(requests)):
        assert prefix(after).startswith(prefix(before) + ","), f"request {number + 1}"


def assert_remembers(requests: list[Received]) -> None:
    """Memories are in the prompts, each once in a prompt, and none before a tool's result."""
    final = requests[-1].prompt
    assert [fact for fact in FACTS if final.count(fact) > 1] == []
    assert len([fact for fact in FACTS if fact in final]) >= 7
    for request in requests:
        messages = sent(request)
        assert all("<memory>" not in json.dumps(m) for m in messages if m["role"] != "user")


@pytest.mark.requirement("R-82")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("named", [False, True], ids=["found", "named"])
def test_a_client_that_sends_its_history_gets_extensions(served: Served, stream: bool, named: bool) -> None:
    entity = f"history-{stream}-{named}"
    teach(served, entity)
    with openai(served.gateway, ids(entity, session="ten" if named else None)) as client:
        talk = Talk(client, history=True, stream=stream)
        for number in range(10):
            talk.turn(number)
    assert_extends(served.upstream.received)
    assert_remembers(served.upstream.received)
    assert len(served.upstream.received) == 10 + len(TOOL_TURNS)


@pytest.mark.requirement("R-82")
def test_content_in_parts_gets_extensions(served: Served) -> None:
    teach(served, "parts")
    with openai(served.gateway, ids("parts")) as client:
        talk = Talk(client, history=True, parts=True)
        for number in range(10):
            talk.turn(number)
    assert_extends(served.upstream.received)
    assert_remembers(served.upstream.received)


@pytest.mark.requirement("R-82")
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_client_that_sends_only_its_turn_gets_extensions(served: Served, stream: bool) -> None:
    entity = f"replayed-{stream}"
    teach(served, entity)
    with openai(served.gateway, ids(entity, session="ten")) as client:
        talk = Talk(client, history=False, stream=stream)
        for number in range(10):
            talk.turn(number)
    assert_extends(served.upstream.received)
    assert_remembers(served.upstream.received)
    assert sent(served.upstream.last)[0] == talk.system[0]
    assert len(served.stored(entity)) == 2 * len(FACTS) + 20 + 3 * len(TOOL_TURNS)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that serves every door."""
    with Upstream() as upstream:
        folder = tmp_path_factory.mktemp("doors")
        with Gateway(folder, upstream.url, upstreams=upstreams(upstream.url)) as gateway:
            yield Served(gateway, upstream)


@pytest.mark.requirement("R-82", "R-121")
@pytest.mark.parametrize("history", [True, False], ids=["history", "replayed"])
@pytest.mark.parametrize(("door", "marks"), [*((door, False) for door in DOORS), ("messages", True)])
def test_every_prompt_begins_with_all_of_the_one_before(doors: Served, door: str, marks: bool, history: bool) -> None:
    requests = session(PlainTalk(doors.gateway, door, f"{door} {marks} {history}", history, marks), doors.upstream)
    assert shares(requests) == [1.0] * (9 + len(TOOL_TURNS))
    final = requests[-1].body.decode()
    assert all(b"<memory>" in request.body for request in requests)
    assert len([fact for fact in FACTS if final.count(fact) == 1]) >= 7
    assert [fact for fact in FACTS if final.count(fact) > 1] == []


@pytest.mark.requirement("R-82")
@pytest.mark.parametrize("history", [True, False], ids=["history", "replayed"])
def test_a_restart_breaks_no_prefix(tmp_path: pathlib.Path, history: bool) -> None:
    with serve(tmp_path) as served:
        served.upstream.script = model
        teach(served, "restarted")
        with openai(served.gateway, ids("restarted", session="ten")) as client:
            talk = Talk(client, history=history)
            for number in range(4):
                talk.turn(number)
                if number in (1, 2):
                    served.gateway.kill() if number == 1 else served.gateway.stop()
                    served.gateway.start()
    assert_extends(served.upstream.received)
    assert "afraid of thunder" in served.upstream.last.prompt


@pytest.mark.requirement("R-85", "R-86")
def test_a_tools_result_gets_no_new_block(served: Served) -> None:
    served.ask("The weather station is in Evora.", "tools")
    call = {"id": "c", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Where is the weather station?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "Where is the weather station?"},
    ]
    answer = served.ask(messages, "tools", session="never seen")
    assert sent(served.upstream.last) == messages
    assert answer.header("x-memory-recalled") == "0"


def test_a_later_block_holds_only_what_earlier_ones_did_not(served: Served) -> None:
    served.ask("My boat is called Gaivota.", "boats")
    served.ask("My boat has two sails.", "boats")
    history: list[dict[str, Any]] = []
    for question in ("What is my boat called?", "How many sails has my boat?", "Tell me about my boat?"):
        history.append({"role": "user", "content": question})
        served.ask(history, "boats")
        history.append({"role": "assistant", "content": ANSWER.format(-1)})
    final = served.upstream.last.prompt
    assert final.count("My boat is called Gaivota.") == 1
    assert final.count("My boat has two sails.") == 1


def test_what_the_conversation_itself_holds_is_not_recalled_into_it(served: Served) -> None:
    history: list[dict[str, Any]] = [{"role": "user", "content": "My boat is called Gaivota."}]
    served.ask(history, "own words")
    history += [{"role": "assistant", "content": "Noted."}, {"role": "user", "content": "What is my boat called?"}]
    served.ask(history, "own words")
    assert block_of(served.upstream.last) == ""
    assert sent(served.upstream.last) == history


def test_a_block_stays_where_it_was_after_its_memory_was_said_again(served: Served) -> None:
    served.ask("My boat is called Gaivota.", "again")
    history: list[dict[str, Any]] = [{"role": "user", "content": "What is my boat called?"}]
    served.ask(history, "again", session="s")
    before = prefix(served.upstream.last)
    served.ask("My boat is called Gaivota.", "again", session="other")
    history += [
        {"role": "assistant", "content": "Gaivota."},
        {"role": "user", "content": "Thanks! What is my boat called?"},
    ]
    served.ask(history, "again", session="s")
    assert prefix(served.upstream.last).startswith(before + ",")
    assert served.upstream.last.prompt.count("Gaivota") == 2


def test_a_client_without_session_in_read_mode_gets_extensions(served: Served) -> None:
    """Nothing of it is recorded, and yet its prompt's beginning stays."""
    teach(served, "reader")
    headers = {**ids("reader", session="read only"), "X-Memory": "read"}
    with openai(served.gateway, headers) as client:
        talk = Talk(client, history=True)
        for number in (0, 1, 4):
            talk.turn(number)
    assert_extends(served.upstream.received)
    assert "Porto" in served.upstream.last.prompt
    assert len(served.stored("reader")) == 2 * len(FACTS)
