"""What is known of each object, so that nothing is told twice.

Of a change feed's resource: what events have told. Of a compared one: all that its listing held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from elements.calls import DELETED, Change, ChangeType
from polling import rows
from polling.models import PolledObject
from transport.types import KnownObjects

KNOWN = """
SELECT o.resource_id, o.object_id, o.fingerprint
FROM unnest(%s::bigint[], %s::text[]) AS asked(resource_id, object_id)
JOIN polling_polledobject AS o
    ON o.resource_id = asked.resource_id AND o.object_id = asked.object_id
"""
FORGET = """
DELETE FROM polling_polledobject AS o
USING unnest(%s::bigint[], %s::text[]) AS gone(resource_id, object_id)
WHERE o.resource_id = gone.resource_id AND o.object_id = gone.object_id
"""
# In one order for everyone: two that write the same rows must not wait crosswise.
NOTICE = """
INSERT INTO polling_polledobject (resource_id, object_id, fingerprint)
SELECT resource_id, object_id, fingerprint
FROM json_to_recordset(%s) AS state(resource_id bigint, object_id text, fingerprint text)
ORDER BY resource_id, object_id
ON CONFLICT (resource_id, object_id) DO UPDATE SET fingerprint = EXCLUDED.fingerprint
"""
REMEMBER = """
INSERT INTO polling_polledobject (resource_id, object_id, fingerprint, occurred_at)
SELECT resource_id, object_id, fingerprint, occurred_at
FROM json_to_recordset(%s) AS state(
    resource_id bigint, object_id text, fingerprint text, occurred_at timestamptz)
ORDER BY resource_id, object_id
ON CONFLICT (resource_id, object_id)
DO UPDATE SET fingerprint = EXCLUDED.fingerprint, occurred_at = EXCLUDED.occurred_at
"""


class State(NamedTuple):
    """The state of one object; `occurred_at` dates the object itself."""

    resource_id: int
    object_id: str
    fingerprint: str
    occurred_at: datetime | None = None


def known_objects(resource_id: int, question: KnownObjects) -> dict[str, str]:
    """Answers a feed's question: {object id: fingerprint}; deleted ones have "deleted"."""
    if question.everything:
        return _all_known(resource_id)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT object_id, fingerprint FROM polling_polledobject
            WHERE resource_id = %(resource)s AND object_id = ANY(%(ids)s::text[])
            UNION
            SELECT object_id, fingerprint FROM polling_polledobject
            WHERE resource_id = %(resource)s AND occurred_at >= %(since)s
            UNION
            SELECT object_id, '' FROM polling_putasideobject
            WHERE %(put_aside)s AND resource_id = %(resource)s AND object_id = ANY(%(ids)s::text[])
            """,
            {
                "resource": resource_id,
                "ids": list(question.ids),
                "since": question.since,
                "put_aside": question.put_aside,
            },
        )
        return dict(cursor.fetchall())


def _all_known(resource_id: int) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT object_id, fingerprint FROM polling_polledobject WHERE resource_id = %(resource)s
            UNION ALL
            SELECT object_id, '' FROM polling_putasideobject WHERE resource_id = %(resource)s
            """,
            {"resource": resource_id},
        )
        return dict(cursor.fetchall())


def replace_all(resource_id: int, picture: Mapping[str, str]) -> None:
    """Keeps `picture` ({object id: fingerprint}) as all that is known of the resource."""
    PolledObject.objects.filter(resource_id=resource_id).delete()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO polling_polledobject (resource_id, object_id, fingerprint)
            SELECT %s, object_id, fingerprint FROM unnest(%s::text[], %s::text[])
                AS seen(object_id, fingerprint)
            """,
            [resource_id, list(picture), list(picture.values())],
        )


def known_of(object_ids: Mapping[int, Collection[str]]) -> dict[int, dict[str, str]]:
    """What is known of these objects, {resource: their ids}: {resource: {id: fingerprint}}."""
    known: dict[int, dict[str, str]] = {resource_id: {} for resource_id in object_ids}
    asked = [(resource_id, id_) for resource_id, ids in object_ids.items() for id_ in ids]
    if asked:
        resources, ids = zip(*asked, strict=True)
        with connection.cursor() as cursor:
            cursor.execute(KNOWN, [list(resources), list(ids)])
            for resource_id, id_, fingerprint in cursor.fetchall():
                known[resource_id][id_] = fingerprint
    return known


def notice(states: Iterable[State]) -> None:
    """Knows these states from now on, though no event tells of them."""
    _write(NOTICE, states)


def remember(states: Iterable[State]) -> None:
    """Keeps the last state of each object that an event tells."""
    _write(REMEMBER, states)


def forget(objects: Collection[tuple[int, str]]) -> None:
    """Knows no more of these objects, (resource, object id)."""
    if objects:
        resources, ids = zip(*objects, strict=True)
        with connection.cursor() as cursor:
            cursor.execute(FORGET, [list(resources), list(ids)])


def _write(statement: str, states: Iterable[State]) -> None:
    latest = {(one.resource_id, one.object_id): one for one in states}
    if latest:
        with connection.cursor() as cursor:
            cursor.execute(statement, [rows.recordset(latest.values())])


def news(
    changes: Iterable[Change], known: Mapping[str, str], created: Collection[str]
) -> list[Change]:
    """The changes that no event has told yet, each with the type that its receiver should see.

    `known` is what is known of their objects. One in `created` was new when it was put aside, and
    is CREATED still. One that was told of before is not CREATED again, unless it was deleted in
    between.
    """
    told = dict(known)
    result = []
    for change in changes:
        fingerprint = fingerprint_of(change)
        before = told.get(change.object_id)
        if before == fingerprint:
            continue
        told[change.object_id] = fingerprint
        result.append(_typed(change, _type(change, before, created)))
    return result


def fingerprint_of(change: Change) -> str:
    return DELETED if change.change_type is ChangeType.DELETED else change.fingerprint


def _type(change: Change, before: str | None, created: Collection[str]) -> ChangeType:
    if change.change_type is ChangeType.UPDATED and change.object_id in created:
        return ChangeType.CREATED if before is None else ChangeType.UPDATED
    if change.change_type is ChangeType.CREATED and before not in {None, DELETED}:
        return ChangeType.UPDATED
    return change.change_type


def _typed(change: Change, change_type: ChangeType) -> Change:
    if change.change_type is change_type:
        return change
    record: Mapping[str, object] = change.record
    if "changeType" in record:
        record = {**record, "changeType": change_type.value}
    return replace(change, change_type=change_type, record=record)
