"""Where a sentence turns from telling to asking or to ordering."""

from __future__ import annotations

from gateway.extract.acts import act
from gateway.extract.clauses import BREAKS, REASONS, joints, of_user, one_subject
from gateway.extract.lexicon import AUXILIARIES, TIES, VERBS
from gateway.extract.tokens import Phrases, Words, first_of
from gateway.words import is_question

OWN = frozenset("i we my our".split())


FRESH = Phrases("""
    what should, what can, what could, what do, what is, what are, what would, how should, how do, how can,
    how could, how much, how many, how long, should i, can you, could you, would you, do you, is it, are there,
    is there, any ideas, any tips, any suggestions, any advice, please suggest, which one, where can,
    where should, when should, what to, help me, give me, tell me, show me, suggest a, suggest some,
    recommend a, recommend some, write me, can i, could i, what kind, what time, which would, who should
    """)


_STRICT = frozenset("me us a an the some my this it these three two five ten your all".split())


def cuts(words: Words, start: int) -> list[tuple[int, int]]:
    """The clauses from `start` on, as spans of words: cut where a question, a command or the user's own words begin."""
    plain = words.plain
    spans: list[tuple[int, int]] = []
    begin = start
    edges = {following: end for end, following in joints(words) if end > start}
    for at in range(start + 1, len(plain)):
        end = edges.get(at)
        if end is None:
            if begin + 2 < at and plain[begin] in OWN and _asks_afresh(words, at):
                spans.append((begin, at))
                begin = at
        elif (
            at > begin
            and not _of_several(words, begin, end, at)
            and (plain[end] in ",;:.!?…()—–--" or plain[end] == "-" or _new_act(words, at))
        ):
            spans.append((begin, end))
            begin = at
    return [*spans, (begin, len(plain))]


def _of_several(words: Words, begin: int, end: int, at: int) -> bool:
    """ "Ana and I", "my wife and I": but half of a subject stands before "and"."""
    person = words.named(end - 1) or words.plain[end - 1] in TIES
    return person and words.plain[end:at] == ["and"] and words.plain[at] in OWN and one_subject(words, begin, end, at)


_UNKNOWN = frozenset(
    """
    not to know sure idea decide about wondering on of out see understand remember me you and or is was that
    """.split()
)


_ASKING = frozenset(
    "what how should can could would do is are which where when who please suggest recommend any".split()
)


_WHEN = frozenset("what how which where when".split())


def _asks_afresh(words: Words, at: int) -> bool:
    """Whether a question begins without any mark before it: "I'm going to Rome what should I see"."""
    plain, before = words.plain, words.plain[at - 1]
    if plain[at] not in _ASKING or not FRESH.at(plain, at):
        return False
    if before in VERBS or before in AUXILIARIES or before in _UNKNOWN:
        return False
    return is_question(words.text) or plain[at] not in _WHEN


def _new_act(words: Words, at: int) -> bool:
    """Whether a question, a command or the user speaking of themselves begins behind "and" or "so"."""
    plain = words.plain
    if plain[at] in OWN or plain[at] in ("he", "she", "they", "please", "pls"):
        return True
    if plain[at - 1] in REASONS and of_user(words, at, _until_mark(words, at)):
        return True
    if plain[at - 1] == "and" and plain[at] in ("give", "tell", "show", "help", "do", "is", "are", "write"):
        return False
    if FRESH.at(plain, at):
        return True
    return strict_command(words, at, len(plain))


def _until_mark(words: Words, at: int) -> int:
    return first_of(words.plain[: at + _REACH], BREAKS, at)


_REACH = 24
"""Words of a reason that are looked at."""
_BEFORE_ORDER = frozenset("please pls so then and now just also but kindly maybe".split())


_ORDERS = frozenset("suggest recommend translate summarise summarize explain draft any write plan let".split())


def strict_command(words: Words, at: int, stop: int) -> bool:
    """A command in the midst of a sentence: its verb has an object, since it could be a noun as well; behind "and" it
    could go on with a statement, so that only few verbs will do."""
    plain = words.plain
    joined = at > 0 and plain[at - 1] in ("and", "or", "to")
    while at < stop and plain[at] in _BEFORE_ORDER:
        if plain[at] in ("please", "pls"):
            return True
        at += 1
    if at + 1 >= stop or act(words, at, stop) not in ("commands", "invents"):
        return False
    if plain[at] in _ORDERS and (not joined or plain[at] not in ("plan", "write", "explain", "any", "let")):
        return True
    return not joined and plain[at + 1] in _STRICT
