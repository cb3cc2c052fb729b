"""The examples do what they show."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.commands import CLEAN
from tests.process import Gateway
from tests.upstream import Received, Upstream, chat

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
UNRUN = {"open-webui.env", "README.md"}
SHOWN = ["alice: Noted.", "alice: Biscuit.", "bob: I do not know."]

Run = Callable[..., list[str]]


def answer(request: Received) -> str:
    """A model that knows what stands in its prompt."""
    if "?" not in request.prompt:
        return "Noted."
    return "Biscuit." if "Biscuit" in request.prompt else "I do not know."


@pytest.fixture
def run(gateway: Gateway, upstream: Upstream) -> Run:
    """Runs a program against a gateway, to its end; the lines that it printed."""
    upstream.script = chat(answer)

    def begin(*command: str, **environ: str) -> list[str]:
        named = {"MEMORY_URL": f"http://127.0.0.1:{gateway.port}", "MODEL": "m", "MEM0_TELEMETRY": "False", **environ}
        done = subprocess.run(
            command,
            env={**CLEAN, **named},
            capture_output=True,
            text=True,
            cwd=gateway.folder,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return begin


def test_every_example_is_run_or_marked() -> None:
    found = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    run = {"openai_chat.py", "openai_chat.mjs", "langchain_chat.py", "mem0_client.py", "mcp_client.py", "chat.sh"}
    assert found == run | UNRUN
    for name in UNRUN - {"README.md"}:
        assert "Not run by the tests" in "".join((EXAMPLES / name).read_text().splitlines()[:2]), name


def test_the_openai_client(run: Run) -> None:
    assert [line.rstrip() for line in run(sys.executable, str(EXAMPLES / "openai_chat.py"))] == SHOWN


def test_the_openai_client_for_node(run: Run, tmp_path: pathlib.Path) -> None:
    modules = os.environ.get("NODE_MODULES")
    if shutil.which("node") is None or not modules:
        pytest.skip("needs node, and NODE_MODULES: a folder in which the package openai is installed")
    (tmp_path / "node_modules").symlink_to(modules)
    shutil.copy(EXAMPLES / "openai_chat.mjs", tmp_path)
    assert [line.rstrip() for line in run("node", str(tmp_path / "openai_chat.mjs"))] == SHOWN


def test_langchain(run: Run) -> None:
    assert run(sys.executable, str(EXAMPLES / "langchain_chat.py")) == SHOWN


def test_mem0_s_client(run: Run, tmp_path: pathlib.Path) -> None:
    lines = run(sys.executable, str(EXAMPLES / "mem0_client.py"), MEM0_DIR=str(tmp_path))
    assert lines == ["alice: ['My dog is called Biscuit.']", "bob: []"]


def test_the_model_context_protocol(run: Run) -> None:
    lines = run(sys.executable, str(EXAMPLES / "mcp_client.py"))
    assert lines == ["alice: ['My dog is called Biscuit.']", "bob: []"]


def test_curl(run: Run) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    lines = run("sh", str(EXAMPLES / "chat.sh"))
    said = [json.loads(line.partition(": ")[2])["choices"][0]["message"]["content"] for line in lines[:3]]
    assert said == ["Noted.", "Biscuit.", "I do not know."]
    assert [memory["text"] for memory in json.loads(lines[3])["memories"]] == ["My dog is called Biscuit."]
    assert "Biscuit" in json.loads(lines[4])["block"]
