"""What an operator counts on: timeouts, sockets, proxies, health, metrics, the lines of the log."""

from __future__ import annotations

import pathlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

import gateway
from gateway.config import UpstreamConfig
from gateway.errors import GatewayError, NotBuilt, Overloaded
from gateway.server import KEEP_ALIVE
from gateway.transport import _socket
from tests.connection import Connection
from tests.process import Gateway, port_of
from tests.relayed import Relayed
from tests.upstream import Upstream, completion, raw, stream, streamed, whole
from tests.waiting import until

SOURCES = {path: path.read_text() for path in pathlib.Path(gateway.__file__).parent.rglob("*.py")}


@pytest.mark.requirement("R-70", "R-71", "R-74")
def test_defaults_leave_time_to_models_and_to_clients() -> None:
    """A slow model thinks for minutes in silence; clients keep idle connections for 5 s, balancers for 60."""
    timeouts = UpstreamConfig().timeouts
    assert 5 <= timeouts.connect <= 10
    assert timeouts.read >= 600
    assert KEEP_ALIVE >= 75


@pytest.mark.requirement("R-76")
def test_a_socket_to_the_upstream_notices_a_dead_peer() -> None:
    made = _socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", None))
    with made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 5


@pytest.mark.requirement("R-65", "R-109")
def test_nothing_stands_between_the_server_and_the_client() -> None:
    """Base middleware hides that a client left; a client for each request leaks."""
    assert [path for path, text in SOURCES.items() if "BaseHTTPMiddleware" in text or "GZipMiddleware" in text] == []
    assert [path.name for path, text in SOURCES.items() if "ClientSession(" in text] == ["transport.py"]


@pytest.mark.requirement("R-57", "R-58", "R-59")
def test_errors_of_the_gateway_say_whether_to_try_again() -> None:
    """Clients try 408, 409, 429 and everything from 500 on again, unless a header says otherwise."""
    kinds = [kind for kind in GatewayError.__subclasses__() if kind.__module__ == GatewayError.__module__]
    assert len(kinds) > 5
    for kind in kinds:
        retried = kind.status in (408, 409, 429) or kind.status >= 500
        assert dict(kind().headers()).get(b"x-should-retry") in ((b"true", b"false") if retried else (None,)), kind
    assert dict(NotBuilt().headers())[b"x-should-retry"] == b"false"
    assert {b"retry-after", b"retry-after-ms"} <= dict(Overloaded().headers()).keys()


@pytest.mark.requirement("R-79")
def test_proxies_of_the_environment_are_not_used(
    tmp_path: pathlib.Path, upstream: Upstream, refusing: socket.socket
) -> None:
    nowhere = f"http://127.0.0.1:{port_of(refusing)}"
    names = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
    environ = {**dict.fromkeys(names, nowhere), "no_proxy": "", "NO_PROXY": ""}
    with Gateway(tmp_path, upstream.url, environ) as served:
        assert served.chat("Hi", "somebody").status == 200


@pytest.mark.requirement("R-106", "R-112")
def test_health_needs_no_key_and_answers_beside_a_full_house(tmp_path: pathlib.Path, upstream: Upstream) -> None:
    upstream.script = raw(whole(b"{}")[:-1], 100.0)
    settings: dict[str, Any] = {
        "keys": [{"key": "k", "tenant": "t"}],
        "upstreams": [{"base_url": upstream.url, "api_key": "sk"}],
        "limits": {"concurrency": 1},
    }
    with Gateway(tmp_path, upstream.url, **settings) as served, Connection(served.port) as client:
        client.chat("Authorization: Bearer k")
        until(lambda: upstream.received)
        assert [served.get(path).status for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
        assert served.chat("Hi", headers={"authorization": "Bearer k"}).status == 503


@pytest.mark.requirement("R-103", "R-113", "R-117")
def test_metrics_and_log_tell_of_requests_and_name_nobody(start: Callable[..., Gateway], upstream: Upstream) -> None:
    served = start(log={"level": "info", "format": "json"})
    upstream.script = lambda request: (
        streamed(stream("A secret answer")) if request.json["stream"] else iter([whole(completion("A secret answer"))])
    )
    for streams in (True, False):
        served.chat("A secret question.", "entity-of-the-test", "process-of-the-test", "session-1", stream=streams)
    until(lambda: b'memory_gateway_requests_total{status="empty"} 2.0' in served.get("/metrics").body)
    page = served.get("/metrics").body.decode()
    served.stop()
    log = served.log.read_text()
    assert log.count('"event":"request"') == 2
    for word in ('"method":"POST"', '"status":200', '"memory":"empty"', '"bytes":', '"ms":'):
        assert log.count(word) >= 2, word
    for text in (page, log):
        assert not any(name in text for name in ("of-the-test", "session-1", "secret", "sk-test"))


@pytest.mark.requirement("R-30")
def test_the_gateways_id_of_a_request_stands_beside_the_upstreams(relayed: Relayed) -> None:
    relayed.upstream.script = lambda _: [
        whole(completion("Hi"), 200, ("x-request-id", "up-1"), ("x-ratelimit-reset", "1s"))
    ]
    found = [relayed.gateway.chat("Hi", "somebody") for _ in range(2)]
    assert [answer.header("x-request-id") for answer in found] == ["up-1"] * 2
    assert len({answer.header("x-memory-request-id") for answer in found}) == 2
    own = {name.lower() for name, _ in found[0].headers} - {"content-type", "content-length", "date"}
    assert own - {"x-request-id", "x-ratelimit-reset"} <= {
        "x-session-id", "x-memory-status", "x-memory-recalled", "x-memory-recorded", "x-memory-request-id",
        "server-timing",
    }  # fmt: skip


@pytest.mark.requirement("R-9")
@pytest.mark.parametrize("path", ["/v1/chat/completions/", "/v1/v1/chat/completions", "/v1/models/"])
def test_a_slash_too_many_is_the_upstreams_to_judge(relayed: Relayed, path: str) -> None:
    """A redirect would make a GET of a client's POST."""
    relayed.upstream.script = lambda request: [whole(request.target.encode(), 404)]
    answer = relayed.gateway.request("POST", path, b"{}", {"x-entity-id": "somebody"})
    assert (answer.status, answer.body.decode()) == (404, path)
