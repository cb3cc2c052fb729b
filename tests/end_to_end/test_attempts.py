"""Requests that fail, break off or come twice: recorded once, and learnt from when they were answered."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator

import pytest

from tests.clients import Served, assistant, ids, openai, say, serve, user
from tests.upstream import Close, Received, Script, Sequence, chat, delta, event, head, whole
from tests.waiting import until

BROKEN = re.compile("incomplete|peer closed", re.IGNORECASE)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("shared")) as served:
        yield served


@pytest.fixture
def served(shared: Served) -> Served:
    shared.reset()
    return shared


@pytest.mark.requirement("R-61")
def test_the_clients_own_retries_are_recorded_once(served: Served) -> None:
    served.upstream.script = Sequence([failing(), failing(), chat("At last.")])
    with openai(served.gateway, ids("retrying"), max_retries=2) as client:
        assert say(client, "My kite is red.") == "At last."
    assert len(served.upstream.received) == 3
    assert served.turns("retrying") == ["complete"]
    assert served.stored("retrying") == [("user", "My kite is red."), ("assistant", "At last.")]
    assert served.memories("retrying") == ["My kite is red."]


@pytest.mark.requirement("R-61")
@pytest.mark.parametrize("session", [None, "s"])
def test_the_same_request_after_a_failure_is_its_retry(served: Served, session: str | None) -> None:
    name = f"again-{session}"
    served.upstream.script = failing()
    failed = served.gateway.chat("My kite is red.", name, session=session)
    assert failed.status == 500
    assert served.turns(name) == ["error"]
    assert served.memories(name) == []
    served.upstream.script = chat()
    answer = served.ask("My kite is red.", name, session=session)
    assert answer.header("x-session-id") == failed.header("x-session-id")
    assert served.turns(name) == ["complete"]
    assert len(served.stored(name)) == 2


@pytest.mark.requirement("R-61")
def test_a_failed_turn_of_a_resent_history_is_recorded_once_when_it_is_retried(served: Served) -> None:
    served.ask("One?", "history retried")
    history = [user("One?"), assistant(), user("My kite is red.")]
    served.upstream.script = failing()
    served.gateway.chat(history, "history retried")
    served.upstream.script = chat()
    served.ask(history, "history retried")
    assert served.turns("history retried") == ["complete", "complete"]
    assert len(served.stored("history retried")) == 4
    assert served.memories("history retried") == ["My kite is red."]


def test_a_stream_that_breaks_off_is_partial_and_not_learnt_from(served: Served) -> None:
    served.upstream.script = cut("Half an ans")
    with pytest.raises(Exception, match=BROKEN):
        served.gateway.chat("My kite is red.", "broken", stream=True)
    until(lambda: served.turns("broken") == ["partial"])
    assert served.stored("broken") == [("user", "My kite is red."), ("assistant", "Half an ans")]
    assert served.memories("broken") == []


@pytest.mark.requirement("R-67")
def test_a_client_that_leaves_is_recorded_as_partial(served: Served) -> None:
    served.upstream.script = chat("one two three four five six seven eight nine", gap=0.3)
    body = json.dumps({"model": "m", "stream": True, "messages": [user("My kite is red.")]}).encode()
    with socket.create_connection(("127.0.0.1", served.gateway.port)) as connection:
        request = (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-entity-id: leaving\r\ncontent-length: %d\r\n\r\n%s"
        )
        connection.sendall(request % (len(body), body))
        while b"two" not in connection.recv(65536):
            pass
    until(lambda: served.turns("leaving") == ["partial"])
    assert served.memories("leaving") == []


def test_a_partial_turn_is_learnt_from_once_it_was_answered(served: Served) -> None:
    served.upstream.script = cut("Half an ans")
    with pytest.raises(Exception, match=BROKEN):
        served.gateway.chat("My kite is red.", "mended", session="s", stream=True)
    until(lambda: served.turns("mended") == ["partial"])
    served.upstream.script = chat()
    served.ask("My kite is red.", "mended", session="s")
    assert served.turns("mended") == ["complete"]
    assert served.stored("mended") == [("user", "My kite is red."), ("assistant", "Noted.")]
    assert served.memories("mended") == ["My kite is red."]


def failing(status: int = 500) -> Script:
    """Answers with an error of the upstream."""

    def script(_: Received) -> Iterator[bytes | float]:
        yield whole(
            b'{"error": {"message": "overloaded", "type": "server_error", "param": null, "code": null}}', status
        )

    return script


def cut(text: str) -> Script:
    """Streams the text and breaks off."""

    def script(_: Received) -> Iterator[bytes | float]:
        data = event(delta(role="assistant", content=text))
        yield head(200, ("transfer-encoding", "chunked"), content_type="text/event-stream") + b"\r\n"
        yield b"%x\r\n%s\r\n" % (len(data), data)
        raise Close

    return script
