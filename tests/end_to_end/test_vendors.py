"""What servers of many makes answer: it reaches the client byte for byte, and is recorded right."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.relayed import Relayed
from tests.upstream import chunk, whole

HI = "Hi there."
SAFE = {"hate": {"filtered": False, "severity": "safe"}}


def events(*values: Any, before: bytes = b"", done: bool = True) -> bytes:
    data = [value if isinstance(value, bytes) else b"data: " + json.dumps(value).encode() + b"\n\n" for value in values]
    return before + b"".join(data) + (b"data: [DONE]\n\n" if done else b"")


def piece(delta: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices} | more


def without_index(value: dict[str, Any]) -> dict[str, Any]:
    del value["choices"][0]["index"]
    return value


def counted(prompt: int, said: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}


STREAMS = {
    "Azure: the prompt's filter first, annotations, content null": events(
        {
            "choices": [],
            "created": 0,
            "id": "",
            "model": "",
            "object": "",
            "prompt_filter_results": [{"prompt_index": 0}],
        },
        piece({"role": "assistant", "content": "", "refusal": None}, content_filter_results={}),
        piece({"content": HI}, obfuscation="x8Kq"),
        piece({}, "stop"),
        piece({"content": None}, choices=[{"index": 0, "finish_reason": None, "content_filter_offsets": {}}]),
        piece({}, choices=[], usage=counted(9, 3) | {"prompt_tokens_details": {"cached_tokens": 0}}),
    ),
    "OpenRouter: comments, provider, reasoning, usage with the end": events(
        piece({"role": "assistant", "content": "", "reasoning": None}, provider="P"),
        b": OPENROUTER PROCESSING\n\n",
        piece({"content": "", "reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm."}]}),
        piece({"content": HI}, native_finish_reason=None),
        b": OPENROUTER PROCESSING\n\n",
        piece({"content": ""}, "stop", native_finish_reason="STOP"),
        piece({"role": "assistant", "content": ""}, usage=counted(9, 3) | {"cost": 1.5e-07}),
        before=b": OPENROUTER PROCESSING\n\n" * 3,
    ),
    "vLLM: usage in every chunk, stop_reason, reasoning_content": events(
        piece({"role": "assistant", "content": ""}, usage=counted(9, 0)),
        piece({"reasoning_content": "Hm."}, usage=counted(9, 1)),
        piece({"content": HI, "reasoning_content": None}, usage=counted(9, 2)),
        piece({"content": ""}, "stop", usage=counted(9, 3)) | {"prompt_token_ids": None},
        piece({}, choices=[], usage=counted(9, 3)),
    ),
    "vLLM of another build: no index, usage null until the end": events(
        without_index(piece({"role": "assistant"}, usage=None)),
        without_index(piece({"content": HI}, usage=None)),
        without_index(piece({"content": None}, "stop", usage=None)),
        piece({}, choices=[], usage=counted(9, 3)),
    ),
    "Ollama: the role in each piece, the end with content, usage after it": events(
        piece({"role": "assistant", "content": "Hi "}, system_fingerprint="fp_ollama"),
        piece({"role": "assistant", "content": "there."}),
        piece({"role": "assistant", "content": ""}, "stop"),
        piece({}, choices=[], usage=counted(9, 3)),
    ),
    "llama.cpp: content null first, timings, usage beside them": events(
        piece({"role": "assistant", "content": None}),
        piece({"content": HI}),
        piece({}, "stop"),
        piece({}, choices=[], usage=counted(9, 3), timings={"prompt_n": 9, "predicted_per_second": 61.7}),
    ),
    "Groq: usage in its own place": events(
        piece({"role": "assistant", "content": ""}, x_groq={"id": "req_1"}),
        piece({"content": HI}),
        piece({}, "stop", x_groq={"id": "req_1", "usage": counted(9, 3) | {"queue_time": 0.1}}),
    ),
    "DeepSeek: keep-alives, usage with the end": events(
        b": keep-alive\n\n",
        piece({"role": "assistant", "content": None, "reasoning_content": ""}),
        piece({"content": HI, "reasoning_content": None}),
        b": keep-alive\n\n",
        piece({"content": "", "reasoning_content": None}, "stop", usage=counted(9, 3)),
    ),
    "Mistral: content in parts": events(
        piece({"role": "assistant", "content": ""}),
        piece({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}),
        piece({"content": [{"type": "text", "text": HI}]}, p="abc"),
        piece({"content": ""}, "stop", usage=counted(9, 3)),
    ),
    "Gemini: whole answers as pieces, no [DONE]": events(
        piece({"role": "assistant", "content": HI}, "stop", usage=counted(9, 3)), done=False
    ),
}


def answered(message: Any, **more: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
    value = {"id": "c1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": counted(9, 3)}
    return json.dumps(value | more).encode()


WHOLE = {
    "Azure": answered({"content": HI, "refusal": None, "annotations": []}, prompt_filter_results=[SAFE]),
    "OpenRouter": b"\n         \n" * 5 + answered({"content": HI, "reasoning": "Hm."}, provider="P"),
    "vLLM": answered({"content": HI, "reasoning_content": None, "tool_calls": []}, prompt_logprobs=None),
    "llama.cpp": answered({"content": HI}, timings={"prompt_n": 9}, __verbose={"a": 1}),
    "Mistral": answered(
        {"content": [{"type": "thinking", "thinking": []}, {"type": "text", "text": HI}], "prefix": False}
    ),
    "without index": answered({"content": HI}).replace(b'"index": 0, ', b""),
}


def recorded(relayed: Relayed, entity: str) -> tuple[str, str, int]:
    """State, the answer's text and all tokens of the entity's only turn."""
    assert relayed.state(entity) == "complete"
    texts = relayed.gateway.rows("SELECT text FROM messages WHERE entity = ? AND role = 'assistant'", entity)
    end = time.monotonic() + 30
    while (usage := relayed.gateway.rows("SELECT usage FROM turns WHERE entity = ?", entity))[0][0] is None:
        assert time.monotonic() < end, "the usage that came last was not recorded"
        time.sleep(0.01)
    return "complete", " ".join(text for (text,) in texts), json.loads(usage[0][0])["total_tokens"]


@pytest.mark.requirement("R-35", "R-46", "R-50", "R-51", "R-99")
@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("at_once", [True, False])
def test_a_stream_passes_and_is_recorded(relayed: Relayed, name: str, at_once: bool) -> None:
    body, entity = STREAMS[name], f"{name} {at_once}"
    steps = [chunk(body)] if at_once else [chunk(body[at : at + 37]) for at in range(0, len(body), 37)]
    start = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    relayed.upstream.script = lambda _: [start, *steps, chunk(b"")]
    with relayed.connect() as client:
        client.chat(f"X-Entity-Id: {entity}", stream=True)
        assert client.answer()[2] == body
    assert recorded(relayed, entity) == ("complete", HI, 12)


@pytest.mark.requirement("R-13", "R-46", "R-99")
@pytest.mark.parametrize("name", WHOLE)
def test_an_answer_in_one_piece_passes_and_is_recorded(relayed: Relayed, name: str) -> None:
    relayed.upstream.script = lambda _: [whole(WHOLE[name])]
    with relayed.connect() as client:
        client.chat(f"X-Entity-Id: whole {name}")
        assert client.answer()[2] == WHOLE[name]
    assert recorded(relayed, f"whole {name}") == ("complete", HI, 12)


@pytest.mark.parametrize(
    "field", ["provider", "models", "transforms", "guided_json", "chat_template_kwargs", "options"]
)
def test_a_field_of_one_make_alone_reaches_it(relayed: Relayed, field: str) -> None:
    body = b'{"model":"m","%s" : {"b":1.0,"a":[null]},"messages":[{"role":"user","content":"Hi"}]}' % field.encode()
    with relayed.connect() as client:
        client.request("POST", "/v1/chat/completions", body, "X-Entity-Id: fields")
        assert client.answer()[0] == 200
    assert relayed.upstream.last.body == body
