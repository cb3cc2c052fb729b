"""litellm's SDK, which speaks to each kind of server in its own way."""

import asyncio
from typing import Any

import litellm
import openai
from pydantic import BaseModel

from tests.end_to_end.clients.programs.answering import CITY, QUESTION, STORY, WEATHER, answer_calls, weather


class Home(BaseModel):
    city: str


def ask(messages: list[Any], *, url: str, headers: dict[str, str], variant: str, **more: Any) -> Any:
    where = {"model": "anthropic/m", "api_base": url} if variant == "messages" else {}
    where = where or {"model": "openai/m", "api_base": f"{url}/v1"}
    return more.pop("call", litellm.completion)(
        messages=messages, api_key="sk-test", extra_headers=headers, max_retries=0, max_tokens=99, **where, **more
    )


def talk(texts: list[str], **where: Any) -> list[str]:
    messages: list[Any] = []
    answers = []
    for text in texts:
        messages.append({"role": "user", "content": text})
        message = ask(messages, **where).choices[0].message
        messages.append(message)
        answers.append(message.content)
    return answers


def stream(text: str, **where: Any) -> str:
    chunks = ask([{"role": "user", "content": text}], stream=True, **where)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def tools(**where: Any) -> str:
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    while True:
        given = [{"type": "function", "function": WEATHER}]
        chunks = list(ask(messages, tools=given, stream=True, **where))
        answer: Any = litellm.stream_chunk_builder(chunks, messages=messages)
        message = answer.choices[0].message
        messages.append(message)
        if not message.tool_calls:
            return str(message.content)
        for call in message.tool_calls:
            said = weather(Home.model_validate_json(call.function.arguments).city)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": said})


def parsed(**where: Any) -> Any:
    answer = ask([{"role": "user", "content": CITY}], response_format=Home, **where)
    return Home.model_validate_json(answer.choices[0].message.content).model_dump()


def leave(**where: Any) -> str:
    async def run() -> str:
        chunks = await ask([{"role": "user", "content": STORY}], stream=True, call=litellm.acompletion, **where)
        async for chunk in chunks:
            if text := chunk.choices[0].delta.content:
                await chunks.aclose()
                return str(text)
        raise AssertionError("nothing was heard")

    return asyncio.run(run())


if __name__ == "__main__":
    answer_calls((openai.OpenAIError,), talk, stream, tools, parsed, leave)
