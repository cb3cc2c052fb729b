"""A wish on how to be answered, behind what the user says of themselves in the same sentence."""

from __future__ import annotations

from itertools import pairwise

from gateway.extract.acts import act, opening
from gateway.extract.cuts import OWN, cuts
from gateway.extract.guard import refusal
from gateway.extract.manner import manner
from gateway.extract.segments import Segment
from gateway.extract.tokens import Words

_ABOUT_A_TASK = frozenset(
    """
    write writing draft drafting make making prepare preparing send sending email mail letter essay report
    post message text presentation speech talk cv poem story article blog slides website homework assignment exam
    reply answer translate translation recipe plan list summary
    """.split()
)
"""What the user speaks of where a wish is about one piece of work."""
_GIVING = frozenset("use suggest recommend mention offer give show include add write answer put name".split())


def apart(segment: Segment) -> list[Segment]:
    """The sentence; or what is said in it, and the wish: "I live in Lyon, so please answer in French"."""
    words = segment.words or Words(segment.text)
    start = opening(words)
    if segment.lead or not words.plain or words.plain[start : start + 1] not in ([own] for own in OWN):
        return [segment]
    spans = cuts(words, start)
    for (_, end), (begin, _) in pairwise(spans):
        if not _wish(words, begin):
            continue
        wanting = words.plain[start + 1] in ("need", "want")
        told = not wanting and _ABOUT_A_TASK.isdisjoint(words.plain[start:end]) and act(words, start, end) == "states"
        if told and not refusal(segment.text):
            return [Segment(words.text[: words.end(end - 1)]), Segment(words.text[words.start(begin) :])]
        break
    return [segment]


def _wish(words: Words, at: int) -> bool:
    """Whether a clause is an order that tells how to answer, or, behind "so", what always or never to do."""
    plain = words.plain
    if plain[at] in OWN:
        return False
    always = plain[at] in ("never", "always") and plain[at - 1] == "so"
    return manner(words, at) or (always and not _GIVING.isdisjoint(plain[at + 1 : at + 2]))
