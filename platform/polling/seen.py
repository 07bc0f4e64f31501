"""What is known of each object, so that nothing is told twice.

Of a change feed's resource: what events have told. Of a compared one: all that its listing held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from django.db import connection

from elements.calls import Change, ChangeType
from polling.models import PolledObject
from transport.types import KnownObjects

DELETED = "deleted"  # the fingerprint under which a deleted object is remembered


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


def notice(resource_id: int, states: Mapping[str, str]) -> None:
    """Knows these states ({object id: fingerprint}) from now on, though no event tells of them."""
    if states:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO polling_polledobject (resource_id, object_id, fingerprint)
                SELECT %s, object_id, fingerprint FROM unnest(%s::text[], %s::text[])
                    AS seen(object_id, fingerprint)
                ORDER BY object_id
                ON CONFLICT (resource_id, object_id)
                DO UPDATE SET fingerprint = EXCLUDED.fingerprint
                """,
                [resource_id, list(states), list(states.values())],
            )


def forget(resource_id: int, object_ids: Collection[str]) -> None:
    """Knows no more of these objects."""
    if object_ids:
        PolledObject.objects.filter(resource_id=resource_id, object_id__in=object_ids).delete()


def news(resource_id: int, changes: Iterable[Change], created: Collection[str]) -> list[Change]:
    """The changes that no event has told yet, each with the type that its receiver should see.

    An object in `created` was new when it was put aside, and is CREATED still. One that was told
    of before is not CREATED again, unless it was deleted in between.
    """
    changes = list(changes)
    told = known_objects(resource_id, KnownObjects(tuple(change.object_id for change in changes)))
    result = []
    for change in changes:
        fingerprint = _fingerprint(change)
        before = told.get(change.object_id)
        if before == fingerprint:
            continue
        told[change.object_id] = fingerprint
        result.append(_typed(change, _type(change, before, created)))
    return result


def remember(resource_id: int, changes: Iterable[Change]) -> None:
    """Keeps the last state of each object that an event tells."""
    latest = {change.object_id: change for change in changes}
    PolledObject.objects.bulk_create(
        [
            PolledObject(
                resource_id=resource_id,
                object_id=change.object_id,
                fingerprint=_fingerprint(change),
                occurred_at=change.occurred_at,
            )
            # In one order for everyone: two that write the same rows must not wait crosswise.
            for _, change in sorted(latest.items())
        ],
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["resource", "object_id"],
        update_fields=["fingerprint", "occurred_at"],
    )


def _fingerprint(change: Change) -> str:
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
