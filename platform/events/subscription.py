"""Where an instance's notifications go: kept in step with its configuration, off and on again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from encryption.fields import opens
from events import audited, order, signing_key
from events.models import Channel, Delivery, DeliveryStatus, Subscription
from instances import callback, configuration
from instances.models import ElementInstance
from worker import wakeups

NO_URL = "no callback URL is configured"
FETCHED = "fetched by its receiver, sent to nobody"
PENDING = (DeliveryStatus.CREATED, DeliveryStatus.RETRY, DeliveryStatus.WAITING)
REMOVE_EVENTS = (
    """
    DELETE FROM events_deliveryattempt a USING events_delivery d, events_event e
     WHERE a.delivery_id = d.id AND d.event_id = e.id AND e.instance_id = %s
    """,
    """
    DELETE FROM events_delivery d USING events_event e
     WHERE d.event_id = e.id AND e.instance_id = %s
    """,
    "DELETE FROM events_event WHERE instance_id = %s",
)


def follow_configuration(instance: ElementInstance, **_: Any) -> None:
    """Receiver of instance_saved: gives the instance's subscription its URL, its signature key, and
    the headers to send along.

    - The first URL makes the subscription; without one, events are recorded and not sent.
    - Another URL turns a deactivated subscription on again, and what waits for a retry goes to
      the new URL. What is queued stays queued until somebody asks for it.
    - An emptied URL queues what is pending.
    - A replaced signature key goes on signing beside the new one for a while.
    - Where events are fetched, there is a subscription that is off, whatever the URL.
    - Where the instance's secrets cannot be opened, signature key and headers stay as they are.
    """
    values = configuration.without_secrets(instance)
    fetched = configuration.are_fetched(values)
    url = "" if fetched else values.get(configuration.EVENTS_CALLBACK_URL, "").strip()
    channel = Channel.QUEUE if fetched else Channel.WEBHOOK
    key = values.get(configuration.SIGNATURE_KEY, "")
    headers = headers_text(callback.headers_of(values))
    ordered = configuration.is_ordered(values)
    subscription = Subscription.objects.select_for_update().filter(instance=instance).first()
    if subscription is None:
        if url or fetched:
            Subscription.objects.create(
                organization_id=instance.organization_id,
                instance=instance,
                channel=channel,
                active=not fetched,
                deactivation_reason=FETCHED if fetched else "",
                url=url,
                origin=origin_of(url),
                signature_key=key,
                headers=headers,
                ordered=ordered,
            )
        return
    place = (subscription.channel, subscription.url)
    moved = place != (channel, url)
    stays = not configuration.are_open(instance)
    new_key = not stays and signing_key.differs(subscription, key)
    new_headers = not stays and not (
        opens(subscription, "headers") and subscription.headers == headers
    )
    if not (moved or new_key or new_headers or subscription.ordered != ordered):
        return
    subscription.channel = channel
    subscription.url = url
    subscription.origin = origin_of(url)
    if new_headers:
        subscription.headers = headers
    if subscription.ordered and not ordered:
        order.let_go(subscription.pk, timezone.now())
    subscription.ordered = ordered
    if new_key:
        overlap = timedelta(seconds=configuration.overlap(values))
        signing_key.renew(subscription, key, timezone.now(), overlap)
    if moved:
        subscription.active = bool(url)
        subscription.failing_since = None
        subscription.deactivated_at = None if url else timezone.now()
        subscription.deactivation_reason = "" if url else FETCHED if fetched else NO_URL
    subscription.save()
    if not url:
        queue_pending(subscription.pk, timezone.now())


def clear_for_deletion(instance: ElementInstance, **_: Any) -> None:
    """Receiver of instance_deleting: removes the instance's events and what hangs on them.

    - Waits for attempts that are being recorded just now. They take the same lock, so none can
      add a row below one that is about to go. An event with a topic goes to that topic's
      subscriptions too.
    - Removes in three statements what Django's cascade takes thousands for.
    """
    of_topics = Q(organization_id=instance.organization_id, instance=None)
    lock(Subscription.objects.filter(Q(instance=instance) | of_topics))
    with connection.cursor() as cursor:
        for statement in REMOVE_EVENTS:
            cursor.execute(statement, [instance.pk])


def lock(subscriptions: QuerySet[Subscription]) -> list[int]:
    """Waits until no attempt to them is being recorded, and keeps it so in this transaction.

    Returns their ids.
    """
    locked = subscriptions.select_for_update().order_by("pk").values_list("pk", flat=True)
    return list(locked)


def reactivate(subscription_id: int) -> bool:
    """Turns a deactivated subscription on again; False when it has no URL to send to.

    What was queued meanwhile stays queued: see send_queued and events.redeliver.
    """
    with transaction.atomic():
        subscription = Subscription.objects.select_for_update().get(pk=subscription_id)
        if not subscription.url:
            return False
        subscription.active = True
        subscription.failing_since = None
        subscription.deactivated_at = None
        subscription.deactivation_reason = ""
        subscription.save(
            update_fields=["active", "failing_since", "deactivated_at", "deactivation_reason"]
        )
    return True


def deactivate(subscription_id: int, reason: str, now: datetime) -> None:
    """Turns a subscription off, and queues what waits; one that is off keeps its reason."""
    with transaction.atomic():
        subscription = Subscription.objects.select_for_update().get(pk=subscription_id)
        if not subscription.active:
            return
        subscription.active = False
        subscription.deactivated_at = now
        subscription.deactivation_reason = reason
        subscription.save(update_fields=["active", "deactivated_at", "deactivation_reason"])
        queue_pending(subscription_id, now)


def has_queued(subscription_id: int) -> bool:
    queued = Delivery.objects.filter(subscription=subscription_id, status=DeliveryStatus.QUEUED)
    return queued.exists()


def send_queued(subscription_id: int, now: datetime) -> int:
    """Makes the queued deliveries of an active subscription due, each for a new round of tries.

    Returns how many. Their webhook ids stay.
    """
    queued = Delivery.objects.filter(
        subscription_id=subscription_id,
        subscription__active=True,
        status=DeliveryStatus.QUEUED,
    )
    with transaction.atomic():
        lock(Subscription.objects.filter(pk=subscription_id))
        keys = list(queued.values_list("pk", flat=True))
        queued.update(**_anew(now))
        wakeups.wake(wakeups.DELIVERIES, [subscription_id], now)
        order.hold(keys)
        audited.sent_again(keys)
    return len(keys)


def _anew(now: datetime) -> dict[str, Any]:
    """A new round of tries, due now."""
    return {
        "status": DeliveryStatus.CREATED,
        "next_attempt_at": now,
        "failures": 0,
        "first_failed_at": None,
        "updated_at": now,
    }


def queue_pending(subscription_id: int, now: datetime) -> None:
    """Queues what waits. What somebody holds a lease on is left to him: his commit queues it."""
    Delivery.objects.filter(
        subscription_id=subscription_id, status__in=PENDING, lease_id__isnull=True
    ).update(status=DeliveryStatus.QUEUED, updated_at=now)


def headers_text(headers: Sequence[tuple[str, str]]) -> str:
    """As Subscription.headers has them."""
    return json.dumps(headers) if headers else ""


def origin_of(url: str) -> str:
    """Scheme, host and port: who answers at this URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
