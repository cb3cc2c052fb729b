"""What `memory-gateway demo` runs: alice is remembered in a new session, and bob sees nothing of it."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import yaml
from rich.console import Console

from gateway.demo.model import NAME, SmolLM2, missing
from gateway.demo.server import ModelServer, serving

if TYPE_CHECKING:
    from openai import OpenAI

STARTING = 60
"""Seconds that the gateway may take to be ready."""

ANSWERING = 300
"""Seconds that one answer may take, on a slow machine."""

ANSWER = 40
"""Tokens of an answer: so small a model does not get better by going on."""

LOOKING = (
    ("What is remembered of alice", "list --entity alice"),
    ("What she is told, and why", "recall 'What is my dog called?' --entity alice"),
    ("To go on with it", "serve"),
)
"""What to do next, and the commands for it, without the store."""


class DemoError(Exception):
    """The demo cannot go on; the message is one line."""


@dataclass(frozen=True, slots=True)
class Call:
    """One chat request of the demo."""

    entity: str
    session: str
    """What the demo calls the session; the gateway gives it an id."""
    text: str


CALLS = (
    Call("alice", "one", "My dog is called Biscuit."),
    Call("alice", "one", "I live in Lisbon."),
    Call("alice", "two, new", "What is my dog called?"),
    Call("bob", "one", "What is my dog called?"),
)


def run() -> int:
    """Run the demo on the terminal and give the exit status: 0 done, 1 failed, 3 not installed, 130 interrupted."""
    console = Console(highlight=False, soft_wrap=True)
    if lacking := missing():
        console.print(
            f"The demo needs packages that are not installed ({', '.join(lacking)}): run `make demo`.", markup=False
        )
        return 3
    folder = Path(tempfile.mkdtemp(prefix="memory-gateway-demo-"))
    try:
        _play(console, folder)
    except DemoError as error:
        console.print(f"{error} Its log: {folder / 'gateway.log'}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("Interrupted.")
        return 130
    return 0


def _play(console: Console, folder: Path) -> None:
    from openai import OpenAIError

    with console.status(f"Loading {NAME}, which takes about 15 seconds"):
        server = ModelServer(SmolLM2())
    with serving(server) as port, _gateway(folder, port, console) as address, _client(address) as client:
        _introduce(console, port, address)
        talk = Talk(console, client, server)
        try:
            for call in CALLS:
                talk.say(call)
        except OpenAIError as error:
            raise DemoError(f"The gateway did not answer: {' '.join(str(error).split())}") from error
    _conclude(console, folder / "memory.db")


def _client(address: str) -> OpenAI:
    from openai import DefaultHttpxClient, OpenAI

    return OpenAI(
        base_url=f"{address}/v1",
        api_key="none",
        timeout=ANSWERING,
        max_retries=0,
        # A proxy named in the environment must not come between two ports of this machine.
        http_client=DefaultHttpxClient(trust_env=False),
    )


class Talk:
    """The calls of the demo, in order, each shown as it happens."""

    def __init__(self, console: Console, client: OpenAI, server: ModelServer) -> None:
        self._console = console
        self._client = client
        self._server = server
        self._histories: dict[tuple[str, str], list[Any]] = {}
        self._ids: dict[tuple[str, str], str] = {}

    def say(self, call: Call) -> None:
        """Send one message, with its session's history, and stream the answer to the terminal."""
        history = self._histories.setdefault((call.entity, call.session), [])
        history.append({"role": "user", "content": call.text})
        headers = {"X-Entity-Id": call.entity}
        if known := self._ids.get((call.entity, call.session)):
            headers["X-Session-Id"] = known
        raw = self._client.chat.completions.with_raw_response.create(
            model=NAME, messages=history, stream=True, max_tokens=ANSWER, extra_headers=headers
        )
        answers = raw.headers
        self._ids[call.entity, call.session] = answers.get("x-session-id", "")
        recalled = f"{answers.get('x-memory-status', '?')}, {answers.get('x-memory-recalled', '0')} recalled"
        self._console.rule(f"{call.entity}, session {call.session}", style="dim", align="left")
        self._show("says", call.text, "bold")
        self._show("memory", recalled, "dim")
        self._show("injected", _injected(self._server, history) or "nothing", "yellow")
        self._show("model", "", "green", end="")
        answer = ""
        for chunk in raw.parse():
            piece = (chunk.choices[0].delta.content or "") if chunk.choices else ""
            answer += piece
            self._console.print(piece, style="green", markup=False, end="")
        self._console.print("\n")
        history.append({"role": "assistant", "content": answer})

    def _show(self, label: str, text: str, style: str, end: str = "\n") -> None:
        indented = text.rstrip().replace("\n", "\n" + " " * 10)
        self._console.print(f"{label:>8}  ", style="dim", end="")
        self._console.print(indented, style=style, markup=False, end=end)


