"""Running the sandbox: `python -m integrations.github.sandbox`, or in a thread beside a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import parse_qs, urlsplit

import requests
from aiohttp import web

from integrations.github.sandbox.app import create_app
from integrations.github.sandbox.state import State
from integrations.sandbox.server import Beside, Place

NAME = "GitHub sandbox"


@contextmanager
def opened(state: State) -> Iterator[web.Application]:
    yield create_app(state)


class SandboxServer(Beside):
    """The sandbox in a thread of its own, on a free port. `state` is what it is made of."""

    def __init__(self) -> None:
        self.state = State()
        super().__init__(Place(NAME), partial(opened, self.state))

    def approve(self, consent_url: str) -> str:
        """The user agrees on the consent page; returns the code that comes of it."""
        answer = requests.post(
            consent_url, data={"decision": "allow"}, allow_redirects=False, timeout=10
        )
        answer.raise_for_status()
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
