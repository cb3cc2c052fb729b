"""Which names a gateway answers to, and what becomes of paths."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from gateway.api.access import Doorkeeper, part, parted
from gateway.config import Config
from gateway.errors import BadRequest, Forbidden

KEYED = {
    "listen": "0.0.0.0:8080",
    "keys": [{"key": "k", "tenant": "t"}],
    "upstreams": [{"base_url": "http://x/v1", "api_key": "sk"}],
}
OPEN = {"listen": "0.0.0.0:8080", "insecure": True}
LOCAL = {"listen": "127.0.0.1:8080"}


@pytest.mark.parametrize(
    ("settings", "host", "let_in"),
    [
        (LOCAL, b"127.0.0.1:8080", True),
        (LOCAL, b"127.8.8.8", True),
        (LOCAL, b"LOCALHOST", True),
        (LOCAL, b"app.localhost:8080", True),
        (LOCAL, b"gateway", False),
        (LOCAL, b"192.168.1.4", False),
        (LOCAL, b"localhost.evil.example", False),
        (OPEN, b"192.168.1.4:8080", True),
        (OPEN, b"gateway:8080", True),
        (OPEN, b"evil.example", False),
        (OPEN | {"api": {"hosts": ["Chat.example"]}}, b"chat.EXAMPLE:80", True),
        (KEYED, b"chat.example", True),
    ],
)
def test_names(settings: dict[str, Any], host: bytes, let_in: bool) -> None:
    doorkeeper = Doorkeeper(Config.model_validate(settings))
    if let_in:
        doorkeeper.check([(b"host", host)])
    else:
        with pytest.raises(Forbidden):
            doorkeeper.check([(b"host", host)])


@pytest.mark.parametrize("hosts", [[], [b"localhost", b"localhost"], [b"a b"], [b"localhost:x"], [b"@localhost"]])
def test_what_is_no_host_is_malformed(hosts: list[bytes]) -> None:
    with pytest.raises(BadRequest):
        Doorkeeper(Config()).check([(b"host", host) for host in hosts])


@pytest.mark.parametrize("text", ["a/b", "%2F", "%252F", "a%", "Zoë", "..", "a//b"])
def test_a_part_of_a_path_comes_out_as_it_was_meant(text: str) -> None:
    path = parted(f"/api/entities/{quote(text, safe='')}/graph".encode())
    assert path.count("/") == 4
    assert part(path.split("/")[3]) == text
