"""The command line: what starts, what is refused, and how it says so."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import yaml

from gateway import __version__
from tests.process import Gateway
from tests.upstream import Upstream
from tests.waiting import until

SECRET = "sk-never-to-be-shown"
EXAMPLE = pathlib.Path(__file__).parents[2] / "config.example.yaml"
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "OPENAI_"))}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: pathlib.Path) -> Run:
    """Runs `memory-gateway` with these arguments in an empty folder, to its end."""

    def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**CLEAN, **environ},
            timeout=110,
            check=False,
        )

    return command


def refusal(left: subprocess.CompletedProcess[str]) -> str:
    """The one line that a start was refused with."""
    assert left.returncode == 3, left.stderr
    assert left.stdout == ""
    lines = left.stderr.splitlines()
    assert len(lines) == 1, left.stderr
    assert lines[0].startswith("memory-gateway: ")
    assert SECRET not in lines[0]
    assert "\x1b" not in lines[0]
    return lines[0].removeprefix("memory-gateway: ")


class Served:
    """`memory-gateway serve` with arguments of its own."""

    def __init__(self, folder: pathlib.Path, *arguments: str, **environ: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**CLEAN, "GATEWAY_EMBEDDER__KIND": "none", **environ},
        )
        assert self.process.stderr is not None
        self.line = self.process.stderr.readline()
        self.gateway = object.__new__(Gateway)
        found = re.search(r"http://(\S+):(\d+)/v1", self.line)
        assert found, self.line + self.process.stderr.read()
        self.host, self.gateway.port = found.group(1), int(found.group(2))
        self.rest = ""

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, self.rest = self.process.communicate(timeout=60)
        return self.process.returncode


def recorded(served: Served) -> bool:
    """Whether a chat is stored when its answer ends: on a busy machine some are late."""
    return served.gateway.chat("Hello.", entity="alice").header("x-memory-recorded") == "true"


@pytest.fixture
def serve(tmp_path: pathlib.Path) -> Iterator[Callable[..., Served]]:
    running: list[Served] = []

    def begin(*arguments: str, **environ: str) -> Served:
        running.append(Served(tmp_path, *arguments, **environ))
        return running[-1]

    yield begin
    for served in running:
        if served.process.poll() is None:
            served.end()


# --- serving ----------------------------------------------------------------------------------------------------


def test_flags_alone_are_enough(serve: Callable[..., Served], upstream: Upstream, tmp_path: pathlib.Path) -> None:
    flags = ["--upstream", upstream.url, "--store", "sqlite:///own.db", "--port", "0"]
    served = serve(*flags)
    assert served.host == "127.0.0.1"
    assert f"in front of openai at {upstream.url}; memory in own.db" in served.line
    until(lambda: recorded(served))
    assert (tmp_path / "own.db").exists()


def test_the_example_serves(serve: Callable[..., Served], upstream: Upstream, tmp_path: pathlib.Path) -> None:
    served = serve("--config", str(EXAMPLE), "--port", "0", "--upstream", upstream.url)
    until(lambda: recorded(served))
    assert (tmp_path / "memory.db").exists()


def test_openai_s_own_variable_names_the_upstream(serve: Callable[..., Served], upstream: Upstream) -> None:
    served = serve("--port", "0", OPENAI_BASE_URL=upstream.url)
    assert served.gateway.chat("Hello.").status == 200


def test_the_environment_names_the_file_and_overrides_it(
    serve: Callable[..., Served], upstream: Upstream, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "gateway.yaml"
    keys = {"listen": "127.0.0.1:1", "upstreams": [{"base_url": upstream.url, "api_key": "${UP}"}]}
    file.write_text(yaml.safe_dump(keys))
    served = serve(
        GATEWAY_CONFIG=str(file),
        GATEWAY_LISTEN="127.0.0.1:0",
        GATEWAY_KEYS="acme:k1,other:k2",
        GATEWAY_STORE="sqlite:///env.db",
        UP=SECRET,
    )
    assert served.gateway.chat("Hello.", entity="alice").status == 401
    answer = served.gateway.chat("Hello.", entity="alice", headers={"authorization": "Bearer k1"})
    assert answer.status == 200
    assert upstream.last.header("authorization") == f"Bearer {SECRET}"
    assert served.end() == 0
    with sqlite3.connect(tmp_path / "env.db") as connection:
        assert connection.execute("SELECT tenant FROM turns").fetchall() == [("acme",)]
    connection.close()
    assert SECRET not in served.line + served.rest


def test_a_free_port_is_found_on_demand(serve: Callable[..., Served], upstream: Upstream) -> None:
    served = serve("--port", "0", "--upstream", upstream.url)
    assert served.gateway.get("/healthz").status == 200


def test_ipv6_is_served(serve: Callable[..., Served], upstream: Upstream) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    assert serve("--host", "::1", "--port", "0", "--upstream", upstream.url).host == "[::1]"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(
    serve: Callable[..., Served], upstream: Upstream, tmp_path: pathlib.Path, number: int
) -> None:
    served = serve("--port", "0", "--upstream", upstream.url)
    served.gateway.chat("I like tea.", entity="alice")
    assert served.end(number) == 0
    assert "Traceback" not in served.rest
    assert not (tmp_path / "memory.db-wal").exists()


def test_the_log_shows_no_text_no_id_and_no_key(
    serve: Callable[..., Served], upstream: Upstream, tmp_path: pathlib.Path
) -> None:
    for level in ("debug", "info"):
        served = serve("--port", "0", "--upstream", upstream.url, GATEWAY_LOG__LEVEL=level)
        bearer = {"authorization": f"Bearer {SECRET}"}
        said = served.gateway.chat("CANARY-TEXT", "CANARY-ENTITY", "CANARY-PROCESS", "CANARY-SESSION", bearer)
        assert said.status == 200
        assert served.gateway.chat("CANARY-TEXT", "CANARY-ENTITY", headers={"x-memory-time": "CANARY"}).status == 400
        served.end()
        assert "status=200" in served.rest
        assert "CANARY" not in served.rest
        assert SECRET not in served.rest


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("memry: {}", "{file}: memry: unknown key"),
        (
            "upstreams: [{api_key: '${NO_SUCH}'}]",
            "{file}: upstreams.0.api_key: the environment variable NO_SUCH is not",
        ),
        ("listen: 0.0.0.0:80", "{file}: listen: an address that others can reach needs `keys`"),
        (f"keys: [{{key: {SECRET}, tenant: a}}]", "{file}: upstreams: openai needs an api_key"),
        (f"store: mysql://u:{SECRET}@h/d", "{file}: store: must be sqlite:///<file> or postgresql://<user>:"),
        (f"upstreams: [{{api_key: '{SECRET}", "{file}: not YAML: line "),
        ("store: sqlite:///absent/memory.db", "store absent/memory.db: cannot be written (No such file or directory)"),
        ("store: sqlite:////proc/memory.db", "store /proc/memory.db: cannot be written ("),
        ("store: sqlite:////tmp", "store /tmp: "),
    ],
)
def test_a_start_that_cannot_be_is_refused_in_one_line(run: Run, tmp_path: pathlib.Path, text: str, line: str) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text(text)
    assert refusal(run("serve", "--config", str(file))).startswith(line.replace("{file}", str(file)))


def test_check_refuses_what_serve_refuses(run: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "gateway.yaml").write_text("memry: {}")
    assert refusal(run("check", "--config", "gateway.yaml")) == "gateway.yaml: memry: unknown key"
    assert refusal(run("check", "--store", "sqlite:///absent/x.db")).startswith("store absent/x.db: cannot be written")


def test_a_missing_file_is_refused(run: Run) -> None:
    assert refusal(run("check", "--config", "absent.yaml")) == "absent.yaml: cannot be read (No such file or directory)"
    line = refusal(run("check", GATEWAY_CONFIG="absent.yaml"))
    assert line == "absent.yaml: cannot be read (No such file or directory)"


def test_a_bad_variable_is_refused(run: Run) -> None:
    assert refusal(run("check", GATEWAY_LOG__LEVEL="loud")).startswith("configuration: log.level: ")
    assert refusal(run("check", GATEWAY_KEYS="nobody")) == "GATEWAY_KEYS: must be tenant:key,tenant:key"


def test_several_workers_are_refused_on_sqlite(run: Run) -> None:
    assert refusal(run("serve", "--workers", "2")).startswith("workers: SQLite's file is written by one process")


def test_a_port_that_is_none_is_refused(run: Run) -> None:
    assert refusal(run("serve", "--port", "65536")) == "configuration: listen: must be host:port"


def test_a_taken_port_is_refused(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refusal(run("serve", "--port", str(port))) == f"listen 127.0.0.1:{port}: Address already in use"


def test_an_address_of_another_machine_is_refused(run: Run) -> None:
    line = refusal(run("serve", "--host", "192.0.2.1", "--port", "1", GATEWAY_INSECURE="true"))
    assert line == "listen 192.0.2.1:1: Cannot assign requested address"


def test_a_second_gateway_on_one_store_is_refused(run: Run, serve: Callable[..., Served], upstream: Upstream) -> None:
    serve("--port", "0", "--upstream", upstream.url)
    line = "store memory.db: another gateway has it open (SQLite serves one process)"
    assert refusal(run("serve", "--port", "0")) == line
    assert refusal(run("check")) == line


def test_a_file_that_is_no_store_is_refused_and_left_alone(run: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "memory.db").write_text("my diary\n" * 1000)
    assert refusal(run("serve")) == "store memory.db: file is not a database"
    assert (tmp_path / "memory.db").read_text().startswith("my diary")


def test_flags_mend_what_the_file_says(run: Run, tmp_path: pathlib.Path) -> None:
    """An address of the command line replaces the file's before it is judged."""
    file = tmp_path / "gateway.yaml"
    file.write_text("listen: 0.0.0.0:8080")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        left = run("serve", "--config", str(file), "--host", "127.0.0.1", "--port", str(port))
    assert refusal(left).endswith("Address already in use")


# --- the other commands -----------------------------------------------------------------------------------------


def test_check_says_that_all_is_well(run: Run) -> None:
    left = run("check")
    assert (left.returncode, left.stderr) == (0, "")
    assert left.stdout.startswith("The configuration is sound")


def test_the_version_is_told(run: Run) -> None:
    assert run("version").stdout == f"{__version__}\n"


def test_without_a_command_the_commands_are_listed(run: Run) -> None:
    shown = run()
    for command in ("serve", "check", "demo"):
        assert command in shown.stdout + shown.stderr
