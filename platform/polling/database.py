"""Database work from the event loop: in the thread that owns the connection, and patient."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import Error, connection

from config.given_postgres import trouble
from config.given_postgres.unavailable import outage_of
from worker import loops

P = ParamSpec("P")
T = TypeVar("T")
PATIENCE = 30.0  # seconds that a database which cannot be used may take to come back
PAUSE = 0.5  # seconds until the next try; doubles

_waiting = 0


def is_away() -> bool:
    """Return whether something waits for the database just now: then nothing new is begun."""
    return _waiting > 0


async def patiently(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs `work`; when the database cannot be used (or breaks a deadlock), again after a pause.

    `work` must be one statement or one transaction, and right to repeat even when it had been
    stored and only the word of it was lost: a lease that was given back fences it off.
    """
    global _waiting
    give_up_at = time.monotonic() + PATIENCE
    pauses = trouble.pauses(PAUSE)
    waits = False
    try:
        while True:
            try:
                result = await sync_to_async(work)(*args, **kwargs)
            except Error as error:
                if not trouble.passes(error) or time.monotonic() > give_up_at:
                    raise
                trouble.tell("poll.database_unusable", error)
                _waiting += not waits
                waits = True
                await sync_to_async(_reconnect)(anew=outage_of(error) is not None)
            else:
                loops.worked()
                return result
            await asyncio.sleep(next(pauses))
    finally:
        _waiting -= waits


def _reconnect(*, anew: bool) -> None:
    """Drops the connection, unless it is fine (a broken deadlock) or within a transaction.

    Also one that is fine where `anew`: another server may be the one that can be written to.
    """
    if not connection.in_atomic_block and (anew or not connection.is_usable()):
        connection.close()
