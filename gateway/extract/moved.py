"""What is set to another value: moved, postponed, renamed, raised."""

from __future__ import annotations

from gateway.domain import USER
from gateway.extract.aspects import COLOURS
from gateway.extract.groups import object_at
from gateway.extract.lexicon import TRAILING, VERBS
from gateway.extract.reading import Reading
from gateway.extract.slots import end_named
from gateway.extract.subjects import is_tie, predicate_of


def had_to(plain: list[str], at: int) -> bool:
    """ "Had to push the launch"."""
    return plain[max(0, at - 2) : at] == ["had", "to"] and (plain[at] + "ed" in SET or plain[at] + "d" in SET)


SET = frozenset(
    """
    moved changed pushed postponed rescheduled rebooked delayed extended shifted bumped switched updated renamed raised
    increased lowered reduced cut upped upgraded downgraded swapped converted ported migrated rewrote rewritten reset
    dyed painted coloured relaxed tightened set doubled put pulled brought transferred altered corrected revised
    """.split()
)


_SIDES = frozenset("topic title subject short long theme length style".split())
"""What a change of is a change of the whole: "my thesis topic", "my hair short"."""


DEFINITE = frozenset("my our the all everything its their".split())


_ONTO = frozenset("to into in for with until till onto".split())


_DIRECTIONS = frozenset("up back forward forwards out down over date time name".split())


def changed_to(reading: Reading, at: int) -> None:
    """ "Postponed the wedding to June", "they changed the door code"."""
    plain, stop = reading.plain, reading.stop
    begin = at + 1 + (reading.word(at + 1) in ("up", "back", "out"))
    if reading.word(begin) not in DEFINITE or begin + 1 >= stop:
        return
    end = next((k for k in range(begin + 1, min(stop, begin + 8)) if not _nominal(reading, k)), min(stop, begin + 8))
    colour = end - 1 if plain[end - 1] in COLOURS and end - begin > 2 else end
    nouns = [word for word in plain[begin + 1 : colour] if word not in _DIRECTIONS | DEFINITE] or [plain[end - 1]]
    noun = predicate_of(nouns)
    if noun in ("mind", "subject", "topic", "conversation", "way") or is_tie(noun) or not noun.isascii():
        return
    onto = reading.word(end) in _ONTO and (reading.word(end) != "in" or plain[at] in ("rewrote", "rewritten"))
    said = (
        object_at(reading.words, end + 1, stop, ("last", "on", "over", "from", "because", "and", "this"))[0]
        if onto
        else ""
    )
    if plain[at] in ("put", "set", "brought", "pulled") and not said and "up" not in plain[begin:end]:
        return
    reading.mentioned.attribute = (USER, noun)
    if plain[at] == "swapped" and reading.words.named(end - 1):
        end_named(reading, USER, reading.words.between(begin, end))
        return
    if colour < end:
        reading.state(USER, f"{noun} colour", plain[colour])
    elif said and reading.word(end + 1) not in VERBS:
        reading.state(USER, noun, said)
    for word in dict.fromkeys((nouns[-1], nouns[0])):
        reading.end(USER, "", word)
    if nouns[-1] in _SIDES:
        reading.end(USER, "", nouns[0])
    reading.end(USER, "", " ".join(nouns))
    for predicate in (noun, f"deadline of {noun}", f"{noun} time", f"for {noun}", f"dose of {noun}", f"{noun} price",
                      f"{noun} colour", f"any {noun}"):  # fmt: skip
        reading.end(USER, predicate)


def _nominal(reading: Reading, at: int) -> bool:
    return (
        reading.words.is_word(at)
        and reading.plain[at] not in TRAILING
        and reading.plain[at] not in _ONTO | {"on", "from", "at", "by", "and", "this", "of"}
    )
