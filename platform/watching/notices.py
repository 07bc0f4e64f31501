"""Notices: what a provider sends to one address for all accounts, saying only that there is news.

Rule 1: a notice makes polls due and nothing else. What is new, their cursors say; so a notice that
is lost, late, doubled or out of order loses and doubles nothing.
Rule 2: whoever sends is proven before the body is looked at.
Rule 3: an account is found by its name only where the provider's own host has told the name. An
element that extends the provider's and has an address of its own could tell any.
Rule 4: an account that nobody has connected is answered as one that somebody has, or the provider
would send it again and again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import F

from api.errors import BadRequest
from elements import built_in, catalogue
from elements.types import Element
from elements.webhooks import Notices
from watching import id_token
from watching.hearing import note_heard
from watching.models import InstanceWatch
from watching.signals import noticed

WAIT_FOR_LOCKS = "5s"  # then the provider is asked to send it again: 503
LONGEST_ACCOUNT = 1_000  # characters

log = structlog.get_logger(__name__)


def notices_at(element_key: str) -> tuple[Element, Notices] | None:
    """The element that everybody has whose notices come in at its address, if it has some."""
    if not catalogue.is_built_in(element_key):
        return None
    element = catalogue.find(element_key)
    if element.watch is None or element.watch.notices is None:
        return None
    return element, element.watch.notices


def receive(
    element: Element,
    notices: Notices,
    authorization: str,
    body: Callable[[], Any],
    now: datetime,
) -> None:
    """Makes the account's resources due, of all instances that are of it.

    Raises as `id_token.require`, and BadRequest for a body that names no account.
    """
    id_token.require(notices.token, authorization)
    account = notices.account(body())
    if not 0 < len(account) <= LONGEST_ACCOUNT:
        raise BadRequest("the notice names no account")
    digest = digest_of(element, account, catalogue.address(element.base_url))
    rows = InstanceWatch.objects.filter(account=digest)
    watches = {row.instance_id: row for row in rows.order_by("instance_id")}
    if not watches:
        log.info("notice of an unknown account", element=element.key)
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [WAIT_FOR_LOCKS])
        noticed.send(
            sender=InstanceWatch,
            instance_ids=list(watches),
            resources=notices.resources,
            now=now,
        )
    note_heard(list(watches), watches, now)


def digest_of(element: Element, account: str, base_url: str) -> str:
    """Return by what notices find an account, of the provider's element and the account's name.

    `base_url` is where the name was told. Empty for a host other than the provider's own, and for
    an account without a name: no notice finds it.
    """
    provider = built_in.elements().get(element.extends or element.key)
    if provider is None or not account or base_url != built_in.address(provider.base_url):
        return ""
    named = f"{provider.key}\0{account.strip().casefold()}"
    return sha256(named.encode("utf-8", "surrogatepass")).hexdigest()


def note_unannounced(found: Iterable[tuple[int, str, str]]) -> None:
    """Polls have found what no notice had announced: (instance, element, resource) of each.

    Waits for no lock.
    """
    instance_ids = {
        instance_id
        for instance_id, element_key, resource in found
        if _is_announced(element_key, resource)
    }
    if instance_ids:
        rows = InstanceWatch.objects.filter(instance__in=instance_ids, started_at__isnull=False)
        ids = rows.order_by("pk").select_for_update(skip_locked=True, no_key=True).values("pk")
        InstanceWatch.objects.filter(pk__in=ids).update(unannounced=F("unannounced") + 1)


def _is_announced(element_key: str, resource: str) -> bool:
    """Whether the provider's notices tell of the resource's changes."""
    found = notices_at(element_key)
    return found is not None and resource in found[1].resources
