"""Starts, renews and stops one watch at its provider.

1. The row is claimed, and nothing is locked while the provider is asked.
2. What it answers is stored only where the row is still ours.
3. Killed in between, the row is claimed again when its lease is over, and the same is asked again:
   a start finds what was made, a stop is content when there is nothing (elements.types.Watch).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import random
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F, QuerySet
from django.utils import timezone

from elements.application import application_of
from elements.built_in import operators
from elements.calls import WatchCall, Watched
from elements.errors import ConfigurationError, ElementNotFound
from elements.types import Element
from elements.webhooks import Watch
from encryption.keys import UnsealError
from instances import configuration as keys
from instances import session
from instances.cleanup import Gone
from instances.models import Credential, ElementInstance
from transport import sync
from transport.errors import GrantLost, NotNow, ProviderError, TransportError, wished_pause
from transport.limits import Limits
from transport.shares import on_behalf_of
from watching import claim
from watching.models import InstanceWatch
from watching.notices import digest_of
from worker.backoff import Backoff

LIMITS = Limits(total=15.0, attempts=2, retry_within=5.0)
BACKOFF = Backoff(timedelta(seconds=30), timedelta(hours=1), longest_asked=timedelta(days=1))
MOST_STOPS = 8  # tries, over about an hour
SPREAD = 0.1  # of the time until a renewal, so that those started together don't stay together
LONGEST_ERROR = 1000  # characters that we keep
UNUSABLE = (TransportError, UnsealError, ElementNotFound, ConfigurationError, ImproperlyConfigured)

log = structlog.get_logger(__name__)


def keep(row: InstanceWatch) -> None:
    """Does what a claimed row is due for. Raises the errors of the database."""
    with on_behalf_of(row.instance.organization_id):
        _keep(row)


def _keep(row: InstanceWatch) -> None:
    try:
        element = keys.element_of(row.instance)
        if element.watch is None:  # moved to an element without one: nobody could stop it
            claim.commit(row, None, state={}, started_at=None, failures=0)
        elif row.on:
            _start(row, element.watch, element)
        else:
            _stop(row, element.watch, element)
    except UNUSABLE as error:
        _note_failure(row, error, str(error) or type(error).__name__)
    except Exception as error:  # a faulty connector must not stop the others
        log.exception("watch.connector_failed", watch=row.pk)
        _note_failure(row, error, f"the connector failed: {type(error).__name__}")


def _start(row: InstanceWatch, watch: Watch, element: Element) -> None:
    account = session.account_of(row.instance)
    watched = sync.run(watch.start(call_of(row, element)), account, limits=LIMITS)
    now = timezone.now()
    stored = claim.commit(
        row,
        _renewal(watch, watched, now),
        state=dict(watched.state),
        account=digest_of(element, watched.account, account.base_url),
        started_at=now,
        expires_at=watched.expires_at,
        failures=0,
        error="",
    )
    log.info("watch.started", instance=row.instance_id, stored=stored)


def _stop(row: InstanceWatch, watch: Watch, element: Element) -> None:
    if not (watch.of_account and others_of_account(row.instance).exists()):
        account = session.account_of(row.instance)
        sync.run(watch.stop(call_of(row, element)), account, limits=LIMITS)
        if watch.of_account:  # one that was started meanwhile has been stopped along
            others_of_account(row.instance).update(due_at=timezone.now(), version=F("version") + 1)
    claim.commit(
        row, None, state={}, account="", started_at=None, expires_at=None, failures=0, error=""
    )
    log.info("watch.stopped", instance=row.instance_id)


def others_of_account(
    instance: ElementInstance, account: str | None = None
) -> QuerySet[InstanceWatch]:
    """The watches that are on of the same account and application, whoever's they are, of whichever
    element: one that extends the provider's is of the same account.

    `account` is a Credential's, where the instance has none any more.
    """
    held = Credential.objects.filter(instance=instance).exclude(account="").values("account")
    accounts: Any = held if account is None else [account] if account else []
    rows = InstanceWatch.objects.filter(wanted=True, suspended=False)
    found = rows.filter(instance__credential__account__in=accounts)
    return found.exclude(instance_id=instance.pk)


def stop_gone(gone: Gone, details: Mapping[str, Any]) -> None:
    """Stops the watch of an instance that is gone: a step of instances.cleanup."""
    watch = gone.element.watch
    if watch is None:
        return
    others = others_of_account(gone.instance, gone.account_digest)
    if watch.of_account and others.exists():
        return
    call = WatchCall(
        configuration=configuration_of(gone.instance, gone.element),
        callback_url=callback_url(gone.element.key, gone.instance.pk),
        secret=details["secret"],
        state=details["state"],
    )
    sync.run(watch.stop(call), gone.account, limits=LIMITS)
    if watch.of_account:  # one that was started meanwhile has been stopped along
        others.update(due_at=timezone.now(), version=F("version") + 1)


def call_of(row: InstanceWatch, element: Element) -> WatchCall:
    return WatchCall(
        configuration=configuration_of(row.instance, element),
        callback_url=callback_url(element.key, row.instance_id),
        secret=row.secret,
        state=row.state,
    )


def configuration_of(instance: ElementInstance, element: Element) -> dict[str, str]:
    """As it holds for the watch: with what the operator has set, where it is meant for it.

    That is for the operator's own application, where there is one, and for no private element.
    """
    values = keys.effective(instance)
    own = application_of(element)
    foreign = own is not None and values.get(keys.API_KEY, "").strip() != own.client_id
    if element.watch is None or element.private or foreign:
        return values
    for key, variable in element.watch.operator.items():
        values[key] = values.get(key, "").strip() or operators(variable)
    return values


def callback_url(element_key: str, instance_id: int) -> str:
    """Where the provider is to send to: /events/{elementKey}/{ref}."""
    ref = base64.b64encode(str(instance_id).encode()).decode()
    return f"{settings.PUBLIC_URL}/elements/api-v2/events/{element_key}/{ref}"


# --- When next -----------------------------------------------------------------------------------


def _renewal(watch: Watch, watched: Watched, now: datetime) -> datetime | None:
    """In `renew_after`, and when half of its time is over at the latest; None: never."""
    times = [] if watch.renew_after is None else [watch.renew_after]
    if watched.expires_at is not None:
        times.append(max((watched.expires_at - now) / 2, BACKOFF.first))
    if not times:
        return None
    return now + min(times) * (1 - SPREAD * random())  # noqa: S311 - spreads load


def _note_failure(row: InstanceWatch, failure: Exception, said: str) -> None:
    """Keep what there is, and say what is wrong. A stop is given up in the end.

    A limit is no failure: the provider would do it later, and nobody has to mend anything.
    """
    failures = row.failures + (0 if _is_limit(failure) else 1)
    given_up = not row.on and (failures >= MOST_STOPS or isinstance(failure, GrantLost))
    due_at = None if given_up else timezone.now() + BACKOFF.pause(failures, wished_pause(failure))
    claim.commit(row, due_at, failures=failures, error=said[:LONGEST_ERROR])
    log.warning("watch.failed", instance=row.instance_id, on=row.on, reason=said[:LONGEST_ERROR])


def _is_limit(failure: Exception) -> bool:
    if isinstance(failure, ProviderError):
        return failure.is_rate_limit
    return isinstance(failure, NotNow)
