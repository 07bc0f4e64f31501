"""The turns of the loops that keep access tokens fresh and tell providers what was deleted."""

from __future__ import annotations

import structlog
from django.utils import timezone

from api.errors import SEALED
from config import clock
from config.given_postgres import trouble
from elements.errors import ElementNotFound
from encryption.keys import UnsealError
from instances import cleanup
from instances.claim import LEASE, claim_due
from instances.credential import note_not_renewed, refresh
from instances.models import Credential
from transport.errors import TransportError
from worker.loops import worked
from worker.side_by_side import side_by_side, until

SIDE_BY_SIDE = 8  # providers asked at once
BATCH = 80  # credentials claimed at once: what is done well within the lease
CLEANUPS = 40  # claimed at once

log = structlog.get_logger(__name__)


# --- Access tokens, renewed before they expire so that no poll and no call waits for it ----------


def refresh_until(deadline: float) -> bool:
    """Work until time.monotonic() reaches `deadline`; False when nothing more is due."""
    return until(deadline, refresh_batch)


def refresh_all_due() -> None:
    """Works until nothing is due."""
    while refresh_batch():
        pass


def refresh_batch() -> int:
    """Renews a batch of due credentials and returns how many it tried."""
    clock.keep()
    due = claim_due(timezone.now(), BATCH)
    worked()
    if due:
        trouble.require_space()  # for what the provider gives
        side_by_side(due, _renew, SIDE_BY_SIDE, lease=LEASE)
    return len(due)


def _renew(credential_id: int) -> None:
    credential = Credential.objects.filter(pk=credential_id).first()
    if credential is None:
        return
    try:
        refresh(credential_id, credential.access_token, confirming=True)
    except UnsealError as error:
        note_not_renewed(credential_id, SEALED)
        log.error("token not renewed", credential=credential_id, reason=str(error))
    except ElementNotFound as error:
        note_not_renewed(credential_id, str(error))
        log.warning("token not renewed", credential=credential_id, reason=str(error))
    except TransportError as error:
        # Stored on the row already, where it concerns the provider.
        log.warning("token not renewed", credential=credential_id, reason=str(error))
    except Exception as error:  # one that is faulty must not stop the others
        if trouble.passes(error):
            raise
        note_not_renewed(credential_id, type(error).__name__)
        log.exception("token not renewed", credential=credential_id)


# --- Instances that are gone ---------------------------------------------------------------------


def clean_until(deadline: float) -> bool:
    """Work until time.monotonic() reaches `deadline`; False when nothing more is due."""
    return until(deadline, clean_batch)


def clean_all_due() -> None:
    """Work until nothing is due."""
    while clean_batch():
        pass


def clean_batch() -> int:
    """Tell providers of a batch of instances that are gone. Returns how many were due."""
    clock.keep()
    due = cleanup.claim_due(CLEANUPS, timezone.now())
    worked()
    if due:
        trouble.require_space()  # else the same is said to the provider again and again
        side_by_side(due, cleanup.clean, SIDE_BY_SIDE, lease=cleanup.LEASE)
    return len(due)
