"""What is done in Django's admin to rows that nobody watches, from the admin's own log."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.core.exceptions import ObjectDoesNotExist
from django.db.models.signals import post_save

from audit.models import Action
from audit.record import record
from audit.watch import watched

ACTIONS = {
    ADDITION: Action.ADMIN_ADDED,
    CHANGE: Action.ADMIN_CHANGED,
    DELETION: Action.ADMIN_DELETED,
}
LARGEST_ID = 2**63 - 1


def begin() -> None:
    post_save.connect(_logged, sender=LogEntry, dispatch_uid="audit.admin_log")


def _logged(sender: type[LogEntry], instance: LogEntry, created: bool, **_: Any) -> None:
    kind = instance.content_type
    model = kind.model_class() if kind is not None else None
    if not created or kind is None or model in watched:
        return
    number = str(instance.object_id or "")  # Django leaves the key as it is until it is read again
    fits = number.isascii() and number.isdigit() and int(number) <= LARGEST_ID
    record(
        ACTIONS[instance.action_flag],
        _organization_of(instance),
        kind.name,
        int(number) if fits else None,
        instance.object_repr,
        changes=dict.fromkeys(_fields(instance.change_message)),
    )


def _organization_of(entry: LogEntry) -> int | None:
    try:
        row: Any = entry.get_edited_object()
    except ObjectDoesNotExist:
        return None
    found = getattr(row, "organization_id", None)
    return found if isinstance(found, int) else None


def _fields(message: str) -> list[str]:
    """The names of fields in a log entry's message, which is JSON, or any text."""
    try:
        parts = json.loads(message or "[]")
    except ValueError:
        return []
    return [
        str(name)
        for part in parts
        if isinstance(part, dict)
        for name in part.get("changed", {}).get("fields", [])
    ]
