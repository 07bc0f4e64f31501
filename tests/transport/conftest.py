from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.transport.scripted_provider import ScriptedProvider
from tests.transport.tls_server import TLSServer, serving
from transport.asynchronous import AsyncRunner, open_session
from transport.guard import AddressGuard
from transport.limits import Limits
from transport.sync import SyncRunner
from transport.types import Account, KnownObjects, Steps

TEST_LIMITS = Limits(connect=60.0, total=120.0)  # a slow machine is no defect


@pytest.fixture
def provider() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as scripted:
        yield scripted


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TLSServer]:
    with serving(tmp_path) as tls:
        yield tls


@dataclass
class Drive:
    """Runs a connector with one of the two runners; `pauses` are the seconds it wanted to wait."""

    asynchronous: bool
    guard: AddressGuard = field(default_factory=lambda: AddressGuard(["127.0.0.0/8"]))
    limits: Limits = TEST_LIMITS
    pauses: list[float] = field(default_factory=list)

    def __call__(
        self,
        steps: Steps[Any],
        account: Account,
        known: Callable[[KnownObjects], dict[str, str]] | None = None,
    ) -> Any:
        if self.asynchronous:
            return asyncio.run(self._asynchronously(steps, account, known))
        with self.guard.session() as session:
            runner = SyncRunner(session, limits=self.limits, sleep=self.pauses.append)
            return runner.run(steps, account, known=known)

    async def _asynchronously(
        self,
        steps: Steps[Any],
        account: Account,
        known: Callable[[KnownObjects], dict[str, str]] | None,
    ) -> Any:
        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)

        async def ask(question: KnownObjects) -> dict[str, str]:
            assert known is not None
            return known(question)

        async with open_session(20, guard=self.guard) as session:
            runner = AsyncRunner(session, limits=self.limits, sleep=pause)
            return await runner.run(steps, account, known=ask if known else None)


@pytest.fixture(params=["sync", "asynchronous"])
def drive(request: pytest.FixtureRequest) -> Drive:
    """Every test with it runs twice: both runners promise the same."""
    return Drive(asynchronous=request.param == "asynchronous")
