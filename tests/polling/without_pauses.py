"""For workers that are killed: retries need no waiting there."""

from __future__ import annotations

from functools import partial

from polling import engine
from transport.asynchronous import AsyncRunner


async def no_pause(seconds: float) -> None:
    return None


def install() -> None:
    setattr(engine, "AsyncRunner", partial(AsyncRunner, sleep=no_pause))  # noqa: B010
