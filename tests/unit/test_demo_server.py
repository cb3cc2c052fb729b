"""The demo's model server speaks the OpenAI API; its model is a script here, the real one is in end_to_end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx2
import openai
import orjson
import pytest
from openai import DefaultHttpxClient, OpenAI

from gateway.demo.completion import Completion, parse
from gateway.demo.server import ModelServer, serving
from gateway.errors import BadRequest

ANSWER = ("Your", " dog", " is", "", " Biscuit \U0001f415")
"""One item per token; the fourth is the first half of a character."""


class ScriptedModel:
    """Answers every prompt with ANSWER, or with one word for ever; a prompt has a token per word."""

    name = "scripted"
    context = 100

    def __init__(self) -> None:
        self.endless = False
        self.produced = 0
        self.running = 0
        self.most_running = 0

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        return list(range(sum(len(message["content"].split()) for message in messages)))

    def answer(self, prompt: Sequence[int], limit: int) -> Iterator[str]:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for place in range(limit):
                if place >= len(ANSWER) and not self.endless:
                    return
                time.sleep(0.005)
                self.produced += 1
                yield " word" if self.endless else ANSWER[place]
        finally:
            self.running -= 1


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture
def server(model: ScriptedModel) -> ModelServer:
    return ModelServer(model)


@pytest.fixture
def address(server: ModelServer) -> Iterator[str]:
    with serving(server) as port:
        yield f"http://127.0.0.1:{port}/v1"


@pytest.fixture
def client(address: str) -> Iterator[OpenAI]:
    http = DefaultHttpxClient(trust_env=False)
    with OpenAI(base_url=address, api_key="none", max_retries=0, http_client=http) as client:
        yield client


def ask(client: OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(
        **{"model": "scripted", "messages": [{"role": "user", "content": "What is my dog called?"}], **more}
    )


def test_a_whole_answer_has_its_text_reason_and_usage(client: OpenAI) -> None:
    answer = ask(client)
    assert answer.id.startswith("chatcmpl-")
    assert (answer.object, answer.model) == ("chat.completion", "scripted")
    assert answer.choices[0].message.content == "".join(ANSWER)
    assert answer.choices[0].finish_reason == "stop"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (5, 5, 10)


def test_a_stream_is_a_role_then_text_then_a_reason(client: OpenAI) -> None:
    chunks = list(ask(client, stream=True))
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].delta.content for chunk in chunks[1:-1]] == [piece for piece in ANSWER if piece]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * 5 + ["stop"]
    assert not any("usage" in chunk.model_fields_set for chunk in chunks)


def test_a_stream_ends_with_its_usage_only_when_asked(client: OpenAI) -> None:
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.total_tokens == 10
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_the_last_event_of_a_stream_is_done(address: str) -> None:
    body = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    with httpx2.Client(trust_env=False) as http:
        answer = http.post(f"{address}/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.content.split(b"\n\n")
    assert events[-2:] == [b"data: [DONE]", b""]
    assert all(event.startswith(b"data: {") for event in events[:-2])


@pytest.mark.parametrize("key", ["max_tokens", "max_completion_tokens"])
def test_the_limit_cuts_the_answer_and_says_so(client: OpenAI, key: str) -> None:
    answer = ask(client, **{key: 2})
    assert answer.choices[0].message.content == "Your dog"
    assert answer.choices[0].finish_reason == "length"


def test_an_answer_without_a_limit_ends_at_64_tokens(client: OpenAI, model: ScriptedModel) -> None:
    model.endless = True
    assert ask(client).usage.completion_tokens == 64


def test_an_answer_ends_where_the_context_ends(client: OpenAI, model: ScriptedModel) -> None:
    model.endless = True
    answer = ask(client, messages=[{"role": "user", "content": "word " * 90}], max_tokens=50)
    assert answer.usage.total_tokens == model.context


def test_a_prompt_longer_than_the_context_is_refused_with_its_code(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        ask(client, messages=[{"role": "user", "content": "word " * 100}])
    assert refusal.value.code == "context_length_exceeded"
    assert refusal.value.param == "messages"


def test_models_lists_the_one_model(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["scripted"]


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refusal:
        ask(client, model="gpt-4o")
    assert refusal.value.code == "model_not_found"


def test_an_unknown_path_answers_an_error_object(address: str) -> None:
    with httpx2.Client(trust_env=False) as http:
        answer = http.post(f"{address}/embeddings", json={})
    assert answer.status_code == 404
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"messages":[{"role":"user","content":"Hi"}]}',
        b'{"model":"scripted"}',
        b'{"model":"scripted","messages":[]}',
        b'{"model":"scripted","messages":["Hi"]}',
        b'{"model":"scripted","messages":[{"role":"wizard","content":"Hi"}]}',
        b'{"model":"scripted","messages":[{"role":"user","content":7}]}',
        b'{"model":"scripted","messages":[{"role":"user","content":[{"type":"image_url"}]}]}',
        b'{"model":"scripted","messages":[{"role":"user","content":"Hi"}],"max_tokens":0}',
        b'{"model":"scripted","messages":[{"role":"user","content":"Hi"}],"max_tokens":true}',
        b'{"model":"scripted","messages":[{"role":"user","content":"Hi"}],"stream":1}',
        b'{"model":"scripted","messages":[{"role":"user","content":"Hi"}],"n":2}',
    ],
)
def test_a_body_that_cannot_be_served_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        parse(body)


def test_text_parts_and_empty_content_are_read_as_text() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    messages = [{"role": "developer", "content": parts}, {"role": "assistant", "content": None}]
    chat = parse(orjson.dumps({"model": "scripted", "messages": messages}))
    assert chat.messages == [{"role": "system", "content": "one\ntwo"}, {"role": "assistant", "content": ""}]


def test_the_server_keeps_what_it_received(client: OpenAI, server: ModelServer) -> None:
    ask(client, temperature=0.7)
    assert server.requests[-1]["messages"] == [{"role": "user", "content": "What is my dog called?"}]
    assert server.requests[-1]["temperature"] == 0.7


def test_answers_are_computed_one_at_a_time(client: OpenAI, model: ScriptedModel) -> None:
    threads = [threading.Thread(target=ask, args=(client,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert model.produced == 4 * len(ANSWER)
    assert model.most_running == 1


@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_leaves_stops_the_computing(
    client: OpenAI, address: str, model: ScriptedModel, streamed: bool
) -> None:
    model.endless, model.context = True, 1_000_000
    body = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100_000}
    with httpx2.Client(trust_env=False, timeout=3) as http:
        if streamed:
            with http.stream("POST", f"{address}/chat/completions", json=body | {"stream": True}) as answer:
                next(answer.iter_bytes())
        else:
            with pytest.raises(httpx2.ReadTimeout):
                http.post(f"{address}/chat/completions", json=body)
    model.endless = False
    assert ask(client).choices[0].message.content == "".join(ANSWER)  # its turn came: the other answer ended
    assert model.produced < 10_000


def test_a_character_is_not_sent_before_it_is_whole() -> None:
    completion = Completion("chatcmpl-1", 0, "scripted", 1, 9, usage=False)
    assert completion.piece("") == b""
    assert "\U0001f415".encode() in completion.piece("\U0001f415")
