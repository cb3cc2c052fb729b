"""The API does what its description says, whatever it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.calls import ask
from tests.clients import Served, serve

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("gateway")) as running:
        for number in range(3):  # under ids that a search for simple cases comes to
            running.ask(f"My number {number} is {number}.", "0", process="0", session="0")
        yield running


@pytest.mark.parametrize("cases", [500, pytest.param(5000, marks=pytest.mark.long)])
@pytest.mark.timeout(1800)
def test_what_is_sent_is_answered_as_described(served: Served, cases: int) -> None:
    schema = schemathesis.openapi.from_dict(ask(served.gateway, "GET", "/api/openapi.json"))
    base = served.gateway.url.removesuffix("/v1")

    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(*(schema.as_strategy(mode) for mode in GenerationMode)))
    def check(case: Case[Any]) -> None:
        case.call_and_validate(base_url=base, checks=CHECKS)

    check()
    assert served.gateway.get("/healthz").status == 200


def test_the_description_is_that_of_the_standard(served: Served) -> None:
    described = ask(served.gateway, "GET", "/api/openapi.json")
    assert described["openapi"].startswith("3.1.")
    for path, calls in described["paths"].items():
        for method, told in calls.items():
            assert {"400", "401", "403", "404"} <= told["responses"].keys(), (method, path)
            assert "422" not in told["responses"]
