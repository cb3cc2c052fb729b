"""Several servers: which one is asked, by what name, with whose key."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import pytest

from tests.clients import block_of
from tests.connection import Connection, error
from tests.doors import through
from tests.servers import Servers, servers
from tests.upstream import completion, whole


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with servers(tmp_path_factory.mktemp("servers")) as found:
        yield found


@pytest.fixture
def fleet(shared: Servers) -> Servers:
    shared.reset()
    return shared


@pytest.mark.parametrize(
    ("model", "server"),
    [("home-1", "home"), ("keyed-1", "keyed"), ("open-1", "open"), ("shared-1", "home"), ("home-listed", "home")],
)
@pytest.mark.parametrize("entity", [None, "chooser"])
@pytest.mark.parametrize("door", ["chat", "responses"])
def test_the_first_whose_patterns_take_the_model_is_asked(
    fleet: Servers, model: str, server: str, entity: str | None, door: str
) -> None:
    headers = {"x-entity-id": entity} if entity else {}
    assert through(fleet.gateway, door, "Hello", headers, model=model).status == 200
    assert fleet.asked() == [server]


@pytest.mark.parametrize(
    "path",
    ["/v1/chat/completions", "/v1/embeddings", "/v1/completions", "/v1/images/generations", "/v1/moderations"],
)
def test_what_is_relayed_goes_by_its_model_too(fleet: Servers, path: str) -> None:
    body = {"model": "keyed-1", "input": "x", "messages": []}
    assert fleet.post(path, body, x_memory="off").status == 200
    assert fleet.asked() == ["keyed"]
    assert fleet.last("keyed").json == body


def test_a_large_body_goes_by_its_model_too(fleet: Servers) -> None:
    body = json.dumps({"input": ["x" * 1000] * 2000, "model": "keyed-1"}).encode()
    assert fleet.post("/v1/embeddings", body).status == 200
    assert fleet.last("keyed").body == body


@pytest.mark.parametrize("size", [10, 2_000_000])
def test_a_form_goes_by_its_model_too(fleet: Servers, size: int) -> None:
    def form(model: bytes) -> bytes:
        part = b"--b\r\nContent-Disposition: form-data; name="
        file = part + b'"file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n' + b"\x00\xff" * size
        return part + b'"model"\r\n\r\n' + model + b"\r\n" + file + b"\r\n--b--\r\n"

    kind = "multipart/form-data; boundary=b"
    assert fleet.post("/v1/audio/transcriptions", form(b"az-gpt"), content_type=kind).status == 200
    assert fleet.asked() == ["azure"]
    assert fleet.last("azure").body == form(b"dep")


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"not json", b'{"model":7}', b'{"model":null}', b"\xff{"])
def test_what_names_no_model_goes_to_the_first(fleet: Servers, body: bytes) -> None:
    for path in ("/v1/embeddings", "/v1/files"):
        assert fleet.post(path, body).status == 200
    assert fleet.asked() == ["home"]
    assert [request.body for request in fleet.named["home"].received] == [body, body]


@pytest.mark.parametrize("mode", ["on", "off"])
def test_a_chat_of_a_model_that_none_serves_is_a_404_and_anything_else_goes_to_the_first(
    fleet: Servers, mode: str
) -> None:
    answer = fleet.chat("unheard-of", x_memory=mode)
    assert (answer.status, error(answer.body)["code"]) == (404, "model_not_found")
    assert fleet.asked() == []
    assert fleet.post("/v1/embeddings", {"model": "unheard-of"}).status == 200
    assert fleet.asked() == ["home"]


def test_a_chat_that_memory_cannot_edit_goes_by_its_model_all_the_same(fleet: Servers) -> None:
    body = {"model": "keyed-1", "messages": [{"role": "system", "content": "Only this."}]}
    assert fleet.post("/v1/chat/completions", body, x_entity_id="alice").status == 200
    assert fleet.asked() == ["keyed"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":%s,"messages":[{"role":"user","content":"Hi"}]}',
        b' \t{ "messages" :\r\n[ {"content":"\\u00e9 \\/ \xf0\x9f\x98\x80 \\ud83d","role":"user","model":"home-alias"}]'
        b',"seed":123456789012345678901234567890,"top_p":1E-7, "model"  :  %s }\n\n',
        b'{"metadata":{"model":"home-alias"},"model" :%s,"x":-0,"messages":[{"role":"user","content":[]}]}',
    ],
)
@pytest.mark.parametrize("lines", [{}, {"x_entity_id": "renamer"}, {"x_memory": "off"}])
def test_a_model_is_renamed_and_every_other_byte_kept(fleet: Servers, body: bytes, lines: dict[str, str]) -> None:
    assert fleet.post("/v1/chat/completions", body % b'"home-\\u0061lias"', **lines).status == 200
    assert fleet.last("home").body == body % '"own/name é"'.encode()
    assert fleet.last("home").header("content-length") == str(len(fleet.last("home").body))


def test_a_body_that_names_two_models_is_sent_as_it_is(fleet: Servers) -> None:
    body = b'{"model":"home-alias","model":"home-alias","messages":[{"role":"user","content":"Hi"}]}'
    assert fleet.post("/v1/chat/completions", body).status == 200
    assert fleet.last("home").body == body


def test_a_turn_knows_its_model_by_what_the_server_says_or_else_the_client(fleet: Servers) -> None:
    fleet.named["home"].script = lambda _: [whole(completion("Hi").replace(b'"m"', b'"own/name"'))]
    fleet.chat("home-alias", x_entity_id="names")
    assert fleet.gateway.rows("SELECT model FROM turns WHERE entity = 'names'") == [("own/name",)]
    fleet.fail("home", 400)
    fleet.chat("home-alias", x_entity_id="failed")
    assert fleet.gateway.rows("SELECT model FROM turns WHERE entity = 'failed'") == [("home-alias",)]


def test_what_was_said_to_one_server_is_remembered_at_another(fleet: Servers) -> None:
    fleet.chat("home-1", "My dog is called Biscuit.", x_entity_id="alice", x_session_id="s1")
    through(fleet.gateway, "messages", "My cat is called Toast.", {"x-entity-id": "alice"}, model="claude-alias")
    answer = fleet.chat("keyed-1", "What are my dog and my cat called?", x_entity_id="alice", x_session_id="s2")
    assert answer.header("x-memory-status") == "ok"
    told = block_of(fleet.last("keyed"))
    assert "Biscuit" in told
    assert "Toast" in told
    assert fleet.last("claude").json["model"] == "claude-own"


KEYS = {"api_key": "k1", "x_api_key": "k2", "x_goog_api_key": "k3", "ocp_apim_subscription_key": "k4"}


@pytest.mark.requirement("R-25")
def test_a_client_s_key_passes_where_there_is_no_other_and_nowhere_else(fleet: Servers) -> None:
    for model in ("open-1", "keyed-1", "az-gpt"):
        assert fleet.chat(model, **KEYS).status == 200
    passed = fleet.last("open")
    assert [passed.header(name.replace("_", "-")) for name in KEYS] == list(KEYS.values())
    assert passed.header("authorization") == "Bearer sk-client"
    for name, header, value in (("keyed", "authorization", "Bearer sk-keyed"), ("azure", "api-key", "az-key")):
        carried = {name: value for name, value in fleet.last(name).headers if value in {*KEYS.values(), "az-key"}}
        assert carried == ({"api-key": "az-key"} if name == "azure" else {})
        assert fleet.last(name).header(header) == value
        assert "sk-client" not in str(fleet.last(name).headers)


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("", "api-version=2024-10-21"),
        ("?", "api-version=2024-10-21"),
        ("?a=%7e&b", "a=%7e&b&api-version=2024-10-21"),
        ("?Api-Version=2025-01-01-preview", "Api-Version=2025-01-01-preview"),
    ],
)
def test_the_query_of_a_base_address_is_added_unless_the_client_says_otherwise(
    fleet: Servers, query: str, sent: str
) -> None:
    body = {"model": "az-gpt", "messages": [{"role": "user", "content": "Hi"}]}
    assert fleet.post(f"/v1/chat/completions{query}", body, x_entity_id="azure").status == 200
    assert fleet.last("azure").target == f"/openai/deployments/dep/chat/completions?{sent}"
    assert fleet.last("azure").json["model"] == "dep"


def test_an_answer_that_a_server_keeps_is_looked_up_there(fleet: Servers) -> None:
    answer = through(fleet.gateway, "responses", "Hello", {}, model="keyed-1", store=True)
    name = answer.json["id"]
    for path in (f"/v1/responses/{name}", f"/v1/responses/{name}/input_items?limit=1"):
        fleet.named["keyed"].received.clear()
        fleet.named["keyed"].script = lambda request: [whole(json.dumps({"path": request.target}).encode())]
        assert fleet.gateway.request("GET", path).json == {"path": path}
        assert fleet.asked() == ["keyed"]


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/messages"])
def test_an_anthropic_client_is_served_by_its_own_kind(fleet: Servers, path: str) -> None:
    body = {"model": "claude-alias", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    assert fleet.post(path, body).status == 200
    assert fleet.asked() == ["claude"]
    assert fleet.last("claude").json == body | {"model": "claude-own"}
    assert (fleet.last("claude").header("x-api-key"), fleet.last("claude").header("authorization")) == ("sk-ant", None)
    body["model"] = "home-1"
    assert fleet.post(path, body).status == 200
    assert fleet.last("claude-two").json == body


def test_each_server_has_its_own_number_of_connections(fleet: Servers) -> None:
    fleet.named["narrow"].script = lambda _: [0.3, whole(completion("Hi"))]
    statuses: list[int] = []
    ask = [threading.Thread(target=lambda: statuses.append(fleet.chat("narrow").status)) for _ in range(2)]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join(60)
    assert statuses == [200, 200]
    first, second = fleet.named["narrow"].received
    assert second.arrived - first.arrived > 0.25


@pytest.mark.requirement("R-8")
@pytest.mark.parametrize("offer", ["websocket", "WebSocket"])
@pytest.mark.parametrize("path", ["/v1/realtime?model=home-1", "/v1/responses", "/v1/live/x", "/v1/chat/completions"])
def test_a_websocket_is_refused_at_once(fleet: Servers, path: str, offer: str) -> None:
    with Connection(fleet.gateway.port, timeout=60) as client:
        client.request(
            "GET",
            path,
            None,
            "Connection: keep-alive, Upgrade",
            f"Upgrade: {offer}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Authorization: Bearer sk-client",
        )
        status, headers, body = client.answer()
    assert (status, dict(headers)["content-type"]) == (501, "application/json")
    assert error(body)["code"] == "not_supported"
    assert dict(headers)["x-should-retry"] == "false"
    assert fleet.asked() == []
