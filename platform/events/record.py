"""Writes what was found as events, and their deliveries, within the caller's transaction.

So the events of a poll and its moved cursor are stored together or not at all.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from accounts.models import User
from elements import catalogue
from elements.calls import Told
from elements.errors import ElementNotFound
from events import order, owner_mail, payload
from events.models import Delivery, DeliveryStatus, Event, EventStatus, Severity, Subscription
from events.own_topics import OWN_TOPICS
from events.payload import Notice, Source
from worker import wakeups

TEST = "delivery.test"  # topic of a test on request; see events.trial


@dataclass(frozen=True, slots=True)
class _Draft:
    """An event to be written, and how its body is made once its id is known."""

    objects_found: list[dict[str, str]]
    body_of: Callable[[int], str]


def record_instance_event(
    instance: Any, topic: str, record: Mapping[str, Any], now: datetime
) -> int:
    """Stores one notification about the instance itself (objectType "instance"); returns its id.

    Must be called inside a transaction. `instance` is an ElementInstance; `record` is what the
    receiver finds in `message.raw.instance`. It goes to the instance's subscription (unless that is
    what it is about), to the organization's subscriptions of the topic, and to the owner by e-mail.
    """
    source = source_of(instance)
    draft = _Draft(
        [{"objectId": str(instance.pk), "eventType": "UPDATED"}],
        lambda event_id: payload.of_instance(source, event_id, topic, record, now),
    )
    about = _of_topic(source, topic, owner_mail.subscription_of(instance, topic, now))
    return _write(source, "instance", [draft], now, about)[0]


def record_webhook(instance: Any, raw: Any, told: Sequence[Told], now: datetime) -> int:
    """Stores what a provider told by itself as one notification; returns its id.

    Must be called inside a transaction. `instance` is an ElementInstance; `raw` is what the
    receiver finds as `message.raw`, `told` what it finds as `message.events`, at least one.
    """
    source = source_of(instance)
    draft = _Draft(
        [{"objectId": storable(one.object_id), "eventType": one.change_type.value} for one in told],
        lambda event_id: payload.of_webhook(source, event_id, raw, told, now),
    )
    return _write(source, storable(told[0].object_type), [draft], now)[0]


def record_notice(
    organization_id: int, account_id: int | None, notice: Notice, now: datetime
) -> Event:
    """Stores a notification, and a delivery of it to each subscription of its topic.

    Must be called inside a transaction. Without an account it is the organization's own, and goes
    to the subscriptions that are.
    """
    require_transaction()
    (event_id,) = event_ids(1)
    targets = _topic_subscriptions(organization_id, account_id, notice.topic)
    event = Event(
        pk=event_id,
        organization_id=organization_id,
        account_id=account_id,
        status=EventStatus.DISPATCHED if targets else EventStatus.NEW,
        topic=notice.topic,
        message=notice.message,
        severity=notice.severity,
        sender=notice.sender,
        body=payload.of_notice(event_id, notice, now),
        created_at=now,
    )
    event.save(force_insert=True)
    _deliver([event], targets, now)
    return event


def source_of(instance: Any) -> Source:
    return Source(
        instance_id=instance.pk,
        organization_id=instance.organization_id,
        account_id=_account(instance.user_id),
        user_id=instance.user_id,
        name=instance.name,
        tags=instance.tags,
        element_key=instance.element_key,
        hub=hub_of(instance.element_key, instance.organization_id),
    )


def _account(user_id: int) -> int | None:
    return User.objects.filter(pk=user_id).values_list("account_id", flat=True).first()


def hub_of(element_key: str, organization_id: int) -> str:
    """The element's hub; an element that was removed since still has its events recorded."""
    try:
        return catalogue.find(element_key, organization_id).hub
    except ElementNotFound:
        return ""


