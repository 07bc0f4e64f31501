"""What somebody asked to have done to many rows, and how far the worker is with it."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class ErrandStatus(models.TextChoices):
    WAITING = "waiting", "waiting"
    RUNNING = "running", "running"
    DONE = "done", "done"
    CANCELLED = "cancelled", "cancelled"
    STOPPED = "stopped", "stopped"  # by what `error` says


class Errand(models.Model):
    """A deed (administration.deeds) done to each row of a selection, by rising id.

    The selection is `ids`, or without them what the list shows for `query`, looked up as it goes
    on; rows above `until_id` came later and are none of it. All up to `position` are done, and
    counted. `worked_at` is when its turn began or one was done last: the errand that has
    waited longest is next.
    """

    deed = models.CharField(max_length=40)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="errands"
    )
    query = models.TextField(blank=True)
    ids = ArrayField(models.BigIntegerField(), null=True)
    until_id = models.BigIntegerField()
    position = models.BigIntegerField(default=0)
    tries = models.IntegerField(default=0)  # turns begun since `position` moved
    total = models.BigIntegerField(null=True)  # known once it has begun
    changed = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)  # were as they should be
    failed = models.BigIntegerField(default=0)
    failures = models.JSONField(default=list)  # of the first: [{"id", "reason"}]
    status = models.CharField(max_length=10, choices=ErrandStatus, default=ErrandStatus.WAITING)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    worked_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)  # when who asked was told what came of it

    class Meta:
        indexes = [
            models.Index(
                fields=["worked_at"],
                condition=models.Q(finished_at__isnull=True),
                name="errand_to_do",
            ),
            models.Index(
                fields=["asked_by"],
                condition=models.Q(finished_at__isnull=False, told_at__isnull=True),
                name="errand_to_tell_of",
            ),
            models.Index(
                fields=["finished_at"],
                condition=models.Q(finished_at__isnull=False),
                name="errand_finished",
            ),
        ]

    def __str__(self) -> str:
        return f"errand {self.pk}"

    @property
    def done(self) -> int:
        return self.changed + self.unchanged + self.failed
