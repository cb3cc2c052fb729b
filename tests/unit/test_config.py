"""The configuration is read whole, or refused in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from gateway.config import Config, Section
from gateway.errors import ConfigError
from gateway.settings import load

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
ANTHROPIC = "{name: b, kind: anthropic, api_key: k}"
SAME = "{name: b, base_url: 'https://API.openai.com:443/v2'}"
SECRET = "sk-never-to-be-shown"


def loaded(text: str, folder: Path, environ: Mapping[str, str] | None = None, **overrides: Any) -> Config:
    file = folder / "gateway.yaml"
    file.write_text(text)
    return load(file, environ or {}, overrides)


def refused(text: str, folder: Path, environ: Mapping[str, str] | None = None) -> str:
    """The line that a configuration is refused with, after the file's name."""
    with pytest.raises(ConfigError) as caught:
        loaded(text, folder, environ)
    line = str(caught.value)
    assert "\n" not in line
    assert SECRET not in line
    assert line.startswith(str(folder / "gateway.yaml"))
    return line.removeprefix(f"{folder / 'gateway.yaml'}: ")


def test_without_a_file_the_defaults_are_those_of_the_contract() -> None:
    config = load(None, {})
    assert config.address == ("127.0.0.1", 8080)
    assert config.store.get_secret_value() == "sqlite:///memory.db"
    assert config.upstreams[0].base_url == "https://api.openai.com/v1"
    assert config.memory.recall.deadline == 0.25


def test_the_example_is_the_defaults() -> None:
    assert load(EXAMPLE, {}) == Config()


def test_the_example_names_every_key() -> None:
    def keys(model: type[Section], data: Mapping[str, Any], where: str) -> None:
        assert data.keys() == model.model_fields.keys(), where
        for name, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
                keys(field.annotation, data[name], f"{where}.{name}")

    data = yaml.safe_load(EXAMPLE.read_text())
    keys(Config, data, "")
    keys(type(Config().upstreams[0]), data["upstreams"][0], "upstreams.0")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("memry: {}", "memry: unknown key"),
        ("memory: {recall: {token: 5}}", "memory.recall.token: unknown key"),
        ("upstreams: [{nmae: x}]", "upstreams.0.nmae: unknown key"),
        ("processes: {coach: {sharng: process}}", "processes.coach.sharng: unknown key"),
        ("memory: {sharing: everyone}", "memory.sharing: Input should be 'entity' or 'process'"),
        ("memory: {recall: {deadline: 0}}", "memory.recall.deadline: Input should be greater than 0"),
        ("memory: {recall: {deadline: .inf}}", "memory.recall.deadline: Input should be a finite number"),
        ("limits: {drain: .inf}", "limits.drain: Input should be a finite number"),
        ("memory: {recall: {gate: 1.5}}", "memory.recall.gate: Input should be less than or equal to 1"),
        ("limits: {connections: 3}", "limits.connections: Input should be greater than or equal to 4"),
        ("limits: {body: many}", "limits.body: Input should be a valid integer"),
        ("limits: 5", "limits: Input should be a valid dictionary"),
        ("listen: nowhere", "listen: must be host:port"),
        ("listen: 127.0.0.1:99999", "listen: must be host:port"),
        ("listen: 127.0.0.1:-1", "listen: must be host:port"),
        ("store: mysql://x/y", "store: must be sqlite:///<file> or postgresql://<user>:<password>@<host>/<database>"),
        ("store: postgresql://u:p@h", "store: must be sqlite:///<file> or postgresql://"),
        ("store: 'sqlite:///.'", "store: must be sqlite:///<file>"),
        ("store: 'sqlite:///'", "store: must be sqlite:///<file>"),
        ("store: 'sqlite:///:memory:'", "store: must be sqlite:///<file>"),
        ("upstreams: [{base_url: 'localhost:1'}]", "upstreams.0.base_url: must be an http:// or https:// address"),
        ("upstreams: [{base_url: 'http://u:p@h/v1'}]", "upstreams.0.base_url: must be an http:// or https:// address"),
        ("upstreams: [{name: a}, {name: a}]", "upstreams: every name must differ"),
        ("upstreams: [{base_url: 'http://h/v1#x'}]", "upstreams.0.base_url: must be an http:// or https:// address"),
        ("upstreams: [{rename: {a: ''}}]", "upstreams.0.rename.a: String should have at least 1 character"),
        ("upstreams: [{fallback: true}]", "upstreams: openai.fallback: none below it is of its kind with an api_key"),
        ("upstreams: [{fallback: [x]}]", "upstreams: openai.fallback: x is no other upstream of the same kind"),
        (
            "upstreams: [{fallback: [openai]}]",
            "upstreams: openai.fallback: openai is no other upstream of the same kind",
        ),
        (f"upstreams: [{{fallback: [b]}}, {ANTHROPIC}]", "upstreams: openai.fallback: b is no other upstream"),
        (
            "upstreams: [{fallback: [b]}, {name: b, base_url: 'http://h'}]",
            "upstreams: openai.fallback: b needs an api_key",
        ),
        (f"upstreams: [{{api_key: a, fallback: [b]}}, {SAME}]", "upstreams: openai.fallback: b needs an api_key"),
        (
            f"upstreams: [{ANTHROPIC}]\nmemory: {{extract: {{mode: llm}}}}",
            "memory.extract.upstream: must be the name of",
        ),
        ("tokens: {secret: x}", "tokens: signed identities are not built yet"),
        ("memory: {extract: {upstream: x}}", "memory.extract.upstream: must be the name of one of the upstreams"),
        ("keys: [{key: '', tenant: a}]", "keys.0.key: must not be empty"),
        ("keys: [{key: k, tenant: ''}]", "keys.0.tenant: String should have at least 1 character"),
        ("keys: [{key: k, tenant: a, entity: token}]", "keys.0.entity: signed identities are not built yet"),
        ("keys: [{key: k, tenant: a, entity: someone}]", "keys.0.entity: must be header or fixed:<id>"),
        ("listen: 0.0.0.0:80", "listen: an address that others can reach needs `keys`"),
        ("listen: '[::]:80'", "listen: an address that others can reach needs `keys`"),
        ("listen: example.org:80", "listen: an address that others can reach needs `keys`"),
        ("keys: [{key: k, tenant: a}]", "upstreams: openai needs an api_key, since clients send gateway keys"),
        ("[1, 2]", "must be a mapping of keys"),
        ("a: [", "not YAML: line 1, column 5"),
        ("log: {}\nlog: {}", "not YAML: a key is given twice, line 2, column 1"),
        ("\x07", "not YAML: it holds characters that are not text"),
    ],
)
def test_what_is_wrong_is_named(text: str, line: str, tmp_path: Path) -> None:
    assert refused(text, tmp_path).startswith(line)


