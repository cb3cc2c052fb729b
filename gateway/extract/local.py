"""Statements by plain rules, without a language model.

A message becomes sentences (segments), a sentence what it states (stated), that its clauses (clauses), and each of
these its triples and what they end (triples, changes), its kind (kinds) and dates (times). English has all of this;
what is in another language passes as a statement unless it is a question or an order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from gateway.domain import USER, Statement
from gateway.extract import tongues
from gateway.extract.acts import heading, opening
from gateway.extract.asking import run_on
from gateway.extract.guard import refusal, taint
from gateway.extract.kinds import kind_of
from gateway.extract.likely import Verdict, verdicts
from gateway.extract.manner import lasting
from gateway.extract.parts import CLEAR, DOUBTED, DOUBTED_READ, RESCUED, Judged, names, parts
from gateway.extract.pieces import Passage, Piece, pieces
from gateway.extract.reading import says_change
from gateway.extract.replied import as_statement, question_to_user, short_answer
from gateway.extract.sayings import ORDERS
from gateway.extract.segments import Segment, segments
from gateway.extract.stated import stated
from gateway.extract.subjects import Mentioned, one_valued
from gateway.extract.times import dates
from gateway.extract.tokens import Words
from gateway.extract.triples import read
from gateway.extract.wishes import apart
from gateway.tagging import Span, Tagger
from gateway.words import foreign, is_question, label

MAX_STATEMENTS = 200
"""Of one message; a longer one is a document, which is kept as a turn all the same."""
MAX_LENGTH = 1000
"""Characters of one statement."""
LETTER = 2000
"""Characters of a message whose questions and orders are looked at too: those of a document are nobody's wishes."""
_CONDUCT = frozenset("answer act behave respond pretend ignore disregard imagine".split())
"""Orders of how to be: what users may wish of that is known by rules."""
_LONG = 40
"""Words of a sentence that may become several statements."""
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


@dataclass(frozen=True, slots=True)
class _Message:
    text: str
    asked: str
    at: datetime | None
    tagger: Tagger | None


def statements(
    text: str, *, asked: str = "", at: datetime | None = None, tagger: Tagger | None = None
) -> tuple[Statement, ...]:
    """What the user states in a message, in order. `asked`: the assistant's message just before, which a short answer
    is kept with. `at`: when it was said; None: times stay unresolved. `tagger` is asked too what is a statement."""
    named = label(text)
    speaker = named if named and _NOBODY.isdisjoint(named.casefold().split()) else None
    forged = taint(text)
    # Nothing that labelled participants say is judged.
    message = _Message(text, asked, at, tagger if speaker is None else None)
    found = _found(message, Mentioned(talk=speaker is not None))
    return tuple(_said_by(speaker, replace(one, refused=one.refused or forged)) for one in found)


def _guarded(sentence: str, cut: Sequence[Statement]) -> list[Statement]:
    """With the reason why they are not to be recalled: an order reaches over all that is cut out of its sentence, a
    secret over what holds it."""
    whole = refusal(sentence)
    reach = "" if whole == "credential" else whole
    return [
        one if one.refused else replace(one, refused=reach or (whole if one.text == sentence else refusal(one.text)))
        for one in cut
    ]


def _said_by(speaker: str | None, statement: Statement) -> Statement:
    """What a participant of the conversation says is said of them, and no wish of the user's. Among people who chat
    most of what sounds like a change is none: only what is sure to be one ends anything."""
    if speaker is None:
        return statement
    triples = tuple(replace(each, subject=speaker) if each.subject == USER else each for each in statement.triples)
    sure = [each for each in statement.ends if each.object or one_valued(each.predicate)]
    ends = tuple(replace(each, subject=speaker) if each.subject == USER else each for each in sure)
    return replace(statement, triples=triples, ends=ends, standing=False)


def _found(message: _Message, mentioned: Mentioned) -> tuple[Statement, ...]:
    answer = short_answer(message.text, message.asked)
    if answer:
        return _answered(message, answer, mentioned)
    return tuple(_own(message, mentioned))


