"""The comparison of all that a provider has with what is known, in polls that each commit a part.

Rule 1: how far it has come is on the row of the resource, and moves in the poll's own commit; what
it has listed of the known objects waits in ListedObject until it is compared.
Rule 2: while it is under way the history is read on, so that what changes meanwhile is told at
once.
Rule 3: it ends with a receipt on the run of its last poll.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection

from elements.calls import DELETED, Changes, Reconciliation, ReconciliationReason
from polling.claim import ClaimedResource
from polling.models import ListedObject, PollingResource
from transport.types import ListedObjects
from worker import wakeups

EVERYTHING = ""  # in place of a tag: the object is there

LIST_KNOWN = """
INSERT INTO polling_listedobject (resource_id, object_id, tags)
SELECT resource_id, object_id, '{}' FROM polling_polledobject
 WHERE resource_id = %(resource)s AND object_id = ANY(%(ids)s::text[]) AND fingerprint <> %(gone)s
ON CONFLICT (resource_id, object_id) DO NOTHING
"""
TAG_LISTED = """
UPDATE polling_listedobject SET tags = tags || %(tag)s::text
 WHERE resource_id = %(resource)s AND object_id = ANY(%(ids)s::text[])
   AND NOT %(tag)s = ANY(tags)
"""
NEXT_KNOWN = """
SELECT p.object_id, p.fingerprint, l.tags
  FROM polling_polledobject AS p
  LEFT JOIN polling_listedobject AS l
    ON l.resource_id = p.resource_id AND l.object_id = p.object_id
 WHERE p.resource_id = %(resource)s AND p.object_id > %(after)s AND p.fingerprint <> %(gone)s
 ORDER BY p.object_id
 LIMIT %(most)s
"""


def stored(one: Reconciliation) -> dict[str, Any]:
    """As PollingResource.reconciliation has it."""
    return {
        "reason": one.reason.value,
        "since": one.since.isoformat(),
        "startedAt": one.started_at.isoformat(),
        "cursor": one.cursor,
        "resumedAt": one.resumed_at,
        "place": dict(one.place),
        "counts": dict(one.counts),
    }


def read(text: str | None) -> Reconciliation | None:
    """What `stored` made, from the column's JSON."""
    return None if text is None else restored(json.loads(text))


def restored(value: Mapping[str, Any]) -> Reconciliation:
    """What `stored` made, or the receipt of it."""
    return Reconciliation(
        ReconciliationReason(value["reason"]),
        datetime.fromisoformat(value["since"]),
        datetime.fromisoformat(value["startedAt"]),
        value["cursor"],
        value["resumedAt"],
        value.get("place", {}),
        value["counts"],
    )


def advance(
    resource_id: int,
    one: Reconciliation,
    listed: Mapping[str, tuple[str, ...]],
    polled_at: datetime,
) -> dict[str, Any] | None:
    """Stores what was listed; returns what the row is to keep, None at the end."""
    if one.finished or one.started_at == polled_at:
        clear(resource_id)
    if one.finished:
        return None
    with connection.cursor() as cursor:
        for tag, ids in listed.items():
            cursor.execute(
                LIST_KNOWN if tag == EVERYTHING else TAG_LISTED,
                {"resource": resource_id, "ids": list(ids), "tag": tag, "gone": DELETED},
            )
    return stored(one)


def columns(resource: ClaimedResource, found: Changes, polled_at: datetime) -> dict[str, Any]:
    """Stores how far a poll of the resource came in one; returns the columns to write.

    None where it had no part in one: somebody may have asked for one meanwhile.
    """
    if found.reconciliation is not None:
        state = advance(resource.id, found.reconciliation, found.listed, polled_at)
        return {"reconciliation": state}
    if resource.cursor is None or found.picture is not None:  # what is known begins anew
        clear(resource.id)
        return {"reconciliation": None}
    return {}


def listed_objects(
    resource_id: int, question: ListedObjects
) -> dict[str, tuple[str, tuple[str, ...] | None]]:
    """Answers a feed's question."""
    with connection.cursor() as cursor:
        cursor.execute(
            NEXT_KNOWN,
            {
                "resource": resource_id,
                "after": question.after,
                "most": question.most,
                "gone": DELETED,
            },
        )
        return {
            id_: (fingerprint, None if tags is None else tuple(tags))
            for id_, fingerprint, tags in cursor.fetchall()
        }


def clear(resource_id: int) -> None:
    """Removes what was listed."""
    ListedObject.objects.filter(resource_id=resource_id).delete()


def receipt(one: Reconciliation) -> dict[str, Any]:
    """What PollRun.receipt keeps of a finished one."""
    return {name: value for name, value in stored(one).items() if name != "place"}


def request(row: PollingResource, now: datetime) -> Reconciliation:
    """Begins one on a locked row that has a cursor, unless one is under way; due at once.

    Returns the one that is under way then.
    """
    if row.reconciliation is not None:
        return restored(row.reconciliation)
    since = min(row.watched_since or row.created_at, now)
    cursor = row.cursor or ""
    one = Reconciliation(ReconciliationReason.REQUESTED, since, now, cursor, resumed_at=cursor)
    clear(row.pk)
    row.reconciliation = stored(one)
    row.told_at = now  # a poll that is running does not put it off
    if row.failures == 0:
        row.next_poll_at = min(row.next_poll_at, now)
    row.save(update_fields=["reconciliation", "told_at", "next_poll_at"])
    wakeups.wake(wakeups.POLLS, [row.organization_id], row.next_poll_at)
    return one
