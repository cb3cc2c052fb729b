"""One gateway, one model and one process for each program, for all tests of clients."""

from __future__ import annotations

import itertools
import os
import pathlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.clients import Served, ids
from tests.doors import EveryDoor, served_everywhere
from tests.end_to_end.clients.client import Client, Program
from tests.end_to_end.clients.environments import Unavailable, absent
from tests.end_to_end.clients.model import reply


@dataclass
class Used:
    """A client in front of the gateway, or of the model itself."""

    client: Client
    program: Program
    served: Served
    name: str
    """Ids that begin with it are this test's own."""

    def through(self, operation: str, user: str, **arguments: Any) -> Any:
        """What the client sees when it calls the gateway for this user."""
        return self._ask(operation, self.served.gateway.url, ids(self.entity(user), "agent"), arguments)

    def direct(self, operation: str, **arguments: Any) -> Any:
        """What it sees when it calls the model."""
        return self._ask(operation, self.served.upstream.url, {}, arguments)

    def entity(self, user: str) -> str:
        return f"{self.name}-{user}"

    def _ask(self, operation: str, url: str, headers: dict[str, str], arguments: dict[str, Any]) -> Any:
        if self.client.variant:
            arguments["variant"] = self.client.variant
        return self.program.ask(operation, url=url.removesuffix("/v1"), headers=headers, **arguments)


@pytest.fixture(scope="session")
def environments(request: pytest.FixtureRequest) -> pathlib.Path:
    """The folder that keeps the clients' environments."""
    if kept := os.environ.get("GATEWAY_TEST_CLIENTS"):
        return pathlib.Path(kept)
    assert request.config.cache is not None
    return request.config.cache.mkdir("clients")


@pytest.fixture(scope="session")
def running(
    environments: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Client], Program]]:
    programs: dict[str, Program | Unavailable] = {}

    def run(client: Client) -> Program:
        if client.program not in programs:
            try:
                programs[client.program] = Program(client, environments, tmp_path_factory.mktemp("program"))
            except Unavailable as error:
                programs[client.program] = error
        found = programs[client.program]
        if isinstance(found, Unavailable):
            absent(str(found))
            raise found
        return found

    yield run
    for program in programs.values():
        if isinstance(program, Program):
            program.end()


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_everywhere(tmp_path_factory.mktemp("clients")) as served:
        yield served


_numbers = itertools.count()


@pytest.fixture
def use(shared: Served, running: Callable[[Client], Program]) -> Callable[..., Used]:
    """Makes a client ready, in front of a model that remembers nothing; clients of one `name` have the same users."""
    shared.upstream.settle()
    shared.upstream.received.clear()
    shared.upstream.script = EveryDoor(reply)

    number = next(_numbers)

    def begin(client: Client, name: str | None = None) -> Used:
        return Used(client, running(client), shared, f"{name or client}-{number}")

    return begin
