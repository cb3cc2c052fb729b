"""LangChain: another base address, and a header that says who is talking."""

import os

from langchain_openai import ChatOpenAI

URL = os.environ.get("MEMORY_URL", "http://127.0.0.1:8080")


def model_of(user: str) -> ChatOpenAI:
    """A chat model that remembers this user."""
    return ChatOpenAI(
        model=os.environ.get("MODEL", "gpt-4o-mini"),
        base_url=f"{URL}/v1",
        api_key=os.environ.get("OPENAI_API_KEY", "none"),
        default_headers={"X-Entity-Id": user, "X-Process-Id": "example"},
    )


print("alice:", model_of("alice").invoke("My dog is called Biscuit.").content)
print("alice:", model_of("alice").invoke("What is my dog called?").content)
print("bob:", model_of("bob").invoke("What is my dog called?").content)
