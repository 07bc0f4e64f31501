"""What the platform itself tells of an instance, within the transaction in which it happens.

The shapes are documented in docs/receiving-events.md.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from api.errors import BadRequest
from api.timestamp import timestamp
from elements.errors import ElementNotFound
from events.models import Delivery
from events.own_topics import GRANT_EXPIRING, GRANT_LOST, GRANT_REFUSED, RECONNECTION_WANTED
from events.record import record_instance_event
from instances import expiring, reconnect_link
from instances.models import ElementInstance
from instances.reason import Reason


def record_lost_grant(instance: ElementInstance, reason: str, code: str, **_: Any) -> None:
    """Receiver of grant_lost: polling has stopped, why, and the link by which it goes on."""
    now = timezone.now()
    record = {
        "id": instance.pk,
        "name": instance.name,
        "valid": False,
        "reason": reason,
        "reasonCode": code,
        **_link(instance, now),
    }
    record_instance_event(instance, GRANT_LOST, record, now)


def record_refused_grant(instance: ElementInstance, reason: str, **_: Any) -> None:
    """Receiver of grant_refused: why the access is not renewed. To connect again would not help."""
    record = {
        "id": instance.pk,
        "name": instance.name,
        "valid": True,
        "reason": reason,
        "reasonCode": Reason.RENEWAL_REFUSED.value,
    }
    record_instance_event(instance, GRANT_REFUSED, record, timezone.now())


def record_expiring_grant(instance: ElementInstance, ends_at: datetime, **_: Any) -> None:
    """Receiver of grant_expiring: how long it goes on, and the link by which it does not end."""
    now = timezone.now()
    record = {
        "id": instance.pk,
        "name": instance.name,
        "valid": True,
        "reason": expiring.sentence(ends_at),
        "reasonCode": Reason.EXPIRING.value,
        "authorizationEndsDate": timestamp(ends_at),
        **_link(instance, now),
    }
    record_instance_event(instance, GRANT_EXPIRING, record, now)


def record_wanted_reconnection(instance: ElementInstance, now: datetime) -> int:
    """Sends the account's owner a link to connect it again; to how many it goes.

    Must be called inside a transaction. Raises BadRequest where no link could connect it.
    """
    record = {
        "id": instance.pk,
        "name": instance.name,
        "valid": instance.valid,
        "reason": instance.problem or "It is to be connected again.",
        "reconnectUrl": reconnect_link.make(instance, now).url,
    }
    event_id = record_instance_event(instance, RECONNECTION_WANTED, record, now)
    return Delivery.objects.filter(event_id=event_id).count()


def _link(instance: ElementInstance, now: datetime) -> dict[str, str]:
    """Nothing where no link could mend it: what is told matters more."""
    try:
        return {"reconnectUrl": reconnect_link.make(instance, now).url}
    except (BadRequest, ElementNotFound):
        return {}
