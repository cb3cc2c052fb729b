"""Bringing memories in from elsewhere: shown as it goes, broken off, taken up again, recorded once, and recalled."""

from __future__ import annotations

import json
import os
import pathlib
import pty
import re
import signal
import sqlite3
import subprocess
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.clients import Served, block_of
from tests.commands import Shell
from tests.process import Gateway
from tests.upstream import Upstream

SISTER = "My sister Ottilie lives in Ghent."
MESSAGES = 5000


def conversation(number: int, length: int) -> dict[str, Any]:
    """A conversation as ChatGPT exports it: a tree of nodes, with a hidden start and an edited question."""
    began = 1_700_000_000 + number * 86_400
    mapping: dict[str, Any] = {"root": {"id": "root", "message": None, "parent": None, "children": []}}

    def add(name: str, parent: str, role: str, text: str) -> str:
        message = {
            "id": name,
            "author": {"role": role, "name": None, "metadata": {}},
            "create_time": began + len(mapping) * 60,
            "content": {"content_type": "text", "parts": [text]},
            "metadata": {"is_visually_hidden_from_conversation": True} if role == "system" else {},
            "recipient": "all",
        }
        mapping[name] = {"id": name, "message": message, "parent": parent, "children": []}
        mapping[parent]["children"].append(name)
        return name

    at = add(f"{number}-hidden", "root", "system", "")
    for place in range(0, length, 2):
        text = SISTER if (number, place) == (3, 4) else f"My crate number {number * 1000 + place} holds {place} pears."
        at = add(f"{number}-{place}", at, "user", text)
        at = add(f"{number}-{place + 1}", at, "assistant", "Noted.")
    return {
        "id": f"talk-{number}",
        "conversation_id": f"talk-{number}",
        "title": f"Talk {number}",
        "create_time": began,
        "update_time": began + length * 60,
        "mapping": mapping,
        "current_node": at,
    }


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A conversations.json of 5,000 messages."""
    path = tmp_path_factory.mktemp("chatgpt") / "conversations.json"
    path.write_text(json.dumps([conversation(number, 100) for number in range(MESSAGES // 100)]))
    return path


def turns(store: pathlib.Path, entity: str) -> int:
    """How many turns of an entity the file holds."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        try:
            found = connection.execute("SELECT count(*) FROM turns WHERE entity = ?", (entity,)).fetchone()
        except sqlite3.OperationalError:
            return 0
    return int(found[0])


