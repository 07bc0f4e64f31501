"""The page of an instance, and the parts of it that renew themselves."""

from __future__ import annotations

from typing import Any

from django.db.models import BinaryField
from django.db.models.functions import Substr
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import User
from accounts.reach import Reach
from bulk.models import UNFINISHED, BulkJob
from bulk.representation import job_of
from console import fragment
from console.fragment import Fragment
from console.instance import backlog, first_event, sending, timeline
from console.instance import charts as bars
from console.instance.sending import Sending
from console.members import for_members, instance_of
from console.place import Place
from elements.types import OAuth2
from events.models import RefusedWebhook
from instances import configuration as keys
from instances import scopes
from instances.models import ElementInstance
from instances.reason import Reason
from instances.status import Status, notes_of, problem_of, reasons_of, status_of
from polling.models import PollingResource, PutAsideObject
from polling.usage import units_of
from watching.representation import watch_of

JOBS_SHOWN = 5  # that are running
PUT_ASIDE_SHOWN = 20
REFUSED_SHOWN = 10
REFUSED_BODY_SHOWN = 2_000  # bytes
CONNECTS = frozenset(
    {*Reason}
    - {
        Reason.POLLING_STALLED,
        Reason.NOTHING_POLLED,
        Reason.NO_CALLBACK_URL,
        Reason.RENEWAL_REFUSED,
    }
)


@require_safe
@for_members
def instance(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    return page(request, instance_of(reach, instance_id))


@require_safe
@for_members
def now(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    """How the instance is at this moment: a part of its page."""
    found = instance_of(reach, instance_id)
    return _now(request, found, sending.of(found)).answer(request)


@require_safe
@for_members
def history(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    """The timeline: as a part of the instance's page its beginning, as a page all of it."""
    found = instance_of(reach, instance_id)
    if fragment.is_wanted(request):
        return _timeline(request, found).answer(request)
    below = Place.read(request.GET.get("below", ""))
    context = {"instance": found, "below": below, "timeline": timeline.of(found, below)}
    return render(request, "console/instance/history.html", context)


@require_safe
@for_members
def charts(request: HttpRequest, user: User, reach: Reach, instance_id: int) -> HttpResponse:
    found = instance_of(reach, instance_id)
    if fragment.is_wanted(request):
        return _charts(request, found).answer(request)
    return page(request, found)


def page(request: HttpRequest, found: ElementInstance, **more: Any) -> HttpResponse:
    """The whole page. `more` is what an action has come to."""
    sent = sending.of(found)
    element = keys.element_of(found)
    context = {
        "instance": found,
        "sending": sent,
        "element": element,
        "by_consent": isinstance(element.authentication, OAuth2),
        "configuration": keys.masked(found),
        "now": _now(request, found, sent),
        "timeline": _timeline(request, found),
        "charts": _charts(request, found),
        "put_aside": _put_aside(found),
        "most_put_aside": PUT_ASIDE_SHOWN,
        "refused": _refused(found),
        "most_refused": REFUSED_SHOWN,
        "units": units_of(found, timezone.now(), with_project=False),
        **more,
    }
    return render(request, "console/instance/page.html", context)


def _now(request: HttpRequest, found: ElementInstance, sent: Sending | None) -> Fragment:
    notes = notes_of([found])
    problem = problem_of(found, notes)
    resources = list(PollingResource.objects.filter(instance=found).order_by("name"))
    running = BulkJob.objects.filter(instance=found, status__in=UNFINISHED).order_by("-pk")
    context = {
        "instance": found,
        "state": status_of(found, notes),
        "stopped": [one for one in reasons_of(found, notes) if one.status is Status.POLLING_OFF],
        "problem": problem,
        "connects": problem is not None and problem.code in CONNECTS,
        "reason": problem.code if problem is not None else "",
        "resources": [
            (one, scopes.needed_to_read(found, one.name, one.configuration.get("url", "")))
            for one in resources
        ],
        "backlogs": backlog.of(found),
        "jobs": [job_of(job) for job in running[:JOBS_SHOWN]],
        "sending": sent,
        "watch": watch_of(found, timezone.now()),
        "first": first_event.of(found, resources, sent),
    }
    return Fragment.of(request, "console/instance/now.html", context)


def _timeline(request: HttpRequest, found: ElementInstance) -> Fragment:
    context = {"instance": found, "timeline": timeline.of(found)}
    return Fragment.of(request, "console/instance/timeline.html", context)


def _charts(request: HttpRequest, found: ElementInstance) -> Fragment:
    period = bars.period_of(request.GET.get("period", ""))
    counted = bars.counted(found, period, timezone.now())
    context = {
        "instance": found,
        "period": period,
        "periods": bars.PERIODS,
        "charts": bars.charts(counted),
        "counted": [one for one in counted if not one.empty],
    }
    return Fragment.of(request, "console/instance/charts.html", context)


def _put_aside(found: ElementInstance) -> list[PutAsideObject]:
    """Some of what is put aside, of all resources: what failed most often first."""
    waiting = PutAsideObject.objects.filter(
        resource__instance=found, resource__put_aside_due_at__isnull=False
    )
    return list(waiting.select_related("resource").order_by("-attempts", "pk")[:PUT_ASIDE_SHOWN])


def _refused(found: ElementInstance) -> list[tuple[RefusedWebhook, str]]:
    """The latest webhooks that were not understood, each with how its body begins."""
    rows = RefusedWebhook.objects.filter(instance=found)
    begun = Substr("body", 1, REFUSED_BODY_SHOWN, output_field=BinaryField())
    shown = rows.defer("body").annotate(begun=begun).order_by("-last_received_at", "-pk")
    return [(row, bytes(row.begun).decode("utf-8", "replace")) for row in shown[:REFUSED_SHOWN]]
