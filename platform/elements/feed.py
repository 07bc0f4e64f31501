"""What polls a resource: its own change feed, or what reads its listing as the entry wants it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from elements import cursor_feed, dated, snapshot
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


def goes_by_cursor(resource: Resource, url: str, options: Mapping[str, Any]) -> bool:
    """Whether a listing is asked for what changed since the provider's cursor.

    A cursor tells of all that is listed: an entry that asks for some of it has it compared.
    """
    return resource.change_cursor is not None and "?" not in url and not goes_by_dates(url, options)


def reconciles(resource: Resource, url: str, options: Mapping[str, Any]) -> bool:
    """Whether what polls the resource compares all that there is when somebody asks for it."""
    return resource.reconciles or goes_by_cursor(resource, url, options)


def _listed(resource: Resource, call: PollCall) -> Steps[Changes]:
    if goes_by_cursor(resource, call.entry.url, call.entry.options):
        return cursor_feed.changed(resource, call)
    if goes_by_dates(call.entry.url, call.entry.options):
        return dated.changed(resource, call)
    return snapshot.compared(resource, call)
