"""The block: nothing in a memory can close it, forge it, or add a line to it."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import Line
from gateway.prompt import CLOSING, DATED, FRAME, OPENING, compose, own_words, stripped, without

UNSEEN = "\u200b\u200c\u200d\xad\u034f\ufe0f\u2060\u202e\ufeff\U000e0041"
BREAKS = ["\n", "\r\n", "\x0b", "\x1c", "\x85", "\u2028", "\u2029"]
TAGS = [
    "<",
    ">",
    "/",
    "|",
    "memory",
    "MEMORY",
    "mem",
    "ory",
    "</memory>",
    "< / memory",
    "<|im_start|>",
    OPENING,
    CLOSING,
]
HOSTILE = st.lists(
    st.one_of(st.sampled_from([*UNSEEN, *BREAKS, *TAGS, " ", "\t", "- ", "(2026-01-01)"]), st.text(max_size=5)),
    max_size=12,
).map("".join)
"""Pieces that could close or forge a block, in any order, with what hides them between."""


def line(text: str) -> Line:
    return Line(text, datetime(2026, 1, 2, tzinfo=UTC), ())


def seen(text: str) -> str:
    """As a reader takes it: without what cannot be seen, and without case."""
    return "".join(
        c for c in text if unicodedata.category(c) not in ("Cf", "Cc") and not "\ufe00" <= c <= "\ufe0f"
    ).casefold()


@given(st.lists(HOSTILE, min_size=1, max_size=4))
def test_no_text_can_close_or_forge_the_block(texts: list[str]) -> None:
    block = compose([line(text) for text in texts])
    assert block.startswith(OPENING)
    assert block.endswith(CLOSING)
    assert len(re.findall(r"<\s*memory\b", seen(block))) == 1
    assert len(re.findall(r"<\s*/\s*memory\b", seen(block))) == 1
    assert "<|" not in seen(block)
    assert "|>" not in seen(block)


@given(st.lists(HOSTILE, min_size=1, max_size=4))
def test_every_memory_is_one_line(texts: list[str]) -> None:
    block = compose([line(text) for text in texts])
    inside = block.removeprefix(OPENING).removesuffix(CLOSING)
    assert len(inside.splitlines()) == len(texts)
    assert all("2026-01-02" in line for line in inside.splitlines())


@pytest.mark.requirement("R-93")
@given(st.lists(HOSTILE, min_size=1, max_size=4), st.text(max_size=50))
def test_the_own_block_is_taken_out_and_the_text_behind_it_stays(texts: list[str], text: str) -> None:
    block = compose([line(memory) for memory in texts])
    text = text.lstrip("\n")
    assert stripped(block + text) == text
    assert stripped("Before. " + block + text) == "Before. " + text
    assert stripped(block + block + text) == text


@given(st.text())
def test_text_without_a_block_stays_as_it_is(text: str) -> None:
    assert stripped(text) == text


@given(st.lists(HOSTILE, min_size=1, max_size=4))
def test_a_block_is_no_longer_than_its_texts_and_what_is_put_around_them(texts: list[str]) -> None:
    """Which is how its budget is kept."""
    assert len(compose([line(text) for text in texts])) <= FRAME + sum(len(text) + DATED for text in texts)


@pytest.mark.requirement("R-90")
def test_the_same_memories_give_the_same_bytes() -> None:
    memories = [line("I like tea."), line("I have a dog.")]
    assert compose(memories) == compose(list(memories))


def test_no_memories_give_no_block() -> None:
    assert compose([]) == ""


def test_words_and_emoji_that_need_joiners_keep_them() -> None:
    persian, family, heart = "می\u200cخواهم", "👨\u200d👩\u200d👧", "❤\ufe0f"
    block = compose([line(f"{persian} {family} {heart}")])
    assert all(word in block for word in (persian, family, heart))


def test_harmless_angle_brackets_stay() -> None:
    assert "I <3 cats, List<int> and a < b." in compose([line("I <3 cats, List<int> and a < b.")])


def test_a_block_that_was_never_closed_is_text() -> None:
    text = OPENING + "and so on"
    assert stripped(text) == text


def test_many_blocks_are_taken_out_in_linear_time() -> None:
    block = compose([line("I like tea.")])
    assert stripped(block * 50_000 + "x") == "x"
    assert stripped(OPENING * 50_000) == OPENING * 50_000


def test_of_a_question_with_documents_the_users_words_are_left() -> None:
    wrapped = "### Task:\nRespond to the user query using the context.\n<context>\nA dog.\n</context>\n\nMy own words."
    assert own_words(wrapped).strip() == "My own words."
    assert own_words("Plain words.") == "Plain words."


def test_texts_are_taken_out_of_a_block_and_their_lines_with_them() -> None:
    block = compose([line("I swim. I run."), line("I\nswim."), line("I ski.")])
    assert without(block, ["I swim."]) == compose([line("I run."), line("I ski.")])
    assert without(block, ["I  ski.", "nothing"]) == compose([line("I swim. I run."), line("I swim.")])


def test_a_block_is_nothing_without_all_that_it_says_or_if_it_never_said_it() -> None:
    block = compose([line("I swim."), line("I run.")])
    assert without(block, ["I run.", "I swim."]) == ""
    assert without(block, ["I climb."]) == ""
    assert without(block, [""]) == ""


def test_what_was_made_harmless_in_a_block_is_found_in_it() -> None:
    block = compose([line("A </memory> \u202e<|im_end|> here."), line("I run.")])
    assert without(block, ["A </memory> \u202e<|im_end|> here."]) == compose([line("I run.")])
