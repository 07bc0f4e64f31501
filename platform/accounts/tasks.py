"""What django-q2 runs: removes what is left of sessions and sign-ins that are over."""

from __future__ import annotations

from datetime import timedelta

from axes.models import AccessAttempt
from django.conf import settings

from accounts.models import BrowserSession
from config import clock
from retention.remove import remove

FAILURES_KEPT = timedelta(days=1)  # of sign-ins, and never shorter than they count


def remove_old_sessions() -> int:
    """Removes ended sessions, and failed sign-ins that count no more; how many sessions."""
    now = clock.agreed()
    kept = max(FAILURES_KEPT, settings.AXES_COOLOFF_TIME)
    remove(AccessAttempt.objects.filter(attempt_time__lt=now - kept))
    return remove(BrowserSession.objects.filter(expire_date__lt=now))
