"""What polling, delivery and the watch say of an instance's status (instances.status).

One statement for all of it, and for any number of instances: `GET /instances/{id}` is asked often.

Rule: `notes` and `conditions` say the same of an instance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from api.timestamp import timestamp
from events.models import Channel, Subscription
from instances import configuration
from instances.models import ElementInstance
from instances.reason import Reason
from instances.status import Status, StatusNote, StatusReason
from polling import overdue
from polling.models import PollingResource
from watching.models import STATUS

if TYPE_CHECKING:
    from config.given_postgres.base import DatabaseWrapper

LONGEST_ERROR = 300  # characters of what a provider answered
OF_INSTANCES = f"""
SELECT r.instance_id,
       CASE WHEN NOT r.active THEN 'POLLING_OFF' WHEN {overdue.OVERDUE} THEN 'OVERDUE'
            ELSE 'POLLING_FAILING' END,
       r.name, r.next_poll_at, r.error, r.failures
  FROM polling_pollingresource AS r
 WHERE r.instance_id = ANY(%(polled)s::bigint[])
   AND (r.enabled AND NOT r.active OR r.active AND r.failures > 0 OR {overdue.OVERDUE})
 UNION ALL
SELECT s.instance_id, CASE WHEN s.active THEN 'DELIVERY_FAILING' ELSE 'DELIVERY_OFF' END,
       NULL, COALESCE(s.deactivated_at, s.failing_since), s.deactivation_reason, NULL
  FROM events_subscription AS s
 WHERE s.instance_id = ANY(%(sent)s::bigint[]) AND s.url <> '' AND s.channel <> 'queue'
   AND (NOT s.active OR s.failing_since IS NOT NULL)
 UNION ALL
SELECT w.instance_id, 'watch', {STATUS}, NULL, NULL, NULL
  FROM watching_instancewatch AS w
 WHERE w.instance_id = ANY(%(polled)s::bigint[])
"""  # noqa: S608 - no outside text


def notes(instances: Sequence[ElementInstance], now: datetime) -> dict[int, StatusNote]:
    polled = [one.pk for one in instances if one.events_enabled and one.enabled and one.valid]
    sent = [one.pk for one in instances if one.events_enabled or _has_url(one)]
    if not polled and not sent:
        return {}
    parameters = {"polled": polled, "sent": sent, "now": now, **overdue.limits_at(now)}
    with cast("DatabaseWrapper", connection).prepared_cursor() as cursor:
        cursor.execute(OF_INSTANCES, parameters)
        rows = cursor.fetchall()
    by_polling = {one.pk for one in instances if one.vendor_type == "polling"}
    watches: dict[int, str] = {}
    late: dict[int, list[tuple[str, datetime]]] = {}
    found: dict[int, list[StatusReason]] = {}
    for instance_id, kind, name, at, error, failures in rows:
        if kind == "watch":
            watches[instance_id] = name
        elif kind == Status.OVERDUE.name:
            late.setdefault(instance_id, []).append((name, at))
        elif kind != Status.POLLING_OFF.name or instance_id in by_polling:
            reason = _reason(Status[kind], name, at, error, failures)
            found.setdefault(instance_id, []).append(reason)
    for instance_id, resources in late.items():
        sentence = overdue.sentence(sorted(resources))
        reason = StatusReason(Status.OVERDUE, Reason.POLLING_STALLED, sentence)
        found.setdefault(instance_id, []).append(reason)
    return {
        instance_id: StatusNote(tuple(sorted(found.get(instance_id, []), key=_text)), watch)
        for instance_id, watch in {**dict.fromkeys(found, ""), **watches}.items()
    }


def conditions(now: datetime) -> Mapping[Status, Q]:
    polled = PollingResource.objects.filter(instance=OuterRef("pk"))
    sent = Subscription.objects.filter(instance=OuterRef("pk"))
    sent = sent.exclude(url="").exclude(channel=Channel.QUEUE)
    on = Q(events_enabled=True)
    off = on & Q(vendor_type="polling")
    late = overdue.resources(now).filter(instance=OuterRef("pk"))
    return {
        Status.POLLING_OFF: off & Q(Exists(polled.filter(enabled=True, active=False))),
        Status.DELIVERY_OFF: Q(Exists(sent.filter(active=False))),
        Status.OVERDUE: on & Q(Exists(late)),
        Status.POLLING_FAILING: on & Q(Exists(polled.filter(active=True, failures__gt=0))),
        Status.DELIVERY_FAILING: Q(Exists(sent.filter(failing_since__isnull=False))),
    }


def _has_url(instance: ElementInstance) -> bool:
    return bool(instance.configuration.get(configuration.EVENTS_CALLBACK_URL))


def _text(reason: StatusReason) -> str:
    return reason.sentence


def _reason(
    status: Status, name: str, at: datetime | None, error: str, failures: int
) -> StatusReason:
    """`name`, `error` and `failures` as OF_INSTANCES answers them."""
    when = "" if at is None else timestamp(at)
    said = error if len(error) <= LONGEST_ERROR else f"{error[:LONGEST_ERROR]}…"
    if status is Status.POLLING_OFF:
        code, sentence = Reason.POLLING_OFF, f"{name} is not polled: {said or 'switched off'}."
    elif status is Status.POLLING_FAILING:
        times = "the last poll failed" if failures == 1 else f"the last {failures} polls failed"
        code, sentence = Reason.POLLING_FAILING, f"{name}: {times}: {said}. Retrying."
    elif status is Status.DELIVERY_OFF:
        code = Reason.DELIVERY_OFF
        since = f" at {when}" if when else ""
        sentence = f"Delivery was switched off{since}: {said}. New events are kept."
    else:
        code = Reason.DELIVERY_FAILING
        sentence = f"The receiver has not accepted events since {when}."
    return StatusReason(status, code, sentence)
