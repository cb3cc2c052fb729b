"""Lasting wishes: how the user wants to be called and answered, what always or never is to be done."""

from __future__ import annotations

from gateway.extract.lexicon import LANGUAGES
from gateway.extract.tokens import Phrases, Words

_LASTING = Phrases("""
    from now on, always, never, from here on, going forward, in future, in the future, from today on,
    every time, whenever, by default, in all your, for all, each time, as a rule, moving forward, at all times,
    for future, in general, from this point, unless i say, unless i tell, unless told, until i say,
    until further notice, from today, each of your, all our chats,
    every question, every message, every answer, everything i, all my questions
    """)
_REMEMBER = Phrases("""
    remember that, remember :, remember, remember my, remember our, remember i, remember we, remember the,
    remember this :, remember this, do not forget that, do not forget my, do not forget i, do not forget we,
    do not forget :, do not forget the, note that, keep in mind, bear in mind, take note, for future reference,
    make a note, note down that, note :, note for later, remember me as, save this, for your memory, note to self,
    remember for, make sure you remember, please note, just remember, remember how, remember when i,
    remember it is, remember she, remember he, refer to me, address me, know that, keep this :, keep that :,
    save that :, store this, note this, jot this down, write this down, memorise, memorize
    """)
_FORGET = Phrases("""
    forget that, forget what i, forget about, forget i, forget my, forget everything i, forget the, forget our,
    forget anything i, disregard what i, disregard that i, disregard my, ignore what i said about, delete my,
    erase my, please forget
    """)
_STYLE_VERBS = frozenset(
    """
    answer reply respond talk speak explain write use keep be avoid skip stop format structure end start include
    add give drop limit quit address refer stick cut leave put call assume cite show say treat
    """.split()
)
_STYLE = frozenset(
    """
    answers replies responses explanations tone emojis emoji bullets bullet markdown jargon tables metric
    imperial units disclaimers greetings formatting headings spelling formal informal casual short shorter brief
    concise direct blunt terse detailed longer technical simple plain sentences verbose apologising apologizing
    apologise apologize preamble fluff fahrenheit celsius kilometres miles disclaimer honest friendly polite
    sarcastic sarcasm summary summaries step-by-step layman eli5 to-the-point succinct professional lists
    headers paragraphs pronouns slang conversational british american kilos filler small-talk pleasantries
    exclamation intro warnings caveats sugarcoat sugar-coat flattery analogies examples words layman's politely
    formally informally briefly concisely simply hedging bold italics latex monospace 24-hour kg grams
    """.split()
)
_ANSWERS = frozenset("answers replies responses explanations answer reply response messages".split())
_TO_BE_ANSWERED = frozenset("prefer like want love hate need appreciate".split())
_NOT_NAMES = frozenset(
    """
    a an the back later when if tomorrow tonight today at on in up out once after before by asap maybe now old
    crazy lazy stupid
    """.split()
)
_ONCE = frozenset("this that it these following here below".split())


def calls_me(words: Words, at: int) -> bool:
    """Whether "call me <name>" stands within the first words from `at`; not a taxi, not tomorrow."""
    plain = words.plain
    for place in range(at, min(at + 9, len(plain) - 2)):
        if plain[place] in ("call", "calls", "address", "calling") and plain[place + 1] == "me":
            nxt = plain[place + 2]
            return nxt not in _NOT_NAMES and (words.is_word(place + 2) or nxt in '"“')
    return False


def forgets(words: Words, at: int) -> int:
    """How many words of a wish that something be forgotten stand at `at`; 0: none does."""
    place = at + (words.plain[at : at + 1] == ["please"])
    length = _FORGET.at(words.plain, place)
    return length and length + place - at


def lasting(words: Words, at: int) -> bool:
    """Whether the sentence from `at` on is to hold from now on, though it be an order."""
    plain = words.plain[at:]
    if calls_me(words, at) or manner(words, at):
        return True
    if any(_REMEMBER.at(words.plain, place) for place in range(at, min(at + 7, len(words.plain)))):
        return "remember to" not in " ".join(plain[:4]) or (plain[:2] == ["remember", "to"] and manner(words, at + 2))
    if plain[:2] == ["never", "mind"] or plain[:1] == ["nevermind"]:
        return False
    negative = plain[:2] == ["do", "not"] and len(plain) > 3 and plain[2] not in ("worry", "you", "i", "know")
    return _LASTING.within(plain) or (negative and not _ONCE & set(plain[3:5]))


