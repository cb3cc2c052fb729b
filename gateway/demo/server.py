"""An OpenAI-compatible server around one local model, on the loopback address."""

from __future__ import annotations

import argparse
import contextlib
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Protocol

import anyio
import orjson
import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.demo.completion import Completion, parse
from gateway.errors import BadRequest, GatewayError, NotFound

REMEMBERED = 100
"""Request bodies kept in memory."""


class Model(Protocol):
    """What the server needs of a language model."""

    name: str
    context: int
    """The most tokens that prompt and answer may have together."""

    def prompt(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """The tokens of a conversation."""
        ...

    def answer(self, prompt: Sequence[int], limit: int) -> Iterator[str]:
        """Pieces of text, one per token; blocks while it computes; never asked for two answers at a time."""
        ...


class ModelServer:
    """An ASGI application that answers chats with `model`, one at a time, and stops when the client leaves."""

    def __init__(self, model: Model) -> None:
        self.requests: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        """The chat requests that arrived, oldest first, as the JSON they were."""
        self._model = model
        self._turn = anyio.Lock()
        self._app = Starlette(
            routes=[
                Route("/v1/models", self._models, methods=["GET"]),
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
            ],
            exception_handlers={GatewayError: _refuse, HTTPException: _unknown},
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    async def _models(self, request: Request) -> Response:
        model = {"id": self._model.name, "object": "model", "created": 0, "owned_by": "local"}
        return _json({"object": "list", "data": [model]})

    async def _chat(self, request: Request) -> Response:
        body = await request.body()
        chat = parse(body)
        self.requests.append(orjson.loads(body))
        if chat.model != self._model.name:
            raise NotFound(f"The model {chat.model!r} does not exist.", param="model", code="model_not_found")
        prompt = await to_thread.run_sync(self._model.prompt, chat.messages)
        limit = min(chat.limit, self._model.context - len(prompt))
        if limit < 1:
            raise BadRequest(
                f"This model's maximum context length is {self._model.context} tokens; the prompt has {len(prompt)}.",
                param="messages",
                code="context_length_exceeded",
            )
        identity = f"chatcmpl-{uuid.uuid4().hex}"
        completion = Completion(identity, int(time.time()), self._model.name, len(prompt), limit, chat.usage)
        return _Answer(completion, self._pieces(prompt, limit), streamed=chat.stream)

    async def _pieces(self, prompt: Sequence[int], limit: int) -> AsyncGenerator[str]:
        async with self._turn:
            pieces = self._model.answer(prompt, limit)
            while (piece := await to_thread.run_sync(next, pieces, None)) is not None:
                yield piece


class _Answer(Response):
    """An answer that is computed while it is sent, and no further than the client stays."""

    def __init__(self, completion: Completion, pieces: AsyncGenerator[str], *, streamed: bool) -> None:
        super().__init__(media_type="text/event-stream" if streamed else "application/json")
        del self.headers["content-length"]
        self._completion = completion
        self._pieces = pieces
        self._streamed = streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as tasks:

            async def leave() -> None:
                # uvicorn's `send` stays silent after a disconnect: only `receive` tells.
                while (await receive())["type"] != "http.disconnect":
                    pass
                tasks.cancel_scope.cancel()

            tasks.start_soon(leave)
            async with contextlib.aclosing(self._pieces) as pieces:
                await (self._stream(pieces, send) if self._streamed else self._whole(pieces, send))
            tasks.cancel_scope.cancel()

    async def _stream(self, pieces: AsyncIterator[str], send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _body(send, self._completion.opening())
        async for piece in pieces:
            if chunk := self._completion.piece(piece):
                await _body(send, chunk)
        await _body(send, self._completion.ending(), more=False)

    async def _whole(self, pieces: AsyncIterator[str], send: Send) -> None:
        async for piece in pieces:
            self._completion.piece(piece)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _body(send, self._completion.whole(), more=False)


async def _body(send: Send, body: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)
    return Response(error.body(), status_code=error.status, media_type="application/json")


async def _unknown(request: Request, error: Exception) -> Response:
    """An address or a method that is not served."""
    refusal = NotFound(f"There is no {request.method} {request.url.path} here.")
    return Response(refusal.body(), status_code=refusal.status, media_type="application/json")


@contextlib.contextmanager
def serving(app: ModelServer, port: int = 0) -> Iterator[int]:
    """Serve `app` from a thread of this process, on 127.0.0.1, and give the port (0: a free one)."""
    listener = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(_settings(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="demo model", daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def _settings(app: ModelServer) -> uvicorn.Config:
    return uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=3)


def main() -> None:
    """Load the model, then serve it until interrupted; the port is open only once it can answer."""
    parser = argparse.ArgumentParser(prog="python -m gateway.demo.server", description=__doc__)
    parser.add_argument("--port", type=int, default=8090, help="the port on 127.0.0.1; 0 takes a free one")
    port: int = parser.parse_args().port
    from gateway.demo.model import SmolLM2

    app = ModelServer(SmolLM2())
    with socket.create_server(("127.0.0.1", port)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        print(f"{SmolLM2.name} at {address}", flush=True)
        uvicorn.Server(_settings(app)).run(sockets=[listener])


if __name__ == "__main__":
    main()
