"""Bulk downloads: a job, what it has still to read, what it has stored, and what it could not read.

A job is a due row (docs/architecture.md). Its result is rows of compressed chunks, so that any
host can serve the download. Chunk, place and counters are written in one transaction
(bulk.commit).
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Coalesce


class JobStatus(models.TextChoices):
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    ERROR = "ERROR"


UNFINISHED = (JobStatus.CREATED, JobStatus.RUNNING)


class BulkJob(models.Model):
    """One download of one resource of one instance.

    `listed` says that the provider's list was read to its end; until then `page_token` is where
    it goes on. `objects_count` counts what was found so far, `records_count` what is stored.
    """

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, related_name="bulk_jobs"
    )
    instance = models.ForeignKey(
        "instances.ElementInstance", on_delete=models.CASCADE, related_name="bulk_jobs"
    )
    resource = models.CharField(max_length=200)
    query = models.TextField()
    where = models.TextField(blank=True)
    order_field = models.TextField(blank=True)
    descending = models.BooleanField(default=False)
    parameters = models.JSONField(default=dict)  # further ones for the resource's operations
    status = models.CharField(max_length=10, choices=JobStatus, default=JobStatus.CREATED)
    error = models.TextField(blank=True)  # why it ended, or what it is waiting for

    listed = models.BooleanField(default=False)
    page_token = models.TextField(blank=True)  # the provider's
    restarts = models.PositiveSmallIntegerField(default=0)  # how often the list was begun anew
    next_run_at = models.DateTimeField()
    lease_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)  # setbacks in a row
    failing_since = models.DateTimeField(null=True)

    objects_count = models.PositiveBigIntegerField(default=0)
    records_count = models.PositiveBigIntegerField(default=0)
    failed_count = models.PositiveBigIntegerField(default=0)
    chunks = models.PositiveIntegerField(default=0)
    stored_bytes = models.PositiveBigIntegerField(default=0)  # compressed
    columns = ArrayField(models.TextField(), default=list)  # of the CSV, as they first occurred

    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                "organization",
                Coalesce("lease_until", "next_run_at"),
                condition=models.Q(status__in=["CREATED", "RUNNING"]),
                name="bulk_job_claimable",
            ),
            models.Index(fields=["instance", "id"], name="bulk_job_of_instance"),
            models.Index(
                fields=["finished_at"],
                condition=models.Q(finished_at__isnull=False),
                name="bulk_job_finished",
            ),
            models.Index(
                fields=["status", "id"],
                condition=models.Q(status__in=["CREATED", "RUNNING", "CANCELLED", "ERROR"]),
                name="bulk_job_not_completed",
            ),
        ]

    def __str__(self) -> str:
        return f"bulk job {self.pk} ({self.resource}, {self.status})"

    @property
    def finished(self) -> bool:
        return self.status not in UNFINISHED


class BulkObject(models.Model):
    """A record that was listed by its id and has still to be read; gone when it has been."""

    job = models.ForeignKey(BulkJob, on_delete=models.CASCADE, db_index=False)
    object_id = models.TextField()
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "object_id"], name="bulk_object_once"),
        ]
        indexes = [models.Index(fields=["job", "attempts", "id"], name="bulk_object_next")]

    def __str__(self) -> str:
        return f"{self.object_id} of bulk job {self.job_id}"


class BulkChunk(models.Model):
    """Records as JSON lines, compressed (zlib). `number` counts from 0, without gaps.

    A chunk of a job with an order holds one record, and what it is sorted by.
    """

    job = models.ForeignKey(BulkJob, on_delete=models.CASCADE, db_index=False)
    number = models.PositiveIntegerField()
    records = models.PositiveIntegerField()
    data = models.BinaryField()
    sort_number = models.FloatField(null=True)
    sort_text = models.TextField(null=True)  # noqa: DJ001 - null sorts last, an empty text first

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="bulk_chunk_once"),
        ]

    def __str__(self) -> str:
        return f"chunk {self.number} of bulk job {self.job_id}"


class BulkError(models.Model):
    """A record that could not be read, and why."""

    job = models.ForeignKey(BulkJob, on_delete=models.CASCADE, db_index=False)
    object_id = models.TextField()
    message = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["job", "id"], name="bulk_error_of_job")]

    def __str__(self) -> str:
        return f"{self.object_id}: {self.message}"
