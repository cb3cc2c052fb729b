"""The few shapes of other languages that are told apart: names, homes, tastes, orders."""

from __future__ import annotations

import re

from gateway.domain import USER, Ended, Triple

_NAME = re.compile(
    r"\b(?:me llamo|mi nombre es|ich heiße|ich heisse|mein name ist"
    r"|je m['’]appelle|mi chiamo|il mio nome è|meu nome é"
    r"|me chamo|chamo-me"
    r"|ik heet|mijn naam is|меня зовут|мене звати|benim adım"
    r"|tôi tên là|tên tôi là"
    r"|jag heter|jeg heter"
    r"|nazywam się|mam na imię|jmenuji se|mă numesc|numele meu este|με λένε"
    r"|我叫|我的名字是|私の名前は|제 이름은|मेरा नाम|اسمي)"
    r"\s*([^\s,.!;，。、！]{1,40})",
    re.IGNORECASE,
)
_HOME = re.compile(
    r"\b(?P<no>ya no |não )?(?:ich wohne(?: jetzt| nun)? in|ich lebe(?: jetzt)? in|vivo(?: ahora)? en"
    r"|j['’]habite(?: maintenant)? à|je vis à|abito a|vivo a|moro em|ik woon in|mieszkam w|jag bor i|jeg bor i|я живу в"
    r"|我住在)\s*(?P<place>[^\s,.!;，。]{1,40})",
    re.IGNORECASE,
)
OPENINGS = frozenset(
    "me mi ich mein je vivo ahora ya benim ik mijn meu moro jag jeg abito il mieszkam nazywam chamo".split()
)
"""First words behind which a name or a home could be told."""
_PLACE = r"([^\W\d_]{2,40})"
_MOVED = re.compile(
    rf"\b(?:nach {_PLACE} (?:um)?gezogen|me mudé a {_PLACE}|j['’]ai déménagé à {_PLACE}"
    rf"|mi sono trasferit[oa] a {_PLACE}"
    rf"|mudei(?:-me)? para {_PLACE}|verhuisd naar {_PLACE})",
    re.IGNORECASE,
)
TASTES = frozenset(
    """
    prefiero odio detesto adoro gusta gustan encanta odeio gosto prefiro adoro mag liebe hasse bevorzuge lieber
    gern gerne aime déteste préfère préfère adore preferisco piace piacciono amo hou lubię nienawidzę люблю
    ненавижу предпочитаю seviyorum thích 喜欢 讨厌 好き vegetariano vegetariana vegano vegana vegetarisch végétarien
    végétarienne vegetarier vegetarierin veganer veganerin
    """.split()
)
_ORDERS = frozenset(
    """
    schreib schreibe gib erkläre erklär zeig zeige sag nenne übersetze fasse erstelle mach mache hilf schlag
    empfiehl such escribe escríbeme dime dame explica explícame recomienda recomiéndame sugiere sugiéreme
    traduce resume haz hazme muéstrame ayúdame propón écris explique donne dis traduis résume propose montre
    aide fais suggère conseille liste rédige escreve escreva explica diga traduza resuma faça mostre ajude
    sugira sugere recomende recomenda scrivi scrivimi spiega spiegami dimmi dammi traduci riassumi consiglia
    consigliami suggerisci suggeriscimi fammi proponi aiutami napisz podaj wyjaśnij przetłumacz wymyśl
    zaproponuj pokaż poleć pomóż streść напиши придумай объясни переведи расскажи покажи посоветуй предложи
    помоги дай составь viết gợi hãy giải dịch cho öner önerir yaz anlat açıkla çevir söyle schrijf geef vertaal
    noem maak skriv ge förklara kannst könntest puedes podrías peux pourrais puoi potresti você pode pode kun
    kan
    """.split()
)
_ANSWERING = frozenset(
    """
    antworte antworten antwortest responde respóndeme respondas respondeme réponds répondez rispondi rispondimi
    responda odpowiadaj отвечай svara antwoord
    """.split()
)
_ASIAN = ("请", "帮我", "给我", "告诉我", "推荐", "写一", "翻译", "解释")
_POLITE_END = (
    "てください",
    "て下さい",
    "教えて",
    "ください",
    "해줘",
    "해주세요",
    "주세요",
    "알려줘",
    " yaz",
    " yazın",
    " öner",
    " önerir misin",
    " anlat",
)


def orders(text: str) -> bool:
    """Whether a sentence of another language tells the assistant what to do."""
    first = text.split(maxsplit=1)[0].lower() if text.split() else ""
    bare = text.rstrip(" .!。！")
    return re.split(r"[-,]", first)[0] in _ORDERS or text.startswith(_ASIAN) or bare.endswith(_POLITE_END)


_WHETHER = frozenset(
    """
    was wie wo wann warum wieso welche welcher welches kannst könntest hast gibt qué que cómo dónde cuál cuánto puedes
    podrías quoi comment où quand pourquoi quel quelle peux pourrais est-ce cosa che come dove quando perché quale puoi
    potresti o qual como onde quanto pode wat hoe waar welke kun kan co jak gdzie czy что как где какой посоветуй
    """.split()
)


def before_question(text: str) -> str:
    """What is said before the question that a sentence ends with; empty if nothing is."""
    told = text.partition("¿")[0] if "¿" in text else ""
    for piece in () if told else text.split(", ")[1:]:
        if piece.split(maxsplit=1)[:1] and piece.split(maxsplit=1)[0].lower().strip("¿?") in _WHETHER:
            told = text[: text.index(f", {piece}")]
            break
    else:
        told = told or text.rpartition(", ")[0]
    words = told.split()
    return told.strip(" ,;-") if len(words) > 2 and words[0].lower() not in _WHETHER else ""


def manner(text: str) -> bool:
    """Whether a sentence says how to answer."""
    return not _ANSWERING.isdisjoint(text.lower().rstrip(".!").replace(",", " ").split()) or "回答" in text


def likes(text: str) -> bool:
    """Whether a sentence tells a taste."""
    return not TASTES.isdisjoint(text.lower().rstrip(".!").split())


def facts(text: str) -> tuple[list[Triple], list[Ended]]:
    """Name and home."""
    triples: list[Triple] = []
    ends: list[Ended] = []
    for name in _NAME.finditer(text):
        triples.append(Triple(USER, "name", name.group(1)))
    for home in _HOME.finditer(text):
        if home["no"]:
            ends.append(Ended(USER, "lives in", home["place"]))
        else:
            triples.append(Triple(USER, "lives in", home["place"]))
    moved = _MOVED.search(text)
    if moved:
        triples.append(Triple(USER, "lives in", next(filter(None, moved.groups()))))
    return triples, ends + [Ended(each.subject, each.predicate) for each in triples]
