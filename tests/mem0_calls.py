"""Every call that /mem0 serves, by whichever version of mem0's client this Python finds: a program of its own.

`python mem0_calls.py HOST` leaves with 0 if every answer was as the client's documentation tells.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import inspect
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from typing import Any

os.environ["MEM0_TELEMETRY"] = "False"  # read at import, as is the folder
os.environ.setdefault("MEM0_DIR", tempfile.mkdtemp())

import httpx
from mem0 import AsyncMemoryClient, MemoryClient
from mem0.client.utils import APIError
from mem0.exceptions import MemoryError as ClientError

Call = Callable[..., Awaitable[Any]]


async def every_call(call: Call, user: str) -> None:
    """Add, find, change and delete for one user; `call` makes a client's call by its name."""
    added = await call("add", [{"role": "user", "content": "I prefer dark mode."}], user_id=user)
    assert added["results"][0]["event"] == "ADD", added
    raw = await call("add", "Kept as it was said: 42.", user_id=user, infer=False, metadata={"source": "form"})
    name = raw["results"][0]["id"]
    both = {"Kept as it was said: 42.", "I prefer dark mode."}

    item = await call("get", name)
    assert (item["memory"], item["user_id"], item["metadata"]) == ("Kept as it was said: 42.", user, {"source": "form"})
    listed = await call("get_all", filters={"user_id": user})
    assert {one["memory"] for one in listed["results"]} == both
    page = await call("get_all", filters={"user_id": user}, page=2, page_size=1)
    assert (page["count"], len(page["results"]), page["next"]) == (2, 1, None)
    found = await call("search", "What about dark mode?", filters={"AND": [{"user_id": user}]}, top_k=1)
    assert [one["memory"] for one in found["results"]] == ["I prefer dark mode."]
    assert 0 <= found["results"][0]["score"] <= 1

    changed = await call("update", name, text="Kept as it was said: 43.", metadata={"source": "phone"})
    assert changed["memory"] == "Kept as it was said: 43."
    events = await call("history", name)
    assert [one["event"] for one in events][:2] == ["ADD", "UPDATE"]
    assert events[1]["old_memory"] == "Kept as it was said: 42."
    assert events[1]["new_memory"] == "Kept as it was said: 43."

    done = await call("batch_update", [{"memory_id": name, "text": "Kept as it was said: 44."}])
    assert "1" in done["message"]
    assert (await call("get", name))["memory"] == "Kept as it was said: 44."
    done = await call("batch_delete", [{"memory_id": name}])
    assert "1" in done["message"]
    await refused(call, "get", name)

    first = added["results"][0]["id"]
    assert "message" in await call("delete", first)
    await refused(call, "get", first)
    await call("add", "I like tea.", user_id=user)
    assert "message" in await call("delete_all", user_id=user)
    assert (await call("get_all", filters={"user_id": user}))["results"] == []
    await refused(call, "delete_all")
    await refused(call, "search", "anything", filters={"user_id": user, "colour": "red"})
    await refused(call, "get_summary", filters={"user_id": user})

    known = await call("users")
    assert ("user", user) in {(one["type"], one["name"]) for one in known["results"]}
    assert "message" in await call("delete_users", user_id=user)
    known = await call("users")
    assert user not in {one["name"] for one in known["results"]}


async def refused(call: Call, method: str, *arguments: Any, **options: Any) -> None:
    """Make a call that has to raise the client's error; before 2.0 the asynchronous client leaves that to httpx."""
    try:
        answer = await call(method, *arguments, **options)
    except (ClientError, APIError, httpx.HTTPStatusError):
        return
    raise AssertionError(f"{method} was answered: {answer}")


async def main(host: str) -> None:
    print(importlib.metadata.version("mem0ai"))
    client: Any = MemoryClient(api_key="key-a", host=host)

    async def waited(method: str, *arguments: Any, **options: Any) -> Any:
        return getattr(client, method)(*arguments, **options)

    await every_call(waited, "ann o'neil/1")
    other: Any = AsyncMemoryClient(api_key="key-a", host=host)

    async def awaited(method: str, *arguments: Any, **options: Any) -> Any:
        found = getattr(other, method)(*arguments, **options)
        return await found if inspect.isawaitable(found) else found

    await every_call(awaited, "b\u00e9a")
    await other.async_client.aclose()
    client.client.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
