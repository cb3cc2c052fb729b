"""Sessions of ten turns through every door, with tools, and how much of each prompt the next one begins with."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.doors import DOORS, EveryDoor
from tests.process import Answer, Gateway
from tests.upstream import Received, Step, Upstream, completion, whole

FACTS = [
    "My sister Ana lives in Porto.",
    "My sister Ana works as a nurse in the Santa Clara clinic.",
    "Our dog Biscuit is afraid of thunder.",
    "Our dog Biscuit eats salmon twice a week.",
    "I prefer window seats on trains.",
    "I keep my tools in the blue shed.",
    "My car is a green Twingo.",
    "The garage of my car is in Rua Nova.",
    "My dentist is Dr. Melo.",
    "Call me Sam.",
]
QUESTIONS = [
    "Where does my sister Ana live?",
    "What is the weather like?",
    "What is our dog Biscuit afraid of?",
    "And what does our dog Biscuit eat?",
    "Which seats on trains do I prefer?",
    "Where do I keep my tools?",
    "What colour is my car?",
    "And where is the garage of my car?",
    "Who is my dentist?",
    "Where does my sister Ana work?",
]
TOOL_TURNS = (2, 3, 7)
"""Turns in which the model calls tools before it answers."""
ANSWER = "Answer {} \u2014 \u201cquoted\u201d, \u00e9\\n\u2028 end."
_SCHEMA = {"type": "object", "properties": {"turn": {"type": "integer"}}}
_TOOLS: dict[str, list[dict[str, Any]]] = {
    "chat": [{"type": "function", "function": {"name": "look_up", "parameters": _SCHEMA}}],
    "responses": [{"type": "function", "name": "look_up", "parameters": _SCHEMA, "strict": False}],
    "messages": [{"name": "look_up", "input_schema": _SCHEMA}],
}
_PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
_LISTS = {"chat": "messages", "responses": "input", "messages": "messages"}
_MARK = {"type": "ephemeral"}
_UNREAD = re.compile(rb',"(?:cache_control":\{"type":"ephemeral"\}|status":"completed")')


@dataclass
class Model:
    """A script that answers each of QUESTIONS, in some turns after two calls of a tool."""

    _doors: EveryDoor = field(default_factory=lambda: EveryDoor(said=lambda asked: ANSWER.format(_turn(asked))))

    def __call__(self, request: Received) -> Iterator[Step]:
        door, turn = _door(request), _turn(request)
        newest = request.json[_LISTS[door]][-1]
        if turn not in TOOL_TURNS or newest.get("role") != "user" or "tool_result" in json.dumps(newest):
            yield from self._doors(request)
            return
        calls = [(f"call_{turn}_{number}", {"turn": turn, "é": "ü"}) for number in range(2)]
        if door == "chat":
            yield whole(completion(None, tool_calls=[_chat_call(*call) for call in calls]))
        elif door == "responses":
            thought = {"type": "reasoning", "id": f"rs_{turn}", "summary": [], "encrypted_content": "gAAA/+=="}
            yield from self._doors.with_output(request, [thought, *(_function_call(*call) for call in calls)])
        else:
            thought = {"type": "thinking", "thinking": "Hm", "signature": "EqQB/+=="}
            used = [{"type": "tool_use", "id": name, "name": "look_up", "input": given} for name, given in calls]
            answer = {"id": "msg_t", "type": "message", "role": "assistant", "model": "m", "content": [thought, *used]}
            stopped = {"stop_reason": "tool_use", "usage": {"input_tokens": 7, "output_tokens": 3}}
            yield whole(json.dumps(answer | stopped).encode())


def _door(request: Received) -> str:
    return next(door for door in DOORS if request.target.startswith(_PATHS[door]))


def _turn(request: Received) -> int:
    """Number of the newest question; -1 if it is none of QUESTIONS."""
    given = [json.dumps(message) for message in request.json[_LISTS[_door(request)]] if message.get("role") == "user"]
    asked = next((text for text in reversed(given) if "tool_result" not in text), "")
    return next((number for number, question in enumerate(QUESTIONS) if question in asked), -1)


def _chat_call(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "type": "function", "function": {"name": "look_up", "arguments": json.dumps(given)}}


def _function_call(name: str, given: dict[str, Any]) -> dict[str, Any]:
    call = {"type": "function_call", "id": f"fc_{name}", "call_id": name, "name": "look_up"}
    return call | {"arguments": json.dumps(given), "status": "completed"}


def upstreams(url: str) -> list[dict[str, Any]]:
    """A server for each kind of door, for a gateway's configuration."""
    return [{"name": kind, "kind": kind, "base_url": url} for kind in ("openai", "anthropic")]


