"""The official OpenAI client with asyncio, chat completions."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import openai
from pydantic import BaseModel

from tests.end_to_end.clients.programs.answering import CITY, QUESTION, STORY, WEATHER, answer_calls, weather


class Home(BaseModel):
    city: str


def client(url: str, headers: dict[str, str]) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-test", default_headers=headers, max_retries=0)


async def talk(url: str, headers: dict[str, str], texts: list[str]) -> list[str | None]:
    messages: list[Any] = []
    answers = []
    async with client(url, headers) as api:
        for text in texts:
            messages.append({"role": "user", "content": text})
            completion = await api.chat.completions.create(model="m", messages=messages)
            messages.append({"role": "assistant", "content": completion.choices[0].message.content})
            answers.append(completion.choices[0].message.content)
    return answers


async def stream(url: str, headers: dict[str, str], text: str) -> str:
    messages: list[Any] = [{"role": "user", "content": text}]
    async with client(url, headers) as api:
        chunks = await api.chat.completions.create(model="m", messages=messages, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])


async def tools(url: str, headers: dict[str, str]) -> str | None:
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    given: Any = [{"type": "function", "function": WEATHER}]
    async with client(url, headers) as api:
        while True:
            completion = await api.chat.completions.create(model="m", messages=messages, tools=given)
            message = completion.choices[0].message
            if not message.tool_calls:
                return message.content
            messages.append(message)
            for call in message.tool_calls:
                assert call.type == "function"
                arguments = Home.model_validate_json(call.function.arguments)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": weather(arguments.city)})


async def parsed(url: str, headers: dict[str, str]) -> Any:
    messages: list[Any] = [{"role": "user", "content": CITY}]
    async with client(url, headers) as api:
        completion = await api.chat.completions.parse(model="m", messages=messages, response_format=Home)
    return completion.choices[0].message.parsed and completion.choices[0].message.parsed.model_dump()


async def leave(url: str, headers: dict[str, str]) -> str | None:
    """The task that listens is cancelled, as a web server does it whose own client left."""
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def listen() -> None:
        messages: list[Any] = [{"role": "user", "content": STORY}]
        async for chunk in await api.chat.completions.create(model="m", messages=messages, stream=True):
            if content := chunk.choices[0].delta.content:
                await heard.put(content)

    async with client(url, headers) as api, asyncio.TaskGroup() as group:
        listening = group.create_task(listen())
        first = await heard.get()
        listening.cancel()
    return first


def run(operation: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    def begin(**asked: Any) -> Any:
        return asyncio.run(operation(**asked))

    begin.__name__ = operation.__name__
    return begin


if __name__ == "__main__":
    answer_calls((openai.OpenAIError,), run(talk), run(stream), run(tools), run(parsed), run(leave))
