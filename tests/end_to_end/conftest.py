from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from rest_framework.test import APIClient

from accounts.provision import NewOrganization
from integrations.gmail.sandbox.server import SandboxServer
from polling import engine, poll_now
from tests.end_to_end.line import Line
from tests.events.receiver import Receiver
from transport.asynchronous import AsyncRunner


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries within a poll follow at once."""

    async def no_pause(seconds: float) -> None:
        return None

    quick = partial(AsyncRunner, sleep=no_pause)
    monkeypatch.setattr(engine, "AsyncRunner", quick)
    monkeypatch.setattr(poll_now, "AsyncRunner", quick)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def line(
    transactional_db: None,
    no_waiting: None,
    sandbox: SandboxServer,
    receiver: Receiver,
    organization: NewOrganization,
    client_for: Callable[..., APIClient],
) -> Line:
    """A customer with a mailbox that is not connected yet."""
    return Line(client_for(organization), sandbox.control, receiver)


@pytest.fixture
def connected(line: Line) -> Line:
    line.connect()
    return line
