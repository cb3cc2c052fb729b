"""How a client's program is asked: a call a line on its input, what the client saw a line on its output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

QUESTION = "What is the weather in Evora?"
"""The model answers it by calling the first tool that it is given, and then with what the tool said."""
STORY = "Tell me a long story."
"""The model takes minutes to answer it."""
CITY = "Where does the user live?"
"""Asked for an answer of a given shape."""


def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"sunny in {city}"


WEATHER = {
    "name": "weather",
    "description": "Tell the weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
"""The tool, as a JSON schema."""


def answer_calls(errors: tuple[type[Exception], ...], *operations: Callable[..., Any]) -> None:
    """Run what is asked for until the input ends: `{"do": name of an operation, …its arguments}`.

    An error of the client is what it saw: `{"raised", "status", "said"}`. The output is kept from whatever else prints.
    """
    found = {operation.__name__: operation for operation in operations}
    with os.fdopen(os.dup(1), "w") as output:
        os.dup2(2, 1)
        for line in sys.stdin:
            asked = json.loads(line)
            try:
                saw = found[asked.pop("do")](**asked)
            except errors as error:
                status = getattr(error, "status_code", None)
                saw = {"raised": type(error).__name__, "status": status, "said": str(error)}
            print(json.dumps(saw), file=output, flush=True)
