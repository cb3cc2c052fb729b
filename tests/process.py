"""The gateway as a process of its own, and plain HTTP to it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import yaml


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
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


class Gateway:
    """`memory-gateway serve` on a free port, with its store in `folder`.

    `settings` are top-level keys of the configuration; `upstream` is the base address of the only upstream unless
    `settings` names others. A context manager: stopped by SIGTERM at the end.
    """

    arguments: tuple[str, ...] = ()
    """More of the command line."""

    def __init__(
        self, folder: pathlib.Path, upstream: str, environ: dict[str, str] | None = None, **settings: Any
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.store = folder / "memory.db"
        self.log = folder / f"gateway-{self.port}.log"
        recall = {"deadline": 5}  # a loaded machine shall not make a test go without memory
        self.settings = {
            "listen": f"127.0.0.1:{self.port}",
            "store": f"sqlite:///{self.store}",
            "upstreams": [{"name": "scripted", "base_url": upstream}],
            "embedder": {"kind": "none"},
            **settings,
        }
        self.settings["memory"] = {"recall": recall, **settings.get("memory", {})}
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
                [sys.executable, "-m", "gateway", "serve", "--config", str(config), *self.arguments],
                stdout=log,
                stderr=log,
                env=self.environ,
            )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"the gateway left at start: {self.log.read_text()[-2000:]}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.started():
                    return
            time.sleep(0.02)
        raise AssertionError("the gateway did not start in 60 s")

    def started(self) -> bool:
        """It serves, and its embedder is there or will not come."""
        return bool(self.get("/readyz").json["embedder"] != "loading")

    def settle(self, seconds: float = 60) -> Gateway:
        """Wait until every message has its vectors."""
        end = time.monotonic() + seconds
        while (state := self.get("/readyz").json)["pending"] or state["embedder"] == "loading":
            if time.monotonic() > end:
                raise AssertionError(f"not settled in {seconds} s: {state}")
            time.sleep(0.02)
        return self

    def stop(self) -> int:
        """Ask it to end, and wait; its exit status."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *error: object) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.stop()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 30,
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
