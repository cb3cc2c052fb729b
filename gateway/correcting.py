"""Closes older memories that a message has made untrue, once it has its vectors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import numpy as np

from gateway.corrections import NEAREST, Floats, Gone, gone, over
from gateway.embed import Embedder, Encoding
from gateway.extract.fragments import fragments, rest
from gateway.extract.local import statements
from gateway.model import ID
from gateway.store import Left, Rival, Stated, Store, Superseded, Unencoded
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
    contested = await store.contested(message.scope, message.key, embedder.id, embedder.dimension)
    for ended in contested.ended:
        left = await _left_by_rule(embedder, ended)
        if left:
            await store.retain(message.scope, ended, left)
    closed = 0
    older = list(contested.older)
    for text, encoding in pieces if older else ():
        near = await asyncio.to_thread(_nearest, encoding, older)
        near, olds = await _closest(embedder, encoding, near)
        standing = [rival.standing for rival in near]
        found = over(await embedder.read_change(text), olds, standing, len(older))
        if found is None:
            continue
        old = near[found.place]
        by = await _successor(embedder, contested.stated, olds[found.place][min(found.gone.over)])
        # A standing memory is over by what is itself a statement of the user's, not by what they quote.
        if old.standing:
            own = over(await embedder.read_change(by.text), olds, standing, len(older))
            if own is None or own.place != found.place:
                continue
            found = own
        left = _left(old.text, found.gone, by.text, old.standing)
        closed += await store.supersede(message.scope, old.memory, by.memory, standing=old.standing, left=left)
        older = [rival for rival in older if rival is not old]
        if not older:
            break
    if closed:
        _log.debug("older memories closed", extra={"memories": closed})
    return closed


async def _closest(embedder: Embedder, new: Encoding, older: list[Rival]) -> tuple[list[Rival], list[Floats]]:
    """Those that have the nearest fragments, nearest first, and the vectors of these."""
    several = [fragments(rival.text) for rival in older]
    found = await embedder.encode([each for texts in several for each in texts])
    vectors = np.split(np.stack([each.vector for each in found]), np.cumsum([len(texts) for texts in several])[:-1])
    order = sorted(range(len(older)), key=lambda at: -float((vectors[at] @ new.vector).max()))[:NEAREST]
    return [older[at] for at in order], [vectors[at] for at in order]


async def _left_by_rule(embedder: Embedder, ended: Superseded) -> Left | None:
    """What is left of a memory that a rule has ended: rules close it as a whole."""
    several = fragments(ended.text)
    if len(several) == 1:
        return None
    olds = np.stack([found.vector for found in await embedder.encode(several)])
    return _left(ended.text, gone(await embedder.read_change(ended.by.text), olds), ended.by.text, ended.standing)


def _left(old: str, parts: Gone, by: str, standing: bool) -> Left | None:
    left = rest(old, parts.over, by, parts.stays)
    if not left:
        return None
    told = statements(left)
    return Left(left, standing and any(one.standing for one in told), told[0].kind if told else None)


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
