"""LangChain's client for OpenAI, over chat completions and over Responses."""

from typing import Any

import openai
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from tests.end_to_end.clients.programs.answering import CITY, QUESTION, STORY, answer_calls, weather


class Home(BaseModel):
    """Where somebody lives."""

    city: str


def model(url: str, headers: dict[str, str], variant: str) -> ChatOpenAI:
    return ChatOpenAI(
        model="m",
        base_url=f"{url}/v1",
        api_key=SecretStr("sk-test"),
        default_headers=headers,
        max_retries=0,
        use_responses_api=variant == "responses",
    )


def talk(texts: list[str], **where: Any) -> list[str]:
    messages: list[Any] = []
    answers = []
    for text in texts:
        messages.append(HumanMessage(text))
        messages.append(model(**where).invoke(messages))
        answers.append(str(messages[-1].text))
    return answers


def stream(text: str, **where: Any) -> str:
    return "".join(str(chunk.text) for chunk in model(**where).stream(text))


def tools(**where: Any) -> str:
    offered = tool(weather)
    asking = model(**where).bind_tools([offered])
    messages: list[Any] = [HumanMessage(QUESTION)]
    while True:
        answer: Any = None
        for chunk in asking.stream(messages):
            assert isinstance(chunk, AIMessageChunk)
            answer = chunk if answer is None else answer + chunk
        messages.append(answer)
        if not answer.tool_calls:
            return str(answer.text)
        messages += [offered.invoke(call) for call in answer.tool_calls]


def parsed(**where: Any) -> Any:
    home = model(**where).with_structured_output(Home).invoke(CITY)
    assert isinstance(home, Home)
    return home.model_dump()


def leave(**where: Any) -> str:
    chunks = model(**where).stream(STORY)
    heard = next(text for chunk in chunks if (text := str(chunk.text)))
    chunks.close()  # type: ignore[attr-defined]
    return heard


if __name__ == "__main__":
    answer_calls((openai.OpenAIError, ValueError), talk, stream, tools, parsed, leave)
