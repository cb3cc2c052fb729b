"""Statements by plain rules, without a language model.

A first form: it tells questions, commands and small talk from statements, and four kinds apart.
"""

from __future__ import annotations

import re

from gateway.domain import Kind, Statement
from gateway.prompt import own_words
from gateway.words import asks, sentences

MAX_STATEMENTS = 200
"""Of one message; a longer one is a document, which is kept as a turn all the same."""
MAX_LENGTH = 1000
"""Characters of one statement."""

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_WORD = re.compile(r"[^\W_]+")
_LABEL = re.compile(r"\A[^\W\d_][^\n:.!?,;]{0,39}:\s+")
_BULLET = re.compile(r"\A(?:[-*\u2022]|\d{1,3}[.)])\s+")
_POLITE = re.compile(
    r"\A(?:(?:and|so|but|ok|okay|well|now|hey|hi|hello|please|then|also|thanks|thank you)\b[,!.]*\s*)+", re.I
)

_SMALL_TALK = frozenset(
    [
        "hi",
        "hello",
        "hey",
        "thanks",
        "thank",
        "you",
        "ok",
        "okay",
        "yes",
        "no",
        "sure",
        "great",
        "cool",
        "nice",
        "bye",
        "goodbye",
        "please",
        "morning",
        "evening",
        "good",
        "wow",
        "noted",
        "continue",
        "go",
        "on",
        "ahead",
        "lol",
        "haha",
        "yep",
        "nope",
        "yeah",
        "right",
        "alright",
        "perfect",
        "awesome",
        "much",
        "so",
        "very",
        "a",
        "lot",
        "night",
        "afternoon",
        "day",
        "well",
        "got",
        "it",
        "sounds",
        "fine",
        "again",
        "there",
        "everyone",
        "all",
    ]
)
_COMMANDS = (
    "write explain suggest give show tell translate summarize summarise help list find create make generate describe"
    " compare recommend plan draft rewrite fix solve calculate compute convert search look read open check review"
    " analyze analyse implement refactor add remove update change edit improve shorten expand continue repeat remind"
    " teach draw design build run test debug send schedule book order answer say print name define outline sort count"
    " choose pick propose brainstorm format extract classify proofread correct complete guess imagine pretend act let's"
    " can could would will lets ask stop start wait try consider provide quote cite"
)
_COMMAND = re.compile(rf"(?:{'|'.join(_COMMANDS.split())})\b", re.I)
_CLAUSE = re.compile(r"(?:[,;]| [-\u2014])\s+(?:(?:so|and|but|then)\s+)?")
_CLAUSE_COMMAND = re.compile(
    r"(?:please |can you|could you|(?:write|explain|suggest|give|show|tell|translate|summari[sz]e|help|recommend|draft)\b)",
    re.I,
)
_LASTING = re.compile(
    r"\b(?:remember (?:that|this)|call me|from now on|always|never|keep (?:your |the |all )?(?:answers?|repl(?:y|ies)|responses?|it)"
    r"|(?:answer|reply|respond|write|speak|talk) (?:to me )?(?:only |always )?in (?:english|german|french|spanish|italian|portuguese|dutch|polish|"
    r"japanese|chinese|korean|russian|arabic|hindi|turkish|swedish|bullet|short|plain|simple))\b",
    re.I,
)
_STANDING = re.compile(
    r"\b(?:my (?:full |first |last |nick)?name(?:'s| is)|call me|(?:keep|prefer|want|like|give me) (?:your |the |all |my )?"
    r"(?:short|brief|concise|long|detailed|formal|informal)? ?(?:answers?|repl(?:y|ies)|responses?)"
    r"|(?:answer|reply|respond|speak|talk) (?:to me )?(?:only |always )?in \w+|my (?:native |first |preferred )?language is)\b",
    re.I,
)
_PREFERENCE = re.compile(
    r"\b(?:prefer|like|love|enjoy|hate|dislike|favou?rite|can't stand|cannot stand|rather|fond of|allergic|vegetarian|vegan"
    r"|call me|keep (?:your |the )?(?:answers?|repl(?:y|ies)|responses?))\b",
    re.I,
)
_SKILL = re.compile(
    r"\b(?:i can|i know how|i speak|i(?:'m| am) (?:good|great|fluent|skilled|experienced|an expert) |i play the|i program|i code"
    r"|fluent in|proficient|years of experience)\b",
    re.I,
)
_EVENT = re.compile(
    r"\b(?:yesterday|today|tomorrow|tonight|last (?:night|week|month|year|\w+day)|next (?:week|month|year|\w+day)|ago|planning"
    r"|going to|went|visited|bought|met|moved|started|finished|attended|booked|appointment|birthday|wedding|trip"
    r"|in (?:january|february|march|april|may|june|july|august|september|october|november|december)|(?:19|20)\d\d)\b",
    re.I,
)


def statements(text: str) -> tuple[Statement, ...]:
    """What the user states in a message, in order.

    Questions, commands and small talk are none, but a lasting wish ("call me…", "keep answers short") is, and so is
    the stating clause before a command ("I'm vegetarian, suggest dinner").
    """
    found: list[Statement] = []
    for sentence in sentences(_CODE.sub("\n", own_words(text))):
        stated = _stated(_BULLET.sub("", sentence.strip()))
        if stated:
            found.append(Statement(stated, _kind(stated), _STANDING.search(stated) is not None))
        if len(found) == MAX_STATEMENTS:
            break
    return tuple(found)


def _stated(sentence: str) -> str:
    """The sentence, or the part of it that states something; empty if none does."""
    if not sentence or len(sentence) > MAX_LENGTH:
        return ""
    bare = _POLITE.sub("", _LABEL.sub("", sentence))
    words = _WORD.findall(bare)
    if not words or all(word.casefold() in _SMALL_TALK for word in words):
        return ""
    if _LASTING.search(bare) and not sentence.rstrip().endswith("?"):
        return sentence
    if not (asks(bare) or _COMMAND.match(bare)):
        return _before_command(sentence)
    return ""


def _before_command(sentence: str) -> str:
    """A sentence without the question or commands that its last clauses are."""
    for separator in reversed(list(_CLAUSE.finditer(sentence))):
        clause = _POLITE.sub("", sentence[separator.end() :])
        if not (clause.rstrip().endswith("?") or _CLAUSE_COMMAND.match(clause)):
            return sentence
        sentence = sentence[: separator.start()]
    return sentence


def _kind(text: str) -> Kind:
    if _PREFERENCE.search(text):
        return "preference"
    if _SKILL.search(text):
        return "skill"
    if _EVENT.search(text):
        return "event"
    return "fact"
