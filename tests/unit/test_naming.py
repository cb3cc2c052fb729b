"""The model's name is read and replaced in place; what cannot be read stays as it is."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.naming import goes_on, model_named, names_model, renamed

FORM = b"multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("model"), inner, max_size=3)
    ),
    max_leaves=10,
)


def form(*parts: tuple[bytes, bytes]) -> bytes:
    return b"".join(PART % (name, b"", value) for name, value in parts) + b"--b--\r\n"


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4), st.text(min_size=1), st.integers(0, 3))
def test_only_the_name_changes(values: dict[str, object], name: str, indent: int) -> None:
    values.pop("model", None)
    body = json.dumps({**values, "model": "before"}, indent=indent).encode()
    assert model_named(b"", body) == "before"
    after = renamed(b"application/json", body, lambda _: name)
    assert json.loads(after) == {**values, "model": name}
    end = body.rindex(b'"before"')
    assert after == body[:end] + json.dumps(name, ensure_ascii=False).encode() + body[end + len(b'"before"') :]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"model":null}',
        b'{"model":["a"]}',
        b'\xff{"model":"a"}',
        b'{"model":"a"} x',
        b"a=b",
        b'{"model":"a","model":"b"}',
        b'{"n":' + b"[" * 100_000,
    ],
)
def test_what_names_none_stays_as_it_is(body: bytes) -> None:
    assert renamed(b"application/json", body, lambda _: "new") == body


@pytest.mark.parametrize(
    ("body", "after"),
    [
        (b'{"mod\\u0065l":"a","x":{"model":"a"}}', b'{"mod\\u0065l":"new","x":{"model":"a"}}'),
        (b'{"x":"\\"model\\":\\"a\\"","model" :\n"a"}', b'{"x":"\\"model\\":\\"a\\"","model" :\n"new"}'),
        (b'{"model":"\\u0061"}', b'{"model":"new"}'),
        (b'{"x":["model"],"model":"a"}', b'{"x":["model"],"model":"new"}'),
        (b'{"x":{"model":"a"},"model":"a"}', b'{"x":{"model":"a"},"model":"new"}'),
        (b'{"mod\\u0065l":"b","model":"a"}', b'{"mod\\u0065l":"b","model":"new"}'),
    ],
)
def test_only_the_outermost_name_counts_however_it_is_written(body: bytes, after: bytes) -> None:
    assert renamed(b"", body, lambda _: "new") == after


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"model":7}', b'{"a":{"model":"x"}}', b'{"n":' + b"[" * 100_000, b"\xff"]
)
def test_no_name_is_found_where_there_is_none(body: bytes) -> None:
    assert model_named(b"application/json", body) is None
    assert not goes_on(body)


def test_the_same_name_keeps_the_bytes() -> None:
    body = b'{"model":"\\u0061"}'
    assert renamed(b"", body, lambda name: name) == body


@pytest.mark.parametrize("name", ["new", "é/\u2028", ""])
def test_a_form_s_field_is_replaced(name: str) -> None:
    body = form((b"prompt", b"x"), (b"model", b"whisper-1"), (b"file", b"\x00\xff\r\n\r\n"))
    assert model_named(FORM, body) == "whisper-1"
    assert renamed(FORM, body, lambda _: name) == body.replace(b"whisper-1", name.encode())


@pytest.mark.parametrize(
    "body",
    [
        form((b"prompt", b'say name="model"\r\n\r\nx\r\n')),
        b'name="model"',
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nx',
        b'--b\r\nContent-Disposition: form-data; name="model"' + b"\r\nX: y" * 200 + b"\r\n\r\nx\r\n",
    ],
)
def test_a_form_without_that_field_stays_as_it_is(body: bytes) -> None:
    assert model_named(FORM, body) is None
    assert renamed(FORM, body, lambda _: "new") == body


@pytest.mark.parametrize(
    ("kind", "path", "may"),
    [
        (b"application/json", b"/v1/embeddings", True),
        (b"application/vnd.x+JSON; charset=utf-8", b"/v1/x", True),
        (FORM, b"/v1/audio/transcriptions", True),
        (FORM, b"/v1/images/edits", True),
        (FORM, b"/v1/files", False),
        (b"application/octet-stream", b"/v1/x", False),
        (b"", b"/v1/x", False),
    ],
)
def test_what_may_name_a_model(kind: bytes, path: bytes, may: bool) -> None:
    assert names_model(kind, path) is may


@pytest.mark.parametrize(
    "body", [b'{"previous_response_id":"r"}', b'{"conversation":"c"}', b'{"conversation":{"id":"c"}}']
)
def test_what_goes_on(body: bytes) -> None:
    assert goes_on(body)


@pytest.mark.parametrize("body", [b'name="model"' * 20_000, PART % (b"model", b"", b"") * 5_000, b"\n" * 200_000])
def test_no_form_takes_long(body: bytes) -> None:
    begun = time.perf_counter()
    renamed(FORM, body, lambda _: "new")
    assert time.perf_counter() - begun < 10


@pytest.mark.parametrize(
    "body", [b'"model":' * 25_000, b'{"model"' + b" " * 200_000, b'{"model":"' + b"a" * 200_000, b'{"model" :' * 20_000]
)
def test_no_text_takes_long(body: bytes) -> None:
    begun = time.perf_counter()
    renamed(b"", body, lambda _: "new")
    renamed(b"", body + b'"}', lambda _: "new")
    assert time.perf_counter() - begun < 10
