"""Which of the seven kinds a statement is."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.domain import USER, Kind, Triple
from gateway.extract.likely import LETTERS, Verdict

_ALL: tuple[Kind, ...] = tuple(LETTERS.values())
_WISHES: tuple[Kind, ...] = ("preference", "rule")


def kind_of(judged: Sequence[tuple[Verdict, int]], rest: Sequence[str], triples: Sequence[Triple], told: bool) -> Kind:
    """Of the pieces of a statement, each with its number of words. `rest`: the statement's words behind its opening;
    `told`: it says how to answer, or what the user is called."""
    if "me" in rest[1:6] and not {"call", "address"}.isdisjoint(rest[:5]):
        return "preference"
    if any(triple.subject == USER and triple.predicate in ("name", "called") for triple in triples):
        return "fact"
    return likeliest(judged, _WISHES if told else _ALL)


def likeliest(judged: Sequence[tuple[Verdict, int]], among: Sequence[Kind] = _ALL) -> Kind:
    """The kind that most of the words are likely of."""
    sums = {kind: sum(verdict.kinds[kind] * length for verdict, length in judged) for kind in among}
    return max(sums, key=sums.__getitem__)
