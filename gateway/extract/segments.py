"""A message into the sentences and list items that are the user's own: no code, no quotes, nothing pasted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.extract.tokens import Words
from gateway.prompt import own_words
from gateway.words import is_question, sentences

_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_CODE = re.compile(
    r"""[;{}\\]\s*\Z | \A[\w.]+\([^()]*\):?\Z | \A[\w.\[\]]+\s(?:[-+*/|&]?=|:=|=>|->|==)\s | \A</?\w[^>]*>
    | \A(?:def|class|return|const|let|var|function|public|private|elif|except|raise)\s[\w({*][^(={;]*[({=;]
    | \A(?:def|class|elif|except)\s[^:]*:\Z
    | \A(?:import\s[\w.]+|from\s[\w.]+\simport\b.*|return\s\S+\s[-+*/%=]\s.*|\#include.*)\Z
    | \ATraceback\s\(most\srecent | \AFile\s".*",\sline | \A(?:[a-z_]+\.)*[A-Z]\w*(?:Error|Exception)\b
    | \A(?:Error|Exception|Warning|Fatal):\s
    | \A\[?\d{4}[-/]\d\d[-/]\d\d[T\s]\d\d:\d\d:\d\d | \A\d\d:\d\d:\d\d\b | \A(?:https?|ftp|file)://\S+\Z | \A[$>#]\s
    | \A\[?(?:INFO|DEBUG|WARN|WARNING|ERROR|FATAL|TRACE|CRITICAL)\b(?::|\]|\s)
    | \A(?:SELECT|INSERT\sINTO|UPDATE|DELETE\sFROM|CREATE\sTABLE|ALTER\sTABLE|DROP|FROM|WHERE|JOIN|GROUP\sBY
    |ORDER\sBY)\s[\w*`"(]
    | \A(?:npm|yarn|pip|git|docker|kubectl|sudo|apt|make|cargo|gcc|error|warning|fatal|panic)(?:\[\w+\])?:?\s
    (?:ERR!|run|install|-|add|push|commit|clone|build|exec|apply|get\s|upgrade|\w[\w-]*\s-|:)
    | \A(?:error|warning|fatal|panic)(?:\[\w+\])?:\s | \A[\w.-]+:\s*\[ | \A[^\s,;|]+(?:[,;|][^\s,;|]*){2,}\Z
    | \A"[\w-]+"\s*: | \A\s*at\s[\w.$<>]+\( | \A\S+\.\w{1,4}:\d+[:)]
    | \Afor\s\w+\sin\s\w+\( | \A[d-][rwx-]{9}[\s.+@] | \A[\w-]+:\s(?:true|false|null|\d+|"[^"]*"|'[^']*')\Z
    | \A(?:@@|\+\+\+|---)\s | \A[|+][-=|+\s]{3}""",
    re.VERBOSE,
)
"""A line of a program, of its output or of a log."""
_BULLET = re.compile(r"[ \t]*(?:[-*\u2022\u2013\u2014\u00b7]|\(?\d{1,3}[.)]|\[[ xX]?\])(?:[ \t]+|$)")
_BOX = re.compile(r"\A\[[ xX]?\]\s+")
_MAIL_HEADER = re.compile(r"\A(?:from|to|cc|subject|sent|date|reply-to|betreff|von|an):\s", re.IGNORECASE)
_MAIL_QUOTED = re.compile(
    r"\A(?:on .{4,80} wrote:|-+ ?(?:original|forwarded) message ?-*|-{3,}|={3,})\Z", re.IGNORECASE
)
_UPON = frozenset(
    """
    translate translating summarise summarize rewrite rephrase paraphrase proofread correct improve shorten expand
    classify extract analyse analyze convert edit fix explain review complete continue repeat reformat format
    debug polish tidy sum rate judge roast rank score assess read punctuate simplify check grammar tldr
    tl;dr critique grade evaluate transcribe spellcheck reword clean
    parse refactor optimise optimize traduis traduce übersetze respond reply comment turn draft compose
    """.split()
)
"""Commands upon a text that follows."""
_TEXTS = frozenset(
    """email mail text essay letter paragraph message article sentence code error function cv resume poem story document
    log logs query script snippet passage post tweet ad bio draft review abstract stacktrace traceback transcript
    quote chat thread paragraphs sentences notes blurb copy speech statement description output config json yaml sql
    section passage lyrics conversation""".split()
)
_POLITE = frozenset(
    """
    please can could would will you now just kindly then and ok okay also hey hi thanks so help me to i want need
    """.split()
)
_WITHIN = frozenset("this these following below here the my attached her his their our a".split())


_SPEECH = re.compile(
    r"""(?<![\w"])"[^"\n]{12,1000}"|[“„«][^“”„«»\n]{12,1000}[”»]"""
    r"""|(?<![\w'’])['‘](?=\w)(?:[^'’\n]|(?<=\w)['’](?=\w)){12,1000}['’](?!\w)"""
)
"""A quotation; an apostrophe within a word ends none."""
_GONE = '""'
"""Stands where a quotation was."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One sentence or list item."""

    text: str
    lead: str = ""
    """What stands before the list, without its colon; empty: no list, or an item that needs nothing."""
    words: Words | None = None
    """Of the text, where they are known."""


def segments(text: str) -> Iterator[Segment]:
    """The user's own sentences in order; ends where a pasted text begins."""
    lines = _without_transcript(_plain_lines(_FENCED.sub("\n\0\n", own_words(text))))
    lead, code = "", False
    for number, line in enumerate(lines):
        if line == "\0":
            lead = ""
            continue
        bullet = _BULLET.match(line)
        bare = " ".join(line[bullet.end() :].split()) if bullet else " ".join(line.split())
        bare = _BOX.sub("", bare) if bullet else bare
        indented = line[:1] in " \t" and not bullet
        if _CODE.search(bare) or (code and indented and bare):
            code = True
            continue
        code = False if bare else code
        if bullet:
            yield from _item(bare, lead)
            continue
        if not bare:
            continue
        lead = ""
        if _MAIL_QUOTED.match(bare) or _mail(lines, number):
            return
        inside = False
        for place, sentence in enumerate(several := sentences(_without_speech(bare)), 1):
            words = Words(sentence)
            within, inside = inside, open_quote(words, len(words), inside)
            if within or (words.plain[:1] in (['"'], ["“"]) and (inside or words.plain[-1] in '"”')):
                continue
            ends, before = pasted(words, any(rest.strip() for rest in lines[number + 1 : number + 4]))
            if ends:
                if before:
                    yield Segment(before)
                if _GONE in sentence:
                    continue
                yield from _behind_code(sentence, several[place:])
                return
            if sentence.endswith(":") and _list_follows(lines, number):
                lead = sentence[:-1].strip()
            else:
                yield Segment(sentence, words=words)


_OWN = frozenset("i we my our".split())
_IN_CODE = re.compile(
    r"[\\{}^|`]|\$(?!\d)|\b[A-Z]\w{0,40}(?:Error|Exception)\b|[\w\])]\(\S{0,40}\)|\w\[\S{0,40}\]|\S\s?(?:[=!<>]=|[-=]>)\s?\S"
)


def _behind_code(command: str, rest: list[str]) -> Iterator[Segment]:
    """What the user says of themselves in the line behind code that a command is upon; none behind prose, which could
    go on."""
    if _IN_CODE.search(command.partition(":")[2]):
        for sentence in rest:
            words = Words(sentence)
            if not _OWN.isdisjoint(words.plain[:1]):
                yield Segment(sentence, words=words)


def _without_speech(line: str) -> str:
    """Without what somebody says or wrote: quotations behind a colon or a comma, and such of several sentences."""
    kept, end = "", 0
    for match in _SPEECH.finditer(line):
        before = line[: match.start()].rstrip()[-1:]
        if match[0].count(" ") > 2 and (before in ("", ":", ",") or ". " in match[0]):
            kept += line[end : match.start()] + _GONE + "." * (match[0][-2] in ".!?…")
            end = match.end()
    return kept + line[end:]


def open_quote(words: Words, stop: int, inside: bool = False) -> bool:
    """Whether a quotation is open before word `stop`; behind a number the mark stands for inches."""
    for at, word in enumerate(words.plain[:stop]):
        if word == '"' and not (at and words.plain[at - 1][-1:].isdigit() and not inside):
            inside = not inside
        elif word in "“„«":
            inside = True
        elif word in "”»":
            inside = False
    return inside


def _plain_lines(text: str) -> list[str]:
    """Lines without quotations of what others wrote."""
    kept: list[str] = []
    quoted = False
    for line in text.splitlines():
        if line.count('"""') == 1 or line.count("'''") == 1:
            quoted = not quoted
            kept.append("\0")
        elif not quoted and not line.lstrip().startswith(">"):
            kept.append(line)
    return kept


_SPEAKER = re.compile(r"\A\s*(?:\[[^\]]{1,20}\]\s*)?([A-Z][\w.]{0,20}(?: [A-Z][\w.]{0,20})?):\s+\S")


def _without_transcript(lines: list[str]) -> list[str]:
    """Without the lines of a talk between several people, each with its name in front."""
    speakers = [match[1] if (match := _SPEAKER.match(line)) else "" for line in lines]
    if len(lines) < 2 or len({name for name in speakers if name} - _FIELDS) < 2:
        return lines
    likely = {name for name in speakers if name and name not in _FIELDS}
    own = sum(bool(name) for name in speakers) < 2
    return lines if own else [line for line, name in zip(lines, speakers, strict=True) if name not in likely]


_FIELDS = frozenset(
    """
    Name Age Job Goal Goals Email Phone Address City Country Diet Allergies Allergy Height Weight Note Notes
    Budget Hobbies Birthday Role Company Likes Dislikes Language Languages Location Pets Pet Family Occupation
    Work Home Background Context Info Timezone Team Deadline Update Remember Name Stack Project Rule Rules Me
    About Preferences Preference Diets Wife Husband Partner Kids Children Son Daughter Car House Status Level Plan
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday Breakfast Lunch Dinner Medication Medications
    Conditions Injuries Gender Sex School Title PS Tone Style Format
    """.split()
)


def _mail(lines: list[str], number: int) -> bool:
    """Whether the head of an e-mail begins at this line."""
    near = lines[number : number + 4]
    return bool(_MAIL_HEADER.match(lines[number])) and sum(bool(_MAIL_HEADER.match(line)) for line in near) > 1


def _list_follows(lines: list[str], number: int) -> bool:
    for line in lines[number + 1 : number + 3]:
        if line.strip():
            return _BULLET.match(line) is not None
    return False


def _item(text: str, lead: str) -> Iterator[Segment]:
    for place, sentence in enumerate(sentences(text)):
        yield Segment(sentence, lead if place == 0 else "")


def pasted(words: Words, more: bool) -> tuple[bool, str]:
    """Whether a command upon a text begins here that is pasted behind it, and what is said before it. `more`: lines
    follow."""
    plain = words.plain
    at = 0
    while at < len(plain) and (plain[at] in _POLITE or not words.is_word(at)):
        at += 1
    if at >= len(plain):
        return False, ""
    near = plain[at : at + 14]
    if plain[at] in _UPON:
        colon = ":" in near and "remember" not in near
        quote = near[1:2] == ['"'] or (any(mark in near for mark in ('"', "“")) and not more)
        this = bool({"this", "following", "below", "these"} & set(near)) and (more or colon)
        about = more and bool(_TEXTS & set(near)) and bool(_WITHIN & set(near))
        return (colon and not is_question(words.text.partition(":")[0])) or quote or this or about, ""
    here = plain[at] in ("here", "here's", "below", "attached") and bool(_TEXTS & set(near))
    if here and (more or ":" in near):
        return True, ""
    return _later(words, at, more)


def _later(words: Words, at: int, more: bool) -> tuple[bool, str]:
    """A command upon a text behind a first clause: "I'm applying to X, proofread this: …"."""
    plain = words.plain
    for place in range(at + 1, len(plain) - 1):
        if plain[place] in _UPON and plain[place - 1] in (",", ";", "and", "please", "you", "-", "—", "–"):
            near = plain[place : place + 10]
            if ":" in near or (more and {"this", "following", "below"} & set(near)):
                return True, words.text[: words.start(place)].rstrip(" ,;-—–")
    return False, ""
