"""Fixtures that every test may use."""

from __future__ import annotations

import pathlib
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import hypothesis
import pytest

from tests.postgres import database, migrated, postgres
from tests.process import Gateway, reserved
from tests.upstream import Upstream

__all__ = ["database", "migrated", "postgres"]

ORDER = 20_261
"""The order of the tests, random but the same in every run, unless --randomly-seed gives another."""

hypothesis.settings.register_profile(
    "steady", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("searching", parent=hypothesis.settings.get_profile("steady"), derandomize=False)
hypothesis.settings.load_profile("steady")  # `--hypothesis-profile searching` looks for new examples


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("randomly_seed", None) == "default":
        config.option.randomly_seed = ORDER


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def refusing() -> Iterator[socket.socket]:
    """A socket whose port nobody listens at, as long as the test lasts."""
    with reserved() as held:
        yield held


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as scripted:
        yield scripted


@pytest.fixture
def start(tmp_path: pathlib.Path, upstream: Upstream) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways in front of `upstream`; keyword arguments are top-level keys of the configuration."""
    with ExitStack() as stack:

        def begin(**settings: Any) -> Gateway:
            return stack.enter_context(Gateway(tmp_path, upstream.url, **settings))

        yield begin


@pytest.fixture
def gateway(start: Callable[..., Gateway]) -> Gateway:
    """A gateway with the default configuration in front of `upstream`."""
    return start()
