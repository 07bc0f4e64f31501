"""Events by type, status and time: what lists of them may be narrowed to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from api.errors import BadRequest
from api.fields import text
from events import period
from events.models import Event, EventStatus


def filtered(query: Mapping[str, Any], events: QuerySet[Event]) -> QuerySet[Event]:
    """What the query's objectType, status, from and to leave. Raises BadRequest."""
    if object_type := text(query, "objectType", longest=100):
        events = events.filter(object_type=object_type)
    if status := text(query, "status").upper():
        if status not in EventStatus.values:
            raise BadRequest(f"status must be one of {', '.join(EventStatus.values)}")
        events = events.filter(status=status)
    start, end = period.moment(query, "from"), period.moment(query, "to", end_of_day=True)
    if start and end and start > end:
        raise BadRequest("from must not be later than to")
    if start:
        events = events.filter(created_at__gte=start)
    return events.filter(created_at__lte=end) if end else events
