"""Removes jobs with all that hangs on them: old ones, and those of an instance that is deleted.

Rule: the jobs' rows are locked before anything below them goes. Whoever stores for a job takes
the same lock without waiting for it (bulk.commit), so nothing is added below a job that is about
to go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from bulk.models import BulkJob
from instances.models import ElementInstance

REMOVED_AT_ONCE = 20  # jobs: each may have thousands of chunks

REMOVE = tuple(
    f"DELETE FROM {table} WHERE {column} = ANY(%s::bigint[])"  # noqa: S608 - no outside text
    for table, column in (
        ("bulk_bulkchunk", "job_id"),
        ("bulk_bulkobject", "job_id"),
        ("bulk_bulkerror", "job_id"),
        ("bulk_bulkjob", "id"),
    )
)


def clear_for_deletion(instance: ElementInstance, **_: Any) -> None:
    """Receiver of instance_deleting."""
    jobs = BulkJob.objects.filter(instance=instance).select_for_update().order_by("pk")
    _remove(list(jobs.values_list("pk", flat=True)))


def remove_finished(before: datetime) -> int:
    """Removes the jobs that finished before that time, few in a transaction; how many it were."""
    removed = 0
    while True:
        with transaction.atomic():
            old = (
                BulkJob.objects.filter(finished_at__lt=before)
                .select_for_update(skip_locked=True)
                .order_by("finished_at")
                .values_list("pk", flat=True)[:REMOVED_AT_ONCE]
            )
            ids = list(old)
            _remove(ids)
        removed += len(ids)
        if len(ids) < REMOVED_AT_ONCE:
            return removed


def _remove(ids: Sequence[int]) -> None:
    if not ids:
        return
    with connection.cursor() as cursor:
        for statement in REMOVE:
            cursor.execute(statement, [list(ids)])
