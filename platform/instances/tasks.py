"""Renews access tokens before they expire, so that no poll and no call waits for it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import connection
from django.utils import timezone

from elements.errors import ElementNotFound
from encryption.keys import UnsealError
from instances.claim import claim_due
from instances.credential import refresh
from instances.models import Credential
from transport.errors import TransportError
from worker.line import run_line, stopping

SIDE_BY_SIDE = 8  # renewals at once
BATCH = 80  # credentials claimed at once: what is done well within the lease
PAUSE = 1.0  # seconds, when nothing is due

log = structlog.get_logger(__name__)


def refresh_due(slot: int = 0) -> None:
    run_line("refresh", slot, "instances.tasks.refresh_due", refresh_until)


def refresh_until(deadline: float) -> None:
    """Works until time.monotonic() reaches `deadline`."""
    while time.monotonic() < deadline and not stopping():
        if not refresh_batch():
            time.sleep(PAUSE)


def refresh_all_due() -> None:
    """Works until nothing is due."""
    while refresh_batch():
        pass


def refresh_batch() -> int:
    """Renews a batch of due credentials and returns how many it tried."""
    due = claim_due(timezone.now(), BATCH)
    shares = [share for start in range(SIDE_BY_SIDE) if (share := due[start::SIDE_BY_SIDE])]
    if shares:
        with ThreadPoolExecutor(len(shares)) as threads:
            list(threads.map(_renew_share, shares))
    return len(due)


def _renew_share(credential_ids: Sequence[int]) -> None:
    try:
        for credential_id in credential_ids:
            _renew(credential_id)
    finally:
        connection.close()  # this thread's own


def _renew(credential_id: int) -> None:
    credential = Credential.objects.filter(pk=credential_id).first()
    if credential is None:
        return
    try:
        refresh(credential_id, credential.access_token)
    except (TransportError, UnsealError, ElementNotFound) as error:
        # Stored on the row already, where it concerns the provider.
        log.warning("token not renewed", credential=credential_id, reason=str(error))
