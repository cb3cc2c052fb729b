"""Where a sentence can be cut: between clauses with verbs of their own."""

from __future__ import annotations

from gateway.extract.lexicon import ADVERBS, AUXILIARIES, BE, TIES, VERBS
from gateway.extract.tokens import Words

BREAKS = frozenset(", ; : ( ) . ! ? … — – -- -".split())
JOINTS = frozenset("and but so because cause cuz cos since as then plus although though while yet or".split())
_SUBJECTS = frozenset("i we he she it they my our his her their".split())
_OWN = frozenset("i we my our".split())
_NOMINAL = frozenset("my our the his her their a an".split())
SUBORDINATE = frozenset(
    "if when whenever once unless until before after although though as while whether in where".split()
)
_TITLES = frozenset("mr mrs ms dr prof st rev sr jr".split())
_TIED = frozenset("as or while because : (".split())
"""What ties a clause to the one before, unless the user speaks of themselves in it."""


def joints(words: Words) -> list[tuple[int, int]]:
    """The places where one clause may end and the next begin: (end of the one, begin of the other), in words."""
    plain = words.plain
    found: list[tuple[int, int]] = []
    at = 1
    while at < len(plain) - 1:
        behind = behind_aside(words, at) if plain[at] == "," else at
        if behind > at:
            at = behind
            continue
        if plain[at] in BREAKS or (plain[at] in JOINTS and not _in_name(words, at)):
            end = at
            dash = plain[at] == "-" and words.end(at - 1) == words.start(at)
            titled = plain[at] == "." and plain[at - 1] in _TITLES
            while at < len(plain) and (plain[at] in BREAKS or plain[at] in JOINTS):
                at += 1
            if at < len(plain) and not dash and not titled and plain[at - 1 : at + 1] != ["so", "far"]:
                found.append((end, at))
        at += 1
    return found


def _in_name(words: Words, at: int) -> bool:
    """ "The Plus plan", "Disney Plus"."""
    return words.plain[at] == "plus" and (words.plain[at - 1] in _NOMINAL or words.named(at))


_LONGEST_ASIDE = 9
"""Words between two commas."""
_PRONOUNS = frozenset("i you we he she it they there this that these those me not".split())
_SHARING = frozenset("i we you he she they who that which whom whose".split())
"""What a clause within a subject begins with: "the woman I keep mentioning"."""
_CIRCUMSTANCES = frozenset(
    """in on at for with about from to by after before during since until if when while as because so but and or then
    now today yesterday tomorrow last next this please yes no also not just""".split()
)
_SAYING = frozenset("says said reckons thinks insists claims swears warns believes".split())
_TELLING = frozenset("told tells".split())
_OF_WHOM = frozenset("my our the his her their a an she he they".split())


def behind_aside(words: Words, comma: int) -> int:
    """Behind what stands between commas within a clause, or tells at its end who said so; `comma` if nothing does."""
    plain = words.plain
    end = _run(words, comma + 1)
    if _attributes(words, comma + 1, end):
        return end + _goes_on(words, end, True)
    while comma + 1 < end < len(plain) - 1 and end - comma <= _LONGEST_ASIDE and plain[end] == ",":
        between = plain[comma + 1 : end]
        if _goes_on(words, end, not {"and", "both"}.isdisjoint(between)):
            apart = any(_verbal(word) for word in between) or between[0] in _PRONOUNS
            return comma if apart or not _nominal(words, comma) else end + 1
        end = _run(words, end + 1)
    return comma


def told_until(words: Words, start: int, stop: int) -> int:
    """Where what is told ends that somebody is said to say at the end of a clause; `stop` if nobody is."""
    plain = words.plain
    end = stop
    while end > start and not words.is_word(end - 1):
        end -= 1
    for at in range(end - 1, max(start, end - _LONGEST_ASIDE), -1):
        if plain[at] == ",":
            return at if _attributes(words, at + 1, end) else stop
    return stop


def _run(words: Words, at: int) -> int:
    """Behind the words from `at` that no mark parts."""
    plain = words.plain
    stop = min(len(plain), at + _LONGEST_ASIDE)
    while at < stop and (words.is_word(at) or (plain[at] == "." and plain[at - 1] in _TITLES)):
        at += 1
    return at


def _attributes(words: Words, at: int, stop: int) -> bool:
    """ "says the vet", "according to Ana", "the doctor told me", "or so my wife says"."""
    plain = words.plain
    at += 2 * (plain[at : at + 2] == ["or", "so"])
    said = plain[at:stop]
    if not 1 < len(said) < 7 or (stop < len(plain) and plain[stop] not in BREAKS):
        return False
    if said[:2] == ["according", "to"]:
        return True
    if said[0] in _SAYING:
        quoted = "i" in plain[:at] and said[1] not in ("my", "our")
        return not quoted and (words.named(at + 1) or said[1] in _OF_WHOM)
    told = said[-1] in _SAYING or (said[-1] in ("me", "us") and said[-2] in _TELLING)
    return told and (words.named(at) or said[0] in _OF_WHOM)


def _goes_on(words: Words, comma: int, several: bool) -> bool:
    """Whether behind a comma the verb of a subject before it stands, and no question. `several`: it is of more than
    one, so that its verb is a bare one."""
    plain = words.plain
    verb, following = (*plain[comma + 1 : comma + 3], "", "")[:2]
    finite = _finite(verb) and (several or VERBS.get(verb) != verb or verb in AUXILIARIES)
    return plain[comma : comma + 1] == [","] and finite and following not in _PRONOUNS


