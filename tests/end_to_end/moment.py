"""Something happens at a chosen moment of a poll."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from transport.asynchronous import AsyncRunner
from transport.outgoing import Outgoing
from transport.types import Outcome


def after_answer(path: str, monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> list[Any]:
    """Calls `act` once, right after the provider's first answer to a request for `path`.

    What it returned is then in the list. It runs in a thread of its own, as somebody else would.
    """
    results: list[Any] = []
    begun: list[bool] = []
    attempt = AsyncRunner._attempt

    async def attempted(self: AsyncRunner, outgoing: Outgoing) -> Outcome:
        answer = await attempt(self, outgoing)
        if path in outgoing.url and not begun:
            begun.append(True)
            results.append(await sync_to_async(act, thread_sensitive=False)())
        return answer

    monkeypatch.setattr(AsyncRunner, "_attempt", attempted)
    return results
