"""The reader of event streams gives the same data however the bytes are cut."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.sse import MAX_LINE, EventStream

LINE_ENDS = ["\n", "\r\n", "\r"]


def read(pieces: list[bytes]) -> list[bytes]:
    """The data of every event of a stream that comes in these pieces."""
    stream = EventStream()
    found = [data for piece in pieces for data, _ in stream.feed(piece)]
    return found + [data for data, _ in stream.close()]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(bounds)]


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Well-formed and odd streams."""
    lines = draw(
        st.lists(
            st.one_of(
                st.sampled_from(
                    ["", "", ":", ": keep-alive", "event: ping", "id: 1", "retry: 10", "data", "data:", "datas: x"]
                ),
                st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12).map(
                    lambda text: f"data: {text}"
                ),
                st.sampled_from(['data: {"a":"é\u2028\u2029\x85\x0b"}', "data:{}", "data: [DONE]", "\ufeffdata: bom"]),
            ),
            max_size=15,
        )
    )
    return "".join(line + draw(st.sampled_from(LINE_ENDS)) for line in lines).encode() + draw(
        st.sampled_from([b"", b"data: rest", b"dat", b"\xff", b"data: \xe2\x82"])
    )


@given(streams(), st.lists(st.integers(0, 10_000), max_size=12))
def test_any_cut_of_a_stream_gives_the_same_data(data: bytes, places: list[int]) -> None:
    assert read(cut(data, places)) == read([data])


@pytest.mark.requirement("R-36")
@given(streams())
def test_one_byte_at_a_time_gives_the_same_data(data: bytes) -> None:
    assert read([data[i : i + 1] for i in range(len(data))]) == read([data])


@pytest.mark.requirement("R-38")
@given(st.lists(st.binary(max_size=40), max_size=8))
def test_no_bytes_make_it_raise(pieces: list[bytes]) -> None:
    assert read(pieces) == read([b"".join(pieces)])


@given(streams(), st.lists(st.integers(0, 10_000), max_size=6))
def test_an_event_starts_inside_its_piece_at_a_line_start(data: bytes, places: list[int]) -> None:
    stream = EventStream()
    for piece in cut(data, places):
        for _, start in stream.feed(piece):
            assert 0 <= start < len(piece)
            assert start == 0 or piece[start - 1 : start] in (b"\n", b"\r")


@pytest.mark.requirement("R-37")
@pytest.mark.parametrize("end", LINE_ENDS)
def test_every_line_end_of_the_standard_ends_a_line(end: str) -> None:
    assert read([f"data: one{end}{end}data: two{end}{end}".encode()]) == [b"one", b"two"]


def test_only_the_line_ends_of_the_standard_end_a_line() -> None:
    text = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg"
    assert read([f"data: {text}\n\n".encode()]) == [text.encode()]


def test_a_space_after_the_colon_is_optional_and_only_one_is_taken() -> None:
    assert read([b"data:one\n\ndata: two\n\ndata:  three\n\n"]) == [b"one", b"two", b" three"]


def test_comments_and_other_fields_are_no_data() -> None:
    assert read([b": data: no\nevent: data\nid: 1\nretry: 5\ndatas: no\n\ndata: yes\n\n"]) == [b"yes"]


def test_a_byte_order_mark_before_the_first_field_is_passed_over() -> None:
    assert read([b"\xef\xbb\xbfdata: one\n\n"]) == [b"one"]


def test_data_is_given_before_the_blank_line_that_a_client_waits_for() -> None:
    stream = EventStream()
    assert list(stream.feed(b"data: [DONE]\n")) == [(b"[DONE]", 0)]


def test_data_of_several_lines_is_given_joined_at_the_end_of_the_event() -> None:
    assert read([b'data: {"a":\ndata: 1}\n\n'])[-1] == b'{"a":\n1}'


def test_an_event_whose_other_lines_are_blank_is_given_once() -> None:
    assert read([b"data:\ndata: {}\ndata:\ndata: \n\n"]) == [b"{}"]


def test_data_of_several_lines_that_no_blank_line_follows_is_given_at_the_end() -> None:
    assert read([b'data: {"a":\ndata: 1}'])[-1] == b'{"a":\n1}'


def test_data_after_done_is_still_read() -> None:
    assert read([b"data: [DONE]\n\ndata: more\n\n"]) == [b"[DONE]", b"more"]


def test_the_start_of_an_event_is_where_its_first_field_stands() -> None:
    stream = EventStream()
    piece = b"data: one\n\nevent: x\nid: 7\ndata: two\n\n"
    assert list(stream.feed(piece)) == [(b"one", 0), (b"two", piece.index(b"event"))]


@pytest.mark.parametrize(
    ("sent", "boundary"),
    [
        (b"", True),
        (b"data: x\n\n", True),
        (b"data: x\r\n\r\n", True),
        (b"data: x\r\r", True),
        (b": ka\n\n", True),
        (b"data: x\n", False),
        (b"data: x", False),
        (b"data: x\r\n\r\nd", False),
    ],
)
def test_a_boundary_is_where_an_event_could_be_put_in(sent: bytes, boundary: bool) -> None:
    for pieces in ([sent], [sent[i : i + 1] for i in range(len(sent))]):
        stream = EventStream()
        for piece in pieces:
            list(stream.feed(piece))
        assert stream.at_boundary is boundary


@pytest.mark.requirement("R-39")
def test_an_event_of_16_mb_in_small_pieces_is_read() -> None:
    data = b"data: " + b"x" * (MAX_LINE - 6) + b"\n\n"
    assert len(read([data[i : i + 4096] for i in range(0, len(data), 4096)])[0]) == MAX_LINE - 6


def test_a_line_over_the_limit_is_passed_over_and_the_next_event_is_read() -> None:
    data = b"data: " + b"x" * (MAX_LINE + 10) + b"\n\ndata: next\n\n"
    found = read([data[i : i + 65536] for i in range(0, len(data), 65536)])
    assert [item[:8] for item in found] == [b"next"]


@pytest.mark.requirement("R-39")
def test_an_event_of_many_lines_takes_time_in_proportion_to_its_size() -> None:
    line = b"data: " + b"x" * 20 + b"\n"
    begun = time.perf_counter()
    found = read([line * 1000] * 100 + [b"\n"])
    assert len(found[-1]) == 100_000 * 21 - 1
    assert time.perf_counter() - begun < 10  # 0.2 s; minutes when every line joins all before it


def test_an_event_of_endless_lines_is_dropped_at_the_limit() -> None:
    line = b"data: " + b"x" * 65_000 + b"\n"
    found = read([line] * (MAX_LINE // 65_000 + 2) + [b"\n", b"data: next\n\n"])
    assert [len(item) for item in found] == [65_000, 4]  # the first line, and the next event