@dataclass
class Talk:
    """A client's session of ten turns through a door."""

    gateway: Gateway
    door: str
    entity: str
    history: bool = True
    """It resends all that was said; else only what belongs to its turn, with the session's name."""
    marks: bool = False
    """It marks its newest message for the provider's cache, and takes the mark away from the one before."""
    said: list[dict[str, Any]] = field(default_factory=list)

    def turn(self, number: int) -> None:
        """Ask, and serve the tool's calls until there is an answer; every second answer is streamed."""
        begun = 0 if self.history else len(self.said)
        self.said.append(self._question(QUESTIONS[number]))
        while True:
            streams = number not in TOOL_TURNS and number % 2 == 0
            answered = self._ask(self.said[begun:], streams)
            self.said += answered
            results = self._results(answered)
            if not results:
                return
            self.said += results

    def _question(self, text: str) -> dict[str, Any]:
        kind = "input_text" if self.door == "responses" else "text"
        return {"role": "user", "content": [{"type": kind, "text": text}] if self.door != "chat" else text}

    def _ask(self, given: list[dict[str, Any]], streams: bool) -> list[dict[str, Any]]:
        """The answer, as the API's documents put it into the next request."""
        if self.marks:
            given = [*given[:-1], given[-1] | {"content": _marked(given[-1]["content"])}]
        system = {"chat": {}, "responses": {"instructions": "Be terse."}, "messages": {"system": "Be terse."}}[
            self.door
        ]
        first = [{"role": "system", "content": "Be terse."}] if self.door == "chat" else []
        more = {"tools": _TOOLS[self.door], **system, _LISTS[self.door]: first + given}
        length = {"max_tokens": 99} if self.door == "messages" else {}
        body = {"model": "m", "stream": streams, **length, **more}
        headers = {"content-type": "application/json", "x-entity-id": self.entity}
        if not self.history:
            headers["x-session-id"] = "ten turns"
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        answer = self.gateway.request("POST", _PATHS[self.door], data, headers)
        assert answer.status == 200, answer.body
        return _streamed(self.door, answer) if streams else _whole(self.door, answer.json)

    def _results(self, answered: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the tool gives for the calls in an answer."""
        if self.door == "responses":
            calls = [item["call_id"] for item in answered if item["type"] == "function_call"]
            return [{"type": "function_call_output", "call_id": name, "output": "it is 42"} for name in calls]
        if self.door == "chat":
            calls = [call["id"] for call in answered[0].get("tool_calls") or ()]
            return [{"role": "tool", "tool_call_id": name, "content": "it is 42"} for name in calls]
        calls = [block["id"] for block in answered[0]["content"] if block["type"] == "tool_use"]
        given = [{"type": "tool_result", "tool_use_id": name, "content": "it is 42"} for name in calls]
        return [{"role": "user", "content": given}] if given else []


def _marked(content: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*content[:-1], content[-1] | {"cache_control": _MARK}]


def _whole(door: str, answer: Any) -> list[dict[str, Any]]:
    if door == "responses":
        items: list[dict[str, Any]] = answer["output"]
        return items
    if door == "messages":
        return [{"role": "assistant", "content": answer["content"]}]
    message = answer["choices"][0]["message"]
    return [{name: message[name] for name in ("role", "content", "tool_calls") if name in message}]


def _streamed(door: str, answer: Answer) -> list[dict[str, Any]]:
    lines = [line[6:] for line in answer.body.split(b"\n") if line.startswith(b"data: {")]
    events = [json.loads(line) for line in lines]
    if door == "responses":
        return _whole(door, events[-1]["response"])
    if door == "messages":
        text = "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")
        return [{"role": "assistant", "content": [{"type": "text", "text": text}]}]
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in events)
    return [{"role": "assistant", "content": text}]


def teach(gateway: Gateway, entity: str) -> None:
    """What the entity said in earlier sessions."""
    for fact in FACTS:
        assert gateway.chat(fact, entity).status == 200


def session(talk: Talk, upstream: Upstream) -> list[Received]:
    """The requests of all ten turns, as they reached the upstream."""
    upstream.script = Model()
    teach(talk.gateway, talk.entity)
    upstream.received.clear()
    for number in range(len(QUESTIONS)):
        talk.turn(number)
    return list(upstream.received)


def prompt(request: Received) -> bytes:
    """What the model reads, as sent: tools, instructions and messages, up to where the next message would begin.

    Marks for the provider's cache and the states of items are no part of it.
    """
    start, end = request.body.index(b'"tools":'), request.body.rindex(b"]")
    return _UNREAD.sub(b"", request.body[start:end])


def shares(requests: list[Received]) -> list[float]:
    """For each request but the first: the share of the prompt before that it begins with."""
    prompts = [prompt(request) for request in requests]
    return [_common(before, after) / len(before) for before, after in itertools.pairwise(prompts)]


def _common(before: bytes, after: bytes) -> int:
    """Bytes that both begin with."""
    pairs = zip(before, after, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), min(len(before), len(after)))
