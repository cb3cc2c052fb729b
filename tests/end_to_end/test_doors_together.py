"""Two users, three agents and a resumed session, through every door and through all of them in turn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.clients import Served, ids
from tests.doors import DOORS, EveryDoor, served_everywhere, texts, through

AGENTS = ("support", "sales", "onboarding")
SAID = {
    "alice": (
        "My printer is a Brother HL-2350.",
        "I work at a company with 40 employees.",
        "I prefer video tutorials.",
    ),
    "bob": ("My printer is a Canon Pixma.", "I work at a company with 7 employees.", "I prefer written tutorials."),
}
ASKED = ("Which printer do I have?", "How many employees has my company?", "Which tutorials do I prefer?")
WORDS = {"alice": ("Brother HL-2350", "40 employees", "video"), "bob": ("Canon Pixma", "7 employees", "written")}
OTHER = {"alice": "bob", "bob": "alice"}
ROUTES = [*itertools.permutations(DOORS), *((door,) * 3 for door in DOORS)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_everywhere(tmp_path_factory.mktemp("together")) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    shared.upstream.script = EveryDoor(lambda _: "The secret reply.")
    return shared


each_route = pytest.mark.parametrize("doors", ROUTES, ids="-".join)
streamed_or_not = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@streamed_or_not
@each_route
def test_three_agents_share_facts_of_each_user_and_neither_conversations_nor_users(
    served: Served, doors: tuple[str, ...], stream: bool
) -> None:
    name = "-".join(doors) + str(stream)
    for user, facts in SAID.items():
        for door, agent, fact in zip(doors, AGENTS, facts, strict=True):
            assert through(served.gateway, door, fact, ids(f"{user} {name}", agent), stream=stream).status == 200
    for user, place in itertools.product(SAID, range(3)):
        door, agent = doors[(place + 1) % 3], AGENTS[(place + 1) % 3]
        answer = through(served.gateway, door, ASKED[place], ids(f"{user} {name}", agent), stream=stream)
        assert answer.header("x-memory-status") == "ok"
        (prompt,) = texts(served.upstream.last)
        assert WORDS[user][place] in prompt
        assert "secret reply" not in prompt
        body = served.upstream.last.body.decode()
        assert [word for word in (*WORDS[OTHER[user]], user, name) if word in body] == []


@streamed_or_not
@each_route
def test_a_session_is_resumed_by_its_id_with_its_own_turns_and_no_others(
    served: Served, doors: tuple[str, ...], stream: bool
) -> None:
    said = {"Tokyo": "Tokyo is lovely in spring.", "Paris": "Paris is lovely in autumn."}
    user = f"traveller {doors} {stream}"
    sessions = {}
    for door, (city, reply) in zip(doors, said.items(), strict=False):
        served.upstream.script = EveryDoor(lambda _, reply=reply: reply)  # type: ignore[misc]
        answer = through(served.gateway, door, f"I'm planning a trip to {city}", ids(user), stream=stream)
        sessions[city] = answer.header("x-session-id")
    assert len(set(sessions.values())) == 2
    through(served.gateway, doors[2], "What was I planning?", ids(user, session=sessions["Tokyo"]), stream=stream)
    begun, replied, asked = texts(served.upstream.last)
    assert (begun, replied) == ("I'm planning a trip to Tokyo", said["Tokyo"])
    assert asked.endswith("What was I planning?") or asked.startswith("What was I planning?")
    assert said["Paris"] not in "".join((begun, replied, asked))
    other = ids(f"another {user}", session=sessions["Tokyo"])
    through(served.gateway, doors[2], "What was I planning?", other, stream=stream)
    assert texts(served.upstream.last) == ["What was I planning?"]
