"""However many large answers are read at once, a process holds so many bytes and no more."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import count

import pytest

from tests.patience import PATIENCE
from tests.transport.conftest import TEST_LIMITS
from tests.transport.connectors import one
from tests.transport.scripted_provider import ScriptedProvider, answer
from transport import asynchronous, byte_budget, sync
from transport.asynchronous import AsyncRunner, open_session
from transport.byte_budget import FREE, ByteBudget
from transport.errors import AnswerTooLarge, NoRoom, ProviderUnreachable, TransportError
from transport.guard import AddressGuard
from transport.shares import on_behalf_of
from transport.sync import SyncRunner
from transport.types import Account, Request, Response, Steps

MEGABYTE = 1024 * 1024
LARGE = 2 * MEGABYTE
PIECE = b"a" * 65_536
MANY = 40
LIMITS = replace(TEST_LIMITS, attempts=1)
GUARD = AddressGuard(["127.0.0.0/8"])


def large(size: int) -> Callable[[socket.socket], None]:
    """An answer of so many bytes that comes piece by piece."""

    def send(connection: socket.socket) -> None:
        with suppress(OSError):  # it may be more than is wanted
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
            for _ in range(size // len(PIECE)):
                connection.sendall(PIECE)
                time.sleep(0.001)

    return send


def large_together(size: int, number: int, within: float) -> Callable[[socket.socket], None]:
    """So many answers of which none ends before all have nearly come, or `within` seconds."""
    nearly = threading.Barrier(number, timeout=within)

    def send(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        for _ in range(size // len(PIECE) - 1):
            connection.sendall(PIECE)
        with suppress(threading.BrokenBarrierError):
            nearly.wait()
        connection.sendall(PIECE)

    return send


def stuck_after(size: int, provider: ScriptedProvider) -> Callable[[socket.socket], None]:
    """An answer that comes to a stop."""

    def send(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99000000\r\n\r\n" + b"a" * size)
        provider.hang(connection)

    return send


def length(path: str) -> Steps[int]:
    """Gives back how long the answer was."""
    response: Response = yield Request("GET", path)
    return len(response.body)


@dataclass
class Together:
    """Runs connectors side by side, each for an organization of its own unless told otherwise."""

    asynchronous: bool

    def __call__(
        self, runs: list[Steps[int]], account: Account, owner: int | None = None
    ) -> list[int | TransportError]:
        owners = count(1) if owner is None else iter(lambda: owner, None)
        if self.asynchronous:
            return asyncio.run(self._asynchronously(runs, account, owners))
        with GUARD.session() as session, ThreadPoolExecutor(len(runs)) as threads:
            runner = SyncRunner(session, limits=LIMITS)

            def run(steps: Steps[int], owner: int) -> int | TransportError:
                with on_behalf_of(owner):
                    try:
                        return runner.run(steps, account)
                    except TransportError as error:
                        return error

            return list(threads.map(run, runs, owners))

    async def _asynchronously(
        self, runs: list[Steps[int]], account: Account, owners: Iterator[int]
    ) -> list[int | TransportError]:
        async with open_session(len(runs), guard=GUARD) as session:
            runner = AsyncRunner(session, limits=LIMITS)

            async def run(steps: Steps[int], owner: int) -> int | TransportError:
                with on_behalf_of(owner):
                    try:
                        return await runner.run(steps, account)
                    except TransportError as error:
                        return error

            return list(await asyncio.gather(*map(run, runs, owners)))


@pytest.fixture(params=["sync", "asynchronous"])
def together(request: pytest.FixtureRequest) -> Together:
    """Every test with it runs twice: both runners hold to one budget."""
    return Together(asynchronous=request.param == "asynchronous")


@pytest.fixture
def budget_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], ByteBudget]:
    def set_to(capacity: int) -> ByteBudget:
        budget = ByteBudget(capacity)
        monkeypatch.setattr(sync, "BUDGET", budget)
        monkeypatch.setattr(asynchronous, "BUDGET", budget)
        return budget

    return set_to


def is_whole(budget: ByteBudget) -> bool:
    """Whether everything was given back."""
    return budget.shares._all == 0 and not budget.shares._held and not budget.reserve.locked()


@contextmanager
def traced() -> Iterator[Callable[[], int]]:
    """How much more memory was taken at most than there was at first, in bytes."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield lambda: tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("owner", [None, 1], ids=["of many organizations", "of one"])
def test_many_slow_large_answers_are_held_within_the_budget(
    provider: ScriptedProvider,
    together: Together,
    budget_of: Callable[[int], ByteBudget],
    monkeypatch: pytest.MonkeyPatch,
    owner: int | None,
) -> None:
    monkeypatch.setattr(byte_budget, "PATIENCE", PATIENCE)
    account = Account(provider.url)
    sums = []
    for capacity, all_come_within in ((1000 * MEGABYTE, PATIENCE), (6 * MEGABYTE, 3.0)):
        provider.otherwise = large_together(LARGE, MANY, all_come_within)
        budget = budget_of(capacity)
        with traced() as most:
            told = together([length("/") for _ in range(MANY)], account, owner)
            sums.append(most())
        assert told == [LARGE] * MANY
        assert is_whole(budget)
    without, within = sums
    # The budget, the reserve, the one that is put together; what each has for nothing, the piece
    # that waits, and what asyncio reads ahead.
    bound = 6 * MEGABYTE + 2 * LARGE + MANY * 8 * FREE
    assert within < bound
    assert without > 2 * bound


