"""The Responses and Messages APIs with memory: the same core behind every door."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.wire.sse import MAX_LINE
from tests.caching import FACTS, QUESTIONS
from tests.clients import Served, ids, openai
from tests.doors import DOORS, EveryDoor, served_everywhere, texts, through
from tests.replies import Call, Reply
from tests.upstream import Received, event, streamed

FACT, QUESTION = "My sister Ana lives in Porto.", "Where does my sister Ana live?"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_everywhere(tmp_path_factory.mktemp("doors")) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    shared.upstream.script = EveryDoor()
    return shared


@pytest.mark.requirement("R-1")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("writes", DOORS)
@pytest.mark.parametrize("reads", DOORS)
def test_what_was_said_through_one_door_is_remembered_through_another(
    served: Served, writes: str, reads: str, stream: bool
) -> None:
    alice, bob = f"alice {writes} {reads} {stream}", f"bob {writes} {reads} {stream}"
    told = through(served.gateway, writes, FACT, ids(alice, "writer"), stream=stream)
    asked = through(served.gateway, reads, QUESTION, ids(alice, "reader"), stream=stream)
    assert (told.status, asked.status) == (200, 200)
    assert asked.header("x-memory-status") == "ok"
    (text,) = texts(served.upstream.last)
    assert FACT in text
    assert "<memory>" in text
    other = through(served.gateway, reads, QUESTION, ids(bob, "reader"), stream=stream)
    assert other.header("x-memory-status") == "empty"
    assert texts(served.upstream.last) == [QUESTION]
    assert [(role, text.strip()) for role, text in served.stored(alice)] == [
        ("user", FACT), ("assistant", "Noted."), ("user", QUESTION), ("assistant", "Noted.")
    ]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("first", DOORS)
@pytest.mark.parametrize("then", DOORS)
def test_a_session_begun_through_one_door_is_resumed_through_another(
    served: Served, first: str, then: str, stream: bool
) -> None:
    who = ids(f"resumes {first} {then} {stream}", "agent", "s")
    through(served.gateway, first, FACT, who, stream=stream)
    answer = through(served.gateway, then, "And?", who, stream=stream)
    assert answer.header("x-session-id") == "s"
    assert [text.strip() for text in texts(served.upstream.last)] == [FACT, "Noted.", "And?"]


def test_the_official_client_hears_every_event_of_a_response(served: Served) -> None:
    with openai(served.gateway, ids("sdk")) as client:
        assert client.responses.create(model="m", input=FACT).output_text == "Noted."
        with client.responses.create(model="m", input=QUESTION, stream=True) as events:
            kinds = [item.type for item in events]
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert FACT in texts(served.upstream.last)[0]
    assert served.turns("sdk") == ["complete", "complete"]


@pytest.mark.requirement("R-94")
def test_a_chain_of_responses_is_one_session_in_which_nothing_piles_up(served: Served) -> None:
    who = ids("chained", "agent")
    through(served.gateway, "responses", FACT, who)
    sessions, previous, blocks = set(), None, []
    for _ in range(4):
        answer = through(served.gateway, "responses", QUESTION, who, previous_response_id=previous)
        previous = answer.json["id"]
        sessions.add(answer.header("x-session-id"))
        blocks.append(texts(served.upstream.last)[0].count(FACT))
        assert len(texts(served.upstream.last)) == 1
    assert len(sessions) == 1
    assert blocks == [1, 0, 0, 0]
    assert len(served.stored("chained")) == 10


def test_a_thread_that_anthropic_keeps_is_one_session_in_which_nothing_piles_up(served: Served) -> None:
    """As the tool runner of its client sends it: only what is new, and the id of the answer that it follows."""
    who = ids("threaded", "agent")
    through(served.gateway, "messages", FACT, who)
    sessions, blocks = set(), []
    thread = {"type": "create"}
    for _ in range(4):
        answer = through(served.gateway, "messages", QUESTION, who, thread=thread)
        thread = {"type": "continue", "previous_message_id": answer.json["id"]}
        sessions.add(answer.header("x-session-id"))
        blocks.append(texts(served.upstream.last)[0].count(FACT))
        assert len(texts(served.upstream.last)) == 1
    assert len(sessions) == 1
    assert blocks == [1, 0, 0, 0]
    assert len(served.stored("threaded")) == 10


def test_history_that_names_answers_by_their_items_is_one_session(served: Served) -> None:
    """As the AI SDK sends it: what the model said is referred to, since the upstream keeps it."""
    who = ids("refers", "agent")
    through(served.gateway, "responses", FACT, ids("refers", "another"))
    history: list[dict[str, Any]] = []
    sessions, prompts = set(), []
    for _ in range(3):
        history.append({"role": "user", "content": [{"type": "input_text", "text": QUESTION}]})
        answer = through(served.gateway, "responses", history, who)
        sessions.add(answer.header("x-session-id"))
        prompts.append(texts(served.upstream.last))
        history.append({"type": "item_reference", "id": answer.json["output"][0]["id"]})
    assert len(sessions) == 1
    assert [text.count(FACT) for text in prompts[-1]] == [1, 0, 0, 0, 0]
    assert prompts[2][:3] == prompts[1]
    said = served.gateway.rows("SELECT count(*) FROM messages WHERE entity = 'refers' AND role = 'user'")
    assert said == [(4,)]


def test_an_older_response_that_is_gone_on_with_makes_a_branch_of_its_session(served: Served) -> None:
    who = ids("branches", "agent")
    first = through(served.gateway, "responses", "One?", who)
    for text in ("Two?", "Other?"):
        answer = through(served.gateway, "responses", text, who, previous_response_id=first.json["id"])
        assert answer.header("x-session-id") == first.header("x-session-id")
    rows = served.gateway.rows("SELECT text, parent FROM messages WHERE entity = 'branches' AND role = 'user'")
    assert dict(rows)["Two?"] == dict(rows)["Other?"] != b""


@pytest.mark.requirement("R-94")
def test_a_conversation_of_the_upstream_is_a_session(served: Served) -> None:
    who = ids("converses", "agent")
    through(served.gateway, "responses", FACT, who)
    for conversation in ("conv_1", {"id": "conv_1"}):
        answer = through(served.gateway, "responses", QUESTION, who, conversation=conversation)
        assert answer.header("x-session-id") == "conv_1"
    assert [FACT in texts(request)[0] for request in served.upstream.received[1:]] == [True, False]


@pytest.mark.requirement("R-100")
@pytest.mark.parametrize("query", ["", "?stream=true&starting_after=1"])
def test_an_answer_in_the_background_is_recorded_when_it_is_fetched(served: Served, query: str) -> None:
    alice = f"waits{query}"
    who = ids(alice, "agent")
    begun = through(served.gateway, "responses", FACT, who, background=True)
    assert served.turns(alice) == ["partial"]
    assert served.memories(alice) == []
    for _ in range(2):
        answer = served.gateway.request("GET", f"/v1/responses/{begun.json['id']}{query}", None, who)
        assert b'"status": "completed"' in answer.body
        assert served.turns(alice) == ["complete"]
    assert served.stored(alice) == [("user", FACT), ("assistant", "Noted.")]
    assert served.memories(alice) == [FACT]


def test_a_tool_loop_over_a_chain_of_responses_is_one_turn_of_its_session(served: Served) -> None:
    who = ids("loops", "agent")
    call = {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    script = EveryDoor()
    served.upstream.script = lambda request: script.with_output(request, [call])
    begun = through(served.gateway, "responses", FACT, who)
    served.upstream.script = script
    result = {"type": "function_call_output", "call_id": "c1", "output": "7"}
    ended = through(served.gateway, "responses", [result], who, previous_response_id=begun.json["id"])
    assert ended.header("x-session-id") == begun.header("x-session-id")
    assert json.loads(served.upstream.last.body)["input"] == [result]
    assert [role for role, _ in served.stored("loops")] == ["user", "assistant", "tool", "assistant"]
    parents = served.gateway.rows("SELECT chain, parent FROM messages WHERE entity = 'loops'")
    assert len({parent for _, parent in parents} - {chain for chain, _ in parents}) == 1
    through(served.gateway, "messages", "And?", ids("loops", "agent", ended.header("x-session-id")))
    assert [message["role"] for message in served.upstream.last.json["messages"]] == [
        "user", "assistant", "user", "assistant", "user"
    ]  # fmt: skip


def test_what_litellm_says_in_an_answer_that_held_calls_only_is_no_part_of_it(served: Served) -> None:
    who = ids("filled", "agent")
    script = EveryDoor(lambda _: Reply(call=Call("look", "{}")))
    served.upstream.script = script
    use, *_ = through(served.gateway, "messages", FACT, who).json["content"]
    script.said = lambda _: "Noted."
    filler = {"type": "text", "text": "[System: Empty message content sanitised to satisfy protocol]"}
    history = [{"role": "user", "content": FACT}, {"role": "assistant", "content": [filler, use]}]
    history.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": use["id"], "content": "7"}]})
    through(served.gateway, "messages", history, who)
    assert [role for role, _ in served.stored("filled")] == ["user", "assistant", "tool", "assistant"]


@pytest.mark.requirement("R-42")
@pytest.mark.parametrize("door", ["responses", "messages"])
def test_a_stream_that_ends_too_early_is_broken_towards_the_client(served: Served, door: str) -> None:
    events = [event({"type": "response.created", "response": {"id": "r"}}), event({"type": "message_start"})]
    served.upstream.script = lambda _: streamed(events)
    with pytest.raises(Exception, match="IncompleteRead"):
        through(served.gateway, door, "Hi", ids("cut"), stream=True)


def test_a_last_event_that_is_too_long_to_read_does_not_break_the_stream(served: Served) -> None:
    """Images in it can make it so."""
    last = event({"type": "response.completed", "response": {"output": [{"result": "A" * MAX_LINE}]}})
    served.upstream.script = lambda _: streamed([event({"type": "response.created", "response": {"id": "r"}}), last])
    answer = through(served.gateway, "responses", "Draw.", ids("draws"), stream=True)
    assert answer.body.endswith(last)
    assert served.turns("draws") == ["partial"]


def test_a_refusal_on_anthropics_path_has_its_shape(served: Served) -> None:
    answer = through(served.gateway, "messages", "Hi", {"X-Entity-Id": ""})
    assert answer.status == 400
    assert answer.json["type"] == "error"
    assert answer.json["error"]["type"] == "invalid_request_error"


@pytest.mark.requirement("R-120")
def test_other_paths_of_anthropic_are_relayed_to_it(served: Served) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    answer = served.gateway.request("POST", "/v1/messages/count_tokens", body, ids("counts"))
    assert answer.json == {"path": "/v1/messages/count_tokens"}
    assert served.upstream.last.body == body


def told(request: Received) -> list[tuple[str, str]]:
    """The prompt as a model is shown it: who says what, block by block, without the marks of caches."""
    found = []
    for message in request.json.get("input", request.json.get("messages")):
        content = message["content"]
        parts = [{"text": content}] if isinstance(content, str) else content
        found += [(message["role"], part["text"]) for part in parts]
    return found


@pytest.mark.requirement("R-82")
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("door", ["responses", "messages"])
def test_each_request_of_a_session_extends_the_one_before(served: Served, door: str, marked: bool) -> None:
    """Also where a client's mark moves to its newest message, and the others are strings again."""
    who = ids(f"extends {door} {marked}", "agent")
    history: list[dict[str, Any]] = []
    prompts = []
    for fact, question in zip(FACTS, QUESTIONS, strict=True):
        through(served.gateway, door, fact, who)
        history.append({"role": "user", "content": question})
        given = list(history)
        if marked and door == "messages":
            mark = {"type": "text", "text": question, "cache_control": {"type": "ephemeral"}}
            given[-1] = {"role": "user", "content": [mark]}
        through(served.gateway, door, given, who)
        prompts.append(told(served.upstream.last))
        history.append({"role": "assistant", "content": "Noted."})
    assert sum("<memory>" in text for _, text in prompts[-1]) >= 5
    for before, after in itertools.pairwise(prompts):
        assert after[: len(before)] == before
