"""What django-q2 runs: removes what is old."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from audit.models import AuditEntry
from config import clock
from retention.remove import remove


def remove_old_entries() -> int:
    """Removes entries older than AUDIT_KEPT_DAYS (0: none); how many it were."""
    if not settings.AUDIT_KEPT_DAYS:
        return 0
    before = clock.agreed() - timedelta(days=settings.AUDIT_KEPT_DAYS)
    return remove(AuditEntry.objects.filter(at__lt=before))
