"""The server behind the `ledger` element: accounts with a numbered log of what changed."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Ledger:
    """One account. `faults` are answered before anything else, in order: a status, or a tuple of
    status, headers and error text, or "hang", "cut" or "html"."""

    log: list[tuple[str, str]] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    poisoned: set[str] = field(default_factory=set)
    poison: str = "this entry cannot be read"
    faults: list[Any] = field(default_factory=list)
    oldest: int = 0  # cursors below are forgotten
    cursor: str | None = None  # answered instead of the right one
    requests: list[str] = field(default_factory=list)
    hook: Any = None  # called with each path before it is answered

    def add(self, *ids: str) -> None:
        for id_ in ids:
            self.versions[id_] = 1
            self.log.append((id_, "CREATED"))

    def change(self, id_: str) -> None:
        self.versions[id_] += 1
        self.log.append((id_, "UPDATED"))

    def delete(self, id_: str) -> None:
        del self.versions[id_]
        self.log.append((id_, "DELETED"))

    def answer(self, path: str, since: str) -> tuple[int, Any]:
        if path == "/now":
            return 200, {"cursor": str(len(self.log))}
        if path == "/all":
            return 200, {"cursor": str(len(self.log)), "ids": list(self.versions)}
        if path == "/changes":
            if int(since) < self.oldest:
                return 404, {"error": {"message": "this cursor has expired"}}
            lines = [{"id": id_, "type": type_} for id_, type_ in self.log[int(since) :]]
            return 200, {"cursor": self.cursor or str(len(self.log)), "changes": lines}
        id_ = path.removeprefix("/entries/")
        if id_ in self.poisoned:
            return 500, {"error": {"message": self.poison}}
        if id_ not in self.versions:
            return 404, {"error": {"message": "there is no such entry"}}
        return 200, {"id": id_, "version": self.versions[id_], "at": 1_700_000_000}


class LedgerServer:
    """Ledgers by access token, served on a loopback port."""

    def __init__(self) -> None:
        self.ledgers: dict[str, Ledger] = defaultdict(Ledger)
        self.released = threading.Event()  # ends the hanging requests
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                outer.serve(self, outer.ledgers[token])

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def serve(self, handler: BaseHTTPRequestHandler, ledger: Ledger) -> None:
        url = urlsplit(handler.path)
        ledger.requests.append(handler.path)
        if ledger.hook is not None:
            ledger.hook(url.path)
        fault = ledger.faults.pop(0) if ledger.faults else None
        if fault == "hang":
            self.released.wait()
            fault = "cut"
        if fault == "cut":
            handler.close_connection = True
            handler.connection.close()
            return
        if fault == "html":
            self._send(handler, 200, b"<html>a proxy's page</html>", {"Content-Type": "text/html"})
            return
        if fault is not None:
            status, headers, *text = fault if isinstance(fault, tuple) else (fault, {})
            message = text[0] if text else f"fault {status}"
            body = json.dumps({"error": {"message": message}}).encode()
            self._send(handler, status, body, headers)
            return
        status, answer = ledger.answer(url.path, parse_qs(url.query).get("since", ["0"])[0])
        self._send(handler, status, json.dumps(answer).encode(), {})

    @staticmethod
    def _send(
        handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]
    ) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    @contextmanager
    def running(self) -> Iterator[LedgerServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            self._server.server_close()