def _own(message: _Message, mentioned: Mentioned) -> list[Statement]:
    """What the sentences of a message state, each by itself."""
    at = message.at
    closely = message.tagger is not None and len(message.text) <= LETTER
    passages = [Passage() if each.doubted and not closely else each for each in sentences_of(message.text)]
    found: list[Statement] = []
    for passage, judged in zip(passages, _judged(message, passages), strict=True):
        if passage.words is None:
            continue
        if passage.foreign:
            cut = _in_another_language(passage.words, judged, at, mentioned.talk)
        elif passage.doubted:
            cut = _stated_after_all(passage.words, judged, at, mentioned)
        else:
            cut = parts(passage.words, passage.start, judged, at, mentioned)
        found += _guarded(passage.words.text, cut) if cut else []
    return found[:MAX_STATEMENTS]


def sentences_of(text: str) -> list[Passage]:
    """The message's sentences; without words where they state nothing at all."""
    found: list[Passage] = []
    room = MAX_STATEMENTS
    for segment in chain.from_iterable(map(_sentences, segments(text))):
        passage = _passage(segment)
        if passage is None:
            continue
        found.append(passage)
        room -= 1 + len(passage.words) // _LONG if passage.words and not passage.doubted else 0
        if room <= 0:
            break
    return found


def _sentences(segment: Segment) -> Sequence[Segment]:
    """A segment without a heading, its wishes apart, and a question that it runs into."""
    if len(segment.text) > MAX_LENGTH:
        return [segment]
    words = segment.words or Words(segment.text)
    told = heading(words)
    if told:
        segment = Segment(segment.text[words.start(told) :], segment.lead)
        words = Words(segment.text)
    asked = run_on(words)
    if not asked:
        return apart(replace(segment, words=words))
    behind = words.start(asked)
    return [*apart(Segment(segment.text[:behind].rstrip(), segment.lead)), Segment(segment.text[behind:])]


def _judged(message: _Message, passages: Sequence[Passage]) -> list[Judged]:
    """The pieces of each passage with the verdicts on them."""
    cut = pieces(passages, asked=bool(message.asked))
    line = [(place, piece) for place, several in enumerate(cut) for piece in several]
    told = message.tagger(message.text, message.asked, spans(message.text, passages, cut)) if message.tagger else None
    on = iter(verdicts([piece.evidence for _, piece in line], [place for place, _ in line], told))
    return [[(piece, next(on)) for piece in several] for several in cut]


def spans(text: str, passages: Sequence[Passage], cut: Sequence[Sequence[Piece]]) -> list[Span | None]:
    """Where each piece stands in the message; None where its words were not taken over as they stand, or are in another
    language, of which the tagger knows little."""
    found: list[Span | None] = []
    last = 0
    for passage, several in zip(passages, cut, strict=True):
        for piece in several:
            assert passage.words is not None
            words = passage.words.between(piece.start, piece.stop)
            at = -1 if passage.foreign else text.find(words, last)
            found.append((at, at + len(words)) if at >= 0 else None)
            last = max(last, at + len(words)) if at >= 0 else last
    return found


def _stated_after_all(words: Words, judged: Judged, at: datetime | None, mentioned: Mentioned) -> list[Statement]:
    """What a tagger finds that a question or an order states. No more than a memory comes of it: it ends nothing by
    rule, is not standing and forgets nothing."""
    kept = [(piece, verdict) for piece, verdict in judged if verdict.doubt < RESCUED]
    if not kept or words.plain[judged[0][0].start] in _CONDUCT:
        return []
    first, last = kept[0][0].start, kept[-1][0].stop
    own = Words(words.between(first, last) if last < len(words) else words.text[words.start(first) :])
    moved = [(Piece(piece.start - first, piece.stop - first, piece.shape), verdict) for piece, verdict in kept]
    return [replace(one, ends=(), standing=False) for one in parts(own, 0, moved, at, mentioned) if not one.refused]


def answering(text: str, question: str) -> Passage:
    """A short answer, to be judged by its question too."""
    return Passage(Words(text), question=question)


