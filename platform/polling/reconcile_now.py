"""Begins the reconciliation of an instance, which the polls that follow carry out."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from elements import feed
from elements.calls import Reconciliation
from instances.configuration import element_of
from instances.models import ElementInstance
from polling import reconciliation
from polling.models import PollingResource
from polling.poll_now import NothingPolledError, why_nothing


def reconcile_now(
    instance: ElementInstance, name: str | None, now: datetime
) -> list[tuple[str, Reconciliation]]:
    """Begins one on each polled resource that has a feed for it, or on the one of that name.

    Returns them by resource, those that are under way already included. Raises NothingPolledError.
    """
    element = element_of(instance)
    with transaction.atomic():
        rows = PollingResource.objects.select_for_update().filter(instance=instance, active=True)
        if name is not None:
            rows = rows.filter(name=name)
        polled = list(rows.order_by("id"))
        if not polled:
            raise NothingPolledError(why_nothing(instance, name))
        begun = []
        for row in polled:
            resource = element.resource(row.name)
            url = str(row.configuration.get("url", ""))
            if resource is None or row.cursor is None:
                continue
            if feed.reconciles(resource, url, row.configuration):
                begun.append((row.name, reconciliation.request(row, now)))
        if not begun:
            raise NothingPolledError(_why(polled))
    return begun


def _why(polled: list[PollingResource]) -> str:
    names = ", ".join(row.name for row in polled)
    if all(row.cursor is None for row in polled):
        return f"the first poll of {names} is still to come, and begins with what is there"
    return f"{names}: each poll compares what its listing holds with what is known already"
