"""pydantic-ai's agents, with its models for chat completions, Responses and Anthropic."""

import asyncio
from typing import Any

from anthropic import AnthropicError, AsyncAnthropic
from openai import AsyncOpenAI, OpenAIError
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

from tests.end_to_end.clients.programs.answering import CITY, QUESTION, STORY, answer_calls, weather


class Home(BaseModel):
    city: str


def agent(url: str, headers: dict[str, str], variant: str, **more: Any) -> Any:
    given: Any = {"api_key": "sk-test", "default_headers": headers, "max_retries": 0}
    if variant == "messages":
        anthropic = AnthropicProvider(anthropic_client=AsyncAnthropic(base_url=url, **given))
        return Agent(AnthropicModel("m", provider=anthropic), **more)
    provider = OpenAIProvider(openai_client=AsyncOpenAI(base_url=f"{url}/v1", **given))
    model = OpenAIResponsesModel if variant == "responses" else OpenAIChatModel
    return Agent(model("m", provider=provider), **more)


def talk(texts: list[str], **where: Any) -> list[str]:
    async def run() -> list[str]:
        asked = agent(**where)
        history: Any = []
        answers = []
        for text in texts:
            result = await asked.run(text, message_history=history)
            history = result.all_messages()
            answers.append(result.output)
        return answers

    return asyncio.run(run())


def stream(text: str, **where: Any) -> str:
    async def run() -> str:
        async with agent(**where).run_stream(text) as result:
            return "".join([piece async for piece in result.stream_text(delta=True)])

    return asyncio.run(run())


def tools(**where: Any) -> str:
    async def run() -> str:
        result = await agent(**where, tools=[weather]).run(QUESTION)
        return str(result.output)

    return asyncio.run(run())


def parsed(**where: Any) -> Any:
    async def run() -> Any:
        result = await agent(**where, output_type=Home).run(CITY)
        return result.output.model_dump()

    return asyncio.run(run())


def leave(**where: Any) -> str:
    async def run() -> str:
        async with agent(**where).run_stream(STORY) as result:
            async for piece in result.stream_text(delta=True, debounce_by=None):
                return str(piece)
        raise AssertionError("nothing was heard")

    return asyncio.run(run())


if __name__ == "__main__":
    answer_calls((AgentRunError, OpenAIError, AnthropicError), talk, stream, tools, parsed, leave)
