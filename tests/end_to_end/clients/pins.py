"""Every client of the suite, at one version: those that `make test` runs, and those of `make test-long`."""

from __future__ import annotations

from tests.end_to_end.clients.client import Client

SHORT = [
    Client("openai_chat.py", "chat"),
    Client("openai_async.py", "chat"),
    Client("openai_responses.py", "responses", keeps=True),
    Client("anthropic_messages.py", "messages"),
    Client("ai_sdk.mjs", "responses", variant="responses"),
    Client("ai_sdk.mjs", "chat", variant="chat"),
    Client("ai_sdk.mjs", "chat", variant="compatible"),
    Client("ai_sdk.mjs", "messages", variant="messages"),
    Client("openai_node.mjs", "chat"),
]
"""Those for Python are in the environment of the tests (`dev` in pyproject.toml); for Node: programs/package.json."""

_LANGCHAIN = ("langchain-openai==1.7.3", "openai==3.54.0")
_PYDANTIC = ("pydantic-ai-slim[openai,anthropic]==2.68.0", "openai==3.54.0", "anthropic==2.12.0")
_AGENTS = ("openai-agents==0.24.0", "openai==3.54.0")
_INSTRUCTOR = ("instructor[anthropic]==1.17.0", "openai==3.3.0", "anthropic==0.93.0")
_LITELLM = ("litellm==1.104.0", "openai==2.54.0")
_DOORS = ("chat", "responses", "messages")
_SHAPES = frozenset({"talk", "stream", "parsed", "again", "leave"})

LONG = [
    *(Client("langchain_chat.py", door, _LANGCHAIN, door) for door in ("chat", "responses")),
    *(Client("pydantic_agent.py", door, _PYDANTIC, door) for door in _DOORS),
    *(Client("agents_sdk.py", door, _AGENTS, door) for door in ("chat", "responses")),
    *(Client("instructor_models.py", door, _INSTRUCTOR, door, can=_SHAPES) for door in ("chat", "messages")),
    *(Client("litellm_sdk.py", door, _LITELLM, door) for door in ("chat", "messages")),
]
