"""mem0's own client at a gateway."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from tests.process import Answer, Gateway

os.environ["MEM0_TELEMETRY"] = "False"  # read when mem0 is imported, as is its folder
os.environ.setdefault("MEM0_DIR", tempfile.mkdtemp())


class opened:
    """mem0's client at a gateway, closed at the end."""

    def __init__(self, gateway: Gateway, key: str = "any key") -> None:
        from mem0 import MemoryClient

        self.client: Any = MemoryClient(api_key=key, host=host(gateway))

    def __enter__(self) -> Any:
        return self.client

    def __exit__(self, *error: object) -> None:
        self.client.client.close()


def async_client(gateway: Gateway, key: str = "any key") -> Any:
    """The one for asyncio; close its `async_client`."""
    from mem0 import AsyncMemoryClient

    return AsyncMemoryClient(api_key=key, host=host(gateway))


def host(gateway: Gateway) -> str:
    return f"http://127.0.0.1:{gateway.port}/mem0"


def call(gateway: Gateway, method: str, path: str, body: str = "", **headers: str) -> Answer:
    """Plain HTTP to /mem0; names of headers with _ for -."""
    sent = {"authorization": "Token any", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return gateway.request(method, f"/mem0{path}", body.encode() or None, sent)


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def texts(answer: dict[str, Any]) -> list[str]:
    return [one["memory"] for one in answer["results"]]