def conditional(words: Words, at: int) -> bool:
    """ "When a customer asks about delivery, say …", "before you delete it, ask me": what is to be done each time."""
    plain = words.plain[at:]
    if _CHECKS.at(plain, 0):
        return True
    if len(plain) < 4 or plain[0] not in _EACH_TIME:
        return False
    first, second, third = plain[:3]
    if first == "whenever":
        return "," in plain or len(plain) > 6
    if "," not in plain:
        return False
    if second == "i":
        return third in _HANDS_OVER or first == "whatever" or (first == "if" and third == "ever")
    if second == "you":
        clause = plain[: plain.index(",")]
        unsure = not _UNSURE.isdisjoint(clause)
        return _ONCE.isdisjoint(clause) and (unsure if first == "if" else first != "whatever" and third not in _FREE)
    return first in ("when", "if") and second in _SOMEONE


_CHECKS = Phrases("ask me before you, check with me before you, tell me before you, warn me before you")
_EACH_TIME = frozenset("when whenever if before whatever".split())
_SOMEONE = frozenset("a an someone somebody anyone customers users people".split())
_HANDS_OVER = frozenset("say ask paste send write type mention share give upload".split())
_UNSURE = frozenset("unsure sure not ever".split())
_FREE = frozenset("have are can get finish do".split())
"""What somebody does before one task: "when you have a minute"."""


_BEFORE_MANNER = frozenset(
    "please pls always never only just also and so can could would you from now here on ,".split()
)
_ONE_TEXT = frozenset("poem story email essay this it letter table summary text code function example".split())
_SAYING = frozenset("answer reply respond talk speak explain write".split())
_GIVING = frozenset("give add include show put say assume start call".split())


def manner(words: Words, at: int) -> bool:
    """Whether it says how the user wants to be answered."""
    plain = words.plain
    since = next((k + 3 for k in range(at, len(plain) - 3) if plain[k] == "from" and plain[k + 2] == "on"), at)
    at = since if since < len(plain) and plain[since] in _STYLE_VERBS | {","} else at
    while at < len(plain) and (plain[at] in _BEFORE_MANNER or not words.is_word(at)):
        at += 1
    if at >= len(plain):
        return False
    near = plain[at : at + 14]
    if near[0] in ("i", "we", "my", "our"):
        return _own_taste(near)
    if _short_wish(near, len(plain) - at):
        return True
    if near[0] == "no" and len(plain) - at < 7:
        return not _STYLE.isdisjoint(near)
    if near[:2] == ["do", "not"]:
        near = near[2:]
        return bool(near) and (near[0] in _STYLE_VERBS or near[0] in _STYLE) and not _STYLE.isdisjoint(near)
    if near[0] not in _STYLE_VERBS or (near[0] in ("show", "start", "end") and _ANSWERS.isdisjoint(near)):
        return False
    return _ordered_manner(plain, near)


_EVERYTHING = frozenset("stuff things everything concepts".split())
_LESS = frozenset("stop avoid quit skip drop".split())


def _short_wish(near: list[str], length: int) -> bool:
    """ "Metric only", "short replies only", "no spoilers ever", "stop ending every answer with …"."""
    end = next((at for at, word in enumerate(near) if word in ",.;!-—–("), len(near))
    clause = near[:end]
    if "only" in clause and len(clause) < 8:
        return not (_STYLE | _ANSWERS).isdisjoint(clause) and _ONE_TEXT.isdisjoint(clause)
    if clause[:1] == ["no"] and len(clause) < 6:
        return "ever" in clause
    if not clause:
        return False
    if clause[0] in _LESS:
        return not _ANSWERS.isdisjoint(clause) and not {"every", "all", "your"}.isdisjoint(clause)
    if clause[0] in _SAYING and clause[1:2] == ["like"] and not {"i", "a", "my", "an"}.isdisjoint(clause[2:3]):
        return clause[0] not in ("write", "speak")
    if clause[0] in ("do", "never") and "you" in clause and not {"anything", "everything"}.isdisjoint(clause):
        return not {"write", "say", "answer", "send", "tell"}.isdisjoint(clause)
    return clause[0] in ("explain", "tell", "teach") and not _EVERYTHING.isdisjoint(clause[1:3]) and length > 3


