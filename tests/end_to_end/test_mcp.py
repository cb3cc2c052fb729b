"""The Model Context Protocol, through the official SDK's own client, on a gateway of its own process."""

from __future__ import annotations

import asyncio
import json
import pathlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.clients import Served, block_of, serve
from tests.process import Gateway
from tests.upstream import Upstream

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("mcp"), processes={"closed": {"sharing": "process"}}) as served:
        yield served


@asynccontextmanager
async def connected(gateway: Gateway, mode: str = "auto", **headers: str) -> AsyncIterator[Client]:
    """The SDK's client with these headers; underscores stand for hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    url = f"http://127.0.0.1:{gateway.port}/mcp"
    async with (
        httpx2.AsyncClient(headers=sent, timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


async def call(client: Client, name: str, **arguments: Any) -> dict[str, Any]:
    """The answer of a tool that must succeed."""
    result = await client.call_tool(name, arguments)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
    return result.structured_content


async def refusal(client: Client, name: str, **arguments: Any) -> str:
    """What a tool that must fail says."""
    result = await client.call_tool(name, arguments)
    assert result.is_error
    said: str = result.content[0].text  # type: ignore[union-attr]
    return said


def texts(answer: dict[str, Any]) -> list[str]:
    return [memory["text"] for memory in answer["memories"]]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_four_tools_are_offered(served: Served, mode: str) -> None:
    async with connected(served.gateway, mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert list(tools) == ["recall", "remember", "forget", "list_memories"]
    assert tools["recall"].input_schema["required"] == ["query"]
    assert tools["forget"].annotations is not None
    assert tools["forget"].annotations.destructive_hint


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_what_is_remembered_is_listed_recalled_and_forgotten(served: Served, mode: str) -> None:
    async with connected(served.gateway, mode, x_entity_id=f"ada-{mode}") as client:
        made = await call(client, "remember", text="I am allergic to peanuts.")
        assert (made["text"], made["status"]) == ("I am allergic to peanuts.", "active")
        assert texts(await call(client, "list_memories")) == ["I am allergic to peanuts."]
        assert texts(await call(client, "recall", query="What is the user allergic to?")) == [made["text"]]
        found = await call(client, "recall", query="What am I allergic to?")
        assert [(memory["id"], memory["text"]) for memory in found["memories"]] == [(made["id"], made["text"])]
        assert await call(client, "forget", memory_id=made["id"]) == {"forgotten": made["id"]}
        assert texts(await call(client, "list_memories")) == []
        assert texts(await call(client, "recall", query="What am I allergic to?")) == []
        assert await refusal(client, "forget", memory_id=made["id"]) == "There is no memory with this id."


async def test_chats_and_tools_know_the_same(served: Served) -> None:
    served.reset()
    served.ask("My dog is called Biscuit.", "bea")
    async with connected(served.gateway, x_entity_id="bea") as client:
        assert texts(await call(client, "recall", query="What is my dog called?")) == ["My dog is called Biscuit."]
        await call(client, "remember", text="My cat is called Pepper.")
    served.ask("What is my cat called?", "bea", process="another")
    assert "Pepper" in block_of(served.upstream.last)


async def test_lists_go_on_where_they_ended(served: Served) -> None:
    async with connected(served.gateway, x_entity_id="cleo") as client:
        for number in range(5):
            await call(client, "remember", text=f"My house number {number} is painted blue.")
        seen, cursor = [], None
        for _ in range(3):
            answer = await call(client, "list_memories", limit=2, cursor=cursor)
            seen += texts(answer)
            cursor = answer["cursor"]
        assert cursor is None
        assert seen == [f"My house number {number} is painted blue." for number in (4, 3, 2, 1, 0)]
        await call(client, "remember", text="I prefer trains to planes.", kind="preference")
        assert texts(await call(client, "list_memories", kind="preference")) == ["I prefer trains to planes."]
        assert "cursor" in await refusal(client, "list_memories", cursor="nonsense")


async def test_nobody_reaches_what_is_another_s(served: Served) -> None:
    async with connected(served.gateway, x_entity_id="dora") as client:
        secret = await call(client, "remember", text="My locker code is 4711.")
    for other in ("Dora", "*", "dora,eve", "dor%61", "eve"):
        async with connected(served.gateway, x_entity_id=other) as client:
            assert texts(await call(client, "recall", query="What is my locker code?")) == []
            assert texts(await call(client, "list_memories")) == []
            assert "no memory" in await refusal(client, "forget", memory_id=secret["id"])
    async with connected(served.gateway, x_process_id="default") as client:
        assert texts(await call(client, "recall", query="What is the locker code?")) == []
        assert texts(await call(client, "list_memories")) == []
        assert "no memory" in await refusal(client, "forget", memory_id=secret["id"])
    async with connected(served.gateway, x_entity_id="dora") as client:
        assert texts(await call(client, "list_memories")) == ["My locker code is 4711."]


async def test_a_process_alone_keeps_knowledge_of_its_own(served: Served) -> None:
    async with connected(served.gateway, x_process_id="librarian") as client:
        await call(client, "remember", text="The reading room closes at eight.")
        assert texts(await call(client, "list_memories")) == ["The reading room closes at eight."]
        assert texts(await call(client, "recall", query="When does the reading room close?"))
    async with connected(served.gateway, x_process_id="porter") as client:
        assert texts(await call(client, "list_memories")) == []
        assert texts(await call(client, "recall", query="When does the reading room close?")) == []
    async with connected(served.gateway, x_entity_id="fay", x_process_id="librarian") as client:
        assert texts(await call(client, "recall", query="When does the reading room close?"))


async def test_scope_is_exactly_what_the_headers_say(served: Served) -> None:
    async with connected(served.gateway, x_entity_id="gil", x_process_id="tutor") as client:
        mine = await call(client, "remember", text="I find fractions difficult.")
        assert (mine["process"], mine["session"]) == ("tutor", None)
    async with connected(served.gateway, x_entity_id="gil", x_process_id="coach") as client:
        assert texts(await call(client, "list_memories")) == []
        assert texts(await call(client, "recall", query="What do I find difficult?")) == []
        assert "no memory" in await refusal(client, "forget", memory_id=mine["id"])
    async with connected(served.gateway, x_entity_id="gil", x_process_id="tutor", x_session_id="s") as client:
        await call(client, "remember", text="Today we practise decimals.")
        assert len(texts(await call(client, "list_memories"))) == 2
    async with connected(served.gateway, x_entity_id="gil", x_process_id="tutor") as client:
        assert texts(await call(client, "list_memories")) == ["I find fractions difficult."]


async def test_a_closed_process_is_closed_to_tools_too(served: Served) -> None:
    served.reset()
    served.ask("My resting pulse is 52.", "hal", process="closed")
    served.ask("I live in Turin.", "hal", process="open")
    async with connected(served.gateway, x_entity_id="hal", x_process_id="open") as client:
        assert texts(await call(client, "list_memories")) == ["I live in Turin."]
        assert texts(await call(client, "recall", query="What is my resting pulse?")) == []
    async with connected(served.gateway, x_entity_id="hal", x_process_id="closed") as client:
        assert texts(await call(client, "list_memories")) == ["My resting pulse is 52."]
        assert texts(await call(client, "recall", query="What is my resting pulse?")) == ["My resting pulse is 52."]


async def test_where_no_process_shares_each_keeps_its_own(tmp_path: pathlib.Path, upstream: Upstream) -> None:
    with Gateway(tmp_path, upstream.url, memory={"sharing": "process"}) as gateway:
        async with connected(gateway, x_entity_id="mia") as client:
            await call(client, "remember", text="I collect stamps.")
            assert texts(await call(client, "list_memories")) == ["I collect stamps."]
            assert texts(await call(client, "recall", query="What do I collect?")) == ["I collect stamps."]
        async with connected(gateway, x_entity_id="mia", x_process_id="other") as client:
            assert texts(await call(client, "list_memories")) == []
            assert texts(await call(client, "recall", query="What do I collect?")) == []


async def test_without_ids_a_tool_says_what_is_missing(served: Served) -> None:
    async with connected(served.gateway) as client:
        for name, arguments in (("recall", {"query": "dog"}), ("list_memories", {}), ("remember", {"text": "I."})):
            assert "X-Entity-Id" in await refusal(client, name, **arguments)


async def test_aliases_and_modes_are_those_of_chats(served: Served) -> None:
    async with connected(served.gateway, x_mem0_user_id="ida") as client:
        await call(client, "remember", text="I play the oboe.")
    async with connected(served.gateway, x_entity_id="ida", x_memory="read") as client:
        assert texts(await call(client, "list_memories")) == ["I play the oboe."]
        assert "X-Memory: read" in await refusal(client, "remember", text="I play the flute.")
    async with connected(served.gateway, x_entity_id="ida", x_memory="off") as client:
        assert "X-Memory: off" in await refusal(client, "recall", query="What do I play?")


async def test_wrong_arguments_are_named(served: Served) -> None:
    async with connected(served.gateway, x_entity_id="joe") as client:
        assert (await refusal(client, "recall")).startswith("query: ")
        assert (await refusal(client, "recall", query="x", entity="ida")).startswith("entity: ")
        assert (await refusal(client, "recall", query="x", limit=0)).startswith("limit: ")
        assert (await refusal(client, "remember", text=" ")).startswith("text: ")
        assert (await refusal(client, "remember", text="I.", kind="secret")).startswith("kind: ")
        assert "recall, remember" in await refusal(client, "erase")


async def test_calls_at_once_keep_to_their_own(served: Served) -> None:
    async def one(number: int) -> None:
        async with connected(served.gateway, x_entity_id=f"guest {number}") as client:
            await call(client, "remember", text=f"My room is number {number}.")
            assert texts(await call(client, "recall", query="Which room is mine?")) == [f"My room is number {number}."]
            assert texts(await call(client, "list_memories")) == [f"My room is number {number}."]

    async with asyncio.TaskGroup() as guests:
        for number in range(20):
            guests.create_task(one(number))


def test_a_gateway_that_nobody_asks_does_not_load_the_sdk() -> None:
    text = "import sys, gateway.app; sys.exit('mcp' in sys.modules or 'mcp_types' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", text], check=False).returncode == 0


def test_only_posts_are_answered(served: Served) -> None:
    for method in ("GET", "DELETE"):
        answer = served.gateway.request(method, "/mcp", headers={"x-entity-id": "a"})
        assert (answer.status, answer.header("allow")) == (405, "POST")
    doubled = {"content-type": "application/json", "x-entity-id": ""}
    assert served.gateway.request("POST", "/mcp", b"{}", doubled).status == 400


def test_pages_of_other_sites_are_kept_out(served: Served) -> None:
    sent = {"content-type": "application/json", "x-entity-id": "a"}
    assert served.gateway.request("POST", "/mcp", b"{}", {**sent, "host": "evil.example"}).status == 403
    assert served.gateway.request("POST", "/mcp", b"{}", {**sent, "origin": "http://evil.example"}).status == 403


async def test_keys_keep_tenants_apart(tmp_path: pathlib.Path, upstream: Upstream) -> None:
    keys = [
        {"key": "k1", "tenant": "one"},
        {"key": "k2", "tenant": "two"},
        {"key": "k3", "tenant": "one", "entity": "fixed:kim"},
    ]
    upstreams = [{"base_url": upstream.url, "api_key": "sk-up"}]
    with Gateway(tmp_path, upstream.url, keys=keys, upstreams=upstreams) as gateway:
        assert gateway.request("POST", "/mcp", b"{}", {"content-type": "application/json"}).status == 401
        async with connected(gateway, authorization="Bearer k1", x_entity_id="kim") as client:
            made = await call(client, "remember", text="I keep bees.")
        async with connected(gateway, authorization="Bearer k2", x_entity_id="kim") as client:
            assert texts(await call(client, "list_memories")) == []
            assert "no memory" in await refusal(client, "forget", memory_id=made["id"])
        async with connected(gateway, authorization="Bearer k3", x_entity_id="lou") as client:
            assert texts(await call(client, "list_memories")) == ["I keep bees."]
