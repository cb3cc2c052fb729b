"""The command line: serving, and what belongs to it; the other commands are in `commands`."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from gateway import __version__
from gateway.commands import doctor as examination
from gateway.commands import memories, migrate_store, transfer
from gateway.commands import reindex as reindexing
from gateway.commands.options import File, Store, Upstream
from gateway.commands.options import settings as settings_of
from gateway.commands.reach import CommandError, announce
from gateway.config import EXIT_CODE, Config
from gateway.errors import ConfigError

FAILED = 1
"""Exit status of a command that could not be done."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="An OpenAI-compatible proxy gateway with memory.",
)

model_app = typer.Typer(no_args_is_help=True, help="The embedding model.")
app.add_typer(model_app, name="model")

app.command("recall")(memories.recall)
app.command("list")(memories.list_)
app.command("remember")(memories.remember)
app.command("forget")(memories.forget)
app.command("export")(transfer.export)
app.command("import")(transfer.import_)
app.command("reindex")(reindexing.reindex)
app.command("doctor")(examination.doctor)
app.command("migrate-store")(migrate_store.migrate_store)


def main() -> None:
    """Run the command line; what cannot be done ends with one line, and exit code 3 for the configuration, else 1."""
    try:
        app()
    except ConfigError as error:
        _leave(str(error))
    except CommandError as error:
        _leave(str(error), FAILED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read the answer has seen enough
        raise SystemExit(FAILED) from None


@app.command()
def serve(
    config: File = None,
    upstream: Upstream = None,
    store: Store = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that serve the address; SQLite serves one.")] = 1,
) -> None:
    """Serve the gateway."""
    settings = settings_of(config, upstream, store, host, port)
    if workers > 1 and settings.store_url is None:
        raise ConfigError("workers: SQLite's file is written by one process; several need a store on PostgreSQL")

    from gateway.log import configure
    from gateway.server import bind

    _try_store(settings)
    configure(settings.log)
    listener = bind(*settings.address)
    if settings.store_url is None:
        announce(settings.store_file, *listener.getsockname()[:2])
    _greet(settings, listener)
    if workers == 1:
        _serve_one(settings, listener, None)
    else:
        _serve_many(settings, listener, workers)


def _serve_one(settings: Config, listener: socket.socket, counted: Path | None) -> None:
    """Serve until a signal; `counted` is where several workers count together."""
    from gateway.app import Gateway
    from gateway.log import configure
    from gateway.model import default_folder
    from gateway.server import serve

    configure(settings.log)
    gateway = Gateway(settings, default_folder(os.environ), counted)
    serve(gateway, settings, listener, gateway.drain)


def _serve_many(settings: Config, listener: socket.socket, count: int) -> None:
    from gateway.workers import Workers

    with TemporaryDirectory(prefix="memory-gateway-") as counted:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = counted  # the only way to tell prometheus_client
        status = Workers(count, Path(counted), _serve_one, settings, listener, Path(counted)).run()
    raise typer.Exit(status)


def _greet(settings: Config, listener: socket.socket) -> None:
    where = ", ".join(f"{upstream.name} at {upstream.base_url}" for upstream in settings.upstreams)
    shown_host, shown_port = listener.getsockname()[:2]
    shown = f"[{shown_host}]" if ":" in shown_host else shown_host
    Console(stderr=True).print(
        f"Memory Gateway {__version__} on http://{shown}:{shown_port}/v1, in front of {where};"
        f" memory in {settings.store_file if settings.store_url is None else 'PostgreSQL'}",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def check(config: File = None, upstream: Upstream = None, store: Store = None) -> None:
    """Load the configuration, open the store, say what is wrong, and leave."""
    settings = settings_of(config, upstream, store, None, None)
    _try_store(settings)
    Console().print("The configuration is sound and the store can be written.")


@model_app.command()
def prepare() -> None:
    """Make the default embedding model ready in the user's cache folder (GATEWAY_MODELS overrides), without torch."""
    from gateway.model import NAME, ModelError, default_folder, prepare

    try:
        with Console(stderr=True).status(f"Preparing {NAME}"):
            folder = prepare(default_folder(os.environ))
    except ModelError as error:
        _leave(str(error))
    Console().print(str(folder), soft_wrap=True, highlight=False)


@app.command()
def demo() -> None:
    """Show the gateway at work with a small language model on this machine: no key, no network."""
    from gateway.demo.script import run

    raise typer.Exit(run())


@app.command()
def version() -> None:
    """Print the version."""
    Console().print(__version__)


def _try_store(settings: Config) -> None:
    """Open and close the store; raises ConfigError where it cannot be used."""
    from gateway.app import open_store

    async def attempt() -> None:
        await (await open_store(settings)).close()

    asyncio.run(attempt())


def _leave(message: str, code: int = EXIT_CODE) -> NoReturn:
    Console(stderr=True).print(f"memory-gateway: {message}", style="red", highlight=False, soft_wrap=True, markup=False)
    raise SystemExit(code)
