"""How much of a provider's prompt cache memory leaves warm: sessions of ten turns, with tools, through every door.

    python -m benchmarks.cache

Each prompt is compared with the one before it in its session, as the upstream received them. The share is that of the
earlier prompt's bytes (tools, instructions, messages) that the later one begins with: what is charged as cached where a
provider caches the longest common beginning. `marks`: the client moves its `cache_control` to its newest message.
"""

from __future__ import annotations

import tempfile
from itertools import product
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.caching import Talk, prompt, session, shares, upstreams
from tests.doors import DOORS
from tests.process import Gateway
from tests.upstream import Received, Upstream

WAYS = {"history": (True, False), "only the turn": (False, False), "history, marks": (True, True)}


def main() -> None:
    table = Table(title="Share of the previous prompt at the start of the next, memory on")
    for column in ("door", "client sends", "requests", "with a block", "last prompt, bytes", "least %", "mean %"):
        table.add_column(column, justify="left" if column in ("door", "client sends") else "right")
    with (
        tempfile.TemporaryDirectory() as name,
        Upstream() as upstream,
        Gateway(Path(name), upstream.url, upstreams=upstreams(upstream.url)) as gateway,
    ):
        for door, (way, (history, marks)) in product(DOORS, WAYS.items()):
            if door == "messages" or not marks:
                talk = Talk(gateway, door, f"{door}, {way}", history, marks)
                table.add_row(door, way, *_row(session(talk, upstream)))
    Console().print(table)


def _row(requests: list[Received]) -> tuple[str, ...]:
    found = shares(requests)
    blocks = sum(b"<memory>" in request.body for request in requests)
    size = len(prompt(requests[-1]))
    least, mean = 100 * min(found), 100 * sum(found) / len(found)
    return str(len(requests)), str(blocks), f"{size:,}", f"{least:.2f}", f"{mean:.2f}"


if __name__ == "__main__":
    main()