def storable(text: str) -> str:
    """Text that PostgreSQL's jsonb takes: it takes neither NUL nor lone surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


@dataclass(frozen=True, slots=True)
class _Topic:
    """What an event of a topic has beyond what polls find."""

    topic: str = ""
    severity: str = Severity.LOW
    sender: str = ""
    message: str = ""
    to_receiver: bool = True
    to_owner: Subscription | None = None


NO_TOPIC = _Topic()


def _of_topic(source: Source, topic: str, to_owner: Subscription | None) -> _Topic:
    return _Topic(
        topic=topic,
        severity=OWN_TOPICS[topic].severity,
        sender=source.name,
        message=f"{OWN_TOPICS[topic].says}: {source.name}",
        to_receiver=OWN_TOPICS[topic].to_receiver,
        to_owner=to_owner,
    )


def _write(
    source: Source,
    object_type: str,
    drafts: Sequence[_Draft],
    now: datetime,
    about: _Topic = NO_TOPIC,
) -> list[int]:
    require_transaction()
    if not drafts:
        return []
    targets = _instance_subscription(source.instance_id) if about.to_receiver else []
    if about.topic:
        targets += _topic_subscriptions(source.organization_id, source.account_id, about.topic)
    if about.to_owner is not None:
        targets.append(about.to_owner)
    for target in targets:
        if target.ordered:  # before the events have ids, so that those say what is earlier
            order.take_turn(target.pk)
    events = [
        Event(
            pk=event_id,
            organization_id=source.organization_id,
            instance_id=source.instance_id,
            object_type=object_type,
            status=EventStatus.DISPATCHED if targets else EventStatus.NEW,
            objects_found=draft.objects_found,
            topic=about.topic,
            severity=about.severity,
            sender=about.sender,
            message=about.message,
            body=draft.body_of(event_id),
            created_at=now,
        )
        for event_id, draft in zip(event_ids(len(drafts)), drafts, strict=True)
    ]
    Event.objects.bulk_create(events)
    _deliver(events, targets, now)
    return [event.pk for event in events]


def require_transaction() -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "events are recorded inside the transaction that stores what they come from"
        )


# The lock keeps a subscription as it is until the deliveries are there: else one that is
# deactivated, deleted or given a URL meanwhile would miss these.


def _instance_subscription(instance_id: int) -> list[Subscription]:
    return list(
        Subscription.objects.raw(
            "SELECT id, url, active, ordered FROM events_subscription"
            " WHERE instance_id = %s AND (url <> '' OR channel = 'queue') FOR SHARE",
            [instance_id],
        )
    )


def _topic_subscriptions(
    organization_id: int, account_id: int | None, topic: str
) -> list[Subscription]:
    """The account's, and the organization's own, which get what all accounts have."""
    return list(
        Subscription.objects.raw(
            "SELECT id, url, active, ordered FROM events_subscription"
            " WHERE organization_id = %s AND instance_id IS NULL AND topics @> ARRAY[%s]::varchar[]"
            " AND (account_id IS NULL OR account_id = %s)"
            " ORDER BY id FOR SHARE",
            [organization_id, topic, account_id],
        )
    )


def _deliver(events: Sequence[Event], targets: Sequence[Subscription], now: datetime) -> None:
    deliveries = Delivery.objects.bulk_create(
        Delivery(
            organization_id=event.organization_id,
            event=event,
            subscription_id=target.pk,
            webhook_id=f"msg_{secrets.token_hex(16)}",
            object_keys=_keys(event, target),
            status=DeliveryStatus.CREATED if target.active else DeliveryStatus.QUEUED,
            next_attempt_at=now,
            created_at=now,
        )
        for event in events
        for target in targets
    )
    wakeups.wake(wakeups.DELIVERIES, [target.pk for target in targets], now)
    ordered = [one.pk for one in deliveries if one.object_keys is not None]
    if ordered:
        order.hold(ordered)


def _keys(event: Event, target: Subscription) -> list[int] | None:
    if not target.ordered:
        return None
    return order.keys_of(target.pk, (one["objectId"] for one in event.objects_found))


def event_ids(count: int) -> list[int]:
    """Ids from the table's sequence, ahead of the rows, since the bodies hold them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('events_event', 'id')) "
            "FROM generate_series(1, %s)",
            [count],
        )
        return [int(row[0]) for row in cursor.fetchall()]
