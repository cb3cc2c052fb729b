"""Fixtures that every test may use."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.postgres import database, migrated, postgres
from tests.process import Gateway
from tests.upstream import Upstream

__all__ = ["database", "migrated", "postgres"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


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
