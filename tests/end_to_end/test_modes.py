"""X-Memory, the carriers of ids in the body, and what chat UIs ask for on their own behalf."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients import OPEN_WEBUI, Served, block_of, openai, say, serve, user
from tests.process import Answer

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
    """Records side calls."""
    with serve(tmp_path_factory.mktemp("narrow"), memory={"side_calls": "record"}) as served:
        yield served


@pytest.fixture
def little(narrow: Served) -> Served:
    narrow.reset()
    return narrow


def _state(served: Served, name: str) -> tuple[int, list[str]]:
    return len(served.stored(name)), served.memories(name)


def _asked(served: Served, name: str, mode: str) -> Answer:
    """A user with one memory asks for it and states another thing."""
    served.ask("My boat is called Gaivota.", name)
    return served.ask("My car is green. What is my boat called?", name, headers={"X-Memory": mode})


def test_off_relays_as_it_is_and_records_nothing(served: Served) -> None:
    answer = _asked(served, "mode off", "off")
    assert answer.header("x-memory-status") == "off"
    assert answer.header("x-session-id") is None
    assert b"Gaivota" not in served.upstream.last.body
    assert _state(served, "mode off") == (2, ["My boat is called Gaivota."])


def test_read_recalls_and_records_nothing(served: Served) -> None:
    answer = _asked(served, "mode read", "read")
    assert answer.header("x-memory-status") == "ok"
    assert answer.header("x-memory-recorded") != "true"
    assert "Gaivota" in block_of(served.upstream.last)
    assert _state(served, "mode read") == (2, ["My boat is called Gaivota."])


def test_write_records_and_recalls_nothing(served: Served) -> None:
    answer = _asked(served, "mode write", "write")
    assert (answer.header("x-memory-recalled"), answer.header("x-memory-recorded")) == ("0", "true")
    assert b"Gaivota" not in served.upstream.last.body
    assert _state(served, "mode write") == (4, ["My boat is called Gaivota.", "My car is green."])


def test_shadow_records_and_tells_but_adds_nothing(served: Served) -> None:
    answer = _asked(served, "mode shadow", "shadow")
    assert (answer.header("x-memory-status"), answer.header("x-memory-recalled")) == ("ok", "0")
    assert b"Gaivota" not in served.upstream.last.body
    assert _state(served, "mode shadow") == (4, ["My boat is called Gaivota.", "My car is green."])


@pytest.mark.parametrize("value", ["maybe", "", "on, off"])
def test_another_mode_is_refused(served: Served, value: str) -> None:
    answer = served.gateway.chat("Hello", "mode", headers={"X-Memory": value})
    assert (answer.status, answer.json["error"]["param"]) == (400, "x-memory")


def test_a_request_without_entity_is_relayed_and_leaves_no_trace(served: Served) -> None:
    before = served.gateway.rows("SELECT count(*) FROM messages")
    answer = served.ask("My boat is called Anonima.", process="p", session="s")
    assert answer.header("x-memory-status") == "anonymous"
    assert answer.header("x-session-id") is None
    assert served.upstream.last.json["messages"] == [user("My boat is called Anonima.")]
    assert served.gateway.rows("SELECT count(*) FROM messages") == before


def test_the_body_can_carry_the_ids(served: Served) -> None:
    metadata = {"entity_id": "🦊 in the body", "process_id": "p", "session_id": "s", "other": "kept"}
    with openai(served.gateway) as client:
        say(client, "My den is warm.", metadata=metadata)
    assert served.upstream.last.json["metadata"] == metadata
    assert served.gateway.rows("SELECT process, session FROM sessions WHERE entity = '🦊 in the body'") == [("p", "s")]


def test_a_header_goes_before_the_body(served: Served) -> None:
    served.ask("My den is warm.", "in the header", metadata={"entity_id": "in the body"})
    assert served.memories("in the header") == ["My den is warm."]
    assert served.memories("in the body") == []


@pytest.mark.parametrize("value", [42, "", "x" * 257, {"a": 1}, "a\nb"])
def test_a_malformed_id_in_the_body_is_refused(served: Served, value: object) -> None:
    answer = served.gateway.chat("Hello", metadata={"entity_id": value})
    assert (answer.status, answer.json["error"]["param"]) == (400, "metadata.entity_id")
    assert served.upstream.received == []


@pytest.mark.parametrize("field", ["user", "safety_identifier"])
def test_fields_in_which_applications_send_a_constant_are_no_ids(served: Served, field: str) -> None:
    answer = served.ask("My den is warm.", **{field: "constant"})
    assert answer.header("x-memory-status") == "anonymous"


@pytest.mark.parametrize(
    "prompt", [TITLE, TAGS, FOLLOW_UPS, LIBRECHAT], ids=["title", "tags", "follow-ups", "librechat"]
)
def test_a_side_call_is_relayed_and_not_recorded(served: Served, prompt: str) -> None:
    answer = served.ask(prompt, "side calls", headers=OPEN_WEBUI)
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
def test_what_only_looks_like_one_is_the_users_own(served: Served, prompt: str, request: pytest.FixtureRequest) -> None:
    served.ask(prompt, request.node.name)
    assert served.turns(request.node.name) == ["complete"]


def test_of_a_question_with_documents_only_the_users_words_are_learnt(served: Served) -> None:
    served.ask(WITH_DOCUMENT, "documents")
    assert served.memories("documents") == ["My landlord is Rui."]


def test_they_are_recorded_where_the_configuration_says_so(little: Served) -> None:
    little.ask(TITLE, "side calls")
    assert little.turns("side calls") == ["complete"]