def _answered(message: _Message, answer: str, mentioned: Mentioned) -> tuple[Statement, ...]:
    """A short answer with its question; or as it is, where it says everything itself."""
    text, asked, at = message.text, message.asked, message.at
    own = _own(message, mentioned)
    if own and (any(one.triples or one.standing for one in own) or _whole(text)):
        return tuple(own)
    question = question_to_user(asked)
    [judged] = _judged(message, [answering(text, question)])
    if min(verdict.doubt for _, verdict in judged) > DOUBTED:
        return ()
    meant = as_statement(question, text)
    words = Words(meant)
    reading = read(words, 0, len(words), Mentioned(), says_change(words)) if meant else None
    triples = tuple(reading.triples) if reading else ()
    ends = tuple(reading.ends) if reading else ()
    told = names(triples)
    kind = kind_of(_weighed(judged), (), triples, told)
    dated = dates(text, at) if at else ()
    return tuple(_guarded(answer, [Statement(answer, kind, told, triples, ends, dated, alone=True)]))


def _weighed(judged: Judged) -> list[tuple[Verdict, int]]:
    return [(verdict, piece.shape.length) for piece, verdict in judged]


def _whole(text: str) -> bool:
    """Whether an answer has a subject and a verb of its own."""
    words = Words(text)
    start = opening(words)
    return words.plain[start : start + 1] in (["i"], ["my"], ["we"], ["our"]) and len(words) - start > 4


def _passage(segment: Segment) -> Passage | None:
    """None: there are no words, or too many."""
    if len(segment.text) > MAX_LENGTH:
        return None
    words = segment.words or Words(segment.text)
    if not words.plain:
        return None
    if segment.lead:
        return _item(segment, words)
    english = segment.text.isascii() and not _ENGLISH.isdisjoint(words.plain)
    ordered = segment.text.isascii() and words.plain[0] in ORDERS
    if (not (english or ordered) or words.plain[0] in tongues.OPENINGS) and (
        any(tongues.facts(segment.text)) or foreign(segment.text)
    ):
        return _foreign(segment.text)
    told = stated(segment.text, words)
    return _begun(told, words) if told else replace(_begun(segment.text, words), doubted=True)


def _begun(text: str, words: Words) -> Passage:
    if not text:
        return Passage()
    words = words if words.text == text else Words(text)
    start = opening(words)
    return Passage(words, start if start < len(words) else 0)


def _item(segment: Segment, words: Words) -> Passage:
    """A list's item: with what introduces the list, unless it says all of itself or the list belongs to a command."""
    lead = Words(segment.lead)
    if words.plain[0] in ("i", "my", "we", "our"):
        return _begun(stated(segment.text, words), words)
    if not stated(segment.lead, lead) and not lasting(lead, opening(lead)):
        return Passage()
    text = f"{segment.lead}: {segment.text}"
    return _begun(text if len(text) <= MAX_LENGTH else "", words)


def _foreign(text: str) -> Passage:
    """A sentence of another language, but for the question that it ends with."""
    told = tongues.manner(text)
    if is_question(text):
        text = tongues.before_question(text)
    words = Words(text)
    if not len(words) or (tongues.orders(text) and not told):
        return Passage()
    return Passage(words, foreign=True)


def _in_another_language(words: Words, judged: Judged, at: datetime | None, talk: bool) -> list[Statement]:
    """The pieces that state something, together where they are of one kind."""
    told = tongues.manner(words.text)
    runs: list[list[tuple[Piece, Verdict]]] = []
    kind = ""
    for piece, verdict in judged:
        if not (told or talk) and verdict.doubt > DOUBTED_READ:
            kind = ""
            continue
        own = max(verdict.kinds, key=verdict.kinds.__getitem__)
        if runs and (own == kind or told or talk or (kind and verdict.kinds[own] < CLEAR)):
            runs[-1].append((piece, verdict))
        else:
            runs.append([(piece, verdict)])
        kind = own
    return [_of_run(words, run, told, at) for run in runs]


def _of_run(words: Words, run: Judged, told: bool, at: datetime | None) -> Statement:
    first, last = run[0][0], run[-1][0]
    text = words.text[words.start(first.start) if first.start else 0 :]
    if last.stop < len(words):
        text = words.between(first.start, last.stop)
    stated_in, over = tongues.facts(text)
    triples, ends = tuple(stated_in), tuple(over)
    kind = "rule" if told else kind_of(_weighed(run), (), triples, False)
    return Statement(text, kind, told or names(triples), triples, ends, dates(text, at) if at else ())
