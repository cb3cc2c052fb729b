"""mem0's platform API, by mem0's own client: what it adds, finds, changes and deletes."""

from __future__ import annotations

import pathlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients import Served, block_of, serve
from tests.mem0_client import call, opened, texts, user

CALLS = pathlib.Path(__file__).parents[1] / "mem0_calls.py"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    processes = {"coach": {"sharing": "process"}}
    with serve(tmp_path_factory.mktemp("mem0"), processes=processes) as served:
        yield served


@pytest.fixture
def served(serving: Served) -> Served:
    serving.reset()
    return serving


@pytest.fixture
def client(served: Served) -> Iterator[Any]:
    with opened(served.gateway) as client:
        yield client


def told(served: Served, text: str, entity: str | None, **more: Any) -> str:
    """The block that a chat got."""
    served.ask(text, entity, **more)
    return block_of(served.upstream.received[-1])


# --- the document's four steps ----------------------------------------------------------------------------------


def test_the_four_steps_of_mem0s_document(client: Any) -> None:
    client.add(user("I prefer dark mode and Python."), user_id="alice")
    client.add(user("I use TypeScript and like light mode."), user_id="bob")
    found = texts(client.search("What are the user preferences?", filters={"user_id": "alice"}))
    assert "dark mode" in found[0]
    assert "Python" in found[0]
    assert not any("TypeScript" in text or "light" in text for text in found)
    found = texts(client.search("What are the user preferences?", filters={"user_id": "bob"}))
    assert "TypeScript" in found[0]
    assert not any("Python" in text or "dark" in text for text in found)

    client.add(user("Our refund policy is 30 days for unused items."), agent_id="support_bot")
    client.add(user("Current promotion: 20% off all premium plans."), agent_id="sales_bot")
    support = texts(client.search("What is the refund policy?", filters={"agent_id": "support_bot"}))
    sales = texts(client.search("Any promotions?", filters={"agent_id": "sales_bot"}))
    assert support == ["Our refund policy is 30 days for unused items."]
    assert sales == ["Current promotion: 20% off all premium plans."]

    client.add(user("I had an issue with order #12345."), user_id="alice", agent_id="support_bot")
    both: dict[str, Any] = {"user_id": "alice", "agent_id": "support_bot"}
    assert texts(client.search("Previous issues", filters=both)) == ["I had an issue with order #12345."]
    both = {"AND": [{"user_id": "alice"}, {"agent_id": "support_bot"}]}
    assert texts(client.search("Previous issues", filters=both)) == ["I had an issue with order #12345."]
    assert texts(client.search("Previous issues", filters={"agent_id": "support_bot"})) == support


def test_every_call_of_the_current_client_sync_and_async(served: Served) -> None:
    program = [sys.executable, str(CALLS), f"http://127.0.0.1:{served.gateway.port}/mem0"]
    subprocess.run(program, check=True, timeout=110)


# --- memory is one, whichever way it came --------------------------------------------------------------------------


def test_what_is_added_is_recalled_in_chats_of_its_scope(served: Served, client: Any) -> None:
    client.add(user("My bicycle is a red Brompton."), user_id="dora")
    client.add(user("My bicycle lock code is 4711."), user_id="dora", agent_id="garage")
    client.add(user("My bicycle is in the cellar."), user_id="dora", run_id="s1")
    client.add(user("The bicycle workshop closes at six."), agent_id="garage")
    client.add(user("The bicycle of nobody is blue."), run_id="s1")

    ask = "What do you know about the bicycle?"
    everywhere, there, here = "red Brompton", "4711", "cellar"
    block = told(served, ask, "dora", process="other", session="s0")
    assert everywhere in block
    assert not any(text in block for text in (there, here, "six", "nobody"))
    block = told(served, ask, "dora", process="garage", session="s2")
    assert all(text in block for text in (everywhere, there, "six"))
    assert here not in block
    assert here in told(served, ask, "dora", process="other", session="s1")
    block = told(served, ask, "eve", process="garage", session="s1")
    assert "six" in block
    assert not any(text in block for text in (everywhere, there, here, "nobody"))


def test_what_is_learnt_in_chats_is_found(served: Served, client: Any) -> None:
    served.ask("My piano is a Bechstein.", "fay", process="music")
    found = client.search("Which piano?", filters={"user_id": "fay"})["results"]
    assert [one["memory"] for one in found] == ["My piano is a Bechstein."]
    assert (found[0]["user_id"], found[0]["agent_id"], found[0]["run_id"]) == ("fay", None, None)
    events = client.history(found[0]["id"])
    assert events[0]["input"] == [{"role": "user", "content": "My piano is a Bechstein."}]
    assert texts(client.search("Which piano?", filters={"user_id": "gus"})) == []


