"""What stems mean, by the embedding model: so that weights fitted on few words hold for words like them."""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import Stemmer
from numpy.typing import NDArray

from gateway.embedders import load
from gateway.model import NAME, TOKENIZER_FILE, default_folder, weights_folder

COMMON = 12_000
"""Words of the model's own vocabulary, which has the commonest ones first."""
DIMENSIONS = 64
LENGTH = 1.5
"""Of a vector, the mean: how much of a weight its neighbours tell, where a feature by itself counts one."""


def stem_vectors(seen: Iterable[str]) -> dict[str, NDArray[np.float64]]:
    """Of the stems of the commonest words and of those seen; takes half a minute."""
    listed = json.loads((weights_folder() / TOKENIZER_FILE).read_text(encoding="utf-8"))["model"]["vocab"]
    common = [word for word in sorted(listed, key=listed.__getitem__) if _plain(word)][:COMMON]
    words = [*dict.fromkeys([*common, *filter(_plain, seen)])]
    vectors = asyncio.run(_encoded(words))
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    axes = np.linalg.svd(vectors[:COMMON:2], full_matrices=False)[2][:DIMENSIONS]
    of: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for stem, vector in zip(Stemmer.Stemmer("english", 0).stemWords(words), vectors @ axes.T, strict=True):
        of[stem].append(vector)
    means = {stem: np.mean(several, axis=0) for stem, several in of.items()}
    length = np.sqrt(np.mean([vector @ vector for vector in means.values()]))
    return {stem: vector * LENGTH / length for stem, vector in means.items()}


def _plain(word: str) -> bool:
    return len(word) > 1 and word.isascii() and word.isalpha()


async def _encoded(words: list[str]) -> NDArray[np.float64]:
    embedder = await load("auto", NAME, 1, default_folder(os.environ))
    assert embedder is not None
    vectors = np.array([each.vector for each in await embedder.encode(words)], dtype=np.float64)
    embedder.close()
    return vectors
