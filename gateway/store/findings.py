"""The SQL that makes memories of what a language model found; `apply` is the whole of one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from gateway.domain import NOBODY, Learnt, Statement, Triple
from gateway.store import queue, recording
from gateway.store.database import Connection
from gateway.store.jobs import Digest, Fact, Findings, Job, Link, Retraction
from gateway.store.learning import Learning, form, micros, slot, storable, value
from gateway.words import terms

CONFIDENCE = 0.8
"""Of what somebody read out of the user's words."""

STATED = (
    "SELECT m.form FROM mentions AS n JOIN memories AS m ON m.tenant = n.tenant AND m.entity = n.entity"
    " AND m.id = n.memory WHERE n.tenant = ? AND n.entity = ? AND n.message = ?"
)
"""Forms of the memories that a message states."""

_OWN = "tenant = ? AND entity = ? AND id = ?"
_EDGES = (
    "SELECT DISTINCT t.subject, t.predicate, t.object"
    " FROM mentions AS n JOIN triples AS t USING (tenant, entity, memory)"
    " JOIN memories AS m ON m.tenant = n.tenant AND m.entity = n.entity AND m.id = n.memory"
    " WHERE n.tenant = ? AND n.entity = ? AND n.message = ? AND m.origin = 'local'"
)
_NAMING = (
    "SELECT m.id, m.text FROM mentions AS n JOIN memories AS m ON m.tenant = n.tenant AND m.entity = n.entity"
    " AND m.id = n.memory WHERE n.tenant = ? AND n.entity = ? AND n.message = ? AND m.status = 'active'"
    " ORDER BY m.origin = 'llm' DESC, m.id"
)


def apply(connection: Connection, job: Job, upto: int, findings: Findings) -> bool:
    """Write the findings and move the job on; nothing and False where the claim is void."""
    if not queue.held(connection, job):
        return False
    applying = _Applying(connection, job)
    robbed = applying.robbed(findings)
    for fact in sorted(findings.facts, key=lambda fact: fact.said_at):
        if robbed.isdisjoint(fact.sources):
            applying.learn(fact)
    for retraction in findings.retractions:
        applying.retract(retraction)
    for link in findings.links:
        if robbed.isdisjoint(link.sources):
            applying.link(link)
    for digest in findings.digests:
        applying.digest(digest)
    applying.done()
    for text in findings.attributes:
        _propose(connection, job, text)
    queue.move(connection, job, upto)
    return True


