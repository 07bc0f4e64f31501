"""What polls find, and the instances they find it for."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import Organization, User
from accounts.secret import digest
from elements.calls import Change, ChangeType
from events.changes import record_changes
from events.models import Event, Subscription
from events.status import statuses_of
from events.subscription import origin_of
from instances.models import ElementInstance

KEY = "MySecretEventSignatureKey"


def changes(count: int, **record: Any) -> list[Change]:
    return [
        Change(f"m{number}", ChangeType.CREATED, {"id": f"m{number}", **record}, f"h{number}")
        for number in range(count)
    ]


def statuses(*event_ids: int) -> list[str]:
    """What the API says of these events, or of all, in the order of their ids."""
    asked = Event.objects.filter(pk__in=event_ids) if event_ids else Event.objects.all()
    return list(statuses_of(asked.order_by("pk")).values())


def record(instance: ElementInstance, found: Sequence[Change] | int = 1) -> list[int]:
    """Records changes as a poll does; gives the event ids."""
    with transaction.atomic():
        return record_changes(
            instance,
            "changed-messages",
            changes(found) if isinstance(found, int) else found,
            timezone.now(),
        )


def new_instance(
    organization: Organization | None = None, url: str = "", key: str = KEY
) -> ElementInstance:
    """An instance with events on, and its subscription where it has a URL."""
    if organization is None:
        organization = Organization.objects.create(
            name="An organization", secret_digest=digest(secrets.token_hex())
        )
    user = User.objects.create(
        username=f"{secrets.token_hex(6)}@example.com",
        organization=organization,
        address_verified_at=timezone.now(),
    )
    token = secrets.token_hex()
    instance = ElementInstance.objects.create(
        organization=organization,
        user=user,
        element_key="gmail",
        name="Mailbox",
        tags=["sales"],
        token=token,
        token_digest=digest(token),
        events_enabled=True,
    )
    if url:
        Subscription.objects.create(
            organization=organization,
            instance=instance,
            url=url,
            origin=origin_of(url),
            signature_key=key,
        )
    return instance
