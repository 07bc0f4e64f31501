"""What the API and the pages show of an instance's watch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from api.timestamp import timestamp
from instances.models import ElementInstance
from watching.models import InstanceWatch


def watch_of(instance: ElementInstance, now: datetime) -> dict[str, Any] | None:
    """None where none was ever wanted."""
    row = InstanceWatch.objects.filter(instance=instance).first()
    if row is None:
        return None
    return {
        "status": row.status(now),
        "startedDate": timestamp(row.started_at),
        "expiresDate": timestamp(row.expires_at),
        "lastHeardDate": timestamp(row.last_heard_at),
        "nextTryDate": timestamp(row.due_at),
        "failures": row.failures,
        "error": row.error or None,
    }
