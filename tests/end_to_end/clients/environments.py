"""Where the clients live: an environment each, set up once for its pins and kept."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable

import pytest

PROGRAMS = pathlib.Path(__file__).parent / "programs"
ROOT = PROGRAMS.parents[3]
PATIENCE = 400
"""Seconds for one step of an installation."""


class Unavailable(Exception):
    """A client cannot be had on this machine."""


def absent(reason: str) -> None:
    """Skip the test at home; fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def python(folder: pathlib.Path, pins: tuple[str, ...]) -> pathlib.Path:
    """The interpreter of an environment that holds exactly these packages and what they need.

    Without pins: the interpreter that runs the tests. Raises Unavailable.
    """
    if not pins:
        return pathlib.Path(sys.executable)
    keyed = _keyed(folder, "python", "\n".join((sys.version, *pins)).encode())

    def install(place: pathlib.Path) -> None:
        _run([sys.executable, "-m", "venv", "--without-pip", str(place)], place)
        pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python")]
        _run([*pip, "install", "--quiet", "--disable-pip-version-check", *pins], place)

    return _made(keyed, install) / "bin" / "python"


def node_modules(folder: pathlib.Path) -> pathlib.Path:
    """The folder of the packages for Node, as they are locked. Raises Unavailable."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise Unavailable("needs node and npm")
    keyed = _keyed(folder, "node", (PROGRAMS / "package-lock.json").read_bytes())

    def install(place: pathlib.Path) -> None:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(PROGRAMS / name, place)
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], place)

    return _made(keyed, install) / "node_modules"


def _keyed(folder: pathlib.Path, kind: str, pins: bytes) -> pathlib.Path:
    return folder / f"{kind}-{hashlib.sha256(pins).hexdigest()[:16]}"


def _made(place: pathlib.Path, install: Callable[[pathlib.Path], None]) -> pathlib.Path:
    """The folder, with what is installed into it; half an installation never stands there."""
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        building = pathlib.Path(tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent))
        try:
            install(building)
            with contextlib.suppress(OSError):  # another run was quicker
                building.rename(place)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return place


def _run(command: list[str], folder: pathlib.Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{command[0]} did not install it in {PATIENCE} s") from error
    if done.returncode:
        raise Unavailable(f"{command[0]} could not install it: {done.stderr.strip()[-500:]}")
