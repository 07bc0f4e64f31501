"""An element as an organization writes it, and a provider that answers it on 127.0.0.1."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

PAGES: dict[str, dict[str, Any]] = {
    "cursor": {
        "paginationType": "cursor",
        "nextPageKey": "meta.next",
        "parameters": [
            {"name": "pageSize", "vendorName": "limit", "type": "query"},
            {"name": "nextPage", "vendorName": "after", "type": "query"},
        ],
    },
    "page": {
        "paginationType": "page",
        "firstPage": 1,
        "parameters": [
            {"name": "pageSize", "vendorName": "limit", "type": "query"},
            {"name": "page", "vendorName": "number", "type": "query"},
        ],
    },
    "offset": {
        "paginationType": "offset",
        "parameters": [
            {"name": "pageSize", "vendorName": "limit", "type": "query"},
            {"name": "offset", "vendorName": "skip", "type": "query"},
        ],
    },
}


def ledger(base_url: str = "https://ledger.example.com", **more: Any) -> dict[str, Any]:
    """A definition with a resource whose records are paged in each way, and all methods."""
    return {
        "name": "Ledger",
        "hub": "finance",
        "description": "Entries of a ledger.",
        "authentication": {"type": "apiKey", "header": "X-Api-Key"},
        "configuration": [{"key": "base.url", "defaultValue": base_url}],
        "resources": [
            {"path": "/hubs/finance/me", "vendorPath": "/me", "method": "GET", "listing": False},
            *(
                {
                    "path": f"/hubs/finance/{kind}-entries",
                    "vendorPath": f"/{kind}/entries",
                    "method": "GET",
                    "rootKey": "data.items",
                    "maxPageSize": 50,
                    **paging,
                }
                for kind, paging in PAGES.items()
            ),
            {
                "path": "/hubs/finance/entries",
                "vendorPath": "/entries",
                "method": "GET",
                "rootKey": "data.items",
                "idField": "id",
                "parameters": [
                    {"name": "status", "vendorName": "state", "type": "query"},
                    {
                        "name": "2",
                        "vendorName": "X-Version",
                        "type": "value",
                        "vendorType": "header",
                    },
                ],
            },
            {
                "path": "/hubs/finance/entries/{id}",
                "vendorPath": "/entries/{id}",
                "method": "GET",
            },
            {"path": "/hubs/finance/entries", "vendorPath": "/entries", "method": "POST"},
            {
                "path": "/hubs/finance/entries/{id}",
                "vendorPath": "/entries/{id}",
                "method": "PATCH",
                "vendorMethod": "PUT",
                "parameters": [
                    {"name": "amount", "vendorName": "sum.amount", "type": "bodyField"},
                ],
            },
            {
                "path": "/hubs/finance/entries/{id}",
                "vendorPath": "/entries/{id}",
                "method": "DELETE",
            },
        ],
        "objects": [
            {
                "name": "entries",
                "description": "What was written down.",
                "idField": "id",
                "fields": [
                    {"name": "id", "readOnly": True},
                    {"name": "amount", "type": "number", "required": True},
                    {"name": "sum.amount", "type": "number"},
                    {"name": "tags", "type": "array"},
                ],
            }
        ],
        **more,
    }


@dataclass
class Provider:
    """What the provider has and was asked. `accepted` is the header that it wants."""

    url: str = ""
    accepted: tuple[str, str] = ("X-Api-Key", "a-key")
    entries: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """The status and the JSON of an answer."""
        if path == "/me":
            return 200, {"name": "A new user"}
        kind, _, rest = path.strip("/").partition("/")
        if kind in PAGES:
            return 200, self._page(kind, query)
        if kind != "entries":
            return 404, {"error": "there is no such place"}
        if not rest:
            if method == "POST":
                self.entries.append({"id": str(len(self.entries)), **body})
                return 200, self.entries[-1]
            return 200, {"data": {"items": self.entries}}
        found = [entry for entry in self.entries if entry["id"] == rest]
        if not found:
            return 404, {"error": "there is no such entry"}
        if method == "DELETE":
            self.entries.remove(found[0])
            return 204, None
        if method == "PUT":
            found[0].update(body)
        return 200, found[0]

    def _page(self, kind: str, query: dict[str, str]) -> Any:
        limit = int(query.get("limit", "20"))
        start = {
            "cursor": int(query.get("after", "0")),
            "page": (int(query.get("number", "1")) - 1) * limit,
            "offset": int(query.get("skip", "0")),
        }[kind]
        end = start + limit
        more = {"next": str(end)} if kind == "cursor" and end < len(self.entries) else {}
        return {"data": {"items": self.entries[start:end]}, "meta": more}


@contextmanager
def provider() -> Iterator[Provider]:
    it = Provider()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            parts = urlsplit(self.path)
            path, query = unquote(parts.path), dict(parse_qsl(parts.query))
            body = json.loads(raw) if raw else None
            it.asked.append((self.command, path, query, body))
            it.headers.append(dict(self.headers))
            name, value = it.accepted
            if self.headers.get(name) != value:
                status, answer = 401, {"error": "who are you?"}
            else:
                status, answer = it.answer(self.command, path, query, body)
            written = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - http.server's

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    it.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield it
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
