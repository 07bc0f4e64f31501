"""A provider on 127.0.0.1 with a few hundred records, paged in every way there is."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

KEY = "crm-key-5f1d"


@dataclass
class Seen:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Crm:
    records: list[dict[str, Any]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def __enter__(self) -> Self:
        crm = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                seen = Seen(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query, keep_blank_values=True)),
                    {name.lower(): value for name, value in self.headers.items()},
                    json.loads(self.rfile.read(length)) if length else None,
                )
                crm.seen.append(seen)
                status, answer = crm.answer(seen)
                content = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its parameter
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, seen: Seen) -> tuple[int, Any]:
        if seen.headers.get("x-api-key") != f"Key {KEY}":
            return 401, {"error": "who are you?"}
        query, name = seen.query, seen.path.removeprefix("/v1/")
        if seen.method != "GET":
            return (200, None) if seen.method == "DELETE" else (200, {"took": seen.body})
        if name == "bare":
            return 200, self.records
        if name == "whole":
            return 200, {"data": {"items": self.records}}
        if name == "accounts":
            size, page = int(query["per_page"]), int(query["page"])
            return 200, {"data": {"items": self.records[(page - 1) * size : page * size]}}
        if name == "by-offset":
            start = int(query["offset"])
            return 200, {"data": {"items": self.records[start : start + int(query["limit"])]}}
        if name == "by-token":
            start = int(query.get("cursor", "t0").removeprefix("t"))
            end = start + int(query["limit"])
            after = f"t{end}" if end < len(self.records) else None
            items = self.records[start:end]
            return 200, {"data": {"items": items}, "meta": {"next": after}}
        return 200, {"data": {"id": name.rpartition("/")[2], "gone": None}}
