"""What must not come back as a fact: orders to the assistant, forged roles, baits, secrets, hidden text."""

from __future__ import annotations

import re
from typing import Literal

from gateway.extract.orders import gives_orders
from gateway.extract.phrases import pattern
from gateway.words import fold

Reason = Literal["instruction", "imitation", "link", "credential", "hidden", ""]

# --- hidden text and forged roles ---------------------------------------------------------------------------------

_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f")
"""Flags of regions are the one honest use of tag characters."""
_UNSEEN = "\u00ad\u034f\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
_INVISIBLE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_UNSEEN}\U000e0000-\U000e0fff]")
_HIDDEN = re.compile(
    "[\u202d\u202e\u206a-\u206f\U000e0000-\U000e007f]|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2}"
    "|[\u200b-\u200d\u2060-\u2064\ufeff]{3}|(?:[A-Za-z][\u200b\u200d\u2060-\u2064\ufeff]){3}"
)
"""Two variation selectors in a row, or zero widths between letters, write nothing; they carry a message."""
_TURNED = re.compile("[\u202a\u202b\u2066-\u2068](?![+(\\d])")
"""Address books wrap numbers into these."""
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_MIXED = re.compile("[A-Za-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][A-Za-z]")
_LOOKALIKES = str.maketrans("асеіјорѕухԁмтгвнкιονραεтυκ", "aceijopsyxdmtrbhkiovpaetuk")

_TAGS = r"""memory|memories|system|sys|assistant|developer|instructions?|context|tool|function|user\x5fquery|human
|prompt|(?:start|end)[\x5f-]of[\x5f-]turn"""
_STRUCTURE = re.compile(r"[<\[#:]")
_IMITATION = pattern(
    rf"""<\s{{0,3}}/?\s{{0,3}}(?:{_TAGS})(?:[\x5f-]\w{{1,20}}){{0,2}}\s{{0,3}}/?>|<\|[^|\n]{{1,40}}\|>
    |<</?sys>>|\[/?inst\]|\[/?(?:system|assistant|developer)(?:_\w{{1,20}})?\]
    |(?:^|\\n)\W{{0,4}}\#{{2,6}}\s{{0,3}}(?:system|instructions?|response|assistant|developer|human)\b
    |(?:^|[>\]-]\s?)[\s*"'`\[(]{{0,4}}(?:assistant|chatgpt|system(?:_(?:prompt|message|notice|override))?)[\]*]{{0,3}}\s?:
    (?!_?(?:windows|macos|mac|linux|ubuntu|debian|fedora|arch|android|ios|intel|amd|dell|lenovo|hp|metric|imperial)\b)
    |(?:^|[>\]-]\s?)(?:developer|tool|function)\s?:\s?(?:you|the|this|that|all|always|never|ignore|from_now)\b
    |["']role["']\s{{0,3}}:\s{{0,3}}["'](?:system|assistant|developer|tool)"""
)

# --- links and credentials ----------------------------------------------------------------------------------------

