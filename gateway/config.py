"""What a gateway is told at start: checked whole, and never changed after."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

EXIT_CODE = 3
"""Exit status of a start that failed."""

Kind = Literal["openai", "anthropic"]
Sharing = Literal["entity", "process"]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """A part of the configuration: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Timeouts(Section):
    """Seconds to wait for one upstream."""

    connect: Seconds = 10
    read: Seconds = 600
    """The longest silence: before the first byte, and between two."""


class UpstreamConfig(Section):
    """One OpenAI-compatible server, and how to reach it."""

    name: str = "openai"
    kind: Kind = "openai"
    base_url: str = "https://api.openai.com/v1"
    """Its query, such as Azure's api-version, is added to that of every request."""
    api_key: SecretStr | None = None
    """None: the client's own Authorization goes through."""
    models: tuple[str, ...] = ("*",)
    """Patterns of the names that clients use."""
    rename: dict[Name, Name] = {}
    """Such names, or patterns of them, to the server's own; the first that matches."""
    fallback: bool | tuple[str, ...] = False
    """Who is asked where this one cannot be reached or answers 502 to 504: true: those behind it that serve the model
    too; or names, in order, whatever their `models`."""
    timeouts: Timeouts = Timeouts()
    max_connections: Annotated[int, Field(ge=1)] = 512

    @field_validator("base_url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?(\?[^\s#]*)?", url):
            raise ValueError("must be an http:// or https:// address without a name in it")
        path, mark, query = url.partition("?")
        return f"{path.rstrip('/')}{mark}{query}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: the server that a key is meant for."""
        scheme, _, rest = self.base_url.lower().partition("://")
        host = re.split(r"[/?]", rest, maxsplit=1)[0]
        return f"{scheme}://{host.removesuffix(':80' if scheme == 'http' else ':443')}"

    def may_stand_in(self, first: UpstreamConfig) -> bool:
        """It can be asked in the place of another without a client's key reaching a server that it is not meant for."""
        same = first.api_key is None and self.origin == first.origin
        return self.kind == first.kind and (self.api_key is not None or same)


class KeyConfig(Section):
    """A gateway key: whoever sends it acts within its tenant."""

    key: SecretStr
    tenant: Annotated[str, Field(min_length=1, max_length=256)]
    entity: str = "header"

    @field_validator("key")
    @classmethod
    def _set(cls, key: SecretStr) -> SecretStr:
        if not key.get_secret_value():
            raise ValueError("must not be empty")
        return key

    @field_validator("entity")
    @classmethod
    def _rule(cls, rule: str) -> str:
        if rule == "token":
            raise ValueError("signed identities are not built yet; use header or fixed:<id>")
        if rule != "header" and not (rule.startswith("fixed:") and len(rule) > 6):
            raise ValueError("must be header or fixed:<id>")
        return rule


class Attribution(Section):
    """Where the ids are read from, first found wins: header names, or body fields such as `metadata.entity_id`."""

    entity: tuple[str, ...] = (
        "X-Entity-Id",
        "X-Memori-Entity-Id",
        "X-OpenWebUI-User-Id",
        "X-Mem0-User-Id",
        "metadata.entity_id",
    )
    process: tuple[str, ...] = ("X-Process-Id", "X-Memori-Process-Id", "metadata.process_id")
    session: tuple[str, ...] = ("X-Session-Id", "X-OpenWebUI-Chat-Id", "metadata.session_id")


class RecallConfig(Section):
    """How much is recalled, and how long it may take."""

    tokens: Count = 1000
    session_tokens: Count = 4000
    standing_tokens: Count = 200
    gate: Share = 0.5
    deadline: Seconds = 0.25


class HistoryConfig(Section):
    """Stored turns for a client that sends none."""

    mode: Literal["auto", "off"] = "auto"
    turns: Count = 20
    tokens: Count = 4000


class ExtractConfig(Section):
    """How statements become memories."""

    mode: Literal["off", "local", "llm"] = "local"
    upstream: str | None = None
    """Name of one of the upstreams; None: the first."""
    model: str | None = None
    """None: the one that the newest turn asked for."""
    idle: Seconds = 5
    attempts: Annotated[int, Field(ge=1)] = 5
    timeout: Seconds = 60
    entity_calls: Count = 200
    tenant_calls: Count = 20_000
    """Calls of one entity, and of all of a tenant, a day."""


class Retention(Section):
    """Days to keep; None: for ever."""

    requests: Annotated[float, Field(gt=0)] | None = 30
    turns: Annotated[float, Field(gt=0)] | None = None


class MemoryConfig(Section):
    """What is remembered and recalled."""

    sharing: Sharing = "entity"
    recall: RecallConfig = RecallConfig()
    inject: Literal["sticky", "off"] = "sticky"
    history: HistoryConfig = HistoryConfig()
    turns: Literal["session", "off"] = "session"
    side_calls: Literal["relay", "record"] = "relay"
    """What happens to a chat UI's own calls (titles, tags, follow-ups): plain relay, or as any other."""
    extract: ExtractConfig = ExtractConfig()
    retention: Retention = Retention()


