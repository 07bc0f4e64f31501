"""Who acts: the person behind the request, or behind a task of the worker, that is being done.

Nobody acts while the platform works by itself, and then nothing is written down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from audit.models import Source


@dataclass(frozen=True, slots=True)
class Actor:
    user_id: int | None  # None: somebody who did not sign in
    source: Source
    address: str = ""
    request_id: str = ""


_asked: ContextVar[Callable[[], Actor] | None] = ContextVar("actor", default=None)


def current() -> Actor | None:
    ask = _asked.get()
    return ask() if ask is not None else None


@contextmanager
def acting(ask: Callable[[], Actor]) -> Iterator[None]:
    """Everything within is done by who `ask` says; it is asked when somebody wants to know."""
    token = _asked.set(ask)
    try:
        yield
    finally:
        _asked.reset(token)