def _injected(server: ModelServer, sent: list[Any]) -> str:
    """What stands in the messages that the model received, and not in those that the client sent."""
    received = server.requests[-1]["messages"]
    added = [f"({message['role']}) {message['content']}" for message in received[: len(received) - len(sent)]]
    for ours, theirs in zip(sent, received[-len(sent) :], strict=True):
        if theirs["content"] != ours["content"]:
            added.append(theirs["content"].removesuffix(ours["content"]).rstrip())
    return "\n".join(added)


def _introduce(console: Console, port: int, address: str) -> None:
    console.print(f"[bold]model[/]    {NAME}, on this machine, at http://127.0.0.1:{port}/v1")
    console.print(f"[bold]gateway[/]  {address}/v1, in front of it")
    console.print("[bold]client[/]   the official openai package; it changed its base_url and sends X-Entity-Id\n")


def _conclude(console: Console, store: Path) -> None:
    console.rule(style="dim")
    console.print(f"What was remembered is in {store}, beside the gateway's log; nothing left this machine.")
    for what, command in next_steps(store):
        console.print(f"{what}:\n  {command}", markup=False)


def next_steps(store: Path) -> list[tuple[str, str]]:
    """What to do with the demo's store, each with its command as a shell takes it."""
    program = Path(sys.argv[0])
    if program.name != "memory-gateway":
        name = f"{shlex.quote(sys.executable)} -m gateway"
    elif shutil.which(program.name):
        name = program.name
    else:
        name = shlex.quote(str(program))
    option = f"--store {shlex.quote(f'sqlite:///{store}')}"
    return [(what, f"{name} {command} {option}") for what, command in LOOKING]


@contextmanager
def _gateway(folder: Path, model_port: int, console: Console) -> Iterator[str]:
    """A gateway in front of the model, its store and its log in `folder`, as its address without a path."""
    address = f"127.0.0.1:{_free_port()}"
    configuration = {
        "listen": address,
        "store": f"sqlite:///{folder / 'memory.db'}",
        "upstreams": [{"name": "local", "base_url": f"http://127.0.0.1:{model_port}/v1"}],
        "memory": {"recall": {"deadline": 5}},  # seconds: the model computes on the same two cores
    }
    file = folder / "gateway.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(file)]
    with (folder / "gateway.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment(os.environ))  # noqa: S603
    try:
        with console.status("Starting the gateway"):
            _ready(process, f"http://{address}")
        yield f"http://{address}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """The environment without the gateway's settings, which would overrule the demo's; the models' folder stays."""
    return {name: value for name, value in ours.items() if not name.startswith("GATEWAY_") or name == "GATEWAY_MODELS"}


def _ready(process: subprocess.Popen[bytes], address: str) -> None:
    """Return when the gateway relays chats. Raises DemoError."""
    until = time.monotonic() + STARTING
    with httpx2.Client(trust_env=False, timeout=5) as client:
        while time.monotonic() < until:
            if process.poll() is not None:
                raise DemoError(f"The gateway stopped at its start, with exit code {process.returncode}.")
            try:
                if client.get(f"{address}/readyz").status_code == 200:
                    return
            except httpx2.TransportError:
                pass  # not listening yet
            time.sleep(0.1)
    raise DemoError(f"The gateway was not ready within {STARTING} seconds.")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
