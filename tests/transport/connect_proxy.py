"""A forward proxy on 127.0.0.1 that knows CONNECT, and leads every tunnel to one port."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\nVia: a proxy\r\n\r\n"


@dataclass
class ConnectProxy:
    """Answers with `pieces`, one segment each; the tunnel leads to `port` of 127.0.0.1."""

    port: int
    pieces: Sequence[bytes] = (ESTABLISHED,)
    heads: list[str] = field(default_factory=list)  # as they arrived

    def __post_init__(self) -> None:
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                proxy._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def asked(self) -> list[str]:
        """What was to be connected to."""
        return [head.split(" ")[1] for head in self.heads]

    def _serve(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (more := client.recv(1)):
                return
            head += more
        self.heads.append(head.decode())
        for piece in self.pieces:
            client.sendall(piece)
        if not b"".join(self.pieces).startswith(b"HTTP/1.1 200"):
            return
        with socket.create_connection(("127.0.0.1", self.port)) as behind:
            back = threading.Thread(target=_pump, args=(behind, client))
            back.start()
            _pump(client, behind)
            back.join()

    def __enter__(self) -> ConnectProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
