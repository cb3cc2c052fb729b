"""Statements by plain rules, without a language model.

A first form, in English: it tells questions, commands and small talk from statements, and four kinds apart. What is in
another language passes as a statement unless it is punctuated as a question.
"""

from __future__ import annotations

import re
from datetime import datetime

from gateway.domain import Kind, Statement
from gateway.prompt import own_words
from gateway.words import asks, is_question, sentences

MAX_STATEMENTS = 200
"""Of one message; a longer one is a document, which is kept as a turn all the same."""
MAX_LENGTH = 1000
"""Characters of one statement."""


def _words(pattern: str) -> re.Pattern[str]:
    """A pattern without case in which white space only lays it out; a blank is written as `_`."""
    return re.compile("".join(pattern.split()).replace("_", " "), re.IGNORECASE)


_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_CODE = re.compile(
    r"""[;{}\\]\s*\Z | \A[\w.]+\(.*\):?\Z | \A[\w.\[\]]+\s(?:[-+*/|&]?=|:=|=>|->|==)\s | \A</?\w[^>]*>
    | \A(?:def|class|return|const|let|var|function|public|private|elif|except|raise)\s[\w({*].*(?:[({=;].*|:)\Z
    | \A(?:import\s[\w.]+|from\s[\w.]+\simport\b.*|return\s.*[-+*/%=]\s.*|\#include.*)\Z
    | \ATraceback\s\(most\srecent | \AFile\s".*",\sline | \A(?:[a-z_]+\.)*[A-Z]\w*(?:Error|Exception)\b
    | \A\d{4}-\d\d-\d\d[T\s]\d\d:\d\d:\d\d | \A(?:https?|ftp|file)://\S+\Z | \A[$>#]\s""",
    re.VERBOSE,
)
"""A line of a program, of its output or of a log."""
_PAYLOAD = _words(
    r"""(?:\A|(?<=[.!?\n])_?)(?:(?:please|can_you|could_you|would_you)_)*
    (?:translat|summari[sz]|rewrit|rephras|paraphras|proofread|correct|improv|shorten|expand|classify|extract|analy[sz]
    |convert|edit|fix|explain|review|complet|continu|repeat|reformat|format|debug)(?:e|ing|y)?\b[^\n.:!?]{0,80}:(?=\s)"""
)
"""A command upon the text behind its colon, which is not the user's own statement."""
_BULLET = re.compile(r"^[ \t]*(?:[-*\u2022]|\d{1,3}[.)])(?:[ \t]+|$)", re.MULTILINE)
_WORD = re.compile(r"[^\W_]+")
_LABEL = re.compile(r"\A[^\W\d_][^\n:.!?,;]{0,39}:\s+")
_OPENING = _words(
    r"""\A(?:(?:and|so|but|ok|okay|well|now|hey|hi|hello|please|then|also|thanks|thank_you|yes|yeah|yep|no|nope|oh|ah|hmm
    |sorry|actually|anyway|by_the_way|btw|fyi|guess_what|you_know(?:_what)?|you_(?:should|must)_know(?:_that)?|great|right|sure)\b[,!.]*\s*)+"""
)
"""How people begin; it says nothing of what follows."""
_SMALL_TALK = _words(
    r"""(?:hi|hello|hey|thanks|thank|thx|ty|np|you|ok|okay|yes|no|sure|great|cool|nice|bye|goodbye|please|morning|evening
    |good|wow|noted|continue|go|on|ahead|lol|haha|yep|nope|yeah|right|alright|perfect|awesome|much|so|very|a|lot|night
    |afternoon|day|well|got|it|sounds|fine|again|there|everyone|all|cheers|sorry|hmm|hm|oh|ah|um|exactly|agreed
    |understood|gotcha|will|do|interesting|correct|true)"""
)
_ABOUT_THE_TALK = _words(
    r"""\A(?:you(?:'re|_are|_were|_did|_forgot|_said|_misunderstood)?\b
    |(?:that|this|it)(?:'s|_is|_was|_looks|_sounds)(?:_not|_very|_really|_so|_all)*_
    (?:what_i_(?:asked|meant|said|wanted)|(?:right|wrong|correct|incorrect|great|good|fine|ok|okay|perfect|helpful|enough
    |better|nice|cool|awesome|interesting|true|false|funny|amazing)(?:_\w+){0,2}\W*\Z)
    |(?:it_depends|never_?mind|my_(?:mistake|bad)|no_(?:idea|problem|worries)|not_sure)\b
    |i_(?:mean|meant|think_you|wonder|was_wondering|(?:asked|said)_(?:you|for|that|about))\b
    |i_(?:see|know|guess|think_so|understand|agree|disagree|don'?t_know|do_not_know|have_no_idea|have_a_question)\W*\Z)"""
)
"""What is said of the conversation, not of the user."""
_REQUEST = _words(
    r"""\A(?:i(?:'d|_would)_(?:like|love|appreciate)|i_(?:want|need|wish))_
    (?:(?:you_to|your_help|help|some_help|advice|it_if_you|to_(?:know|ask|understand_how|see|hear))\b
    |(?:a|an|the|some)_(?:\w+_)?(?:summary|recipe|list|poem|translation|table|draft|script|function|example|explanation
    |answer|overview|outline|email|letter|story|code)\b)"""
)
"""A wish that the answer at hand fulfils."""
_COMMANDS = r"""(?:write|explain|suggest|give|show|tell|translate|summari[sz]e|help|list|find|create|make|generate
    |describe|compare|recommend|plan|draft|rewrite|fix|solve|calculate|compute|convert|search|look|read|open|check|review|analy[sz]e
    |implement|refactor|add|remove|update|change|edit|improve|shorten|expand|continue|repeat|remind|teach|draw|design|build
    |run|test|debug|send|schedule|book|order|answer|say|print|name|define|outline|sort|count|choose|pick|propose|brainstorm
    |format|extract|classify|proofread|correct|complete|guess|imagine|pretend|act|let's|lets|let_me_know|ask|stop|start|wait
    |try|consider|provide|quote|cite|keep_it|make_it)\b"""
