"""Why no event tells of an object, or no later one: what is known of it where it could be found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from api.timestamp import timestamp
from elements.errors import ElementNotFound
from events.models import Subscription
from explanations.chain import poll_shown
from explanations.masking import Masking, masked_url
from explanations.reason import Reason
from explanations.scope import Scope
from instances import configuration, scopes
from instances.models import ElementInstance
from instances.status import notes_of, problem_of
from polling import untold
from polling.models import PolledObject, PollingResource, PollRun, PutAsideObject
from polling.representation import put_aside_shown

MOST_INSTANCES = 20
MOST_RUNS = 10  # that noticed the object without telling of it
WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Sight:
    """What one polled resource knows of the object."""

    resource: PollingResource
    put_aside: PutAsideObject | None
    known: PolledObject | None
    runs: Sequence[PollRun]  # that noticed it and told nothing, newest first

    @property
    def seen(self) -> bool:
        return bool(self.put_aside or self.known or self.runs)


@dataclass(frozen=True, slots=True)
class Absence:
    """One instance and what its resources know of the object."""

    instance: ElementInstance
    subscription: Subscription | None
    sights: Sequence[Sight]
    told: bool  # whether an event tells of the object
    problem: str  # what is wrong with the instance, in a sentence
    masking: Masking


def absences_of(scope: Scope, object_id: str, told: set[int]) -> list[Absence]:
    """The instance that is asked about, or those within reach that know of the object,
    `told` among them: the ids of the instances with events of it."""
    rows = _Rows(scope, object_id)
    ids = {scope.instance_id} if scope.instance_id is not None else rows.instances | told
    instances = list(
        scope.reach.rows(ElementInstance)
        .filter(pk__in=ids)
        .select_related("credential", "subscription", "user__account")
        .order_by("pk")[:MOST_INSTANCES]
    )
    resources: dict[int, list[PollingResource]] = {}
    for resource in PollingResource.objects.filter(instance__in=[one.pk for one in instances]):
        resources.setdefault(resource.instance_id, []).append(resource)
    notes = notes_of(instances)
    found = []
    for instance in instances:
        subscription = getattr(instance, "subscription", None)
        problem = problem_of(instance, notes)
        own = sorted(resources.get(instance.pk, []), key=lambda one: one.name)
        found.append(
            Absence(
                instance,
                subscription,
                [rows.sight(resource) for resource in own],
                instance.pk in told,
                "" if problem is None else problem.sentence,
                Masking.of(instance, [] if subscription is None else [subscription]),
            )
        )
    return found


class _Rows:
    """The rows that name the object, by their resource."""

    def __init__(self, scope: Scope, object_id: str) -> None:
        resources = scope.reach.rows_of_instances(PollingResource)
        if scope.instance_id is not None:
            resources = resources.filter(instance_id=scope.instance_id)
        ours = {"object_id": object_id, "resource__in": resources}
        self._put_aside = {
            row.resource_id: row
            for row in PutAsideObject.objects.filter(**ours).select_related("resource")
        }
        self._known = {
            row.resource_id: row
            for row in PolledObject.objects.filter(**ours).select_related("resource")
        }
        self._object_id = object_id
        self._runs: dict[int, list[PollRun]] = {}
        for run in (
            untold.runs_without(object_id)
            .filter(resource__in=resources)
            .select_related("resource")
            .order_by("-started_at", "-pk")[: MOST_RUNS * MOST_INSTANCES]
        ):
            self._runs.setdefault(run.resource_id, []).append(run)

    @property
    def instances(self) -> set[int]:
        rows: Iterator[Any] = iter(
            (
                *self._put_aside.values(),
                *self._known.values(),
                *(runs[0] for runs in self._runs.values()),
            )
        )
        return {row.resource.instance_id for row in rows}

    def sight(self, resource: PollingResource) -> Sight:
        return Sight(
            resource,
            self._put_aside.get(resource.pk),
            self._known.get(resource.pk),
            self._runs.get(resource.pk, [])[:MOST_RUNS],
        )


# --- As the API answers it -----------------------------------------------------------------------


def absence_shown(absence: Absence, object_id: str) -> dict[str, Any]:
    return {
        "instanceId": absence.instance.pk,
        "instanceName": absence.instance.name,
        "reasons": [reason.shown() for reason in reasons_of(absence, object_id)],
        "resources": [_sight(sight, object_id, absence.masking) for sight in absence.sights],
    }


def _sight(sight: Sight, object_id: str, masking: Masking) -> dict[str, Any]:
    resource = sight.resource
    put_aside = None if sight.put_aside is None else put_aside_shown(sight.put_aside)
    if put_aside is not None:
        put_aside["error"] = masking.text(put_aside["error"] or "") or None
    return {
        "resource": resource.name,
        "url": resource.configuration.get("url", ""),
        "active": resource.active,
        "lastPolledDate": timestamp(resource.last_polled_at),
        "lastSuccessDate": timestamp(resource.last_success_at),
        "nextPollDate": timestamp(resource.next_poll_at) if resource.active else None,
        "failures": resource.failures,
        "error": masking.text(resource.error) or None,
        "known": sight.known is not None,
        "putAside": put_aside,
        "untold": [_untold(run, object_id, masking) for run in sight.runs],
    }


def _untold(run: PollRun, object_id: str, masking: Masking) -> dict[str, Any]:
    note = next(one for one in run.untold if one["objectId"] == object_id)
    return {
        "why": note["why"],
        "rule": note.get("rule"),
        "poll": poll_shown(run, masking),
    }


# --- The reasons ---------------------------------------------------------------------------------


def reasons_of(absence: Absence, object_id: str) -> list[Reason]:
    """What keeps the instance from telling, then what each resource knows of the object."""
    of_object = [
        reason
        for sight in absence.sights
        for reason in _of_sight(sight, object_id, absence.masking)
    ]
    if not of_object and not absence.told:
        of_object = list(_not_seen(absence))
    return [*_of_instance(absence), *of_object]


def _of_instance(absence: Absence) -> Iterator[Reason]:
    instance, subscription = absence.instance, absence.subscription
    mask = absence.masking.text
    if not instance.enabled:
        yield Reason("disabled", "the instance is disabled: nothing is polled")
    if not instance.valid:
        yield Reason("grant-lost", f"the account must be connected again: {mask(instance.problem)}")
    elif absence.problem:
        yield Reason("problem", mask(absence.problem))
    if not instance.user.has_access:
        yield Reason("owner-deactivated", "the user who connected the account is deactivated")
    if not instance.events_enabled:
        yield Reason("events-off", "events are off: set event.notification.enabled to true")
    elif instance.vendor_type == WEBHOOK:
        yield Reason(
            "webhooks", "the instance is not polled: what the provider tells by itself is sent"
        )
    if subscription is None or not subscription.url:
        yield Reason(
            "no-callback-url",
            "events are recorded and sent nowhere: event.notification.callback.url is empty",
        )
    elif not subscription.active:
        yield Reason(
            "deactivated",
            f"events to {masked_url(subscription.url)} are queued: the subscription was "
            f"deactivated {timestamp(subscription.deactivated_at) or ''}: "
            f"{mask(subscription.deactivation_reason)}",
        )


def _of_sight(sight: Sight, object_id: str, masking: Masking) -> Iterator[Reason]:
    name = sight.resource.name
    waiting = sight.put_aside
    if waiting is not None and waiting.attempts:
        yield Reason(
            "put-aside",
            f"{name}: known to have changed since {timestamp(waiting.created_at)}, but could not "
            f"be read (tries so far: {waiting.attempts}): {masking.text(waiting.error)}; tried "
            f"again {timestamp(waiting.next_try_at)}",
        )
    elif waiting is not None:
        yield Reason("put-aside", f"{name}: known to have changed, waits its turn to be read")
    for run in sight.runs[:1]:
        note = next(one for one in run.untold if one["objectId"] == object_id)
        if note["why"] == untold.MISSING:
            yield Reason(
                "missing",
                f"{name}: the poll of {timestamp(run.started_at)} saw that it had changed, and it "
                "was gone before it could be read",
            )
        else:
            yield Reason(
                "filtered",
                f"{name}: the poll of {timestamp(run.started_at)} left it out: "
                f"{masking.text(note['rule'])}",
            )


def _not_seen(absence: Absence) -> Iterator[Reason]:
    """Nothing is said of the object anywhere: what is polled, and how that goes."""
    for sight in absence.sights:
        resource = sight.resource
        if sight.known is not None:
            yield Reason(
                "unchanged",
                f"{resource.name}: the object is known since polling began, or its events were "
                "removed for their age; no change was found since",
            )
        elif needed := scopes.needed_to_read(
            absence.instance, resource.name, resource.configuration.get("url", "")
        ):
            yield Reason(
                "not-granted", f"{resource.name}: the account granted none of {', '.join(needed)}"
            )
        elif not resource.active:
            error = absence.masking.text(resource.error)
            yield Reason("not-polled", f"{resource.name} is not polled" + (error and f": {error}"))
        elif resource.failures:
            yield Reason(
                "poll-failing",
                f"{resource.name}: the last {resource.failures} polls failed: "
                f"{absence.masking.text(resource.error)}; the next is due "
                f"{timestamp(resource.next_poll_at)}",
            )
        elif resource.cursor is None:
            yield Reason("not-started", f"{resource.name} has not been polled yet")
        else:
            yield Reason(
                "not-seen",
                f"{resource.name}: no poll has seen a change of it; last polled "
                f"{timestamp(resource.last_polled_at)}, next {timestamp(resource.next_poll_at)}; "
                f"what is polled: {resource.configuration.get('url', '')}",
            )
    others = _not_polled(absence)
    if others:
        yield Reason("not-polled", f"not polled on this instance: {', '.join(others)}")


def _not_polled(absence: Absence) -> list[str]:
    """The resources of the element that could be polled and are not."""
    polled = {sight.resource.name for sight in absence.sights}
    try:
        element = configuration.element_of(absence.instance)
    except ElementNotFound:
        return []
    return [
        resource.name
        for resource in element.resources
        if resource.can_be_polled and resource.name not in polled
    ]
