"""A wish on how to be answered, behind what the user says of themselves in the same sentence."""

from __future__ import annotations

from itertools import pairwise

from gateway.extract.acts import act, opening
from gateway.extract.cuts import OWN, cuts
from gateway.extract.guard import refusal
from gateway.extract.manner import manner
from gateway.extract.segments import Segment
from gateway.extract.tokens import Phrases, Words

_LASTING = Phrases("from now on, from here on, in future, in the future, always, in all your, all your")
_STATES = frozenset(
    """
    am are live move moved speak read like love hate prefer cannot can do have struggle use work come was were grew
    """.split()
)
"""What follows "I" where the user tells how they are, which is why a wish is to last."""
_IN_PROGRESS = frozenset("learning studying practising practicing losing getting living based".split())
_PASSING = frozenset(
    """
    today tonight tomorrow yesterday hurry rush moment minute week weekend quiz game test bug error question problem
    write writing draft drafting make making prepare preparing send sending email mail letter essay report post
    message text presentation speech talk cv poem story article blog slides website homework assignment exam reply
    answer translate translation recipe plan list summary interview meeting
    """.split()
)
"""What the user speaks of where a wish is about one piece of work, or one day."""
_OF_OTHERS = frozenset(
    """
    say says said tell tells told write writes wrote texted text ask asks asked want wants wanted insist insists
    insisted demand demands requires guide prompt policy rule rules instruction instructions motto sign teach teaches
    taught advised suggested
    """.split()
)
"""Where somebody else's wishes are told."""
_POINTING = frozenset("them they him her his their i my our we".split())
_GIVING = frozenset("use suggest recommend mention offer give show include add write answer put name".split())


def apart(segment: Segment) -> list[Segment]:
    """The sentence; or what is said in it, and the wish: "I live in Lyon, so please answer in French"."""
    words = segment.words or Words(segment.text)
    start = opening(words)
    if segment.lead or not words.plain or words.plain[start : start + 1] not in ([own] for own in OWN):
        return [segment]
    spans = cuts(words, start)
    for (_, end), (begin, stop) in pairwise(spans):
        if not _wish(words, begin, stop):
            continue
        lasts = _LASTING.within(words.plain[begin:stop]) or _tells_how_one_is(words, start, end)
        own = _OF_OTHERS.isdisjoint(words.plain[start:end]) and words.plain[end] != ":"
        if lasts and own and act(words, start, end) == "states" and not refusal(segment.text):
            return [Segment(words.text[: words.end(end - 1)]), Segment(words.text[words.start(begin) :])]
        break
    return [segment]


def _wish(words: Words, at: int, stop: int) -> bool:
    """Whether a clause is an order that tells how to answer, or, behind "so", what always or never to do."""
    plain = words.plain
    if plain[at] in OWN or not _POINTING.isdisjoint(plain[at:stop]):
        return False
    always = plain[at] in ("never", "always") and plain[at - 1] == "so"
    return manner(words, at) or (always and not _GIVING.isdisjoint(plain[at + 1 : at + 2]))


def _tells_how_one_is(words: Words, start: int, end: int) -> bool:
    """ "I live in Lyon", "my eyes are bad"; not "I have a bug", "I'm doing a quiz"."""
    said = words.plain[start:end]
    if not _PASSING.isdisjoint(said) or len(said) < 3:
        return False
    if said[0] in ("my", "our"):
        return True
    if said[1] in ("am", "are"):
        return said[2] != "at" and (not said[2].endswith("ing") or said[2] in _IN_PROGRESS)
    if said[1] == "have":
        return said[2] not in ("a", "an", "to", "the", "some", "just")
    return said[1] in _STATES
