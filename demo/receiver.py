"""A callback receiver that prints each event and says whether its signatures verify.

`python -m demo.receiver --port 8027`; the key comes from RECEIVER_SIGNATURE_KEY. What it received
is at GET /received, newest last.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEPT = 200  # deliveries
TOLERANCE = 300  # seconds between the timestamp header and our clock


def legacy_signature_verifies(key: str, headers: Mapping[str, str], body: bytes) -> bool:
    digest = hmac.new(key.encode(), body, hashlib.sha256).digest()
    expected = "sha256=" + base64.b64encode(digest).decode()
    return hmac.compare_digest(expected, headers.get("elements-webhook-signature", ""))


def standard_signature_verifies(key: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Standard Webhooks: HMAC-SHA256 of `id.timestamp.body`, and a timestamp that is fresh."""
    timestamp = headers.get("webhook-timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    signed = f"{headers.get('webhook-id', '')}.{timestamp}.".encode() + body
    expected = (
        "v1," + base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()
    )
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(expected, one) for one in given)


class Received:
    """What arrived, newest last; safe to use from the server's threads."""

    def __init__(self) -> None:
        self._deliveries: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, delivery: dict[str, Any]) -> None:
        with self._lock:
            self._deliveries.append(delivery)

    def all(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._deliveries)


def handler(received: Received, key: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(json.dumps(received.all()).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            delivery = {
                "path": self.path,
                "headers": headers,
                "body": body.decode("utf-8", "replace"),
                "legacySignatureVerifies": legacy_signature_verifies(key, headers, body),
                "standardSignatureVerifies": standard_signature_verifies(key, headers, body),
            }
            received.add(delivery)
            sys.stdout.write(told(delivery))
            sys.stdout.flush()
            self._answer(b"{}")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def told(delivery: Mapping[str, Any]) -> str:
    """A delivery as a person reads it."""
    verifies = {True: "verifies", False: "DOES NOT VERIFY"}
    try:
        body = json.dumps(json.loads(delivery["body"]), indent=2, ensure_ascii=True)
    except ValueError:
        body = repr(delivery["body"])
    shown = [
        f"  {name}: {value}"
        for name, value in sorted(delivery["headers"].items())
        if "webhook" in name or name in {"content-type", "user-agent"}
    ]
    return "\n".join(
        [
            f"POST {delivery['path']}",
            *shown,
            *("  " + line for line in body.splitlines()),
            f"  Elements-Webhook-Signature {verifies[delivery['legacySignatureVerifies']]}",
            f"  webhook-signature {verifies[delivery['standardSignatureVerifies']]}",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8027)
    port = parser.parse_args().port
    received = Received()
    key = os.environ.get("RECEIVER_SIGNATURE_KEY", "")
    server = ThreadingHTTPServer(("127.0.0.1", port), handler(received, key))
    sys.stdout.write(f"waiting for events at http://127.0.0.1:{port}/\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
