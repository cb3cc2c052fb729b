"""Older clients of mem0, and the one for TypeScript, each as it is published."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from tests.process import Gateway

TESTS = pathlib.Path(__file__).parents[1]
TYPESCRIPT = "mem0ai@3.3.1"

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def fetched(command: list[str], folder: pathlib.Path) -> None:
    """Get a package, or skip the test where there is no registry; in CI that is a failure."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"not to be had here: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("version", ["1.0.11", "2.0.18", "2.2.1"])
def test_every_call_of_a_python_client(gateway: Gateway, tmp_path: pathlib.Path, version: str) -> None:
    package = tmp_path / "package"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(package)]
    fetched([*install, f"mem0ai=={version}"], tmp_path)
    environ = {**os.environ, "PYTHONPATH": str(package)}
    program = [sys.executable, str(TESTS / "mem0_calls.py"), f"http://127.0.0.1:{gateway.port}/mem0"]
    done = subprocess.run(program, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == version


def test_every_call_of_the_typescript_client(gateway: Gateway, tmp_path: pathlib.Path) -> None:
    if not shutil.which("npm"):
        pytest.skip("node is not there")
    (tmp_path / "package.json").write_text("{}")
    fetched(["npm", "install", "--silent", "--no-audit", "--no-fund", "--legacy-peer-deps", TYPESCRIPT], tmp_path)
    shutil.copy(TESTS / "mem0_calls.mjs", tmp_path)
    environ = {**os.environ, "MEM0_TELEMETRY": "false"}
    program = ["node", "mem0_calls.mjs", f"http://127.0.0.1:{gateway.port}/mem0"]
    done = subprocess.run(program, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
