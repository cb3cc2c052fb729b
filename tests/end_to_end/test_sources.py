"""Every example of the documents that the product answers to, through the unmodified official client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import flask
import pytest
from openai import OpenAI

from tests.clients import (
    Served,
    async_openai,
    block_of,
    ids,
    openai,
    say,
    say_async,
    say_async_streamed,
    say_streamed,
    sent,
    serve,
)
from tests.upstream import chat

CLOSED = {"fitness-coach": {"sharing": "process"}, "meal-planner": {"sharing": "process"}}
GOAL = "Goal: sub-25-minute 5K by June. Currently I run 30 minutes flat."
DINNERS = "Prefer low-carb dinners on weekdays."


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("shared")) as served:
        yield served


@pytest.fixture(scope="module")
def personas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("personas"), processes=CLOSED) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


def test_bob_does_not_see_what_alice_prefers_and_her_new_session_does(served: Served) -> None:
    with openai(served.gateway) as client:
        say(client, "I prefer dark mode", extra_headers=ids("user_alice", "support_bot"))
        say(client, "What are my preferences?", extra_headers=ids("user_bob", "support_bot"))
        bob = served.upstream.last
        say(client, "What are my preferences?", extra_headers=ids("user_alice", "support_bot"))
    assert b"dark" not in bob.body
    assert b"alice" not in bob.body
    assert sent(bob) == [{"role": "user", "content": "What are my preferences?"}]
    assert "I prefer dark mode" in block_of(served.upstream.last)


def test_what_was_streamed_is_remembered_and_recalled_for_its_user_alone(served: Served) -> None:
    with openai(served.gateway, ids("streaming_alice")) as alice, openai(served.gateway, ids("streaming_bob")) as bob:
        assert say_streamed(alice, "I prefer dark mode").strip() == "Noted."
        say_streamed(bob, "What are my preferences?")
        assert b"dark" not in served.upstream.last.body
        say_streamed(alice, "What are my preferences?")
    assert "I prefer dark mode" in block_of(served.upstream.last)


@pytest.mark.anyio
@pytest.mark.parametrize("talk", [say_async, say_async_streamed])
async def test_the_asynchronous_client_is_remembered_for_its_user_alone(served: Served, talk: Any) -> None:
    alice, bob = (f"{talk.__name__}_{name}" for name in ("alice", "bob"))
    async with async_openai(served.gateway) as client:
        await talk(client, "I prefer dark mode", extra_headers=ids(alice))
        await talk(client, "What are my preferences?", extra_headers=ids(bob))
        assert b"dark" not in served.upstream.last.body
        await talk(client, "What are my preferences?", extra_headers=ids(alice))
    assert "I prefer dark mode" in block_of(served.upstream.last)


def test_an_email_notification_preference_is_remembered_across_processes(served: Served) -> None:
    with openai(served.gateway, ids("user-123", "support-chat")) as client:
        say(client, "I prefer email notifications")
    with openai(served.gateway, ids("user-123", "checkout-flow")) as client:
        say(client, "How do I prefer to get notifications?")
    assert "I prefer email notifications" in block_of(served.upstream.last)


def test_three_agents_share_facts_of_one_user_and_not_their_conversations(served: Served) -> None:
    served.upstream.script = chat("The secret reply.")
    for agent, fact in (
        ("support_agent", "My printer is a Brother HL-2350."),
        ("sales_agent", "I work at a company with 40 employees."),
        ("onboarding_agent", "I prefer video tutorials."),
    ):
        served.ask(fact, "three_agents", process=agent)
    for agent, question, fact in (
        ("support_agent", "Which tutorials do I prefer?", "video tutorials"),
        ("sales_agent", "Which printer do I have?", "Brother HL-2350"),
        ("onboarding_agent", "How many employees has my company?", "40 employees"),
    ):
        served.ask(question, "three_agents", process=agent)
        request = served.upstream.last
        assert fact in block_of(request)
        assert len(sent(request)) == 1
        assert b"secret reply" not in request.body


def test_the_same_session_id_of_two_agents_is_two_conversations(served: Served) -> None:
    served.upstream.script = chat("The secret reply.")
    served.ask("Let us talk about printers.", "two_agents", process="support", session="ticket-1")
    served.ask("What did you just say?", "two_agents", process="sales", session="ticket-1")
    assert b"secret reply" not in served.upstream.last.body


def test_a_web_application_serves_its_users_from_one_shared_client(served: Served) -> None:
    with openai(served.gateway) as client:
        browser = _web_application(client).test_client()
        first = browser.post("/chat", json={"user_id": "web_ann", "message": "My favourite colour is teal."}).get_json()
        browser.post("/chat", json={"user_id": "web_ben", "message": "My favourite colour is ochre."})
        browser.post("/chat", json={"user_id": "web_ann", "message": "What is my favourite colour?"})
        ann = served.upstream.last
        browser.post("/chat", json={"user_id": "web_ben", "message": "What is my favourite colour?"})
        ben = served.upstream.last
        resumed = {"user_id": "web_ann", "message": "And now?", "session_id": first["session_id"]}
        again = browser.post("/chat", json=resumed).get_json()
    assert "teal" in block_of(ann)
    assert b"ochre" not in ann.body
    assert "ochre" in block_of(ben)
    assert b"teal" not in ben.body
    assert again["session_id"] == first["session_id"]
    assert [message["content"] for message in sent(served.upstream.last)][:2] == [
        "My favourite colour is teal.",
        "Noted.",
    ]


@pytest.mark.parametrize("talk", [say, say_streamed])
def test_a_saved_session_is_resumed_with_its_own_turns_and_no_others(served: Served, talk: Any) -> None:
    user = f"traveller-{talk.__name__}"
    served.upstream.script = chat("Tokyo is lovely in spring.")
    with openai(served.gateway, ids(user)) as client:
        first = client.chat.completions.with_raw_response.create(
            model="m", messages=[{"role": "user", "content": "I'm planning a trip to Tokyo"}]
        )
        tokyo = first.headers["x-session-id"]
        served.upstream.script = chat("Paris is lovely in autumn.")
        talk(client, "I'm planning a trip to Paris")
        talk(client, "What was I planning?", extra_headers=ids(session=tokyo))
    messages = sent(served.upstream.last)
    assert messages[:2] == [
        {"role": "user", "content": "I'm planning a trip to Tokyo"},
        {"content": "Tokyo is lovely in spring.", "role": "assistant"},
    ]
    assert messages[2]["content"].endswith("What was I planning?")
    assert len(messages) == 3
    assert "Paris is lovely" not in served.upstream.last.prompt
    newest = messages[2]["content"].removeprefix(block_of(served.upstream.last))
    assert "Paris" not in newest


def test_the_asked_for_session_is_the_one_that_is_answered(served: Served) -> None:
    with openai(served.gateway, ids("named")) as client:
        answer = client.chat.completions.with_raw_response.create(
            model="m", messages=[{"role": "user", "content": "Hello"}], extra_headers=ids(session="my own id")
        )
    assert answer.headers["x-session-id"] == "my own id"


def test_a_customer_id_of_tenant_and_customer_is_one_opaque_entity(served: Served) -> None:
    for tenant, customer, setting in (
        ("acme-corp", "alice", "monthly invoices"),
        ("globex", "alice", "weekly invoices"),
        ("acme-corp", "bob", "yearly invoices"),
    ):
        served.ask(f"My account is set to {setting}.", f"{tenant}:{customer}", process=f"tenant-{tenant}")
    served.ask("What are my account preferences?", "acme-corp:alice", process="tenant-acme-corp")
    body = served.upstream.last.body
    assert b"monthly" in body
    assert b"weekly" not in body
    assert b"yearly" not in body


def test_closed_personas_keep_dinner_recipes_out_of_the_running_talk(personas: Served) -> None:
    personas.reset()
    with openai(personas.gateway) as client:
        say(client, GOAL, extra_headers=ids("user@example.com", "fitness-coach"))
        say(client, DINNERS, extra_headers=ids("user@example.com", "meal-planner"))
        say(client, "Remind me of my running goal.", extra_headers=ids("user@example.com", "fitness-coach"))
        coach = personas.upstream.last
        say(client, "Which dinners do I prefer on weekdays?", extra_headers=ids("user@example.com", "fitness-coach"))
        asked = personas.upstream.last
        say(client, "Which dinners do I prefer on weekdays?", extra_headers=ids("user@example.com", "meal-planner"))
        planner = personas.upstream.last
        say(
            client,
            "What is my running goal, and which dinners do I prefer?",
            extra_headers=ids("user@example.com", "other"),
        )
        other = personas.upstream.last
    assert "sub-25-minute 5K" in block_of(coach)
    assert b"low-carb" not in coach.body
    assert b"low-carb" not in asked.body
    assert "low-carb" in block_of(planner)
    assert b"5K" not in planner.body
    assert block_of(other) == ""


def test_open_personas_share_what_the_user_said(served: Served) -> None:
    with openai(served.gateway) as client:
        say(client, GOAL, extra_headers=ids("open@example.com", "fitness-coach"))
        say(client, DINNERS, extra_headers=ids("open@example.com", "meal-planner"))
        say(client, "Remind me of my running goal.", extra_headers=ids("open@example.com", "fitness-coach"))
        assert "sub-25-minute 5K" in block_of(served.upstream.last)
        say(client, "Which dinners do I prefer on weekdays?", extra_headers=ids("open@example.com", "fitness-coach"))
    assert "low-carb" in block_of(served.upstream.last)


def test_the_sharing_header_narrows_one_request(served: Served) -> None:
    served.ask("My badge number is 7741.", "narrowing", process="desk")
    served.ask("What is my badge number?", "narrowing", process="door", headers={"X-Memory-Sharing": "process"})
    assert b"7741" not in served.upstream.last.body
    served.ask("What is my badge number?", "narrowing", process="door")
    assert b"7741" in served.upstream.last.body
    served.ask("What is my badge number?", "narrowing", process="desk", headers={"X-Memory-Sharing": "process"})
    assert b"7741" in served.upstream.last.body


def test_two_users_who_state_opposite_preferences_get_only_their_own(served: Served) -> None:
    with openai(served.gateway) as client:
        say(client, "I prefer dark mode and Python.", extra_headers=ids("alice"))
        say(client, "I use TypeScript and like light mode.", extra_headers=ids("bob"))
        say(client, "What are the user preferences?", extra_headers=ids("alice"))
        assert "dark mode and Python" in block_of(served.upstream.last)
        assert b"TypeScript" not in served.upstream.last.body
        say(client, "Which mode do I like?", extra_headers=ids("bob"))
    assert "TypeScript and like light mode" in block_of(served.upstream.last)
    assert b"Python" not in served.upstream.last.body


def test_a_question_for_preferences_recalls_what_the_user_likes(served: Served) -> None:
    served.ask("I use TypeScript and like light mode.", "likes")
    served.ask("What are the user preferences?", "likes")
    assert "light mode" in block_of(served.upstream.last)


def test_previous_issues_with_an_order_are_recalled_by_their_number(served: Served) -> None:
    with openai(served.gateway, ids("orders", "support_bot")) as client:
        say(client, "I had an issue with order #12345.")
        say(client, "Previous issues with my order?")
    assert "#12345" in block_of(served.upstream.last)


@pytest.mark.parametrize("talk", [say, say_streamed])
def test_two_hundred_calls_without_a_pause_each_see_the_one_before(served: Served, talk: Any) -> None:
    missed = []
    with openai(served.gateway, ids(f"rapid-{talk.__name__}")) as client:
        for number in range(100):
            talk(client, f"The code of locker {number} is {number * 7919 % 9973:04d}-{number}.")
            talk(client, f"What is the code of locker {number}?")
            if f"{number * 7919 % 9973:04d}-{number}" not in block_of(served.upstream.last):
                missed.append(number)
    assert not missed


def test_the_body_is_the_clients_own_where_nothing_is_remembered(served: Served) -> None:
    answer = served.ask("What is the capital of Peru?", "nobody yet")
    assert json.loads(served.upstream.last.body)["messages"][0]["content"] == "What is the capital of Peru?"
    assert (answer.header("x-memory-status"), answer.header("x-memory-recalled")) == ("empty", "0")


def _web_application(client: OpenAI) -> flask.Flask:
    """The documents' web application, with headers in place of a memory library."""
    application = flask.Flask(__name__)

    @application.post("/chat")
    def talk() -> flask.Response:
        data = flask.request.get_json()
        headers = ids(data["user_id"], "web-chat", data.get("session_id"))
        answer = client.chat.completions.with_raw_response.create(
            model="m", messages=[{"role": "user", "content": data["message"]}], extra_headers=headers
        )
        completion = answer.parse()
        return flask.jsonify(response=completion.choices[0].message.content, session_id=answer.headers["x-session-id"])

    return application
