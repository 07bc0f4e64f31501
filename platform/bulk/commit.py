"""Stores what one step of a job came to, or drops it.

Rule 1: everything of a step is one transaction, with the fence: only where the lease is still
ours. So whatever kills a worker, each record is stored once.
Rule 2: nobody waits for a lock: who has the job's row locked cancels or deletes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from bulk.claim import LEASE
from bulk.models import UNFINISHED, BulkChunk, BulkError, BulkJob, BulkObject, JobStatus
from bulk.pack import Packed
from transport.errors import storable
from worker.backoff import Backoff

PATIENCE = timedelta(hours=25)  # longer than a provider's daily quota takes to come back
BACKOFF = Backoff(timedelta(seconds=5), timedelta(minutes=10), longest_asked=timedelta(days=1))
MOST_RESTARTS = 3
LONGEST_ERROR = 1000  # characters that we keep
LONGEST_ID = 1000  # characters
TOO_LARGE = "what was found takes more than {} bytes: ask for less with a where-clause"

ADD_OBJECTS = """
INSERT INTO bulk_bulkobject (job_id, object_id, attempts)
SELECT %(job)s, listed.id, 0
  FROM unnest(%(ids)s::text[]) WITH ORDINALITY AS listed(id, place)
 ORDER BY listed.place
    ON CONFLICT (job_id, object_id) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Setback:
    """The provider can't be asked now. `retry_after` (seconds) is what it said itself.

    `units` says that it wasn't asked: its quota has no units left for bulk jobs.
    """

    error: str
    retry_after: float | None = None
    units: bool = False


@dataclass(slots=True)
class Step:
    """What one page of the list, or one batch of records, came to.

    `listed_ids` are to be read; `settled` have been, well or not; `again` failed for now and
    come back after the others. `page_token` None leaves the place in the list as it is, an empty
    one says that the list is at its end. `anew` begins the list again, for that reason.
    """

    found: int = 0  # records in the page itself
    listed_ids: Sequence[str] = ()
    page_token: str | None = None
    chunks: Sequence[Packed] = ()
    columns: Sequence[str] = ()
    settled: Sequence[str] = ()
    again: Sequence[str] = ()
    errors: Mapping[str, str] = field(default_factory=dict)  # id: why
    setback: Setback | None = None
    anew: str = ""


def store(job: BulkJob, step: Step, now: datetime) -> BulkJob | None:
    """Stores the step, lengthens the lease, and answers the job as it now is.

    None when there is nothing more to do for this holder: the job has ended, waits, or is
    somebody else's.
    """
    with transaction.atomic():
        row = _ours(job)
        if row is None:
            return None
        _add(row, step, now)
        _go_on(row, step, now)
        if not row.finished and row.stored_bytes > settings.BULK_LARGEST_BYTES:
            _end(row, JobStatus.ERROR, TOO_LARGE.format(settings.BULK_LARGEST_BYTES), now)
        row.save()
    return row if row.lease_id is not None else None


def end(job: BulkJob, status: JobStatus, error: str, now: datetime) -> None:
    """Ends the job, if it is still ours."""
    with transaction.atomic():
        row = _ours(job)
        if row is not None:
            _end(row, status, error, now)
            row.save()


def hand_back(job: BulkJob, now: datetime) -> None:
    """Ends this holder's turn: the job waits behind the others that are due."""
    with transaction.atomic():
        row = _ours(job)
        if row is not None:
            row.lease_id = row.lease_until = None
            row.next_run_at = now
            row.save(update_fields=["lease_id", "lease_until", "next_run_at"])


def cancel(job: BulkJob, now: datetime) -> BulkJob | None:
    """Ends an unfinished job for its owner, whoever works on it; None when it is there no more.

    A finished one stays as it is.
    """
    with transaction.atomic():
        row = BulkJob.objects.select_for_update(no_key=True).filter(pk=job.pk).first()
        if row is not None and not row.finished:
            _end(row, JobStatus.CANCELLED, "", now)
            row.save()
    return row


