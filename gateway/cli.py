"""The command line."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress

from gateway import __version__
from gateway.config import EXIT_CODE, Config
from gateway.errors import ConfigError
from gateway.settings import load

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="An OpenAI-compatible proxy gateway with memory.",
)

model_app = typer.Typer(no_args_is_help=True, help="The embedding model.")
app.add_typer(model_app, name="model")

_File = Annotated[Path | None, typer.Option("--config", "-c", help="The configuration file (else GATEWAY_CONFIG).")]
_Store = Annotated[str | None, typer.Option(help="The store, such as sqlite:///memory.db.")]
_Upstream = Annotated[str | None, typer.Option(help="The upstream's base address, such as http://localhost:11434/v1.")]


def main() -> None:
    """Run the command line; a start that fails ends with one line and exit code 3."""
    try:
        app()
    except ConfigError as error:
        _leave(str(error))


@app.command()
def serve(
    config: _File = None,
    upstream: _Upstream = None,
    store: _Store = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
    workers: Annotated[int, typer.Option(help="Processes; SQLite serves one.")] = 1,
) -> None:
    """Serve the gateway."""
    settings = _settings(config, upstream, store, host, port)
    if workers != 1:
        raise ConfigError("workers: SQLite serves one process; several need PostgreSQL, which is not built yet")

    from gateway.app import Gateway, store_path
    from gateway.log import configure
    from gateway.model import default_folder
    from gateway.server import bind, serve

    _try_store(settings)
    configure(settings.log)
    listener = bind(*settings.address)
    gateway = Gateway(settings, default_folder(os.environ))
    where = ", ".join(f"{upstream.name} at {upstream.base_url}" for upstream in settings.upstreams)
    shown_host, shown_port = listener.getsockname()[:2]
    shown = f"[{shown_host}]" if ":" in shown_host else shown_host
    Console(stderr=True).print(
        f"Memory Gateway {__version__} on http://{shown}:{shown_port}/v1, in front of {where};"
        f" memory in {store_path(settings)}",
        highlight=False,
        soft_wrap=True,
    )
    serve(gateway, settings, listener, gateway.drain)


@app.command()
def check(config: _File = None, upstream: _Upstream = None, store: _Store = None) -> None:
    """Load the configuration, open the store, say what is wrong, and leave."""
    settings = _settings(config, upstream, store, None, None)
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
def reindex(config: _File = None, store: _Store = None) -> None:
    """Make all vectors anew with the configured embedder, while the gateway is not running."""
    asyncio.run(_reindex(_settings(config, None, store, None, None)))


async def _reindex(settings: Config) -> None:
    from gateway import embed
    from gateway.app import store_path
    from gateway.model import ModelError, default_folder
    from gateway.store.sqlite import SqliteStore
    from gateway.worker import encode_some

    wanted = settings.embedder
    try:
        embedder = await embed.load(wanted.kind, wanted.model, wanted.threads, default_folder(os.environ))
    except ModelError as error:
        _leave(str(error))
    if embedder is None:
        _leave("reindex: there is no embedder to make vectors with")
    store = await SqliteStore.open(store_path(settings))
    try:
        await store.forget_encodings(embedder.id)
        waiting = await store.waiting()
        with Progress(console=Console(stderr=True)) as progress:
            task = progress.add_task("Encoding messages", total=waiting)
            while done := await encode_some(store, embedder):
                progress.advance(task, done)
    finally:
        await store.close()
        embedder.close()
    Console().print(f"{waiting} messages have vectors of {embedder.id}.", highlight=False)


@app.command()
def demo() -> None:
    """Show the gateway at work with a small language model on this machine: no key, no network."""
    from gateway.demo.script import run

    raise typer.Exit(run())


@app.command()
def version() -> None:
    """Print the version."""
    Console().print(__version__)


def _settings(file: Path | None, upstream: str | None, store: str | None, host: str | None, port: int | None) -> Config:
    environ = os.environ
    if file is None and environ.get("GATEWAY_CONFIG"):
        file = Path(environ["GATEWAY_CONFIG"])
    overrides: dict[str, Any] = {"store": store, "upstreams": [{"base_url": upstream}] if upstream else None}
    return load(file, environ, overrides, host, port)


def _try_store(settings: Config) -> None:
    """Open and close the store; raises ConfigError where it cannot be used."""
    from gateway.app import store_path
    from gateway.store.sqlite import SqliteStore

    async def attempt() -> None:
        await (await SqliteStore.open(store_path(settings))).close()

    asyncio.run(attempt())


def _leave(message: str) -> NoReturn:
    Console(stderr=True).print(f"memory-gateway: {message}", style="red", highlight=False, soft_wrap=True, markup=False)
    raise SystemExit(EXIT_CODE)
