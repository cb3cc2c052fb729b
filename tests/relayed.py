"""A gateway whose upstreams are of several tempers, for tests of what passes through it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.connection import Connection
from tests.process import Gateway
from tests.upstream import (
    Step,
    Upstream,
    raw,
)

ENTITY = "X-Entity-Id: somebody"
IMPATIENCE = 3
"""Seconds that the upstream of the model `impatient` may be silent."""


@dataclass
class Relayed:
    """A gateway with upstreams of several tempers: `m` answers its script, the others fail."""

    gateway: Gateway
    upstream: Upstream

    def connect(self) -> Connection:
        return Connection(self.gateway.port)

    def state(self, entity: str) -> str | None:
        """State of the entity's only turn, as soon as it is recorded; None if it is not within 30 s."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if rows := self.gateway.rows("SELECT state FROM turns WHERE entity = ?", entity):
                ((state,),) = rows
                return str(state)
            time.sleep(0.01)
        return None

    def stream(self, *steps: Step, entity: bool = True, headers: str = "") -> bytes:
        """The body that a client gets of a streamed chat; raises Broken where it is cut off."""
        start = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + headers.encode()
        self.upstream.script = raw(start + b"transfer-encoding: chunked\r\n\r\n", *steps)
        with self.connect() as client:
            client.chat(*([ENTITY] if entity else []), stream=True)
            status, _, body = client.answer()
        assert status == 200
        return body


ODD_BODIES = [
    b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}',
    b' \t{ "messages" :\r\n[ { "content":"\\u00e9 \\/ \xf0\x9f\x98\x80 \\ud83d" , "role":"user" } ] ,"model":"m"}\n\n',
    b'{"model":"m","seed":123456789012345678901234567890,"temperature":1.0,"top_p":1E-7,"stop":null,"x":-0,'
    b'"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"odd","z":{"b":1,"a":2}}]}]}',
    b'{"model":"m","metadata":{"b":"1","a":"2"},"messages":[{"role":"system","content":"s"},{"role":"user","content":""}]}',
]
