"""The page that sends again what failed since a time: of an instance, or of all within reach.

Rule: what is sent is what the page counted: the form gives back the time that it was counted for.
What was sent meanwhile is on its way, and so it is not sent twice by a second click.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.reach import Reach
from api.errors import BadRequest
from console.members import for_members, instance_of
from events import period
from events.models import Delivery, DeliveryStatus
from events.redeliver import (
    MOST_SENT_AGAIN,
    count_events,
    failed_between,
    send_again,
    sendable,
)
from instances.models import ElementInstance


class Period(NamedTuple):
    since: datetime
    until: datetime


@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def of_all(request: HttpRequest, user: User, reach: Reach) -> HttpResponse:
    return _page(request, reach.rows(Delivery), None)


@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def of_instance(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    instance = instance_of(reach, instance_id)
    return _page(request, Delivery.objects.filter(subscription__instance=instance), instance)


def _page(
    request: HttpRequest, deliveries: QuerySet[Delivery], instance: ElementInstance | None
) -> HttpResponse:
    now = timezone.now()
    asked = request.POST if request.method == "POST" else request.GET
    context: dict[str, Any] = {"instance": instance, "asked": asked, "most": MOST_SENT_AGAIN}
    try:
        chosen = _period(asked, now) or Period(_oldest(deliveries) or now, now)
    except BadRequest as error:
        context["problem"] = str(error)
        return render(request, "console/resend.html", context, status=400)
    failed = failed_between(deliveries, *chosen)
    if request.method == "POST":
        _send(request, failed, now)
        return redirect(_after(instance))
    retried = deliveries.filter(status=DeliveryStatus.RETRY, created_at__range=chosen)
    context |= {
        "since": chosen.since,
        "until": chosen.until,
        "ends": bool(asked.get("to")),
        "events": count_events(failed),
        "off": failed.filter(subscription__active=False).exists(),
        "retried": count_events(retried),
    }
    return render(request, "console/resend.html", context)


def _send(request: HttpRequest, failed: QuerySet[Delivery], now: datetime) -> None:
    sent = send_again(failed, now)
    if not sent:
        messages.info(request, "Nothing of that is left to send: it is on its way already.")
        return
    rest = " There are more: resend again for the rest." if sent >= MOST_SENT_AGAIN else ""
    messages.success(request, f"Deliveries on their way again: {sent:,}.{rest}")


def _after(instance: ElementInstance | None) -> str:
    if instance is None:
        return reverse("console:find-event")
    return reverse("console:instance", args=[instance.pk])


def _period(asked: Any, now: datetime) -> Period | None:
    """Return what the page is asked for, in UTC; None where no beginning is given."""
    since = period.moment(asked, "from")
    until = period.moment(asked, "to", end_of_day=True) or now
    if since is not None and since > until:
        raise BadRequest("from must not be later than to")
    return None if since is None else Period(since, until)


def _oldest(deliveries: QuerySet[Delivery]) -> datetime | None:
    """Return when the oldest event was recorded that was not delivered: to the minute."""
    kept = sendable(deliveries, arrived=False).order_by("created_at", "id")
    first = kept.values_list("created_at", flat=True).first()
    return None if first is None else first.astimezone(UTC).replace(second=0, microsecond=0)