_URL = re.compile(r"\b(?:https?|ftp|wss?)://[^\s<>\"]{1,2000}|\bwww\.[^\s<>\"]{1,2000}")
_BAIT = re.compile(
    r"!\[[^\]\n]{0,200}\]\(|\b(?:javascript|vbscript):|\bdata:[\w/+.-]{1,40}[;,]"
    r"|<(?:img|iframe|script|svg|object|embed|form|link|video|audio)\b[^>\n]{0,200}=",
    re.IGNORECASE,
)
_LOADED = re.compile(
    r"[?&#;][\w.-]{0,40}=(?:[{<$\[]|%7b|\Z|[)\].,;!]|[\w+/%=-]{24})"
    r"|[{$](?:conversation|history|chat|messages?|prompt|memory|secret)"
    r"|[?&](?:data|payload|secret|history|chat"
    r"|conversation|msg|message|prompt|memory|context|cookie|token|key|password)=",
    re.IGNORECASE,
)
"""An address with something to be filled in, or with data in its query."""
_TOKEN = re.compile(
    r"(?:sk-|[sr]k_(?:live|test)_|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-"
    r"|hf_|npm_|pypi-|ya29\.|SG\.|dop_v1_|AIza)[\w.-]{14}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{12}|eyJ[\w-]{10,2000}\.[\w-]{5}|AGE-SECRET-KEY-|PRIVATE KEY( BLOCK)?-----"
    r"|\b[a-z][a-z0-9+.]{1,20}://[^\s/:@]{0,64}:[^\s/@]{1,64}@"
)
_OPENER = r"""(?:passwords?|passwd|passphrase|passcode|passwort|kennwort|contrasena|mot_de_passe|senha
|wachtwoord|haslo|пароль)"""
_VALUELESS = r"""(?:the|a|an|my|our|his|her|their|your|in|on|at|by|not|no|too|very|so|now|also|always|never|still|only
|all|that|what|to|for|of|with|under|written|stored|kept|saved|safe|secure|secret|strong|weak|long|short|wrong|old|new
|expired|expiring|different|required|hard|easy|annoying|important|unique|random|reset|changed|managed|rotated|hashed|encrypted
|gone|lost|forgotten|known|due|out|up|about|something|ridiculous|terrible|sent|and|dead|back|case|est|ist|sehr|zu
|tres|stolen|taken|\w{1,20}ed)\b"""
_CREDENTIAL = pattern(
    rf"""\b{_OPENER}(?:_(?:for|of|to|at|on|fur|von|zu|de|del|du|da|para|pour)(?:_[\w'-]{{1,20}}){{1,4}}?)?
    (?:\s?[:=]\s?|_(?:is|was|are|lautet|ist|es|est|e|to|это)_)["'`]?(?!{_VALUELESS})[^\s"'`]{{3}}
    |\b(?:{_OPENER}|pw|pwd|pass)(?:[:=,]|_is)?_["'`]?(?=[^\s]{{0,30}}\d)(?=[^\s]{{0,30}}[a-z])[^\s]{{6}}
    |(?:密码|密碼|口令)(?:是|为|為|[:=])\s?[!-\x7d]{{4}}|パスワードは[!-\x7d]{{4}}
    |\b\w{{0,30}}(?:secret|token|api[\s\x5f-]?key|access[\s\x5f-]?key|password|passwd|private[\s\x5f-]?key)\w{{0,20}}
    (?:_(?:key|token|code))?(?:_(?:for|of|to)(?:_[\w-]{{1,20}}){{1,4}}?)?
    (?:\s?[:=]\s?|_is_)["'`]?(?=[^\s]{{0,40}}\d)[\w+/=.-]{{12}}
    |\bpin(?:_(?:code|number))?(?:_(?:for|of)(?:_\w{{1,20}}){{1,4}}?)?(?:\s?[:=]\s?|_is_)\d{{4}}
    |\b(?:cvv2?|cvc2?|card_(?:verification|security)_(?:code|number|value))(?:\s?[:=]\s?|_(?:is_)?)\d{{3}}
    |\b(?:seed|recovery|mnemonic|backup|wallet)_(?:phrase|words?)(?:_(?:for|of)(?:_\w{{1,20}}){{1,3}}?)?(?:\s?:\s?|_(?:is|are):?_)
    (?:[a-z]{{3,8}}[\s,]{{1,2}}){{7}}|\b(?:social_security|ssn)\b~\d{{3}}-\d\d-\d{{4}}"""
)
_SECRET_WORD = re.compile(
    r"pass|pw|kennwort|contrasena|senha|wachtwoord|haslo|пароль|密|口令|パス|secret|token|key|pin|phrase|words?|ssn|social"
    r"|cv[vc]|card"
)
_HOUSEHOLD = re.compile(r"\b(?:wi-?fi|wlan|hotspot|lockers?|gate|doors?|alarm|garage|shed|bike)\b")
"""What a household shares; its codes are there to be remembered."""
_DIGITS = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_CARD = re.compile(r"4\d{12}(?:\d{3})?|(?:5[1-5]|2[2-7]|6[045])\d{14}|3[47]\d{13}|3[068]\d{12}")


def refusal(text: str) -> Reason:
    """Why a statement is quarantined instead of recalled; empty if it is not.

    A wish about answers, a rule of the user's work and an order that somebody else gave or got are no reason.
    """
    plain = _plain(text)
    if hides(text):
        return "hidden"
    if _STRUCTURE.search(plain) and _IMITATION.search(plain):
        return "imitation"
    if _baits(text):
        return "link"
    if _reveals(text, plain):
        return "credential"
    if gives_orders(plain):
        return "link" if _URL.search(text) else "instruction"
    return ""


def taint(message: str) -> Reason:
    """Why no statement of a whole message is to be recalled, however harmless: it was hidden or forged in part.

    A block that a message forges, or a role that it speaks in, reaches over all of its sentences.
    """
    if hides(message):
        return "hidden"
    return "imitation" if _IMITATION.search(_plain(message)) else ""


def clean(text: str) -> str:
    """`text` without the characters that nobody sees, as its orders are read; not for display, which needs joiners."""
    return text if text.isascii() and text.isprintable() else _INVISIBLE.sub("", text)


def hides(text: str) -> bool:
    """Whether characters that nobody sees carry something, or turn round what is seen."""
    if text.isascii():
        return False
    text = _FLAG.sub("", text)
    if _HIDDEN.search(text):
        return True
    return _TURNED.search(text) is not None and _RIGHT_TO_LEFT.search(text) is None


def _plain(text: str) -> str:
    """`text` as it is read: folded, without invisible characters, letters of other alphabets as what they look like."""
    text = clean(text)
    if not text.isascii():
        text = fold(text).replace("\u2019", "'").replace("\u2018", "'")
        if _MIXED.search(text):
            text = text.translate(_LOOKALIKES)
    else:
        text = text.lower()
    return "\n".join(" ".join(line.split()) for line in text.split("\n")) if "\n" in text else " ".join(text.split())


def _baits(text: str) -> bool:
    """Whether a link fetches by being shown, or has room for what is to be carried off."""
    if "(" not in text and "://" not in text and ":" not in text and "<" not in text and "www." not in text:
        return False
    return _BAIT.search(text) is not None or any(_LOADED.search(url[0]) for url in _URL.finditer(text))


def _reveals(text: str, plain: str) -> bool:
    """Whether a secret that opens something is told."""
    told = _CREDENTIAL.search(plain) if _SECRET_WORD.search(plain) else None
    if told and not _HOUSEHOLD.search(plain, max(0, told.start() - 20), told.end()):
        return True
    if max(map(len, text.split()), default=0) > 14 and _TOKEN.search(text):
        return True
    return any(_is_card(re.sub("[ -]", "", digits[0])) for digits in _DIGITS.finditer(text))


def _is_card(digits: str) -> bool:
    """Whether these are a payment card's digits: an issuer's first ones, and the check digit of ISO/IEC 7812-1."""
    if not _CARD.fullmatch(digits):
        return False
    doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
