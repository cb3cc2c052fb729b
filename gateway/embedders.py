"""The models that make vectors: the prepared default one in onnxruntime, and any that sentence-transformers loads."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import logging
import string
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gateway import model as models
from gateway.adapters import CORRECTIONS, QUESTIONS, STATEMENTS
from gateway.bert import MAX_TOKENS
from gateway.embed import Embedder, EmbeddingError, Encoding, Floats, ThreadEmbedder, Tokens, encodable
from gateway.model import ModelError
from gateway.tagging import MOST, Span, Windows

Kind = Literal["auto", "onnx", "sentence-transformers", "none"]

CHARACTERS_PER_TOKEN = 32
"""How much text is read for each token that the model takes: a pasted file would hold the thread for seconds."""
log = logging.getLogger(__name__)


class OnnxEmbedder(ThreadEmbedder):
    """The prepared default model in onnxruntime."""

    def __init__(self, prepared: Path, threads: int = 1) -> None:
        """`prepared` as `model.prepare` returns it; takes 0.1 s. Raises ModelError."""
        runtime = _library("onnxruntime")
        # The runtime's errors have no class in common.
        state = vars(_library("onnxruntime.capi.onnxruntime_pybind11_state")).values()
        self._failures = tuple(each for each in state if isinstance(each, type) and issubclass(each, Exception))
        unusable: tuple[type[Exception], ...] = (OSError, ValueError, TypeError, EmbeddingError, *self._failures)
        try:
            manifest = models.Manifest.read(prepared)
            self._published, self._question, self._statement, self._change = (
                runtime.InferenceSession(
                    str(prepared / name), _session_options(runtime, threads), providers=["CPUExecutionProvider"]
                )
                for name in (models.ONNX_FILE, QUESTIONS.file, STATEMENTS.file, CORRECTIONS.file)
            )
            self._table = models.words(prepared)
            self._tokenizer = _library("tokenizers").Tokenizer.from_file(str(prepared / models.TOKENIZER_FILE))
            self._most = manifest.max_tokens
            self._windows = Windows(self._tokenizer, manifest.max_tokens)
            self._beside = ThreadPoolExecutor(1, "question")
            self._words = self._word_ids()
            self.forward("The first forward is the slow one.", query=True)
            self._tag("The first forward is the slow one.", "", [(0, 3)])
            self.changed("The first forward is the slow one.")
        except unusable as error:
            raise ModelError(f"the prepared model in {prepared} cannot be loaded: {error}") from error
        super().__init__(manifest.embedder, manifest.dimension)
        self.tagger = self._tag

    def forward(self, text: str, query: bool) -> Encoding:
        ids = self._ids(text)
        rows = self._table[ids]
        try:
            asking = self._beside.submit(self._hidden, self._question, rows) if query else None
            hidden = self._hidden(self._published, rows)
            turned = asking.result().mean(axis=0) if asking else None
        except self._failures as error:
            raise EmbeddingError(f"the model failed: {error}") from error
        words = self._words[ids]
        return Encoding(hidden.mean(axis=0), ids[words].astype(np.int32), hidden[words], turned)

    def changed(self, text: str) -> Floats:
        try:
            found: Floats = self._hidden(self._change, self._table[self._ids(text)]).mean(axis=0)
        except self._failures as error:
            raise EmbeddingError(f"the model failed: {error}") from error
        return found

    def _ids(self, text: str) -> NDArray[np.int64]:
        given = self._tokenizer.encode(text[: CHARACTERS_PER_TOKEN * self._most]).ids
        return np.array(given if len(given) <= self._most else [*given[: self._most - 1], given[-1]], np.int64)

    def _tag(self, text: str, asked: str, spans: Sequence[Span | None]) -> Floats:
        """What its tokens tell of each piece of a message; on the caller's thread."""
        weights, bias = STATEMENTS.head
        found = np.full((len(spans), len(bias)), np.nan, np.float32)
        try:
            for window in islice(self._windows.of(encodable(text), encodable(asked), spans), MOST):
                hidden = self._hidden(self._statement, self._table[np.array(window.ids, np.int64)])
                for first, behind, number in window.pieces:
                    found[number] = weights @ hidden[first:behind].mean(axis=0) + bias
        except self._failures as error:
            log.warning("a message is judged without the model", extra={"reason": str(error)})
        return found

    def close(self) -> None:
        super().close()
        self._beside.shutdown()

    def _hidden(self, session: Any, words: Floats) -> Floats:
        hidden: Floats = session.run(["hidden"], {"words": words})[0]
        return hidden

    def _word_ids(self) -> NDArray[np.bool_]:
        vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        words = np.ones(max(vocabulary.values()) + 1, bool)
        words[[id for token, id in vocabulary.items() if _punctuation(token)]] = False
        words[list(self._tokenizer.get_added_tokens_decoder())] = False
        return words