class ProcessConfig(Section):
    """What is different for one process."""

    sharing: Sharing | None = None


class EmbedderConfig(Section):
    """Which model turns text into vectors."""

    kind: Literal["auto", "onnx", "sentence-transformers", "none"] = "auto"
    model: str = "all-MiniLM-L6-v2"
    threads: Annotated[int, Field(ge=1, le=64)] = 1


class Limits(Section):
    """What one request, and all together, may cost."""

    body: Annotated[int, Field(ge=1024)] = 52_428_800
    headers: Annotated[int, Field(ge=1024)] = 65_536
    concurrency: Annotated[int, Field(ge=1)] = 512
    drain: Seconds = 600
    connections: Annotated[int, Field(ge=4, le=200)] = 10
    """Of one process to a PostgreSQL store, at most."""


class LogConfig(Section):
    """What is written to the log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["plain", "json"] = "plain"


class ApiConfig(Section):
    """Who may call the gateway's own API from a browser."""

    hosts: tuple[str, ...] = ()
    """Names, without port, that it may be called by besides the obvious ones."""
    origins: tuple[str, ...] = ()
    """Other sites whose pages may call it, such as https://app.example.com."""


class Config(Section):
    """Everything that a gateway is told at start."""

    listen: str = "127.0.0.1:8080"
    insecure: bool = False
    store: SecretStr = SecretStr("sqlite:///memory.db")
    upstreams: tuple[UpstreamConfig, ...] = (UpstreamConfig(),)
    keys: tuple[KeyConfig, ...] = ()
    tokens: None = None
    attribution: Attribution = Attribution()
    memory: MemoryConfig = MemoryConfig()
    processes: dict[str, ProcessConfig] = {}
    embedder: EmbedderConfig = EmbedderConfig()
    api: ApiConfig = ApiConfig()
    limits: Limits = Limits()
    log: LogConfig = LogConfig()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def store_file(self) -> Path:
        """The file of a SQLite store."""
        return Path(self.store.get_secret_value().removeprefix("sqlite:///"))

    @property
    def store_url(self) -> str | None:
        """The address of a PostgreSQL store, with its password; None: it is a SQLite file."""
        url = self.store.get_secret_value()
        return None if url.startswith("sqlite:///") else url

    @field_validator("tokens", mode="before")
    @classmethod
    def _not_built(cls, tokens: object) -> None:
        if tokens is not None:
            raise ValueError("signed identities are not built yet")

    @field_validator("listen")
    @classmethod
    def _address(cls, listen: str) -> str:
        host, _, port = listen.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("must be host:port")
        return listen

    @field_validator("store")
    @classmethod
    def _known_store(cls, store: SecretStr) -> SecretStr:
        url = store.get_secret_value()
        if re.fullmatch(r"postgres(ql)?://\S*/[^\s/?]+(\?\S*)?", url):
            return store
        if not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).name in ("", "..", ":memory:"):
            raise ValueError("must be sqlite:///<file> or postgresql://<user>:<password>@<host>/<database>")
        return store

    @model_validator(mode="after")
    def _safe(self) -> Config:
        if not self.upstreams:
            raise ValueError("upstreams: at least one is needed")
        names = [upstream.name for upstream in self.upstreams]
        if len(set(names)) < len(names):
            raise ValueError("upstreams: every name must differ")
        self._check_fallbacks()
        extract = self.memory.extract
        extractor = next((u for u in self.upstreams if extract.upstream in (None, u.name)), None)
        if extractor is None or (extract.mode == "llm" and extractor.kind != "openai"):
            raise ValueError("memory.extract.upstream: must be the name of one of the upstreams, of kind openai")
        if not self.keys and not self.insecure and not _loopback(self.address[0]):
            raise ValueError("listen: an address that others can reach needs `keys` (or `insecure: true`)")
        if self.keys and (keyless := [u.name for u in self.upstreams if u.api_key is None]):
            raise ValueError(f"upstreams: {', '.join(keyless)} needs an api_key, since clients send gateway keys")
        if len({key.key.get_secret_value() for key in self.keys}) < len(self.keys):
            raise ValueError("keys: every key must differ")
        return self

    def _check_fallbacks(self) -> None:
        known = {upstream.name: upstream for upstream in self.upstreams}
        for place, upstream in enumerate(self.upstreams, 1):
            if upstream.fallback is True and not any(u.may_stand_in(upstream) for u in self.upstreams[place:]):
                raise ValueError(f"upstreams: {upstream.name}.fallback: none below it is of its kind with an api_key")
            for name in () if isinstance(upstream.fallback, bool) else upstream.fallback:
                where, other = f"upstreams: {upstream.name}.fallback: {name}", known.get(name)
                if other is None or other is upstream or other.kind != upstream.kind:
                    raise ValueError(f"{where} is no other upstream of the same kind")
                if not other.may_stand_in(upstream):
                    raise ValueError(f"{where} needs an api_key (any, if it asks for none): it must not get a client's")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
