"""What is done in Django's admin to rows that nobody watches, from the admin's own log."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import IntegerField
from django.db.models.signals import post_save

from audit.models import Action
from audit.record import record
from audit.watch import watched

ACTIONS = {
    ADDITION: Action.ADMIN_ADDED,
    CHANGE: Action.ADMIN_CHANGED,
    DELETION: Action.ADMIN_DELETED,
}


def begin() -> None:
    post_save.connect(_logged, sender=LogEntry, dispatch_uid="audit.admin_log")


def _logged(sender: type[LogEntry], instance: LogEntry, created: bool, **_: Any) -> None:
    kind = instance.content_type
    model = kind.model_class() if kind is not None else None
    if not created or kind is None or model is None or model in watched:
        return
    record(
        ACTIONS[instance.action_flag],
        _organization_of(instance),
        kind.name,
        int(instance.object_id or 0) if isinstance(model._meta.pk, IntegerField) else None,
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
