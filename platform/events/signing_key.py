"""Signature keys that were replaced, and go on signing beside the new one until their time is over.

Rule 1: time alone ends a retired key. Each attempt asks for its end; no task has to run.
Rule 2: a subscription without a signature key signs nothing, and has no retired keys.
Rule 3: `Elements-Webhook-Signature` holds one signature. A retired key that `leads` makes it until
its end; else the present key does, at once.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import Organization
from encryption.fields import opens
from events import audited
from events.models import Subscription
from events.signature import RetiredKey
from instances import configuration, provision
from instances.models import ElementInstance
from instances.whsec import WHSEC

MOST_RETIRED = 5  # keys at once; of more, those that would end first end
KEY_SIZE = 32  # random bytes; Standard Webhooks 1.0.0 asks for 24 to 64


def new_key() -> str:
    """A key in the form that Standard Webhooks libraries take."""
    return WHSEC + base64.b64encode(secrets.token_bytes(KEY_SIZE)).decode()


def renew(
    subscription: Subscription, key: str, now: datetime, overlap: timedelta, *, leads: bool = False
) -> None:
    """Makes `key` the subscription's, and lets the present one sign for `overlap` longer.

    A present one that cannot be opened ends at once. Doesn't save.
    """
    before = subscription.signature_key if opens(subscription, "signature_key") else ""
    retired = [one for one in retired_of(subscription) if one.until > now and one.key != key]
    if before and before != key and overlap:
        retired.append(RetiredKey(before, now + overlap, leads))
    subscription.signature_key = key
    _keep(subscription, retired if key else [])


def differs(subscription: Subscription, key: str) -> bool:
    """Return whether the subscription signs with another key, or one that cannot be opened."""
    return not opens(subscription, "signature_key", "retired_keys") or (
        subscription.signature_key != key
    )


def retired_of(subscription: Subscription) -> list[RetiredKey]:
    """Those that have ended may be among them; those that cannot be opened are not."""
    if not opens(subscription, "retired_keys"):
        return []
    return read(subscription.retired_keys) if subscription.retired_keys else []


def read(text: str) -> list[RetiredKey]:
    """What the column holds, in clear: those that end first come first."""
    return [
        RetiredKey(key, datetime.fromisoformat(until), leads)
        for key, until, leads in json.loads(text)
    ]


def rotate(
    organization: Organization, instance_id: int, key: str, overlap: timedelta, now: datetime
) -> datetime | None:
    """Gives an instance another signature key; its old one leads until its end.

    Returns when the last of the old ones ends; None when none signs any longer. Raises NotFound,
    and BadRequest for a configuration that has become wrong meanwhile.
    """
    ends: list[datetime | None] = []

    def first(instance: ElementInstance) -> None:
        found = Subscription.objects.select_for_update().filter(instance=instance).first()
        if found is not None:
            renew(found, key, now, overlap, leads=True)
            found.save(update_fields=["signature_key", "retired_keys"])
            ends.append(last_end(found, now))

    wish = provision.Wish(configuration={configuration.SIGNATURE_KEY: key})
    provision.change(organization, instance_id, wish, first=first)
    return ends[0] if ends else None


@transaction.atomic
def rotate_of_topics(
    subscription_id: int, key: str, overlap: timedelta, now: datetime
) -> datetime | None:
    """As `rotate`, for a subscription of topics. Raises Subscription.DoesNotExist."""
    found = Subscription.objects.select_for_update().get(pk=subscription_id)
    renew(found, key, now, overlap, leads=True)
    found.save(update_fields=["signature_key", "retired_keys"])
    return last_end(found, now)


def end_retired(subscription_id: int) -> None:
    """Lets the present key alone sign, from the next attempt on."""
    with transaction.atomic():
        Subscription.objects.filter(pk=subscription_id).update(retired_keys="")
        audited.key_ended(subscription_id)


def last_end(subscription: Subscription, now: datetime) -> datetime | None:
    ends = [one.until for one in retired_of(subscription) if one.until > now]
    return max(ends, default=None)


def _keep(subscription: Subscription, retired: Sequence[RetiredKey]) -> None:
    kept = sorted(retired, key=lambda one: one.until)[-MOST_RETIRED:]
    rows = [[one.key, one.until.isoformat(), one.leads] for one in kept]
    subscription.retired_keys = json.dumps(rows) if rows else ""