def test_small_answers_come_while_large_ones_hold_everything(
    provider: ScriptedProvider, together: Together, budget_of: Callable[[int], ByteBudget]
) -> None:
    budget = budget_of(MEGABYTE)
    with budget.answer() as one_that_holds, budget.answer() as another:
        assert one_that_holds.take(FREE + 2 * MEGABYTE // 3)
        assert another.take(FREE + MEGABYTE)  # on the reserve
        provider.otherwise = answer(200, b"a" * FREE)
        assert together([length("/")] * 1 + [length("/")], Account(provider.url)) == [FREE] * 2
    assert is_whole(budget)


def test_who_finds_no_room_is_given_up_by_no_fault_of_the_providers(
    provider: ScriptedProvider,
    together: Together,
    budget_of: Callable[[int], ByteBudget],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(byte_budget, "PATIENCE", 0.2)
    budget = budget_of(MEGABYTE)
    provider.otherwise = large(LARGE)
    with budget.answer() as one_that_holds, budget.answer() as another:
        assert one_that_holds.take(FREE + 2 * MEGABYTE // 3)
        assert another.take(FREE + MEGABYTE)
        [told] = together([length("/")], Account(provider.url))
        assert isinstance(told, NoRoom)
        assert not isinstance(told, ProviderUnreachable)
        assert told.retry_after == 5.0
    assert len(provider.seen) == 1, "it is not tried again at once"
    assert together([length("/")], Account(provider.url)) == [LARGE]
    assert is_whole(budget)


def test_time_that_went_by_without_reading_is_no_fault_of_the_providers(
    provider: ScriptedProvider,
    together: Together,
    budget_of: Callable[[int], ByteBudget],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(globals(), "LIMITS", replace(LIMITS, total=0.3))
    budget = budget_of(MEGABYTE)
    provider.otherwise = large(LARGE)
    with budget.answer() as one_that_holds, budget.answer() as another:
        assert one_that_holds.take(FREE + 2 * MEGABYTE // 3)
        assert another.take(FREE + MEGABYTE)
        monkeypatch.setattr(byte_budget, "PATIENCE", 0.4 if together.asynchronous else 0.2)
        [told] = together([length("/")], Account(provider.url))
    assert isinstance(told, NoRoom)


@pytest.mark.parametrize("end", ["too large", "cut", "too late"])
def test_what_an_answer_that_fails_held_is_given_back(
    provider: ScriptedProvider,
    together: Together,
    budget_of: Callable[[int], ByteBudget],
    monkeypatch: pytest.MonkeyPatch,
    end: str,
) -> None:
    budget = budget_of(4 * MEGABYTE)
    body = MEGABYTE if end == "too large" else 99_000_000
    total = 1.0 if end == "too late" else LIMITS.total
    monkeypatch.setitem(globals(), "LIMITS", replace(LIMITS, body=body, total=total))
    provider.otherwise = {
        "too large": large(LARGE),
        "cut": lambda connection: connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"a" * MEGABYTE
        ),
        "too late": stuck_after(MEGABYTE, provider),
    }[end]
    told = together([length("/") for _ in range(3)], Account(provider.url))
    kind = AnswerTooLarge if end == "too large" else ProviderUnreachable
    assert [type(one) for one in told] == [kind] * 3
    assert is_whole(budget)


def test_a_poll_that_is_cancelled_gives_back_what_it_held(
    provider: ScriptedProvider, budget_of: Callable[[int], ByteBudget]
) -> None:
    budget = budget_of(4 * MEGABYTE)
    provider.otherwise = stuck_after(MEGABYTE, provider)

    async def main() -> None:
        async with open_session(1, guard=GUARD) as session:
            runner = AsyncRunner(session, limits=LIMITS)
            poll = asyncio.create_task(runner.run(length("/"), Account(provider.url)))
            while budget.shares._all < MEGABYTE // 2:  # noqa: ASYNC110 - of no event's making
                await asyncio.sleep(0.01)
            poll.cancel()
            await asyncio.gather(poll, return_exceptions=True)

    asyncio.run(main())
    assert is_whole(budget)


def test_an_answer_is_held_as_long_as_somebody_has_it(
    provider: ScriptedProvider, budget_of: Callable[[int], ByteBudget]
) -> None:
    budget = budget_of(4 * MEGABYTE)
    provider.otherwise = large(LARGE)
    with GUARD.session() as session:
        response = SyncRunner(session, limits=LIMITS).run(
            one(Request("GET", "/")), Account(provider.url)
        )
    assert budget.shares._all == LARGE - FREE
    del response
    assert is_whole(budget)


# --- Shares of it --------------------------------------------------------------------------------


def test_halfway_answers_that_fill_the_budget_end_one_after_the_other() -> None:
    budget = ByteBudget(3 * MEGABYTE)
    answers = [budget.answer() for _ in range(4)]
    left = [MEGABYTE] * 4
    while any(left):
        came_on = False
        for place, held in enumerate(answers):
            if left[place] and held.take(FREE):
                came_on = True
                left[place] -= FREE
                if not left[place]:
                    held.__exit__(None, None, None)
        assert came_on, "all wait for each other"
    assert is_whole(budget)


def test_an_organization_leaves_room_for_the_next() -> None:
    budget = ByteBudget(9 * MEGABYTE)
    assert budget.reserve.acquire(blocking=False)

    def all_that(owner: int) -> int:
        taken = 0
        with on_behalf_of(owner):
            held = budget.answer()
        while held.take(FREE):
            taken += FREE
        return taken - FREE

    assert [round(all_that(owner) / MEGABYTE) for owner in (1, 2, 3)] == [6, 2, 1]
