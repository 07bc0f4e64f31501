"""The server behind the `hooks` element: webhooks that are registered and removed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

from django.db import connection


class HooksServer:
    """`faults` are answered before anything else, in order: a status, or (status, headers).

    `before` is called with "METHOD path" before an answer is made.
    """

    def __init__(self) -> None:
        self.hooks: dict[int, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.faults: list[Any] = []
        self.until: float | None = None  # when new ones end, in seconds since 1970
        self.before: Callable[[str], None] = lambda asked: None
        self._numbers = count(1)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.serve(self)

            def do_POST(self) -> None:
                outer.serve(self)

            def do_DELETE(self) -> None:
                outer.serve(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        sent = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        asked = f"{handler.command} {handler.path}"
        self.requests.append(asked)
        try:
            self.before(asked)
        finally:
            connection.close()  # of this thread
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            status, headers = fault if isinstance(fault, tuple) else (fault, {})
            answer: Any = {"error": {"message": f"fault {status}"}}
        else:
            status, headers = 200, {}
            answer = self._answer(handler.command, handler.path, sent)
        body = json.dumps(answer).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _answer(self, method: str, path: str, sent: bytes) -> Any:
        if method == "GET":
            return list(self.hooks.values())
        if method == "POST":
            number = next(self._numbers)
            self.hooks[number] = {**json.loads(sent), "id": number, "until": self.until}
            return self.hooks[number]
        return self.hooks.pop(int(path.removeprefix("/hooks/")), None)

    @contextmanager
    def running(self) -> Iterator[HooksServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
