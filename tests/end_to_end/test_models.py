"""GET /v1/models: one list of many servers' models, and each looked up where it is served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.process import Gateway
from tests.servers import Servers, servers
from tests.upstream import Upstream, raw, whole


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with servers(tmp_path_factory.mktemp("servers")) as found:
        yield found


@pytest.fixture
def fleet(shared: Servers) -> Servers:
    shared.reset()
    return shared


def models(fleet: Servers, **headers: str) -> list[str]:
    answer = fleet.gateway.request("GET", "/v1/models", None, {k.replace("_", "-"): v for k, v in headers.items()})
    assert answer.status == 200, answer.body
    return [entry["id"] for entry in answer.json["data"]]


def listing(*names: str) -> Any:
    entries = [{"id": name, "object": "model", "created": 7, "owned_by": "them", "extra": 1.50} for name in names]
    return lambda _: [whole(json.dumps({"object": "list", "data": entries}).encode())]


@pytest.mark.parametrize(
    ("path", "server"),
    [
        ("/v1/models/home-1", "home"),
        ("/v1/models/keyed%2D1", "keyed"),
        ("/v1/models/open/with/slashes", "open"),
        ("/v1/models/unheard-of", "home"),
    ],
)
def test_one_model_is_looked_up_where_it_is_served(fleet: Servers, path: str, server: str) -> None:
    assert fleet.gateway.request("GET", f"{path}?a=b").json == {"path": f"{path}?a=b"}
    assert fleet.asked() == [server]


def test_one_model_is_looked_up_by_the_servers_name(fleet: Servers) -> None:
    assert fleet.gateway.request("GET", "/v1/models/home-alias").json == {"path": "/v1/models/own/name%20%C3%A9"}


def test_the_models_of_all_servers_are_one_list_by_the_names_that_choose_them(fleet: Servers) -> None:
    fleet.named["home"].script = listing("home-listed", "own/name é", "shared-1", "keyed-no")
    fleet.named["keyed"].script = listing("keyed-1", "shared-1", "home-no")
    fleet.named["open"].script = lambda _: [whole(b'{"object":"list","data":null}')]
    fleet.fail("azure", 404)
    fleet.named["narrow"].script = lambda _: [whole(b"<html>")]
    found = models(fleet, authorization="Bearer sk-client")
    assert found == ["home-alias", "home-listed", "shared-1", "keyed-1", "az-gpt", "az-configured", "narrow"]
    entries = fleet.gateway.get("/v1/models").json
    assert entries["object"] == "list"
    extra = {"object": "model", "created": 7, "owned_by": "them", "extra": 1.5}
    assert entries["data"][:2] == [{"id": "home-alias", **extra}, {"id": "home-listed", **extra}]
    assert entries["data"][4] == {"id": "az-gpt", "object": "model", "created": 0, "owned_by": "azure"}


def test_the_list_asks_each_with_its_own_key_and_only_one_with_the_clients(fleet: Servers) -> None:
    for server in fleet.named.values():
        server.script = listing()
    models(fleet, authorization="Bearer sk-client", cookie="a=1", accept_encoding="gzip", if_none_match='"x"')
    assert fleet.last("home").header("authorization") == "Bearer sk-client"
    assert fleet.last("keyed").header("authorization") == "Bearer sk-keyed"
    assert fleet.last("azure").header("api-key") == "az-key"
    assert fleet.last("azure").target == "/openai/deployments/dep/models?api-version=2024-10-21"
    for name in ("keyed", "open", "azure", "narrow"):
        assert "sk-client" not in str(fleet.last(name).headers)
        assert fleet.last(name).header("cookie") is None
    for name in ("home", "keyed", "open"):
        assert fleet.last(name).header("accept-encoding") == "identity"
        assert fleet.last(name).header("if-none-match") is None
    assert not {"claude", "claude-two"} & set(fleet.asked())


def test_where_no_server_has_a_list_the_first_ones_failure_is_the_answer(fleet: Servers) -> None:
    for name in ("home", "keyed", "open", "azure", "narrow"):
        fleet.fail(name, 500)
    answer = fleet.gateway.get("/v1/models")
    assert (answer.status, answer.body) == (500, b"home is not well")
    fleet.named["home"].script = raw(b"")
    assert fleet.gateway.get("/v1/models").status == 502


def test_a_server_that_hangs_is_left_out_of_the_list(fleet: Servers) -> None:
    fleet.named["home"].script = listing("home-1")
    fleet.named["keyed"].script = raw(30.0)
    assert "home-1" in models(fleet)


def test_an_anthropic_client_gets_the_models_of_its_kind(fleet: Servers) -> None:
    entry = {"type": "model", "id": "claude-own", "display_name": "C", "created_at": "2025-01-01T00:00:00Z"}
    body = {"data": [entry], "has_more": True, "first_id": "claude-own", "last_id": "claude-own"}
    fleet.named["claude"].script = lambda _: [whole(json.dumps(body).encode())]
    fleet.fail("claude-two", 401)
    answer = fleet.gateway.request("GET", "/v1/models?limit=5", None, {"anthropic-version": "2023-06-01"})
    assert answer.json == {
        "data": [entry | {"id": "claude-alias"}, entry],
        "has_more": True,
        "first_id": "claude-alias",
        "last_id": "claude-own",
    }
    assert fleet.last("claude").target == "/v1/models?limit=5"
    assert fleet.last("claude").header("anthropic-version") == "2023-06-01"
    assert fleet.asked() == ["claude", "claude-two", "claude-spare"]


@pytest.mark.requirement("R-5")
def test_the_list_of_one_server_is_relayed_as_it_is(gateway: Gateway, upstream: Upstream) -> None:
    body = b' {"data" : [ {"id":"a","created":1.50}, {"id":"a"} ],"object":"list", "x":null}\n'
    upstream.script = lambda _: [whole(body, 200, ("etag", "1"))]
    answer = gateway.request("GET", "/v1/models?limit=2", None, {"if-none-match": "0", "accept-encoding": "gzip"})
    assert (answer.body, answer.header("etag")) == (body, "1")
    assert upstream.last.target == "/v1/models?limit=2"
    assert (upstream.last.header("if-none-match"), upstream.last.header("accept-encoding")) == ("0", "gzip")
