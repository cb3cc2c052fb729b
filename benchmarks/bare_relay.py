"""The least that a relay in Python is: starlette, uvicorn and httpx2, for comparison."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route


def application(upstream: str) -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        limits = httpx2.Limits(max_connections=512, max_keepalive_connections=512)
        async with httpx2.AsyncClient(trust_env=False, timeout=600, limits=limits) as client:
            app.state.client = client
            yield

    async def relay(request: Request) -> StreamingResponse:
        client: httpx2.AsyncClient = request.app.state.client
        headers = [(k, v) for k, v in request.headers.raw if k not in (b"host", b"content-length")]
        sent = client.build_request(
            "POST", upstream + "/chat/completions", headers=headers, content=await request.body()
        )
        answer = await client.send(sent, stream=True)
        kept = {k: v for k, v in answer.headers.items() if k not in ("transfer-encoding", "connection")}

        async def pieces() -> AsyncIterator[bytes]:
            async for piece in answer.aiter_raw():
                yield piece
            await answer.aclose()

        return StreamingResponse(pieces(), answer.status_code, kept)

    return Starlette(routes=[Route("/v1/chat/completions", relay, methods=["POST"])], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(
        application(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), log_level="critical", access_log=False
    )
