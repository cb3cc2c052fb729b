"""Closes older memories that a message has made untrue, once it has its vectors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import numpy as np

from gateway.corrections import NEAREST, Floats, over
from gateway.embed import Embedder, Encoding
from gateway.model import ID
from gateway.store import Rival, Stated, Store, Unencoded
from gateway.words import label

_HEADINGS = frozenset(
    "correction corrections update updates edit note news fyi ps btw reminder status question sorry change".split()
)
"""What labels a message other than the name of who says it."""

LOOKED_AT = 12
"""Older memories whose own texts are compared: the nearest by the vectors of the messages that state them, of which
several share one."""

_log = logging.getLogger(__name__)


async def correct(store: Store, embedder: Embedder, message: Unencoded, pieces: Sequence[tuple[str, Encoding]]) -> int:
    """Close what the message ends; returns how many memories. `pieces`: its texts with their vectors.

    Only with the model that the judge was fitted to, and only where one person speaks: what labelled participants say
    to each other seldom ends anything. Raises StoreError and EmbeddingError.
    """
    if embedder.id != ID or _labelled(message.text):
        return 0
    stated, older = await store.rivals(message.scope, message.key, embedder.id, embedder.dimension)
    if not stated or not older:
        return 0
    closed = 0
    for text, encoding in pieces:
        near = await asyncio.to_thread(_nearest, encoding, older)
        olds = np.stack([found.vector for found in await embedder.encode([rival.text for rival in near])])
        order = np.argsort(-(olds @ encoding.vector), kind="stable")[:NEAREST]
        near, olds = [near[at] for at in order], olds[order]
        standing = [rival.standing for rival in near]
        place = over(await embedder.read_change(text), olds, standing)
        if place is None:
            continue
        by = await _successor(embedder, stated, olds[place])
        # A standing memory is over by what is itself a statement of the user's, not by what they quote.
        if standing[place] and over(await embedder.read_change(by.text), olds, standing) != place:
            continue
        closed += await store.supersede(message.scope, near[place].memory, by.memory, standing=standing[place])
        older = [rival for rival in older if rival is not near[place]]
        if not older:
            break
    if closed:
        _log.debug("older memories closed", extra={"memories": closed})
    return closed


async def _successor(embedder: Embedder, stated: Sequence[Stated], old: Floats) -> Stated:
    """Which of the message's memories takes the place of the old one: the nearest."""
    if len(stated) == 1:
        return stated[0]
    found = await embedder.encode([one.text for one in stated])
    cosines = [float(each.vector @ old) for each in found]
    return stated[int(np.argmax(cosines))]


def _nearest(encoding: Encoding, older: Sequence[Rival]) -> list[Rival]:
    owners = [at for at, rival in enumerate(older) for _ in rival.vectors]
    rows = np.frombuffer(b"".join(vector for rival in older for vector in rival.vectors), np.int8)
    vectors = rows.reshape(len(owners), -1).astype(np.float32)
    cosines = vectors @ encoding.vector / np.maximum(1.0, np.linalg.norm(vectors, axis=1))
    order = np.argsort(-cosines, kind="stable")
    return [older[at] for at in list(dict.fromkeys(owners[row] for row in order))[:LOOKED_AT]]


def _labelled(text: str) -> bool:
    named = label(text)
    return named is not None and _HEADINGS.isdisjoint(named.casefold().split())
