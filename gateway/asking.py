"""One question to the extractor's model over HTTP, in the strictest form that its server takes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from gateway.errors import UpstreamSilent, UpstreamUnreachable
from gateway.extract.answer import MAX_ANSWER
from gateway.extract.llm import FORMATS, Question, request
from gateway.keyring import Headers
from gateway.upstream import Answer, StreamBroken, Upstream
from gateway.wire.chat import text_of
from gateway.wire.reply import read_reply

MAX_ERROR = 65_536
"""Bytes of an error that are read to see what the server does not take."""
MAX_PAUSE = 300.0
"""Seconds: a server that asks for more is asked again all the same."""
MODELS = 1000
"""Models whose form is remembered; their names come from clients."""

_ABOUT_THE_FORM = re.compile(rb"response_format|json_schema|json_object|structured|schema", re.IGNORECASE)
_TARGET = b"/chat/completions"
_HEADERS = (
    (b"content-type", b"application/json"),
    (b"accept", b"application/json"),
    (b"accept-encoding", b"identity"),
    (b"user-agent", b"memory-gateway"),
)

Why = Literal["timeout", "broken", "size", "encoded", "status", "unreadable", "refusal"]


class Failed(Exception):
    """The model did not answer this question; another try may help."""

    def __init__(self, why: Why, status: int = 0) -> None:
        self.why: Why = why
        self.error = f"{why} {status}" if status else why
        super().__init__(self.error)


class Paused(Exception):
    """The server takes no questions now."""

    def __init__(self, seconds: float | None, *, of_the_caller: bool = False) -> None:
        self.seconds = seconds
        """As the server asked; None: it did not say."""
        self.of_the_caller = of_the_caller
        """It may take those of others."""
        super().__init__("paused")


class Unauthorised(Exception):
    """The credential was refused."""


class Asker:
    """Asks one upstream; remembers for each model which form of answer its server refused."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._forms: dict[str, int] = {}

    async def ask(self, model: str, asked: Question, credentials: Headers) -> str:
        """The text of the model's answer; raises Failed, Paused or Unauthorised. The caller sets the deadline."""
        while True:
            form = self._forms.get(model, 0)
            body = request(model, asked, FORMATS[form])
            try:
                async with self._upstream.send("POST", _TARGET, [*_HEADERS, *credentials], body) as answer:
                    if answer.status == 200:
                        return _text(await _whole(answer))
                    refused = answer.status in (400, 422) and form + 1 < len(FORMATS)
                    if not refused or not _ABOUT_THE_FORM.search(await answer.peek(MAX_ERROR)):
                        raise _error(answer, bool(credentials))
            except UpstreamSilent as error:
                raise Failed("timeout") from error
            except UpstreamUnreachable as error:
                raise (Failed("broken") if error.code == "upstream_closed" else Paused(None)) from error
            except StreamBroken as error:
                raise Failed("broken") from error
            self._remember(model, form + 1)

    def _remember(self, model: str, form: int) -> None:
        if len(self._forms) >= MODELS:
            self._forms.clear()
        self._forms[model] = form


def _error(answer: Answer, passed_through: bool) -> Exception:
    if answer.status in (401, 403):
        return Unauthorised()
    if answer.status == 429:
        return Paused(_retry_after(answer), of_the_caller=passed_through)
    if answer.status in (502, 503, 504, 529):
        return Paused(_retry_after(answer))
    return Failed("status", answer.status)


async def _whole(answer: Answer) -> bytes:
    if answer.header(b"content-encoding").lower() not in (b"", b"identity"):
        raise Failed("encoded")
    body = bytearray()
    async for piece in answer.pieces():
        body += piece
        if len(body) > MAX_ANSWER:
            raise Failed("size")
    return bytes(body)


def _text(body: bytes) -> str:
    reply = read_reply(body)
    if reply.message is None:
        raise Failed("unreadable")
    content = reply.message.get("content")
    if content is None and reply.message.get("refusal"):
        raise Failed("refusal")
    return content if isinstance(content, str) else text_of(content)


def _retry_after(answer: Answer) -> float | None:
    """Seconds that the server wants to be left alone, within bounds; None if it does not say."""
    value = answer.header(b"retry-after").decode("latin-1").strip()
    try:
        seconds = float(value) if value[:1].isdigit() and len(value) < 10 else _until(value)
    except ValueError:
        return None
    return min(max(seconds, 0.0), MAX_PAUSE)


def _until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp()