class _Applying:
    """The findings of one batch on their way into the tables of its entity."""

    def __init__(self, connection: Connection, job: Job) -> None:
        self._connection, self._job = connection, job
        self._owner = (job.scope.tenant, job.scope.entity)
        self._closed = job.scope.process if job.closed else ""
        self._learning = _learning(connection, *self._owner)

    def done(self) -> None:
        _keep_sequence(self._connection, *self._owner, self._learning.sequence)

    def robbed(self, findings: Findings) -> set[int]:
        """The messages of which something was deleted or edited since they were read."""
        return {
            key
            for key, forms in findings.stated
            if not forms <= {form for (form,) in self._connection.execute(STATED, (*self._owner, key))}
        }

    def learn(self, fact: Fact) -> None:
        """Write a fact, and let it take the place of what it replaces."""
        older = {name: row for name in fact.replaces if (row := self._memory(name))}
        if fact.merges and (len(older) < len(fact.replaces) or any(row[0] != "active" for row in older.values())):
            return
        sources = list(fact.sources)
        if fact.merges:
            sources += [key for name in older for key in self._messages(name)]
        if not sources:
            return
        name = self._same(fact.statement.text)
        if name:
            self._learning.mention(name, sources)
        else:
            name = self._remember(fact, sources)
        for other, row in older.items():
            if other != name and not fact.statement.refused:
                self._replace(other, name, row, fact)

    def _remember(self, fact: Fact, sources: list[int]) -> str:
        statement = replace(
            fact.statement, alone=True, triples=(*fact.statement.triples, *self._inherited(fact.statement, sources))
        )
        return self._learning.remember(
            Learnt(
                statement,
                fact.said_at,
                self._job.scope.process,
                fact.session,
                closed=self._closed,
                origin="llm",
                sources=tuple(dict.fromkeys(sources)),
                confidence=CONFIDENCE,
            )
        )

    def _inherited(self, statement: Statement, sources: list[int]) -> list[Triple]:
        """The edges of local statements of the same messages that the text names too.

        With them a later correction of the statement reaches this reading of it as well.
        """
        words = set(terms(statement.text))
        taken = {slot(triple.subject, triple.predicate) for triple in statement.triples}
        found: dict[tuple[bytes, bytes], Triple] = {}
        for key in sources:
            for row in self._connection.execute(_EDGES, (*self._owner, key)):
                triple = Triple(*row)
                place = slot(triple.subject, triple.predicate)
                if place not in taken and words.issuperset(terms(triple.object) or [""]):
                    found[place, value(triple.object)] = triple
        return list(found.values())

    def _replace(self, older: str, newer: str, row: tuple[Any, ...], fact: Fact) -> None:
        """Close the older one; or the newer, where the older was said later or something else took its place since."""
        status, last_seen, valid_from, valid_to, by = row
        said = micros(fact.said_at)
        if status == "active" and (fact.merges or last_seen <= said):
            self._learning.close(older, newer, said if not fact.merges else max(said, valid_from))
        elif status == "active":
            self._learning.close(newer, older, valid_from)
        elif by and by != newer and valid_to > said:
            self._learning.close(newer, by, valid_to)

    def retract(self, retraction: Retraction) -> None:
        """End a memory's validity, unless it was said again since."""
        row, said = self._memory(retraction.memory), micros(retraction.said_at)
        if row is None or row[0] != "active" or row[1] > said:
            return
        sequence = self._learning.next()
        self._connection.execute(
            f"UPDATE memories SET status = 'superseded', valid_to = ?, sequence = ?, updated_at = ? WHERE {_OWN}",
            (said, sequence, _now(), *self._owner, retraction.memory),
        )
        self._learning.note(retraction.memory, sequence, "retracted")

    def link(self, link: Link) -> None:
        """Give the edge to a memory of one of its messages that names the object."""
        named = set(terms(link.triple.object))
        for key in link.sources:
            for name, text in self._connection.execute(_NAMING, (*self._owner, key)).fetchall():
                if named and named.issubset(terms(text)):
                    self._add_edge(name, link.triple)
                    return

    def _add_edge(self, memory: str, triple: Triple) -> None:
        rows = self._connection.execute(
            "SELECT subject, predicate, object FROM triples WHERE tenant = ? AND entity = ? AND memory = ?"
            " ORDER BY place",
            (*self._owner, memory),
        ).fetchall()
        before = [Triple(*row) for row in rows]
        edge = (slot(triple.subject, triple.predicate), value(triple.object))
        if edge not in [(slot(known.subject, known.predicate), value(known.object)) for known in before]:
            self._learning.link(memory, [*before, triple])
            self._connection.execute(
                f"UPDATE memories SET sequence = ?, updated_at = ? WHERE {_OWN}",
                (self._learning.next(), _now(), *self._owner, memory),
            )

    def digest(self, digest: Digest) -> None:
        self._connection.execute(
            "UPDATE sessions SET title = coalesce(nullif(?, ''), title), summary = coalesce(nullif(?, ''), summary)"
            " WHERE tenant = ? AND entity = ? AND process = ? AND session = ?",
            (storable(digest.title), storable(digest.summary), *self._owner, self._job.scope.process, digest.session),
        )

    def _memory(self, name: str) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._connection.execute(
            f"SELECT status, last_seen, valid_from, valid_to, superseded_by FROM memories WHERE {_OWN} AND closed = ?",
            (*self._owner, name, self._closed),
        ).fetchone()
        return found

    def _messages(self, name: str) -> list[int]:
        return [
            key
            for (key,) in self._connection.execute(
                "SELECT message FROM mentions WHERE tenant = ? AND entity = ? AND memory = ?", (*self._owner, name)
            )
        ]

    def _same(self, text: str) -> str | None:
        """The memory that says this already, whose repetitions were counted when they were recorded."""
        row = self._connection.execute(
            "SELECT id FROM memories WHERE tenant = ? AND entity = ? AND closed = ? AND process = '' AND session = ''"
            " AND form = ? AND status IN ('active', 'proposed', 'quarantined')",
            (*self._owner, self._closed, form(text)),
        ).fetchone()
        return str(row[0]) if row else None


def _propose(connection: Connection, job: Job, text: str) -> None:
    """Propose an attribute of the process. Nothing says from whose conversation it came."""
    owner, process = (job.scope.tenant, NOBODY), job.scope.process
    known = connection.execute(
        "SELECT 1 FROM memories WHERE tenant = ? AND entity = ? AND process = ? AND form = ?",
        (*owner, process, form(text)),
    ).fetchone()
    if known:  # also one that was turned down
        return
    learning = Learning(connection, *owner, recording.enter(connection, *owner, _now()))
    learning.remember(
        Learnt(
            Statement(text, "fact"),
            datetime.now(UTC),
            process,
            "",
            process=process,
            origin="llm",
            status="proposed",
            confidence=CONFIDENCE,
        )
    )
    _keep_sequence(connection, *owner, learning.sequence)


def _learning(connection: Connection, tenant: str, entity: str) -> Learning:
    (sequence,) = connection.execute(
        "SELECT sequence FROM entities WHERE tenant = ? AND entity = ?", (tenant, entity)
    ).fetchone()
    return Learning(connection, tenant, entity, sequence)


def _keep_sequence(connection: Connection, tenant: str, entity: str, sequence: int) -> None:
    connection.execute("UPDATE entities SET sequence = ? WHERE tenant = ? AND entity = ?", (sequence, tenant, entity))


def _now() -> int:
    return micros(datetime.now(UTC))