_COMMAND = _words(
    _COMMANDS + r"|any_(?:\w+_)?(?:ideas?|suggestions?|tips?|advice|thoughts|recommendations?)\b|have_an?_\w+_day"
)
_INVENTED = _words(r"\A(?:write|imagine|pretend|act|draft|generate|create|translate|say|rewrite|design|repeat|quote)\b")
"""Commands whose further clauses describe what is to be made up."""
_CLAUSE = re.compile(r"(?:[,;]| [-\u2014])\s+(?:(?:so|and|but|then|because|since|as)\s+)?")
_CLAUSE_COMMAND = _words(
    rf"""(?:please|can_you|could_you|would_you|(?:what|how)_(?:should|can|could|do|does|would)_)\b|{_COMMANDS}_(?:me|us|a|an|the|some)\b
    |(?:write|explain|suggest|translate|summari[sz]e|recommend|draft)\b|(?:give|show|tell|help|remind)_(?:me|us)\b"""
)
_OWN_WORDS = _words(
    r"""(?:(?:i|we)_(?!wonder|guess|mean|think|was_wondering|need_help)|(?:i'm|im|i've|i'd|i'll|we're|we've|we'll)_
    (?!sorry|wondering|curious|not_sure|like_you)|(?:my|our)_\w)"""
)
"""The user speaks of themselves."""
_WHOLE = _words(
    r"""(?!if_|when_|while_|given_|suppose|assuming|for_|in_|on_|at_|with_|about_|regarding_|to_|from_|by_|as_|after_|before_|it_|it's_
    |that_|that's_|this_|these_|those_|you_|you're_|there_)(?:\S+_){1,5}(?:is|are|was|were|has|have|had|means?)_(?:\S+_?){1,}"""
)
"""A clause that says something of its subject, and could stand alone."""
_ELLIPTIC = _words(
    r"""(?:have_(?:been|had|lived|worked|got|never|always)|has_(?:been|had)|am_(?!i\b)|will_(?:be|go|move|visit|travel|start)_
    |(?:can't|cannot|couldn't)_(?:stand|wait)|would_(?:love|like|prefer|rather|hate)_to|do_not_|(?:is|was|were)_(?:allergic|born)
    |(?:when|where|what|how)_(?:i|we|i'm|we're|i've|we've)_[^,]+(?:,|_(?:is|was|are|were)_))"""
)
"""Openings of statements that look like those of questions: no subject, or a clause of time or place first."""
_NO_SUBJECT = _words(
    r"""(?:was|were|did|had|have|has|am|is|are|do|does)_(?!i\b|you\b|we\b|they\b|he\b|she\b|it\b|my\b|your\b)"""
)
"""Openings of a statement that leaves "I" out, if it does not end as a question."""
_LASTING = _words(
    r"""\b(?:remember_(?:that|this|:)|call_me|from_now_on|always|never|keep_(?:your_|the_|all_)?(?:answers?|repl(?:y|ies)
    |responses?)|(?:answer|reply|respond|write|speak|talk)_(?:to_me_)?(?:only_|always_)?in_(?:english|german|french|spanish
    |italian|portuguese|dutch|polish|japanese|chinese|korean|russian|arabic|hindi|turkish|swedish|bullet|short|plain|simple)
    |stop_(?:using|calling|adding|saying|writing)|don'?t_forget|note_that)\b|remember:"""
)
_STANDING = _words(
    r"""\b(?:my_(?:full_|first_|last_|nick)?name(?:'s|_is)|(?:do_not_|don't_|never_)?call_me
    |(?:keep|prefer|want|like|give_me)_(?:your_|the_|all_|my_)?(?:short|brief|concise|long|detailed|formal|informal)?_?
    (?:answers?|repl(?:y|ies)|responses?)
    |(?:answer|reply|respond|speak|talk)_(?:to_me_)?(?:only_|always_)?in_\w+|my_(?:native_|first_|preferred_)?language_is
    |(?:no|stop_using|don'?t_use|do_not_use|never_use|avoid)_(?:\w+_)?(?:emojis?|bullet_points?|markdown|jargon|tables)
    |always_(?:use|answer|reply|respond))\b"""
)
_PREFERENCE = _words(
    r"""\b(?:prefer|like|love|enjoy|hate|dislike|favou?rite|can't_stand|cannot_stand|rather|fond_of|allergic|vegetarian|vegan
    |call_me|keep_(?:your_|the_)?(?:answers?|repl(?:y|ies)|responses?)|(?:answer|reply|respond|speak|talk)_(?:\w+_){0,3}in_\w+
    |always_(?:use|answer|reply|respond)|(?:stop_using|don'?t_use|do_not_use|never_use|avoid)_|use_(?:metric|imperial)
    |be_(?:more_|very_)?(?:brief|concise|direct|formal|informal|polite))\b"""
)
_SKILL = _words(
    r"""\b(?:i_can|i_know_how|i_speak|i(?:'m|_am)_(?:good|great|fluent|skilled|experienced|an_expert)_|i_play_the|i_program
    |i_code|fluent_in|proficient|years_of_experience)\b"""
)
_EVENT = _words(
    r"""\b(?:yesterday|today|tomorrow|tonight|(?:last|next)_(?:night|week|month|year|\w+day)|ago|planning|going_to|went
    |visited|bought|met|moved|started|finished|attended|booked|appointment|birthday|wedding|trip
    |in_(?:january|february|march|april|may|june|july|august|september|october|november|december)|(?:19|20)\d\d)\b"""
)


