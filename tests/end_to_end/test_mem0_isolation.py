"""Through /mem0, too, nothing of one user, tenant or key reaches another's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from tests.clients import Served, serve
from tests.mem0_client import async_client, call, opened, texts, user
from tests.security.test_isolation import HOSTILE

SECRET = "I keep my savings in the blue teapot."
ALICE = {"user_id": "alice"}
FOREIGN: list[dict[str, Any]] = [
    {"user_id": "bob", "AND": [ALICE]},
    {"user_id": "bob", "OR": [ALICE]},
    {"AND": [{"user_id": "bob"}, ALICE]},
    {"AND": [{"user_id": "bob"}, {"OR": [ALICE, {"user_id": "bob"}]}]},
    {"NOT": [{"user_id": "bob"}]},
    {"NOT": [{"NOT": [ALICE]}]},
    {"user_id": {"ne": "bob"}},
    {"user_id": "*"},
    {"user_id": {"in": ["*", "bob"]}},
    {"user_id": "*", "agent_id": "*", "run_id": "*"},
    {"OR": [{"user_id": "bob"}, {"agent_id": {"ne": "bot"}}]},
    {"OR": [{"user_id": "bob"}, {"metadata": {"contains": "source"}}]},
    {"OR": [{"user_id": "bob"}, {"created_at": {"gt": "2000-01-01"}}]},
    {"text": {"contains": "teapot"}},
    {"categories": ["fact", "preference", "event"]},
    {"run_id": "s1"},
    {"agent_id": "bot"},
    {"user_id": None},
    {},
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("mem0")) as served:
        yield served


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    with opened(served.gateway) as client:
        yield client


@pytest.fixture
def secret(client: Any) -> str:
    """The id of a memory of alice's, of a narrow scope."""
    client.add(user("I keep my savings at home."), **ALICE)
    added = client.add(user(SECRET), **ALICE, agent_id="bot", run_id="s1", metadata={"source": "form"}, infer=False)
    name: str = added["results"][0]["id"]
    return name


@pytest.mark.parametrize("filters", FOREIGN, ids=str)
def test_no_filter_reaches_who_is_not_meant(client: Any, secret: str, filters: dict[str, Any]) -> None:
    for found in (
        client.get_all(filters=filters),
        client.get_all(filters=filters, latest_only=False, show_expired=True),
        client.search("Where are the savings?", filters=filters, threshold=0.0, top_k=1000),
    ):
        assert "savings" not in json.dumps(found)


def test_a_star_deletes_nobody_elses(client: Any, secret: str) -> None:
    client.delete_all(user_id="*")
    client.delete_all(agent_id="bot")
    client.delete_all(run_id="s1")
    client.delete_all(user_id="bob", agent_id="bot", run_id="s1")
    for options in ({}, {"filters": "{}"}, {"app_id": "*"}):
        with pytest.raises(Exception, match="needed"):
            client.delete_all(**options)
    assert client.get(secret)["memory"] == SECRET


def test_ids_are_exact(client: Any) -> None:
    for number, name in enumerate(HOSTILE):
        client.add(f"My lucky number is {number} of {len(HOSTILE)}.", user_id=name)
    for number, name in enumerate(HOSTILE):
        own = [f"My lucky number is {number} of {len(HOSTILE)}."]
        assert texts(client.get_all(filters={"user_id": name})) == own, name
        assert texts(client.search("lucky number", filters={"user_id": name})) == own, name
    for name in HOSTILE[::2]:
        client.delete_all(user_id=name)
    for name in HOSTILE[1::2]:
        assert client.get_all(filters={"user_id": name})["count"] == 1, name
        client.delete_users(user_id=name)
        assert client.get_all(filters={"user_id": name})["count"] == 0, name


@pytest.mark.anyio
async def test_many_users_at_once_stay_apart(served: Served) -> None:
    client = async_client(served.gateway)
    users = [f"user-{number}" for number in range(20)]

    async def live(name: str) -> None:
        await client.add(f"My code word is {name}x.", user_id=name)
        for _ in range(3):
            found = await client.search("What is the code word?", filters={"user_id": name})
            assert texts(found) == [f"My code word is {name}x."]

    async with anyio.create_task_group() as group:
        for name in users:
            group.start_soon(live, name)
    await client.async_client.aclose()


