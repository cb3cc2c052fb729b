"""OpenAI's Agents SDK, over Responses, its default, and over chat completions."""

import asyncio
from typing import Any

from agents import (
    Agent,
    AgentsException,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI, OpenAIError
from pydantic import BaseModel

from tests.end_to_end.clients.programs.answering import CITY, QUESTION, STORY, answer_calls, weather


class Home(BaseModel):
    city: str


def agent(url: str, headers: dict[str, str], variant: str, **more: Any) -> Any:
    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-test", default_headers=headers, max_retries=0)
    model = OpenAIResponsesModel if variant == "responses" else OpenAIChatCompletionsModel
    return Agent(name="assistant", instructions="Be brief.", model=model("m", openai_client=client), **more)


def talk(texts: list[str], **where: Any) -> list[str]:
    async def run() -> list[str]:
        asked = agent(**where)
        items: Any = []
        answers = []
        for text in texts:
            result = await Runner.run(asked, [*items, {"role": "user", "content": text}])
            items = result.to_input_list()
            answers.append(result.final_output)
        return answers

    return asyncio.run(run())


def heard(event: Any) -> str:
    delta = event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    return str(event.data.delta) if delta else ""


def stream(text: str, **where: Any) -> str:
    async def run() -> str:
        result = Runner.run_streamed(agent(**where), text)
        return "".join([heard(event) async for event in result.stream_events()])

    return asyncio.run(run())


def tools(**where: Any) -> str:
    async def run() -> str:
        result = Runner.run_streamed(agent(**where, tools=[function_tool(weather)]), QUESTION)
        async for _ in result.stream_events():
            pass
        return str(result.final_output)

    return asyncio.run(run())


def parsed(**where: Any) -> Any:
    async def run() -> Any:
        result = await Runner.run(agent(**where, output_type=Home), CITY)
        return result.final_output.model_dump()

    return asyncio.run(run())


def leave(**where: Any) -> str:
    async def run() -> str:
        result = Runner.run_streamed(agent(**where), STORY)
        async for event in result.stream_events():
            if text := heard(event):
                result.cancel()
                return text
        raise AssertionError("nothing was heard")

    return asyncio.run(run())


if __name__ == "__main__":
    set_tracing_disabled(True)
    answer_calls((OpenAIError, AgentsException), talk, stream, tools, parsed, leave)