def _ordered_manner(plain: list[str], near: list[str]) -> bool:
    """Whether an order is about all answers and not about one text."""
    near = near[: next((at for at, word in enumerate(near) if at > 2 and word in (",", ";", ".")), len(near))]
    said = set(near)
    if near[0] == "write" and "in" in said and not {"all", "every"}.isdisjoint(near[1:3]):
        return not LANGUAGES.isdisjoint(said)
    if near[0] in _SAYING and "in" in said:
        tongue = said & (LANGUAGES | {"bullet", "plain", "simple", "short"})
        lasting_ = not _ONCE & set(near[1:4]) or "always" in plain
        return bool(tongue) and lasting_ and ":" not in near and near[0] not in ("write", "explain")
    if near[:2] == ["treat", "me"]:
        return True
    if (_ONE_TEXT & said or {"that", "again", "above"} & said) and not {"always", "never"} & set(plain):
        return False
    if near[0] in _GIVING and "ones" in said:
        return not _LENGTH.keys().isdisjoint(said)
    if near[0] in _GIVING:
        return bool(said & (_ANSWERS | {"sugarcoat"})) and near[1:2] != ["an"]
    return bool(said & _STYLE) and (near[0] != "write" or not {"a", "an", "the", "me"} & set(near[1:3]))


_LENGTH = dict.fromkeys(
    "short shorter brief concise terse succinct briefly concisely".split(), "short"
) | dict.fromkeys("long longer detailed verbose thorough in-depth".split(), "long")
_TONE = dict.fromkeys("formal formally professional".split(), "formal") | dict.fromkeys(
    "informal casual informally conversational friendly slang".split(), "informal"
)


def manners(words: Words) -> list[tuple[str, str]]:
    """What a wish about answers says, as predicate and object: length, tone, language, emojis, units."""
    found: dict[str, str] = {}
    plain = words.plain
    for at, word in enumerate(plain):
        before = plain[max(0, at - 3) : at]
        if word in _LENGTH and not {"not", "no", "stop", "about", "than"} & set(before):
            found.setdefault("answer length", _LENGTH[word])
        elif word in _TONE and "not" not in before:
            found.setdefault("answer tone", _TONE[word])
        elif word in LANGUAGES and "in" in before:
            found["answer language"] = word
        elif word in ("emoji", "emojis", "bullet", "bullets", "markdown", "tables", "jargon"):
            no = {"no", "not", "stop", "avoid", "never", "without", "skip", "drop", "less"} & set(
                plain[max(0, at - 4) : at]
            )
            found["answers with " + word.rstrip("s")] = "no" if no else "yes"
        elif word in ("metric", "imperial", "celsius", "fahrenheit", "miles", "kilometres"):
            found["units"] = word
    return list(found.items())


_VAGUE_STYLE = frozenset("summary words examples lists miles american british".split())


def _own_taste(near: list[str]) -> bool:
    """ "I prefer short answers", "I like my replies brief", "I want you to be blunt"."""
    verb = next((word for word in near[1:6] if word in _TO_BE_ANSWERED), "")
    said = set(near)
    if near[0] == "i" and "rather you" in " ".join(near[:5]):
        return True
    if near[0] == "i" and not _EXPLAINED.isdisjoint(near) and ("you" in said) and (verb or "rather" in said):
        return True
    if near[0] != "i" or not verb:
        return near[:2] in (["my", "preferred"], ["my", "language"]) and "language" in near
    if near[1] in ("am", "was", "used"):
        return False
    if said & _ANSWERS and "from" not in said:
        return True
    if [w for w in near if w in ("you", "to")][:2] == ["you", "to"]:
        return bool(said & (_STYLE | LANGUAGES | {"always", "never"}))
    return verb == "prefer" and bool(said & (_STYLE - _VAGUE_STYLE) or {"examples", "lists"} & said)


_EXPLAINED = frozenset("explain explained answer gave reply keep avoid".split())


def standing(words: Words, at: int, name: bool) -> bool:
    """Whether it matters whatever is asked: the user's name (`name`: that much is known) and language, and how they
    want to be answered."""
    plain = words.plain
    if name or calls_me(words, at):
        return True
    near = plain[at : at + 7]
    own = [word for word in near if word in ("my", "our")]
    if (
        own
        and near[:1] == ["my"]
        and ("language" in near or "tongue" in near)
        and {"native", "first", "preferred", "mother", "main"} & set(near)
    ):
        return True
    return manner(words, at)