def _nominal(words: Words, stop: int) -> bool:
    """Whether nothing but a noun, with what is told of it, stands in the clause that ends at `stop`."""
    plain = words.plain
    begin = stop
    while begin and plain[begin - 1] not in BREAKS and plain[begin - 1] not in JOINTS:
        begin -= 1
        if stop - begin > 2 * _LONGEST_ASIDE:
            return False
    if begin == stop or plain[begin] in _PRONOUNS or plain[begin] in _CIRCUMSTANCES:
        return False
    verbs = [at for at in range(begin, stop) if _verbal(plain[at])]
    return not verbs or not _SHARING.isdisjoint(plain[begin + 1 : verbs[0]])


def _verbal(word: str) -> bool:
    return word != "'s" and (word in VERBS or word in AUXILIARIES)


def independent(words: Words) -> list[tuple[int, int]]:
    """The sentence's spans of words, cut where a clause with a subject or a verb of its own begins."""
    plain = words.plain
    if not plain or plain[0] in SUBORDINATE:
        return [(0, len(plain))]
    spans: list[tuple[int, int]] = []
    start = 0
    for end, following in joints(words):
        if plain[end] == "since" or (plain[end] in _TIED and plain[following] not in _OWN):
            continue
        if end > start and not one_subject(words, start, end, following) and _begins(words, following):
            spans.append((start, end))
            start = following
    return [*spans, (start, len(plain))]


def one_subject(words: Words, start: int, end: int, following: int) -> bool:
    """Whether the words up to `end` are but the subject of what follows: "my wife and I", "our cook, Ann, lives"."""
    plain = words.plain
    if any(word in VERBS or word in AUXILIARIES for word in plain[start:end]):
        return False
    named = plain[start] in _NOMINAL or words.named(start)
    return plain[end] == "and" or (named and plain[following] not in _SUBJECTS)


def _begins(words: Words, at: int) -> bool:
    """Whether a clause that says something of its own begins here."""
    plain = words.plain
    while at < len(plain) - 1 and (plain[at] in ADVERBS or plain[at] in ("then", "not", "no", "longer", "am")):
        at += 1
    word = plain[at]
    following = plain[at + 1] if at + 1 < len(plain) else ""
    if word in ("that", "this", "there"):
        return following in BE
    if word in ("the", "called", "named", "born", "married", "retired", "used"):
        return (
            any(later in BE for later in plain[at + 1 : at + 6])
            if word == "the"
            else word == "used" and following == "to"
        )
    if word in _SUBJECTS or words.named(at):
        later = plain[at + 1 : at + 7]
        return any(w in VERBS or w in AUXILIARIES for w in later)
    if word in ("call", "remember", "never", "always"):
        return following in ("me", "that", "my")
    return _finite(word) and following != "'s" and (words.is_word(at + 1) or at + 1 >= len(plain))


def _finite(word: str) -> bool:
    if word in AUXILIARIES:
        return word not in ("be", "been", "being", "do", "'s")
    return word in VERBS and not word.endswith("ing") and word not in TIES and word not in _NOUNS


_NOUNS = frozenset(
    """
    plays runs works plan plans watch change drive train code help start read love hate work play run walk dance
    cook study bake drink paint visit call name end ends book hope need trade coach swap travel close spend
    support cancel live use
    """.split()
) - frozenset("works plays love hate work live play use study".split())
"""Forms that are more often nouns or infinitives behind "and"."""


REASONS = frozenset("because cause cuz cos since as".split())
"""What a reason follows, in front of a question or a command or behind it."""
_OF_THE_TALK = frozenset("it this that these those you your there he she they what who when".split())
_RELATIONS = frozenset("to for with at on of from by in than like about around let and or but".split())
_REPORTING = frozenset("told tells tell asked asks ask said shows showed sent sends says".split())
_TOUCHING = frozenset("make makes made making hurt hurts trigger triggers off upset upsets irritate irritates".split())
_RESULTS = frozenset("error errors warning warnings wrong zero nothing none result results output answer null".split())


def of_user(words: Words, start: int, stop: int) -> bool:
    """Whether a reason tells of the user: "crowds make me tired", "pollen sets off my asthma", "Ana is our vet"."""
    plain = words.plain
    if start >= stop or plain[start] in _OF_THE_TALK:
        return False
    if ["and", "i"] in (plain[start + 1 : start + 3], plain[start + 2 : start + 4]):
        return True
    for at in range(start + 1, stop - 1):
        word, following = plain[at], plain[at + 1]
        if word in BE or (word in ADVERBS and plain[at - 1] in BE):
            found = following in ("my", "our")
        elif following in ("me", "us"):
            found = words.is_word(at) and word not in _RELATIONS and word not in _REPORTING
            found = found and _RESULTS.isdisjoint(plain[at + 2 : at + 5]) and not _counted(plain[at + 2 : at + 3])
        else:
            found = following in ("my", "our") and word in _TOUCHING
        if found:
            return True
    return False


def _counted(words: list[str]) -> bool:
    return bool(words) and words[0][:1].isdigit()
