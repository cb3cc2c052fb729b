"""Who a request is about: carriers, their order, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.attribution import MAX_ID, Attributor, Identity, Ids, valid_id
from gateway.config import Config
from gateway.errors import BadRequest, Unauthorized

UPSTREAM = {"base_url": "http://localhost/v1", "api_key": "sk"}


def attributor(**settings: Any) -> Attributor:
    return Attributor(Config.model_validate(settings))


def identify(headers: Mapping[str, str | bytes], **settings: Any) -> Identity:
    """What headers (lower-case, as the server gives them) say."""
    pairs = [(name.encode(), value.encode() if isinstance(value, str) else value) for name, value in headers.items()]
    return attributor(**settings).identify(pairs)


def complete(headers: Mapping[str, str], body: dict[str, Any], **settings: Any) -> Ids:
    def field(path: str) -> object:
        value: object = body
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    return attributor(**settings).complete(identify(headers, **settings), field)


def test_without_anything_there_is_nobody() -> None:
    identity = identify({})
    assert (identity.tenant, identity.entity, identity.process, identity.session) == ("default", None, None, None)
    assert (identity.mode, identity.narrow, identity.said_at) == ("on", False, None)
    assert complete({}, {}) == Ids(None, "default", None)


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        (
            "entity",
            ["x-entity-id", "x-memori-entity-id", "x-openwebui-user-id", "x-mem0-user-id", "metadata.entity_id"],
        ),
        ("process", ["x-process-id", "x-memori-process-id", "metadata.process_id"]),
        ("session", ["x-session-id", "x-openwebui-chat-id", "metadata.session_id"]),
    ],
)
def test_the_first_carrier_that_is_there_wins(kind: str, order: list[str]) -> None:
    for first in range(len(order)):
        headers = {name: f"id {name}" for name in order[first:] if not name.startswith("metadata")}
        body = {"metadata": {order[-1].split(".")[1]: f"id {order[-1]}"}}
        assert getattr(complete(headers, body), kind) == f"id {order[first]}"


@pytest.mark.parametrize("field", ["user", "safety_identifier"])
def test_user_fields_count_only_where_the_configuration_lists_them(field: str) -> None:
    assert complete({}, {field: "ana"}).entity is None
    assert complete({}, {field: "ana"}, attribution={"entity": ["X-Entity-Id", field]}).entity == "ana"


def test_a_field_anywhere_in_the_body_can_be_listed() -> None:
    assert complete({}, {"extra": {"who": "ana"}}, attribution={"entity": ["body.extra.who"]}).entity == "ana"


def test_only_configured_names_are_consumed() -> None:
    names = attributor(attribution={"entity": ["X-Customer"], "process": [], "session": []}).consumed
    assert names == {b"x-customer", b"x-memory", b"x-memory-sharing", b"x-memory-time", b"x-memory-token"}


@given(st.text(min_size=1, max_size=64).filter(lambda text: not any(c < " " or "\x7f" <= c <= "\x9f" for c in text)))
def test_an_id_is_taken_as_it_is(value: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in value):
        return
    assert identify({"x-entity-id": value}).entity == value


@pytest.mark.parametrize("value", ["x" * MAX_ID, "é" * (MAX_ID // 2), " ", "a b", "\u202e"])
def test_long_and_odd_ids_are_valid(value: str) -> None:
    assert valid_id(value, "id") == value


@pytest.mark.parametrize("value", ["", "x" * (MAX_ID + 1), "é" * 129, "a\nb", "\x00", "\x7f", "\x85", "\ud800"])
def test_empty_too_long_and_unprintable_ids_are_not(value: str) -> None:
    with pytest.raises(BadRequest) as caught:
        valid_id(value, "X-Entity-Id")
    assert (caught.value.status, caught.value.param) == (400, "X-Entity-Id")


@pytest.mark.parametrize("name", ["x-entity-id", "x-process-id", "x-session-id", "x-memory", "x-memory-time"])
def test_a_header_given_twice_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="more than once"):
        attributor().identify([(name.encode(), b"on"), (name.encode(), b"on")])


def test_a_bad_alias_is_refused_even_if_another_wins() -> None:
    with pytest.raises(BadRequest):
        identify({"x-entity-id": "ana", "x-mem0-user-id": "x" * 257})


def test_an_id_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(BadRequest, match="UTF-8"):
        identify({"x-entity-id": b"\xff\xfe"})


@pytest.mark.parametrize("value", [42, True, [], {}, ""])
def test_an_id_of_the_body_must_be_a_string_that_is_valid(value: object) -> None:
    with pytest.raises(BadRequest):
        complete({}, {"metadata": {"entity_id": value}})


@pytest.mark.parametrize(
    "body", [{"metadata": None}, {"metadata": "text"}, {"metadata": []}, {"metadata": {"entity_id": None}}]
)
def test_a_body_without_ids_names_nobody(body: dict[str, Any]) -> None:
    assert complete({}, body).entity is None


def test_a_chat_of_open_webui_has_its_full_history() -> None:
    assert identify({"x-openwebui-chat-id": "c"}).full_history
    assert not identify({"x-session-id": "s", "x-openwebui-chat-id": "c"}).full_history


@pytest.mark.parametrize("mode", ["on", "off", "read", "write", "shadow", "READ"])
def test_modes_are_read_without_case(mode: str) -> None:
    assert identify({"x-memory": mode}).mode == mode.lower()


@pytest.mark.parametrize(("name", "value"), [("x-memory", "yes"), ("x-memory", ""), ("x-memory-sharing", "entity")])
def test_unknown_modes_are_refused(name: str, value: str) -> None:
    with pytest.raises(BadRequest):
        identify({name: value})


@pytest.mark.parametrize("value", ["2020-01-02T03:04:05Z", "2020-01-02T05:04:05+02:00", "2020-01-02t03:04:05z"])
def test_a_time_is_taken_with_its_offset(value: str) -> None:
    assert identify({"x-memory-time": value}).said_at == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["2020-01-02", "2020-01-02T03:04:05", "now", "", "2020-01-02 03:04:05Z", "0001-01-01T00:00:00+14:00"]
)
def test_another_time_is_refused(value: str) -> None:
    with pytest.raises(BadRequest):
        identify({"x-memory-time": value})


def test_an_address_that_others_reach_without_keys_is_not_trusted_with_the_time() -> None:
    with pytest.raises(BadRequest, match="trusted"):
        identify({"x-memory-time": "2020-01-02T03:04:05Z"}, insecure=True)


KEYS = {
    "keys": [{"key": "one", "tenant": "acme"}, {"key": "two", "tenant": "acme", "entity": "fixed:kiosk"}],
    "upstreams": [UPSTREAM],
}


@pytest.mark.parametrize(
    "headers",
    [{"authorization": "Bearer one"}, {"authorization": "bearer  one"}, {"api-key": "one"}, {"x-api-key": "one"}],
)
def test_a_key_gives_its_tenant(headers: dict[str, str]) -> None:
    assert identify(headers, **KEYS).tenant == "acme"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer three"},
        {"authorization": "Bearer "},
        {"authorization": "Bearer one two"},
        {"x-key": "one"},
    ],
)
def test_without_a_key_nothing_is_served(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthorized):
        identify(headers, **KEYS)


@pytest.mark.parametrize("entity", ["ana", "kiosk", None])
def test_a_key_of_one_entity_speaks_for_no_other(entity: str | None) -> None:
    headers = {"authorization": "Bearer two"} | ({"x-entity-id": entity} if entity else {})
    assert complete(headers, {"metadata": {"entity_id": "ana"}}, **KEYS).entity == "kiosk"


def _refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except BadRequest:
        return True
    return False


@given(st.binary(max_size=300))
def test_no_bytes_of_a_header_do_more_than_be_refused(value: bytes) -> None:
    for name in ("x-entity-id", "x-memory", "x-memory-time", "x-memory-sharing"):
        assert _refused(lambda name=name: identify({name: value})) in (True, False)  # type: ignore[misc]
