"""Events by type, status and time: what lists of them may be narrowed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from api.errors import BadRequest
from api.fields import text
from api.paging import Part
from events import period
from events.models import Event, EventStatus
from events.status import with_status


def filtered(query: Mapping[str, Any], events: QuerySet[Event]) -> list[Part[Event]]:
    """What the query's objectType, status, from and to leave. Raises BadRequest."""
    status = text(query, "status").upper()
    if status and status not in EventStatus.values:
        raise BadRequest(f"status must be one of {', '.join(EventStatus.values)}")
    return narrowed(query, with_status(events, status) if status else [Part(events)])


def narrowed(query: Mapping[str, Any], parts: Sequence[Part[Event]]) -> list[Part[Event]]:
    """What the query's objectType, from and to leave of them. Raises BadRequest."""
    object_type = text(query, "objectType", longest=100)
    start, end = period.moment(query, "from"), period.moment(query, "to", end_of_day=True)
    if start and end and start > end:
        raise BadRequest("from must not be later than to")
    found = []
    for part in parts:
        time, _ = part.by
        rows = part.rows.filter(object_type=object_type) if object_type else part.rows
        rows = rows.filter(**{f"{time}__gte": start}) if start else rows
        found.append(part._replace(rows=rows.filter(**{f"{time}__lte": end}) if end else rows))
    return found
