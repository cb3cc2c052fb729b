"""Short answers: what "since 2019" says can only be told with the question before it."""

from __future__ import annotations

from gateway.extract.acts import act, opening, small_talk
from gateway.extract.tokens import Phrases, Words
from gateway.words import is_question, sentences

LONGEST_QUESTION = 200
"""Characters of a question that is kept with its answer."""
_LONGEST_ANSWER = 12
"""Words of an answer that does not stand alone."""
_OFFERS = frozenset("shall should".split())
_OFFERED = Phrases("""
    would you like me, do you want me, would you like more, would you like some, would you like to see,
    would you like to know, want me, can i, may i, should i, shall i, shall we, do you want to see,
    would you like help, would you like a, would you like an, would you like another, do you need help,
    is there anything, anything else, how can i, what can i, does that, does this, do these, is that, is this,
    what would you like me, could i, do you have any other questions, do you have any questions, ready to,
    want to see, how does that, sound good, did that, did this, how about we, want more, need help,
    do you want more, would you prefer i, do you want a, do you want an, do you want the, let me know,
    interested in more
    """)
_REFUSALS = frozenset("idk dunno whatever skip pass maybe perhaps dunno hm hmm nevermind".split())
_WEAK = frozenset(
    """
    yes no yeah yep yup nope nah sure ok okay please thanks thank you correct exactly indeed of course
    definitely absolutely right not i do am did have is it
    """.split()
)


def question_to_user(asked: str) -> str:
    """The one question about the user that the assistant's message ends with; empty if there is none, or it is an
    offer."""
    tail = asked.strip()[-2 * LONGEST_QUESTION :]
    last = tail.rpartition("\n")[2]
    pieces = sentences(last)
    if not pieces or not is_question(pieces[-1]):
        return ""
    question = pieces[-1].strip(" *_")
    if len(pieces) > 1 and is_question(pieces[-2]):
        return ""
    if len(question) > LONGEST_QUESTION or "://" in question or question[:1] in "-*#>|" or "<" in question:
        return ""
    return question if _of_the_user(Words(question).plain) else ""


_BEFORE_QUESTION = frozenset("so and great thanks ok okay by the way just nice also before then well but".split())


def _of_the_user(words: list[str]) -> bool:
    """Whether a question asks the user about themselves, and offers nothing."""
    start = 0
    while start < len(words) and (words[start] in _BEFORE_QUESTION or not words[start][:1].isalnum()):
        start += 1
    for offset in range(start, min(start + 6, len(words))):
        if _OFFERED.at(words, offset) and (offset == start or words[offset - 1] == ","):
            return False
    return not {"you", "your", "yours", "yourself"}.isdisjoint(words) or len(words) <= 8


def short_answer(text: str, asked: str) -> str:
    """The question with its answer, where the answer says something and does not stand alone; empty otherwise."""
    said = " ".join(text.split())
    if not said or len(said) > 120 or "\n\n" in text or "?" in said:
        return ""
    words = Words(said)
    count = sum(words.is_word(at) for at in range(len(words)))
    if not 0 < count <= _LONGEST_ANSWER:
        return ""
    question = question_to_user(asked)
    start = opening(words)
    if start < len(words) and (act(words, start, len(words)) in ("commands", "invents") or _to_assistant(words)):
        return ""
    if not question or _REFUSALS & set(words.plain[:2]):
        return ""
    if not _yes_or_no(question) and (
        small_talk(words, 0) or all(word in _WEAK or not word[:1].isalnum() for word in words.plain)
    ):
        return ""
    return f"{question} {said}"


def _to_assistant(words: Words) -> bool:
    return not {"you", "your"}.isdisjoint(words.plain[:4])


def _yes_or_no(question: str) -> bool:
    first = Words(question).plain[:5]
    return _ASKING.isdisjoint(first) and not _VERBS_FIRST.isdisjoint(first)


_VERBS_FIRST = frozenset("do are have did can is were does has will".split())


_FILLERS = (
    "yes, ", "yeah, ", "yep, ", "yes ", "oh, ", "it's ", "it is ", "its ", "that's ", "that would be ", "hmm, ", "um, ",
    "probably ", "i'm ", "i am ",
)  # fmt: skip
_PLACED = ("in ", "In ", "at ", "At ")
_SHAPES = (
    (Phrases("where do you live, where are you based, where do you live now"), "I live in {}"),
    (Phrases("where do you work, who do you work for, what company do you work for"), "I work at {}"),
    (Phrases("where are you from"), "I am from {}"),
    (Phrases("how old are you"), "I am {}"),
    (Phrases("what should i call you, what can i call you"), "call me {}"),
    (Phrases("what do you do"), "I work as {}"),
    (Phrases("what car do you drive, what do you drive"), "I drive {}"),
)
_ASKING = frozenset("what which who when where how".split())


def as_statement(question: str, answer: str) -> str:
    """ "What's your favourite colour?" and "Blue." as "my favourite colour is Blue": only for finding its triples;
    empty where the question has another shape."""
    words = Words(question)
    plain = words.plain
    said = answer.strip().rstrip(".!").strip()
    for filler in _FILLERS:
        if said.lower().startswith(filler):
            said = said[len(filler) :]
    if not said:
        return ""
    if "your" in plain and "is" in plain and not _ASKING.isdisjoint(plain[:6]):
        at, stop = plain.index("your") + 1, len(plain) - 1
        if plain.index("is") < at and stop > at:
            return f"my {words.between(at, stop)} is {said}"
    for shape, form in _SHAPES:
        if any(shape.at(plain, at) for at in range(min(8, len(plain)))):
            for place in _PLACED:
                said = said.removeprefix(place)
            return form.format(said)
    return _confirmed(words, answer)


def _confirmed(words: Words, answer: str) -> str:
    """ "Do you play the cello?" "Yes": "I play the cello"; "No": "I do not play the cello"."""
    plain = words.plain
    first = Words(answer).plain[:1]
    at = next(
        (k for k in range(min(6, len(plain) - 2)) if plain[k] in ("do", "are", "have") and plain[k + 1] == "you"), -1
    )
    if at < 0 or not first or first[0] not in ("yes", "yeah", "yep", "yup", "no", "nope", "sure", "si"):
        return ""
    no = first[0] in ("no", "nope")
    rest = words.between(at + 2, len(plain) - 1).replace("your", "my")
    verb = {"do": "do not " if no else "", "are": "am not " if no else "am ", "have": "have not " if no else "have "}[
        plain[at]
    ]
    return f"I {verb}{rest}"


def turned(question: str) -> str:
    """The question as the user would say it of themselves, for telling its kind: "do you play" as "I play"."""
    words = Words(question)
    said = [
        {"you": "I", "your": "my", "are": "am"}.get(word, word)
        for word in words.plain
        if word not in ("?", "do", "did")
    ]
    if said[:2] == ["am", "I"]:
        said[:2] = ["I", "am"]
    elif said[:2] == ["have", "I"]:
        said[:2] = ["I", "have"]
    elif said[:2] == ["can", "I"]:
        said[:2] = ["I", "can"]
    return " ".join(said)
