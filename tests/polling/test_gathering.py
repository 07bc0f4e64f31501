"""What many callers ask for is worked on together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from config.gathering import Gathering

Test = Callable[[], Coroutine[Any, Any, None]]


class Work:
    """Doubles numbers; `batches` are what it was given."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.batches: list[list[int]] = []
        self.begun = asyncio.Event()
        self._fails_at = fails_at

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.begun.set()
        await asyncio.sleep(0.01)
        if self._fails_at in numbers:
            raise ValueError("no")
        return [2 * number for number in numbers]


def run(test: Test) -> None:
    async_to_sync(test)()


def test_everybody_has_the_answer_to_what_he_asked() -> None:
    async def test() -> None:
        work = Work()
        gathering = Gathering(work, pause=0.0, most=100)
        assert await asyncio.gather(*map(gathering.ask, range(5))) == [0, 2, 4, 6, 8]
        assert work.batches == [[0, 1, 2, 3, 4]]

    run(test)


def test_what_comes_while_it_works_is_the_next_batch() -> None:
    async def test() -> None:
        work = Work()
        gathering = Gathering(work, pause=0.0, most=100)
        first = asyncio.create_task(gathering.ask(1))
        await work.begun.wait()
        assert [*await asyncio.gather(gathering.ask(2), gathering.ask(3))] == [4, 6]
        assert await first == 2
        assert work.batches == [[1], [2, 3]]

    run(test)


def test_a_batch_is_no_heavier_than_it_may_be_unless_one_alone_is() -> None:
    async def test() -> None:
        work = Work()
        gathering = Gathering(work, pause=0.0, most=5, weight=lambda number: number)
        await asyncio.gather(*map(gathering.ask, [2, 3, 1, 9, 4]))
        assert work.batches == [[2, 3], [1], [9], [4]]

    run(test)


def test_an_error_is_everybodys_whose_work_is_not_done_and_the_next_ones_go_on() -> None:
    async def test() -> None:
        work = Work(fails_at=2)
        gathering = Gathering(work, pause=0.0, most=1)
        outcomes = await asyncio.gather(*map(gathering.ask, [1, 2, 3]), return_exceptions=True)
        assert outcomes[0] == 2
        assert [type(one) for one in outcomes[1:]] == [ValueError, ValueError]
        assert await gathering.ask(4) == 8

    run(test)


def test_what_a_cancelled_caller_asked_for_is_done_before_the_end() -> None:
    async def test() -> None:
        work = Work()
        gathering = Gathering(work, pause=0.05, most=100)
        caller = asyncio.create_task(gathering.ask(7))
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await gathering.end()
        assert work.batches == [[7]]

    run(test)
