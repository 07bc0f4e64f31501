"""The turns of the loops that keep access tokens fresh and tell providers what was deleted."""

from __future__ import annotations

import math

import structlog

from api.errors import SEALED
from config.given_postgres import trouble
from elements.errors import ElementNotFound
from encryption.keys import UnsealError
from instances import cleanup
from instances.claim import LEASE, claim_due
from instances.credential import note_not_renewed, refresh
from instances.models import Credential
from transport.errors import TransportError
from worker.side_by_side import BlockingLoop

log = structlog.get_logger(__name__)


def _renew(credential_id: int) -> None:
    """Renew a token before it expires, so that no poll and no call waits for it."""
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


_renewals = BlockingLoop(claim_due, _renew, most=80, lease=LEASE)
refresh_until, refresh_batch = _renewals.until, _renewals.batch

_cleanups = BlockingLoop(cleanup.claim_due, cleanup.clean, most=40, lease=cleanup.LEASE)
clean_until = _cleanups.until


def refresh_all_due() -> None:
    """Renew all tokens that are due, however long it takes: also by hand, in a shell."""
    refresh_until(math.inf)
