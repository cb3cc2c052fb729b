"""What every command may be told, and the configuration that it works with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.config import Config
from gateway.settings import load

File = Annotated[Path | None, typer.Option("--config", "-c", help="The configuration file (else GATEWAY_CONFIG).")]
Store = Annotated[str | None, typer.Option(help="The store, such as sqlite:///memory.db.")]
Upstream = Annotated[str | None, typer.Option(help="The upstream's base address, such as http://localhost:11434/v1.")]
Url = Annotated[str | None, typer.Option(help="A running gateway's address; else it is found, or the store is opened.")]
Key = Annotated[str | None, typer.Option(help="The gateway key; else that of the configuration.")]
Tenant = Annotated[str | None, typer.Option(help="The tenant, where the configuration has keys of several.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Entity = Annotated[str | None, typer.Option("--entity", "-e", help="Whose memories: a user, a customer.")]
Process = Annotated[str | None, typer.Option("--process", "-p", help="The agent; alone: what it knows by itself.")]
Session = Annotated[str | None, typer.Option("--session", "-s", help="The conversation.")]


@dataclass(frozen=True, slots=True)
class Target:
    """Which memory a command works on, as its options say."""

    config: Path | None = None
    store: str | None = None
    url: str | None = None
    key: str | None = None
    tenant: str | None = None

    def settings(self) -> Config:
        """The configuration; raises ConfigError."""
        return settings(self.config, store=self.store)


def models() -> Path:
    """The folder of prepared embedding models."""
    from gateway.model import default_folder

    return default_folder(os.environ)


def settings(
    file: Path | None,
    upstream: str | None = None,
    store: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> Config:
    """The configuration of a file (None: the one that GATEWAY_CONFIG names) with what the command line says."""
    if file is None and os.environ.get("GATEWAY_CONFIG"):
        file = Path(os.environ["GATEWAY_CONFIG"])
    overrides: dict[str, Any] = {"store": store, "upstreams": [{"base_url": upstream}] if upstream else None}
    return load(file, os.environ, overrides, host, port)
