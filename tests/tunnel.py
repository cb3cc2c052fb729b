"""A way to a server that can be cut or blocked: TCP on this side, the server's socket file on the other."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import Literal

State = Literal["open", "cut", "blocked"]


class Tunnel:
    """Listens on a free loopback port and carries bytes, until it is closed."""

    def __init__(self, path: str, state: State = "open") -> None:
        """`path`: of the server's socket file."""
        self._path = path
        self.state: State = state
        """`cut`: connections are closed, new ones too; `blocked`: nothing gets through, and nobody is told."""
        self._age = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.state = "cut"
        self._listener.close()

    def forget(self) -> None:
        """Carry nothing more of the connections that there are, and tell nobody; new ones pass."""
        self._age += 1

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(here,), daemon=True).start()

    def _carry(self, here: socket.socket) -> None:
        age = self._age
        with here, socket.socket(socket.AF_UNIX) as there, contextlib.suppress(OSError):
            if self.state != "cut":
                there.connect(self._path)
            while self.state != "cut":
                ready, _, _ = select.select([here, there], [], [], 0.05)
                for side in ready if self.state == "open" and age == self._age else ():
                    data = side.recv(65536)
                    if not data:
                        return
                    (there if side is here else here).sendall(data)
