"""A test on request: one real, signed attempt to a subscription's callback, and what came of it.

Rule 1: a test is never taken for an event. It is a notification of a topic of its own, belongs to
no instance, says `test` in its body, and names no object.
Rule 2: a test changes nothing. It neither turns a subscription on or off nor marks it as failing,
and is never tried or sent again: what did not arrive is `failed`, for good.
It is stored before the attempt, so that one that is killed is a test that did not arrive.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.db import connection, transaction

from events import attempt, payload
from events.claim import Claimed
from events.models import (
    Delivery,
    DeliveryAttempt,
    DeliveryStatus,
    Event,
    EventStatus,
    Subscription,
)
from events.outcome import Answer
from events.payload import Notice
from events.record import TEST, event_ids, source_of
from instances.models import ElementInstance
from transport import waiting

SEALED = """
SELECT url, origin, signature_key, retired_keys, headers FROM events_subscription WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a test came to."""

    delivery: Delivery
    url: str
    started_at: datetime
    duration_ms: int
    answer: Answer


def of_instance(instance: ElementInstance, subscription: Subscription, now: datetime) -> Trial:
    """Sends a test to an instance's callback, which the subscription must have."""
    source = source_of(instance)
    return _try(
        subscription,
        source.account_id,
        f"A test of the callback of {instance.name}",
        lambda event_id: payload.of_test(source, event_id, TEST, now),
        now,
    )


def of_topics(subscription: Subscription, now: datetime) -> Trial:
    """Sends a test to the URL of a subscription of topics."""
    message = f"A test of subscription {subscription.pk}"
    notice = Notice(topic=TEST, message=message, severity="low", sender="")
    return _try(
        subscription,
        subscription.account_id,
        message,
        lambda event_id: payload.of_notice(event_id, notice, now, test=True),
        now,
    )


def _try(
    subscription: Subscription,
    account_id: int | None,
    message: str,
    body_of: Callable[[int], str],
    now: datetime,
) -> Trial:
    waiting.begin()  # first: a test that is refused leaves nothing behind
    delivery = _store(subscription, account_id, message, body_of, now)
    claimed = _claimed(delivery)
    began = time.monotonic()
    answer = async_to_sync(_post)(claimed, now)
    trial = Trial(delivery, claimed.url, now, round((time.monotonic() - began) * 1000), answer)
    _settle(trial)
    return trial


async def _post(claimed: Claimed, now: datetime) -> Answer:
    async with attempt.open_sessions() as sessions:
        return await attempt.post(sessions, claimed, now)


@transaction.atomic
def _store(
    subscription: Subscription,
    account_id: int | None,
    message: str,
    body_of: Callable[[int], str],
    now: datetime,
) -> Delivery:
    (event_id,) = event_ids(1)
    event = Event(
        pk=event_id,
        organization_id=subscription.organization_id,
        account_id=account_id,
        status=EventStatus.NEW,
        topic=TEST,
        message=message,
        body=body_of(event_id),
        created_at=now,
    )
    event.save(force_insert=True)
    return Delivery.objects.create(
        organization_id=subscription.organization_id,
        event=event,
        subscription=subscription,
        webhook_id=f"msg_{secrets.token_hex(16)}",
        status=DeliveryStatus.FAILED,
        next_attempt_at=now,
        created_at=now,
    )


def _claimed(delivery: Delivery) -> Claimed:
    """As the engine gets it, but for the lease: nobody else ever claims a test."""
    with connection.cursor() as cursor:
        cursor.execute(SEALED, [delivery.subscription_id])
        row: Any = cursor.fetchone()
    url, origin, signature_key, retired_keys, headers = row
    return Claimed(
        id=delivery.pk,
        lease_id=uuid.uuid4(),
        webhook_id=delivery.webhook_id,
        subscription_id=delivery.subscription_id,
        url=url,
        origin=origin,
        signature_key=signature_key,
        active=True,
        failing=False,
        policy="",
        failures=0,
        first_failed_at=None,
        place=0,
        body=delivery.event.body,
        retired_keys=retired_keys,
        headers=headers,
    )


@transaction.atomic
def _settle(trial: Trial) -> None:
    """Writes down what came of it, unless the subscription was deleted meanwhile."""
    delivery, answer = trial.delivery, trial.answer
    found = Subscription.objects.select_for_update(no_key=True).filter(pk=delivery.subscription_id)
    if not found.exists():
        return
    delivery.attempts_made = 1
    delivery.updated_at = trial.started_at
    if answer.delivered:
        delivery.status = DeliveryStatus.DELIVERED
        Event.objects.filter(pk=delivery.event_id).update(status=EventStatus.NOTIFIED)
    delivery.save(update_fields=["attempts_made", "updated_at", "status"])
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=1,
        started_at=trial.started_at,
        duration_ms=trial.duration_ms,
        status_code=answer.status,
        error=answer.error,
        response_excerpt=answer.excerpt,
    )
