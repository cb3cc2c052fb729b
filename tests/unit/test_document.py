"""The editor of JSON text changes nothing but what is put in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.document import Document, Edit, NotReadable, quoted

SPACE = st.text(" \t\n\r", max_size=3)
ODD_NUMBERS = ["0", "-0", "1.0", "1e-7", "1E+2", "123456789012345678901234567890", "-1.50", "0.10000000000000000555"]
ODD_STRINGS = [
    '""',
    '"\\u00e9"',
    '"é"',
    '"\\/"',
    '"\\ud83d\\ude00"',
    '"\\ud83d"',
    '"\\"{[]},:"',
    '"\\n\\t"',
    '"\u2028"',
    '"😀"',
]


def spaced(draw: st.DrawFn, opening: str, items: list[str], closing: str) -> str:
    inner = ",".join(draw(SPACE) + item + draw(SPACE) for item in items)
    return opening + (inner or draw(SPACE)) + closing


@st.composite
def values(draw: st.DrawFn, depth: int = 3) -> str:
    """The text of a JSON value as an unusual serializer writes it."""
    kinds = ["number", "string", "word", "text"] + (["array", "object"] if depth else [])
    kind = draw(st.sampled_from(kinds))
    if kind == "number":
        return draw(st.sampled_from(ODD_NUMBERS) | st.integers().map(str))
    if kind == "word":
        return draw(st.sampled_from(["null", "true", "false"]))
    if kind == "string":
        return draw(st.sampled_from(ODD_STRINGS))
    if kind == "text":
        return (
            json.dumps(draw(st.text(max_size=8)), ensure_ascii=draw(st.booleans())).encode("utf-8", "replace").decode()
        )
    parts = draw(st.lists(values(depth - 1), max_size=3))
    if kind == "array":
        return spaced(draw, "[", parts, "]")
    keys = draw(st.lists(st.sampled_from(ODD_STRINGS), min_size=len(parts), max_size=len(parts)))
    return spaced(
        draw, "{", [key + draw(SPACE) + ":" + draw(SPACE) + part for key, part in zip(keys, parts, strict=True)], "}"
    )


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, list[str]]:
    """An object's text, and the texts of the elements of its `messages`."""
    elements = draw(st.lists(values(), max_size=4))
    members = [
        f'"{name}"' + draw(SPACE) + ":" + draw(SPACE) + draw(values(2))
        for name in draw(st.sets(st.sampled_from("abc")))
    ]
    array = '"messages"' + draw(SPACE) + ":" + draw(SPACE) + spaced(draw, "[", elements, "]")
    members.insert(draw(st.integers(0, len(members))), array)
    return draw(SPACE) + spaced(draw, "{", members, "}") + draw(SPACE), elements


@given(bodies())
def test_every_element_stands_where_its_span_says(body: tuple[str, list[str]]) -> None:
    text, elements = body
    document = Document(text.encode(), "messages")
    assert [document.source(span) for span in document.elements] == elements
    assert document.values == json.loads(text)
    assert [span.value for span in document.elements] == [json.loads(element) for element in elements]


@given(bodies(), st.data())
def test_edits_leave_every_other_byte_as_it_was(body: tuple[str, list[str]], data: st.DataObject) -> None:
    text, _ = body
    document = Document(text.encode(), "messages")
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=4))
    edits = [Edit(place, f"<{number}>") for number, place in enumerate(places)]
    expected = text
    for edit in sorted(edits, key=lambda edit: edit.at)[::-1]:
        if sum(other.at == edit.at for other in edits) > 1:
            return
        expected = expected[: edit.at] + edit.text + expected[edit.at :]
    assert document.edited(edits) == expected.encode()


@given(bodies())
def test_no_edit_gives_the_same_bytes(body: tuple[str, list[str]]) -> None:
    assert Document(body[0].encode(), "messages").edited([]) == body[0].encode()


def test_edits_at_one_place_keep_their_order() -> None:
    assert Document(b"{}", "messages").edited([Edit(1, "a"), Edit(1, "b"), Edit(0, "c")]) == b"c{ab}"


@given(st.binary(max_size=60) | st.text('{}[]":,\\ ntf019.eE-ué', max_size=40).map(str.encode))
def test_what_json_refuses_is_not_readable_and_nothing_else_is_raised(raw: bytes) -> None:
    try:
        expected: Any = json.loads(raw.decode())
    except (ValueError, RecursionError):
        expected = None
    try:
        found = Document(raw, "messages").values
    except NotReadable:
        assert not isinstance(expected, dict)
    else:
        assert found == expected


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"[]",
        b'"a"',
        b"{",
        b"{}}",
        b"{} x",
        b'{"a" 1}',
        b'{"a":1,}',
        b'{"messages":[1,]}',
        b'{"messages":[1 2]}',
        b'{"messages":[}',
        b'{,"a":1}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b'{"a":"\n"}',
        b'{"messages":[1],"messages":[2]}',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b'{"a":' * 100_000,
    ],
)
def test_anything_but_one_unambiguous_object_is_not_readable(raw: bytes) -> None:
    with pytest.raises(NotReadable):
        Document(raw, "messages")


def test_a_member_given_twice_is_not_readable_where_it_is_asked_for() -> None:
    document = Document(b'{"messages":[{"content":"a","content":"b","role":"user"}]}', "messages")
    element = document.elements[0]
    role = document.member(element, "role")
    assert role is not None
    assert role.value == "user"
    assert document.member(element, "name") is None
    with pytest.raises(NotReadable):
        document.member(element, "content")


def test_a_key_written_with_escapes_is_the_same_key() -> None:
    document = Document(b'{"mess\\u0061ges":[1, 2]}', "messages")
    assert [element.value for element in document.elements] == [1, 2]


def test_messages_that_are_no_array_have_no_elements() -> None:
    document = Document(b'{"messages":{"a":[1]}}', "messages")
    assert document.elements == ()
    assert document.values["messages"] == {"a": [1]}


@given(st.text())
def test_a_quoted_text_reads_back(text: str) -> None:
    assert json.loads(quoted(text)) == text