def broken_off(shell: Shell, store: pathlib.Path, exported: pathlib.Path, number: int) -> str:
    """Send the signal in the middle of an import; whose it was. An import that was done before is tried again."""
    for attempt in range(20):
        entity = f"entity {number} {attempt}"
        importing = shell.begin("import", str(exported), "--entity", entity, stderr=subprocess.PIPE)
        while not (store.exists() and turns(store, entity)) and importing.poll() is None:
            time.sleep(0.002)
        importing.send_signal(number)
        _, said = importing.communicate(timeout=60)
        if 0 < turns(store, entity) < MESSAGES // 2:
            if number == signal.SIGINT:
                assert importing.returncode == 130
                assert b"run the same command again to go on" in said
                assert b"Traceback" not in said
            return entity
    raise AssertionError("it was always done before")


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_import_is_broken_off_and_goes_on(
    gateway: Gateway, upstream: Upstream, exported: pathlib.Path, running: bool, number: signal.Signals
) -> None:
    shell = Shell(gateway.folder, GATEWAY_CONFIG=str(gateway.folder / f"config-{gateway.port}.yaml"))
    if not running:
        gateway.stop()
    entity = broken_off(shell, gateway.store, exported, number)
    for new in (True, False):
        answer = shell.json("import", str(exported), "--entity", entity)
        assert (answer["format"], answer["messages"]) == ("chatgpt", MESSAGES)
        assert bool(answer["new"]["turns"]) == new
    if not running:
        gateway.start()
    rows = gateway.rows(
        "SELECT count(*), count(DISTINCT text) FROM messages WHERE entity = ? AND role = 'user'", entity
    )
    assert rows == [(MESSAGES // 2, MESSAGES // 2)]
    assert turns(gateway.store, entity) == MESSAGES // 2
    assert gateway.rows("SELECT count(*), max(times_seen) FROM memories WHERE entity = ?", entity) == [(2500, 1)]
    Served(gateway, upstream).ask("Where does my sister live?", entity)
    assert SISTER in block_of(upstream.last)


def test_an_import_shows_how_far_it_is(gateway: Gateway, exported: pathlib.Path) -> None:
    shell = Shell(gateway.folder, GATEWAY_CONFIG=str(gateway.folder / f"config-{gateway.port}.yaml"))
    ours, theirs = pty.openpty()
    with shell.begin("import", str(exported), "--entity", "eve", stdout=subprocess.DEVNULL, stderr=theirs) as importing:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    assert importing.returncode == 0
    counts = [int(count) for count in re.findall(rb"(\d+)/5000", re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", shown))]
    assert counts == sorted(counts)
    assert counts[-1] == MESSAGES
    assert any(0 < count < MESSAGES for count in counts), counts


def test_chatgpt_s_whole_archive_is_read(tmp_path: pathlib.Path) -> None:
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w") as written:
        for part in range(2):
            talks = [conversation(number, 6) for number in range(part * 2, part * 2 + 2)]
            written.writestr(f"conversations-00{part}.json", json.dumps(talks))
        written.writestr("user.json", "{}")
    shell = Shell(tmp_path)
    answer = shell.json("import", str(archive), "--entity", "ann", "--process", "chatgpt")
    assert answer == {"format": "chatgpt", "messages": 24, "new": {"sessions": 4, "turns": 12, "memories": 12}}
    found = shell.json("recall", "Where does my sister live?", "--entity", "ann", "--process", "chatgpt")
    assert found["memories"][0]["text"] == SISTER
    assert found["memories"][0]["last_seen"].startswith("2023-11-17")
    assert found["memories"][0]["learnt_in"] == {"process": "chatgpt", "session": "talk-3"}


def test_an_export_is_brought_back_whole_and_once(
    start: Callable[..., Gateway], upstream: Upstream, tmp_path: pathlib.Path
) -> None:
    gateway = start()
    served = Served(gateway, upstream)
    served.ask("My dog is called Biscuit.", "alice", session="s")
    served.ask("Please keep answers short.", "alice", process="other")
    shell = Shell(tmp_path, GATEWAY_CONFIG=str(gateway.folder / f"config-{gateway.port}.yaml"))
    written = shell.json("export", "--entity", "alice", "--output", "alice.jsonl")
    edges = written["records"].pop("edges")
    assert edges >= 2
    assert written["records"] == {"sessions": 2, "turns": 2, "memories": 2}
    assert shell.done("export", "--entity", "alice") == (tmp_path / "alice.jsonl").read_text()
    elsewhere = Shell(tmp_path, GATEWAY_STORE="sqlite:///elsewhere.db")
    new = {"sessions": 2, "turns": 2, "memories": 2}
    assert elsewhere.json("import", "alice.jsonl", "--entity", "al")["new"] == new
    assert set(elsewhere.json("import", "alice.jsonl", "--entity", "al")["new"].values()) == {0}
    found = elsewhere.json("recall", "What is my dog called?", "--entity", "al")
    assert "My dog is called Biscuit." in found["block"]
    assert elsewhere.json("list", "--entity", "alice")["memories"] == []


def test_a_broken_export_brings_in_nothing_of_the_broken_part(tmp_path: pathlib.Path) -> None:
    shell = Shell(tmp_path)
    (tmp_path / "broken.jsonl").write_text('{"type": "memory", "text": "half"}\n')
    assert "record 1" in shell.refused_after("import", "broken.jsonl", "--entity", "a")
    assert shell.json("list", "--entity", "a")["memories"] == []


def test_mem0_s_export_is_read(tmp_path: pathlib.Path) -> None:
    records: list[dict[str, Any]] = [
        {
            "id": "7d6f0d1c-0000-4000-8000-000000000001",
            "memory": "I am allergic to peanuts",
            "user_id": "alex",
            "agent_id": None,
            "run_id": None,
            "metadata": {"category": "health"},
            "categories": ["health"],
            "created_at": "2024-07-20T01:30:36.275141-07:00",
            "updated_at": "2024-07-21T01:30:36.275172-07:00",
        },
        {"id": "2", "memory": "Loves hiking", "user_id": "bea", "created_at": "2024-07-20T01:30:36Z"},
        {"id": "3", "memory": "Answers in French", "agent_id": "concierge"},
        {"id": "4", "memory": "Prefers window seats", "user_id": "alex", "agent_id": "travel", "run_id": "r1"},
    ]
    (tmp_path / "mem0.json").write_text(json.dumps({"results": records}))
    shell = Shell(tmp_path)
    for new in (4, 0):
        answer = shell.json("import", "mem0.json")
        assert (answer["format"], answer["memories"], answer["new"]["memories"]) == ("mem0", 4, new)
    peanuts = next(m for m in shell.json("list", "--entity", "alex")["memories"] if "peanuts" in m["text"])
    assert (peanuts["id"], peanuts["metadata"]) == (records[0]["id"], {"category": "health"})
    assert peanuts["first_seen"].startswith("2024-07-20T08:30:36")
    assert peanuts["origin"] == "import"
    assert [m["text"] for m in shell.json("list", "--process", "concierge")["memories"]] == ["Answers in French"]
    seats = next(m for m in shell.json("list", "--entity", "alex")["memories"] if "seats" in m["text"])
    assert (seats["process"], seats["session"]) == ("travel", "r1")
    found = shell.json("recall", "What am I allergic to?", "--entity", "alex")
    assert [m["text"] for m in found["memories"]] == ["I am allergic to peanuts"]
    (tmp_path / "nobody.json").write_text(json.dumps([{"id": "9", "memory": "Whose is this"}]))
    assert "name an --entity" in shell.refused_after("import", "nobody.json")
    assert shell.json("import", "nobody.json", "--entity", "cy")["new"]["memories"] == 1