def test_a_later_statement_takes_the_place_of_an_earlier_one(served: Served, client: Any) -> None:
    first = client.add(user("I live in Porto."), user_id="hal")["results"][0]
    second = client.add(user("I moved to Lisbon."), user_id="hal")["results"][0]
    assert (second["event"], second["previous_memory"]) == ("UPDATE", "I live in Porto.")
    assert texts(client.get_all(filters={"user_id": "hal"})) == ["I moved to Lisbon."]
    assert client.history(first["id"])[-1]["new_memory"] == "I moved to Lisbon."
    served.ask("I moved to Faro.", "hal")
    assert texts(client.get_all(filters={"user_id": "hal"})) == ["I moved to Faro."]
    everything = client.get_all(filters={"user_id": "hal"}, latest_only=False)
    assert set(texts(everything)) == {"I live in Porto.", "I moved to Lisbon.", "I moved to Faro."}
    last = client.get_all(filters={"user_id": "hal"})["results"][0]["id"]
    assert client.delete(last, delete_linked=True)["cascade_count"] == 2
    assert client.get_all(filters={"user_id": "hal"}, latest_only=False)["results"] == []


def test_an_update_is_what_chats_recall(served: Served, client: Any) -> None:
    name = client.add(user("My badge number is 1001."), user_id="ida")["results"][0]["id"]
    client.update(name, text="My badge number is 2002.")
    block = told(served, "What is my badge number?", "ida")
    assert "2002" in block
    assert "1001" not in block


def test_what_a_closed_process_knows_is_found_only_by_asking_for_it(served: Served, client: Any) -> None:
    served.ask("My resting pulse is 58.", "jon", process="coach")
    client.add(user("My target pulse is 130."), user_id="jon", agent_id="coach")
    assert texts(client.search("pulse", filters={"user_id": "jon"})) == []
    assert texts(client.get_all(filters={"user_id": "jon"})) == []
    own = {"user_id": "jon", "agent_id": "coach"}
    assert set(texts(client.search("pulse", filters=own))) == {"My resting pulse is 58.", "My target pulse is 130."}
    client.delete_all(user_id="jon")
    assert texts(client.get_all(filters=own)) == []


# --- adding -----------------------------------------------------------------------------------------------------


def test_only_the_users_statements_are_inferred(client: Any) -> None:
    said = [
        {"role": "system", "content": "The user is called Max."},
        {"role": "assistant", "content": "You live in Berlin. Do you play the cello?"},
        {"role": "user", "content": "What is the weather? I have a parrot."},
        {"role": "assistant", "content": "Your parrot is called Coco."},
    ]
    client.add(said, user_id="kim")
    assert texts(client.get_all(filters={"user_id": "kim"})) == ["I have a parrot."]
    client.add(said, user_id="kit", infer=False)
    kept = texts(client.get_all(filters={"user_id": "kit"}))
    assert kept == [message["content"] for message in reversed(said[1:])]


def test_an_event_can_be_asked_for(served: Served, client: Any) -> None:
    added = client.add(user("I collect stamps."), user_id="lea")
    assert added["status"] == "PENDING"
    event = call(served.gateway, "GET", f"/v1/event/{added['event_id']}/").json
    assert event["status"] == "SUCCEEDED"
    assert event["results"][0]["data"] == {"memory": "I collect stamps."}
    assert added["event_id"] in {one["id"] for one in call(served.gateway, "GET", "/v1/events/").json["results"]}
    client.delete(added["results"][0]["id"])
    assert call(served.gateway, "GET", f"/v1/event/{added['event_id']}/").json["results"] == []
    assert call(served.gateway, "GET", "/v1/event/unknown/").status == 404


def test_saying_it_again_adds_nothing(client: Any) -> None:
    first = client.add(user("I collect coins."), user_id="leo")["results"][0]
    again = client.add(user("I collect coins."), user_id="leo")["results"][0]
    assert (again["event"], again["id"]) == ("NOOP", first["id"])
    assert client.get_all(filters={"user_id": "leo"})["count"] == 1


