"""The configuration from a file, the environment and the command line, in that order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from gateway.config import Config
from gateway.errors import ConfigError


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
