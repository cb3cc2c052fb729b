"""What keeps work in flight from bringing back what was erased or deleted meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import orjson

from gateway.domain import Scope
from gateway.store.database import Connection
from gateway.store.learning import micros
from gateway.wire.chat import hashed


def owner_of(tenant: str, entity: str) -> bytes:
    """What stands for an entity where nobody shall read which it was."""
    return hashed(tenant.encode(), entity.encode())


def erased_since(connection: Connection, scope: Scope, began: datetime) -> bool:
    """The entity was erased after this: what began then must not bring it back."""
    found = connection.execute(
        "SELECT 1 FROM erased WHERE owner = ? AND erased_at >= ?", (owner_of(scope.tenant, scope.entity), micros(began))
    )
    return found.fetchone() is not None


def any_deleted(connection: Connection, tenant: str, memories: Iterable[str]) -> bool:
    """One of these memories was deleted."""
    found = connection.execute(
        "SELECT 1 FROM memories INDEXED BY memories_by_id WHERE tenant = ? AND status = 'deleted'"
        " AND id IN (SELECT value FROM json_each(?))",
        (tenant, orjson.dumps(list(memories)).decode()),
    )
    return found.fetchone() is not None
