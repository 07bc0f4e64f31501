"""The chain behind an event: the provider's records, the poll that found them, its deliveries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, Func, IntegerField, Prefetch

from accounts.reach import Reach
from api.timestamp import timestamp
from events.models import Delivery, DeliveryAttempt, DeliveryStatus, Event
from events.record import TEST
from events.redeliver import KEPT
from events.representation import delivery_with_attempts
from events.status import statuses_of
from explanations.masking import Masking, masked_url
from explanations.reason import Reason
from polling.models import PollRun
from polling.representation import run_shown

LARGEST_BODIES = 5_000_000  # bytes of events' bodies that one answer shows records of
BODY_SIZE = Func(F("body"), function="octet_length", output_field=IntegerField())
DELIVERIES_PATH = "/elements/api-v2/notifications/subscriptions/deliveries"
POLL = "poll"
WEBHOOK = "webhook"
PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Chain:
    """All that is kept of one event."""

    event: Event  # without its body
    status: str  # of events.status
    body: str | None  # None where the bodies are too large together
    run: PollRun | None
    deliveries: Sequence[Delivery]
    masking: Masking


def chains_of(event_ids: Sequence[int], reach: Reach) -> list[Chain]:
    """The chains of these events, newest first; the same number of queries however many.

    Of their deliveries those within reach.
    """
    events = list(
        Event.objects.filter(pk__in=event_ids)
        .defer("body")
        .annotate(size=BODY_SIZE)
        .select_related("instance__credential")
        .order_by("-created_at", "-pk")
    )
    bodies = _bodies(events)
    runs = PollRun.objects.select_related("resource").in_bulk(
        [event.poll_run for event in events if event.poll_run is not None]
    )
    deliveries = _deliveries(events, reach)
    statuses = statuses_of(events)
    return [
        Chain(
            event,
            statuses[event.pk],
            bodies.get(event.pk),
            None if event.poll_run is None else runs.get(event.poll_run),
            deliveries[event.pk],
            Masking.of(event.instance, [one.subscription for one in deliveries[event.pk]]),
        )
        for event in events
    ]


def _bodies(events: Sequence[Any]) -> Mapping[int, str]:
    room = LARGEST_BODIES
    read: list[int] = []
    for event in events:
        if not read or event.size <= room:
            read.append(event.pk)
            room -= event.size
    return dict(Event.objects.filter(pk__in=read).values_list("pk", "body"))


def _deliveries(events: Sequence[Event], reach: Reach) -> dict[int, list[Delivery]]:
    found: dict[int, list[Delivery]] = {event.pk: [] for event in events}
    attempts = DeliveryAttempt.objects.order_by("number")
    for delivery in (
        reach.rows(Delivery)
        .filter(event__in=events)
        .select_related("subscription", "event")
        .defer("event__body")
        .prefetch_related(Prefetch("attempts", queryset=attempts))
        .order_by("pk")
    ):
        found[delivery.event_id].append(delivery)
    return found


# --- As the API answers it -----------------------------------------------------------------------


def chain_shown(chain: Chain, object_id: str | None = None) -> dict[str, Any]:
    """One chain; with `object_id` the records of that object only."""
    event = chain.event
    return {
        "id": str(event.pk),
        "eventDate": timestamp(event.created_at),
        "status": chain.status,
        "instanceId": event.instance_id,
        "objectType": event.object_type,
        "source": _source(event),
        "objects": _objects(chain, object_id),
        "poll": None if chain.run is None else poll_shown(chain.run, chain.masking),
        "deliveries": [_delivery(delivery, chain.masking) for delivery in chain.deliveries],
        "reasons": [reason.shown() for reason in reasons_of(chain)],
    }


def _source(event: Event) -> str:
    if event.topic or event.instance_id is None:
        return PLATFORM
    return WEBHOOK if event.poll_run is None else POLL


def poll_shown(run: PollRun, masking: Masking) -> dict[str, Any]:
    """A run with its cursors."""
    shown = {
        **run_shown(run),
        "cursorBefore": run.cursor_before or None,
        "cursorAfter": run.cursor_after or None,
    }
    shown["error"] = masking.text(run.error) or None
    return shown


def _objects(chain: Chain, object_id: str | None) -> list[dict[str, Any]]:
    records = [] if chain.body is None else records_of(chain.event, json.loads(chain.body))
    return [
        {
            "objectId": found["objectId"],
            "eventType": found["eventType"],
            "record": records[place] if place < len(records) else None,
        }
        for place, found in enumerate(chain.event.objects_found)
        if object_id is None or found["objectId"] == object_id
    ]


def records_of(event: Event, body: Mapping[str, Any]) -> Sequence[Any]:
    """What the provider said of each object that was found; all of it for each, of a webhook."""
    message = body.get("message")
    raw = message.get("raw") if isinstance(message, dict) else None
    if isinstance(raw, dict) and isinstance(raw.get(event.object_type), list):
        records: list[Any] = raw[event.object_type]
        if len(records) == len(event.objects_found):
            return records
    if _source(event) == WEBHOOK:
        return [raw] * len(event.objects_found)
    return []


def _delivery(delivery: Delivery, masking: Masking) -> dict[str, Any]:
    shown = delivery_with_attempts(delivery)
    shown["url"] = masked_url(delivery.subscription.url)
    shown["deactivationReason"] = masking.text(shown["deactivationReason"])
    for attempt in shown["attempts"]:
        attempt["error"] = masking.text(attempt["error"])
        attempt["response"] = masking.text(attempt["response"])
    shown["replay"] = _replay(delivery)
    return shown


def can_be_replayed(delivery: Delivery) -> bool:
    """As redeliver.sendable has it."""
    settled = delivery.status in {*KEPT, DeliveryStatus.DELIVERED}
    return settled and bool(delivery.subscription.url) and delivery.event.topic != TEST


def _replay(delivery: Delivery) -> dict[str, Any]:
    """The request that sends it again, and whether it would now."""
    where = (
        f"notificationId={delivery.event_id} and subscriptionId={delivery.subscription_id} "
        "and status in ('queued', 'failed', 'delivered')"
    )
    return {
        "possible": can_be_replayed(delivery),
        "method": "PUT",
        "path": f"{DELIVERIES_PATH}?{urlencode({'where': where})}",
        "note": _note(delivery),
    }


def _note(delivery: Delivery) -> str:
    if not delivery.subscription.url:
        return "there is no URL to send it to: set event.notification.callback.url"
    if delivery.event.topic == TEST:
        return "a test is not sent again: ask for another"
    if delivery.status == DeliveryStatus.QUEUED:
        return "it is kept until somebody asks for it; sent again, it keeps its webhook-id"
    if delivery.status == DeliveryStatus.FAILED:
        return "its retries are over; sent again, it keeps its webhook-id"
    if delivery.status == DeliveryStatus.DELIVERED:
        return "it has arrived; sent again, it keeps its webhook-id"
    return "it is tried by itself"


# --- What became of it ---------------------------------------------------------------------------


def reasons_of(chain: Chain) -> list[Reason]:
    """What became of the event, a sentence for each delivery."""
    if not chain.deliveries:
        return [
            Reason(
                "no-callback-url",
                "nobody was subscribed when it was recorded: event.notification.callback.url "
                "was empty",
            )
        ]
    return [_became(delivery, chain.masking) for delivery in chain.deliveries]


def _became(delivery: Delivery, masking: Masking) -> Reason:
    attempts = list(delivery.attempts.all())
    last = attempts[-1] if attempts else None
    said = "" if last is None else masking.text(last.error) or f"answered {last.status_code}"
    if delivery.status == DeliveryStatus.DELIVERED:
        if last is None or last.error:
            at = timestamp(delivery.updated_at)
            return Reason("delivered", f"it has arrived: it was fetched and acknowledged {at}")
        at = timestamp(last.started_at)
        return Reason("delivered", f"it has arrived: the receiver {said} at {at}")
    if delivery.status == DeliveryStatus.FAILED:
        if delivery.event.topic == TEST:
            return Reason("failed", f"it was a test, and did not arrive: {said}")
        return Reason(
            "failed",
            f"it was given up after {delivery.attempts_made} attempts ({said}), while others "
            "arrived; it is kept until somebody asks for it to be sent again",
        )
    if delivery.status == DeliveryStatus.RETRY:
        return Reason(
            "retry",
            f"the last of {delivery.attempts_made} attempts failed ({said}); the next is due "
            f"{timestamp(delivery.next_attempt_at)}",
        )
    if delivery.status == DeliveryStatus.QUEUED:
        if not delivery.subscription.active:
            reason = masking.text(delivery.subscription.deactivation_reason)
            return Reason(
                "deactivated", f"it is queued: the subscription was deactivated: {reason}"
            )
        failed = f" after an attempt that failed ({said})" if last is not None else ""
        return Reason("queued", f"it is queued{failed} until somebody asks for it to be sent again")
    if delivery.status == DeliveryStatus.WAITING:
        return Reason(
            "in-order", "it waits for an earlier event of one of its objects, which has not arrived"
        )
    return Reason("waiting", f"its first attempt is due {timestamp(delivery.next_attempt_at)}")
