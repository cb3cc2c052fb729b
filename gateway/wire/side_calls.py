"""What chat UIs ask a model on their own behalf: titles, tags, follow-ups, search queries, completions, emojis.

Such a prompt quotes a conversation that is recorded already, in words of the UI. It is known by how it begins in the
versions of Open WebUI and LibreChat up to 2026; one that an administrator worded anew is not.
"""

from __future__ import annotations

import re

from gateway.wire.chat import text_of
from gateway.wire.door import Request

_HEAD = 400
"""Characters, spaces made one, that a prompt is known by."""
_SPACED = 2000
"""Characters that the head is taken from."""

_TASK = "### task:"
_OWN_QUESTION = "respond to the user query"
"""Open WebUI words a user's question with documents as a task too."""
_TASKS = (
    "generate a concise, 3-5 word title",
    "create a concise, 3-5 word title",
    "generate 1-3 broad tags categorizing the main themes",
    "suggest 3-5 relevant follow-up questions or prompts",
    "analyze the chat history to determine the necessity of generating search queries",
    "you are an autocompletion system. continue the text in",
    "generate a detailed prompt for am image generation task",
    "generate a detailed prompt for an image generation task",
)
"""A user may begin so too: it is one as a task, or where it quotes a chat."""
_ALONE = (
    "your task is to reflect the speaker's likely facial expression through a fitting emoji",
    "you have been provided with a set of responses from various models to the latest user query",
    "analyze this conversation and provide: 1. the detected language of the conversation 2. a concise title",
)
_TITLE = re.compile(
    r"(?:please )?(?:provide|create|generate|write) an? (?:concise|brief|short)[^\n.]{0,40} title for (?:the|this)"
    r" conversation\b"
)
_TOOL_CHOICE = "query: history: "
_SYSTEM = (
    "write a concise title for this conversation in the given language",
    "detect user language and write in the same language an extremely concise title",
    "in this environment you have access to a set of tools you can use to generate the conversation title",
)


def is_side_call(request: Request) -> bool:
    """The request is a UI's own, not its user's."""
    newest = request.messages[-1].text
    head = _head(newest)
    task = head.startswith(_TASK)
    head = head.removeprefix(_TASK).lstrip()
    if task and head.startswith(_OWN_QUESTION):
        return False
    quotes = "<chat_history>" in newest and "</chat_history>" in newest
    if head.startswith(_TASKS):
        return task or quotes
    if (task and quotes) or head.startswith(_ALONE) or _TITLE.match(head):
        return True
    if head.startswith(_TOOL_CHOICE) and '"""' in newest and "\nQuery: " in newest:
        return "your task is to choose and return the correct tool" in _system(request).casefold()
    return _head(_system(request)).startswith(_SYSTEM)


def _head(text: str) -> str:
    return " ".join(text.lstrip()[:_SPACED].split())[:_HEAD].casefold()


def _system(request: Request) -> str:
    """The system text that the request begins with; empty if it has none."""
    messages = request.body_field("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    if isinstance(first, dict) and first.get("role") in ("system", "developer"):
        return text_of(first.get("content"))
    return text_of(request.body_field("instructions") or request.body_field("system"))
