"""Memory as tools of an agent, by the Model Context Protocol: any client of it takes the same address and headers."""

import asyncio
import os

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

URL = os.environ.get("MEMORY_URL", "http://127.0.0.1:8080")


async def main() -> None:
    for user in ("alice", "bob"):
        async with (
            httpx2.AsyncClient(headers={"X-Entity-Id": user}) as http,
            Client(streamable_http_client(f"{URL}/mcp", http_client=http)) as client,
        ):
            if user == "alice":
                await client.call_tool("remember", {"text": "My dog is called Biscuit."})
            found = await client.call_tool("recall", {"query": "What is my dog called?"})
            print(f"{user}:", [memory["text"] for memory in found.structured_content["memories"]])


asyncio.run(main())
