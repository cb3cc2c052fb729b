"""Imports point downwards only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import gateway

ROOT = Path(gateway.__file__).parent
LAYERS = """
__main__
cli
commands.memories commands.transfer commands.reindex commands.doctor commands.migrate_store
commands.formats
commands.reach
commands.options commands.show
app server workers demo.script demo.server demo.model demo.completion
proxy worker upkeep api.service extraction api.mem0 api.background api.mcp
api.mem0_writing
api.mem0_events
api.mem0_reading
api.memories api.sessions api.entities api.recalling api.moving api.tools
api.calls api.chatgpt
api.shapes api.given api.access api.mem0_shapes api.mem0_options
api.mem0_filters api.mem0_messages api.stating
api.mem0_values
exchange catalogue
memory
relay sessions recall recorder routing gleaning
indexes
entity replay correcting
wanted
lending
asking extract.operations
graph attribution corrections extract.local upstream extract.llm extract.answer extract.evidence extract.sources keyring
extract.parts extract.pieces extract.shape extract.wishes
extract.stated extract.cuts extract.acts extract.asking extract.manner extract.replied extract.kinds extract.triples
extract.guard extract.likely
extract.events extract.states extract.shorten extract.fragments
extract.changes extract.endings extract.beginnings extract.impersonal extract.persons extract.segments
extract.turns extract.figures extract.habits extract.moved
extract.slots extract.aspects
extract.orders extract.sayings extract.reading extract.subjects extract.groups extract.clauses extract.times
extract.tongues
extract.tokens extract.lexicon extract.phrases extract.names
store.sqlite store.postgres store.postgres_use
store.sql_store store.postgres_claims store.postgres_vectors store.postgres_pool
store.sql_jobs store.sql_library
store.findings store.bringing store.erasing
store.editing
store.copying
store.recording store.encoding store.contesting store.schema store.moving store.lookups
store.queue store.tracing store.scrubbing store.looking store.threads
store.fences
store.learning store.reading
store.writer store.postgres_link
store.postgres_server
store.postgres_schema store.postgres_sql
store.database
store store.jobs
store.library store.records
store.pages
wire.door wire.side_calls
transport wire.naming wire.reply wire.responses wire.responses_reply wire.messages wire.messages_reply prompt
ranking
distant units embedders
wire.responses_items wire.messages_blocks
wire.chat
wire.document wire.sse wire.lenient lexical dense relevance selection embed model
signals weights tagging
metrics log settings adapters
config words bert
domain errors english dates columns
__init__ extract wire demo api commands store.migrations
"""
"""Every module, on the line of its layer: it imports from lines below, and from its own without a cycle."""
COMPOSERS = {"__main__", "cli", "app", "commands.reach", "commands.reindex", "commands.migrate_store"}
"""The modules that may name concrete classes: a store, an embedder, a server."""
CONCRETE = {"store.sqlite", "store.postgres", "server", "app"}
ENVIRONMENT = {"settings", "cli", "commands.options"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1]) if parts[-1] == "__init__" and len(parts) > 1 else ".".join(parts)


@cache
def modules() -> dict[str, ast.Module]:
    return {name_of(path): ast.parse(path.read_text(), str(path)) for path in ROOT.rglob("*.py")}


def imported(module: str) -> Iterator[str]:
    """The package's own modules that a module imports, inside functions too."""
    for node in ast.walk(modules()[module]):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written from the package's root"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            own = name.removeprefix("gateway.")
            if name == "gateway" or own == name:
                continue
            while own not in modules() and "." in own:
                own = own.rpartition(".")[0]
            yield own if own in modules() else "__init__"


def layers() -> dict[str, int]:
    return {module: depth for depth, line in enumerate(LAYERS.split("\n")) for module in line.split()}


def test_every_module_has_its_layer() -> None:
    assert modules().keys() <= layers().keys()


@pytest.mark.parametrize("module", sorted(modules()))
def test_a_module_imports_nothing_from_above(module: str) -> None:
    depth = layers()
    assert [other for other in imported(module) if depth.get(other, 99) < depth.get(module, 0)] == []


def test_there_are_no_cycles() -> None:
    open_, done = list[str](), set[str]()

    def visit(module: str) -> None:
        assert module not in open_, f"a cycle: {open_[open_.index(module) :]}"
        if module not in done:
            open_.append(module)
            for other in set(imported(module)) - {module}:
                visit(other)
            open_.pop()
            done.add(module)

    for module in modules():
        visit(module)


@pytest.mark.parametrize("module", sorted(modules().keys() - COMPOSERS - {"store.sqlite", "server"}))
def test_only_the_composition_root_names_concrete_classes(module: str) -> None:
    if module.startswith("demo."):
        return  # a program of its own
    assert CONCRETE.isdisjoint(imported(module))


@pytest.mark.parametrize("module", sorted(modules().keys() - ENVIRONMENT))
def test_only_the_configuration_reads_the_environment(module: str) -> None:
    if module.startswith("demo."):
        return
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "os":
            assert node.attr not in ("environ", "environb", "getenv", "getenvb", "putenv"), f"line {node.lineno}"


@pytest.mark.parametrize("module", sorted(modules()))
def test_nothing_is_global_and_changes(module: str) -> None:
    assert [node.lineno for node in ast.walk(modules()[module]) if isinstance(node, ast.Global)] == []
