"""Webhooks as GitHub sends them: signed, once, with a delivery's id.

https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from integrations.github.sandbox.world import Json, Repository, World
from integrations.sandbox.loopback import is_loopback_url

TIMEOUT = 10.0  # seconds, as at GitHub


@dataclass(frozen=True)
class Delivered:
    """One delivery. `status` is 0 where no answer came."""

    kind: str
    id: str
    body: bytes
    headers: dict[str, str]
    url: str
    status: int


class Deliveries:
    """Sends what the world tells, off the thread that changes it."""

    def __init__(self, world: World) -> None:
        self.sent: list[Delivered] = []
        self._world = world
        self._tasks: set[asyncio.Task[None]] = set()

    async def running(self, app: web.Application) -> AsyncIterator[None]:
        """A cleanup context of the application."""
        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession() as session:

            def tell(repository: Repository, kind: str, payload: Json) -> None:
                only = kind.partition(":")[2]
                for hook in [*repository.hooks.values()]:
                    wanted = str(hook["id"]) == only if only else kind in hook["events"]
                    if wanted and hook["active"]:
                        # Read now: what is told is how it was when it happened.
                        prepared = self._prepared(hook, kind.partition(":")[0], payload)
                        loop.call_soon_threadsafe(self._start, session, *prepared)

            self._world.tell = tell
            yield
            for task in self._tasks:
                task.cancel()

    def _prepared(self, hook: Json, kind: str, payload: Json) -> tuple[str, dict[str, str], bytes]:
        body = json.dumps(payload).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/sandbox",
            "X-GitHub-Event": kind,
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-GitHub-Hook-ID": str(hook["id"]),
        }
        if secret := hook["config"].get("secret"):
            digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature-256"] = f"sha256={digest}"
        return hook["config"]["url"], headers, body

    def _start(
        self, session: aiohttp.ClientSession, url: str, headers: dict[str, str], body: bytes
    ) -> None:
        task = asyncio.get_running_loop().create_task(self._send(session, url, headers, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(
        self, session: aiohttp.ClientSession, url: str, headers: dict[str, str], body: bytes
    ) -> None:
        status = 0
        if is_loopback_url(url):
            try:
                timeout = aiohttp.ClientTimeout(total=TIMEOUT)
                async with session.post(
                    url, data=body, headers=headers, timeout=timeout, allow_redirects=False
                ) as answer:
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError):
                status = 0
        kind, id_ = headers["X-GitHub-Event"], headers["X-GitHub-Delivery"]
        self.sent.append(Delivered(kind, id_, body, headers, url, status))