def test_labels_cannot_change_a_scope(client: Any) -> None:
    labels = {"user_id": "alice", "agent_id": "bot", "entity": "alice", "tenant": "acme"}
    added = client.add("My hat is green.", user_id="mallory", metadata=labels)["results"][0]
    assert client.get(added["id"])["user_id"] == "mallory"
    assert "My hat is green." not in texts(client.get_all(filters=ALICE))
    client.update(added["id"], metadata={"user_id": "alice"})
    assert client.get(added["id"])["user_id"] == "mallory"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    keys = [
        {"key": "key-acme", "tenant": "acme"},
        {"key": "key-umbra", "tenant": "umbra"},
        {"key": "key-alice", "tenant": "acme", "entity": "fixed:alice"},
    ]
    with serve(tmp_path_factory.mktemp("keys"), keys=keys, upstreams=[_upstream()]) as served:
        yield served


def _upstream() -> dict[str, Any]:
    return {"name": "nowhere", "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-own"}


def test_a_key_is_a_tenant(keyed: Served) -> None:
    with opened(keyed.gateway, "key-acme") as acme, opened(keyed.gateway, "key-umbra") as umbra:
        name = acme.add(user(SECRET), **ALICE)["results"][0]["id"]
        event = acme.add(user("I like tea."), **ALICE)["event_id"]
        assert umbra.get_all(filters=ALICE)["results"] == []
        assert umbra.users()["results"] == []
        for attempt in (umbra.get, umbra.history, umbra.delete, lambda one: umbra.update(one, text="x")):
            with pytest.raises(Exception, match="not found"):
                attempt(name)
        answer = call(keyed.gateway, "GET", f"/v1/event/{event}/", authorization="Token key-umbra")
        assert answer.status == 404
        assert acme.get(name)["memory"] == SECRET
    for wrong in ("Token wrong", "Token", "Bearer ", "key"):
        answer = call(keyed.gateway, "GET", "/v1/ping/", authorization=wrong)
        assert (answer.status, list(answer.json)) == (401, ["detail"])
    assert call(keyed.gateway, "GET", "/nothing/", authorization="Token wrong").status == 401


def test_a_bound_key_touches_its_user_only(keyed: Served) -> None:
    with opened(keyed.gateway, "key-acme") as acme, opened(keyed.gateway, "key-alice") as bound:
        his = acme.add(user("My locker is 12."), user_id="bob")["results"][0]["id"]
        own = acme.add(user("We sell tents."), agent_id="shop")["results"][0]["id"]
        assert "My locker is 12." not in json.dumps(bound.get_all(filters={"OR": [ALICE, {"user_id": "bob"}]}))
        assert bound.get_all(filters={"user_id": "bob"})["results"] == []
        assert bound.get_all(filters={"agent_id": "shop"})["results"] == []
        assert bound.search("locker", filters={"user_id": "bob"})["results"] == []
        assert {one["name"] for one in bound.users()["results"]} <= {"alice"}
        for name in (his, own):
            for attempt in (
                bound.get,
                bound.history,
                bound.delete,
                lambda one: bound.batch_delete([{"memory_id": one}]),
            ):
                with pytest.raises(Exception, match="not found"):
                    attempt(name)
        for scope in ({"user_id": "bob"}, {"agent_id": "shop"}, {"run_id": "s1"}):
            with pytest.raises(Exception, match="own entity"):
                bound.add("I was here.", **scope)
            with pytest.raises(Exception, match="own entity"):
                bound.delete_all(**scope)
        with pytest.raises(Exception, match="own entity"):
            bound.delete_users(user_id="bob")
        bound.delete_users(agent_id="shop")
        assert acme.get(own)["memory"] == "We sell tents."
        bound.add("I own a tent.", **ALICE)
        assert "I own a tent." in texts(bound.get_all(filters=ALICE))
