"""Statements by plain rules, without a language model.

A message becomes sentences (segments), a sentence what it states (stated), that its clauses (clauses), and each of
these its triples and what they end (triples, changes), its kind (kinds) and dates (times). English has all of this;
what is in another language passes as a statement unless it is a question or an order.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.domain import RETRACTION, USER, Ended, Statement, Triple
from gateway.extract import tongues
from gateway.extract.acts import opening
from gateway.extract.clauses import independent
from gateway.extract.guard import refusal, taint
from gateway.extract.impersonal import forgotten
from gateway.extract.kinds import judged
from gateway.extract.manner import forgets, lasting, manner, manners, standing
from gateway.extract.reading import Reading, says_change
from gateway.extract.replied import as_statement, question_to_user, short_answer, turned
from gateway.extract.sayings import ORDERS
from gateway.extract.segments import Segment, segments
from gateway.extract.shorten import current
from gateway.extract.stated import stated
from gateway.extract.subjects import Mentioned, is_tie, one_valued
from gateway.extract.times import dates
from gateway.extract.tokens import Words
from gateway.extract.triples import read
from gateway.words import foreign, is_question, label

MAX_STATEMENTS = 200
"""Of one message; a longer one is a document, which is kept as a turn all the same."""
MAX_LENGTH = 1000
"""Characters of one statement."""
DOUBTED, DOUBTED_OWN, DOUBTED_READ = 0.55, 0.7, 0.85
"""What is no statement with more than this likelihood is left out; what the user says of themselves, and what triples
were found in, needs more."""
_ENGLISH = frozenset("i my the you and is was".split())
"""Where one of them stands, nobody needs to look for another language."""
_NOBODY = frozenset(
    "user human me correction corrections update updates note notes reminder goal goals plan plans todo fact facts"
    " info fyi ps edit context background about allergy allergies diet hobby hobbies address budget timezone job work"
    " name age home email phone pet pets family preference preferences preferred favorite favourite skill skills rule"
    " rules policy question answer problem issue task example summary status news confession disclaimer warning"
    " important remember btw also language location birthday deadline title subject date time health bonus spoiler"
    " result results q a tl;dr tldr addendum profile bio intro introduction request wish wishes likes dislikes".split()
)
"""What labels a text other than the name of who says it."""


def statements(text: str, *, asked: str = "", at: datetime | None = None) -> tuple[Statement, ...]:
    """What the user states in a message, in order. `asked`: the assistant's message just before, which a short answer
    is kept with. `at`: when it was said; None: times stay unresolved."""
    named = label(text)
    speaker = named if named and _NOBODY.isdisjoint(named.casefold().split()) else None
    forged = taint(text)
    found = _found(text, asked, at, Mentioned(talk=speaker is not None))
    return tuple(_judged(_said_by(speaker, one), forged) for one in found)


def _judged(statement: Statement, forged: str) -> Statement:
    """With the reason why it is not to be recalled, if there is one."""
    if statement.refused:
        return statement
    return replace(statement, refused=forged or refusal(statement.text))


def _said_by(speaker: str | None, statement: Statement) -> Statement:
    """What a participant of the conversation says is said of them, and no wish of the user's. Among people who chat
    most of what sounds like a change is none: only what is sure to be one ends anything."""
    if speaker is None:
        return statement
    triples = tuple(replace(each, subject=speaker) if each.subject == USER else each for each in statement.triples)
    sure = [each for each in statement.ends if each.object or one_valued(each.predicate)]
    ends = tuple(replace(each, subject=speaker) if each.subject == USER else each for each in sure)
    return replace(statement, triples=triples, ends=ends, standing=False)


def _found(text: str, asked: str, at: datetime | None, mentioned: Mentioned) -> tuple[Statement, ...]:
    answer = short_answer(text, asked)
    if answer:
        return _answered(text, asked, answer, at, mentioned)
    found: list[Statement] = []
    for segment in segments(text):
        found += _of_segment(segment, at, mentioned)
        if len(found) >= MAX_STATEMENTS:
            break
    return tuple(found[:MAX_STATEMENTS])


def _answered(text: str, asked: str, answer: str, at: datetime | None, mentioned: Mentioned) -> tuple[Statement, ...]:
    """A short answer with its question; or as it is, where it says everything itself."""
    own = [one for segment in segments(text) for one in _of_segment(segment, at, mentioned)]
    if own and (any(one.triples or one.standing for one in own) or _whole(text)):
        return tuple(own)
    question = question_to_user(asked)
    meant = as_statement(question, text)
    words = Words(meant)
    reading = read(words, 0, len(words), Mentioned(), says_change(words)) if meant else None
    triples = tuple(reading.triples) if reading else ()
    ends = tuple(reading.ends) if reading else ()
    told = _named(triples)
    kind, doubt = judged(Words(f"{turned(question)} {text}"), 0, triples, (), told, answer=True)
    if doubt > DOUBTED:
        return ()
    return (Statement(answer, kind, told, triples, ends, dates(text, at) if at else (), alone=True),)


def _whole(text: str) -> bool:
    """Whether an answer has a subject and a verb of its own."""
    words = Words(text)
    start = opening(words)
    return words.plain[start : start + 1] in (["i"], ["my"], ["we"], ["our"]) and len(words) - start > 4


def _of_segment(segment: Segment, at: datetime | None, mentioned: Mentioned) -> list[Statement]:
    if len(segment.text) > MAX_LENGTH:
        return []
    words = segment.words or Words(segment.text)
    if not words.plain:
        return []
    if segment.lead:
        return _of_item(segment, words, at, mentioned)
    english = segment.text.isascii() and not _ENGLISH.isdisjoint(words.plain)
    ordered = segment.text.isascii() and words.plain[0] in ORDERS
    if not (english or ordered) or words.plain[0] in tongues.OPENINGS:
        found = _in_another_language(segment.text, at, mentioned.talk)
        if found is not None:
            return found
    text = stated(segment.text, words)
    return _cut(text, words, at, mentioned) if text else []


def _in_another_language(text: str, at: datetime | None, talk: bool) -> list[Statement] | None:
    """A sentence that is neither a question nor an order, whole; None: it is English."""
    triples, ends = tongues.facts(text)
    if not triples and not ends and not foreign(text):
        return None
    told = tongues.manner(text)
    if is_question(text):
        text = tongues.before_question(text)
    if not text or (tongues.orders(text) and not told):
        return []
    dated = dates(text, at) if at else ()
    words = Words(text)
    kind, doubt = judged(words, 0, triples, dated, False) if len(words) else ("fact", 0.0)
    if doubt > DOUBTED and not (told or talk):
        return []
    standing_ = told or _named(tuple(triples))
    return [Statement(text, "preference" if told else kind, standing_, tuple(triples), tuple(ends), dated)]


def _of_item(segment: Segment, words: Words, at: datetime | None, mentioned: Mentioned) -> list[Statement]:
    """A list's item: with what introduces the list, unless it says all of itself or the list belongs to a command."""
    lead = Words(segment.lead)
    if words.plain[0] in ("i", "my", "we", "our"):
        text = stated(segment.text, words)
        return _cut(text, words, at, mentioned) if text else []
    if not stated(segment.lead, lead) and not lasting(lead, opening(lead)):
        return []
    text = f"{segment.lead}: {segment.text}"
    return _cut(text, Words(text), at, mentioned) if len(text) <= MAX_LENGTH else []


