"""What /mem0 refuses, and how it says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import Served, serve
from tests.mem0_client import call, opened, user


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("mem0")) as served:
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    with opened(served.gateway) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("DELETE", "/v1/memories/", "", 400),
        ("DELETE", "/v1/memories/?app_id=web", "", 400),
        ("DELETE", "/v1/memories/?user_id=", "", 400),
        ("DELETE", "/v1/memories/?user_id=alice&user_id=bob", "", 400),
        ("DELETE", "/v1/memories/?entity=alice", "", 400),
        ("DELETE", "/v1/memories/?filters=%7B%27OR%27%3A%20%5B%5D%7D", "", 400),
        ("DELETE", f"/v1/memories/?filters={'(' * 5000}", "", 400),
        ("POST", "/v3/memories/add/", '{"messages": [{"role": "user", "content": "I am Bo."}]}', 400),
        ("POST", "/v3/memories/add/", '{"messages": [], "user_id": "a"}', 400),
        ("POST", "/v3/memories/add/", '{"messages": [1], "user_id": "a"}', 400),
        ("POST", "/v3/memories/add/", '{"messages": "I am Bo.", "user_id": "a", "metadata": 1}', 400),
        ("POST", "/v3/memories/add/", '{"messages": "I am Bo.", "user_id": "a", "colour": 1}', 400),
        ("POST", "/v3/memories/add/", '{"messages": "I am Bo.", "user_id": "a", "expiration_date": "soon"}', 400),
        ("POST", "/v3/memories/add/", '{"messages": "I am Bo.", "user_id": "a", "filters": {"user_id": "b"}}', 400),
        ("POST", "/v3/memories/add/", "{", 400),
        ("POST", "/v3/memories/add/", "[]", 400),
        ("POST", "/v3/memories/search/", '{"filters": {"user_id": "a"}}', 400),
        ("POST", "/v3/memories/search/", '{"query": "x", "top_k": 0}', 400),
        ("POST", "/v3/memories/search/", '{"query": "x", "filters": "alice"}', 400),
        ("POST", "/v3/memories/?page=0", '{"filters": {"user_id": "a"}}', 400),
        ("PUT", "/v1/batch/", '{"memories": [{"text": "x"}]}', 400),
        ("PUT", "/v1/batch/", '{"memories": [{"memory_id": "x", "text": "x"}]}', 404),
        ("PUT", "/v1/memories/x/", '{"text": "x"}', 404),
        ("GET", "/v1/memories/x/history/", "", 404),
        ("DELETE", "/v2/entities/user/ghost/", "", 404),
        ("DELETE", "/v2/entities/user/alice/?x", "", 400),
        ("DELETE", "/v2/entities/app/web/", "", 501),
        ("POST", "/v1/exports/", "{}", 501),
        ("POST", "/v1/feedback/", "{}", 501),
        ("GET", "/api/v1/orgs/organizations/", "", 501),
        ("GET", "/", "", 501),
        ("PATCH", "/v1/memories/x/", "{}", 501),
        ("POST", "/v3/memories/add/", '{"messages": "x", "user_id": "a", "enable_graph": true}', 501),
        ("GET", "/v1/memories/%ff/", "", 400),
    ],
)
def test_refusals_say_why_in_mem0s_shape(served: Served, method: str, path: str, body: str, status: int) -> None:
    answer = call(served.gateway, method, path, body)
    assert answer.status == status, answer.body
    assert list(answer.json) == ["detail"]
    assert answer.json["detail"]


def test_a_batch_with_an_unknown_memory_changes_nothing(served: Served, client: Any) -> None:
    name = client.add(user("I own a kayak."), user_id="pia")["results"][0]["id"]
    body = f'{{"memories": [{{"memory_id": "{name}", "text": "Gone."}}, {{"memory_id": "x", "text": "y"}}]}}'
    assert call(served.gateway, "PUT", "/v1/batch/", body).status == 404
    assert client.get(name)["memory"] == "I own a kayak."


def test_pages_of_other_sites_and_foreign_names_are_kept_out(served: Served) -> None:
    ping = ("GET", "/v1/ping/")
    assert call(served.gateway, *ping).status == 200
    assert call(served.gateway, *ping, origin="https://evil.example").status == 403
    refused = call(served.gateway, *ping, host="evil.example")
    assert refused.status == 403
    assert list(refused.json) == ["detail"]
