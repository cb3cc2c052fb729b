"""A message as a model sees it that tells of each of its pieces what sort of statement it is: windows of tokens."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
"""The first character of a run of text, and the one behind its last."""
ASKED = 40
"""Tokens of the assistant's message just before, its last ones, that stand before the user's."""
MOST = 4
"""Windows of a message that are read: a document is judged by its features alone behind them."""
LONGEST = 8_000
"""Characters of a message that are cut into tokens, more than stand in so many windows of most texts."""


class Tagger(Protocol):
    """A model that has learnt what messages state."""

    def __call__(self, text: str, asked: str, spans: Sequence[Span | None], /) -> NDArray[np.float32]:
        """Of each of a message's pieces, in order, how much speaks for each code of `extract.likely`: (pieces, codes),
        sums as of features; not a number where it tells nothing. `asked`: what the assistant said before. It may be
        called on any thread, and does not raise."""


@dataclass(frozen=True, slots=True)
class Window:
    """A run of a message's tokens that fits the model."""

    ids: list[int]
    pieces: list[tuple[int, int, int]]
    """First token and the one behind the last, in `ids`, and the number of the piece."""


class Windows:
    """Cuts messages into windows that hold whole pieces."""

    def __init__(self, tokenizer: Any, most: int) -> None:
        """`tokenizer` of the library tokenizers, from now on without padding and without an end; `most` tokens of a
        window."""
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer, self._most = tokenizer, most
        self._first, self._last = tokenizer.encode("").ids

    def of(self, text: str, asked: str, spans: Sequence[Span | None]) -> Iterator[Window]:
        """`spans` as character places, in order; one that is not known is left out."""
        encoded = self._tokenizer.encode(text[:LONGEST], add_special_tokens=False)
        before = self._tokenizer.encode(asked[-LONGEST:], add_special_tokens=False).ids[-ASKED:] if asked else []
        head = [self._first, *before, self._last] if before else [self._first]
        begins, ends = [begin for begin, _ in encoded.offsets], [end for _, end in encoded.offsets]
        waiting = []
        for number, span in enumerate(spans):
            first, behind = (bisect_right(ends, span[0]), bisect_left(begins, span[1])) if span else (0, 0)
            if first < behind:
                waiting.append((first, behind, number))
        at = 0
        while waiting:
            here = [piece for piece in waiting if piece[1] <= at + self._most - len(head) - 1]
            if not here:  # from the next piece on, as much of it as there is room for
                first, behind, number = waiting[0]
                room = self._most - len(head) - 1
                at, here = first, [(first, min(behind, first + room), number)]
                waiting[0] = here[0]
                here = [piece for piece in waiting if piece[1] <= at + room]
            waiting = waiting[len(here) :]
            stop = here[-1][1] if waiting else min(len(begins), at + self._most - len(head) - 1)
            shift = len(head) - at
            pieces = [(first + shift, behind + shift, number) for first, behind, number in here]
            yield Window([*head, *encoded.ids[at:stop], self._last], pieces)
            at = stop
