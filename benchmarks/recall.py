"""What recall finds and how long it takes, end to end: a gateway process, plain HTTP, a scripted upstream.

    python -m benchmarks.recall [--data DIR] [--quick]

DIR holds conversations of LoCoMo; without it that part is left out. Each turn is a chat in its session at its time,
each question a session of its own that records nothing. Found is what one line of the block in front of the question
says (`benchmarks.asked.recalled`). Times are `memory` of the answer's Server-Timing, the question's vectors and the
block's commit included; the gateway has one core. The deadline is 60 s, so that nothing is left out for being late.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import asked, stored
from benchmarks.asked import Ask
from benchmarks.overhead import resident
from gateway.dense import pack
from gateway.model import ID, default_folder
from gateway.units import Unit
from tests.clients import block_of
from tests.process import Gateway
from tests.upstream import Upstream

TOKENS = (500, 1000, 2000)
SIZES = (100, 1_000, 5_000, 50_000)
MODEL, WORDS = "auto", "none"
KINDS = (MODEL, WORDS)
OTHERS = 1_000
"""Entities beside the one that is asked."""
_TIMING = re.compile(r"memory;dur=([\d.]+)")


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    questions: int
    """Of each row."""
    starts: int
    each: int
    """Messages of each other entity."""
    conversations: int | None
    """None: all."""
    stride: int
    """Every how many-th question of a conversation."""


FULL, QUICK = Effort(1000, 10, 1000, None, 1), Effort(200, 3, 100, 2, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with LoCoMo conversations")
    parser.add_argument("--quick", action="store_true", help="two conversations, fewer questions, a smaller store")
    given = parser.parse_args()
    effort = QUICK if given.quick else FULL
    console = Console()
    with tempfile.TemporaryDirectory() as name, Upstream() as upstream:
        bench = Bench(Path(name), upstream, effort, console)
        if given.data:
            bench.evidence(sorted(given.data.glob("conv-*.json"))[: effort.conversations])
        else:
            console.print("No --data: what is found of conversations is not measured.")
        bench.sizes()
        bench.stores()


class Bench:
    """The measurements, each with a store of its own in `folder`."""

    def __init__(self, folder: Path, upstream: Upstream, effort: Effort, console: Console) -> None:
        self.folder, self.upstream, self.effort, self.console = folder, upstream, effort, console
        self.pool = stored.sentences(500)
        known = asked.encode(self.pool, default_folder(os.environ))
        self.packed = [pack(known[text]) for text in self.pool if text in known]
        self.kinds = KINDS if self.packed else (WORDS,)
        if not self.packed:
            console.print("No embedding model: everything goes by words alone.")

    def evidence(self, paths: Sequence[Path]) -> None:
        """Tells the conversations once, and asks with every budget, with and without the model."""
        folder = self._folder("evidence")
        conversations = [(path.stem, *asked.conversation(path)) for path in paths]
        with self._gateway(folder, self.kinds[0]) as gateway:
            for name, units, _ in conversations:
                for unit in units:
                    self._tell(gateway, name, unit)
            gateway.settle(3600)
        table = Table(title=f"Evidence found in % ({len(paths)} conversations), and ms of a question")
        for column in ("embedder", "tokens", "multi-hop", "temporal", "open-domain", "single-hop", "all", "p50", "p99"):
            table.add_column(column, justify="left" if column == "embedder" else "right")
        for kind in self.kinds:
            for tokens in TOKENS:
                with self._gateway(folder, kind, tokens) as gateway:
                    found = [
                        (ask.category, *self._found(gateway, name, ask))
                        for name, _, asks in conversations
                        for ask in asks[:: self.effort.stride]
                    ]
                shares = [[share for at, share, _ in found if at in these] for these in ((1,), (2,), (3,), (4,))]
                shares.append([share for _, share, _ in found])
                cells = [f"{100 * statistics.mean(share):.1f}" if share else "-" for share in shares]
                times = statistics.quantiles([spent for *_, spent in found], n=100)
                table.add_row(kind, f"{tokens:,}", *cells, f"{times[49]:.1f}", f"{times[98]:.1f}")
        self.console.print(table)

    def sizes(self) -> None:
        """How long a question takes by the number of the entity's messages."""
        folder = self._folder("sizes")
        self._fill(folder, {f"entity-{size}": size for size in SIZES})
        table = Table(title="Time of a question in ms, by messages of the entity")
        for column in ("embedder", "messages", "first after a start", "p50", "p95", "p99", "with a block"):
            table.add_column(column, justify="left" if column == "embedder" else "right")
        for kind in self.kinds:
            cold: dict[int, list[float]] = {}
            ready: list[float] = []
            for _ in range(self.effort.starts):
                begun = time.monotonic()
                with self._gateway(folder, kind) as gateway:
                    ready.append(time.monotonic() - begun)
                    for size in SIZES:
                        cold.setdefault(size, []).append(self._ask(gateway, f"entity-{size}", 0)[0])
            with self._gateway(folder, kind) as gateway:
                held = [_resident(gateway)]
                for size in SIZES:
                    times, blocks = self._asked(gateway, f"entity-{size}")
                    shown = [f"{value:.1f}" for value in (statistics.median(cold[size]), *times)]
                    table.add_row(kind, f"{size:,}", *shown, f"{100 * blocks:.0f} %")
                    held.append(_resident(gateway))
            table.add_section()
            grown = ", ".join(
                f"{megabytes:.0f} MB with {size:,}" for size, megabytes in zip(SIZES, held[1:], strict=True)
            )
            self.console.print(
                f"Embedder {kind}: ready after {statistics.median(ready):.2f} s (slowest {max(ready):.2f} s);"
                f" {held[0]:.0f} MB resident then, and after the questions of each entity in turn {grown} messages."
            )
        self.console.print(table)

    def stores(self) -> None:
        """The same questions in turn to an entity alone in its store and to the same one beside many."""
        folders = [self._folder("alone"), self._folder("beside")]
        sizes = {"asked": 5_000}
        self._fill(folders[0], sizes)
        self._fill(folders[1], sizes | {"other": self.effort.each})
        stored.multiply(folders[1] / "memory.db", "other", OTHERS - 1)
        total = OTHERS * self.effort.each
        table = Table(
            title=f"Time of a question in ms to an entity of 5,000 messages, alone and beside {total:,} others"
        )
        for column in ("embedder", "alone p50", "p99", "beside p50", "p99", "ratio of p50"):
            table.add_column(column, justify="left" if column == "embedder" else "right")
        for kind in self.kinds:
            with self._gateway(folders[0], kind) as alone, self._gateway(folders[1], kind) as beside:
                times: list[list[float]] = [[], []]
                for number in range(-20, self.effort.questions):
                    for place, gateway in enumerate((alone, beside)):
                        spent = self._ask(gateway, "asked", number)[0]
                        if number >= 0:  # the others warm up
                            times[place].append(spent)
            cuts = [statistics.quantiles(each, n=100) for each in times]
            cells = [f"{cut[at]:.1f}" for cut in cuts for at in (49, 98)]
            table.add_row(kind, *cells, f"{cuts[1][49] / cuts[0][49]:.2f}")
        self.console.print(table)

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        return folder

    def _fill(self, folder: Path, sizes: dict[str, int]) -> None:
        stored.fill(folder / "memory.db", sizes, self.pool, self.packed, ID)

    @contextlib.contextmanager
    def _gateway(self, folder: Path, kind: str, tokens: int = 1000) -> Iterator[Gateway]:
        """A gateway that has one core; with the model, it is ready."""
        cores = os.sched_getaffinity(0)
        memory = {"recall": {"deadline": 60, "tokens": tokens}}
        os.sched_setaffinity(0, {min(cores)})  # the child and its threads inherit it
        try:
            gateway = Gateway(folder, self.upstream.url, embedder={"kind": kind}, memory=memory)
        finally:
            os.sched_setaffinity(0, cores)
        with gateway:
            yield gateway

    def _ask(self, gateway: Gateway, entity: str, number: int) -> tuple[float, bool]:
        return _chat(gateway, stored.question(number, self.pool), entity)

    def _asked(self, gateway: Gateway, entity: str) -> tuple[list[float], float]:
        """p50, p95 and p99 in milliseconds, and the share of the questions that got a block."""
        for number in range(-20, 0):
            self._ask(gateway, entity, number)
        answers = [self._ask(gateway, entity, number) for number in range(self.effort.questions)]
        cuts = statistics.quantiles([spent for spent, _ in answers], n=100)
        return [cuts[49], cuts[94], cuts[98]], statistics.mean(found for _, found in answers)

    def _tell(self, gateway: Gateway, entity: str, unit: Unit) -> None:
        at = {"X-Memory-Time": unit.said_at.isoformat()}
        answer = gateway.chat(unit.text, entity, "locomo", f"{entity}-{unit.session}", at)
        assert answer.status == 200, answer.body

    def _found(self, gateway: Gateway, entity: str, ask: Ask) -> tuple[float, float]:
        """The share of the evidence that is in the block, and the milliseconds."""
        spent, _ = _chat(gateway, ask.text, entity, "locomo")
        return asked.recalled(ask, block_of(self.upstream.last).splitlines()), spent


def _chat(gateway: Gateway, text: str, entity: str, process: str | None = None) -> tuple[float, bool]:
    """Milliseconds that memory took, and whether it had something to say; a degraded answer ends the measurement."""
    answer = gateway.chat(text, entity, process, headers={"X-Memory": "read"})
    timing = _TIMING.search(answer.header("server-timing") or "")
    status = answer.header("x-memory-status") or ""
    assert answer.status == 200, answer.body
    assert timing, answer.headers
    assert not status.startswith("degraded"), status
    return float(timing[1]), answer.header("x-memory-recalled") != "0"


def _resident(gateway: Gateway) -> float:
    assert gateway.process is not None
    return resident(gateway.process.pid)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
