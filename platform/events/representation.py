"""Notifications, subscriptions and deliveries as /notifications answers them.

An event of an instance is a notification too: what it has no column for is said of it here.
"""

from __future__ import annotations

from typing import Any

from api.timestamp import timestamp
from events import mail
from events.models import Channel, Delivery, Event, Subscription

INSTANCE_EVENTS = "instance.events"  # topic of what polls found; goes to the instance's URL only
# What these bodies say, for QuerySet.only.
NOTIFICATION_COLUMNS = (
    "id",
    "instance",
    "object_type",
    "topic",
    "severity",
    "sender",
    "message",
    "acknowledged",
    "created_at",
    "instance__name",
)
SUBSCRIPTION_COLUMNS = (
    "id",
    "instance",
    "owner",
    "channel",
    "topics",
    "url",
    "active",
    "deactivation_reason",
    "created_at",
)
DELIVERY_COLUMNS = (
    "id",
    "event",
    "subscription",
    "status",
    "webhook_id",
    "attempts_made",
    "created_at",
    "updated_at",
    *(f"event__{column}" for column in NOTIFICATION_COLUMNS),
    *(f"subscription__{column}" for column in SUBSCRIPTION_COLUMNS),
)


def notification(event: Event) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": event.pk,
        "from": event.sender,
        "topic": event.topic or INSTANCE_EVENTS,
        "severity": event.severity,
        "message": event.message,
        "createdDate": timestamp(event.created_at),
        "active": True,
        "acknowledged": event.acknowledged,
    }
    if event.instance is not None:
        body["from"] = event.sender or event.instance.name
        body["message"] = event.message or f"{event.object_type} of {event.instance.name}"
        body["instanceId"] = event.instance_id
    return body


def subscription(found: Subscription) -> dict[str, Any]:
    by_email = found.channel == Channel.EMAIL
    body: dict[str, Any] = {
        "id": found.pk,
        "channel": found.channel,
        "topics": found.topics if found.instance_id is None else [INSTANCE_EVENTS],
        "config": {"to": mail.addresses_of(found.url)} if by_email else {"url": found.url},
        "active": found.active,
        "deactivationReason": found.deactivation_reason,
        "createdDate": timestamp(found.created_at),
    }
    if found.instance_id is not None:
        body["instanceId"] = found.instance_id
    return body


def delivery(found: Delivery, *, hydrate: bool) -> dict[str, Any]:
    """`hydrate` adds the notification and the subscription."""
    body: dict[str, Any] = {
        "id": found.pk,
        "notificationId": found.event_id,
        "subscriptionId": found.subscription_id,
        "status": found.status,
        "webhookId": found.webhook_id,
        "attempts": found.attempts_made,
        "createdDate": timestamp(found.created_at),
    }
    if found.updated_at:
        body["updatedDate"] = timestamp(found.updated_at)
    if hydrate:
        body["notification"] = notification(found.event)
        body["subscription"] = subscription(found.subscription)
    return body


def delivery_with_attempts(delivery: Delivery) -> dict[str, Any]:
    """As an event's deliveries are answered. Reads `subscription` and `attempts` of the row."""
    waits = delivery.status in {"created", "retry"}
    return {
        "id": delivery.pk,
        "eventId": str(delivery.event_id),
        "webhookId": delivery.webhook_id,
        "status": delivery.status,
        "url": delivery.subscription.url,
        "subscriptionActive": delivery.subscription.active,
        "deactivationReason": delivery.subscription.deactivation_reason,
        "createdDate": timestamp(delivery.created_at),
        "updatedDate": timestamp(delivery.updated_at),
        "nextAttemptDate": timestamp(delivery.next_attempt_at) if waits else None,
        "attempts": [
            {
                "number": attempt.number,
                "date": timestamp(attempt.started_at),
                "durationMs": attempt.duration_ms,
                "statusCode": attempt.status_code,
                "error": attempt.error,
                "response": attempt.response_excerpt,
            }
            for attempt in delivery.attempts.all()
        ],
    }
