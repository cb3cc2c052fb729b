"""Credentials of callers, for work after their requests: in memory only, for a short while, and never shown."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from gateway.domain import Scope

MOST = 10_000
"""Credentials that are kept; the oldest go first."""
CARRIERS = (b"authorization", b"api-key", b"x-api-key")

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Key:
    """What a request was let in by."""

    headers: Headers = field(repr=False)
    brought: float


class Keyring:
    """The newest credential for each process of an entity, for `seconds` after the request that brought it.

    Only those that were sent to `upstream` are kept: a credential goes to no other server.
    """

    def __init__(self, upstream: str, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._upstream, self._seconds, self._now = upstream, seconds, now
        self._keys: OrderedDict[tuple[str, str, str], Key] = OrderedDict()

    def keep(self, upstream: str, scope: Scope, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Keep the credentials among a request's headers, which go to this upstream."""
        carried = tuple((name, value) for name, value in headers if name in CARRIERS)
        if carried and upstream == self._upstream:
            name = _name(scope)
            self._keys.pop(name, None)
            self._keys[name] = Key(carried, self._now())
        self._forget()

    def find(self, scope: Scope) -> Key | None:
        """The credential for this process of the entity; None if there is none any more."""
        self._forget()
        return self._keys.get(_name(scope))

    def drop(self, scope: Scope, key: Key) -> None:
        """Forget a credential, unless a newer one came."""
        if self._keys.get(_name(scope)) is key:
            del self._keys[_name(scope)]

    def scopes(self, limit: int) -> list[Scope]:
        """For whom there are credentials, the oldest first."""
        self._forget()
        return [Scope(*name) for name in islice(self._keys, limit)]

    def _forget(self) -> None:
        """Let go of what is too old, or too much."""
        since = self._now() - self._seconds
        while self._keys:
            oldest = next(iter(self._keys.values()))
            if oldest.brought > since and len(self._keys) <= MOST:
                return
            self._keys.popitem(last=False)

    def __repr__(self) -> str:
        return f"<Keyring of {len(self._keys)}>"


def _name(scope: Scope) -> tuple[str, str, str]:
    return scope.tenant, scope.entity, scope.process
