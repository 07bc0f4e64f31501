"""Jobs and their errors as the API answers them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings

from api.timestamp import timestamp
from bulk.models import BulkError, BulkJob, JobStatus


def job_of(job: BulkJob) -> dict[str, Any]:
    return {
        "id": job.pk,
        "status": job.status,
        "objectName": job.resource,
        "query": job.query,
        "instanceId": job.instance_id,
        "recordsCount": job.records_count,
        "recordsFailedCount": job.failed_count,
        "recordsFoundCount": job.objects_count,
        "progress": _progress(job),
        "error": job.error or None,
        "createdDate": timestamp(job.created_at),
        "startedDate": timestamp(job.started_at),
        "finishedDate": timestamp(job.finished_at),
        "nextTryDate": timestamp(job.next_run_at) if job.failures and not job.finished else None,
        "expiresDate": _expires(job),
    }


def error_of(error: BulkError) -> dict[str, Any]:
    return {
        "objectId": error.object_id or None,
        "message": error.message,
        "date": timestamp(error.created_at),
    }


def _progress(job: BulkJob) -> int | None:
    """Percent of the records; None until the provider's list was read to its end."""
    if job.status == JobStatus.COMPLETED:
        return 100
    if not job.listed:
        return None
    return min(99, 100 * (job.records_count + job.failed_count) // max(1, job.objects_count))


def _expires(job: BulkJob) -> str | None:
    if job.finished_at is None or not settings.BULK_KEPT_DAYS:
        return None
    return timestamp(job.finished_at + timedelta(days=settings.BULK_KEPT_DAYS))