@pytest.mark.parametrize("other", ["{name: b, base_url: 'http://h/v1', api_key: any}", SAME])
def test_one_with_a_key_or_at_the_same_address_may_stand_in(other: str, tmp_path: Path) -> None:
    assert loaded(f"upstreams: [{{fallback: [b]}}, {other}]", tmp_path).upstreams[0].fallback == ("b",)


def test_a_base_address_may_have_a_query(tmp_path: Path) -> None:
    config = loaded("upstreams: [{base_url: 'https://h/openai/deployments/d/?api-version=1'}]", tmp_path)
    assert config.upstreams[0].base_url == "https://h/openai/deployments/d?api-version=1"
    assert config.upstreams[0].origin == "https://h"


def test_all_that_is_wrong_is_counted(tmp_path: Path) -> None:
    assert refused("memry: {}\nlimts: {}\nlisten: x", tmp_path).endswith("(and 2 more)")


@pytest.mark.parametrize("text", ["keys: [{key: k, tenant: a}, {key: k, tenant: b}]\nupstreams: [{api_key: u}]"])
def test_no_key_opens_two_tenants(text: str, tmp_path: Path) -> None:
    assert refused(text, tmp_path) == "keys: every key must differ"


@pytest.mark.parametrize("listen", ["127.0.0.1:80", "localhost:80", "'[::1]:80'", "127.8.8.8:80"])
def test_a_loopback_address_needs_no_key(listen: str, tmp_path: Path) -> None:
    assert loaded(f"listen: {listen}", tmp_path).keys == ()


def test_an_open_address_is_served_on_demand(tmp_path: Path) -> None:
    assert loaded("listen: 0.0.0.0:80\ninsecure: true", tmp_path).address == ("0.0.0.0", 80)


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert loaded("# nothing\n", tmp_path) == Config()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read \(No such file or directory\)"):
        load(tmp_path / "absent.yaml", {})


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"gateway\.yaml: cannot be read \(not UTF-8\)"):
        load(tmp_path / "gateway.yaml", {})


def test_variables_are_filled_in_from_the_environment(tmp_path: Path) -> None:
    text = "upstreams: [{api_key: '${PREFIX}-${KEY}', max_connections: '${MANY}'}]"
    config = loaded(text, tmp_path, {"PREFIX": "sk", "KEY": "1", "MANY": "7"})
    assert config.upstreams[0].api_key == SecretStr("sk-1")
    assert config.upstreams[0].max_connections == 7


def test_a_missing_variable_is_named_with_its_key(tmp_path: Path) -> None:
    line = refused("upstreams: [{api_key: '${NO_SUCH}'}]", tmp_path)
    assert line == "upstreams.0.api_key: the environment variable NO_SUCH is not set"


def test_what_a_variable_holds_is_not_filled_in_again(tmp_path: Path) -> None:
    config = loaded("upstreams: [{api_key: '${KEY}'}]", tmp_path, {"KEY": "${OTHER}"})
    assert config.upstreams[0].api_key == SecretStr("${OTHER}")


