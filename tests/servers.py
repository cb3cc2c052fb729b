"""A gateway in front of many servers, each scripted, each with its own settings."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from tests.doors import EveryDoor
from tests.process import Answer, Gateway
from tests.upstream import Received, Script, Step, Upstream, whole

NAMES = ("home", "keyed", "open", "azure", "claude", "claude-two", "claude-spare", "narrow")


@dataclass
class Servers:
    """`gone` is configured too, and nobody listens there."""

    gateway: Gateway
    named: dict[str, Upstream]

    def reset(self) -> None:
        """The next test starts with servers that answer everything and remember nothing."""
        for name, server in self.named.items():
            server.settle()
            server.script = _answering(name)
            server.received.clear()

    def asked(self) -> list[str]:
        """Names of the servers that got a request, in their order."""
        return [name for name, server in self.named.items() if server.received]

    def last(self, name: str) -> Received:
        (request,) = self.named[name].received
        return request

    def fail(self, name: str, status: int) -> None:
        """Have a server answer everything with this status."""
        self.named[name].script = lambda _: [whole(f"{name} is not well".encode(), status, content_type="text/plain")]

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """A request with a client's key; `headers` have their dashes as underscores."""
        sent = {"authorization": "Bearer sk-client", "content-type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.gateway.request("POST", path, raw, sent)

    def chat(self, model: str, text: str = "Hello", **headers: str) -> Answer:
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        return self.post("/v1/chat/completions", body, **headers)


def _answering(name: str) -> Script:
    """Answers every chat in its format, and everything else with its path."""
    chats = EveryDoor(lambda _: f"This is {name}.")

    def script(request: Received) -> Iterator[Step]:
        path = request.target.partition("?")[0]
        if request.method == "POST" and path.endswith(("/chat/completions", "/responses", "/messages")):
            yield from chats(request)
        else:
            yield whole(json.dumps({"path": request.target}).encode())

    return script


@contextmanager
def servers(folder: pathlib.Path) -> Iterator[Servers]:
    """A gateway whose servers have every setting that matters to where a request goes."""
    with ExitStack() as stack:
        named = {name: stack.enter_context(Upstream()) for name in NAMES}
        place = {name: server.url for name, server in named.items()}
        azure = place["azure"].replace("/v1", "/openai/deployments/dep?api-version=2024-10-21")
        configured = [
            {"name": "home", "base_url": place["home"], "models": ["home*", "shared*"], "fallback": True}
            | {"rename": {"home-alias": "own/name é"}},
            {"name": "keyed", "base_url": place["keyed"], "models": ["keyed*", "shared*"], "api_key": "sk-keyed"},
            {"name": "open", "base_url": place["open"], "models": ["open*", "shared*", "home-listed"]},
            {"name": "azure", "base_url": azure, "models": ["az*", "az-configured"], "api_key": "az-key"}
            | {"rename": {"az-gpt": "dep", "shared-az": "dep"}},
            {"name": "gone", "base_url": "http://127.0.0.1:1/v1", "models": ["gone*"]}
            | {"fallback": ["azure", "keyed"]},
            {"name": "narrow", "base_url": place["narrow"], "models": ["narrow"], "max_connections": 1}
            | {"timeouts": {"connect": 2, "read": 4}, "fallback": ["keyed"]},
            {"name": "claude", "base_url": place["claude"], "kind": "anthropic", "models": ["claude*"]}
            | {"api_key": "sk-ant", "rename": {"claude-alias": "claude-own"}, "fallback": ["claude-spare"]},
            {"name": "claude-two", "base_url": place["claude-two"], "kind": "anthropic", "models": ["*"]},
            {"name": "claude-spare", "base_url": place["claude-spare"], "kind": "anthropic", "models": []}
            | {"api_key": "sk-spare"},
        ]
        gateway = stack.enter_context(Gateway(folder, place["home"], upstreams=configured))
        yield Servers(gateway, named)
