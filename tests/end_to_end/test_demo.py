"""The main job on real input: a real language model behind the gateway, and what of alice and bob reaches it."""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
import yaml
from openai import DefaultHttpxClient, OpenAI

from gateway.demo.model import NAME, missing

LACKING = missing()
STARTING = 180
"""Seconds for a server to be ready: ten times what loading the model takes."""

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        bool(LACKING) and "CI" not in os.environ, reason=f"the demo's packages are not installed: {', '.join(LACKING)}"
    ),
]

DOG = "My dog is called Biscuit."
QUESTION = "What is my dog called?"


class Wire(socketserver.ThreadingTCPServer):
    """A relay between the gateway and the model that keeps every byte sent to the model."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.target = ("127.0.0.1", port)
        self.sent = bytearray()

    @property
    def port(self) -> int:
        return cast("int", self.server_address[1])


class _Relay(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        wire = cast("Wire", self.server)
        with socket.create_connection(wire.target) as model:
            back = threading.Thread(target=self._pump, args=(model, self.request, None), daemon=True)
            back.start()
            self._pump(self.request, model, wire.sent)
            back.join()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket, kept: bytearray | None) -> None:
        with contextlib.suppress(OSError):  # the other side may be gone already
            while data := source.recv(65536):
                if kept is not None:
                    kept += data
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@dataclass(frozen=True, slots=True)
class Chat:
    """What one streamed call gave."""

    pieces: list[str]
    """The answer's text, chunk by chunk."""
    reason: str | None
    session: str
    recalled: int
    prompt: bytes
    """Every byte that reached the model."""


class Gateway:
    """A client of a gateway in front of the real model."""

    def __init__(self, port: int, wire: Wire) -> None:
        self._wire = wire
        self._client = OpenAI(
            base_url=f"http://127.0.0.1:{port}/v1",
            api_key="none",
            timeout=STARTING,
            max_retries=0,
            http_client=DefaultHttpxClient(trust_env=False),
        )

    def close(self) -> None:
        self._client.close()

    def ask(self, entity: str, text: str) -> Chat:
        """One streamed call in a session of its own."""
        start = len(self._wire.sent)
        raw = self._client.chat.completions.with_raw_response.create(
            model=NAME,
            messages=[{"role": "user", "content": text}],
            stream=True,
            max_tokens=24,
            extra_headers={"X-Entity-Id": entity},
        )
        choices = [chunk.choices[0] for chunk in raw.parse() if chunk.choices]
        return Chat(
            pieces=[choice.delta.content for choice in choices if choice.delta.content],
            reason=choices[-1].finish_reason,
            session=raw.headers["x-session-id"],
            recalled=int(raw.headers["x-memory-recalled"]),
            prompt=bytes(self._wire.sent[start:]),
        )


@contextlib.contextmanager
def running(command: list[str], ready: str, log: Path) -> Iterator[None]:
    """A server as its own process, for as long as the block runs; `ready` answers 200 once it serves."""
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", *command], stdout=output, stderr=output)
    try:
        until = time.monotonic() + STARTING
        with httpx2.Client(trust_env=False, timeout=5) as client:
            while not _answers(client, ready):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(client: httpx2.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == 200
    except httpx2.TransportError:
        return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return cast("int", listener.getsockname()[1])


@pytest.fixture(scope="module")
def model_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The real model's server, loaded once for all tests of this file."""
    port = free_port()
    log = tmp_path_factory.mktemp("model") / "log"
    with running(["gateway.demo.server", "--port", str(port)], f"http://127.0.0.1:{port}/v1/models", log):
        yield port


@pytest.fixture
def wire(model_port: int) -> Iterator[Wire]:
    with Wire(model_port) as wire:
        threading.Thread(target=wire.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield wire
        wire.shutdown()


@pytest.fixture
def gateway(wire: Wire, tmp_path: Path) -> Iterator[Gateway]:
    port = free_port()
    configuration: dict[str, Any] = {
        "listen": f"127.0.0.1:{port}",
        "store": f"sqlite:///{tmp_path / 'memory.db'}",
        "upstreams": [{"name": "local", "base_url": f"http://127.0.0.1:{wire.port}/v1"}],
        "memory": {"recall": {"deadline": 5}},
    }
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    command = ["gateway", "serve", "--config", str(file)]
    with running(command, f"http://127.0.0.1:{port}/readyz", tmp_path / "log"):
        client = Gateway(port, wire)
        yield client
        client.close()


def test_the_model_is_told_of_alice_in_a_new_session_and_bob_gets_no_byte_of_her(gateway: Gateway) -> None:
    told = gateway.ask("alice", DOG)
    assert told.recalled == 0

    alice = gateway.ask("alice", QUESTION)
    assert alice.session != told.session
    assert alice.recalled >= 1
    assert DOG.encode() in alice.prompt
    assert QUESTION.encode() in alice.prompt
    assert len(alice.pieces) > 1
    assert alice.reason in ("stop", "length")

    bob = gateway.ask("bob", QUESTION)
    assert bob.recalled == 0
    assert QUESTION.encode() in bob.prompt
    assert b"Biscuit" not in bob.prompt
    assert b"alice" not in bob.prompt.lower()
    assert len(bob.pieces) > 1


def test_the_model_answers_alice_with_the_name_of_her_dog(gateway: Gateway) -> None:
    gateway.ask("alice", DOG)
    assert "biscuit" in "".join(gateway.ask("alice", QUESTION).pieces).lower()


def test_the_model_answers_the_same_with_the_gateway_as_without_where_nothing_is_remembered(
    gateway: Gateway, model_port: int
) -> None:
    question = "What is the capital of France?"
    body = {"model": NAME, "messages": [{"role": "user", "content": question}], "max_tokens": 24}
    with httpx2.Client(trust_env=False, timeout=STARTING) as client:
        direct = client.post(f"http://127.0.0.1:{model_port}/v1/chat/completions", json=body).json()
    answer = "".join(gateway.ask("carol", question).pieces)
    assert "Paris" in answer
    assert answer == direct["choices"][0]["message"]["content"]
