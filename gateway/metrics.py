"""Counters and times for Prometheus; labels are bounded, ids never among them."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """One registry a gateway."""

    def __init__(self, together: Path | None = None) -> None:
        """`together` is the folder in which several workers count; None: this process is the only one."""
        self.registry = CollectorRegistry()
        self._together = together
        self.requests = Counter(
            "memory_gateway_requests_total", "Requests by memory status", ["status"], registry=self.registry
        )
        self.turns = Counter(
            "memory_gateway_turns_total",
            "Turns by outcome: recorded, late (not committed before the answer ended), waiting (the store refused and"
            " is tried again), dropped",
            ["outcome"],
            registry=self.registry,
        )
        self.degraded = Counter(
            "memory_gateway_degraded_total", "Requests that went without memory", ["reason"], registry=self.registry
        )
        self.faults = Counter(
            "memory_gateway_faults_total", "Errors caught so that a chat could go on", ["where"], registry=self.registry
        )
        self.memory_seconds = Histogram(
            "memory_gateway_memory_seconds",
            "Time that session and recall added before the upstream was called",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.active = Gauge(
            "memory_gateway_active_requests",
            "Requests being served",
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self.waiting = Gauge(
            "memory_gateway_waiting_turns",
            "Turns that the store refused",
            registry=self.registry,
            multiprocess_mode="livesum",
        )

        self.extraction = Counter(
            "memory_gateway_extraction_calls_total",
            "Calls of the extractor's model by outcome: kept, void (claimed by another, or erased), paused, capped,"
            " unauthorised, or what failed",
            ["outcome"],
            registry=self.registry,
        )
        self.refused = Counter(
            "memory_gateway_extraction_refused_total",
            "Operations of the extractor's model that were not taken",
            ["operation"],
            registry=self.registry,
        )
        self.parked = Counter(
            "memory_gateway_extraction_parked_total",
            "Batches of messages that were passed over",
            registry=self.registry,
        )
        self.jobs = Gauge(
            "memory_gateway_extraction_jobs",
            "Jobs that wait, and batches that are parked",
            ["state"],
            registry=self.registry,
            multiprocess_mode="livemax",  # each worker sees all of them
        )

    def page(self) -> bytes:
        """The text that Prometheus scrapes: sums over all workers, whichever of them is asked."""
        registry = self.registry
        if self._together:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, str(self._together))  # type: ignore[no-untyped-call]
        return generate_latest(registry)
