"""Warns days ahead of grants that end by themselves.

Google says in `refresh_token_expires_in` when: after seven days where the application's publishing
status is Testing, or when time-based access ends.
https://developers.google.com/identity/protocols/oauth2#expiration

Rule: who warns notes it on the row in the same transaction, so that nobody is warned twice.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from instances.models import Credential, CredentialState, ElementInstance
from instances.signals import grant_expiring

MOST_AT_ONCE = 500  # warnings


def warned_ahead() -> timedelta:
    return timedelta(days=settings.GRANT_WARNING_DAYS)


def ends_soon(ends_at: datetime | None, now: datetime) -> bool:
    return ends_at is not None and ends_at <= now + warned_ahead()


def sentence(ends_at: datetime) -> str:
    return (
        f"The provider's authorization ends on {ends_at:%Y-%m-%d} at {ends_at:%H:%M} UTC. "
        "Connect the account again before, and nothing stops."
    )


def warn(now: datetime) -> int:
    """Tells of grants that end soon (`grant_expiring`), each once; how many it were."""
    due = Credential.objects.filter(
        state=CredentialState.OK, ends_at__lte=now + warned_ahead(), warned_at=None
    ).order_by("ends_at")
    instance_ids = due.values_list("instance_id", flat=True)[:MOST_AT_ONCE]
    return sum(_warn_of(instance_id, now) for instance_id in instance_ids)


@transaction.atomic
def _warn_of(instance_id: int, now: datetime) -> bool:
    instance = ElementInstance.objects.select_for_update(no_key=True).filter(pk=instance_id).first()
    if instance is None:
        return False
    credential = (
        Credential.objects.select_for_update(no_key=True)
        .filter(instance=instance, state=CredentialState.OK, warned_at=None)
        .first()
    )
    if credential is None or not ends_soon(credential.ends_at, now):
        return False
    credential.warned_at = now
    credential.save(update_fields=["warned_at"])
    grant_expiring.send(sender=ElementInstance, instance=instance, ends_at=credential.ends_at)
    return True
