"""Database work from the event loop: in the thread that owns the connection, and patient."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import structlog
from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError, connection

from worker import loops

P = ParamSpec("P")
T = TypeVar("T")
PATIENCE = 30.0  # seconds that a lost database may take to come back
PAUSE = 0.5  # seconds between two tries

log = structlog.get_logger()


async def patiently(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs `work`; when the database is lost (or breaks a deadlock), again on a new connection.

    `work` must be one statement or one transaction, and right to repeat even when it had been
    stored and only the word of it was lost: a lease that was given back fences it off.
    """
    give_up_at = time.monotonic() + PATIENCE
    while True:
        try:
            result = await sync_to_async(work)(*args, **kwargs)
            loops.worked()
            return result
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > give_up_at:
                raise
            log.warning("poll.database_lost", error=str(error).strip())
            await sync_to_async(_reconnect)()
            await asyncio.sleep(PAUSE)


def _reconnect() -> None:
    """Drops the connection, unless it is fine (a broken deadlock) or within a transaction."""
    if not connection.in_atomic_block and not connection.is_usable():
        connection.close()
