"""Who sent what arrived, and with which signature keys: by its webhook-id, or by its body.

Nothing is believed by this: what it says it is only chooses the keys that it is checked with, of
the inbox's own account, and of subscriptions that send to the inbox.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import Account
from accounts.reach import Reach
from elements.row_id import LARGEST_ID
from encryption.keys import UnsealError
from events.models import Delivery, Subscription
from events.signing_key import retired_of
from instances import configuration
from instances.models import ElementInstance

NOBODY = "it names no element instance of this account, so there is no key to check it with"
UNSAVED = "it is a test from the form of an instance that is not there yet, nor is its key"
NO_KEY = "no signature key is set there, so nothing is signed"
SEALED = "the signature key cannot be decrypted"
LARGEST_READ = 1_000_000  # bytes of a body; JSON takes twenty times its size in memory


@dataclass(frozen=True, slots=True)
class Sender:
    """`keys` are the present signature key and those that it replaced a moment ago. Without any,
    `why` says the reason. `instance_id` is 0 for a test from a form. `own_headers` are names of
    headers whose values are secret; None where nobody knows which those are."""

    keys: tuple[str, ...] = ()
    why: str = ""
    instance_id: int | None = None
    event_id: int | None = None
    own_headers: frozenset[str] | None = None


def sender_of(account: Account, url: str, webhook_id: str, body: bytes, now: datetime) -> Sender:
    """Who says to have sent it to the account's inbox with that URL.

    As far as the account has that, or somebody of the organization has it sent there.
    """
    own = Reach(account.organization, account.pk)
    delivery = _delivery(own, url, webhook_id)
    if delivery is not None:
        told_of = delivery.event.instance_id or delivery.subscription.instance_id
        return _of_subscription(delivery.subscription, now, told_of, delivery.event_id)
    named = _instance_named(body)
    if named == 0:
        return Sender(why=UNSAVED, instance_id=0)
    instance = _instance(own, url, named) if named is not None else None
    if instance is None:
        return Sender(why=NOBODY)
    subscription = Subscription.objects.filter(instance=instance).first()
    if subscription is not None:
        return _of_subscription(subscription, now, instance.pk)
    return _with_keys(lambda: [_configured(instance)], instance.pk)


def _delivery(own: Reach, url: str, webhook_id: str) -> Delivery | None:
    if not webhook_id:
        return None
    # By the id first, which is one row at most.
    named = Delivery.objects.filter(organization=own.organization, webhook_id=webhook_id)
    found = named.select_related("subscription", "event").defer("event__body").first()
    if found is None or found.subscription.url == url:
        return found
    return found if own.rows(Delivery).filter(pk=found.pk).exists() else None


def _instance(own: Reach, url: str, named: int) -> ElementInstance | None:
    found = own.rows(ElementInstance).filter(pk=named).first()
    if found is not None:
        return found
    others = ElementInstance.objects.filter(organization=own.organization, pk=named)
    return others.filter(subscription__url=url).first()


def _instance_named(body: bytes) -> int | None:
    """What `message.instanceId` says; of a very large body None."""
    if len(body) > LARGEST_READ:
        return None
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    message = value.get("message") if isinstance(value, dict) else None
    named = message.get("instanceId") if isinstance(message, dict) else None
    return named if type(named) is int and 0 <= named <= LARGEST_ID else None


def _of_subscription(
    subscription: Subscription,
    now: datetime,
    instance_id: int | None,
    event_id: int | None = None,
) -> Sender:
    def keys() -> list[str]:
        living = [one.key for one in retired_of(subscription) if one.until > now]
        return [subscription.signature_key, *living]

    return _with_keys(keys, instance_id, event_id, subscription)


def _with_keys(
    read: Callable[[], list[str]],
    instance_id: int | None,
    event_id: int | None = None,
    subscription: Subscription | None = None,
) -> Sender:
    why = ""
    keys: tuple[str, ...] = ()
    own_headers: frozenset[str] | None = None
    try:
        keys = tuple(key for key in read() if key)
        why = "" if keys else NO_KEY
        if subscription is not None:
            own_headers = frozenset(name.lower() for name, _ in subscription.sent_along)
    except UnsealError:
        why = SEALED
    return Sender(keys, why, instance_id, event_id, own_headers)


def _configured(instance: ElementInstance) -> str:
    return configuration.effective(instance).get(configuration.SIGNATURE_KEY, "")
