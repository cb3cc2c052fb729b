"""instructor, around OpenAI's client and around Anthropic's."""

from typing import Any

import anthropic
import instructor
import openai
from instructor.core.exceptions import InstructorError
from pydantic import BaseModel, ValidationInfo, field_validator

from tests.end_to_end.clients.programs.answering import CITY, STORY, answer_calls


class Home(BaseModel):
    """Where somebody lives."""

    city: str


def client(url: str, headers: dict[str, str], variant: str) -> Any:
    given: Any = {"api_key": "sk-test", "default_headers": headers, "max_retries": 0}
    if variant == "messages":
        return instructor.from_anthropic(anthropic.Anthropic(base_url=url, **given))
    return instructor.from_openai(openai.OpenAI(base_url=f"{url}/v1", **given))


def ask(messages: list[Any], shape: Any = None, *, variant: str, **more: Any) -> Any:
    where = {"url": more.pop("url"), "headers": more.pop("headers"), "variant": variant}
    more |= {"max_tokens": 99} if variant == "messages" else {}
    given = {
        "model": "m",
        "messages": messages,
        "response_model": shape,
        "max_retries": more.pop("retries", 1),
    }
    return client(**where).create(**given, **more)


def said(answer: Any, variant: str) -> str:
    text = answer.content[0].text if variant == "messages" else answer.choices[0].message.content
    return str(text)


def talk(texts: list[str], variant: str, **where: Any) -> list[str]:
    messages: list[Any] = []
    answers = []
    for text in texts:
        messages.append({"role": "user", "content": text})
        answers.append(said(ask(messages, variant=variant, **where), variant))
        messages.append({"role": "assistant", "content": answers[-1]})
    return answers


def pieces(events: Any, variant: str) -> Any:
    for event in events:
        if variant != "messages":
            yield event.choices[0].delta.content or ""
        elif event.type == "content_block_delta":
            yield event.delta.text


def stream(text: str, variant: str, **where: Any) -> str:
    events = ask([{"role": "user", "content": text}], variant=variant, stream=True, **where)
    return "".join(pieces(events, variant))


def parsed(**where: Any) -> Any:
    return ask([{"role": "user", "content": CITY}], Home, **where).model_dump()


def again(**where: Any) -> Any:
    """The first answer is refused, and the model told why: this client's loop."""
    refused: list[str] = []

    class Checked(Home):
        @field_validator("city")
        @classmethod
        def sure(cls, city: str, info: ValidationInfo) -> str:
            if not refused:
                refused.append(city)
                raise ValueError("be sure")
            return city

    return ask([{"role": "user", "content": CITY}], Checked, retries=2, **where).model_dump()


def leave(variant: str, **where: Any) -> str:
    events = ask([{"role": "user", "content": STORY}], variant=variant, stream=True, **where)
    heard = next(filter(None, pieces(events, variant)))
    events.close()
    return str(heard)


if __name__ == "__main__":
    answer_calls((openai.OpenAIError, anthropic.AnthropicError, InstructorError), talk, stream, parsed, again, leave)
