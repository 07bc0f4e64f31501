"""Which hosts run the worker: each cluster of processes writes its row every half minute."""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta

from worker.models import WorkerHost

SILENT_AFTER = timedelta(seconds=90)  # three beats
KEPT = timedelta(days=1)  # rows of those that are gone


def beat(processes: int, now: datetime) -> None:
    """The sentinel's, of the cluster that it guards."""
    name = f"{socket.gethostname()[:150]} {os.getpid()}"
    seen = {"processes": processes, "seen_at": now}
    WorkerHost.objects.update_or_create(
        name=name, defaults=seen, create_defaults={**seen, "started_at": now}
    )
    WorkerHost.objects.filter(seen_at__lt=now - KEPT).delete()


def alive(now: datetime) -> list[WorkerHost]:
    found = WorkerHost.objects.filter(seen_at__gte=now - SILENT_AFTER)
    return list(found.order_by("name"))
