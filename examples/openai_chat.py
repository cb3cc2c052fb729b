"""The official OpenAI client for Python: another base address, and a header that says who is talking."""

import os

from openai import OpenAI

URL = os.environ.get("MEMORY_URL", "http://127.0.0.1:8080")

client = OpenAI(base_url=f"{URL}/v1", api_key=os.environ.get("OPENAI_API_KEY", "none"))


def ask(user: str, text: str) -> str:
    """One question in a session of its own, streamed."""
    stream = client.chat.completions.create(
        model=os.environ.get("MODEL", "gpt-4o-mini"),
        messages=[{"role": "user", "content": text}],
        stream=True,
        extra_headers={"X-Entity-Id": user, "X-Process-Id": "example"},
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


print("alice:", ask("alice", "My dog is called Biscuit."))
print("alice:", ask("alice", "What is my dog called?"))
print("bob:", ask("bob", "What is my dog called?"))
