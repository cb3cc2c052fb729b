"""The gateway's own API: what chats learnt is seen, corrected and erased, and later chats know."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.calls import ask, at, call, texts
from tests.clients import Served, block_of, serve
from tests.process import Gateway
from tests.waiting import until

ODD = ("a/b", "..", "a%2Fb", "%", "Zoë 👋", "a?b#c", "export", "x/graph", "*", " ")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("gateway")) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


def learnt(served: Served, entity: str, text: str, **more: Any) -> dict[str, Any]:
    """Say something in a new chat; the memory that it became."""
    served.ask(text, entity, **more)
    memory: dict[str, Any] = ask(served.gateway, "GET", "/api/memories", entity=entity)["memories"][0]
    return memory


def told(served: Served, question: str, entity: str, **more: Any) -> str:
    """The block that a new chat gets."""
    served.ask(question, entity, **more)
    return block_of(served.upstream.last)


# --- correcting -------------------------------------------------------------------------------------------------


def test_a_corrected_memory_is_told_in_the_next_chat_and_its_history_shows_both(served: Served) -> None:
    memory = learnt(served, "ana", "My locker code is 4711.")
    ask(served.gateway, "PATCH", at("memories", memory["id"]), {"text": "My locker code is 2468."})
    block = told(served, "What is my locker code?", "ana")
    assert "2468" in block
    assert "4711" not in block
    made, edited = ask(served.gateway, "GET", at("memories", memory["id"], "history"))["history"]
    assert (made["text"], edited["before"], edited["text"]) == (
        "My locker code is 4711.",
        "My locker code is 4711.",
        "My locker code is 2468.",
    )
    (source,) = made["sources"]
    assert source["text"] == "My locker code is 4711."
    session = ask(served.gateway, "GET", at("sessions", source["session"]), entity="ana")
    assert [turn["id"] for turn in session["turns"]] == [source["turn"]]


def test_a_chat_corrects_what_was_remembered_explicitly(served: Served) -> None:
    ask(served.gateway, "POST", "/api/memories", {"entity": "eva", "text": "I live in Porto."})
    served.ask("I live in Lisbon.", "eva")
    assert texts(served.gateway, entity="eva", status="active") == ["I live in Lisbon."]
    assert "Porto" not in told(served, "Where do I live?", "eva")


def test_feedback_retires_lowers_and_deletes(served: Served) -> None:
    for verdict in ("outdated", "wrong", "private"):
        memory = learnt(served, f"judge-{verdict}", "My badge number is 5150.")
        answer = served.ask("What is my badge number?", f"judge-{verdict}")
        assert "5150" in block_of(served.upstream.last)
        request = answer.header("x-memory-request-id")
        given = {"memory_id": memory["id"], "verdict": verdict, "request_id": request}
        assert ask(served.gateway, "POST", "/api/feedback", given)["verdict"] == verdict
        assert told(served, "What is my badge number?", f"judge-{verdict}") == ""
    assert texts(served.gateway, entity="judge-outdated") == ["My badge number is 5150."]
    assert texts(served.gateway, entity="judge-private") == []
    trace = ask(served.gateway, "GET", at("requests", request or ""))
    assert (trace["block"], trace["recalled"][0]["text"]) == ("", None)


def test_a_deleted_memory_is_no_longer_in_the_prompt_of_its_own_session(served: Served) -> None:
    memory = learnt(served, "lea", "My gate code is 8642.")
    first = served.ask("What is my gate code?", "lea")
    session = first.header("x-session-id")
    assert "8642" in served.upstream.last.prompt
    ask(served.gateway, "DELETE", at("memories", memory["id"]))
    served.ask("And again, please?", "lea", session=session)
    assert "8642" not in served.upstream.last.prompt
    assert call(served.gateway, "GET", at("memories", memory["id"])).status == 404
    assert call(served.gateway, "DELETE", at("memories", memory["id"])).status == 404


def test_what_was_deleted_by_its_scope_is_gone_and_nothing_else(served: Served) -> None:
    for entity in ("dora", "Dora"):
        for process in (None, "coach"):
            given = {"entity": entity, "process": process, "text": "I swim."}
            ask(served.gateway, "POST", "/api/memories", {k: v for k, v in given.items() if v})
    assert call(served.gateway, "DELETE", "/api/memories").status == 400
    assert ask(served.gateway, "DELETE", "/api/memories", entity="dora", process="coach") == {"deleted": 1}
    assert ask(served.gateway, "DELETE", "/api/memories", entity="dora") == {"deleted": 1}
    assert len(texts(served.gateway, entity="Dora")) == 2


# --- scopes -----------------------------------------------------------------------------------------------------


def test_an_explicit_memory_has_exactly_its_scope(served: Served) -> None:
    for scope in ({}, {"process": "coach"}, {"process": "coach", "session": "s1"}):
        number = 100 + len(scope)
        given = {"entity": "max", "text": f"My plan number is {number}.", **scope}
        memory = ask(served.gateway, "POST", "/api/memories", given)
        assert (memory["process"], memory["session"]) == (scope.get("process"), scope.get("session"))
        ask(served.gateway, "PATCH", at("memories", memory["id"]), {"metadata": {"n": number}})
    question = "What is my plan number?"
    assert "100" in told(served, question, "max")
    assert "101" not in told(served, question, "max")
    block = told(served, question, "max", process="coach")
    assert "101" in block
    assert "102" not in block
    assert "102" in told(served, question, "max", process="coach", session="s1")


def test_what_a_process_knows_by_itself_is_told_to_everybody_there(served: Served) -> None:
    given = {"process": "shop", "text": "Our refund policy is 30 days."}
    memory = ask(served.gateway, "POST", "/api/memories", given)
    assert (memory["entity"], memory["process"]) == (None, "shop")
    assert "30 days" in told(served, "What is the refund policy?", "kim", process="shop")
    assert told(served, "What is the refund policy?", "kim", process="bakery") == ""
    assert texts(served.gateway, process="shop") == ["Our refund policy is 30 days."]
    assert texts(served.gateway, entity="kim", process="shop") == []


@pytest.mark.parametrize("entity", ODD)
def test_ids_may_hold_any_character(served: Served, entity: str) -> None:
    ask(served.gateway, "POST", "/api/memories", {"entity": entity, "text": "I swim."})
    assert ask(served.gateway, "GET", at("entities", entity))["entity"] == entity
    assert ask(served.gateway, "GET", at("entities", entity, "graph")).keys() == {"nodes", "edges"}
    assert texts(served.gateway, entity=entity) == ["I swim."]
    assert ask(served.gateway, "DELETE", at("entities", entity))["erased"]["memories"] == 1


# --- recall and traces ------------------------------------------------------------------------------------------


def test_recall_says_what_a_chat_would_be_told_and_writes_nothing(served: Served) -> None:
    learnt(served, "tom", "My dog is called Biscuit.")
    before = ask(served.gateway, "GET", "/api/stats")
    found = ask(served.gateway, "POST", "/api/recall", {"entity": "tom", "query": "What is my dog called?"})
    (memory,) = found["memories"]
    assert memory["text"] == "My dog is called Biscuit."
    assert 0.5 < memory["score"] <= 1
    assert memory["signals"]
    assert ask(served.gateway, "GET", "/api/stats") == before
    served.ask("What is my dog called?", "tom")
    assert served.upstream.last.json["messages"][0]["content"].startswith(found["block"])
    nothing = ask(served.gateway, "POST", "/api/recall", {"entity": "tim", "query": "What is my dog called?"})
    assert nothing == {"memories": [], "block": ""}


def test_recall_can_ask_for_what_held_then(served: Served) -> None:
    for city, day in (("Porto", "2024-01-01"), ("Lisbon", "2024-06-01")):
        given = {"entity": "uma", "text": f"I live in {city}.", "said_at": f"{day}T12:00:00Z"}
        ask(served.gateway, "POST", "/api/memories", given)
    question = {"entity": "uma", "query": "Where do I live?"}
    then = ask(served.gateway, "POST", "/api/recall", {**question, "as_of": "2024-03-01T00:00:00+01:00"})
    now = ask(served.gateway, "POST", "/api/recall", question)
    assert [memory["text"] for memory in then["memories"]] == ["I live in Porto."]
    assert [memory["text"] for memory in now["memories"]] == ["I live in Lisbon."]


def test_recall_keeps_to_its_limits(served: Served) -> None:
    for number in range(8):
        ask(served.gateway, "POST", "/api/memories", {"entity": "vic", "text": f"My bike number {number} is fast."})
    question = {"entity": "vic", "query": "Which of my bikes is fast?"}
    assert len(ask(served.gateway, "POST", "/api/recall", question)["memories"]) > 3
    assert len(ask(served.gateway, "POST", "/api/recall", {**question, "limit": 2})["memories"]) == 2
    assert 0 < len(ask(served.gateway, "POST", "/api/recall", {**question, "tokens": 40})["block"]) <= 160


def traced(gateway: Gateway, request: str | None) -> dict[str, Any]:
    """The trace of a request, which may be written after its answer."""
    path = at("requests", request or "")
    until(lambda: call(gateway, "GET", path).status == 200)
    trace: dict[str, Any] = ask(gateway, "GET", path)
    return trace


def test_a_request_leaves_its_trace(served: Served) -> None:
    memory = learnt(served, "wes", "My parrot is called Kiwi.")
    answer = served.ask("What is my parrot called?", "wes", process="pets")
    trace = traced(served.gateway, answer.header("x-memory-request-id"))
    names = ("entity", "process", "session", "mode", "status", "outcome", "injected", "model", "upstream")
    assert [trace[name] for name in names] == [
        *("wes", "pets", answer.header("x-session-id"), "on", "ok", "complete", True, "m", "scripted")
    ]
    assert [(told["memory"], told["text"]) for told in trace["recalled"]] == [(memory["id"], memory["text"])]
    assert trace["recalled"][0]["signals"]
    assert served.upstream.last.json["messages"][0]["content"].startswith(trace["block"])
    assert trace["timings"]["memory"] > 0
    listed = ask(served.gateway, "GET", "/api/requests", entity="wes", limit=1)
    assert listed["requests"][0]["id"] == trace["id"]
    older = ask(served.gateway, "GET", "/api/requests", entity="wes", cursor=listed["cursor"])
    assert len(older["requests"]) == 1


def test_a_shadow_request_is_traced_and_nothing_is_injected(served: Served) -> None:
    learnt(served, "xia", "My parrot is called Kiwi.")
    answer = served.ask("What is my parrot called?", "xia", headers={"X-Memory": "shadow"})
    assert "Kiwi" not in served.upstream.last.prompt
    trace = traced(served.gateway, answer.header("x-memory-request-id"))
    assert (trace["mode"], trace["injected"], len(trace["recalled"])) == ("shadow", False, 1)
    assert "Kiwi" in trace["block"]


def test_a_request_that_only_reads_is_traced_too(served: Served) -> None:
    learnt(served, "yan", "My parrot is called Kiwi.")
    answer = served.ask("What is my parrot called?", "yan", headers={"X-Memory": "read"})
    trace = traced(served.gateway, answer.header("x-memory-request-id"))
    assert (trace["mode"], trace["injected"], trace["entity"]) == ("read", True, "yan")
    answer = served.ask("What is the refund policy?", None, process="shop")
    trace = traced(served.gateway, answer.header("x-memory-request-id"))
    assert (trace["entity"], trace["process"], trace["session"]) == (None, "shop", None)


# --- sessions, graph, erasure -----------------------------------------------------------------------------------


def test_sessions_are_listed_read_and_deleted(served: Served) -> None:
    for number in range(3):
        served.ask(f"My number {number} is {number}.", "zoe", session="s/1")
    (session,) = ask(served.gateway, "GET", "/api/sessions", entity="zoe")["sessions"]
    assert (session["session"], session["turns"]) == ("s/1", 3)
    read = ask(served.gateway, "GET", at("sessions", "s/1"), entity="zoe", limit=2)
    assert [[message["role"] for message in turn["messages"]] for turn in read["turns"]] == [["user", "assistant"]] * 2
    assert len(ask(served.gateway, "GET", at("sessions", "s/1"), entity="zoe", cursor=read["cursor"])["turns"]) == 1
    assert call(served.gateway, "GET", at("sessions", "s/1"), entity="zoe", process="other").status == 404
    assert call(served.gateway, "DELETE", at("sessions", "s/1"), entity="Zoe").status == 404
    assert ask(served.gateway, "DELETE", at("sessions", "s/1"), entity="zoe") == {"deleted": 1}
    assert len(texts(served.gateway, entity="zoe")) == 3
    assert "2" in told(served, "What is my number 2?", "zoe")


def test_the_graph_is_told(served: Served) -> None:
    learnt(served, "gil", "I live in Porto.")
    graph = ask(served.gateway, "GET", at("entities", "gil", "graph"))
    assert [(edge["subject"], edge["predicate"], edge["object"]) for edge in graph["edges"]] == [
        ("user", "lives in", "Porto")
    ]
    assert set(graph["nodes"]) == {"user", "Porto"}


def test_an_erased_entity_leaves_no_byte(tmp_path: pathlib.Path) -> None:
    with serve(tmp_path) as served:
        for number in range(20):
            served.ask(f"My CANARY number {number} is ZEBRA{number}.", "CANARY-person", session=f"CANARY{number % 3}")
            served.ask(f"My number {number} is HORSE{number}.", "other")
        served.ask("What is my CANARY number 3?", "CANARY-person")
        counts = ask(served.gateway, "DELETE", at("entities", "CANARY-person"))["erased"]
        assert counts["turns"] == 21
        files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name.startswith("memory.db")}
        assert {name: data.count(b"CANARY") + data.count(b"ZEBRA") for name, data in files.items()} == dict.fromkeys(
            files, 0
        )
        assert sum(data.count(b"HORSE") for data in files.values()) > 0
        assert told(served, "What is my CANARY number 3?", "CANARY-person") == ""
        assert "HORSE3" in told(served, "What is my number 3?", "other")


def test_an_answer_that_ends_after_the_erasure_brings_nothing_back(served: Served) -> None:
    learnt(served, "late", "My parrot is called Kiwi.")
    script = served.upstream.script

    def slow(request: Any) -> Any:
        ask(served.gateway, "DELETE", at("entities", "late"))
        yield from script(request)

    served.upstream.script = slow
    served.ask("My parrot is called Kiwi, what else?", "late")
    assert call(served.gateway, "GET", at("entities", "late")).status == 404
    assert served.stored("late") == []


# --- what is malformed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body", "param"),
    [
        ("GET", "/api/memories", None, "entity"),
        ("GET", "/api/memories?entity=", None, "entity"),
        ("GET", "/api/memories?entity=a&entity=b", None, None),
        ("GET", "/api/memories?entity=a&entitty=b", None, "entitty"),
        ("GET", "/api/memories?entity=%ff", None, None),
        ("GET", "/api/memories?entity=a%00", None, "entity"),
        ("GET", "/api/memories?entity=a&limit=0", None, "limit"),
        ("GET", "/api/memories?entity=a&cursor=zzz", None, "cursor"),
        ("GET", "/api/memories?entity=a&kind=thing", None, "kind.0"),
        ("GET", "/api/sessions", None, "entity"),
        ("GET", "/api/entities/%ff", None, None),
        ("GET", "/api/entities/a%0Ab", None, "entity"),
        ("POST", "/api/memories", {"text": "I swim."}, "entity"),
        ("POST", "/api/memories", {"entity": "a", "text": " "}, "text"),
        ("POST", "/api/memories", {"entity": "a", "text": "x", "scope": 1}, "scope"),
        ("POST", "/api/memories", {"entity": "a", "text": "x", "said_at": "2024-01-01T00:00:00"}, "said_at"),
        ("POST", "/api/memories", {"entity": "a", "text": "x", "said_at": "0001-01-01T00:00:00+14:00"}, "said_at"),
        ("POST", "/api/memories", {"entity": 1, "text": "x"}, "entity"),
        ("POST", "/api/memories", {"entity": "a", "text": "x" * 20_001}, "text"),
        ("POST", "/api/feedback", {"memory_id": "a", "verdict": "fine"}, "verdict"),
    ],
)
def test_a_malformed_call_is_refused_and_says_where(
    served: Served, method: str, path: str, body: Any, param: str | None
) -> None:
    answer = call(served.gateway, method, path, body)
    assert answer.status == 400
    assert set(answer.json["error"]) == {"message", "type", "param", "code"}
    assert answer.json["error"]["param"] == param


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'{"entity": "\\ud800", "text": "x"}', b"\xff", b"NaN"])
def test_a_body_that_is_no_json_is_refused(served: Served, body: bytes) -> None:
    sent = {"content-type": "application/json"}
    assert served.gateway.request("POST", "/api/memories", body, sent).status == 400


def test_a_body_that_is_too_large_is_refused(tmp_path: pathlib.Path) -> None:
    with serve(tmp_path, limits={"body": 2000}) as served:
        answer = call(served.gateway, "POST", "/api/memories", {"entity": "a", "text": "x" * 3000})
        assert (answer.status, answer.json["error"]["code"]) == (413, "body_too_large")


def test_other_addresses_and_methods_are_refused_in_the_same_shape(served: Served) -> None:
    for method, path, status in (("GET", "/api/nothing", 404), ("PUT", "/api/entities", 405), ("GET", "/api/", 404)):
        answer = call(served.gateway, method, path)
        assert answer.status == status
        assert set(answer.json["error"]) == {"message", "type", "param", "code"}
