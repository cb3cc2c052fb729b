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
from typing import cast

import httpx2
import pytest
from openai import DefaultHttpxClient, OpenAI

from gateway.demo.model import NAME, missing
from tests.process import Gateway, port_of, reserved

LACKING = missing()
STARTING = 180
"""Seconds for the model to be loaded, or to answer: ten times what either takes."""

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
        return self.server_address[1]


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


class Client:
    """The official client of a gateway in front of the real model."""

    def __init__(self, gateway: Gateway, wire: Wire) -> None:
        self._wire = wire
        self._client = OpenAI(
            base_url=gateway.url,
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


@pytest.fixture(scope="module")
def model_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The real model's server as its own process, loaded once for all tests of this file."""
    held, log = reserved(), tmp_path_factory.mktemp("model") / "log"
    port = port_of(held)
    with log.open("wb") as output:
        command = [sys.executable, "-m", "gateway.demo.server", "--port", str(port)]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        until = time.monotonic() + STARTING
        with httpx2.Client(trust_env=False, timeout=5) as client:
            while not _answers(client, f"http://127.0.0.1:{port}/v1/models"):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.1)
        yield port
    finally:
        held.close()
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


@pytest.fixture
def wire(model_port: int) -> Iterator[Wire]:
    with Wire(model_port) as wire:
        threading.Thread(target=wire.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield wire
        wire.shutdown()


@pytest.fixture
def client(wire: Wire, tmp_path: Path) -> Iterator[Client]:
    with Gateway(tmp_path, f"http://127.0.0.1:{wire.port}/v1") as gateway:
        client = Client(gateway, wire)
        yield client
        client.close()


def test_the_model_is_told_of_alice_in_a_new_session_and_bob_gets_no_byte_of_her(client: Client) -> None:
    told = client.ask("alice", DOG)
    assert told.recalled == 0

    alice = client.ask("alice", QUESTION)
    assert alice.session != told.session
    assert alice.recalled >= 1
    assert DOG.encode() in alice.prompt
    assert QUESTION.encode() in alice.prompt
    assert len(alice.pieces) > 1
    assert alice.reason in ("stop", "length")

    bob = client.ask("bob", QUESTION)
    assert bob.recalled == 0
    assert QUESTION.encode() in bob.prompt
    assert b"Biscuit" not in bob.prompt
    assert b"alice" not in bob.prompt.lower()
    assert len(bob.pieces) > 1


def test_the_model_answers_alice_with_the_name_of_her_dog(client: Client) -> None:
    client.ask("alice", DOG)
    assert "biscuit" in "".join(client.ask("alice", QUESTION).pieces).lower()


def test_the_model_answers_the_same_with_the_gateway_as_without_where_nothing_is_remembered(
    client: Client, model_port: int
) -> None:
    question = "What is the capital of France?"
    body = {"model": NAME, "messages": [{"role": "user", "content": question}], "max_tokens": 24}
    with httpx2.Client(trust_env=False, timeout=STARTING) as http:
        direct = http.post(f"http://127.0.0.1:{model_port}/v1/chat/completions", json=body).json()
    answer = "".join(client.ask("carol", question).pieces)
    assert "Paris" in answer
    assert answer == direct["choices"][0]["message"]["content"]
