"""What tells whether a new statement makes an older one untrue: numbers of the pair."""

from __future__ import annotations

from math import log10

import numpy as np

from gateway.saying import PEOPLE, TYPES, Said

_OVER = frozenset("not no never none without off gone over out".split())
_SPEAKER = frozenset(("i", "we", "thing", "verb"))


def measured(new: Said, old: Said, best: float, among: int) -> dict[str, float]:
    """What can be counted of both. `best`: the nearest of the other older statements, its cosine; `among`: how many
    older ones there are."""
    near = cosine(new, old)
    shared = new.terms & old.terms
    people, others = _people(new), _people(old)
    found = {
        "cosine": near,
        "close": max(0.0, near - 0.4),
        "margin": min(0.4, max(-0.4, near - best)),
        "nearest": float(near >= best),
        "best": best,
        "among": min(1.0, log10(1 + among) / 3),
        "shared": min(3, len(shared)),
        "held": len(shared) / max(1, len(old.terms)),
        "holds": len(shared) / max(1, len(new.terms)),
        "person-new": float(bool(people - others)),
        "person-same": float(bool(people & others)),
        "person-old": float(bool(others - people)),
        "verb-same": float(bool(new.verbs & old.verbs)),
        "verb-old": float(bool(old.verbs)),
        "old-words": min(1.0, len(old.words) / 20),
        "new-words": min(1.0, len(new.words) / 30),
    }
    for count in (1, 2, 3):
        found[f"opens-{count}"] = float(new.words[:count] == old.words[:count])
    for sort in TYPES:
        was, now = old.types[sort], new.types[sort]
        found[f"{sort}-both"] = float(bool(was and now))
        found[f"{sort}-other"] = float(bool(was and now) and not was & now)
        found[f"{sort}-same"] = float(bool(was & now))
        found[f"{sort}-old"] = float(bool(was))
        found[f"{sort}-gone"] = float(bool(was) and not now)
    return found | _matched(new, old) | _told_of(new, old)


def _matched(new: Said, old: Said) -> dict[str, float]:
    """How well the words of each find a match among those of the other."""
    if not len(old.rare) or not len(new.rare):
        return {}
    match = old.encoding.token_vectors @ new.encoding.token_vectors.T
    of_old, of_new = match.max(axis=1), match.max(axis=0)
    same = np.isin(old.encoding.tokens, new.encoding.tokens) * old.rare
    return {
        "match-old": float(of_old @ old.rare / max(0.01, float(old.rare.sum()))),
        "match-new": float(of_new @ new.rare / max(0.01, float(new.rare.sum()))),
        "same-share": float(same.sum() / max(0.01, float(old.rare.sum()))),
        "same": min(2.0, float(same.sum())),
        "best-two": float(np.sort(of_old * old.rare)[-2:].sum()),
        "unmatched": float((of_old < 0.4).mean()),
    }


def _told_of(new: Said, old: Said) -> dict[str, float]:
    """Whether both tell of the same."""
    sort, subject = old.subjects[0]
    first, whose = new.subjects[0]
    near = {word for word in old.words if len(word) > 3}
    ended = any(
        word in near and not _OVER.isdisjoint(new.words[max(0, at - 4) : at + 5]) for at, word in enumerate(new.words)
    )
    return {
        "subject-again": float(any(subject & words for _, words in new.subjects)),
        "subject-there": float(not subject.isdisjoint(new.words)),
        "other-person": float(any(each == "person" and not words & _people(old) for each, words in new.subjects)),
        "other-person-first": float(first == "person" and not whose & _people(old)),
        "other-name-first": float(first == "name" and whose.isdisjoint(old.words)),
        "own": float(first in _SPEAKER and sort in _SPEAKER),
        "name-first": float(not old.types["name"].isdisjoint(new.words[:4])),
        "over-beside": float(ended),
    }


def cosine(new: Said, old: Said) -> float:
    return float(new.encoding.vector @ old.encoding.vector)


def _people(one: Said) -> set[str]:
    return {word for word in one.words if word in PEOPLE}
