"""The SQL of the traces of requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from gateway.domain import Scope, Told, Trace
from gateway.store.database import Connection
from gateway.store.fences import any_deleted, erased_since
from gateway.store.learning import micros, storable
from gateway.store.pages import Listing, Page, after, listing
from gateway.store.reading import moment

_TRACE = (
    "request, tenant, entity, process, session, mode, status, outcome, started_at, model, recalled, block, injected,"
    " timings, upstream"
)


def keep(connection: Connection, trace: Trace) -> None:
    """Write a trace, without the memories that were deleted since; what is there already stays."""
    told = [(told.memory, round(told.score, 4), _rounded(told.signals)) for told in trace.told]
    gone = trace.block and any_deleted(connection, trace.scope.tenant, [told.memory for told in trace.told])
    block = "" if gone else storable(trace.block)
    connection.execute(
        "INSERT INTO requests (tenant, entity, started_at, request, process, session, mode, status, outcome, injected,"
        " model, recalled, block, timings, upstream) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (
            *(trace.scope.tenant, trace.scope.entity, micros(trace.started_at), trace.id),
            *(trace.scope.process, trace.scope.session or "", trace.mode, trace.status, trace.outcome, trace.injected),
            storable(trace.model) if trace.model else None,
            *(orjson.dumps(told).decode(), block, orjson.dumps(dict(trace.timings)).decode(), trace.upstream),
        ),
    )


def keep_alone(connection: Connection, trace: Trace) -> None:
    """Write the trace of a request that records no turn, unless its entity was erased since."""
    if not erased_since(connection, trace.scope, trace.started_at):
        keep(connection, trace)


def requests(connection: Connection, tenant: str, entity: str | None, page: Page) -> Listing[Trace]:
    """A page of traces, newest first."""
    start = after(page, int, str)
    only, name = (" AND entity = ?", (entity,)) if entity is not None else ("", ())
    within, values = (" AND (started_at, request) < (?, ?)", start) if start else ("", ())
    by_age = "" if entity is not None else " INDEXED BY requests_by_age"
    rows = connection.execute(
        f"SELECT {_TRACE} FROM requests{by_age} WHERE tenant = ?{only} AND started_at >= 0{within}"
        " ORDER BY started_at DESC, request DESC LIMIT ?",
        (tenant, *name, *values, page.limit + 1),
    ).fetchall()
    return listing(rows, page, _trace, lambda row: (row[8], row[0]))


def request(connection: Connection, tenant: str, name: str) -> Trace | None:
    """One trace."""
    sql = f"SELECT {_TRACE} FROM requests INDEXED BY requests_by_id WHERE tenant = ? AND request = ?"
    row = connection.execute(sql, (tenant, name)).fetchone()
    return _trace(row) if row else None


def _rounded(signals: Any) -> dict[str, float]:
    """What is zero tells nothing, and most of it is."""
    return {name: round(float(value), 4) for name, value in signals.items() if value}


def _trace(row: Sequence[Any]) -> Trace:
    name, tenant, entity, process, session, mode, status, outcome, at, model, told, block, injected, timings, by = row
    return Trace(
        *(name, Scope(tenant, entity, process, session or None), mode, status, outcome, moment(at), model),
        told=tuple(Told(*one) for one in orjson.loads(told)),
        block=block,
        injected=bool(injected),
        upstream=by,
        timings=orjson.loads(timings),
    )
