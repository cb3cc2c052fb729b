"""Which of the seven kinds a statement is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.domain import USER, Dated, Kind, Triple
from gateway.extract.groups import group_at
from gateway.extract.lexicon import DIETS, LANGUAGES, PETS, TIES
from gateway.extract.likely import LETTERS, NOT, likelihoods
from gateway.extract.manner import conditional
from gateway.extract.shape import features
from gateway.extract.subjects import Mentioned, is_tie, subject_of
from gateway.extract.tokens import Phrases, Words

_RULE = Phrases("""
    from now on, policy, policies, rule is, rules are, our rule, house rule, must, must not, not allowed,
    is required, are required, have to be, our process, our convention, convention is, house rule :,
    house rules :, rule :, rules :, read-only, only accept, only ship, only deliver, as a rule, needs approval,
    need approval, we never, we always, we do not accept, we do not offer, we do not ship, we do not deploy,
    we do not use, we ship, we only accept, we only deploy, we only ship, we only use, we only hire,
    always use, always ask, always include, always check, never use, never deploy, never share, never suggest,
    never mention, never book, never schedule, by default, whenever i, whenever you, is forbidden,
    are forbidden, going forward, is mandatory, no meetings, guidelines, guideline, our standard,
    should always, should never, we require, has to be, must be, no deploys, no deployments, do not ever,
    every time i, every time you
    """)
_PREFERENCE = frozenset("prefer like love enjoy hate dislike adore loathe detest despise favour".split())
_TASTE = Phrases("""
    favourite, favourites, prefer, preferred, can not stand, fan of, fond of, keen on, into, rather, not a fan,
    crazy about, obsessed with, not keen, love, hate, dislike, adore, can not bear, big on, allergic to meat,
    sick of, tired of, preference, go-to, not into, enjoy, is my thing, would rather, guilty pleasure,
    no sugar, partial to, not my thing, sweet tooth, drives me, take my coffee, take my tea, like my coffee,
    like my tea, i do not drink, i do not eat, no longer eat, no longer drink, seat always, the hotter,
    window seat, aisle seat, stopped eating, sucker for, team tea, soft spot, put off, over coffee
    """)
_SKILL = Phrases("""
    fluent, proficient, years of experience, years experience, experience with, experience in, experienced in,
    experienced with, know how to, good at, great at, bad at, skilled, expert in, expert at, native speaker,
    certified, black belt, familiar with, knows how, terrible at, speak, program in, programme in, code in,
    comfortable with, hopeless at, never learned, know a bit of, know some, can read, can play, can speak,
    can write, can cook, self-taught, never learnt, cook to save, is fluent, is rusty, is basic, is terrible,
    in our team knows, in the team knows, of us is, of us knows, of us can, on the team knows, a beginner,
    beginner in, beginner at, beginner with, touch-type, a qualified, trained in, trained as, licensed, new to,
    never used, never touched, rusty, taught myself, learnt to, learned to, good with, know my way,
    intermediate
    """)
_CAN = frozenset("can could".split())
_HAPPENED = frozenset(
    """
    go went gone visit buy meet move start finish attend book graduate marry die pass lose break split adopt
    join quit leave sell fly travel become get win fail cancel have see take make give find begin return divorce
    retire turn tell bring end say hear pay spend lead run complete land sign switch
    """.split()
)
_EVENT = Phrases("""
    appointment, wedding, trip to, flight to, meeting with, meeting on, meeting at, interview, exam, surgery,
    operation, moving to, moving house, flying to, going to, travelling to, traveling to, got married,
    gave birth, is due, starts on, ends on, leaving for, booked, party, anniversary, conference, concert,
    graduated, broke up, got engaged, was born, passed away, deadline, launch, holiday in, is coming,
    are coming, marathon in, race in, race on, hired, promoted, laid off, fired, got the job, moved, scheduled,
    signed up, is on monday, was in, we are having, having a baby, expecting a, visiting, is visiting,
    are visiting, due in
    """)
_LIVES = frozenset("lives in, lives".split())
_CLOCK = frozenset(
    "yesterday today tomorrow tonight ago monday tuesday wednesday thursday friday saturday sunday weekend".split()
)
_TIE_WORDS = Phrases("""
    married to, engaged to, divorced from, dating, best friends, are married, are friends, related to,
    are siblings, are twins, in a relationship, are dating, are engaged, grew up together, are cousins,
    are sisters, are brothers, going out with, reports to, report to, friends with, my partner of,
    known each other, broke up with, is my, is actually my, is also my, are my, was my, works for me,
    work together, is dating, got married to, adopted by, seeing someone, seeing a, is our, are together,
    no longer together
    """)
_STATIVE = frozenset("be have live work like love hate prefer use own know want need speak play".split())


def judged(
    words: Words, at: int, triples: Sequence[Triple], dated: Sequence[Dated], told: bool, *, answer: bool = False
) -> tuple[Kind, float]:
    """The kind of a statement that begins at word `at`, and how likely it is none after all; `told`: it says how to
    answer; `answer`: it stands behind the question that it answers."""
    rest = words.plain[at:]
    if _names(rest, triples):
        return "fact", 0.0
    if told:
        return _told(rest), 0.0
    likely = likelihoods(evidence(words, at, triples, dated, answer))
    doubt = likely.pop(NOT)
    return LETTERS[max(likely, key=likely.__getitem__)], doubt


def evidence(words: Words, at: int, triples: Sequence[Triple], dated: Sequence[Dated], answer: bool) -> Iterator[str]:
    """The features that a statement is judged by: its shape, and what the rules make of it."""
    yield from features(words, at, bool(dated))
    yield f"k:{by_rules(words, at, triples, dated)}"
    yield from (f"p:{triple.predicate}".replace(" ", "_") for triple in triples[:1])
    if dated:
        yield "dated"
    if answer:
        yield "answer"


def by_rules(words: Words, at: int, triples: Sequence[Triple], dated: Sequence[Dated]) -> Kind:
    """The kind by plain rules alone."""
    plain = words.plain
    stop = len(plain)
    rest = plain[at:]
    predicates = {triple.predicate for triple in triples}
    subject = subject_of(words, at, stop, Mentioned("someone"))
    group = group_at(words, subject.verb if subject else at, stop)
    own = subject is None or (subject.owner == USER and not subject.noun)
    if _tied(rest, words, at, triples):
        return "relationship"
    if (
        _RULE.within(rest)
        or conditional(words, at)
        or (":" in rest[:5] and rest[rest.index(":") + 1 : rest.index(":") + 2] in (["never"], ["always"]))
        or (rest[:1] and rest[0] in ("always", "never"))
        or _forbids(rest)
    ):
        return "rule"
    if own and (_SKILL.within(rest) or (_CAN.intersection(rest[:4]) and _able(rest))) and not _TASTE.within(rest[:4]):
        return "skill"
    if ("speaks" in predicates and own) or (own and group.verb == "play" and not dated and not group.past):
        return "skill"
    if own and (predicates & {"likes", "dislikes", "prefers", "diet"} or _TASTE.within(rest) or DIETS & set(rest[:6])):
        return "event" if group.past and dated and not predicates & {"likes", "dislikes"} else "preference"
    if subject is not None and subject.owner == USER and subject.noun in LANGUAGES:
        return "skill"
    if subject is not None and subject.noun.startswith("favourite"):
        return "preference"
    if _event(rest, group.verb, group.past or group.perfect, group.future or group.form.endswith("ing"), dated):
        return "event"
    if subject is not None and _someone(subject.owner, subject.noun, words, at):
        return "person"
    return "fact"


def _told(rest: list[str]) -> Kind:
    return (
        "rule"
        if {"always", "never"} & set(rest[:3]) and not {"answer", "reply", "respond", "use", "call"} & set(rest[:4])
        else "preference"
    )


def _names(rest: Sequence[str], triples: Sequence[Triple]) -> bool:
    return any(triple.subject == USER and triple.predicate in ("name", "called") for triple in triples) or (
        "call" in rest[:5] and "me" in rest[:6]
    )


def _forbids(rest: list[str]) -> bool:
    return rest[:2] == ["do", "not"] and len(rest) > 3


def _able(rest: list[str]) -> bool:
    """ "I can juggle", but not "I can pay 500"."""
    at = next((k for k, word in enumerate(rest[:4]) if word in _CAN), 0)
    return rest[at + 1 : at + 2] not in (
        ["not"],
        ["only"],
        ["pay"],
        ["be"],
        ["get"],
        ["afford"],
        ["come"],
        ["see"],
        ["go"],
        ["have"],
        ["spend"],
    )


def _tied(rest: list[str], words: Words, at: int, triples: Sequence[Triple]) -> bool:
    if not (any(is_tie(word) for word in rest) or _TIE_WORDS.within(rest)):
        return False
    said = " ".join(rest[:14])
    if any(t.predicate in ("married to", "engaged to") for t in triples):
        return True
    if _TIE_WORDS.within(rest) and not any(
        f"{word} my {role}" in said for word in ("is", "are") for role in ("favourite", "goal")
    ):
        return any(is_tie(word) for word in rest) or any(
            k in said
            for k in (
                "dating",
                "married",
                "together",
                "reports to",
                "report to",
                "related",
                "friends with",
                "seeing someone",
                "going out with",
            )
        )
    return (
        any(t.subject == USER and t.predicate in TIES for t in triples)
        and len(triples) == 1
        and rest[:1] in (["my"], ["i"], ["we"], ["our"])
        and "have" in rest[:4]
        and any(words.named(k) for k in range(at, len(words)))
    )


def _event(rest: list[str], verb: str, past: bool, ahead: bool, dated: Sequence[Dated]) -> bool:
    timed = (bool(dated) or bool(_CLOCK & set(rest))) and not {"every", "each", "usually", "normally"} & set(rest)
    since = "since" in rest or ("years" in rest and "for" in rest)
    if (
        past
        and verb not in ("be", "live", "work", "like", "love", "have", "use", "know", "want", "play", "speak")
        and not since
    ):
        return True
    if past and timed and not since:
        return True
    if ahead and timed:
        return True
    if _EVENT.within(rest) and (timed or any(word[:1].isdigit() for word in rest) or ahead or past or "next" in rest):
        return not since
    return timed and not since and verb not in ("like", "love", "prefer", "hate", "live", "work")


def _someone(owner: str, noun: str, words: Words, at: int) -> bool:
    if noun in PETS or owner in PETS:
        return False
    if noun:
        return noun in TIES or (owner != USER and owner != "someone" and owner not in PETS)
    return owner != USER
