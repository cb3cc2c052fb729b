"""Whether a sentence gives the assistant an order that reaches beyond how its answers are to be.

Whoever speaks of themselves, of their work or of others uses the same words, so what counts is who is to act, what
sets it off, and on whom or what.
"""

from __future__ import annotations

import re
from typing import Literal

from gateway.extract import phrases

_PASSED_OVER = frozenset(
    """always never please also then and or just now only first secretly silently automatically immediately must should
    shall will would can could may might have has had to need needs are is be been not do don't dont kindly again
    quietly simply directly next instead promptly ever remember start begin favour""".split()
)
"""Words between a verb and who is to do it."""
_NEGATIONS = frozenset("never not don't dont".split())
_SUBORDINATE = frozenset(
    "before when if after until unless while where what how whether why once because than as which told asked".split()
)
_WISHED = frozenset(
    """want like love need wish prefer expect ask allow for that so and but now on please remember then today tomorrow
    henceforth onwards""".split()
)
"""Words before a "you" that is not everybody."""
_MODELS = frozenset("assistant assistants ai ais llm llms agents chatbot chatbots bots copilot".split())
_OWNERS = frozenset("my our his her their a an your".split())
_SUBJECT = phrases.pattern(r"\b(?:i|i'm|i've|i'd|i'll|we|we're|we've|he|she|they|my|our|his|their|who)\b")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*|[^\w\s'-]|[-]+|\w+")
_LETTERS = re.compile(r"[^\W\d_]+")

Agent = Literal["nobody", "you", "assistant", "other"]


def gives_orders(plain: str) -> bool:
    """Whether folded text holds an order that is not about the manner of answers."""
    if not plain.isascii() and phrases.FOREIGN[1].search(plain):
        return True
    words = _LETTERS.findall(plain)
    if phrases.TELLING.isdisjoint(words):
        return False
    if not phrases.FOREIGN_TELLING.isdisjoint(words) and phrases.FOREIGN[0].search(plain):
        return True
    if phrases.URL.search(plain) and (phrases.EACH_ANSWER.search(plain) or _pushes(plain)):
        return True
    told = (phrases.TO_THE_AI, phrases.OF_ITSELF, phrases.OF_OTHERS, phrases.FOR_THE_USER, phrases.AUTHORITY)
    return any(kind.search(plain) for kind in told) or _against(plain) or _acts(plain)


def _pushes(plain: str) -> bool:
    """Whether what is to be done always, or each time, is told by nobody who speaks of themselves."""
    return _SUBJECT.search(plain) is None and phrases.LASTING.search(plain) is not None


def _against(plain: str) -> bool:
    for found in phrases.AGAINST.finditer(plain):
        agent, negated = _agent(plain, found.start())
        if agent != "other" and negated == (found.lastgroup in ("unless", "never", "untold")):
            return True
    return False


def _acts(plain: str) -> bool:
    """Whether the assistant is to do what no answer does: send, delete, run, buy, show a link, speak for somebody."""
    if phrases.ORDER.search(plain) is None:
        return False
    covert = phrases.COVERT.search(plain) is not None
    triggered = phrases.TRIGGER.search(plain) is not None
    passed_on = phrases.PASSED_ON.search(plain) is not None
    lasting = phrases.LASTING.search(plain) is not None
    for verb in phrases.ORDER.finditer(plain):
        agent, negated = _agent(plain, verb.start())
        rest = plain[verb.end() : verb.end() + 80]
        if agent == "other" or negated or rest.startswith((" me ", " me.", " me,", " us ")):
            continue
        if covert or _ordered(verb, agent, rest, triggered, passed_on, lasting):
            return True
    return False


def _ordered(verb: re.Match[str], agent: Agent, rest: str, triggered: bool, passed_on: bool, lasting: bool) -> bool:
    kind = verb.lastgroup
    if kind in ("shown", "tooled", "outward") and phrases.URL.search(rest):
        return True
    if (kind == "outward" and phrases.MAILBOX.search(rest)) or (agent == "assistant" and kind != "told"):
        return True
    if kind == "outward":
        if agent == "nobody":
            return triggered or (lasting and phrases.PRECIOUS.search(rest) is not None)
        return (
            verb[0] not in ("copy", "share", "move", "report", "post", "submit")
            or phrases.PRECIOUS.search(rest) is not None
        )
    if kind in ("deed", "tooled"):
        return agent != "nobody" or triggered
    if kind == "told":
        return passed_on or (triggered and rest.startswith((" that", " it is", " it's")))
    if kind == "spent":
        return triggered
    return passed_on and verb[0] in ("recommend", "promote", "praise")


def _agent(plain: str, start: int) -> tuple[Agent, bool]:
    """Who is to do what the verb at `start` says, and whether it is forbidden."""
    before = re.split(r"[.!?\n](?=\s|$)|\n", plain[max(0, start - 100) : start])[-1]
    tokens = _WORD.findall(before)
    negated = crossed = False
    while tokens and tokens[-1] in _PASSED_OVER:
        word = tokens.pop()
        negated = negated or word in _NEGATIONS
        crossed = crossed or word in ("and", "then", "or")
    if not tokens:
        return "nobody", negated
    word = tokens.pop()
    last = tokens[-1] if tokens else ""
    if word == "you":
        if last == "when" and tokens[-3:-1] in (["like", "it"], ["love", "it"]):
            return "you", negated
        meant = not last or last in _WISHED or not last[0].isalpha()
        return ("you" if meant else "other"), negated
    if word in _MODELS:
        return ("other" if _OWNERS & set(tokens[-2:]) else "assistant"), negated
    if not (word[0].isalnum() or word in ("'", "’")):
        return "nobody", negated
    if crossed and not _SUBJECT.search(before):
        return "nobody", negated
    return "other", negated
