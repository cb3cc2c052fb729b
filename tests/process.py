"""The gateway as a process of its own, and plain HTTP to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).parents[1]
STARTING = 110.0
"""Seconds for what takes one or two."""
RECALL = {"deadline": 30}
"""A loaded machine shall not make a test go without memory."""


def reserved() -> socket.socket:
    """Holds a port that the system gives to nobody else. It refuses connections until who is told of it listens there.

    A port that was free a moment ago is soon another test's; one that is held can be shared (SO_REUSEADDR), not given.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


def port_of(held: socket.socket) -> int:
    port: int = held.getsockname()[1]
    return port


@dataclass
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def _settled(state: dict[str, Any]) -> bool:
    return state["store"] == "ok" and state["embedder"] != "loading" and not state["pending"]


class Gateway:
    """`memory-gateway serve` on a port of its own, with its store in `folder`.

    `settings` are top-level keys of the configuration; `upstream` is the base address of the only upstream unless
    `settings` names others. A context manager: stopped by SIGTERM at the end. It is patient (`tests.patient`), but for
    tests that give a deadline of the recall: they measure what holds up a chat.
    """

    arguments: tuple[str, ...] = ()
    """More of the command line."""

    def __init__(
        self, folder: pathlib.Path, upstream: str, environ: dict[str, str] | None = None, **settings: Any
    ) -> None:
        self.folder = folder
        self._held = reserved()
        self.port = port_of(self._held)
        self.store = folder / "memory.db"
        self.log = folder / f"gateway-{self.port}.log"
        memory = {"recall": {}, **settings.get("memory", {})}
        self._program = "gateway" if "deadline" in memory["recall"] else "tests.patient"
        self.settings = {
            "listen": f"127.0.0.1:{self.port}",
            "store": f"sqlite:///{self.store}",
            "upstreams": [{"name": "scripted", "base_url": upstream}],
            "embedder": {"kind": "none"},
            **settings,
            "memory": {**memory, "recall": {**RECALL, **memory["recall"]}},
        }
        self.environ = {**os.environ, **(environ or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        config = self.folder / f"config-{self.port}.yaml"
        config.write_text(yaml.safe_dump(self.settings))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self._program, "serve", "--config", str(config), *self.arguments],
                stdout=log,
                stderr=log,
                env=self.environ,
                cwd=ROOT,
            )
        end = time.monotonic() + STARTING
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"the gateway left at start: {self.log.read_text()[-2000:]}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.started():
                    return
            time.sleep(0.02)
        raise AssertionError(f"the gateway did not start in {STARTING:.0f} s")

    def started(self) -> bool:
        """It serves, and its embedder is there or will not come."""
        return bool(self.get("/readyz").json["embedder"] != "loading")

    def active(self) -> int:
        """Requests that are being served. At 0 the end of each is logged and counted, its turn on its way."""
        found = re.search(rb"^memory_gateway_active_requests (\d+)", self.get("/metrics").body, re.MULTILINE)
        assert found is not None
        return int(found[1])

    def settle(self, seconds: float = 100) -> Gateway:
        """Wait until every message has its vectors."""
        end = time.monotonic() + seconds
        while not _settled(state := self.get("/readyz").json):
            if time.monotonic() > end:
                raise AssertionError(f"not settled in {seconds} s: {state}")
            time.sleep(0.02)
        return self

    def stop(self) -> int:
        """Ask it to end, and wait; its exit status."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process is not None
        try:
            if self.process.poll() is None:
                self.stop()
        finally:
            self._held.close()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 60,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            encoded = {name: value.encode() for name, value in (headers or {}).items()}
            connection.request(method, path, body, encoded)
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def chat(
        self,
        messages: str | list[dict[str, Any]],
        entity: str | None = None,
        process: str | None = None,
        session: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> Answer:
        """One chat request with plain HTTP."""
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        ids = {"X-Entity-Id": entity, "X-Process-Id": process, "X-Session-Id": session}
        sent = {"content-type": "application/json", "authorization": "Bearer sk-test"}
        sent |= {name: value for name, value in ids.items() if value is not None} | (headers or {})
        body = json.dumps({"model": "m", "messages": messages, **more}, ensure_ascii=False).encode()
        return self.request("POST", "/v1/chat/completions", body, sent)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the store's file beside the running gateway."""
        with contextlib.closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as connection:
            return connection.execute(sql, values).fetchall()
