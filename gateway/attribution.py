"""Who a request is about: tenant from the key, ids from headers and body, each exact."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast, get_args

from gateway.config import Attribution, Config, KeyConfig
from gateway.domain import DEFAULT_PROCESS, DEFAULT_TENANT, NOBODY
from gateway.errors import BadRequest, Forbidden, Unauthorized

Mode = Literal["on", "off", "read", "write", "shadow"]
Headers = Sequence[tuple[bytes, bytes]]

MAX_ID = 256
"""Bytes of an id in UTF-8."""
FULL_HISTORY = "x-openwebui-chat-id"
"""A session named here belongs to a client that always sends its whole history."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
RFC_3339 = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.IGNORECASE)
_OWN = ("x-memory", "x-memory-sharing", "x-memory-time", "x-memory-token")
_BODY_FIELDS = ("user", "safety_identifier")
_CREDENTIALS = ("authorization", "api-key", "x-api-key")
_SCHEMES = (b"bearer", b"token")


@dataclass(frozen=True, slots=True)
class Identity:
    """What the headers of a request say; ids that only the body can hold are still to be found."""

    tenant: str
    entity: str | None
    process: str | None
    session: str | None
    full_history: bool
    mode: Mode
    narrow: bool
    """Recall only what was learnt in this process."""
    said_at: datetime | None
    """None: now."""


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of a request, after its body was read."""

    entity: str | None
    process: str
    session: str | None
    named: bool = False
    """The request names its process."""


@dataclass(frozen=True, slots=True)
class Access:
    """Whose memories a key reaches."""

    tenant: str
    only: str | None
    """The one entity that it may touch; None: all of the tenant."""

    def entity(self, named: str | None) -> str:
        """The entity that is named, NOBODY if none is; raises Forbidden where the key may not touch it."""
        if self.only not in (None, named):
            raise Forbidden("This key may touch only its own entity.", param="entity")
        return NOBODY if named is None else named


class Attributor:
    """Reads identities; the one place that decides whose memory a request may touch."""

    def __init__(self, config: Config) -> None:
        self._carriers = config.attribution
        self._keys = {_fingerprint(key.key.get_secret_value().encode()): key for key in config.keys}
        self._trusted = not config.insecure
        headers = {name.lower() for names in _lists(config.attribution) for name in names if not _in_body(name)}
        self.consumed = frozenset(name.encode() for name in headers.union(_OWN))
        """Names of the request headers that are never sent upstream."""

    def identify(self, headers: Headers) -> Identity:
        """Raises BadRequest for ids that are doubled, empty or malformed, and Unauthorized without a valid key."""
        own: dict[bytes, bytes] = {}
        for name, value in headers:
            if name in self.consumed:
                if name in own:
                    raise BadRequest(f"The header {name.decode()} was sent more than once.", param=name.decode())
                own[name] = value
        key = self._key(headers)
        if b"x-memory-token" in own:
            raise BadRequest("Signed identities are not configured on this gateway.", param="x-memory-token")
        session, carrier = self._first(self._carriers.session, own)
        entity = self._first(self._carriers.entity, own)[0]
        if key and key.entity.startswith("fixed:"):
            entity = key.entity.removeprefix("fixed:")
        said_at = _time(own)
        if said_at and not (key.entity == "header" if key else self._trusted):
            raise BadRequest("X-Memory-Time is for trusted keys only.", param="x-memory-time")
        return Identity(
            tenant=key.tenant if key else DEFAULT_TENANT,
            entity=entity,
            process=self._first(self._carriers.process, own)[0],
            session=session,
            full_history=carrier.lower() == FULL_HISTORY,
            mode=_mode(own),
            narrow=_narrow(own),
            said_at=said_at,
        )

    def access(self, headers: Headers) -> Access:
        """What a call of the gateway's own API may touch; raises Unauthorized without a valid key."""
        key = self._key(headers)
        fixed = key.entity.removeprefix("fixed:") if key and key.entity.startswith("fixed:") else None
        return Access(key.tenant if key else DEFAULT_TENANT, fixed)

    def complete(self, identity: Identity, field: Callable[[str], object]) -> Ids:
        """The ids with those that only the body holds; `field` gives the body's value at a dotted path."""

        def find(given: str | None, carriers: Sequence[str]) -> str | None:
            if given is not None:
                return given
            for carrier in filter(_in_body, carriers):
                value = field(carrier.removeprefix("body."))
                if value is not None:
                    if not isinstance(value, str):
                        raise BadRequest(f"{carrier} must be a string.", param=carrier)
                    return valid_id(value, carrier)
            return None

        entity = find(identity.entity, self._carriers.entity)
        process = find(identity.process, self._carriers.process)
        session = find(identity.session, self._carriers.session)
        return Ids(entity, process or DEFAULT_PROCESS, session, named=process is not None)

    def _first(self, carriers: Sequence[str], own: dict[bytes, bytes]) -> tuple[str | None, str]:
        """The id in the first of the headers that is there, and that header's name; all that are there are checked."""
        found: tuple[str | None, str] = (None, "")
        for carrier in carriers:
            raw = own.get(carrier.lower().encode())
            if raw is not None and not _in_body(carrier):
                try:
                    value = valid_id(raw.decode("utf-8"), carrier)
                except UnicodeDecodeError:
                    raise BadRequest(f"The header {carrier} is not UTF-8.", param=carrier) from None
                found = found if found[0] is not None else (value, carrier)
        return found

    def _key(self, headers: Headers) -> KeyConfig | None:
        """The gateway key that the request carries; None where none are configured."""
        if not self._keys:
            return None
        for name, value in headers:
            if name.decode("latin-1") in _CREDENTIALS:
                scheme, _, rest = value.partition(b" ")
                given = _fingerprint(rest.strip() if scheme.lower() in _SCHEMES else value)
                for known, key in self._keys.items():
                    if hmac.compare_digest(known, given):
                        return key
        raise Unauthorized("A valid gateway key is needed: Authorization: Bearer <key>.")


