"""What can be done to a row from its list: to one, to some, to all that a search finds.

Rule 1: each deed is one transaction, and calls `within` in it before it changes anything, so that
whoever counts or logs it does so with the deed or not at all. Where nothing is to be changed it is
not called.
Rule 2: it asks no provider. What it makes due, the worker does next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeAlias

from django.db import transaction
from django.db.models import Model

from api.errors import ApiError
from elements.errors import ConfigurationError, ElementNotFound
from encryption.keys import UnsealError
from events.models import Delivery, Subscription
from events.own_events import record_wanted_reconnection
from events.own_topics import RECONNECTION_WANTED
from events.redeliver import send_again
from events.subscription import has_queued, reactivate, send_queued
from instances import configuration as keys
from instances import provision
from instances.models import ElementInstance
from polling import switch
from polling.due_now import make_due
from polling.poll_now import why_nothing
from polling.schedule import left_to_the_worker

Within: TypeAlias = Callable[[], object]
GONE = "it is not there any more"
WRONG = (ApiError, ConfigurationError, ElementNotFound, UnsealError)


class Refused(Exception):
    """It cannot be done to this row. The message says why."""


@dataclass(frozen=True, slots=True)
class Deed:
    """`do` is given a row's id and answers whether it changed anything. Raises Refused.

    `consequence` says what follows, and what of it cannot be undone.
    """

    label: str
    model: type[Model]
    do: Callable[[int, Within, datetime], bool]
    consequence: str
    at_once: bool = True  # quick enough to be done to a few while somebody waits

    @property
    def permission(self) -> str:
        return f"{self.model._meta.app_label}.change_{self.model._meta.model_name}"


def nothing_within() -> None:
    """For a deed that nobody counts."""


# --- Of instances --------------------------------------------------------------------------------


def switch_events(instance_id: int, within: Within, now: datetime, *, on: bool) -> bool:
    instance = _instance(instance_id)
    if instance.events_enabled == on:
        return False
    wish = provision.Wish(configuration={keys.EVENTS_ENABLED: "true" if on else "false"})
    _change(partial(provision.change, instance.organization, instance.pk, wish), within)
    return True


def switch_instance(instance_id: int, within: Within, now: datetime, *, on: bool) -> bool:
    instance = _instance(instance_id)
    if instance.enabled == on:
        return False
    wish = provision.Wish(enabled=on)
    _change(partial(provision.change, instance.organization, instance.pk, wish), within)
    return True


def switch_resource(instance_id: int, within: Within, *, name: str, on: bool) -> None:
    """Of the list's toggles; it is no errand's."""
    instance = _instance(instance_id)
    _change(partial(switch.switch, instance, name, on), within)


def poll_now(instance_id: int, within: Within, now: datetime) -> bool:
    instance = _instance(instance_id)
    with transaction.atomic():
        within()
        if not make_due(instance_id, now):
            raise Refused(why_nothing(instance, None))
    return True


def send_reconnect_link(instance_id: int, within: Within, now: datetime) -> bool:
    with transaction.atomic():
        within()
        rows = ElementInstance.objects.select_for_update(no_key=True, of=("self",))
        instance = rows.select_related("organization").filter(pk=instance_id).first()
        if instance is None:
            raise Refused(GONE)
        try:
            receivers = record_wanted_reconnection(instance, now)
        except WRONG as error:
            raise Refused(str(error)) from error
        if not receivers:
            raise Refused(
                "nobody would get it: no e-mail goes to its user, and nobody subscribes to "
                f"{RECONNECTION_WANTED}"
            )
    return True


def _instance(instance_id: int) -> ElementInstance:
    found = ElementInstance.objects.select_related("organization").filter(pk=instance_id).first()
    if found is None:
        raise Refused(GONE)
    return found


def _change(change: Callable[..., object], within: Within) -> None:
    def first(_: ElementInstance) -> None:
        within()

    try:
        with left_to_the_worker():
            change(first=first)
    except WRONG as error:
        raise Refused(str(error)) from error


# --- Of subscriptions and deliveries -------------------------------------------------------------


def turn_on(subscription_id: int, within: Within, now: datetime, *, send: bool) -> bool:
    with transaction.atomic():
        rows = Subscription.objects.select_for_update().filter(pk=subscription_id)
        active = rows.values_list("active", flat=True).first()
        if active is None:
            raise Refused(GONE)
        if active and not (send and has_queued(subscription_id)):
            return False
        within()
        if not active and not reactivate(subscription_id):
            raise Refused("it has no callback URL")
        if send:
            send_queued(subscription_id, now)
    return True


def redeliver(delivery_id: int, within: Within, now: datetime) -> bool:
    with transaction.atomic():
        within()
        if not send_again(Delivery.objects.filter(pk=delivery_id), now, arrived=True):
            raise Refused("it is on its way, was a test, or has nowhere to go")
    return True


DEEDS = {
    "events_on": Deed(
        "Turn events on",
        ElementInstance,
        partial(switch_events, on=True),
        "Polling begins now. Changes made before are not sent.",
    ),
    "events_off": Deed(
        "Turn events off",
        ElementInstance,
        partial(switch_events, on=False),
        "Changes made from now on are not noticed. This cannot be undone: turned on again, events "
        "begin anew, without the changes made meanwhile.",
    ),
    "poll_now": Deed(
        "Poll now",
        ElementInstance,
        poll_now,
        "Each account is polled at once, which uses the provider's quota. A poll cannot be undone.",
    ),
    "disable": Deed(
        "Disable",
        ElementInstance,
        partial(switch_instance, on=False),
        "They are neither polled nor called until somebody enables them. Polling then goes on "
        "where it stopped; hub calls refused meanwhile are lost.",
    ),
    "enable": Deed(
        "Enable",
        ElementInstance,
        partial(switch_instance, on=True),
        "Polling goes on where it stopped, and hub calls are served again.",
    ),
    "reconnect": Deed(
        "Send reconnect link",
        ElementInstance,
        send_reconnect_link,
        "Each user gets an e-mail, and so do subscribers of the topic. What was sent cannot be "
        "taken back.",
    ),
    "turn_on": Deed(
        "Turn on again",
        Subscription,
        partial(turn_on, send=False),
        "New events are sent again. What is queued stays queued.",
    ),
    "turn_on_and_send_queued": Deed(
        "Turn on again and send what is queued",
        Subscription,
        partial(turn_on, send=True),
        "All that is queued goes to the receivers. What was sent cannot be taken back.",
        at_once=False,
    ),
    "redeliver": Deed(
        "Send again",
        Delivery,
        redeliver,
        "Receivers get these events again, with the same webhook-id. What was sent cannot be "
        "taken back.",
    ),
}


def outcome(label: str, changed: int, unchanged: int, failed: int = 0) -> str:
    """What came of a deed, for people."""
    parts = [f"{changed:,} done"]
    if unchanged:
        parts.append(f"{unchanged:,} as it should be already")
    if failed:
        parts.append(f"{failed:,} failed")
    return f"{label}: {', '.join(parts)}."
