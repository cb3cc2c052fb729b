"""One gateway for every test of what passes through it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.process import Gateway
from tests.relayed import IMPATIENCE, Relayed
from tests.upstream import (
    Upstream,
    chat,
)


@pytest.fixture(scope="session")
def relaying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relayed]:
    with Upstream() as upstream:
        upstreams = [
            {"name": "scripted", "base_url": upstream.url, "models": ["m"]},
            {"name": "impatient", "base_url": upstream.url, "models": ["impatient"], "timeouts": {"read": IMPATIENCE}},
            {"name": "nowhere", "base_url": "http://127.0.0.1:1/v1", "models": ["nowhere"]},
        ]
        with Gateway(tmp_path_factory.mktemp("relay"), upstream.url, upstreams=upstreams) as gateway:
            yield Relayed(gateway, upstream)


@pytest.fixture
def relayed(relaying: Relayed) -> Relayed:
    relaying.upstream.settle()  # a connection that is just closing must not be given to this test's first request
    relaying.upstream.script = chat()
    relaying.upstream.received.clear()
    return relaying
