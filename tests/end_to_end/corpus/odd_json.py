"""Bodies that are JSON in odd ways, or not at all, each asked and answered with."""

from __future__ import annotations

import json

from tests.end_to_end.corpus.case import CHAT, MESSAGES, RESPONSES, Case, lengthy

_ASKED = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]%s}'
_ANSWERED = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]%s}'

MORE: dict[str, bytes] = {
    "large whole numbers": b',"seed":123456789012345678901234567890,"x":-18446744073709551616,"y":9223372036854775808',
    "fractions as written": b',"a":1.0,"b":1.10,"c":0.1e1,"d":1E-7,"e":-0.0,"f":-0,"g":3.14159265358979323846264338',
    "numbers out of range": b',"a":1e999,"b":-1e999,"c":5e-324,"d":1e-999',
    "a number of ten thousand digits": b',"x":' + b"9" * 10_000,
    "equal keys": b',"x":1,"x":2,"x":{"x":3,"x":4}',
    "keys equal after their escapes": b',"\\u0078":1,"x":2,"mod\\u0065l":"z"',
    "escapes": b',"x":"\\u00e9\\u00E9\\/\\b\\f\\n\\r\\t\\"\\\\\\u0000\\u007f"',
    "a lone surrogate": b',"x":"\\ud800 \\udfff \\ud83d","\\udc00":1',
    "pairs of surrogates": b',"x":"\\ud83d\\ude00 \\uD83D\\uDE00"',
    "text as UTF-8": ',"x":"é ß 漢字 हिन्दी \U0001f600 \u2028\u2029 \u200b\ufeff \u0085"'.encode(),
    "noncharacters": ',"x":"\ufffe\uffff\U0010ffff\ue000"'.encode(),
    "deep nesting": b',"x":' + b"[" * 400 + b"]" * 400,
    "deeper objects": b',"x":' + b'{"a":' * 300 + b"null" + b"}" * 300,
    "very deep nesting": b',"x":' + b"[" * 100_000 + b"]" * 100_000,
    "many keys": b"," + json.dumps({f"key {i}": i for i in range(2000)}).encode()[1:-1],
    "a long key": b',"' + b"k" * 100_000 + b'":0',
    "empty keys and values": b',"":"","a":{},"b":[],"c":[[],{}]',
    "literals": b',"a":null,"b":true,"c":false',
    "literals of other languages": b',"a":NaN,"b":Infinity,"c":-Infinity',
    "blanks everywhere": b' ,\n\t "x" \r\n : \t[ 1 , 2\n]\r\n ',
    "markup and templates": b',"x":"</script><!-- {{ }} ${x} %s %d \\\\x00 <|im_start|>"'.replace(b"%", b"%"),
}
WRAPPED: dict[str, tuple[bytes, bytes]] = {
    "blanks around": (b" \r\n\t", b"\n\n  \n"),
    "a byte order mark": (b"\xef\xbb\xbf", b""),
    "text behind": (b"", b" trailing"),
    "a NUL behind": (b"", b"\x00"),
    "a second document": (b"", b"\n{}"),
    "a guard before": (b")]}',\n", b""),
    "a comment": (b"// hello\n", b""),
}
BROKEN: dict[str, bytes] = {
    "empty": b"",
    "blanks": b" \n ",
    "one brace": b"{",
    "a comma too many": _ASKED % b",",
    "single quotes": b"{'model':'m','messages':[]}",
    "a control character in a text": _ASKED % b',"x":"a\tb\x01"',
    "Latin-1": '{"model":"m","messages":[{"role":"user","content":"é"}]}'.encode("latin-1"),
    "UTF-16": '{"model":"m","messages":[{"role":"user","content":"é"}]}'.encode("utf-16"),
    "a surrogate in UTF-8": _ASKED % b',"x":"\xed\xa0\x80"',
    "overlong UTF-8": _ASKED % b',"x":"\xc0\xaf"',
    "a form": b"model=m&messages=hi",
    "a bad escape": _ASKED % b',"x":"\\u12"',
    "two roots": b"[1][2]",
    "a leading zero": _ASKED % b',"x":01',
}


def _pair(name: str, asked: bytes, answered: bytes) -> Case:
    return Case(f"odd JSON: {name}", body=asked, answer=(lengthy(answered, "content-type: application/json"),))


def _other_doors() -> list[Case]:
    given = {
        RESPONSES: b'{"model":"m","input":[{"role":"user","content":"Hi"}]%s}',
        MESSAGES: b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"Hi"}]%s}',
    }
    chosen = ("large whole numbers", "equal keys", "escapes", "a lone surrogate", "deep nesting", "blanks everywhere")
    return [
        Case(f"odd JSON to {target}: {name}", target=target, body=body % MORE[name])
        for target, body in given.items()
        for name in chosen
    ]


CASES: list[Case] = [
    *(_pair(name, _ASKED.replace(b"%s", more), _ANSWERED.replace(b"%s", more)) for name, more in MORE.items()),
    *(_pair(name, a + _ASKED % b"" + b, a + _ANSWERED % b"" + b) for name, (a, b) in WRAPPED.items()),
    *(_pair(name, body, body) for name, body in BROKEN.items()),
    *_other_doors(),
    Case(
        "odd JSON: a model of every kind", target=CHAT, body=b'{"model":["m"],"stream":"yes","n":"2","messages":"Hi"}'
    ),
    Case("odd JSON: messages that are no list", body=b'{"model":"m","messages":{"0":{"role":"user","content":"Hi"}}}'),
    Case("odd JSON: messages that are no objects", body=b'{"model":"m","messages":["Hi",1,null,[]]}'),
]
