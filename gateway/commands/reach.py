"""The way to memory: a running gateway's API, or the same API in this process on the store's file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from gateway.commands.options import Target, models
from gateway.config import Config
from gateway.errors import ConfigError

ANSWER = 120.0
"""Seconds that one call may take."""
LOADING = 30.0
"""Seconds that the embedder may take to load."""
INTERRUPTED = 130
"""Exit status of what was broken off from the keyboard."""

Result = TypeVar("Result")


class CommandError(Exception):
    """The command cannot be done; the message is one line."""


class Refused(CommandError):
    """The gateway says no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """The gateway's own API, with the key that the command acts with."""

    def __init__(self, client: httpx2.AsyncClient, where: str, running: bool, settings: Config) -> None:
        self._client = client
        self.where = where
        """What is worked on, for people."""
        self.running = running
        """A gateway is running; else its parts live in this process, as long as the command does."""
        self.settings = settings

    async def call(
        self,
        method: str,
        path: str,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> Any:
        """The answer of one call as JSON, None where there is none. Raises CommandError."""
        params = {name: str(value) for name, value in (query or {}).items() if value is not None}
        request = self._client.build_request(
            method,
            path,
            params=params,
            headers=headers,
            **({"json": json} if content is None else {"content": content}),
        )
        try:
            response = await self._client.send(request)
        except httpx2.TransportError as error:
            raise CommandError(f"{self.where} did not answer ({type(error).__name__})") from error
        _check(response.status_code, response.content)
        return response.json() if response.content else None

    async def pages(self, path: str, name: str, query: Mapping[str, object]) -> AsyncIterator[dict[str, Any]]:
        """All items of a list, page after page."""
        cursor: object = None
        while True:
            page = await self.call("GET", path, query={**query, "cursor": cursor})
            for item in page[name]:
                yield item
            cursor = page.get("cursor")
            if cursor is None:
                return

    async def lines(self, path: str) -> AsyncIterator[bytes]:
        """The lines of a long answer, as they come, each with its line feed. Raises CommandError."""
        try:
            async with self._client.stream("GET", path) as response:
                if response.status_code != 200:
                    _check(response.status_code, await response.aread())
                rest = b""
                async for piece in response.aiter_bytes():
                    *whole, rest = (rest + piece).split(b"\n")
                    for line in whole:
                        yield line + b"\n"
        except httpx2.TransportError as error:
            raise CommandError(f"{self.where} stopped answering ({type(error).__name__})") from error
        if rest:
            raise CommandError(f"{self.where} stopped in the middle of a record")

    async def state(self) -> dict[str, Any]:
        """What /readyz says; 503 is an answer too."""
        try:
            response = await self._client.get("/readyz")
            state: dict[str, Any] = response.json()
        except (httpx2.TransportError, ValueError) as error:
            raise CommandError(f"{self.where} did not answer ({type(error).__name__})") from error
        return state

    async def embedded(self) -> None:
        """Return when the embedder is there, or will not come."""
        try:
            async with asyncio.timeout(LOADING):
                while (await self.state())["embedder"] == "loading":  # noqa: ASYNC110  # it is another process's
                    await asyncio.sleep(0.05)
        except TimeoutError:
            return


def run(target: Target, work: Callable[[Api], Coroutine[Any, Any, Result]], *, makes: bool = False) -> Result:
    """Do `work` on what the options name, to its end. `makes`: a store that is not there yet is made."""

    async def whole() -> Result:
        async with reached(target, makes=makes) as api:
            return await work(api)

    return finished(whole())


def finished(work: Coroutine[Any, Any, Result]) -> Result:
    """Run this to its end; what is broken off from the keyboard leaves with the status of that."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


@asynccontextmanager
async def reached(target: Target, *, makes: bool = False) -> AsyncIterator[Api]:
    """The API of what the options name: the gateway at --url; else the one that holds the store; else the store."""
    settings = target.settings()
    key = _key(target, settings)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    if target.url:
        async with _remote(target.url.rstrip("/").removesuffix("/v1"), headers, settings) as api:
            yield api
        return
    path = settings.store_file
    configured = address(*settings.address)
    if held(path):
        url = announced(path) or configured
        if not await answers(url):
            raise CommandError(f"store {path}: it is in use, and no gateway answers at {url}; name it with --url")
    elif not path.exists() and await answers(configured):
        url = configured
    elif not path.exists() and not makes:
        raise CommandError(f"store {path}: there is none, and no gateway answers at {configured}")
    else:
        async with _local(settings, path, headers) as api:
            yield api
        return
    async with _remote(url, headers, settings) as api:
        yield api


@asynccontextmanager
async def _remote(url: str, headers: Mapping[str, str], settings: Config) -> AsyncIterator[Api]:
    try:
        client = httpx2.AsyncClient(base_url=url, headers=headers, timeout=ANSWER, trust_env=False)
    except (httpx2.InvalidURL, ValueError) as error:
        raise CommandError(f"--url: {error}") from error
    async with client:
        yield Api(client, f"the gateway at {url}", True, settings)


@asynccontextmanager
async def _local(settings: Config, path: Path, headers: Mapping[str, str]) -> AsyncIterator[Api]:
    from gateway.app import Gateway

    gateway = Gateway(_quiet(settings), models())
    transport = httpx2.ASGITransport(app=gateway)  # type: ignore[arg-type]  # the same shapes, named elsewhere
    client = httpx2.AsyncClient(
        transport=transport, base_url=address(*settings.address), headers=headers, timeout=ANSWER, trust_env=False
    )
    async with gateway.running(), client:
        yield Api(client, f"the store {path}", False, settings)


def _quiet(settings: Config) -> Config:
    """The same without a language model, which is for a gateway that stays."""
    memory = settings.memory
    if memory.extract.mode != "llm":
        return settings
    extract = memory.extract.model_copy(update={"mode": "local"})
    return settings.model_copy(update={"memory": memory.model_copy(update={"extract": extract})})


async def answers(url: str) -> bool:
    """A gateway is at this address."""
    async with httpx2.AsyncClient(timeout=5, trust_env=False) as client:
        try:
            response = await client.get(f"{url}/readyz")
            return "embedder" in response.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError):
            return False


def address(host: str, port: int) -> str:
    """Where to reach what listens there, from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def announce(path: Path, host: str, port: int) -> None:
    """Write down beside the store where its gateway listens."""
    _lock(path).write_text(address(host, port), encoding="utf-8")


def announced(path: Path) -> str | None:
    """Where the gateway that holds the store listens, as far as it said so."""
    try:
        return _lock(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def held(path: Path) -> bool:
    """A gateway has the store open."""
    from gateway.store import schema

    if not _lock(path).exists():
        return False
    try:
        schema.lock(path).close()
    except ConfigError:
        return True
    return False


def _lock(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _key(target: Target, settings: Config) -> str | None:
    """The key to act with: the one that is given, else one of the configuration that may name any entity."""
    if target.key:
        return target.key
    keys = [key for key in settings.keys if target.tenant in (None, key.tenant)]
    if settings.keys and not keys:
        raise CommandError(f"no key of the configuration is for the tenant {target.tenant}")
    if len({key.tenant for key in keys}) > 1:
        raise CommandError("the configuration has several tenants; name one with --tenant")
    keys.sort(key=lambda key: key.entity != "header")
    return keys[0].key.get_secret_value() if keys else None


def _check(status: int, body: bytes) -> None:
    """Raises Refused unless the answer is a good one."""
    if status < 400:
        return
    try:
        message = httpx2.Response(status, content=body).json()["error"]["message"]
    except (ValueError, LookupError, TypeError):
        message = "this is no gateway, or an older one" if status == 404 else f"status {status}"
    raise Refused(status, str(message))
