"""The sandbox over a real socket, and a caller of its Gmail API."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from integrations.gmail.sandbox.control_client import SandboxControl
from integrations.gmail.sandbox.grants import MAIL
from integrations.gmail.sandbox.server import SandboxServer

Parameter = str | int | list[str]
MAX_ASKED = 20_000  # times that a test asks for a state before it gives up


def until(condition: Callable[[], bool]) -> None:
    """Ask until it is so; fails the test when it never is."""
    for _ in range(MAX_ASKED):
        if condition():
            return
    pytest.fail("what the test waited for never came")


class Gmail:
    """Calls Gmail REST v1 at the sandbox with one account's token."""

    def __init__(self, url: str, token: str, user: str = "me") -> None:
        self.root = f"{url}/gmail/v1/users/{user}"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def ask(
        self, method: str, path: str, body: object = None, **query: Parameter
    ) -> requests.Response:
        """The answer, whatever its status."""
        return self.session.request(
            method,
            self.root + path,
            params=query,
            json=body,
            timeout=20,
        )

    def get(self, path: str, **query: Parameter) -> Any:
        """The JSON of a call that must succeed."""
        answer = self.ask("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object = None, **query: Parameter) -> Any:
        """The JSON of a call that must succeed; None for an empty answer."""
        answer = self.ask("POST", path, body, **query)
        assert answer.status_code in (200, 204), answer.text
        return answer.json() if answer.content else None

    def pages(self, path: str, item: str, **query: Parameter) -> list[list[Any]]:
        """Every page of a list."""
        found: list[list[Any]] = []
        token: dict[str, str] = {}
        while True:
            answer = self.get(path, **query, **token)
            found.append(answer.get(item, []))
            if "nextPageToken" not in answer:
                return found
            token = {"pageToken": answer["nextPageToken"]}

    def ids(self, **query: Parameter) -> list[str]:
        """The ids of a message list, in its order."""
        pages = self.pages("/messages", "messages", **query)
        return [message["id"] for page in pages for message in page]


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    """A sandbox of this test's own, with the default client and mailbox."""
    with SandboxServer() as server:
        yield server


@pytest.fixture
def control(sandbox: SandboxServer) -> SandboxControl:
    """Its control API."""
    return sandbox.control


@pytest.fixture
def gmail(sandbox: SandboxServer) -> Gmail:
    """The default mailbox, with every right."""
    return Gmail(sandbox.url, sandbox.control.sign_in(scopes=[MAIL])["access_token"])
