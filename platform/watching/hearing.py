"""What is heard of providers that were asked to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

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
    """Remembers that the provider told something, which was proven to be its own."""
    before = now - HEARD_AGAIN
    stale = [
        watches[pk].pk
        for pk in instance_ids
        if pk in watches and (watches[pk].last_heard_at or before) <= before
    ]
    if stale:
        InstanceWatch.objects.filter(pk__in=stale).update(last_heard_at=now)
