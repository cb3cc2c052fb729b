"""The official OpenAI client in front of a gateway, and the bytes that reached the upstream."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from openai import AsyncOpenAI, OpenAI

from tests.process import Answer, Gateway
from tests.upstream import Received, Upstream, chat

CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Evora"}'}}
"""A tool call, as an assistant's message holds it."""
OPEN_WEBUI = {"X-OpenWebUI-Chat-Id": "chat"}


@dataclass
class Served:
    """A gateway in front of its scripted upstream, shared by the tests of a module."""

    gateway: Gateway
    upstream: Upstream

    def reset(self) -> None:
        """The next test starts with an upstream that remembers nothing."""
        self.upstream.script = chat()
        self.upstream.received.clear()

    def ask(self, text: Any, entity: str | None = None, **more: Any) -> Answer:
        """One chat over plain HTTP, which must succeed."""
        answer = self.gateway.chat(text, entity, **more)
        assert answer.status == 200, answer.body
        return answer

    def stored(self, entity: str) -> list[tuple[str, str]]:
        """Role and text of the entity's messages, in the order of their recording, and within a turn of the thread."""
        rows = self.gateway.rows(
            "SELECT session, chain, parent, recorded_at, role, text FROM messages WHERE entity = ?", entity
        )
        parents = {(session, chain): (session, parent) for session, chain, parent, *_ in rows}

        def depth(place: tuple[str, bytes]) -> int:
            count = 0
            while (place := parents.get(place, ("", b""))) != ("", b""):
                count += 1
            return count

        rows.sort(key=lambda row: (row[3], depth((row[0], row[1]))))
        return [(row[4], row[5]) for row in rows]

    def turns(self, entity: str) -> list[str]:
        """States of the entity's turns, oldest first."""
        rows = self.gateway.rows("SELECT state FROM turns WHERE entity = ? ORDER BY recorded_at", entity)
        return [state for (state,) in rows]

    def memories(self, entity: str) -> list[str]:
        """Texts of the entity's memories, oldest first."""
        return [
            text
            for (text,) in self.gateway.rows("SELECT text FROM memories WHERE entity = ? ORDER BY sequence", entity)
        ]


@contextmanager
def serve(folder: pathlib.Path, **settings: Any) -> Iterator[Served]:
    """A gateway with these settings, and its upstream."""
    with Upstream() as upstream, Gateway(folder, upstream.url, **settings) as gateway:
        yield Served(gateway, upstream)


def ids(entity: str | None = None, process: str | None = None, session: str | None = None) -> dict[str, str]:
    """The identity headers of a request."""
    named = {"X-Entity-Id": entity, "X-Process-Id": process, "X-Session-Id": session}
    return {name: value for name, value in named.items() if value is not None}


@contextmanager
def openai(gateway: Gateway, headers: dict[str, str] | None = None, **more: Any) -> Iterator[OpenAI]:
    """An unmodified client whose only changes are its base address and its default headers."""
    settings = {"api_key": "sk-test", "max_retries": 0, **more}
    with OpenAI(base_url=gateway.url, default_headers=headers or {}, **settings) as client:
        yield client


def async_openai(gateway: Gateway, headers: dict[str, str] | None = None, **more: Any) -> AsyncOpenAI:
    """The same, for asyncio; close it, or use it as a context."""
    settings = {"api_key": "sk-test", "max_retries": 0, **more}
    return AsyncOpenAI(base_url=gateway.url, default_headers=headers or {}, **settings)


def say(client: OpenAI, text: Any, **more: Any) -> str:
    """One message, or a list of them, to the answer's text."""
    completion = client.chat.completions.create(model="m", messages=messages_of(text), **more)
    content: str = completion.choices[0].message.content
    return content


def say_streamed(client: OpenAI, text: Any, **more: Any) -> str:
    """The same, streamed."""
    with client.chat.completions.create(model="m", messages=messages_of(text), stream=True, **more) as stream:
        return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


async def say_async(client: AsyncOpenAI, text: Any, **more: Any) -> str:
    """The same, with asyncio."""
    completion = await client.chat.completions.create(model="m", messages=messages_of(text), **more)
    content: str = completion.choices[0].message.content
    return content


async def say_async_streamed(client: AsyncOpenAI, text: Any, **more: Any) -> str:
    """The same, with asyncio and streamed."""
    pieces: list[str] = []
    stream = await client.chat.completions.create(model="m", messages=messages_of(text), stream=True, **more)
    async with stream:
        async for chunk in stream:
            pieces += [chunk.choices[0].delta.content or ""] if chunk.choices else []
    return "".join(pieces)


def messages_of(text: Any) -> Any:
    return [{"role": "user", "content": text}] if isinstance(text, str) else text


def sent(request: Received) -> list[dict[str, Any]]:
    """The messages that reached the upstream."""
    messages: list[dict[str, Any]] = request.json["messages"]
    return messages


def block_of(request: Received) -> str:
    """The block in the newest user message that reached the upstream; empty if there is none."""
    newest = next(message for message in reversed(sent(request)) if message["role"] == "user")
    text = newest["content"] if isinstance(newest["content"], str) else newest["content"][0].get("text", "")
    return text.partition("</memory>")[0] if text.startswith("<memory>") else ""


def prefix(request: Received) -> str:
    """The text of the messages array as it was sent, without its closing bracket."""
    text = request.body.decode()
    start = text.index('"messages":') + len('"messages":')
    start += len(text[start:]) - len(text[start:].lstrip())
    _, end = json.JSONDecoder().raw_decode(text, start)
    return text[start : end - 1]


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str | None = "Noted.", **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}
