"""Does for many callers at once what each of them asks for by itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Gathering(Generic[Asked, Answer]):
    """Belongs to one event loop. What is asked while `work` is under way is the next batch.

    `work` answers a batch in its order. A batch begins `pause` seconds after its first, and its
    weights are no more than `most` together, unless one alone is heavier.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Asked]], Awaitable[Sequence[Answer]]],
        *,
        pause: float,
        most: int,
        weight: Callable[[Asked], int] = lambda _: 1,
    ) -> None:
        self._work = work
        self._pause = pause
        self._most = most
        self._weight = weight
        self._waiting: deque[tuple[Asked, asyncio.Future[Answer]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answer:
        """Returns its answer, or raises what `work` raised for its batch.

        What is asked is worked on even where the caller is cancelled meanwhile.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._working is None:
            self._working = asyncio.create_task(self._work_on_all())
        return await answer

    async def end(self) -> None:
        """Waits until all that was asked is done. Raises nothing: the callers have the errors."""
        while self._working is not None:
            await asyncio.wait([self._working])

    async def _work_on_all(self) -> None:
        batch: list[tuple[Asked, asyncio.Future[Answer]]] = []
        try:
            await asyncio.sleep(self._pause)
            while batch := self._next():
                answers = await self._work([asked for asked, _ in batch])
                for (_, waits), answer in zip(batch, answers, strict=True):
                    if not waits.done():
                        waits.set_result(answer)
        except BaseException as error:
            for _, waits in (*batch, *self._waiting):
                if not waits.done():
                    waits.set_exception(error)
            self._waiting.clear()
            if not isinstance(error, Exception):
                raise
        finally:
            self._working = None

    def _next(self) -> list[tuple[Asked, asyncio.Future[Answer]]]:
        batch: list[tuple[Asked, asyncio.Future[Answer]]] = []
        weight = 0
        while self._waiting:
            weight += self._weight(self._waiting[0][0])
            if batch and weight > self._most:
                break
            batch.append(self._waiting.popleft())
        return batch