def statements(text: str, *, asked: str = "", at: datetime | None = None) -> tuple[Statement, ...]:
    """What the user states in a message, in order.

    Questions, commands and small talk are none, but a lasting wish ("call me…", "keep answers short") is, and so is
    the stating clause beside a command or a question ("I'm vegetarian, suggest dinner").
    """
    lines = _FENCED.sub("\n", own_words(text)).splitlines()
    text = "\n".join(words for line in lines if (words := " ".join(line.split())))
    payload = _PAYLOAD.search(text)
    if payload:
        text = text[: payload.start()]
    found: list[Statement] = []
    for sentence in sentences(_BULLET.sub("", text)):
        stated = _stated(sentence.strip())
        if stated:
            found.append(Statement(stated, _kind(stated), _STANDING.search(stated) is not None))
        if len(found) == MAX_STATEMENTS:
            break
    return tuple(found)


def _stated(sentence: str) -> str:
    """The sentence, or the part of it that states something; empty if none does."""
    if not sentence or len(sentence) > MAX_LENGTH or _CODE.search(sentence):
        return ""
    bare = _OPENING.sub("", _LABEL.sub("", sentence))
    if all(_SMALL_TALK.fullmatch(word) for word in _WORD.findall(bare)):
        return ""
    if is_question(sentence):
        return _beside_a_question(sentence)
    if _LASTING.search(bare):
        return sentence
    if _ABOUT_THE_TALK.match(bare) or _REQUEST.match(bare):
        return ""
    if _COMMAND.match(bare):
        return _beside_a_command(bare)
    if asks(bare) and not (_ELLIPTIC.match(bare) or (_NO_SUBJECT.match(bare) and sentence.rstrip()[-1:] in ".!")):
        return ""
    return _before_command(sentence)


def _beside_a_question(sentence: str) -> str:
    """What the user says of themselves before they ask: "My flight is at nine, when should I leave?"."""
    stated = _before_command(sentence)
    bare = _OPENING.sub("", _LABEL.sub("", stated))
    if stated == sentence or asks(bare) or _COMMAND.match(bare) or _ABOUT_THE_TALK.match(bare):
        return ""
    return stated if _OWN_WORDS.match(bare) or _WHOLE.match(bare) else ""


def _beside_a_command(bare: str) -> str:
    """What the user says of themselves after they tell what to do: "Suggest dinner, I'm vegetarian"."""
    if _INVENTED.match(bare):
        return ""
    clauses = (bare[separator.end() :] for separator in _CLAUSE.finditer(bare))
    return next((_before_command(clause) for clause in clauses if _OWN_WORDS.match(clause)), "")


def _before_command(sentence: str) -> str:
    """A sentence without the question or commands that its last clauses are."""
    for separator in reversed(list(_CLAUSE.finditer(sentence))):
        clause = _OPENING.sub("", sentence[separator.end() :])
        if not (is_question(clause) or _CLAUSE_COMMAND.match(clause)):
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
