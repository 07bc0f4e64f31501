"""What polls a resource: its own change feed, or what reads its listing as the entry wants it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from elements import dated, snapshot
from elements.calls import Changes, PollCall
from elements.record_dates import DATES
from elements.types import Resource
from elements.url_template import MARK
from transport.types import Steps


def feed_of(resource: Resource) -> Callable[[PollCall], Steps[Changes]] | None:
    """None when there is nothing to be polled."""
    if resource.changes is not None:
        return resource.changes
    return partial(_listed, resource) if resource.can_be_polled else None


def goes_by_dates(url: str, options: Mapping[str, Any]) -> bool:
    """Whether a listing is asked for what changed since the last poll, not compared whole."""
    return MARK in url or any(
        options.get(DATES, {}).get(f"{date}DateField") for date in ("updated", "created")
    )


def _listed(resource: Resource, call: PollCall) -> Steps[Changes]:
    if goes_by_dates(call.entry.url, call.entry.options):
        return dated.changed(resource, call)
    return snapshot.compared(resource, call)
