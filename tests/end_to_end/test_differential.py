"""What passes through the gateway is what passes without it: status, headers and bytes, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import pytest

from tests.connection import Connection, error
from tests.differing import Differential
from tests.end_to_end import corpus
from tests.end_to_end.corpus.case import Case
from tests.process import Gateway
from tests.upstream import Upstream


def cases() -> list[Case]:
    names = sorted(module.name for module in iter_modules(corpus.__path__) if module.name != "case")
    return [case for name in names for case in import_module(f"{corpus.__name__}.{name}").CASES]


CASES = cases()


@pytest.fixture(scope="module")
def differential(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Differential]:
    with Upstream() as upstream:
        upstreams = [
            {"name": "scripted", "base_url": upstream.url},
            {"name": "anthropic", "kind": "anthropic", "base_url": upstream.url},
        ]
        with Gateway(tmp_path_factory.mktemp("differential"), upstream.url, upstreams=upstreams) as gateway:
            yield Differential(gateway, upstream)


def test_the_corpus_is_large_and_names_every_case_once() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len(set(names)) >= 300
    shapes = {(c.method, c.target, c.headers, c.body, c.answer) for c in CASES}
    assert len(shapes) == len(CASES)


@pytest.mark.requirement("R-3", "R-11", "R-13", "R-14", "R-23", "R-24", "R-27", "R-28", "R-29", "R-35", "R-42", "R-56")
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[pytest.mark.xfail(reason=case.fault)] if case.fault else [])
        for case in CASES
    ],
)
def test_a_case_passes_as_it_would_direct(differential: Differential, case: Case) -> None:
    """Without memory, without an entity, and with an entity of whom nothing is known."""
    assert differential.differences(case) == []


@pytest.mark.parametrize(
    "lines",
    [
        b"FETCH /v1/models HTTP/1.1\r\nHost: g",
        b"get /v1/models HTTP/1.1\r\nHost: g",
        "GET /v1/models/\u00e9 HTTP/1.1\r\nHost: g".encode(),
        b"GET /v1/models HTTP/1.1\r\nHost: g\r\nX-Folded: a\r\n b",
    ],
    ids=["a method that is none", "a method in small letters", "an address that is not escaped", "a folded header"],
)
def test_what_is_no_http_of_today_is_refused_in_words(differential: Differential, lines: bytes) -> None:
    differential.upstream.received.clear()
    with Connection(differential.gateway.port) as client:
        client.send(lines + b"\r\n\r\n")
        status, _, body = client.answer()
    assert status == 400
    error(body)
    assert differential.upstream.received == []
