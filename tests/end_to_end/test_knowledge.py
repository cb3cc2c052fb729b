"""What an agent knows by itself is told in its requests, whoever asks; and who is who widens a question."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.calls import ask
from tests.clients import Served, block_of, sent, serve

POLICY = "Our refund policy is 30 days for unused items."
QUESTION = "What is the refund policy?"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("knowing"), embedder={"kind": "none"}) as served:
        ask(served.gateway, "POST", "/api/memories", {"process": "support", "text": POLICY})
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


def test_an_agent_knows_it_for_every_user(served: Served) -> None:
    for entity in ("alice", "bob"):
        served.ask(QUESTION, entity, headers={"X-Process-Id": "support"})
        assert POLICY in block_of(served.upstream.last)


def test_another_agent_does_not_know_it(served: Served) -> None:
    served.ask(QUESTION, "alice", headers={"X-Process-Id": "sales"})
    assert block_of(served.upstream.last) == ""


def test_it_is_no_users_memory(served: Served) -> None:
    served.ask("I like tea.", "alice", headers={"X-Process-Id": "support"})
    assert POLICY not in served.memories("alice")


def test_a_request_without_a_user_is_told_it_too(served: Served) -> None:
    answer = served.ask(QUESTION, headers={"X-Process-Id": "support"})
    assert POLICY in block_of(served.upstream.last)
    assert answer.header("x-memory-status") == "ok"
    assert answer.header("x-session-id") is None


def test_a_request_without_a_user_that_names_no_agent_is_relayed_as_it_is(served: Served) -> None:
    answer = served.ask(QUESTION)
    assert block_of(served.upstream.last) == ""
    assert answer.header("x-memory-status") == "anonymous"


def test_without_a_user_each_request_extends_the_one_before(served: Served) -> None:
    headers = {"X-Process-Id": "support"}
    messages = [{"role": "user", "content": "What is the policy for a refund?"}]
    served.ask(messages, headers=headers)
    first = sent(served.upstream.last)
    messages += [{"role": "assistant", "content": "Noted."}, {"role": "user", "content": "And for used items?"}]
    served.ask(messages, headers=headers)
    assert POLICY in block_of(served.upstream.received[-2])
    assert sent(served.upstream.last)[: len(first)] == first
    assert served.gateway.rows("SELECT count(*) FROM turns WHERE entity = ''")[0][0] == 0


def test_a_question_about_a_relative_finds_what_is_known_under_their_name(served: Served) -> None:
    served.ask("Maria is my sister.", "carol")
    served.ask("Maria works at Siemens.", "carol", headers={"X-Session-Id": "other"})
    served.ask("Where does my sister work?", "carol", headers={"X-Session-Id": "third"})
    assert "Maria works at Siemens." in block_of(served.upstream.last)
