"""Whether gateways are using a PostgreSQL database: no file can be locked there."""

from __future__ import annotations

import asyncpg

from gateway.errors import ConfigError
from gateway.store.postgres_server import CONNECT

_USERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'memory-gateway' AND pid <> pg_backend_pid()"
)


async def users(url: str) -> int:
    """Connections of gateways, as far as this user may see them. Raises ConfigError where there is no answer."""
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT)
        try:
            count: int = await connection.fetchval(_USERS, timeout=CONNECT)
        finally:
            await connection.close(timeout=CONNECT)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError) as error:
        raise ConfigError(f"the store cannot be reached: {error}") from error
    return count
