"""The callback body, made once: what each attempt of a notification sends and signs.

The shape is documented in docs/receiving-events.md. The same event always gives the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.timestamp import timestamp
from elements.calls import Change, Told

LARGEST_BATCH = 10  # objects in one notification
LARGEST_BODY = 5_000_000  # bytes; one object that is larger goes alone, whole


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification that somebody posts to a topic."""

    topic: str
    message: str
    severity: str
    sender: str


@dataclass(frozen=True, slots=True)
class Source:
    """The element instance that an event comes from."""

    instance_id: int
    organization_id: int
    account_id: int | None  # of the user; None for one who is in none
    user_id: int
    name: str
    tags: Sequence[Any]
    element_key: str
    hub: str


def of_changes(
    source: Source, event_id: int, object_type: str, changes: Sequence[Change], now: datetime
) -> str:
    """The body of a notification about objects of the provider, oldest first."""
    return _body(
        source,
        event_id,
        object_type,
        [(change.object_id, change.change_type.value) for change in changes],
        [change.record for change in changes],
        now,
    )


def of_instance(
    source: Source, event_id: int, topic: str, record: Mapping[str, Any], now: datetime
) -> str:
    """The body of a notification about the instance itself; `topic` says what happened."""
    found = [(str(source.instance_id), "UPDATED")]
    return _body(source, event_id, "instance", found, [record], now, topic=topic)


def of_webhook(source: Source, event_id: int, raw: Any, told: Sequence[Told], now: datetime) -> str:
    """The body of a notification of what a provider told by itself; `raw` is all that it sent."""
    events = [
        _event(source, one.object_type, one.object_id, one.change_type, one.date or now)
        for one in told
    ]
    return compact({"message": {**_message(source, event_id), "raw": raw, "events": events}})


def of_test(source: Source, event_id: int, topic: str, now: datetime) -> str:
    """The body of a test of an instance's callback: it tells of nothing."""
    message = {
        **_message(source, event_id),
        "raw": {"objectType": "test", "test": [], "instance_id": source.instance_id},
        "events": [],
        "topic": topic,
        "test": True,
        "date": timestamp(now),
    }
    return compact({"message": message})


def of_notice(event_id: int, notice: Notice, now: datetime, *, test: bool = False) -> str:
    """The body of a notification that somebody posted to a topic, or of a `test` of its URL."""
    return compact(
        {
            **({"test": True} if test else {}),
            "id": event_id,
            "from": notice.sender,
            "topic": notice.topic,
            "severity": notice.severity,
            "message": notice.message,
            "createdDate": timestamp(now),
        }
    )


def _body(
    source: Source,
    event_id: int,
    object_type: str,
    found: Sequence[tuple[str, str]],
    records: Sequence[Mapping[str, Any]],
    now: datetime,
    *,
    topic: str = "",
) -> str:
    message = {
        **_message(source, event_id),
        "raw": {
            object_type: list(records),
            "objectType": object_type,
            "instance_id": source.instance_id,
        },
        "events": [
            _event(source, object_type, object_id, event_type, now)
            for object_id, event_type in found
        ],
    }
    if topic:
        message["topic"] = topic
    return compact({"message": message})


def _message(source: Source, event_id: int) -> dict[str, Any]:
    """What every message begins with."""
    return {
        "eventId": event_id,
        "instanceId": source.instance_id,
        "instance_id": source.instance_id,
        "instanceName": source.name,
        "instanceTags": list(source.tags),
        "elementKey": source.element_key,
        "accountId": source.account_id,
        "companyId": source.organization_id,
        "userId": source.user_id,
    }


def _event(
    source: Source, object_type: str, object_id: str, event_type: str, date: datetime
) -> dict[str, str]:
    return {
        "date": timestamp(date),
        "elementKey": source.element_key,
        "hubKey": source.hub,
        "eventType": event_type,
        "objectId": object_id,
        "objectType": object_type,
    }


def compact(value: Any) -> str:
    """JSON text without blanks that PostgreSQL stores and UTF-8 carries, whatever is in it.

    Providers send lone surrogates, which UTF-8 cannot carry: such a body is written in ASCII with
    escapes. NaN and the infinities, which JSON lacks, become null.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return compact(_without_nan(value))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value
