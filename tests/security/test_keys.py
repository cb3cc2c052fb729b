"""Gateway keys: each opens one tenant, and none is ever sent on."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.clients import Served, block_of, ids, openai, say, sent
from tests.process import Gateway
from tests.upstream import Upstream


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway with keys of two tenants, one of them bound to one entity, and one key from the environment."""
    keys = [
        {"key": "gk-acme", "tenant": "acme"},
        {"key": "gk-globex", "tenant": "globex"},
        {"key": "gk-kiosk", "tenant": "acme", "entity": "fixed:kiosk"},
    ]
    with Upstream() as upstream:
        servers = [{"name": "scripted", "base_url": upstream.url, "api_key": "sk-upstream"}]
        environ = {"GATEWAY_KEYS": "initech:gk-initech, umbrella:gk-umbrella"}
        folder = tmp_path_factory.mktemp("keyed")
        with Gateway(folder, upstream.url, environ, keys=keys, upstreams=servers) as gateway:
            yield Served(gateway, upstream)


@pytest.fixture
def tenants(keyed: Served) -> Served:
    keyed.reset()
    return keyed


def canary(name: str) -> str:
    """A word that stands for one entity and is part of no other entity's word."""
    return "canary" + name.encode().hex() + "end"


def test_two_tenants_with_the_same_entity_and_session_never_meet(tenants: Served) -> None:
    with openai(tenants.gateway, ids("same", "same", "same"), api_key="gk-acme") as client:
        say(client, "My safe word is heron.")
    with openai(tenants.gateway, ids("same", "same", "same"), api_key="gk-globex") as client:
        say(client, "What is my safe word?")
    assert sent(tenants.upstream.last) == [{"role": "user", "content": "What is my safe word?"}]
    with openai(tenants.gateway, ids("same"), api_key="gk-acme") as client:
        say(client, "What is my safe word?")
    assert "heron" in block_of(tenants.upstream.last)


@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer nope", "Bearer gk-acm", "Bearer gk-acmee", "gk-acme nope", "Bearer", "Basic gk-acme"],
)
def test_without_a_valid_key_nothing_is_served(tenants: Served, authorization: str | None) -> None:
    headers = {"X-Entity-Id": "same"} | ({"Authorization": authorization} if authorization else {})
    for method, path in (("POST", "/v1/chat/completions"), ("GET", "/v1/models")):
        answer = tenants.gateway.request(method, path, b"{}", headers)
        assert answer.status == 401
        assert answer.json["error"]["code"] == "invalid_api_key"
    assert tenants.upstream.received == []


@pytest.mark.requirement("R-25")
def test_the_gateways_key_never_reaches_the_upstream(tenants: Served) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hello"}]}).encode()
    for header, value in (("Authorization", "Bearer gk-acme"), ("api-key", "gk-acme"), ("x-api-key", "gk-acme")):
        for path in ("/v1/chat/completions", "/v1/embeddings"):
            assert tenants.gateway.request("POST", path, body, {header: value, "X-Entity-Id": "k"}).status == 200
            request = tenants.upstream.last
            assert request.header("authorization") == "Bearer sk-upstream"
            assert [value for _, value in request.headers if "gk-" in value] == []


@pytest.mark.parametrize("key", ["gk-initech", "gk-umbrella"])
def test_keys_of_the_environment_open_their_tenant(tenants: Served, key: str) -> None:
    with openai(tenants.gateway, ids("worker"), api_key=key) as client:
        say(client, f"My desk is {canary(key)}.")
        say(client, "Which desk is mine?")
    assert canary(key) in block_of(tenants.upstream.last)
    other = "gk-umbrella" if key == "gk-initech" else "gk-initech"
    assert canary(other) not in tenants.upstream.last.body.decode()
    found = tenants.gateway.rows("SELECT tenant FROM memories WHERE text LIKE ?", f"%{canary(key)}%")
    assert found == [(key.removeprefix("gk-"),)]


def test_a_key_bound_to_one_entity_cannot_be_talked_into_another(tenants: Served) -> None:
    with openai(tenants.gateway, ids("manager"), api_key="gk-acme") as client:
        say(client, "My salary is heron-5000.")
    with openai(tenants.gateway, ids("manager"), api_key="gk-kiosk") as client:
        say(client, "What is my salary?", extra_body={"metadata": {"entity_id": "manager"}})
        assert b"heron-5000" not in tenants.upstream.last.body
        say(client, "My opening time is nine.")
    assert [text for text in tenants.memories("kiosk") if "nine" in text]
    assert not [text for text in tenants.memories("manager") if "nine" in text]


def test_only_a_trusted_key_may_tell_the_time(tenants: Served) -> None:
    headers = {"X-Memory-Time": "2019-03-04T10:00:00Z", "X-Entity-Id": "clock"}
    for key, status in (("gk-kiosk", 400), ("gk-acme", 200)):
        answer = tenants.gateway.chat("Hello", headers={**headers, "authorization": f"Bearer {key}"})
        assert answer.status == status