def test_the_environment_overrides_one_key(tmp_path: Path) -> None:
    environ = {
        "GATEWAY_LISTEN": "127.0.0.1:9",
        "GATEWAY_MEMORY__RECALL__DEADLINE": "0.5",
        "GATEWAY_ATTRIBUTION__ENTITY": "[X-User]",
        "GATEWAY_LOG__FORMAT": "json",
        "GATEWAY_PROCESSES__COACH__SHARING": "process",
    }
    config = loaded("memory: {recall: {deadline: 1, tokens: 7}}\nlog: {level: debug}", tmp_path, environ)
    assert config.address == ("127.0.0.1", 9)
    assert (config.memory.recall.deadline, config.memory.recall.tokens) == (0.5, 7)
    assert config.attribution.entity == ("X-User",)
    assert (config.log.level, config.log.format) == ("debug", "json")
    assert config.processes["coach"].sharing == "process"


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("GATEWAY_MEMORY__SHARNG", "process", "memory.sharng: unknown key"),
        ("GATEWAY_MEMRY__SHARING", "process", "memry: unknown key"),
        ("GATEWAY_LIMITS__BODY", "lots", "limits.body: Input should be a valid integer"),
        ("GATEWAY_LISTEN__HOST", "x", "GATEWAY_LISTEN__HOST: listen is not a section"),
        ("GATEWAY_LOG__LEVEL", "[", "GATEWAY_LOG__LEVEL: not a YAML value"),
        ("GATEWAY_KEYS", "acme", "GATEWAY_KEYS: must be tenant:key"),
        ("GATEWAY_KEYS", "acme:", "GATEWAY_KEYS: must be tenant:key"),
    ],
)
def test_a_bad_variable_is_named(name: str, value: str, line: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("listen: 127.0.0.1:80")
    with pytest.raises(ConfigError) as caught:
        load(file, {name: value})
    assert line in str(caught.value)


def test_variables_of_others_are_left_alone() -> None:
    environ = {"GATEWAY_PORT": "tcp://10.0.0.1:80", "GATEWAY_SERVICE_HOST": "10.0.0.1", "GATEWAY_MODELS": "/models"}
    assert load(None, environ) == Config()


def test_keys_come_from_the_environment_too(tmp_path: Path) -> None:
    text = "keys: [{key: k1, tenant: a}]\nupstreams: [{api_key: u}]"
    config = loaded(text, tmp_path, {"GATEWAY_KEYS": "b:k2, c:k:3"})
    keys = [(key.tenant, key.key.get_secret_value(), key.entity) for key in config.keys]
    assert keys == [("a", "k1", "header"), ("b", "k2", "header"), ("c", "k:3", "header")]


def test_the_upstream_of_openai_s_own_variable_is_the_default() -> None:
    config = load(None, {"OPENAI_BASE_URL": "http://localhost:11434/v1/"})
    assert config.upstreams[0].base_url == "http://localhost:11434/v1"


def test_an_upstream_in_the_file_wins_over_openai_s_own_variable(tmp_path: Path) -> None:
    config = loaded("upstreams: [{base_url: 'http://a/v1'}]", tmp_path, {"OPENAI_BASE_URL": "http://b/v1"})
    assert config.upstreams[0].base_url == "http://a/v1"


def test_what_the_command_line_says_wins(tmp_path: Path) -> None:
    config = loaded("store: sqlite:///file.db", tmp_path, {"GATEWAY_STORE": "sqlite:///env.db"}, store="sqlite:///c.db")
    assert config.store.get_secret_value() == "sqlite:///c.db"


@pytest.mark.parametrize(
    "text",
    [
        f"keys: [{{key: {SECRET}, tenant: '', entity: x}}]",
        f"upstreams: [{{api_key: [{SECRET}]}}]",
        f"upstreams: [{{api_key: {SECRET}, base_url: '{SECRET}'}}]",
        f"store: postgresql//u:{SECRET}@h/d",
        f"keys: {SECRET}",
        f"keys: [{{key: {SECRET}, tenant: a}}, {{key: {SECRET}, tenant: b}}]",
        f"upstreams:\n  - api_key: {SECRET}: oops\n",
        f"upstreams:\n  - api_key: '{SECRET}\n",
        f"upstreams:\n  - api_key: !{SECRET} x\n",
        f"upstreams:\n  - api_key: *{SECRET}\n",
        f"log: {{level: {SECRET}}}",
    ],
)
def test_no_error_shows_a_secret(text: str, tmp_path: Path) -> None:
    refused(text, tmp_path)  # which asserts it


def test_no_variable_s_error_shows_its_value() -> None:
    for name in ("GATEWAY_KEYS", "GATEWAY_UPSTREAMS", "GATEWAY_STORE", "GATEWAY_TOKENS", "GATEWAY_LOG__LEVEL"):
        with pytest.raises(ConfigError) as caught:
            load(None, {name: f"{SECRET}: [{SECRET}"})
        assert SECRET not in str(caught.value)


def test_no_secret_is_in_the_repr(tmp_path: Path) -> None:
    text = f"keys: [{{key: {SECRET}, tenant: a}}]\nupstreams: [{{api_key: {SECRET}}}]"
    config = loaded(text, tmp_path)
    for shown in (
        repr(config),
        str(config),
        f"{config}",
        json.dumps(config.model_dump(mode="json")),
        repr(config.keys),
    ):
        assert SECRET not in shown


def test_the_configuration_does_not_change(tmp_path: Path) -> None:
    config = loaded("", tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        config.limits.body = 7