def _ours(job: BulkJob) -> BulkJob | None:
    return (
        BulkJob.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(pk=job.pk, lease_id=job.lease_id, status__in=UNFINISHED)
        .first()
    )


def _add(row: BulkJob, step: Step, now: datetime) -> None:
    BulkChunk.objects.bulk_create(
        BulkChunk(
            job=row,
            number=row.chunks + place,
            records=chunk.records,
            data=chunk.data,
            sort_number=chunk.sort_number,
            sort_text=chunk.sort_text,
        )
        for place, chunk in enumerate(step.chunks)
    )
    row.chunks += len(step.chunks)
    row.records_count += sum(chunk.records for chunk in step.chunks)
    row.stored_bytes += sum(len(chunk.data) for chunk in step.chunks)
    if step.chunks:
        row.columns = list(step.columns)
    row.objects_count += step.found
    if step.listed_ids:
        row.objects_count += _add_objects(row, step.listed_ids)
    BulkError.objects.bulk_create(
        BulkError(
            job=row,
            object_id=storable(object_id)[:LONGEST_ID],
            message=storable(message)[:LONGEST_ERROR],
            created_at=now,
        )
        for object_id, message in step.errors.items()
    )
    row.failed_count += len(step.errors)
    if step.settled:
        BulkObject.objects.filter(job=row, object_id__in=step.settled).delete()
    for object_id in step.again:
        waiting = BulkObject.objects.filter(job=row, object_id=object_id)
        attempts = waiting.values_list("attempts", flat=True).first()
        if attempts is not None:
            waiting.update(attempts=attempts + 1)


def _add_objects(row: BulkJob, ids: Sequence[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(ADD_OBJECTS, {"job": row.pk, "ids": list(ids)})
        return int(cursor.rowcount)


def _go_on(row: BulkJob, step: Step, now: datetime) -> None:
    """Where the job stands after the step: further on, waiting, begun anew, or at its end."""
    row.lease_until = now + LEASE
    if step.page_token is not None:
        row.page_token = step.page_token
        row.listed = not step.page_token
    if step.anew:
        _begin_anew(row, step.anew, now)
        return
    if step.setback is None or step.settled:
        row.failures, row.failing_since, row.error = 0, None, ""
    if step.setback is not None:
        _wait(row, step.setback, now)
        return
    if row.listed and not BulkObject.objects.filter(job=row).exists():
        _end(row, JobStatus.COMPLETED, "", now)


def _wait(row: BulkJob, setback: Setback, now: datetime) -> None:
    if setback.units:
        row.error = storable(setback.error)[:LONGEST_ERROR]
        asked = setback.retry_after
        row.next_run_at = now + (timedelta(seconds=asked) if asked else BACKOFF.first)
        row.lease_id = row.lease_until = None
        return
    row.failures += 1
    row.failing_since = row.failing_since or now
    row.error = storable(setback.error)[:LONGEST_ERROR]
    if now - row.failing_since >= PATIENCE:
        _end(row, JobStatus.ERROR, row.error, now)
        return
    row.next_run_at = now + BACKOFF.pause(row.failures, setback.retry_after)
    row.lease_id = row.lease_until = None


def _begin_anew(row: BulkJob, reason: str, now: datetime) -> None:
    """The list from its first page. Records to be read are known by their ids; others go."""
    row.restarts += 1
    if row.restarts > MOST_RESTARTS:
        _end(row, JobStatus.ERROR, storable(reason)[:LONGEST_ERROR], now)
        return
    row.page_token = ""
    if row.chunks:
        BulkChunk.objects.filter(job=row).delete()
        BulkError.objects.filter(job=row).delete()
        row.chunks = row.records_count = row.failed_count = row.stored_bytes = 0
        row.objects_count = BulkObject.objects.filter(job=row).count()
        row.columns = []


def _end(row: BulkJob, status: JobStatus, error: str, now: datetime) -> None:
    row.status = status
    row.error = storable(error)[:LONGEST_ERROR]
    row.finished_at = now
    row.lease_id = row.lease_until = None
    row.page_token = ""
    BulkObject.objects.filter(job=row).delete()
