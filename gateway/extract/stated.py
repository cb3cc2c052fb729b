"""The part of a sentence that states something, beside its questions, commands and small talk."""

from __future__ import annotations

from gateway.extract.acts import Act, act, opening, small_talk, talks
from gateway.extract.asking import asks, polite_order
from gateway.extract.clauses import REASONS, of_user
from gateway.extract.cuts import FRESH, OWN, cuts, strict_command
from gateway.extract.lexicon import AUXILIARIES, VERBS
from gateway.extract.manner import conditional, forgets, lasting
from gateway.extract.segments import open_quote
from gateway.extract.tokens import Phrases, Words
from gateway.words import is_question

_REASONS = frozenset("since as because given considering seeing now while although though being".split())
_UNREAL = frozenset("if when suppose supposing assuming imagine unless whether say".split())
_NOT_TOLD = frozenset("wonder guess mean think need want wondering wanted asked said".split())
_PAST = frozenset(
    """
    was were had did went took made got bought saw met found wrote told gave sent built came left lost won read
    heard ran drove flew ate felt began kept held taught caught sold spent grew sang drew chose broke
    """.split()
)
_TOLD_TO = Phrases("""
    have you seen, have you heard, did you see, did you hear, did you know, do you remember, did i tell you,
    did i mention, have i told you, can you believe, do you know, guess what, remember when, remember the,
    remember that, remember how, have i mentioned, would you believe, you know
    """)


_HEADS = frozenset(
    """
    goal goals plan diet allergies allergy budget height weight age dream wish deadline preference preferences
    rule medication timezone
    """.split()
)


def stated(sentence: str, words: Words) -> str:
    """The sentence, or the part of it that states something; empty if none does."""
    start = opening(words)
    if small_talk(words, start) or small_talk(words, 0):
        return ""
    if is_question(sentence):
        return _beside_question(words, start)
    head = start + (words.plain[start] == "my")
    if words.plain[min(head, len(words) - 1)] in _HEADS and ":" in words.plain[head + 1 : head + 3]:
        return words.text
    if conditional(words, start):
        return words.text
    if forgets(words, start) or lasting(words, start):
        return "" if _once(words, start) else _without_tail(words, start)
    return _parts(words, start)


def _once(words: Words, start: int) -> bool:
    """A question after all, by its opening."""
    return (
        words.plain[start] in ("what", "why", "who", "how", "which", "does", "is", "are")
        and asks(words, start, len(words))
        and words.plain[-1] != "."
    )


def _beside_question(words: Words, start: int) -> str:
    """What is told in a question: a lasting wish put politely, the clauses before it, or a fact that it carries."""
    order = polite_order(words, start)
    if (
        order > start
        and lasting(words, order)
        and not {"remember when", "remember the"} & {" ".join(words.plain[order : order + 2])}
    ):
        return words.text
    told = _parts(words, start)
    if told and not is_question(told):
        return told
    return words.text if _carries_fact(words, start) else ""


def _carries_fact(words: Words, start: int) -> bool:
    """ "Have you seen the photos I took in Bali?": what the user did stands in a clause of the question."""
    plain = words.plain
    if not _TOLD_TO.at(plain, start):
        return False
    for at in range(start + 2, len(plain) - 1):
        following = plain[at + 1]
        mine = (
            plain[at] in ("i", "we")
            and plain[at - 1] not in AUXILIARIES
            and plain[at - 1] not in ("if", "how", "what", "why")
        )
        if mine and (
            following in _PAST
            or following in ("have", "am")
            or (following.endswith("ed") and following in VERBS)
            or (following.endswith("ed") and following not in ("need", "asked", "mentioned", "wanted"))
        ):
            return True
        if (
            plain[at] in ("my", "our")
            and plain[start] in ("did", "guess", "have", "can")
            and any(word in VERBS or word in AUXILIARIES for word in plain[at + 2 : at + 5])
        ):
            return True
    return False


def _parts(words: Words, start: int) -> str:
    """The stating clauses of a sentence, as one text from the first to the last of a run."""
    if start >= len(words):
        return ""
    whole = act(words, start, len(words))
    if whole == "talks":
        return _behind_talk(words, start)
    if whole == "invents":
        return ""
    spans = cuts(words, start)
    if len(spans) == 1:
        return words.text if whole == "states" else ""
    acts = [
        "talks" if open_quote(words, span[0]) else _act_of(words, span, place, spans)
        for place, span in enumerate(spans)
    ]
    return _joined(words, start, spans, acts)


def _act_of(words: Words, span: tuple[int, int], place: int, spans: list[tuple[int, int]]) -> Act:
    start, stop = span
    plain = words.plain
    if place and plain[start - 2] == "," and _reason(words, span):
        return "states"
    behind_reason = place == 1 and plain[spans[0][0]] in _REASONS and _verbal(words, spans[0])
    if place and not (strict_command(words, start, stop) or asks(words, start, stop) or FRESH.at(plain, start)):
        return "talks" if plain[start] in OWN and talks(words, start, stop) else "states"
    if (
        place == 0
        or place == len(spans) - 1
        or behind_reason
        or FRESH.at(plain, start)
        or strict_command(words, start, stop)
    ):
        found = act(words, start, stop)
        if found == "states" and FRESH.at(plain, start) and place:
            return "asks"
        return found
    return "states"


