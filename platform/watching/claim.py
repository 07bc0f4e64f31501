"""Who works on which watch: a leased table (worker.leased_table)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, F, Value, When

from watching.models import InstanceWatch
from worker.leased_table import LeasedTable

LEASE = timedelta(seconds=180)  # a row is begun within 30 s, and asks its provider a few times
WATCHES = LeasedTable(
    "watching_instancewatch",
    LEASE,
    due="COALESCE(r.lease_until, r.due_at)",
    condition="r.due_at IS NOT NULL",
    organization="i.organization_id",
    joined="JOIN instances_elementinstance AS i ON i.id = r.instance_id",
)


def claim_due(most: int, now: datetime) -> list[InstanceWatch]:
    """Claims at most `most` due rows, with their instances."""
    rows = InstanceWatch.objects.select_related("instance")
    return WATCHES.claim(most, now).read(rows)


def commit(row: InstanceWatch, due_at: datetime | None, **columns: Any) -> bool:
    """Stores what came of a claimed row and gives it back; whether it was still ours.

    It is due at `due_at`, unless something else is wanted by now: then it is due as it stands.
    """
    due = Case(When(version=row.version, then=Value(due_at)), default=F("due_at"))
    ours = InstanceWatch.objects.filter(pk=row.pk, lease_id=row.lease_id)
    return bool(ours.update(due_at=due, lease_id=None, lease_until=None, **columns))
