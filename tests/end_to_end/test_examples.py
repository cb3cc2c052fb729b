"""The examples do what they show."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from gateway.config import Config
from gateway.settings import load
from tests.commands import CLEAN
from tests.process import Gateway
from tests.upstream import Received, Upstream, chat

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"
UNRUN = {"open-webui.env", "README.md", "compose.sqlite.yaml"}
SHOWN = ["alice: Noted.", "alice: Biscuit.", "bob: I do not know."]

Run = Callable[..., list[str]]


def answer(request: Received) -> str:
    """A model that knows what stands in its prompt."""
    if "?" not in request.prompt:
        return "Noted."
    return "Biscuit." if "Biscuit" in request.prompt else "I do not know."


@pytest.fixture
def run(gateway: Gateway, upstream: Upstream) -> Run:
    """Runs a program against a gateway, to its end; the lines that it printed."""
    upstream.script = chat(answer)

    def begin(*command: str, **environ: str) -> list[str]:
        named = {"MEMORY_URL": f"http://127.0.0.1:{gateway.port}", "MODEL": "m", "MEM0_TELEMETRY": "False", **environ}
        done = subprocess.run(
            command,
            env={**CLEAN, **named},
            capture_output=True,
            text=True,
            cwd=gateway.folder,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return begin


def test_every_example_is_run_or_marked() -> None:
    found = {path.name for path in EXAMPLES.iterdir() if path.is_file()}
    run = {"openai_chat.py", "openai_chat.mjs", "langchain_chat.py", "mem0_client.py", "mcp_client.py", "chat.sh"}
    assert found == run | UNRUN
    for name in UNRUN - {"README.md"}:
        assert "Not run by the tests" in "".join((EXAMPLES / name).read_text().splitlines()[:2]), name


def test_the_openai_client(run: Run) -> None:
    assert [line.rstrip() for line in run(sys.executable, str(EXAMPLES / "openai_chat.py"))] == SHOWN


def test_the_openai_client_for_node(run: Run, tmp_path: pathlib.Path) -> None:
    modules = os.environ.get("NODE_MODULES")
    if shutil.which("node") is None or not modules:
        pytest.skip("needs node, and NODE_MODULES: a folder in which the package openai is installed")
    (tmp_path / "node_modules").symlink_to(modules)
    shutil.copy(EXAMPLES / "openai_chat.mjs", tmp_path)
    assert [line.rstrip() for line in run("node", str(tmp_path / "openai_chat.mjs"))] == SHOWN


def test_langchain(run: Run) -> None:
    assert run(sys.executable, str(EXAMPLES / "langchain_chat.py")) == SHOWN


def test_mem0_s_client(run: Run, tmp_path: pathlib.Path) -> None:
    lines = run(sys.executable, str(EXAMPLES / "mem0_client.py"), MEM0_DIR=str(tmp_path))
    assert lines == ["alice: ['My dog is called Biscuit.']", "bob: []"]


def test_the_model_context_protocol(run: Run) -> None:
    lines = run(sys.executable, str(EXAMPLES / "mcp_client.py"))
    assert lines == ["alice: ['My dog is called Biscuit.']", "bob: []"]


def test_curl(run: Run) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    lines = run("sh", str(EXAMPLES / "chat.sh"))
    said = [json.loads(line.partition(": ")[2])["choices"][0]["message"]["content"] for line in lines[:3]]
    assert said == ["Noted.", "Biscuit.", "I do not know."]
    assert [memory["text"] for memory in json.loads(lines[3])["memories"]] == ["My dog is called Biscuit."]
    assert "Biscuit" in json.loads(lines[4])["block"]


# --- how the gateway itself is run ------------------------------------------------------------------------------

COMPOSED = {
    "POSTGRES_PASSWORD": "secret",
    "GATEWAY_KEYS": "acme:key",
    "OPENAI_API_KEY": "sk-1",
    "OPENAI_BASE_URL": "http://models.example.com/v1",
}


def filled(text: str) -> str:
    """Text with Compose's variables replaced."""
    return re.sub(r"\$\{(\w+)(:[?-][^}]*)?\}", lambda variable: COMPOSED[variable[1]], text)


def configured(environ: dict[str, str], file: pathlib.Path | None = None) -> Config:
    """The configuration of a container of our image."""
    image = dict(re.findall(r"(GATEWAY_\w+)=(\S+)", (EXAMPLES.parent / "Dockerfile").read_text()))
    return load(file, {**image, **environ})


def manifests(name: str) -> dict[str, Any]:
    """Kubernetes' objects by their kinds."""
    text = (EXAMPLES / "kubernetes" / name).read_text()
    assert "Not run by the tests" in "".join(text.splitlines()[:2])
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


@pytest.mark.parametrize("name", ["compose.yaml", "examples/compose.sqlite.yaml"])
def test_compose_starts_what_serves_others(name: str) -> None:
    file = EXAMPLES.parent / name
    services = yaml.safe_load(filled(file.read_text()))["services"]
    assert ((file.parent / services["gateway"]["build"]) / "Dockerfile").exists()
    config = configured(services["gateway"]["environment"])
    assert config.address == ("0.0.0.0", 8080)
    assert [key.tenant for key in config.keys] == ["acme"]
    assert config.upstreams[0].base_url == COMPOSED["OPENAI_BASE_URL"]
    assert (config.store_url is not None) == ("postgres" in services)
    assert all(port.startswith("127.0.0.1:") for service in services.values() for port in service.get("ports", ()))


def test_a_sidecar_is_reached_by_its_pod_alone() -> None:
    pod = manifests("sidecar.yaml")["StatefulSet"]["spec"]["template"]["spec"]
    (gateway,), (application,) = pod["initContainers"], pod["containers"]
    config = configured({each["name"]: each["value"] for each in gateway["env"]})
    assert config.address == ("127.0.0.1", 8080)
    assert str(config.store_file) == "/data/memory.db"
    assert gateway["volumeMounts"][0] == {"name": "memory", "mountPath": "/data"}
    assert application["env"][0]["value"] == "http://127.0.0.1:8080/v1"
    assert pod["terminationGracePeriodSeconds"] > config.limits.drain
    for probe in ("startupProbe", "livenessProbe"):
        compile(gateway[probe]["exec"]["command"][2], probe, "exec")


def test_a_shared_service_has_its_secrets_probes_and_time_to_drain(tmp_path: pathlib.Path) -> None:
    found = manifests("shared.yaml")
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (gateway,) = pod["containers"]
    secret = found["Secret"]["stringData"]
    environ = {each["name"]: secret[each["valueFrom"]["secretKeyRef"]["key"]] for each in gateway["env"]}
    file = tmp_path / "config.yaml"
    file.write_text(found["ConfigMap"]["data"]["config.yaml"])
    config = configured(environ, file)
    assert config.store_url is not None
    assert [key.tenant for key in config.keys] == ["acme", "umbrella"]
    assert [gateway[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")] == [
        *("/healthz", "/healthz", "/readyz")
    ]
    assert found["Deployment"]["spec"]["replicas"] == 2
    assert pod["terminationGracePeriodSeconds"] > config.limits.drain
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert found["Service"]["spec"]["selector"] == labels