def _cut(text: str, words: Words, at: datetime | None, mentioned: Mentioned) -> list[Statement]:
    """The statements of a stating text: as many as it has clauses with triples of their own."""
    words = words if words.text == text else Words(text)
    start = opening(words)
    forgetting = forgets(words, start)
    if forgetting:
        return _retracted(words, start, start + forgetting, at, mentioned)
    changed = says_change(words)
    spans = independent(words)
    readings = [read(words, *span, mentioned, changed) for span in spans]
    groups = _grouped(spans, readings)
    found = [_statement(words, start, part, at, whole=len(groups) == 1, talk=mentioned.talk) for part in groups]
    return [one for one in found if one]


_BEHIND = frozenset(", ; - — – and but".split())
_OWN = frozenset("i we my our".split())


def _retracted(words: Words, start: int, begin: int, at: datetime | None, mentioned: Mentioned) -> list[Statement]:
    """A wish to forget, and what is said behind it."""
    plain = words.plain
    later = 0
    for begin_, _ in independent(words)[1:]:
        if plain[begin_ - 1] in _BEHIND and plain[begin_] in _OWN:
            later = begin_
            break
    if not later or later <= begin + 1:
        return [_retraction(words, begin, mentioned)]
    first = Words(words.text[words.start(start) : words.start(later)].rstrip(" ,;-—–"))
    rest = words.text[words.start(later) :]
    return [_retraction(first, begin - start, mentioned), *_cut(rest, Words(rest), at, mentioned)]


