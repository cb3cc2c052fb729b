"""The shape of a piece of a sentence as named features: its words, their classes, how it begins and ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import Stemmer

from gateway.extract.acts import act
from gateway.extract.lexicon import AUXILIARIES, DIETS, LANGUAGES, OCCUPATIONS, PETS, TIES, VERBS
from gateway.extract.tokens import Words
from gateway.extract.tongues import TASTES

_LOOKED_AT = 14
"""Words of a sentence; what it does and of what kind it is shows at its beginning."""
_CLASSES = {
    "<my>": """my our mein meine meinen meiner unser unsere mon ma mes notre mi mis nuestro nuestra mio mia mie miei
        meu minha meus minhas nosso nossa mijn ons onze moja mój moje mojej min mitt mina moy мой моя моё мои""",
    "<her>": "his her their seine ihre sein ihr son sa leur suo sua seu",
    "<he>": "he she they er sie il elle ils elles él ella lui lei ele ela hij zij ze on ona он она han hon",
    "<role>": """tenant lodger intern ceo cto cfo pm lead chef apprentice customer client supplier captain goalie
        crush date guest guests guide driver carer nanny babysitter cleaner caretaker plumber builder twin twins eldest
        youngest oldest in-laws teammates housemate flatmates roommates housemates bandmate colleague desk-mate deskmate
        stepmum stepdad gran grandma grandad grandpa granddad nana pop auntie bro sis ma pa folks hubby missus lad bff
        bestie buddy guy bloke godmother godfather goddaughter great-aunt half-brother half-sister nurse midwife
        priest vicar professor supervisor lecturer instructor neighbours neighbor penpal pen-pal ex-husband ex-wife
        ex-boyfriend ex-girlfriend stepkids grandkids grandchildren stepchild stepdaughters wingman dealer""",
    "<kin>": """mutter vater schwester bruder tochter sohn oma opa tante onkel mann frau freund freundin chef chefin
        kollege kollegin nachbar nachbarin cousine mère père sœur soeur frère fille fils mari femme copain copine patron
        patronne voisin voisine grand-mère grand-père oncle cousin madre padre hermana hermano hija hijo abuela abuelo
        esposo esposa marido mujer novio novia jefe jefa suegra suegro primo prima tía tío vecino vecina sorella
        fratello figlia figlio nonna nonno moglie marito fidanzato fidanzata capo zia zio mãe pai irmã irmão filha filho
        avó avô chefe namorado namorada sogra tia tio vizinho zus broer moeder vader dochter zoon vriend vriendin
        siostra brat matka mama ojciec mąż żona syn córka babcia dziadek mamma pappa syster bror dotter мама папа сестра
        брат муж жена сын дочь бабушка annem babam kardeşim""",
    "<day>": """monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays
        saturdays sundays weekend weekends weekday weekdays""",
    "<month>": """january february march april june july august september october november december jan feb mar apr jun
        jul aug sep sept oct nov dec christmas easter spring summer autumn winter""",
    "<when>": """yesterday today tomorrow tonight ago gestern morgen heute hier demain ayer mañana ieri domani ontem
        amanhã""",
    "<please>": "please pls plz kindly bitte",
    "<need>": "must mandatory required compulsory forbidden banned prohibited allowed permitted void",
    "<bad>": "terrible awful hopeless rubbish useless bad rusty weak lousy crap trash",
    "<able>": "good great decent fluent proficient handy skilled experienced brilliant comfortable fine solid",
    "<pay>": "refund refunds return returns invoice invoices deposit deposits order orders fee fees discount discounts",
}  # fmt: skip
_OF_LEXICON = (
    ("<taste>", TASTES),
    ("<diet>", DIETS),
    ("<lang>", LANGUAGES),
    ("<pet>", PETS),
    ("<tie>", TIES),
    ("<job>", OCCUPATIONS),
)
_CLASS_OF = {word: name for name, group in _OF_LEXICON for word in group} | {
    word: name for name, listed in _CLASSES.items() for word in listed.split()
}
_ENDS = frozenset(". , ; : ! ? …".split())


@dataclass(frozen=True, slots=True)
class Shape:
    """What there is to see in a piece of a sentence."""

    features: list[str]
    subject: str
    tense: str
    act: str
    own: bool
    """The user speaks of themselves."""
    length: int
    """In words."""


def shape(words: Words, start: int, stop: int) -> Shape:
    """Of the words from `start` up to `stop`."""
    act_ = act(words, start, stop)
    while stop > start + 1 and words.plain[stop - 1] in _ENDS:
        stop -= 1
    whole = words.plain[start:stop]
    plain = whole[:_LOOKED_AT]
    stems = Stemmer.Stemmer("english", 0).stemWords(plain)
    classes = [_class(words, at, word, stem) for at, (word, stem) in enumerate(zip(plain, stems, strict=True), start)]
    found = list(_words(plain, stems, classes))
    subject, behind = _told_of(words, start, classes)
    tense = _tense(words.plain[start + behind : min(stop, start + _LOOKED_AT)])
    found += _clause(plain, classes, subject, tense, behind)
    own = "i" in whole or "my" in whole
    found += _frame(words, start, whole, own)
    found += (f"Z:{classes[-1]}", f"x:{act_}")
    return Shape(found, subject, tense, act_, own, len(whole))


def asked_for(question: str, answer: Shape) -> Iterator[str]:
    """What the question is about that a piece answers."""
    plain = Words(question).plain
    yield "answer"
    yield from (f"q:{stem}" for stem in Stemmer.Stemmer("english", 0).stemWords(plain))
    yield "q:" + "_".join(plain[:2])
    yield from (f"qq:{one}_{next_}" for one, next_ in pairwise(plain))
    yield f"answer:{answer.subject}"
    yield f"answer:n:{min(answer.length, 5)}"


def _words(plain: Sequence[str], stems: Sequence[str], classes: Sequence[str]) -> Iterator[str]:
    for word, stem, known in zip(plain, stems, classes, strict=True):
        yield stem
        if word != stem:
            yield "=" + word
        if known != stem:
            yield known
    for before, after in zip(classes, [*classes[1:], "$"], strict=True):
        yield f"{before}_{after}"
    yield "^" + "_".join(classes[:1])
    yield "^" + "_".join(classes[:2])
    yield "^" + "_".join(classes[:3])


def _class(words: Words, at: int, word: str, stem: str) -> str:
    known = _CLASS_OF.get(word)
    if known:
        return known
    if word[:1].isdigit():
        return "<num>"
    if words.named(at) and (at or _verbal(words.plain[1:2])):
        return "<name>"
    if not word.isascii() and word.isalpha():
        return "<far>"
    return stem


def _verbal(words: Sequence[str]) -> bool:
    return any(word in VERBS or word in AUXILIARIES for word in words)


def _told_of(words: Words, start: int, classes: Sequence[str]) -> tuple[str, int]:
    """Of whom or of what the sentence tells, and the place behind that."""
    plain = words.plain
    both = next(
        (at for at in range(start + 1, start + min(5, len(classes) - 1)) if plain[at : at + 2] == ["and", "i"]), 0
    )
    if both and (words.named(both - 1) or plain[both - 1] in TIES):
        return "we", both + 2 - start
    for offset, known in enumerate(classes[:9]):
        at = start + offset
        word = plain[at]
        if word in ("i", "we", "it", "you", "there", "this", "that", "nobody", "everyone", "everybody", "none"):
            return word, offset + 1
        if known == "<he>":
            return "he", offset + 1
        if known in ("<my>", "<her>"):
            near = classes[offset + 1 : offset + 5]
            for further, noun in enumerate(near, offset + 2):
                if noun in ("<tie>", "<role>", "<kin>", "<job>"):
                    return known + "<tie>", further
                if noun == "<pet>":
                    return known + noun, further
                if noun in _ENDS or noun in _VERBS_OF_BEING:
                    break
            return known, offset + 2
        if known in ("<name>", "<tie>", "<role>", "<kin>") and offset < 3:
            return "<name>", offset + 1
        if word in ("the", "all", "every", "each", "no", "any", "only") and offset < 2:
            return word, offset + 2
        if offset > 2 and (word in VERBS or word in AUXILIARIES):
            return "noun", offset
    return "none", 0


_VERBS_OF_BEING = frozenset("is are was were am has have be".split())
_TENSES = {
    form: tense
    for tense, forms in {
        "now": "am is are 's do does",
        "then": "was were had did went took made got bought saw met found wrote told gave sent built came left lost won"
        " heard ran drove flew ate felt began held caught sold spent sang drew chose broke fell tore hit shut burnt"
        " swam stole stung froze tripped split quit cost hurt put set cut paid said thought forgot became rang died",
        "have": "have has",
        "will": "will going shall",
        "can": "can could",
        "must": "must should may need needs",
        "would": "would might",
    }.items()
    for form in forms.split()
}


def _tense(words: Sequence[str]) -> str:
    """Of the first verb among the words, as far as its form shows."""
    for word in words[:6]:
        known = _TENSES.get(word)
        if known:
            return known
        if word in VERBS:
            base = VERBS[word]
            return "base" if base == word else "ing" if word.endswith("ing") else "s" if word.endswith("s") else "then"
        if word.endswith("ed") and len(word) > 4:
            return "then"
        if word.endswith("ing") and len(word) > 4:
            return "ing"
    return "s" if words and words[0].endswith("s") and not words[0].endswith("ss") else "none"


_TIMES = frozenset("<day> <month> <when> last next".split())


def _clause(plain: Sequence[str], classes: Sequence[str], subject: str, tense: str, behind: int) -> Iterator[str]:
    """Subject and tense, together and each with whether a time or a number is told."""
    yield f"u:{subject}"
    yield f"t:{tense}"
    yield f"u:{subject}:{tense}"
    if not _TIMES.isdisjoint(classes):
        yield "when"
        yield f"u:{subject}:{tense}:when"
        yield f"t:{tense}:when"
    if "<num>" in classes:
        yield f"t:{tense}:num"
    if behind < len(classes):
        yield f"u:{subject}:{classes[behind]}"
    if not {"not", "never", "no"}.isdisjoint(plain[behind : behind + 4]):
        yield f"u:{subject}:{tense}:not"


def _frame(words: Words, start: int, whole: Sequence[str], own: bool) -> Iterator[str]:
    """Length, end and writing."""
    length = len(whole)
    yield f"n:{length if length < 5 else min(length // 3 + 4, 9)}"
    yield f"z:{whole[-1]}"
    if own:
        yield "own"
    if "we" in whole or "our" in whole:
        yield "ours"
    if not words.between(start, start + length).isascii():
        yield "far"
    first = words.text[words.start(start)]
    yield "cap" if first.isupper() else "low" if first.islower() else "oth"
