"""The official OpenAI client, chat completions."""

from typing import Any

import openai
from pydantic import BaseModel

from tests.end_to_end.clients.programs.answering import CITY, QUESTION, STORY, WEATHER, answer_calls, weather


class Home(BaseModel):
    city: str


def client(url: str, headers: dict[str, str]) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-test", default_headers=headers, max_retries=0)


def talk(url: str, headers: dict[str, str], texts: list[str]) -> list[str | None]:
    messages: list[Any] = []
    answers = []
    with client(url, headers) as api:
        for text in texts:
            messages.append({"role": "user", "content": text})
            message = api.chat.completions.create(model="m", messages=messages).choices[0].message
            messages.append(message)
            answers.append(message.content)
    return answers


def stream(url: str, headers: dict[str, str], text: str) -> str:
    messages: list[Any] = [{"role": "user", "content": text}]
    with client(url, headers) as api:
        chunks = api.chat.completions.create(model="m", messages=messages, stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def tools(url: str, headers: dict[str, str]) -> str | None:
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    given: Any = [{"type": "function", "function": WEATHER}]
    with client(url, headers) as api:
        while True:
            with api.chat.completions.stream(model="m", messages=messages, tools=given) as events:
                message = events.get_final_completion().choices[0].message
            if not message.tool_calls:
                return message.content
            messages.append(message.to_dict())
            for call in message.tool_calls:
                arguments = Home.model_validate_json(call.function.arguments)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": weather(arguments.city)})


def parsed(url: str, headers: dict[str, str]) -> Any:
    messages: list[Any] = [{"role": "user", "content": CITY}]
    with client(url, headers) as api:
        message = api.chat.completions.parse(model="m", messages=messages, response_format=Home).choices[0].message
    return message.parsed and message.parsed.model_dump()


def leave(url: str, headers: dict[str, str]) -> str | None:
    with client(url, headers) as api:
        chunks = api.chat.completions.create(model="m", messages=[{"role": "user", "content": STORY}], stream=True)
        with chunks:
            return next(content for chunk in chunks if (content := chunk.choices[0].delta.content))


if __name__ == "__main__":
    answer_calls((openai.OpenAIError,), talk, stream, tools, parsed, leave)