def _joined(words: Words, start: int, spans: list[tuple[int, int]], acts: list[Act]) -> str:
    """The first run of clauses that state; after a command or a question only what the user says of themselves."""
    plain = words.plain
    if all(one in ("states", "talks") for one in acts) and (acts[0] == "states" or len(words) - start > 7):
        return words.text
    runs: list[list[int]] = []
    for place, (span, one) in enumerate(zip(spans, acts, strict=True)):
        other = place and acts[place - 1] != "states"
        begin = span[0]
        reason = plain[begin] in _REASONS or (begin and plain[begin - 1] in _REASONS)
        unreal = plain[begin] in _UNREAL and not (
            plain[begin] == "when" and one == "states" and "was" in plain[begin : begin + 4]
        )
        if one != "states" or (unreal and acts[-1] != "states"):
            continue
        if runs and runs[-1][-1] == place - 1 and not other:
            runs[-1].append(place)
        elif _says(words, span, bool(reason)) if place == 0 else (_own(words, span) or _reason(words, span)):
            runs.append([place])
    if not runs:
        return ""
    best = max(runs, key=lambda run: spans[run[-1]][1] - spans[run[0]][0])
    first, last = spans[best[0]][0], spans[best[-1]][1]
    last -= best[0] > 0 and plain[last - 1] == "?"
    while (
        first < last - 1 and plain[first] in _REASONS and plain[first] != "now" and plain[first + 1] not in ("a", "an")
    ):
        first += 1 + (plain[first + 1] == "that")
    begin = 0 if best[0] == 0 and first == start else words.start(first)
    end = len(words.text) if last == len(words) else words.end(last - 1)
    end += words.text[end : end + 1] == "."
    return words.text[begin:end].strip()


def _reason(words: Words, span: tuple[int, int]) -> bool:
    """Whether a later clause tells of the user why something is asked or ordered."""
    return words.plain[span[0] - 1] in REASONS and (of_user(words, *span) or _own(words, span))


_CIRCUMSTANCES = frozenset("in on for at with about regarding to from by after before hi hello".split())


def _says(words: Words, span: tuple[int, int], reason: bool) -> bool:
    """Whether a first clause says something that could stand alone before a question or a command."""
    start, stop = span
    plain = words.plain
    if plain[start] == "as" and plain[start + 1 : start + 2] in (["a"], ["an"], ["someone"], ["somebody"]):
        return stop - start > 2
    while start < stop and plain[start] in _REASONS:
        start += 1
    if plain[start : start + 1] == ["that"]:
        start += 1
    if reason and of_user(words, start, stop):
        return True
    if _own(words, (start, stop)) or (plain[start : start + 2] == ["these", "days"] and stop - start > 4):
        return True
    if not reason and plain[start : start + 1] in (["no"], ["not"], ["never"], ["always"]):
        return stop - start > 2
    if reason or start >= stop or plain[start] in _CIRCUMSTANCES:
        return False
    if plain[start] in ("it", "that", "this", "these", "those", "you", "there"):
        return False
    return _verbal(words, (start + 1, stop)) and stop - start > 2


def _verbal(words: Words, span: tuple[int, int]) -> bool:
    return any(word in AUXILIARIES or word in VERBS for word in words.plain[span[0] : span[1]])


_LEADING = _REASONS | frozenset("that so and but also actually btw".split())
_WONDERING = Phrases("""
    wonder, guess, mean, think, am sorry, am wondering, am curious, was wondering, am not sure
    """)


def _own(words: Words, span: tuple[int, int]) -> bool:
    """Whether the user speaks of themselves, and not of what they ask."""
    start, stop = span
    plain = words.plain
    while start < stop and plain[start] in _LEADING:
        start += 1
    if start >= stop or plain[start] not in OWN:
        return False
    if plain[start] in ("my", "our"):
        return stop - start > 2 or stop < len(plain)
    if stop - start <= 2 or _WONDERING.at(plain, start + 1):
        return False
    return _NOT_TOLD.isdisjoint(plain[start + 1 : start + 3]) or act(words, start, stop) == "states"


def _behind_talk(words: Words, start: int) -> str:
    """ "Sorry, I meant my flight is at 10": what is said behind the talk about the talk."""
    plain = words.plain
    for at in range(start + 1, min(len(plain) - 2, start + 12)):
        if plain[at] in ("my", "our") and plain[at - 1] in (
            "meant",
            "mean",
            ",",
            "said",
            ":",
            ";",
            "-",
            "—",
            "and",
            "but",
        ):
            return (
                words.text
                if any(word in AUXILIARIES or word in VERBS for word in plain[at + 1 :]) and not is_question(words.text)
                else ""
            )
        if (
            plain[at] in ("i", "we")
            and plain[at - 1] in ("meant", "mean", ",", ":", ";", "-", "—", "and", "but", ".")
            and not talks(words, at, len(plain))
        ):
            rest = words.text[words.start(at) :]
            return (
                rest
                if act(words, at, len(plain)) == "states" and not is_question(rest) and _own(words, (at, len(plain)))
                else ""
            )
    return ""


def _without_tail(words: Words, start: int) -> str:
    """A lasting wish without the question or the command behind it."""
    spans = cuts(words, start)
    while len(spans) > 1:
        begin, stop = spans[-1]
        if not (asks(words, begin, stop) and FRESH.at(words.plain, begin)) and not (
            strict_command(words, begin, stop)
            and not lasting(words, begin)
            and words.plain[begin : begin + 1] != ["please"]
        ):
            break
        spans.pop()
    stop = spans[-1][1]
    return words.text if stop == len(words) else words.text[: words.end(stop - 1)]
