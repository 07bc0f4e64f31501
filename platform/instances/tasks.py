"""Renews access tokens before they expire, so that no poll and no call waits for it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog
from django.db import connection
from django.utils import timezone

from config import clock
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
    shares = [share for start in range(SIDE_BY_SIDE) if (share := due[start::SIDE_BY_SIDE])]
    if shares:
        with ThreadPoolExecutor(len(shares)) as threads:
            until = time.monotonic() + BEGIN_WITHIN
            list(threads.map(partial(_renew_share, until=until), shares))
    return len(due)


def _renew_share(credential_ids: Sequence[int], until: float) -> None:
    """Renews one after the other. A provider that hangs must not hold us past lease and task."""
    try:
        for credential_id in credential_ids:
            if stopping() or time.monotonic() >= until:
                return
            _renew(credential_id)
    finally:
        connection.close()  # this thread's own


def _renew(credential_id: int) -> None:
    credential = Credential.objects.filter(pk=credential_id).first()
    if credential is None:
        return
    try:
        refresh(credential_id, credential.access_token)
    except UnsealError as error:
        note_unopened(credential_id)
        log.error("token not renewed", credential=credential_id, reason=str(error))
    except (TransportError, ElementNotFound) as error:
        # Stored on the row already, where it concerns the provider.
        log.warning("token not renewed", credential=credential_id, reason=str(error))
