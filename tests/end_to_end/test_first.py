from tests.process import Gateway
from tests.upstream import Upstream


def test_a_statement_of_one_session_is_in_the_prompt_of_the_next(gateway: Gateway, upstream: Upstream) -> None:
    gateway.chat("My dog is called Biscuit.", entity="alice")
    answer = gateway.chat("What is my dog called?", entity="alice")
    assert "My dog is called Biscuit." in upstream.last.prompt
    assert answer.header("x-memory-status") == "ok"
    assert answer.header("x-memory-recalled") == "1"
