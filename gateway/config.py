"""The configuration: read once at start, checked whole, frozen; the only module that reads the environment."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from gateway.errors import ConfigError

EXIT_CODE = 3
"""Exit status of a start that failed."""

Sharing = Literal["entity", "process"]
Share = Annotated[float, Field(ge=0, le=1)]
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
    kind: Literal["openai", "anthropic"] = "openai"
    base_url: str = "https://api.openai.com/v1"
    api_key: SecretStr | None = None
    """None: the client's own Authorization goes through."""
    models: tuple[str, ...] = ("*",)
    timeouts: Timeouts = Timeouts()
    max_connections: Annotated[int, Field(ge=1)] = 512

    @field_validator("base_url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", url):
            raise ValueError("must be an http:// or https:// address without query")
        return url.rstrip("/")

    @field_validator("kind")
    @classmethod
    def _served(cls, kind: str) -> str:
        if kind == "anthropic":
            raise ValueError("upstreams of kind anthropic are not served yet")
        return kind


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
    model: str | None = None
    idle: Seconds = 5
    attempts: Annotated[int, Field(ge=1)] = 5

    @field_validator("mode")
    @classmethod
    def _built(cls, mode: str) -> str:
        if mode == "llm":
            raise ValueError("extraction by a language model is not built yet; use local or off")
        return mode


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


class LogConfig(Section):
    """What is written to the log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["plain", "json"] = "plain"


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
    limits: Limits = Limits()
    log: LogConfig = LogConfig()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of `listen`."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

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
        if not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///")).name in ("", "..", ":memory:"):
            raise ValueError("must be sqlite:///<file> (PostgreSQL is not built yet)")
        return store

    @model_validator(mode="after")
    def _safe(self) -> Config:
        if not self.upstreams:
            raise ValueError("upstreams: at least one is needed")
        names = [upstream.name for upstream in self.upstreams]
        if len(set(names)) < len(names):
            raise ValueError("upstreams: every name must differ")
        if not self.keys and not self.insecure and not _loopback(self.address[0]):
            raise ValueError("listen: an address that others can reach needs `keys` (or `insecure: true`)")
        if self.keys and (keyless := [u.name for u in self.upstreams if u.api_key is None]):
            raise ValueError(f"upstreams: {', '.join(keyless)} needs an api_key, since clients send gateway keys")
        if len({key.key.get_secret_value() for key in self.keys}) < len(self.keys):
            raise ValueError("keys: every key must differ")
        return self


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load(
    path: Path | None,
    environ: Mapping[str, str],
    overrides: Mapping[str, Any] | None = None,
    host: str | None = None,
    port: int | None = None,
) -> Config:
    """The configuration of a file (None: the defaults), then of the environment, then of the command line.

    `overrides` maps top-level keys to values, `host` and `port` replace parts of `listen`; None leaves things as they
    are. Raises ConfigError whose one line names the file and the key.
    """
    data = _read(path, environ) if path else {}
    _overlay(data, environ)
    data.update({key: value for key, value in (overrides or {}).items() if value is not None})
    if host is not None or port is not None:
        known_host, _, known_port = str(data.get("listen", Config.model_fields["listen"].default)).rpartition(":")
        data["listen"] = f"{known_host if host is None else host}:{known_port if port is None else port}"
    if not data.get("upstreams") and environ.get("OPENAI_BASE_URL"):
        data["upstreams"] = [{"base_url": environ["OPENAI_BASE_URL"]}]
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{path or 'configuration'}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    """The first thing wrong, as `path: what`; never the value, which may be a secret."""
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    what = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        what = "unknown key"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: {what}{more}" if where else what + more


def _read(path: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 (it is a safe loader)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'not UTF-8'})") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {_place(error)}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: must be a mapping of keys")
    filled = _fill(data, environ, "", path)
    assert isinstance(filled, dict)
    return filled


class _Loader(yaml.SafeLoader):
    """YAML without the same key twice, of which the last would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set[str]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, "a key is given twice", key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else "")
        return super().construct_mapping(node, deep)


def _place(error: yaml.YAMLError) -> str:
    """Where the error is; never the library's own words, which show the line and so perhaps a key."""
    mark = getattr(error, "problem_mark", None)
    what = "a key is given twice, " if getattr(error, "problem", None) == "a key is given twice" else ""
    return f"{what}line {mark.line + 1}, column {mark.column + 1}" if mark else "it holds characters that are not text"


def _fill(value: object, environ: Mapping[str, str], where: str, path: Path) -> object:
    """`value` with every `${NAME}` replaced from the environment."""
    if isinstance(value, dict):
        return {key: _fill(item, environ, f"{where}.{key}" if where else str(key), path) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, environ, f"{where}.{i}", path) for i, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environ:
            raise ConfigError(f"{path}: {where}: the environment variable {name} is not set")
        return environ[name]

    return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", replace, value)


def _overlay(data: dict[str, Any], environ: Mapping[str, str]) -> None:
    """Put `GATEWAY_<SECTION>__<KEY>` and `GATEWAY_KEYS` over `data`, in place."""
    for name, value in sorted(environ.items()):
        path = name.removeprefix("GATEWAY_").lower().split("__")
        if not name.startswith("GATEWAY_") or name in ("GATEWAY_CONFIG", "GATEWAY_KEYS"):
            continue
        if len(path) == 1 and path[0] not in Config.model_fields:
            continue  # somebody else's variable, such as a Kubernetes service's address
        target = data
        for part in path[:-1]:
            target = target.setdefault(part, {})
            if not isinstance(target, dict):
                raise ConfigError(f"{name}: {part} is not a section")
        try:
            target[path[-1]] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"{name}: not a YAML value") from error
    if pairs := environ.get("GATEWAY_KEYS"):
        data["keys"] = [*data.get("keys", []), *(_key(pair) for pair in pairs.split(",") if pair.strip())]


def _key(pair: str) -> dict[str, str]:
    tenant, separator, key = pair.strip().partition(":")
    if not separator or not tenant or not key:
        raise ConfigError("GATEWAY_KEYS: must be tenant:key,tenant:key")
    return {"tenant": tenant, "key": key}
