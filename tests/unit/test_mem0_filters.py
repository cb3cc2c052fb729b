"""mem0's filters: what they let through, whom they reach, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.mem0_filters import Subject, confined, holds, named, on_ids, parse
from gateway.domain import NOBODY
from gateway.errors import BadRequest
from gateway.store.library import Entry

MAY = datetime(2024, 5, 3, 12, tzinfo=UTC)


def entry(**changed: Any) -> Entry:
    fields: dict[str, Any] = dict.fromkeys(("process", "session", "learnt_process", "learnt_session", "closed"), "")
    fields |= dict.fromkeys(("first_seen", "last_seen", "valid_from", "created_at", "updated_at"), MAY)
    fields |= dict.fromkeys(("valid_to", "expires_at", "superseded_by"))
    fields |= {"id": "m1", "tenant": "t", "entity": "alice", "kind": "preference", "text": "I like Green Tea."}
    fields |= {"status": "active", "standing": False, "origin": "api", "trust": 1.0, "confidence": 1.0}
    fields |= {"times_seen": 1, "triples": ()}
    fields |= {"metadata": {"source": "form", "level": 3, "tags": ["a", "b"], "app_id": "web"}}
    return Entry(**{**fields, **changed})


def passes(filters: dict[str, Any], **changed: Any) -> bool:
    """Whether a memory is reached: its owner is named, and the filter holds for it."""
    one = entry(**changed)
    node = confined(parse(filters))
    users = named(node, "user_id")
    assert users is not None
    subject = Subject(one.entity, one.process, one.session, one)
    assert one.entity in users or not holds(node, subject), "a filter holds for nobody but those whom it names"
    return holds(node, subject)


ALICE = {"user_id": "alice"}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (ALICE, True),
        ({"user_id": "bob"}, False),
        ({"user_id": {"eq": "alice"}}, True),
        ({"user_id": {"in": ["alice", "bob"]}}, True),
        ({"user_id": ["alice", "bob"]}, True),
        ({"user_id": "*"}, False),
        ({"user_id": {"in": ["*"]}}, False),
        ({"user_id": "alic*"}, False),
        ({"user_id": "Alice"}, False),
        ({"user_id": {"ne": "bob"}}, False),
        ({"user_id": {"ne": "bob"}, "AND": [ALICE]}, True),
        ({"user_id": None}, False),
        ({}, False),
        ({"agent_id": "support"}, False),
        ({"AND": [ALICE, {"user_id": "bob"}]}, False),
        ({"user_id": "bob", "AND": [ALICE]}, False),
        ({"user_id": "bob", "OR": [ALICE]}, False),
        ({"user_id": "bob", "OR": [ALICE, {"user_id": "bob"}]}, False),
        ({"OR": [ALICE, {"user_id": "bob"}]}, True),
        ({"OR": [{"user_id": "bob"}, {"agent_id": {"ne": "x"}}]}, False),
        ({"NOT": [{"user_id": "bob"}]}, False),
        ({"NOT": {"user_id": "bob"}}, False),
        ({"NOT": [{"NOT": [ALICE]}]}, False),
        ({**ALICE, "NOT": [{"user_id": "bob"}]}, True),
        ({**ALICE, "NOT": [ALICE]}, False),
        ({"AND": [{"OR": [ALICE, {"agent_id": "support"}]}]}, True),
        ({"AND": [{"OR": [{"user_id": "bob"}, {"agent_id": {"ne": "support"}}]}, {"run_id": None}]}, False),
        ({**ALICE, "AND": [{"OR": [{"agent_id": "support"}, {"agent_id": None}]}]}, True),
        ({**ALICE, "OR": [{"agent_id": "support"}, {"run_id": "s"}]}, False),
    ],
)
def test_a_filter_reaches_only_the_users_it_names(filters: dict[str, Any], expected: bool) -> None:
    assert passes(filters) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"agent_id": None}, True),
        ({"run_id": {"ne": "s"}}, True),
        ({"app_id": "web"}, True),
        ({"app_id": "mobile"}, False),
        ({"memory_ids": ["m0", "m1"]}, True),
        ({"memory_ids": "m0"}, False),
        ({"created_at": {"gte": "2024-05-03", "lte": "2024-05-03"}}, True),
        ({"created_at": {"gt": "2024-05-03"}}, False),
        ({"created_at": {"lt": "2024-05-03"}}, False),
        ({"created_at": {"gt": "2024-05-03T11:59:59Z", "lt": "2024-05-03T14:00:01+02:00"}}, True),
        ({"updated_at": {"gte": MAY.timestamp()}}, True),
        ({"timestamp": {"lt": int(MAY.timestamp())}}, False),
        ({"created_at": "2024-05-03"}, True),
        ({"created_at": {"in": ["2024-05-02", "2024-05-03"]}}, True),
        ({"created_at": {"ne": "2024-05-03"}}, False),
        ({"expiration_date": None}, True),
        ({"expiration_date": {"gt": "2024-01-01"}}, False),
        ({"text": {"contains": "Green"}}, True),
        ({"text": {"contains": "green"}}, False),
        ({"text": {"icontains": "green TEA"}}, True),
        ({"keywords": {"icontains": "GREEN"}}, True),
        ({"keywords": {"contains": "coffee"}}, False),
        ({"categories": ["preference", "fact"]}, True),
        ({"categories": {"contains": "prefer"}}, False),
        ({"categories": {"in": ["fact"]}}, False),
        ({"categories": "preference"}, True),
        ({"metadata": {"source": "form"}}, True),
        ({"metadata": {"source": "form", "level": 4}}, False),
        ({"metadata": {"contains": {"source": "form"}}}, True),
        ({"metadata": {"contains": "level"}}, True),
        ({"metadata": {"ne": {"source": "form"}}}, True),
        ({"metadata": {"level": {"gte": 3, "lt": 4}}}, True),
        ({"metadata": {"level": {"gt": "2"}}}, False),
        ({"metadata": {"level": True}}, False),
        ({"metadata": {"source": {"in": ["phone", "form"]}}}, True),
        ({"metadata": {"source": {"icontains": "FO"}}}, True),
        ({"metadata": {"tags": {"contains": "a"}}}, True),
        ({"metadata": {"tags": ["a", "b"]}}, True),
        ({"metadata": {"absent": {"ne": 1}}}, True),
        ({"metadata": {"source": "*"}}, False),
        ({"OR": [{"metadata": {"source": "phone"}}, {"categories": "preference"}]}, True),
        ({"NOT": [{"metadata": {"source": "form"}}, {"categories": "fact"}]}, False),
        ({"AND": [{"OR": [{"text": "x"}, {"text": {"ne": "x"}}]}]}, True),
    ],
)
def test_conditions_hold_as_their_operators_say(condition: dict[str, Any], expected: bool) -> None:
    assert passes({**ALICE, **condition}) is expected
    assert passes({"AND": [ALICE, condition]}) is expected


@pytest.mark.parametrize(
    "filters",
    [
        {"colour": "red"},
        {"and": [ALICE]},
        {"AND": []},
        {"AND": ALICE},
        {"OR": "alice"},
        {"NOT": 1},
        {"AND": ["alice"]},
        {"user_id": {"like": "a"}},
        {"user_id": {"contains": "a"}},
        {"user_id": {"nin": ["alice"]}},
        {"user_id": {"gt": "a"}},
        {"user_id": {}},
        {"user_id": ""},
        {"user_id": "a\n"},
        {"user_id": True},
        {"user_id": {"in": "alice"}},
        {"user_id": {"eq": {"eq": "alice"}}},
        {"created_at": {"gte": "yesterday"}},
        {"created_at": {"contains": "2024"}},
        {"created_at": {"gt": None}},
        {"created_at": {"gt": "9999-12-31"}},
        {"created_at": {"gt": 1e300}},
        {"keywords": {"eq": "x"}},
        {"metadata": "form"},
        {"metadata": {}},
        {"metadata": {"contains": 3}},
        {"text": 3},
        {"categories": [1]},
        [],
        "alice",
    ],
)
def test_what_is_not_understood_is_refused(filters: Any) -> None:
    with pytest.raises(BadRequest):
        parse(filters)


def test_depth_and_size_are_bounded() -> None:
    deep: dict[str, Any] = ALICE
    for _ in range(1000):
        deep = {"AND": [deep]}
    with pytest.raises(BadRequest):
        parse(deep)
    with pytest.raises(BadRequest):
        parse({"OR": [ALICE] * 1000})


def test_agents_own_knowledge_is_reached_without_a_user() -> None:
    own = {"entity": NOBODY, "process": "support"}
    assert passes({"agent_id": "support"}, **own)
    assert passes({"OR": [ALICE, {"agent_id": "support"}]}, **own)
    assert not passes({"OR": [ALICE, {"agent_id": "support"}]}, process="support", entity="bob")
    assert passes({"OR": [{"user_id": "bob"}, {"agent_id": "support"}]}, **own)
    assert not passes({"agent_id": "sales"}, **own)


def test_filters_on_ids_alone_are_known() -> None:
    assert on_ids(confined(parse({"OR": [ALICE, {"NOT": [{"run_id": "s"}]}]})))
    assert not on_ids(confined(parse({**ALICE, "categories": ["fact"]})))


USERS = ["alice", "bob", "*"]
CONDITIONS = st.one_of(
    st.sampled_from(USERS).map(lambda name: {"user_id": name}),
    st.sampled_from(USERS).map(lambda name: {"user_id": {"ne": name}}),
    st.lists(st.sampled_from(USERS), min_size=1).map(lambda names: {"user_id": {"in": names}}),
    st.sampled_from(["support", "sales"]).map(lambda name: {"agent_id": name}),
    st.just({"run_id": None}),
)
FILTERS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    CONDITIONS,
    lambda inner: st.builds(
        lambda join, parts: {join: parts},
        st.sampled_from(["AND", "OR", "NOT"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=12,
)


@given(FILTERS)
def test_no_filter_reaches_a_user_whom_it_does_not_name(filters: dict[str, Any]) -> None:
    node = confined(parse(filters))
    users = named(node, "user_id")
    assert users is not None
    for user in [*USERS, "carol", NOBODY]:
        for agent in ("support", "sales", ""):
            if holds(node, Subject(user, agent, "")):
                assert user in users
    assert "carol" not in users