def test_expiry_and_metadata(served: Served, client: Any) -> None:
    spring = {"user_id": "mia"}
    client.add(user("I train for the spring race."), **spring, expiration_date="2020-05-31", metadata={"app": "run"})
    client.add(user("I train for the autumn race."), **spring, expiration_date="2999-05-31", metadata={"app": "swim"})
    assert texts(client.get_all(filters=spring)) == ["I train for the autumn race."]
    assert texts(client.search("race", filters=spring)) == ["I train for the autumn race."]
    assert len(texts(client.search("race", filters=spring, show_expired=True))) == 2
    assert "spring" not in told(served, "Which race do I train for?", "mia")
    found = client.get_all(filters={**spring, "metadata": {"app": "run"}}, show_expired=True)["results"]
    assert [(one["memory"], one["expiration_date"]) for one in found] == [
        ("I train for the spring race.", "2020-05-31")
    ]
    assert client.update(found[0]["id"], expiration_date=None)["expiration_date"] is None
    assert len(texts(client.get_all(filters=spring))) == 2
    tops = client.search("race", filters={**spring, "metadata": {"app": {"ne": "swim"}}}, fields=["metadata"])[
        "results"
    ]
    assert [set(one) for one in tops] == [{"id", "memory", "score", "metadata"}]


def test_options_of_the_client_are_understood(client: Any) -> None:
    from mem0.client.types import AddMemoryOptions, DeleteAllMemoryOptions, SearchMemoryOptions

    who = {"user_id": "o'nan", "agent_id": "bot"}
    client.add("I own a sled.", AddMemoryOptions(filters=who, metadata={"a": 1}, custom_instructions="Be brief."))
    assert texts(client.search("sled", SearchMemoryOptions(filters=who, rerank=True))) == ["I own a sled."]
    client.delete_all(DeleteAllMemoryOptions(filters={"user_id": "o'nan", "agent_id": "other"}))
    assert client.get_all(filters=who)["count"] == 1
    client.delete_all(DeleteAllMemoryOptions(filters=who))
    assert client.get_all(filters=who)["count"] == 0


def test_a_time_of_saying_can_be_given(client: Any) -> None:
    client.add(user("I was in Rome."), user_id="ned", timestamp=1577836800)
    client.add(user("I was in Oslo."), user_id="ned")
    old = client.get_all(filters={"user_id": "ned", "created_at": {"lt": "2021-01-01"}})["results"]
    assert [(one["memory"], one["created_at"]) for one in old] == [("I was in Rome.", "2020-01-01T00:00:00+00:00")]
    assert texts(client.get_all(filters={"user_id": "ned"}, start_date="2021-01-01")) == ["I was in Oslo."]


def test_results_are_ordered_by_a_score_and_cut_by_it(client: Any) -> None:
    for text in ("I play the oboe.", "I bake bread.", "My car is a Fiat.", "I grow tomatoes."):
        client.add(user(text), user_id="oli")
    found = client.search("Which car do I drive?", filters={"user_id": "oli"})["results"]
    assert len(found) == 4
    assert found[0]["memory"] == "My car is a Fiat."
    scores = [one["score"] for one in found]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    best = client.search("Which car do I drive?", filters={"user_id": "oli"}, threshold=scores[0])["results"]
    assert scores[1] == scores[0] or [one["memory"] for one in best] == ["My car is a Fiat."]


# --- erasing -----------------------------------------------------------------------------------------------------


def test_erasing_a_user_leaves_no_byte(served: Served, client: Any) -> None:
    client.add(user("My secret word is Xylophonissimo."), user_id="quinn")
    served.ask("My other word is Xylophonissimo too.", "quinn")
    client.delete_users(user_id="quinn")
    for file in served.gateway.folder.glob("memory.db*"):
        assert b"Xylophonissimo" not in file.read_bytes(), file
    with sqlite3.connect(f"file:{served.gateway.store}?mode=ro", uri=True) as connection:
        assert connection.execute("SELECT count(*) FROM memories WHERE entity = 'quinn'").fetchone() == (0,)
    connection.close()


def test_reset_leaves_nothing(tmp_path: pathlib.Path) -> None:
    with serve(tmp_path) as served, opened(served.gateway) as client:
        client.add(user("I own a boat."), user_id="a/b", agent_id="bot", run_id="r/1")
        client.add(user("We sell boats."), agent_id="bot")
        client.add(user("We rent boats."), run_id="r/1")
        client.reset()
        assert served.gateway.rows("SELECT count(*) FROM memories WHERE status <> 'deleted'") == [(0,)]
        with pytest.raises(ValueError, match="No entities"):
            client.delete_users()
