"""Anthropic's official client; its newest message carries a mark for the cache."""

from typing import Any

import anthropic
from pydantic import BaseModel

from tests.end_to_end.clients.programs.answering import CITY, QUESTION, STORY, answer_calls, weather


class Home(BaseModel):
    city: str


def client(url: str, headers: dict[str, str]) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=url, api_key="sk-test", default_headers=headers, max_retries=0)


def said(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def marked(text: str) -> Any:
    return [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]


def talk(url: str, headers: dict[str, str], texts: list[str]) -> list[str]:
    messages: list[Any] = []
    answers = []
    with client(url, headers) as api:
        for text in texts:
            given = [*messages, {"role": "user", "content": marked(text)}]
            message = api.messages.create(model="m", max_tokens=99, system="Be brief.", messages=given)
            messages += [{"role": "user", "content": text}, {"role": "assistant", "content": message.content}]
            answers.append(said(message))
    return answers


def stream(url: str, headers: dict[str, str], text: str) -> str:
    messages: list[Any] = [{"role": "user", "content": text}]
    with client(url, headers) as api, api.messages.stream(model="m", max_tokens=99, messages=messages) as events:
        return "".join(events.text_stream)


def tools(url: str, headers: dict[str, str]) -> str:
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    given: Any = [anthropic.beta_tool(weather)]
    with client(url, headers) as api:
        runner = api.beta.messages.tool_runner(model="m", max_tokens=99, messages=messages, tools=given)
        return said(runner.until_done())


def parsed(url: str, headers: dict[str, str]) -> Any:
    messages: list[Any] = [{"role": "user", "content": CITY}]
    with client(url, headers) as api:
        message = api.messages.parse(model="m", max_tokens=99, messages=messages, output_format=Home)
    return message.parsed_output and message.parsed_output.model_dump()


def leave(url: str, headers: dict[str, str]) -> str:
    messages: list[Any] = [{"role": "user", "content": STORY}]
    with client(url, headers) as api, api.messages.stream(model="m", max_tokens=99, messages=messages) as events:
        return next(events.text_stream)


if __name__ == "__main__":
    answer_calls((anthropic.AnthropicError,), talk, stream, tools, parsed, leave)
