"""Stands between a log and its server, and cuts the line at COMMIT."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress
from typing import Literal, Self

Cut = Literal["", "before", "after"]


class Wire:
    """Forwards to a server on loopback.

    cut: the next COMMIT is lost before the server has it, or its answer is; then it is forwarded
    again. dead: no connection is taken. commits: how many were cut.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self.cut: Cut = ""
        self.dead = False
        self.dies = False
        self.commits = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                if self.dead:
                    client.close()
                else:
                    threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with (
            client,
            socket.create_connection(("127.0.0.1", self._server)) as server,
            selectors.DefaultSelector() as ready,
            suppress(OSError),
        ):
            ready.register(client, selectors.EVENT_READ, server)
            ready.register(server, selectors.EVENT_READ, client)
            while self._pass_on(ready, client, server):
                pass

    def _pass_on(
        self, ready: selectors.BaseSelector, client: socket.socket, server: socket.socket
    ) -> bool:
        for key, _ in ready.select():
            assert isinstance(key.fileobj, socket.socket)
            data = key.fileobj.recv(65536)
            if not data or (key.fileobj is client and self._is_cut(data, server)):
                return False
            key.data.sendall(data)
        return True

    def _is_cut(self, data: bytes, server: socket.socket) -> bool:
        if not self.cut or b"COMMIT\0" not in data:
            return False
        cut, self.cut = self.cut, ""
        self.commits += 1
        self.dead = self.dies
        if cut == "after":
            server.sendall(data)
            server.recv(65536)
        return True
