"""What a chat UI asks on its own behalf is told from what its user says."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from gateway.wire.door import DOORS, Request
from gateway.wire.side_calls import is_side_call
from tests.side_calls import SIDE_CALLS, THE_USERS_OWN


def request(body: dict[str, Any], path: bytes = b"/v1/chat/completions") -> Request:
    return DOORS[path].request(json.dumps(body, ensure_ascii=False).encode())


def said(text: str) -> Request:
    return request({"model": "m", "messages": [{"role": "user", "content": text}]})


@pytest.mark.parametrize(("name", "body"), SIDE_CALLS)
def test_it_is_known_by_its_prompt(name: str, body: dict[str, Any]) -> None:
    assert is_side_call(request(body)), name


@pytest.mark.parametrize(("name", "body"), SIDE_CALLS)
@pytest.mark.parametrize("path", [b"/v1/responses", b"/v1/messages"])
def test_it_is_known_through_every_door(name: str, body: dict[str, Any], path: bytes) -> None:
    *before, asked = body["messages"]
    key = "instructions" if path == b"/v1/responses" else "system"
    told = {key: before[0]["content"]} if before else {}
    messages = {"input": asked["content"]} if path == b"/v1/responses" else {"messages": [asked]}
    assert is_side_call(request({"model": "m", **messages, **told}, path)), name


@pytest.mark.parametrize(("name", "body"), SIDE_CALLS)
def test_it_is_known_in_parts_and_with_other_white_space(name: str, body: dict[str, Any]) -> None:
    *before, asked = body["messages"]
    text = " \r\n" + asked["content"].replace("### Task:\n", "###  Task:\r\n\r\n  ")
    parts = [{"type": "text", "text": text}]
    assert is_side_call(request({"messages": [*before, {"role": "user", "content": parts}]})), name


@pytest.mark.parametrize("text", THE_USERS_OWN)
def test_what_only_looks_like_one_is_the_users_own(text: str) -> None:
    assert not is_side_call(said(text))


@pytest.mark.parametrize(("name", "body"), SIDE_CALLS)
def test_only_the_newest_message_counts(name: str, body: dict[str, Any]) -> None:
    later = [{"role": "assistant", "content": "A title"}, {"role": "user", "content": "My cat is called Toast."}]
    asked = body["messages"][-1]
    assert not is_side_call(request({"messages": [asked, *later]})), name


@pytest.mark.parametrize(
    "text",
    [
        "### Task:" + " " * 200_000,
        "### Task:\n" * 20_000,
        "### Task: " + "<chat_history>" * 15_000,
        "write a short " + "short " * 40_000,
        " " * 200_000 + "### Task:",
        'Query: History: """' + "\nQuery:" * 25_000,
    ],
)
def test_no_text_takes_long(text: str) -> None:
    asked = said(text)
    begun = time.perf_counter()
    is_side_call(asked)
    assert time.perf_counter() - begun < 10
