"""A provider on 127.0.0.1 that answers as a test scripts it, byte by byte if need be."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Seen:
    """One request as it arrived. `connection` counts accepted connections from 1."""

    connection: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer: TypeAlias = bytes | Callable[[socket.socket], None]
"""Raw bytes to send, or a function that does to the connection what it likes, then closes it."""


def answer(status: int, body: bytes | dict[str, Any] = b"", **headers: str) -> bytes:
    """A whole HTTP answer; header names are written with _ for -."""
    content = json.dumps(body).encode() if isinstance(body, dict) else body
    lines = [f"HTTP/1.1 {status} Scripted", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


OK = answer(200, {"ok": True})


@dataclass
class ScriptedProvider:
    """Gives its `answers` in turn, then `otherwise` for ever; keeps connections open."""

    answers: list[Answer] = field(default_factory=list)
    otherwise: Answer = OK
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._connections = 0
        self.stopping = threading.Event()
        provider = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                provider._serve(self.connection, self.rfile.readline, self.rfile.read)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 64

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )

    def __enter__(self) -> ScriptedProvider:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.block_on_close = False  # a client's kept connection would hold us up
        self._server.server_close()
        self._thread.join()

    def hang(self, connection: socket.socket) -> None:
        """An answer: says nothing until the test is over."""
        self.stopping.wait()

    def _serve(
        self,
        connection: socket.socket,
        readline: Callable[[], bytes],
        read: Callable[[int], bytes],
    ) -> None:
        with self._lock:
            self._connections += 1
            number = self._connections
        while True:
            try:
                first = readline()
            except OSError:
                return
            if not first:
                return
            method, path, _ = first.decode().split(" ", 2)
            headers: dict[str, str] = {}
            while (line := readline().decode().strip()) != "":
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            body = read(int(headers.get("content-length", "0")))
            with self._lock:
                self.seen.append(Seen(number, method, path, headers, body))
                reply = self.answers.pop(0) if self.answers else self.otherwise
            if callable(reply):
                reply(connection)
                return
            connection.sendall(reply)
