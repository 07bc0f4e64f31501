"""Renews access tokens before they expire, so that no poll and no call waits for it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue

import structlog
from django.db import connection
from django.utils import timezone

from config import clock
from config.given_postgres import trouble
from elements.errors import ElementNotFound
from encryption.keys import UnsealError
from instances.claim import claim_due
from instances.credential import note_unopened, refresh
from instances.models import Credential
from transport.errors import TransportError
from worker.loops import stopping, worked

SIDE_BY_SIDE = 8  # renewals at once
BATCH = 80  # credentials claimed at once: what is done well within the lease
BEGIN_WITHIN = 30.0  # seconds after the claim; the rest of a batch is due again after the lease

log = structlog.get_logger(__name__)


def refresh_until(deadline: float) -> bool:
    """Work until time.monotonic() reaches `deadline`; False when nothing more is due."""
    while time.monotonic() < deadline and not stopping():
        if not refresh_batch():
            return False
    return True


def refresh_all_due() -> None:
    """Works until nothing is due."""
    while refresh_batch():
        pass


def refresh_batch() -> int:
    """Renews a batch of due credentials and returns how many it tried."""
    clock.keep()
    due = claim_due(timezone.now(), BATCH)
    worked()
    hands = min(len(due), SIDE_BY_SIDE)
    if hands:
        trouble.require_space()  # for what the provider gives
        left, until = SimpleQueue[int](), time.monotonic() + BEGIN_WITHIN
        for credential_id in due:
            left.put(credential_id)
        with ThreadPoolExecutor(hands) as threads:
            list(threads.map(partial(_renew_some, left), [until] * hands))
    return len(due)


def _renew_some(left: SimpleQueue[int], until: float) -> None:
    """Renews one after the other, beside others that do: who meets a provider that hangs keeps
    nothing from them, and itself not past lease and task."""
    try:
        while not (stopping() or time.monotonic() >= until):
            _renew(left.get_nowait())
    except Empty:
        return
    finally:
        connection.close()  # this thread's own


def _renew(credential_id: int) -> None:
    credential = Credential.objects.filter(pk=credential_id).first()
    if credential is None:
        return
    try:
        refresh(credential_id, credential.access_token, confirming=True)
    except UnsealError as error:
        note_unopened(credential_id)
        log.error("token not renewed", credential=credential_id, reason=str(error))
    except (TransportError, ElementNotFound) as error:
        # Stored on the row already, where it concerns the provider.
        log.warning("token not renewed", credential=credential_id, reason=str(error))
