"""Takes connections on one socket and passes all that is sent on to another place."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Forwarder:
    """`connect` makes the connection to the other place. When told to, it swallows what it is sent.

    Connections are taken all the time: the kernel does, as it does for a server that hangs.
    """

    def __init__(self, listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
        self._connect = connect
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener = listener
        self.port: int = listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hang(self) -> None:
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def close(self) -> None:
        self._flowing.set()
        with suppress(OSError):  # wakes up who waits in accept
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = self._connect()
                except OSError:
                    client.close()
                    continue
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                self._flowing.wait()
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def hanging_postgres(folder: str, port: str) -> Forwarder:
    """Return one in front of PostgreSQL's Unix socket in that folder."""

    def connect() -> socket.socket:
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{folder}/.s.PGSQL.{port}")
        return server

    return Forwarder(socket.create_server(("127.0.0.1", 0), backlog=200), connect)