def valid_id(value: str, name: str) -> str:
    """`value` as it is; raises BadRequest unless it is 1 to 256 bytes without control characters."""
    try:
        size = len(value.encode())
    except UnicodeEncodeError:  # a lone surrogate, which JSON can hold
        size = 0
    if not 1 <= size <= MAX_ID or _CONTROL.search(value):
        raise BadRequest(f"{name} must be 1 to {MAX_ID} bytes of UTF-8 without control characters.", param=name)
    return value


def _fingerprint(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _lists(carriers: Attribution) -> tuple[Sequence[str], ...]:
    return carriers.entity, carriers.process, carriers.session


def _in_body(carrier: str) -> bool:
    return carrier in _BODY_FIELDS or carrier.startswith(("metadata.", "body."))


def _mode(own: dict[bytes, bytes]) -> Mode:
    value = own.get(b"x-memory", b"on").decode("latin-1").lower()
    if value not in get_args(Mode):
        raise BadRequest(f"X-Memory must be one of {', '.join(get_args(Mode))}.", param="x-memory")
    return cast("Mode", value)


def _narrow(own: dict[bytes, bytes]) -> bool:
    value = own.get(b"x-memory-sharing")
    if value not in (None, b"process"):
        raise BadRequest("X-Memory-Sharing can only be process.", param="x-memory-sharing")
    return value is not None


def _time(own: dict[bytes, bytes]) -> datetime | None:
    value = own.get(b"x-memory-time")
    if value is None:
        return None
    try:
        if RFC_3339.fullmatch(value):
            return datetime.fromisoformat(value.decode().upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, or one before the year 1 or after 9999 in UTC
        pass
    raise BadRequest("X-Memory-Time must be an RFC 3339 time with its offset.", param="x-memory-time")