class SentenceTransformersEmbedder(ThreadEmbedder):
    """Any model that sentence-transformers loads, from this machine's files only."""

    def __init__(self, model: str, threads: int = 1) -> None:
        """`model` is a name in the local cache or a folder; takes seconds. Raises ModelError."""
        library = _library("sentence_transformers")
        _library("torch").set_num_threads(threads)
        try:
            self._model = library.SentenceTransformer(_local(model), device="cpu", local_files_only=True)
            self._characters = CHARACTERS_PER_TOKEN * (self._model.max_seq_length or MAX_TOKENS)
            self._specials = set(getattr(self._model.tokenizer, "all_special_ids", ()))
            dimension = len(self.forward("How long is a vector?", query=False).vector)
        except (OSError, ValueError, RuntimeError, EmbeddingError) as error:
            raise ModelError(f"sentence-transformers finds no usable model {model!r} among local files") from error
        super().__init__(f"{Path(model).name}@{_digest(self._model)}", dimension)

    def forward(self, text: str, query: bool) -> Encoding:
        encode = self._model.encode_query if query else self._model.encode_document
        try:
            # Everything of one forward: the pooled vector and the last hidden states.
            raw = encode([text[: self._characters]], output_value=None, convert_to_numpy=False, show_progress_bar=False)
        except (RuntimeError, ValueError, TypeError) as error:
            raise EmbeddingError(f"the model failed: {error}") from error
        vector: Floats = raw[0]["sentence_embedding"].float().numpy()
        hidden = raw[0].get("token_embeddings")
        if hidden is None or hidden.shape[-1] != len(vector):
            return Encoding(vector, np.zeros(0, np.int32), np.zeros((0, len(vector)), np.float32))
        ids: Tokens = raw[0]["input_ids"].numpy().astype(np.int32)
        tokens = self._model.tokenizer.convert_ids_to_tokens(ids.tolist())
        words = [id not in self._specials and not _punctuation(token) for id, token in zip(ids, tokens, strict=True)]
        return Encoding(vector, ids[words], hidden.float().numpy()[words])


async def load(kind: Kind, model: str, threads: int, folder: Path) -> Embedder | None:
    """The embedder asked for, loaded in a thread; `folder` is where prepared models live.

    `auto` is the prepared file, made now if it is missing and the weights are installed, else sentence-transformers.
    None: `none` was asked for, or `auto` found nothing and has logged why. Raises ModelError for a kind that was asked
    for by name and cannot be had.
    """
    return await asyncio.to_thread(_load, kind, model, threads, folder)


def _load(kind: Kind, model: str, threads: int, folder: Path) -> Embedder | None:
    if kind == "none":
        return None
    if kind == "onnx":
        return _onnx(model, threads, folder)
    if kind == "sentence-transformers":
        return SentenceTransformersEmbedder(model, threads)
    try:
        return _onnx(model, threads, folder)
    except ModelError as unprepared:
        try:
            return SentenceTransformersEmbedder(model, threads)
        except ModelError as error:
            log.warning("no embedding model, recall goes by words alone: %s; %s", unprepared, error)
            return None


def _onnx(model: str, threads: int, folder: Path) -> Embedder:
    if not _default(model):
        raise ModelError(f"only {models.NAME} can be prepared for onnx, not {model}")
    return OnnxEmbedder(models.prepare(folder), threads)


def _default(model: str) -> bool:
    return model.removeprefix("sentence-transformers/") == models.NAME


def _local(model: str) -> str:
    """Where sentence-transformers finds `model`: for the default, its weights' package if that is installed."""
    try:
        return str(models.weights_folder()) if _default(model) else model
    except ModelError:
        return model


def _library(name: str) -> Any:
    # Imported when needed: `none` should not pay for it, nor the type checker for torch.
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelError(f"{name.replace('_', '-')} cannot be imported: pip install {name}") from error


def _session_options(runtime: Any, threads: int) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    # An arena keeps what the longest text ever took.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors
    return options


def _punctuation(token: str) -> bool:
    """Whether a token of a usual vocabulary (WordPiece, SentencePiece, byte pairs) is punctuation alone."""
    bare = token.removeprefix("##").lstrip("▁Ġ")
    return all(each in string.punctuation or unicodedata.category(each).startswith("P") for each in bare)


def _digest(model: Any) -> str:
    """The model's weights, and their precision."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.float().contiguous().numpy().tobytes())
    return f"{digest.hexdigest()[:12]}-{str(model.dtype).removeprefix('torch.')}"
