"""A receiver that answers with bytes of a test's choice, over raw sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

ANSWERED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class RawReceiver:
    """Records each request's bytes; `answer` gets the number of the connection and of the request.

    It answers what is sent back then; None closes the connection instead. A connection stays open
    after an answer unless `closes`.
    """

    def __init__(self, answer: Callable[[int, int], bytes | None], *, closes: bool = False) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._closes = closes
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/callback"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def webhook_ids(self) -> list[bytes]:
        return [_header(one, b"webhook-id") for one in self.requests]

    @property
    def targets(self) -> list[bytes]:
        return [one.split(b" ", 2)[1] for one in self.requests]

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            serve = threading.Thread(
                target=self._serve, args=[connected, self.connections], daemon=True
            )
            serve.start()

    def _serve(self, connected: socket.socket, number: int) -> None:
        with connected:
            while request := _request(connected):
                self.requests.append(request)
                answer = self._answer(number, len(self.requests))
                if answer is None:
                    return
                connected.sendall(answer)
                if self._closes:
                    return


def _request(connected: socket.socket) -> bytes:
    """Return one whole request, or nothing when the connection has ended."""
    received = b""
    try:
        while b"\r\n\r\n" not in received:
            if not (part := connected.recv(65_536)):
                return b""
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        missing = int(_header(head + b"\r\n", b"content-length")) - len(body)
        while missing > 0:
            part = connected.recv(missing)
            received, missing = received + part, missing - len(part)
    except OSError:
        return b""
    return received


def _header(request: bytes, name: bytes) -> bytes:
    for line in request.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    raise AssertionError(f"no header {name!r}")
