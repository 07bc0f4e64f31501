"""Renewing in the calling thread, so that a worker can be killed between its statements."""

from __future__ import annotations

from django.utils import timezone

from instances import tasks
from instances.claim import claim_due


def renew_what_is_due() -> None:
    for credential_id in claim_due(10, timezone.now()):
        tasks._renew(credential_id)
