"""What people change of instances is written down."""

from __future__ import annotations

from typing import Any

from audit.models import Action
from audit.record import record
from audit.watch import Changes, Subject, watch
from instances import configuration as keys
from instances.models import ElementInstance
from instances.signals import instance_saved

KIND = "instance"


def begin() -> None:
    watch(
        ElementInstance,
        Subject(
            KIND,
            organization=lambda row: row.organization_id,
            account=lambda row: row.user.account_id,
            name=lambda row: row.name,
            instance=lambda row: row.pk,
            created=Action.INSTANCE_CREATED,
            changed=_changed,
            deleted=Action.INSTANCE_DELETED,
            shown=["name", "element_key", "tags", "enabled", "events_enabled"],
            keyed=["configuration", "secrets"],
            details=lambda row: {"element": row.element_key},
        ),
    )
    instance_saved.connect(_reconnected, dispatch_uid="instances.audited")


def told(
    action: Action,
    instance: ElementInstance,
    *,
    anybody: bool = False,
    changes: Changes | None = None,
) -> None:
    """Writes down what was done with an instance beside changing its row."""
    record(
        action,
        instance.organization_id,
        KIND,
        instance.pk,
        instance.name,
        account_id=instance.user.account_id,
        instance_id=instance.pk,
        anybody=anybody,
        changes=changes,
    )


def _changed(row: ElementInstance, changes: Changes) -> Action:
    if "events_enabled" in changes:
        changes.pop(keys.EVENTS_ENABLED, None)  # the same, as it was written
        switched = changes.pop("events_enabled")[1]
        return Action.EVENTS_ON if switched else Action.EVENTS_OFF
    return Action.INSTANCE_CHANGED


def _reconnected(instance: ElementInstance, created: bool, reauthenticated: bool, **_: Any) -> None:
    """By its owner's link, too, who does not sign in for it."""
    if reauthenticated and not created:
        told(Action.INSTANCE_RECONNECTED, instance, anybody=True)
