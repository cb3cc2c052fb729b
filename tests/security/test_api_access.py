"""Who may call the gateway's own API, and whose memories a key reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.calls import at, call
from tests.clients import serve
from tests.process import Gateway

KEYS = [
    {"key": "key-a", "tenant": "a"},
    {"key": "key-b", "tenant": "b"},
    {"key": "key-ann", "tenant": "a", "entity": "fixed:ann"},
]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Calls a gateway with keys."""
    folder = tmp_path_factory.mktemp("keyed")
    upstreams = [{"name": "x", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk"}]
    with serve(folder, keys=KEYS, upstreams=upstreams) as served:

        def with_key(key: str, method: str, path: str, body: Any = None, **query: Any) -> Any:
            return call(served.gateway, method, path, body, {"authorization": f"Bearer {key}"}, **query)

        for key, entity in (("key-a", "ann"), ("key-a", "bob"), ("key-b", "ann")):
            assert with_key(key, "POST", "/api/memories", {"entity": entity, "text": f"{key} {entity}"}).status == 201
        yield with_key


def test_a_call_needs_a_key_where_there_are_keys(keyed: Callable[..., Any]) -> None:
    for path in ("/api/stats", "/api/openapi.json", "/api/nothing"):
        answer = keyed("wrong", "GET", path)
        assert (answer.status, answer.json["error"]["code"]) == (401, "invalid_api_key")


def test_a_tenant_reaches_nothing_of_another(keyed: Callable[..., Any]) -> None:
    assert [m["text"] for m in keyed("key-b", "GET", "/api/memories", entity="ann").json["memories"]] == ["key-b ann"]
    (other,) = keyed("key-a", "GET", "/api/memories", entity="bob").json["memories"]
    for method, body in (("GET", None), ("PATCH", {"kind": "skill"}), ("DELETE", None)):
        assert keyed("key-b", method, at("memories", other["id"]), body).status == 404
    given = {"memory_id": other["id"], "verdict": "private"}
    assert keyed("key-b", "POST", "/api/feedback", given).status == 404
    assert keyed("key-b", "GET", "/api/stats").json["entities"] == 1
    assert keyed("key-b", "DELETE", at("entities", "bob")).json["erased"]["memories"] == 0
    assert len(keyed("key-a", "GET", "/api/memories", entity="bob").json["memories"]) == 1


def test_a_key_for_one_entity_touches_no_other(keyed: Callable[..., Any]) -> None:
    (bobs,) = keyed("key-a", "GET", "/api/memories", entity="bob").json["memories"]
    assert keyed("key-ann", "GET", "/api/memories", entity="ann").status == 200
    assert [e["entity"] for e in keyed("key-ann", "GET", "/api/entities").json["entities"]] == ["ann"]
    refused = [
        ("GET", "/api/memories", None, {"entity": "bob"}),
        ("GET", "/api/memories", None, {"process": "shop"}),
        ("POST", "/api/memories", {"entity": "bob", "text": "x"}, {}),
        ("POST", "/api/memories", {"process": "shop", "text": "x"}, {}),
        ("POST", "/api/recall", {"entity": "bob", "query": "x"}, {}),
        ("DELETE", "/api/memories", None, {"entity": "bob"}),
        ("DELETE", at("entities", "bob"), None, {}),
        ("GET", at("entities", "bob", "export"), None, {}),
        ("GET", at("sessions", "s"), None, {"entity": "bob"}),
        ("GET", "/api/requests", None, {"entity": "bob"}),
        ("GET", "/api/stats", None, {}),
    ]
    for method, path, body, query in refused:
        answer = keyed("key-ann", method, path, body, **query)
        assert answer.status == 403, (method, path, answer.body)
    for method in ("GET", "DELETE"):
        assert keyed("key-ann", method, at("memories", bobs["id"])).status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost:1"}, 200),
        ({"host": "[::1]:8080"}, 200),
        ({"host": "gateway.example"}, 200),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "evil.example:8080"}, 403),
        ({"host": "10.0.0.7"}, 403),
        ({"host": "user@localhost"}, 400),
        ({"host": ""}, 400),
        ({"host": "localhost:8080", "origin": "http://localhost:8080"}, 200),
        ({"host": "localhost:8080", "origin": "http://localhost:3000"}, 403),
        ({"host": "localhost:8080", "origin": "null"}, 403),
        ({"host": "localhost:8080", "origin": "https://app.example"}, 200),
        ({"host": "localhost:8080", "origin": "https://app.example.evil"}, 403),
    ],
)
def test_names_and_sites_that_are_let_in(open_to: Gateway, headers: dict[str, str], status: int) -> None:
    assert call(open_to, "GET", "/api/entities", None, headers).status == status


@pytest.fixture(scope="module")
def open_to(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {"hosts": ["gateway.example"], "origins": ["https://app.example"]}
    with serve(tmp_path_factory.mktemp("open"), api=settings) as served:
        yield served.gateway


def test_only_a_configured_site_may_read_answers(open_to: Gateway) -> None:
    asked = {"origin": "https://app.example", "access-control-request-method": "PATCH"}
    allowed = call(open_to, "OPTIONS", "/api/memories/x", None, asked)
    assert (allowed.status, allowed.header("access-control-allow-origin")) == (204, "https://app.example")
    assert call(open_to, "OPTIONS", "/api/memories/x", None, {**asked, "origin": "https://evil.example"}).status == 403
    answer = call(open_to, "GET", "/api/entities", None, {"origin": "https://app.example"})
    assert answer.header("access-control-allow-origin") == "https://app.example"
    assert call(open_to, "GET", "/api/entities").header("access-control-allow-origin") is None
