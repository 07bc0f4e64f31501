"""What a customer asks of web servers all the time: each address that lists, and some that write.

An answer of 500 or more is a fault, and so is what does not answer.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, cast
from uuid import uuid4

import requests
from rest_framework.test import APIClient

from tests.end_to_end.line import API, REDIRECT, Line
from tests.outages.installation import HttpApi, Installation
from tests.outages.web_server import WebServer

PATIENCE = 30.0  # seconds
MAILBOX = "customer@example.com"
PAGES = ("/sign-in", "/health/live", "/health/ready", "/metrics")


class CustomersRequests:
    """Turns of requests to each of `servers`. `answers` counts them by server and status."""

    def __init__(self, running: Installation) -> None:
        self.servers: list[WebServer] = list(running.webs)
        self.answers: Counter[tuple[str, int]] = Counter()
        self.faults: list[str] = []
        self._running = running
        running.control.create_mailbox(MAILBOX)
        self._numbers = count()
        self._turn = threading.Lock()

    @contextmanager
    def coming(self) -> Iterator[None]:
        """Within it, requests come all the time."""
        over = threading.Event()

        def come() -> None:
            while not over.wait(0.5):
                self.turn()

        thread = threading.Thread(target=come)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def turn(self) -> None:
        with self._turn:
            for server in self.servers:
                self._lists(server)
                self._connects_once(server)

    def ask(self, server: WebServer) -> None:
        """Ask this one, too, from now on."""
        with self._turn:
            self.servers.append(server)

    def ask_no_more(self, server: WebServer) -> None:
        """Return once nothing that it was asked is open, as a proxy has it stop."""
        with self._turn:
            self.servers.remove(server)

    def _lists(self, server: WebServer) -> None:
        document = self._ask(server, "GET", f"{API}/openapi.json")
        for path, methods in (document or {}).get("paths", {}).items():
            if "get" in methods and "{" not in path:
                self._ask(server, "GET", path if path.startswith(API) else API + path)
        for page in PAGES:
            self._ask(server, "GET", page)

    def _connects_once(self, server: WebServer) -> None:
        """The same request twice, as after an answer that was lost: it makes one instance."""
        name = f"Instance {next(self._numbers)}"
        body = {
            "name": name,
            "element": {"key": "gmail"},
            "providerData": {"code": self._consent(server)},
            "configuration": {
                "oauth.api.key": "sandbox-client",
                "oauth.api.secret": "sandbox-secret",
                "oauth.callback.url": REDIRECT,
            },
        }
        key = {"Idempotency-Key": str(uuid4())}
        first, second = (
            self._ask(each, "POST", f"{API}/instances", json=body, headers=key)
            for each in (server, self.servers[0])
        )
        if first is None or second is None or first["id"] != second["id"]:
            self.faults.append(f"{name} was made twice: {first} {second}")
            return
        path = f"{API}/instances/{first['id']}"
        self._ask(server, "PATCH", path, json={"name": f"{name}, renamed"})
        self._ask(server, "DELETE", path)

    def _consent(self, server: WebServer) -> str:
        api = cast(APIClient, HttpApi(server.url, self._running.secrets))
        running = self._running
        return Line(api, running.control, running.customer.receiver, MAILBOX).consent()

    def _ask(self, server: WebServer, method: str, path: str, **more: Any) -> Any:
        headers = {"Authorization": self._running.secrets, **more.pop("headers", {})}
        asked = f"{method} {server.url}{path}"
        try:
            answer = requests.request(
                method, server.url + path, headers=headers, timeout=PATIENCE, **more
            )
        except requests.RequestException as error:
            self.faults.append(f"{asked}: {error}")
            return None
        self.answers[server.url, answer.status_code] += 1
        if answer.status_code >= 500:
            self.faults.append(f"{asked}: {answer.status_code} {answer.text[:300]}")
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.json() if answer.ok and is_json else None
