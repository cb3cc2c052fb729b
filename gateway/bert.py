"""The layers of the default embedding model (BERT) as an ONNX graph, written from its weights without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

LAYERS = 6
HEADS = 12
DIMENSION = 384
MAX_TOKENS = 256
"""The length that the published model cuts at, special tokens included."""
BLOCK = 128
"""Weights that share one scale. Lowest cosine to the exact model over 400 turns and questions: 0.997 (0.981 with one
scale a channel and activations scaled per tensor, as `quantize_dynamic` does, in three quarters of the time)."""

WORDS = "embeddings.word_embeddings.weight"
Weights = Mapping[str, NDArray[np.float32]]


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


class Words:
    """The model's word table: int8 with a scale a row. It is the larger half of the model, and held once however many
    graphs read with it."""

    def __init__(self, levels: NDArray[np.int8], scales: NDArray[np.float32]) -> None:
        """(vocabulary, 384) and (vocabulary, 1)."""
        self.levels, self.scales = levels, scales

    @classmethod
    def quantized(cls, weights: Weights) -> Words:
        table = weights[WORDS]
        scales = np.abs(table).max(axis=1, keepdims=True) / 127
        return cls(np.rint(table / scales).astype(np.int8), scales.astype(np.float32))

    def __getitem__(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """(tokens, 384)."""
        return self.levels[ids] * self.scales[ids]


def graph(weights: Weights, *, exact: bool = False) -> onnx.ModelProto:
    """BERT's layers as ONNX: `words` float32 (tokens, 384), rows of the word table, in, `hidden` float32
    (tokens, 384), the last hidden state, out.

    One text at a time: on one thread a batch is no faster, and without padding there is no mask. The layers' weights
    are int8 with a scale per BLOCK, float32 if `exact`. Raises ImportError where there is no onnx.
    """
    from onnx import TensorProto, helper, numpy_helper

    bert = _Bert(weights, exact)
    hidden = bert.layers()
    body = helper.make_graph(
        [helper.make_node(**node) for node in bert.nodes],
        "bert",
        [helper.make_tensor_value_info("words", TensorProto.FLOAT, ["tokens", DIMENSION])],
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
        positions = self._weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
        first_segment = self._weights["embeddings.token_type_embeddings.weight"][0]
        start = self._constant("zero", np.zeros(1, np.int64))
        length = self._apply("Shape", "words", start=0, end=1)
        placed = self._apply("Slice", self._constant("positions", positions + first_segment), start, length, start)
        return self._apply("Add", "words", placed)

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
