"""Whether an instance is to be watched at its provider: rows kept in step with the instances.

Rule 1: all of it happens in the transaction that changes the instance or its user; what is to be
done at the provider is done afterwards, by whoever claims the row (watching.keep).
Rule 2: a lease is left to its holder. What he stores is that of an earlier version, and the row is
due again at once; were it taken from him, a start of his could come after somebody else's stop.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import structlog
from django.db.models import F
from django.utils import timezone

from accounts import access
from api.errors import SEALED
from elements.types import Element
from encryption.fields import opens
from instances import configuration as keys
from instances.cleanup import Step
from instances.models import ElementInstance
from watching import keep
from watching.models import InstanceWatch

SECRET_BYTES = 32
STOP = "stop the watch"

log = structlog.get_logger(__name__)


def keep_in_step(*, instance: ElementInstance, reauthenticated: bool = False, **_: Any) -> None:
    """Receiver of instances.signals.instance_saved."""
    element = keys.element_of(instance)
    if element.fault:
        return  # what is registered at the provider stays
    row = InstanceWatch.objects.select_for_update().filter(instance=instance).first()
    wanted = is_wanted(instance, element)
    if row is None:
        if not wanted:
            return
        row = InstanceWatch(
            instance=instance,
            secret=secrets.token_urlsafe(SECRET_BYTES),
            wanted=False,
            suspended=not access.held(instance.user_id),
        )
    configured = _digest(instance)
    changed = wanted and (reauthenticated or row.configured != configured)
    if row.wanted == wanted and not changed:
        return
    row.wanted = wanted
    row.configured = configured
    row.version += 1
    row.due_at = timezone.now()
    row.failures, row.error = 0, ""
    row.save()


def withdraw(*, instance: ElementInstance, reason: str, **_: Any) -> None:
    """Receiver of instances.signals.grant_lost: without a grant nothing can be asked for."""
    InstanceWatch.objects.filter(instance=instance).update(
        wanted=False, version=F("version") + 1, due_at=None, error=reason
    )


def follow_access(*, user_ids: Sequence[int], open: bool, **_: Any) -> None:  # noqa: A002 - the signal's
    """Receiver of accounts.signals.access_changed."""
    rows = InstanceWatch.objects.filter(instance__user__in=user_ids, suspended=open, wanted=True)
    rows.update(suspended=not open, version=F("version") + 1, due_at=timezone.now())
    InstanceWatch.objects.filter(instance__user__in=user_ids).update(suspended=not open)


def stop_before_revoking(*, instance: ElementInstance, **_: Any) -> Step | None:
    """Receiver of instance_deleting: answers with what stops the watch once the instance is gone.

    Not before the lease of somebody who may be starting it just now is over: a start must not come
    after the stop.
    """
    row = InstanceWatch.objects.select_for_update().filter(instance=instance).first()
    if row is None or (row.due_at is None and row.started_at is None):
        return None
    if not opens(row, "secret") or not keys.are_open(instance):
        log.warning("watch.not_stopped", instance=instance.pk, reason=SEALED)
        return None
    return Step(STOP, {"secret": row.secret, "state": row.state}, not_before=row.lease_until)


def is_wanted(instance: ElementInstance, element: Element) -> bool:
    """Raises elements.errors.ConfigurationError where the configuration cannot be used."""
    watch = element.watch
    if watch is None or not (instance.enabled and instance.valid and instance.events_enabled):
        return False
    if not keys.are_open(instance):  # what is registered at the provider stays
        return InstanceWatch.objects.filter(instance=instance, wanted=True).exists()
    if instance.vendor_type != ("polling" if element.webhook is None else "webhook"):
        return False
    return watch.wanted(keep.configuration_of(instance, element))


def _digest(instance: ElementInstance) -> str:
    shown = json.dumps([instance.element_key, instance.configuration], sort_keys=True)
    return sha256(shown.encode("utf-8", "surrogatepass")).hexdigest()
