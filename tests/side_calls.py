"""What chat UIs send on their own behalf, in the shapes of their requests; the middle of each prompt is left out."""

from __future__ import annotations

from typing import Any

CHAT = """### Chat History:
<chat_history>
USER: My boat is called Gaivota.
ASSISTANT: Noted.
</chat_history>"""


def _asked(prompt: str, *before: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [*before, {"role": "user", "content": prompt}], "stream": False, **more}


def _system(text: str) -> dict[str, Any]:
    return {"role": "system", "content": text}


def _task(what: str, output: str) -> dict[str, Any]:
    """A task of Open WebUI."""
    guidelines = "### Guidelines:\n- Keep to the language of the chat.\n\n### Output:\n"
    return _asked(f"### Task:\n{what}\n\n{guidelines}{output}\n\n{CHAT}", max_completion_tokens=1000)


TITLE = _task(
    "Generate a concise, 3-5 word title with an emoji summarizing the chat history.",
    'JSON format: { "title": "your concise title here" }',
)
OPEN_WEBUI = {
    "title": TITLE,
    "tags": _task(
        "Generate 1-3 broad tags categorizing the main themes of the chat history, along with 1-3 more specific"
        " subtopic tags.",
        'JSON format: { "tags": ["tag1", "tag2", "tag3"] }',
    ),
    "follow-ups": _task(
        "Suggest 3-5 relevant follow-up questions or prompts that the user might naturally ask next in this"
        " conversation as a **user**, based on the chat history.",
        'JSON format: { "follow_ups": ["Question 1?", "Question 2?", "Question 3?"] }',
    ),
    "queries": _task(
        "Analyze the chat history to determine the necessity of generating search queries, in the given language.",
        'Strictly return in JSON format: \n{\n  "queries": ["query1", "query2"]\n}',
    ),
    "image prompt": _task(
        "Generate a detailed prompt for am image generation task based on the given language and context.",
        'Strictly return in JSON format:\n{\n    "prompt": "Your detailed description here."\n}',
    ),
    "autocompletion": _asked(
        "### Task:\nYou are an autocompletion system. Continue the text in `<text>` based on the **completion type** in"
        " `<type>` and the given language.  \n\n### **Output Rules**:\n- Respond only in JSON format.\n\n---\n"
        "### Context:\n<chat_history>\nUSER: My boat is called Gaivota.\n</chat_history>\n<type>General</type>  \n"
        "<text>My boat is</text>  \n#### Output:\n"
    ),
    "emoji": _asked(
        "Your task is to reflect the speaker's likely facial expression through a fitting emoji. Interpret emotions"
        " from the message.\n\nMessage: ```My boat is called Gaivota.```",
        max_completion_tokens=4,
    ),
    "merged answers": _asked(
        'You have been provided with a set of responses from various models to the latest user query: "My boat is'
        ' called Gaivota."\n\nYour task is to synthesize these responses into a single, high-quality response.'
    ),
    "choice of tools": _asked(
        'Query: History:\nUSER: """My boat is called Gaivota."""\nQuery: My boat is called Gaivota.',
        _system(
            'Available Tools: [{"name": "sail"}]\n\nYour task is to choose and return the correct tool(s) from the'
            " list of available tools based on the query. Follow these guidelines:"
        ),
    ),
    "older title": _asked(
        "Create a concise, 3-5 word title with an emoji as a title for the chat history, in the given language.\n"
        f"RESPOND ONLY WITH THE TITLE TEXT.\n\n{CHAT}"
    ),
    "administrator's own task": _task("Finde einen Titel mit drei Wörtern.", "Nur der Titel."),
}
LIBRECHAT = {
    "title": _asked(
        "Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return the"
        " title itself.\n\nConversation:\nUser: My boat is called Gaivota.\nAI: Noted."
    ),
    "title with a language": _asked(
        "Analyze this conversation and provide:\n1. The detected language of the conversation\n2. A concise title in"
        " the detected language (5 words or less, no punctuation or quotation)\n\nUser: My boat is called Gaivota.\n"
        "AI: Noted.",
        tools=[{"type": "function", "function": {"name": "extract", "parameters": {"type": "object"}}}],
    ),
    "older title": _asked(
        "Language: English",
        _system(
            "Write a concise title for this conversation in the given language. Title in 5 Words or Less. No"
            " Punctuation or Quotation.\n||>User:\nMy boat is called Gaivota."
        ),
    ),
    "title by a tool": _asked(
        "My boat is called Gaivota.",
        _system(
            "In this environment you have access to a set of tools you can use to generate the conversation title.\n"
            "  \nYou may call them like this:\n<function_calls>"
        ),
    ),
}
SIDE_CALLS = [
    *((f"Open WebUI: {name}", body) for name, body in OPEN_WEBUI.items()),
    *((f"LibreChat: {name}", body) for name, body in LIBRECHAT.items()),
]

WITH_DOCUMENT = """### Task:
Respond to the user query using the provided context, incorporating inline citations in the format [id].

### Guidelines:
- If uncertain, ask the user for clarification.

### Output:
Provide a clear and direct response to the user's query.

<context>
<source id="1" name="lease.pdf">The tenant keeps two dogs.</source>
</context>

My landlord is Rui. May I keep a dog?"""
THE_USERS_OWN = [
    WITH_DOCUMENT,
    WITH_DOCUMENT.replace("### Task:\n", "### Task:\n\n \n"),
    WITH_DOCUMENT.replace("The tenant", "<chat_history>a</chat_history> The tenant"),
    "Write a short title for my book about Lisbon",
    "Create a brief title page",
    "### Task: water the plants\nMy plants are ferns.",
    "### Task:\nMend this function.\n### Output:\nOnly the code.",
    "Query: History: of Lisbon",
    'Query: History:\nUSER: """who"""\nQuery: who',
    "What is a <chat_history> tag? </chat_history>",
    "Provide a concise summary. Then find a title for the conversation that we had with Rui",
    "Generate 1-3 tags for my photo of a fern.",
    "Generate a concise, 3-5 word title with an emoji for my blog about Lisbon.",
]
"""They only look like one."""
