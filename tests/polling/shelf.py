"""The server behind the `shelf` element: accounts with records that are listed in pages."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]


@dataclass
class Shelf:
    """One account. `faults` are statuses by path and query, answered as long as they stand."""

    items: dict[str, Json] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    hook: Callable[[str], None] | None = None  # called with each address before it is answered

    def put(self, *ids: str, **fields: Any) -> None:
        for id_ in ids:
            self.items[id_] = {"id": id_, **fields}

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path.startswith("/items/"):
            record = self.items.get(path.removeprefix("/items/"))
            return (200, record) if record else (404, {"error": {"message": "no such item"}})
        records = [
            record
            for record in self.items.values()
            if query.get("colour") in (None, record.get("colour"))
            and str(record.get("updated", "")) >= query.get("since", "")
        ]
        limit = int(query["limit"])
        if path == "/names":
            start = int(query.get("after", "0"))
            answer: Json = {
                "items": [{"id": one.get("id")} for one in records[start : start + limit]]
            }
            if start + limit < len(records):
                answer["next"] = str(start + limit)
            return 200, answer
        start = (int(query["page"]) - 1) * limit
        return 200, {"items": records[start : start + limit]}


class ShelfServer:
    """Shelves by API key, served on a loopback port."""

    def __init__(self) -> None:
        self.shelves: dict[str, Shelf] = defaultdict(Shelf)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                key = self.headers.get("X-Key", "")
                if not key.startswith("key "):
                    self.answer(401, {"error": {"message": "no key"}})
                    return
                shelf = outer.shelves[key.removeprefix("key ")]
                shelf.requests.append(self.path)
                if shelf.hook is not None:
                    shelf.hook(self.path)
                if self.path in shelf.faults:
                    status = shelf.faults[self.path]
                    self.answer(status, {"error": {"message": f"fault {status}"}})
                    return
                url = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                self.answer(*shelf.answer(url.path, query))

            def answer(self, status: int, value: Any) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[ShelfServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
