"""The official OpenAI client, Responses: what the upstream keeps is gone on with by its id."""

from typing import Any

import openai
from pydantic import BaseModel

from tests.end_to_end.clients.programs.answering import CITY, QUESTION, STORY, WEATHER, answer_calls, weather


class Home(BaseModel):
    city: str


def client(url: str, headers: dict[str, str]) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-test", default_headers=headers, max_retries=0)


def talk(url: str, headers: dict[str, str], texts: list[str]) -> list[str]:
    previous: str | openai.Omit = openai.omit
    answers = []
    with client(url, headers) as api:
        for text in texts:
            response = api.responses.create(model="m", input=text, previous_response_id=previous)
            previous = response.id
            answers.append(response.output_text)
    return answers


def stream(url: str, headers: dict[str, str], text: str) -> str:
    with client(url, headers) as api:
        events = api.responses.create(model="m", input=text, stream=True)
        return "".join(event.delta for event in events if event.type == "response.output_text.delta")


def tools(url: str, headers: dict[str, str]) -> str:
    """The history is sent again, as by clients that let nothing be stored."""
    given: Any = [{"type": "function", "strict": True, **WEATHER}]
    items: list[Any] = [{"role": "user", "content": QUESTION}]
    with client(url, headers) as api:
        while True:
            with api.responses.stream(model="m", input=items, tools=given, store=False) as events:
                response = events.get_final_response()
            items += [item.to_dict() for item in response.output]
            calls = [item for item in response.output if item.type == "function_call"]
            if not calls:
                return response.output_text
            for call in calls:
                said = weather(Home.model_validate_json(call.arguments).city)
                items.append({"type": "function_call_output", "call_id": call.call_id, "output": said})


def parsed(url: str, headers: dict[str, str]) -> Any:
    with client(url, headers) as api:
        response = api.responses.parse(model="m", input=CITY, text_format=Home)
    return response.output_parsed and response.output_parsed.model_dump()


def leave(url: str, headers: dict[str, str]) -> str:
    with client(url, headers) as api, api.responses.create(model="m", input=STORY, stream=True) as events:
        return next(event.delta for event in events if event.type == "response.output_text.delta")


if __name__ == "__main__":
    answer_calls((openai.OpenAIError,), talk, stream, tools, parsed, leave)
