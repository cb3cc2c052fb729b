"""Which of the seven kinds a statement is."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain import USER, Kind, Triple
from gateway.extract.likely import Verdict


def kind_of(judged: Sequence[tuple[Verdict, int]], rest: Sequence[str], triples: Sequence[Triple], told: bool) -> Kind:
    """Of the pieces of a statement, each with its number of words. `rest`: the statement's words behind its opening;
    `told`: it says how to answer."""
    if _names(rest, triples):
        return "fact"
    if told:
        return _told(rest)
    return likeliest(judged)


def likeliest(judged: Sequence[tuple[Verdict, int]]) -> Kind:
    """The kind that most of the words are likely of."""
    sums: dict[Kind, float] = {}
    for verdict, length in judged:
        for kind, likely in verdict.kinds.items():
            sums[kind] = sums.get(kind, 0.0) + likely * length
    return max(sums, key=sums.__getitem__, default="fact")


def _told(rest: Sequence[str]) -> Kind:
    return (
        "rule"
        if {"always", "never"} & set(rest[:3]) and not {"answer", "reply", "respond", "use", "call"} & set(rest[:4])
        else "preference"
    )


def _names(rest: Sequence[str], triples: Sequence[Triple]) -> bool:
    return any(triple.subject == USER and triple.predicate in ("name", "called") for triple in triples) or (
        "call" in rest[:5] and "me" in rest[:6]
    )