def _retraction(words: Words, start: int, mentioned: Mentioned) -> Statement:
    while start < len(words) and words.plain[start] in ("that", "what", "everything"):
        start += 1
    reading = read(words, start, len(words), mentioned, True)
    ends = [Ended(triple.subject, triple.predicate, triple.object) for triple in reading.triples]
    if not ends:
        reading.at = start
        forgotten(reading)
        ends = reading.ends
    return Statement(words.text, "rule", ends=tuple(ends), refused=RETRACTION)


def _firm(reading: Reading) -> bool:
    """Whether the clause tells something that another statement may end by itself; tastes and plans stay together."""
    return any(
        one_valued(each.predicate)
        or is_tie(each.predicate)
        or each.predicate in ("allergic to", "married to", "from", "drives")
        for each in reading.triples
    )


def _grouped(spans: list[tuple[int, int]], readings: list[Reading]) -> list[list[Reading]]:
    """Neighbouring clauses together, unless two of them can be over by themselves, or the user lists what there is to
    know of them."""
    groups: list[list[Reading]] = []
    plain = readings[0].plain
    listing = sum(plain[start] in _OWN for start, _ in spans) > 2
    for span, reading in zip(spans, readings, strict=True):
        reading.at, reading.stop = span
        full = any(_firm(one) for one in groups[-1]) if groups else False
        listed = listing and plain[span[0]] in _OWN and bool(groups)
        if not (full and _firm(reading)) and not listed:
            groups[-1:] = [[*groups[-1], reading]] if groups else [[reading]]
        else:
            groups.append([reading])
    return groups


def _statement(
    words: Words, start: int, group: list[Reading], at: datetime | None, *, whole: bool, talk: bool
) -> Statement | None:
    """None: it is no statement after all."""
    triples = tuple(dict.fromkeys(triple for reading in group for triple in reading.triples))
    ends = tuple(dict.fromkeys(ended for reading in group for ended in reading.ends))
    text = words.text if whole else _alone(words, group)
    own = words if whole else Words(text)
    shorter = current(own, ends)
    if shorter != text:
        text, own, whole = shorter, Words(shorter), False
    begin = start if whole else opening(own)
    begin = begin if begin < len(own) else 0
    dated = dates(text, at) if at else ()
    named = _named(triples)
    told = standing(own, begin, named)
    if told and not named and manner(own, begin):
        wishes = [Triple(USER, predicate, value) for predicate, value in manners(own)]
        triples += tuple(wishes)
        ends += tuple(Ended(USER, wish.predicate) for wish in wishes)
    kind, doubt = judged(own, begin, triples, dated, told)
    if not (talk or ends) and _doubted(own, begin, doubt, bool(triples)):
        return None
    return Statement(text, kind, told, triples, ends, dated)


def _doubted(words: Words, begin: int, doubt: float, read: bool) -> bool:
    """Whether what the rules take for a statement is none after all."""
    if doubt <= DOUBTED or lasting(words, begin):
        return False
    if words.named(begin) and words.plain[begin + 1 : begin + 2] == ["here"]:
        return False
    mine = not _OWN.isdisjoint(words.plain[begin : begin + 3])
    return doubt > (DOUBTED_READ if read else DOUBTED_OWN if mine else DOUBTED)


def _alone(words: Words, group: list[Reading]) -> str:
    """The clauses of a group as they were said, with the subject that they share with an earlier one."""
    first, last = group[0], group[-1]
    text = words.between(first.at, last.stop)
    subject = first.carried
    if last.stop == len(words):
        text = words.text[words.start(first.at) :]
    return f"{subject} {text}" if subject else text.strip()


def _named(triples: tuple[Triple, ...]) -> bool:
    return any(triple.subject == USER and triple.predicate in ("name", "called") for triple in triples)
