"""Who may call the gateway's own API: names and sites that are let in, and bodies that are small enough."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson

from gateway.config import Config
from gateway.errors import BadRequest, Forbidden, GatewayError, RequestTimeout
from gateway.relay import Client, Gone, Pairs, Receive, Send

App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::\d{1,5})?")
_LISTS = ("kind", "status")
"""What a query may name more than once."""
_METHODS = b"GET, POST, PATCH, DELETE, OPTIONS"


class Doorkeeper:
    """Tells pages of other sites, and names that others made point here, from those who are meant.

    A browser sends the name that its page asked for as Host, and the page's site as Origin: neither can be forged by a
    page. A gateway that only this machine reaches is called by the names of this machine; one that asks for keys by any
    name, since a page has none; one without keys by addresses and by names that nobody can register.
    """

    def __init__(self, config: Config) -> None:
        self._listen = config.address[0].lower()
        self._more = frozenset(name.lower().strip("[]") for name in config.api.hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in config.api.origins)
        self._keyed = bool(config.keys)
        self._local = _loopback(self._listen)

    def check(self, headers: Pairs) -> None:
        """Raises Forbidden for who is not let in, BadRequest for a Host that is none."""
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if found is None:
            raise BadRequest("The request needs one Host header.", param="host")
        if not self._known(found["name"].strip("[]").lower()):
            raise Forbidden("This gateway is not called by that name (see `api.hosts`).", param="host")
        origin = self.origin(headers)
        if origin is None or origin in self._origins:
            return
        if origin.partition("://")[2] != hosts[0].lower():
            raise Forbidden("Pages of that site may not call this gateway (see `api.origins`).", param="origin")

    def origin(self, headers: Pairs) -> str | None:
        """The site whose page calls, None if it is no page of another one."""
        return next((value.decode("latin-1").lower() for name, value in headers if name == b"origin"), None)

    def shared(self, headers: Pairs) -> Pairs:
        """The response headers that let a page of a configured site read the answer."""
        origin = self.origin(headers)
        if origin is None or origin not in self._origins:
            return []
        return [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"origin")]

    def _known(self, name: str) -> bool:
        if name in self._more or name in (self._listen, "localhost") or name.endswith(".localhost"):
            return True
        if self._local:
            return _loopback(name)
        return self._keyed or _address(name) or "." not in name


class Guarded:
    """An application behind the doorkeeper. It gets whole bodies, and paths whose parts may hold any character.

    A body that says that it is JSON is, and holds nothing that cannot be stored, but under the paths in `unread`.
    """

    def __init__(self, app: App, doorkeeper: Doorkeeper, config: Config, unread: Collection[str] = ()) -> None:
        self._app, self._doorkeeper, self._limits, self._unread = app, doorkeeper, config.limits, unread

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        client = Client(scope, receive, send, self._limits)
        shared = self._doorkeeper.shared(client.headers)
        try:
            self._doorkeeper.check(client.headers)
            if client.method == "OPTIONS" and client.header(b"access-control-request-method"):
                await _preflight(client, shared)
                return
            path = parted(client.path)
            _check_query(client.query)
            body = await client.body()
            if path not in self._unread and b"json" in (client.header(b"content-type") or b""):
                body = sound(body)
        except Gone:
            return
        except GatewayError as error:
            await client.refuse(RequestTimeout() if client.stalled else error, shared)
            return
        await self._app({**scope, "path": path}, _given(body, receive), _adding(shared, send))


def parted(raw: bytes) -> str:
    """The path as text in which each part stays one: what was sent as %2F is %2F still, and % is %25."""
    try:
        parts = [unquote_to_bytes(part).decode() for part in raw.split(b"/")]
    except UnicodeDecodeError:
        raise BadRequest("The path is not UTF-8.") from None
    return "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)


def _check_query(query: bytes) -> None:
    """Raises BadRequest for what is not UTF-8, or names a thing twice that there is one of."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise BadRequest("The query is not UTF-8.") from None
    names = [name for name, _ in pairs if name not in _LISTS]
    if len(set(names)) < len(names):
        raise BadRequest("The query names something twice.")


def sound(body: bytes) -> bytes:
    """The JSON again, with each key once, and without what JSON cannot hold; raises BadRequest where it is none."""
    if not body.strip():
        return body
    try:
        return orjson.dumps(orjson.loads(body))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        raise BadRequest("The body is not JSON.") from None


def part(text: str) -> str:
    """A part of such a path as it was meant."""
    return text.replace("%2F", "/").replace("%25", "%")


async def _preflight(client: Client, shared: Pairs) -> None:
    asked = client.header(b"access-control-request-headers") or b""
    allowed = [
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", asked),
        (b"access-control-max-age", b"600"),
    ]
    await client.start(204, [*shared, *(allowed if shared else [])])
    await client.end(b"")


def _given(body: bytes, receive: Receive) -> Receive:
    """The body in one message, then what comes after it."""
    read = False

    async def again() -> dict[str, Any]:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _adding(headers: Pairs, send: Send) -> Send:
    async def adding(message: dict[str, Any]) -> None:
        if headers and message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return adding


def _address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _loopback(name: str) -> bool:
    return name == "localhost" or (_address(name) and ipaddress.ip_address(name).is_loopback)
