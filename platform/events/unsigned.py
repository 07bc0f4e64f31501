"""Takes webhooks of providers that do not sign them, where somebody has asked for that.

Rule 1: nothing is taken unsigned by default. Somebody asks for it for one instance, of an element
that says that its provider signs nothing, and names the networks that may send, or all of them.
Rule 2: the key at the end of the address is the only proof. It is shown once; what is stored is
its digest. Logs leave it out (config.logs).
Rule 3: whoever does not know the key learns nothing, and whoever comes from another network sends
nothing, whatever the key.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.secret import digest
from api.errors import Conflict, Forbidden, NotFound
from audit.models import Action
from elements.errors import ElementNotFound
from elements.webhooks import Proof
from events.networks import covers
from events.unsigned_address import UnsignedAddress
from instances import audited, configuration
from instances.models import ElementInstance

KEY_BYTES = 32  # random
EXACTNESS = timedelta(minutes=1)  # of the times that a row keeps, so that few webhooks write to it


def is_possible(instance: ElementInstance) -> bool:
    """Return whether the instance's element says that its provider signs nothing."""
    try:
        webhook = configuration.element_of(instance).webhook
    except ElementNotFound:
        return False
    return webhook is not None and webhook.signature.proof is Proof.NONE


def address_of(instance: ElementInstance) -> UnsignedAddress | None:
    return UnsignedAddress.objects.filter(pk=instance.pk).first()


def open_address(instance: ElementInstance, networks: Sequence[str], now: datetime) -> str:
    """Give the instance a new address, and return it as a URL. A former one takes nothing more.

    `networks` are as networks.networks_of returns them. Raises Conflict for an element whose
    provider signs, or that takes no webhooks.
    """
    if not is_possible(instance):
        raise Conflict(
            f"{instance.element_key} does not take unsigned webhooks: its element must declare a "
            "webhook with a signature whose proof is none"
        )
    key = secrets.token_urlsafe(KEY_BYTES)
    with transaction.atomic():
        before = UnsignedAddress.objects.select_for_update().filter(pk=instance.pk).first()
        UnsignedAddress.objects.update_or_create(
            instance=instance,
            defaults={
                "key_digest": digest(key),
                "networks": [*networks],
                "created_at": now,
                "received_at": None,
                "refused_at": None,
                "refused_from": None,
            },
        )
        _write_down(instance, before, networks, new_address=True)
    path = f"/elements/api-v2/events/{quote(instance.element_key, safe='')}/unsigned/{key}"
    return f"{settings.PUBLIC_URL}{path}"


def change_networks(instance: ElementInstance, networks: Sequence[str]) -> UnsignedAddress:
    """Let other networks send to the same address. Raises Conflict where there is none."""
    with transaction.atomic():
        found = UnsignedAddress.objects.select_for_update().filter(pk=instance.pk).first()
        if found is None:
            raise Conflict("the element instance has no address for unsigned webhooks: POST one")
        if found.networks != [*networks]:
            _write_down(instance, found, networks)
            found.networks = [*networks]
            found.save(update_fields=["networks"])
    return found


def close_address(instance: ElementInstance) -> None:
    """Take nothing unsigned any more. Does nothing where there is no address."""
    with transaction.atomic():
        found = UnsignedAddress.objects.select_for_update().filter(pk=instance.pk).first()
        if found is not None:
            _write_down(instance, found, [])
            found.delete()


def _write_down(
    instance: ElementInstance,
    before: UnsignedAddress | None,
    networks: Sequence[str],
    *,
    new_address: bool = False,
) -> None:
    old, new = ", ".join(before.networks if before else []), ", ".join(networks)
    audited.told(
        Action.UNSIGNED_WEBHOOKS,
        instance,
        changes=({"address": None} if new_address else {})
        | ({"networks": [old, new]} if old != new else {}),
    )


# --- Receiving -----------------------------------------------------------------------------------


def sent_to(
    element_key: str, key: str, client: IPv4Address | IPv6Address | None, now: datetime
) -> ElementInstance:
    """Return the instance whose address ends with the key, where the client may send to it.

    `client` is its address, None where that is unknown. Raises NotFound for any other key, and
    Forbidden for a client from elsewhere, which the row remembers.
    """
    found = (
        UnsignedAddress.objects.select_related("instance__user__account")
        .filter(key_digest=digest(key), instance__element_key=element_key)
        .first()
    )
    if found is None or not is_possible(found.instance):
        raise NotFound("nothing takes webhooks at this address")
    if not covers(found.networks, client):
        _note(found, now, "refused_at", refused_from=str(client) if client else None)
        raise Forbidden(
            "this address takes webhooks from other networks than the one that this came from"
        )
    _note(found, now, "received_at")
    return found.instance


def _note(row: UnsignedAddress, now: datetime, column: str, **more: str | None) -> None:
    stale = Q(**{column: None}) | Q(**{f"{column}__lt": now - EXACTNESS})
    UnsignedAddress.objects.filter(stale, pk=row.pk).update(**{column: now, **more})
