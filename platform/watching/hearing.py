"""What is heard of providers that were asked to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from watching.models import InstanceWatch

HEARD_AGAIN = timedelta(minutes=1)  # a row is not written more often than this


def watched_by(instance_ids: Sequence[int]) -> dict[int, InstanceWatch]:
    """The watches of these instances, by instance."""
    if not instance_ids:
        return {}
    rows = InstanceWatch.objects.filter(instance__in=instance_ids)
    return {row.instance_id: row for row in rows}


def note_heard(
    instance_ids: Sequence[int], watches: Mapping[int, InstanceWatch], now: datetime
) -> None:
    """Remembers that the provider told something, which was proven to be its own.

    Waits for no lock: it is only good to know.
    """
    before = now - HEARD_AGAIN
    stale = [
        watch.pk
        for watch in map(watches.get, instance_ids)
        if watch is not None
        and (watch.unannounced or watch.last_heard_at is None or watch.last_heard_at <= before)
    ]
    if not stale:
        return
    with transaction.atomic():
        rows = InstanceWatch.objects.filter(pk__in=stale)
        free = rows.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)
        InstanceWatch.objects.filter(pk__in=list(free)).update(last_heard_at=now, unannounced=0)
