"""How the grants of all accounts stand: figures for monitoring, by three small indexes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from instances.expiring import warned_ahead
from instances.models import Credential, CredentialState

LATE_AFTER = timedelta(minutes=10)  # a renewal that was due and was not tried


class Figures(NamedTuple):
    lost: int
    expiring: int
    late: int  # renewals that are overdue


def figures(now: datetime) -> Figures:
    kept = Credential.objects.filter(state=CredentialState.OK)
    return Figures(
        Credential.objects.filter(state=CredentialState.LOST).count(),
        kept.filter(ends_at__lte=now + warned_ahead()).count(),
        kept.filter(refresh_due_at__lte=now - LATE_AFTER).count(),
    )
