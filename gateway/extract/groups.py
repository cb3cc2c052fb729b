"""The verb group of a clause, and the object behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.extract.lexicon import ADVERBS, ARTICLES, BE, OBJECT_STOPS, TRAILING, VERBS
from gateway.extract.tokens import Words, first_of

_UNREAL = frozenset("would might could should may must".split())
_HAVE = frozenset("have has had".split())
_TIMES = frozenset("last next this every each".split())
_SPANS = frozenset(
    "day days week weeks month months year years hour hours minutes night weekend morning evening afternoon time "
    "monday tuesday wednesday thursday friday saturday sunday summer winter spring autumn".split()
)
_LASTING = frozenset("live work stay use study drive rent teach take eat drink smoke date share train wear".split())
"""What goes on for long: "I was living in Paris" tells of another time, "I was hoping for June" of now."""
_PASSIVE = frozenset("called named".split())
_ACTIVE_STATES = frozenset("moved gone divorced split retired married started".split())


@dataclass(slots=True)
class Group:
    """What the verb of a clause says."""

    verb: str = ""
    """Base form; "be" and "have" where nothing else is behind them; empty: no verb was known."""
    form: str = ""
    """As said."""
    after: int = 0
    """The place behind it."""
    negated: bool = False
    over: bool = False
    """It was so and is not any more."""
    unreal: bool = False
    """Would, might, should."""
    future: bool = False
    perfect: bool = False
    being: bool = False
    """A form of "be" stands in it."""
    was: bool = False
    """A past form of "be" does."""

    @property
    def past(self) -> bool:
        """Something that was done, which need not be so now."""
        if self.was and self.form.endswith("ing") and self.verb in _LASTING:
            return True
        finite = self.form != self.verb and not self.form.endswith(("s", "ing")) and self.verb not in ("be", "have")
        return (finite and not self.being) or self.form in ("was", "were", "had", "did")


def group_at(words: Words, start: int, stop: int) -> Group:
    """The verb group that begins at `start`."""
    plain = words.plain
    group = Group(after=start)
    at, last = start, ""
    while at < stop:
        word = plain[at]
        if word == "no" and plain[at + 1 : at + 2] == ["longer"]:
            group.over = group.negated = True
            at += 1
        elif word in ("not", "never"):
            group.negated = True
        elif word == "used" and plain[at + 1 : at + 2] == ["to"] and not group.being:
            group.over = True
            at += 1
        elif word in _UNREAL:
            group.unreal = True
        elif word in ("will", "shall"):
            group.future = True
        elif word == "going" and plain[at + 1 : at + 2] == ["to"] and group.being:
            group.future = True
            at += 1
        elif word in BE or word in ("do", "does", "did", "can"):
            group.being = group.being or word in BE
            group.was = group.was or word in ("was", "were")
            last = word
        elif word in _HAVE and _auxiliary(words, at, stop):
            group.perfect, last = True, word
        elif word not in ADVERBS or (word in VERBS and last):
            break
        at += 1
    _main(words, group, at, stop, last)
    if group.negated and any(_no_more(words, at, stop) for at in range(max(group.after, stop - 8), stop)):
        group.over = True
    return group


def _no_more(words: Words, at: int, stop: int) -> bool:
    """Whether "any more" stands there with nothing that there is more of: "not any more questions"."""
    plain = words.plain
    if plain[at : at + 2] in (["any", "more"], ["any", "longer"]):
        return at + 2 >= stop or not words.is_word(at + 2)
    return plain[at] == "anymore"


def _main(words: Words, group: Group, at: int, stop: int, last: str) -> None:
    word = words.plain[at] if at < stop else ""
    passive = group.being and not word.endswith("ing") and word not in _PASSIVE | _ACTIVE_STATES
    if word in VERBS and not (passive and not group.future and not group.unreal and not group.over):
        group.verb, group.form, group.after = VERBS[word], word, at + 1
    elif last in _HAVE or word in _HAVE:
        group.verb, group.form, group.after = "have", word or last, at + (word in _HAVE)
    elif group.being:
        group.verb, group.form, group.after = "be", last, at


def _auxiliary(words: Words, at: int, stop: int) -> bool:
    """Whether "have" stands before another verb: "have moved", "have just been"."""
    place = at + 1
    while place < stop and (words.plain[place] in ADVERBS or words.plain[place] == "not"):
        place += 1
    word = words.plain[place] if place < stop else ""
    return word in BE or (word in VERBS and VERBS[word] != word) or word in ("quit", "become", "come", "given", "read")


def object_at(words: Words, start: int, stop: int, also: Iterable[str] = ()) -> tuple[str, int]:
    """The object that begins at `start` in the user's own words, and where it ends; "" if there is none."""
    plain = words.plain
    stops = OBJECT_STOPS.union(also)
    end = first_of(plain, stops, start)
    while end + 1 < stop and plain[end] == "." and words.is_word(end + 1):
        end = first_of(plain, stops, end + 1)
    end = place = min(end, stop)
    while start < end and (plain[start] in ARTICLES or plain[start] in ("to", "just", "now", "actually", "only")):
        if plain[start] == "her" and end - start == 1:
            break
        start += 1
    end = _trimmed(words, start, end)
    return words.between(start, end).strip(" '\"“”"), place


def _trimmed(words: Words, start: int, end: int) -> int:
    """Without the words of time and of manner at its end."""
    plain = words.plain
    while end > start:
        if plain[end - 1] in TRAILING and end - 1 > start:
            end -= 1
        elif plain[end - 1] == "all" and plain[end - 2] in ("after", "at") and end - start > 2:
            end -= 2
        elif plain[end - 1] in ("more", "longer", "moment", "days") and plain[end - 2] in ("any", "the", "these"):
            end -= 2 + (plain[end - 3 : end - 2] == ["at"])
        elif end - start > 2 and plain[end - 1] in _SPANS and plain[end - 2] in _TIMES:
            end -= 2
        elif (end - start > 3 and plain[end - 1] == "ago") or (
            end - start > 3 and plain[end - 1] in _SPANS and plain[end - 3] in ("for", "in", "about")
        ):
            end -= 3
        elif end - start > 2 and plain[end - 2] == "in" and _is_time(plain[end - 1]):
            end -= 2
        else:
            break
    return end


def _is_time(word: str) -> bool:
    return (word.isdigit() and len(word) == 4) or word in (
        "january february march april may june july august september october november december".split()
    )


def listed(text: str) -> list[str]:
    """The members of "nuts, cats and dogs"."""
    parts = [text]
    for joint in (" and ", " & ", " or ", ","):
        parts = [piece for part in parts for piece in part.split(joint)]
    found = []
    for part in parts:
        words = part.split()
        while words and words[0].lower() in ("a", "an", "the", "also", "my", "some", "both", "and", "or", "to", "bit"):
            words = words[1:]
        if words:
            found.append(" ".join(words))
    return found


_WHEN = frozenset(
    "in on since last this at after because about around for every next during by until a from when with as".split()
)


def lasting_object(text: str) -> str:
    """The object, or "" where what stands in its place is a time or a circumstance: "in January"."""
    if text.endswith(("ago", "cold turkey")):
        return ""
    return "" if text.split(maxsplit=1)[:1] and text.split(maxsplit=1)[0].lower() in _WHEN else text


def bare(text: str) -> str:
    """Without articles and possessives in front."""
    return " ".join(listed_words(text))


def listed_words(text: str) -> list[str]:
    words = text.split()
    while len(words) > 1 and words[0].lower() in ARTICLES:
        words = words[1:]
    return words
