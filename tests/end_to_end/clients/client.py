"""The clients of the suite, and a running program of one of them."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
from dataclasses import dataclass
from typing import IO, Any

from tests.end_to_end.clients.environments import PROGRAMS, ROOT, node_modules, python

_OWN = ("OPENAI_", "ANTHROPIC_", "GATEWAY_", "PYTHONPATH", "NODE_OPTIONS")
_QUIET = {
    "AI_SDK_LOG_WARNINGS": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "OPENAI_AGENTS_DISABLE_TRACING": "1",
    "OPENAI_API_KEY": "sk-test",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True, slots=True)
class Client:
    """One way of calling a model that real programs use."""

    program: str
    """A file of `programs`."""
    door: str
    pins: tuple[str, ...] = ()
    """Packages of an environment of its own; without any, the one of the tests."""
    variant: str | None = None
    """Which of the program's ways it is."""
    keeps: bool = False
    """It lets the upstream keep the conversation and sends new messages only."""
    can: frozenset[str] = frozenset({"talk", "stream", "tools", "parsed", "leave"})
    """Operations of the program."""

    def __str__(self) -> str:
        return f"{self.program.partition('.')[0]}-{self.variant or self.door}"


class Program:
    """A client's program, running in its environment."""

    def __init__(self, client: Client, environments: pathlib.Path, folder: pathlib.Path) -> None:
        if client.program.endswith(".mjs"):
            (folder / "node_modules").symlink_to(node_modules(environments))
            for path in PROGRAMS.glob("*.mjs"):
                shutil.copy(path, folder)
            command = ["node", client.program]
        else:
            module = f"{__package__}.programs.{client.program.removesuffix('.py')}"
            command = [str(python(environments, client.pins)), "-m", module]
        environ = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)} | _QUIET
        self._errors = folder / "errors"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def ask(self, operation: str, **arguments: Any) -> Any:
        """What the client saw."""
        self._pipe(self._process.stdin).write(json.dumps({"do": operation, **arguments}) + "\n")
        self._pipe(self._process.stdin).flush()
        line = self._pipe(self._process.stdout).readline()
        assert line, f"the program ended: {self._errors.read_text()[-3000:]}"
        return json.loads(line)

    def end(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._pipe(self._process.stdin).close()
        self._pipe(self._process.stdout).close()

    def _pipe(self, pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe
