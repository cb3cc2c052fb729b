"""The commands that look after memory: through a running gateway, and on the store when none runs."""

from __future__ import annotations

import json
import pathlib
import shlex
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import yaml

from gateway import model
from gateway.demo.script import next_steps
from tests.clients import Served, block_of
from tests.commands import Shell
from tests.process import Gateway, port_of
from tests.unit.test_model import needs
from tests.upstream import Upstream

DOG = "My dog is called Biscuit."


def config(gateway: Gateway) -> tuple[str, str]:
    """The option that names a gateway's configuration."""
    return "--config", str(gateway.folder / f"config-{gateway.port}.yaml")


@contextmanager
def shell_on(gateway: Gateway, running: bool) -> Iterator[Shell]:
    """A shell whose commands find this gateway, or only its store."""
    if not running:
        gateway.stop()
    yield Shell(gateway.folder, GATEWAY_CONFIG=config(gateway)[1])
    if not running:
        gateway.start()


def texts(answer: Any) -> list[str]:
    return [memory["text"] for memory in answer["memories"]]


def test_recall_says_that_a_fact_was_asked_for_by_name(gateway: Gateway) -> None:
    with shell_on(gateway, True) as shell:
        shell.json("remember", "We moved to Cardiff last week.", "--entity", "carla")
        shown = shell.done("recall", "Where do I live?", "--entity", "carla")
    assert "We moved to Cardiff last week." in shown
    assert "asked for by name" in shown


@pytest.mark.parametrize("running", [True, False])
def test_a_memory_goes_its_way(gateway: Gateway, upstream: Upstream, running: bool) -> None:
    with shell_on(gateway, running) as shell:
        made = shell.json("remember", DOG, "--entity", "alice")
        assert (made["text"], made["entity"], made["process"]) == (DOG, "alice", None)
        assert texts(shell.json("list", "--entity", "alice")) == [DOG]
        found = shell.json("recall", "What is my dog called?", "--entity", "alice")
        assert texts(found) == [DOG]
        assert DOG in found["block"]
        assert found["memories"][0]["signals"]
        shown = shell.done("recall", "What is my dog called?", "--entity", "alice")
        assert DOG in shown
        assert made["id"] in shown
        assert "words" in shown
        assert shell.json("list")["entities"][0]["entity"] == "alice"
        assert texts(shell.json("list", "--entity", "bob")) == []
        assert "Nothing" in shell.done("recall", "What is my dog called?", "--entity", "bob")
    Served(gateway, upstream).ask("What is my dog called?", "alice")
    assert DOG in block_of(upstream.last)
    with shell_on(gateway, running) as shell:
        assert shell.json("forget", made["id"]) == {"forgotten": [made["id"]]}
        assert shell.refused("forget", made["id"]) == "There is no memory with this id."
        assert "Nothing is remembered" in shell.done("list", "--entity", "alice")


@pytest.mark.parametrize("running", [True, False])
def test_everything_of_an_entity_is_erased_after_a_question(
    gateway: Gateway, upstream: Upstream, running: bool
) -> None:
    Served(gateway, upstream).ask(DOG, "a/b c")
    with shell_on(gateway, running) as shell:
        kept = shell.run("forget", "--entity", "a/b c", given="n\n")
        assert kept.returncode == 1
        assert texts(shell.json("list", "--entity", "a/b c")) == [DOG]
        assert "memories" in shell.done("forget", "--entity", "a/b c", given="y\n")
        assert shell.json("list") == {"entities": []}
        assert "Nothing is known" in shell.refused("export", "--entity", "a/b c")


def test_what_an_agent_knows_by_itself(gateway: Gateway) -> None:
    shell = Shell(gateway.folder, GATEWAY_CONFIG=config(gateway)[1])
    shell.done("remember", "The reading room closes at eight.", "--process", "librarian")
    assert texts(shell.json("list", "--process", "librarian")) == ["The reading room closes at eight."]
    assert texts(shell.json("recall", "When does the reading room close?", "--process", "librarian"))
    assert texts(shell.json("recall", "When does the reading room close?", "--process", "porter")) == []


def test_a_gateway_on_another_port_is_found_by_its_store(
    tmp_path: pathlib.Path, upstream: Upstream, start: Callable[..., Gateway]
) -> None:
    gateway = start()
    shell = Shell(tmp_path)  # its configuration says port 8080
    assert shell.json("remember", DOG, "--entity", "alice", "--store", f"sqlite:///{gateway.store}")["text"] == DOG
    answer = gateway.request("GET", "/api/memories?entity=alice")
    assert texts(answer.json) == [DOG]
    elsewhere = Shell(tmp_path, GATEWAY_STORE="sqlite:///none.db")
    url = f"http://127.0.0.1:{gateway.port}"
    assert texts(elsewhere.json("list", "--entity", "alice", "--url", url)) == [DOG]
    assert texts(elsewhere.json("list", "--entity", "alice", "--url", f"{url}/v1")) == [DOG]
    listening = Shell(tmp_path, GATEWAY_STORE="sqlite:///none.db", GATEWAY_LISTEN=f"127.0.0.1:{gateway.port}")
    assert texts(listening.json("list", "--entity", "alice")) == [DOG]
    assert not (tmp_path / "none.db").exists()


def test_what_cannot_be_done_is_one_line(tmp_path: pathlib.Path, refusing: socket.socket) -> None:
    nowhere = f"127.0.0.1:{port_of(refusing)}"
    shell = Shell(tmp_path, GATEWAY_LISTEN=nowhere)
    assert shell.refused("list", "--entity", "a") == (
        f"store memory.db: there is none, and no gateway answers at http://{nowhere}"
    )
    assert shell.refused("recall", "dog").startswith("whose memory? ")
    assert shell.refused("list", "--url", f"http://{nowhere}").startswith(f"the gateway at http://{nowhere} did not")
    assert shell.refused("import", "absent.json", "--entity", "a").startswith("absent.json: cannot be read (No such")
    (tmp_path / "diary.txt").write_text("Dear diary")
    assert shell.refused("import", "diary.txt", "--entity", "a").startswith("diary.txt: ")
    (tmp_path / "list.json").write_text("[1, 2]")
    assert shell.refused("import", "list.json", "--entity", "a").startswith("list.json: neither an export of this")
    assert shell.refused("list", "--config", "absent.yaml", code=3).startswith("absent.yaml: cannot be read")
    assert shell.run("forget").returncode == 2
    assert not (tmp_path / "memory.db").exists()
    shell.done("remember", DOG, "--entity", "alice")
    with Held(tmp_path / "memory.db"):
        line = shell.refused("list", "--entity", "alice")
    assert line == f"store memory.db: it is in use, and no gateway answers at http://{nowhere}; name it with --url"


class Held:
    """A program that has the store's lock and is no gateway."""

    def __init__(self, path: pathlib.Path) -> None:
        text = f"from pathlib import Path; from gateway.store import schema; lock = schema.lock(Path({str(path)!r}))"
        command = [sys.executable, "-c", f"{text}; print('held', flush=True); input()"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Held:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"held\n"
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate(b"\n")


def test_the_key_of_the_configuration_is_used(start: Callable[..., Gateway], upstream: Upstream) -> None:
    keys = [
        {"key": "k0", "tenant": "one", "entity": "fixed:zoe"},
        {"key": "k1", "tenant": "one"},
        {"key": "k2", "tenant": "two"},
    ]
    gateway = start(keys=keys, upstreams=[{"base_url": upstream.url, "api_key": "sk-up"}])
    with shell_on(gateway, running=True) as shell:
        assert shell.refused("list", "--entity", "a").endswith("several tenants; name one with --tenant")
        assert shell.refused("list", "--tenant", "three").endswith("is for the tenant three")
        shell.done("remember", DOG, "--entity", "alice", "--tenant", "one")
        assert texts(shell.json("list", "--entity", "alice", "--tenant", "one")) == [DOG]
        assert texts(shell.json("list", "--entity", "alice", "--tenant", "two")) == []
        assert "key" in shell.refused("list", "--entity", "alice", "--key", "wrong")
    with shell_on(gateway, running=False) as shell:
        assert texts(shell.json("list", "--entity", "alice", "--key", "k1")) == [DOG]


def test_a_text_cannot_steer_the_terminal(gateway: Gateway) -> None:
    shell = Shell(gateway.folder, GATEWAY_CONFIG=config(gateway)[1])
    shell.done("remember", "I like [red]cake[/red] and \x1b[2J tea.", "--entity", "alice")
    shown = shell.done("list", "--entity", "alice")
    assert "[red]cake[/red]" in shown
    assert "\x1b" not in shown


def test_doctor_says_what_is_wrong_and_what_to_do(
    tmp_path: pathlib.Path, upstream: Upstream, refusing: socket.socket
) -> None:
    settings = {
        "listen": f"127.0.0.1:{port_of(refusing)}",
        "upstreams": [
            {"name": "up", "base_url": upstream.url},
            {"name": "down", "base_url": f"http://127.0.0.1:{port_of(refusing)}/v1"},
        ],
    }
    (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(settings))
    shell = Shell(tmp_path, GATEWAY_CONFIG="gateway.yaml")
    shell.done("remember", DOG, "--entity", "alice")
    left = shell.run("doctor", "--json")
    assert (left.returncode, left.stderr) == (1, "")
    found = {finding["what"]: finding for finding in json.loads(left.stdout)["findings"]}
    states = {what: finding["state"] for what, finding in found.items()}
    assert states == {
        "configuration": "ok",
        "store": "ok",
        "gateway": "note",
        "memory": "ok",
        "embedder": "note",
        "index": "ok",
        "extraction": "ok",
        "upstream up": "ok",
        "upstream down": "bad",
    }
    assert "cannot be reached" in found["upstream down"]["found"]
    assert "1 memories of 1 entities" in found["memory"]["found"]
    shown = shell.run("doctor")
    assert shown.returncode == 1
    assert "→ is it running, and is `base_url` right?" in shown.stdout


def test_doctor_looks_at_a_running_gateway(gateway: Gateway) -> None:
    shell = Shell(gateway.folder, GATEWAY_CONFIG=config(gateway)[1])
    found = {finding["what"]: finding for finding in shell.json("doctor")["findings"]}
    assert found["gateway"]["state"] == "ok"
    assert f"http://127.0.0.1:{gateway.port}" in found["gateway"]["found"]


def test_what_was_parked_is_shown_and_read_once_more(gateway: Gateway, upstream: Upstream) -> None:
    Served(gateway, upstream).ask(DOG, "alice")
    gateway.stop()
    with closing(sqlite3.connect(gateway.store)) as connection, connection:
        for tenant in ("default", "other"):
            connection.execute(
                "INSERT INTO jobs (tenant, entity, process, cursor, upto, closed, since, touched)"
                " VALUES (?, 'alice', 'default', 2, 2, 0, 0, 0)",
                (tenant,),
            )
            connection.execute(
                "INSERT INTO parked (tenant, entity, process, cursor, upto, error, attempts, parked_at)"
                " VALUES (?, 'alice', 'default', 0, 2, 'junk', 5, 0)",
                (tenant,),
            )
    gateway.start()
    shell = Shell(gateway.folder, GATEWAY_CONFIG=config(gateway)[1])
    left = json.loads(shell.run("doctor", "--json").stdout)["findings"]
    found = next(finding for finding in left if finding["what"] == "extraction")
    assert (found["state"], found["found"]) == ("bad", "local; 0 queued, 2 parked")
    assert found["advice"].endswith("failed (junk), then: memory-gateway doctor --requeue")
    said = shell.run("doctor", "--requeue").stderr
    assert "1 parked batches are read once more" in said
    assert gateway.rows("SELECT tenant FROM parked WHERE again") == [("default",)]


def test_reindex_goes_on_beside_chats(tmp_path: pathlib.Path, upstream: Upstream) -> None:
    needs(model.PACKAGE.replace("-", "_"), "onnx")
    model.prepare(tmp_path / "models")
    environ = {"GATEWAY_MODELS": str(tmp_path / "models")}
    with Gateway(tmp_path, upstream.url, environ=environ, embedder={"kind": "onnx"}) as gateway:
        served = Served(gateway, upstream)
        for number in range(30):
            served.ask(f"My parcel number {number} came by train.", "alice")
        served.ask("I adopted a golden retriever called Biscuit.", "alice")
        gateway.settle().stop()
        with closing(sqlite3.connect(gateway.store)) as connection, connection:
            connection.execute("UPDATE encodings SET embedder = 'another'")
            connection.execute("UPDATE embedders SET id = 'another'")
            for table in ("messages", "memories"):
                connection.execute(f"UPDATE {table} SET encoded = 'another' WHERE encoded <> ''")
        gateway.start()
        shell = Shell(tmp_path, GATEWAY_CONFIG=config(gateway)[1], GATEWAY_EMBEDDER__KIND="onnx", **environ)
        findings = json.loads(shell.run("doctor", "--json").stdout)["findings"]
        index = next(finding for finding in findings if finding["what"] == "index")
        assert index == {
            "what": "index",
            "state": "bad",
            "found": "31 texts have vectors of another model, and are found by their words alone",
            "advice": "memory-gateway reindex",
        }
        running = shell.begin("reindex", "--json", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while running.poll() is None:
            served.ask("I had soup today.", f"other-{time.monotonic()}")
        assert json.loads(running.communicate()[0])["messages"] >= 31
        assert running.returncode == 0
        state = gateway.request("GET", "/api/background").json
        assert state["others"] == 0
        served.ask("What is the name of my pet?", "alice")
        assert "Biscuit" in block_of(upstream.last)


def test_the_demo_s_last_lines_show_what_was_remembered_and_why(tmp_path: pathlib.Path) -> None:
    shell = Shell(tmp_path)
    store = tmp_path / "a folder" / "memory.db"
    store.parent.mkdir()
    shell.done("remember", DOG, "--entity", "alice", "--store", f"sqlite:///{store}")
    listed, recalled, served = (command for _, command in next_steps(store))
    for command in (listed, recalled):
        done = subprocess.run(shlex.split(command), env=shell.environ, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert DOG in done.stdout
    assert "why" in done.stdout
    assert shlex.split(served)[-3:] == ["serve", "--store", f"sqlite:///{store}"]
