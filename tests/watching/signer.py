"""A provider that signs tokens, and shows its public keys at an address."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

AUDIENCE = "https://periodic.example/push"
SENDER = "pusher@my-project.iam.gserviceaccount.com"


def private_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    return _made(name, bits)


@lru_cache(maxsize=8)
def _made(name: str, bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def public_jwk(name: str, bits: int = 2048, **more: Any) -> dict[str, Any]:
    key = jwt.algorithms.RSAAlgorithm.to_jwk(private_key(name, bits).public_key(), as_dict=True)
    return {**key, "kid": name, "alg": "RS256", "use": "sig", **more}


def claims(**other: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": SENDER,
        "email_verified": True,
        "iat": now,
        "exp": now + 3600,
        **other,
    }
    return {name: value for name, value in whole.items() if value is not None}


def token(kid: str = "first", signed_by: str = "first", **other: Any) -> str:
    return jwt.encode(claims(**other), private_key(signed_by), "RS256", {"kid": kid})


class KeyServer:
    """`keys` is what it shows; a `status` other than 200 is answered in their place."""

    def __init__(self) -> None:
        self.keys: Any = [public_jwk("first")]
        self.status = 200
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked += 1
                body = json.dumps({"keys": outer.keys}).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "public, max-age=7200, must-revalidate")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/certs"

    @contextmanager
    def running(self) -> Iterator[KeyServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
