"""`memory-gateway` as a program that somebody runs."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "OPENAI_"))}
"""The environment without what would configure a gateway."""


class Shell:
    """Runs commands in a folder, without an embedding model unless `environ` says otherwise."""

    def __init__(self, folder: pathlib.Path, **environ: str) -> None:
        self.folder = folder
        self.environ = {**CLEAN, "GATEWAY_EMBEDDER__KIND": "none", "COLUMNS": "200", **environ}

    def begin(self, *arguments: str, **more: Any) -> subprocess.Popen[Any]:
        """Start a command."""
        command = [sys.executable, "-m", "gateway", *arguments]
        return subprocess.Popen(command, cwd=self.folder, env=self.environ, **more)

    def run(self, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `given` is its input."""
        command = [sys.executable, "-m", "gateway", *arguments]
        return subprocess.run(
            command,
            input=given,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=self.environ,
            timeout=100,
            check=False,
        )

    def done(self, *arguments: str, given: str | None = None) -> str:
        """The output of a command that must succeed."""
        left = self.run(*arguments, given=given)
        assert left.returncode == 0, left.stderr + left.stdout
        return left.stdout

    def json(self, *arguments: str) -> Any:
        """The answer of a command that must succeed."""
        return json.loads(self.done(*arguments, "--json"))

    def refused(self, *arguments: str, code: int = 1) -> str:
        """The one line of a command that must fail."""
        left = self.run(*arguments)
        assert (left.returncode, left.stdout) == (code, ""), left.stderr + left.stdout
        lines = left.stderr.splitlines()
        assert len(lines) == 1, left.stderr
        assert "\x1b" not in lines[0]
        return lines[0].removeprefix("memory-gateway: ")

    def refused_after(self, *arguments: str) -> str:
        """The last line of a command that must fail when it has begun."""
        left = self.run(*arguments)
        assert (left.returncode, left.stdout) == (1, ""), left.stderr + left.stdout
        assert "Traceback" not in left.stderr
        return left.stderr.splitlines()[-1]
