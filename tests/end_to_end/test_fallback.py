"""A server that cannot be reached, or says that it is not well, gives way to another: before the first byte only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.connection import Broken, Connection
from tests.doors import DOORS, through
from tests.process import Answer
from tests.servers import Servers, servers
from tests.upstream import chunk, delta, event, head, raw, whole
from tests.waiting import until

MINE = {"cookie": "session=1", "openai_organization": "org", "openai_project": "proj", "x_goog_api_key": "goog"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with servers(tmp_path_factory.mktemp("servers")) as found:
        yield found


@pytest.fixture
def fleet(shared: Servers) -> Servers:
    shared.reset()
    return shared


def log_of(fleet: Servers, name: str) -> str:
    """The newest line of the log that tells of this."""
    lines = [line for line in fleet.gateway.log.read_text().splitlines() if f" {name} " in line]
    return lines[-1]


def count(fleet: Servers, metric: str) -> float:
    page = fleet.gateway.get("/metrics").body.decode()
    return next((float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(metric)), 0)


def said(answer: Answer) -> str:
    assert answer.status == 200, answer.body
    return str(answer.json["choices"][0]["message"]["content"])


@pytest.mark.parametrize("status", [502, 503, 504])
@pytest.mark.parametrize("entity", [None, "fallen"])
def test_a_server_that_is_not_well_gives_way_to_the_next_that_serves_the_model(
    fleet: Servers, status: int, entity: str | None
) -> None:
    fleet.fail("home", status)
    answer = fleet.chat("shared-1", **({"x_entity_id": f"{entity}{status}"} if entity else {}))
    assert said(answer) == "This is keyed."
    assert b"not well" not in answer.body
    assert fleet.asked() == ["home", "keyed"]
    assert fleet.last("home").body == fleet.last("keyed").body
    if entity:
        turns = fleet.gateway.rows("SELECT state FROM turns WHERE entity = ?", f"{entity}{status}")
        assert turns == [("complete",)]
        (trace,) = fleet.gateway.get(f"/api/requests?entity={entity}{status}").json["requests"]
        assert trace["upstream"] == "keyed"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("door", DOORS[:2])
def test_a_server_that_cannot_be_reached_gives_way_to_those_that_are_named(
    fleet: Servers, door: str, stream: bool
) -> None:
    """`gone` falls back to two by name, whose patterns do not take the model."""
    answer = through(fleet.gateway, door, "Hello", {"x-entity-id": "far"}, model="gone-1", stream=stream)
    assert answer.status == 200
    assert fleet.asked() == ["azure"]
    fleet.reset()
    fleet.fail("azure", 503)
    assert through(fleet.gateway, door, "Hello", {}, model="gone-1", stream=stream).status == 200
    assert fleet.asked() == ["keyed", "azure"]


def test_a_request_for_embeddings_gives_way_too(fleet: Servers) -> None:
    body = {"model": "gone-1", "input": "x"}
    assert fleet.post("/v1/embeddings", body).status == 200
    assert fleet.last("azure").json == body


def test_the_last_one_s_failure_is_the_answer(fleet: Servers) -> None:
    fleet.fail("home", 503)
    fleet.fail("keyed", 502)
    answer = fleet.chat("shared-1", x_entity_id="unlucky")
    assert (answer.status, answer.body) == (502, b"keyed is not well")
    until(lambda: fleet.gateway.rows("SELECT state FROM turns WHERE entity = 'unlucky'") == [("error",)])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 429, 500, 501, 529])
def test_any_other_answer_is_the_clients(fleet: Servers, status: int) -> None:
    fleet.fail("home", status)
    answer = fleet.chat("shared-1", x_entity_id="other")
    assert (answer.status, answer.body) == (status, b"home is not well")
    assert fleet.asked() == ["home"]


@pytest.mark.parametrize("model", ["keyed-1", "open-1"])
def test_without_a_fallback_nobody_else_is_asked(fleet: Servers, model: str) -> None:
    name = model.removesuffix("-1")
    fleet.fail(name, 503)
    assert fleet.chat(model).status == 503
    assert fleet.asked() == [name]


def test_a_server_that_hangs_up_or_says_nothing_may_have_done_the_work(fleet: Servers) -> None:
    fleet.named["home"].script = raw(b"")
    assert fleet.chat("shared-1").status == 502
    fleet.named["narrow"].script = raw(60.0)
    assert fleet.chat("narrow").status == 504
    assert fleet.asked() == ["home", "narrow"]


def test_a_server_without_a_free_connection_gives_way(fleet: Servers) -> None:
    drops = (step for _ in range(600) for step in (b": on it\n\n", 0.1))
    fleet.named["narrow"].script = raw(head(200, content_type="text/event-stream") + b"\r\n", *drops)
    with Connection(fleet.gateway.port) as client:
        client.request("POST", "/v1/chat/completions", b'{"model":"narrow","stream":true,"messages":[]}')
        client.head()
        assert said(fleet.chat("narrow")) == "This is keyed."


@pytest.mark.parametrize("entity", [None, "cut"])
def test_nobody_else_is_asked_after_bytes_were_sent(fleet: Servers, entity: str | None) -> None:
    start = head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
    fleet.named["home"].script = raw(start + chunk(event(delta(content="Hi"))))
    body = b'{"model":"shared-1","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
    with Connection(fleet.gateway.port) as client:
        client.request("POST", "/v1/chat/completions", body, *([f"X-Entity-Id: {entity}"] if entity else []))
        status, headers = client.head()
        assert status == 200
        with pytest.raises(Broken):
            list(client.pieces(headers))
    assert fleet.asked() == ["home"]


def test_a_client_s_key_goes_to_no_other_server(fleet: Servers) -> None:
    """Both that stand in have keys of their own; `open` serves the model too, and has none: it is never asked."""
    for name in ("home", "keyed"):
        fleet.fail(name, 503)
    assert fleet.chat("shared-1", **MINE).status == 503
    assert fleet.asked() == ["home", "keyed"]
    assert {fleet.last("home").header(name.replace("_", "-")) for name in MINE} == set(MINE.values())
    sent = fleet.last("keyed")
    assert sent.header("authorization") == "Bearer sk-keyed"
    assert not [value for _, value in sent.headers if value in {*MINE.values(), "Bearer sk-client"}]


def test_a_key_in_the_query_goes_to_no_other_server(fleet: Servers) -> None:
    fleet.fail("home", 503)
    body = {"model": "shared-1", "messages": [{"role": "user", "content": "Hi"}]}
    assert fleet.post("/v1/chat/completions?a=b&key=mine&API_KEY=mine&c", body).status == 200
    assert fleet.last("home").target == "/v1/chat/completions?a=b&key=mine&API_KEY=mine&c"
    assert fleet.last("keyed").target == "/v1/chat/completions?a=b&c"


@pytest.mark.parametrize("more", [{"previous_response_id": "resp_x"}, {"conversation": {"id": "conv_x"}}])
@pytest.mark.parametrize("mode", ["on", "off"])
def test_what_follows_an_answer_that_a_server_keeps_is_not_passed_on(
    fleet: Servers, more: dict[str, Any], mode: str
) -> None:
    fleet.fail("home", 503)
    headers = {"x-entity-id": "kept", "x-memory": mode}
    assert through(fleet.gateway, "responses", "Hello", headers, model="shared-1", **more).status == 503
    assert fleet.asked() == ["home"]


@pytest.mark.parametrize("mode", ["on", "off"])
def test_what_follows_a_message_that_anthropic_keeps_is_not_passed_on(fleet: Servers, mode: str) -> None:
    fleet.fail("claude", 503)
    headers = {"x-entity-id": "kept", "x-memory": mode}
    assert through(fleet.gateway, "messages", "Hello", headers, model="claude-1").status == 200
    assert fleet.asked() == ["claude", "claude-spare"]
    fleet.named["claude-spare"].received.clear()
    thread = {"previous_message_id": "msg_x"}
    assert through(fleet.gateway, "messages", "Hello", headers, model="claude-1", thread=thread).status == 503
    assert fleet.asked() == ["claude"]


def test_a_body_that_is_sent_as_it_comes_is_not_passed_on(fleet: Servers) -> None:
    with Connection(fleet.gateway.port) as client:
        client.request("POST", "/v1/files", b"x" * 2_000_000)
        assert client.answer()[0] == 200
    assert fleet.asked() == ["home"]


def test_the_block_reaches_the_one_that_serves_and_stays_the_same(fleet: Servers) -> None:
    fleet.chat("shared-1", "My dog is called Biscuit.", x_entity_id="alice", x_session_id="one")
    fleet.named["home"].received.clear()
    fleet.fail("home", 503)
    fleet.chat("shared-1", "What is my dog called?", x_entity_id="alice", x_session_id="two")
    assert b"Biscuit" in fleet.last("keyed").body
    assert fleet.last("keyed").body == fleet.last("home").body


def test_a_context_that_memory_made_too_long_is_asked_again_where_it_was_refused(fleet: Servers) -> None:
    fleet.chat("shared-1", "My dog is called Biscuit.", x_entity_id="long", x_session_id="one")
    fleet.reset()
    fleet.fail("home", 503)
    too_long = json.dumps({"error": {"code": "context_length_exceeded"}}).encode()
    fleet.named["keyed"].script = lambda request: [whole(too_long, 400 if b"Biscuit" in request.body else 200)]
    assert fleet.chat("shared-1", "What is my dog called?", x_entity_id="long", x_session_id="two").status == 200
    assert len(fleet.named["home"].received) == 1
    assert len(fleet.named["keyed"].received) == 2


def test_log_and_metrics_name_the_one_that_served(fleet: Servers) -> None:
    answered = 'memory_gateway_upstream_answers_total{outcome="answered",upstream="keyed"}'
    passed = 'memory_gateway_fallbacks_total{to="keyed",upstream="home"}'
    before = count(fleet, answered), count(fleet, passed)
    fleet.fail("home", 503)
    fleet.chat("shared-1", x_entity_id="logged")
    until(lambda: "upstream=keyed" in log_of(fleet, "request"))
    assert "upstream=home to=keyed cause=503" in log_of(fleet, "another upstream")
    assert (count(fleet, answered), count(fleet, passed)) == (before[0] + 1, before[1] + 1)
    assert count(fleet, 'memory_gateway_upstream_answers_total{outcome="unreachable",upstream="gone"}') >= 0


@pytest.mark.requirement("R-63")
@pytest.mark.parametrize("entity", [None, "left"])
def test_a_client_that_leaves_frees_the_one_that_stands_in(fleet: Servers, entity: str | None) -> None:
    fleet.fail("home", 503)
    fleet.named["keyed"].script = raw(20.0)
    with Connection(fleet.gateway.port) as client:
        body = b'{"model":"shared-1","messages":[{"role":"user","content":"Hi"}]}'
        client.request("POST", "/v1/chat/completions", body, *([f"X-Entity-Id: {entity}"] if entity else []))
        until(lambda: fleet.named["keyed"].received)
    until(lambda: fleet.last("keyed").closed is not None)


def test_failing_over_is_quick(fleet: Servers) -> None:
    fleet.chat("gone-1")
    begun = time.monotonic()
    assert fleet.chat("gone-1").status == 200
    assert time.monotonic() - begun < 5  # less than any timeout
