"""Resources that are polled, what is known of their objects, and what polls came to."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class PollingResource(models.Model):
    """One resource of one instance that is polled: a row with a due time and a cursor.

    `active` says whether it is polled at all; polling.schedule derives it from the instance and
    `enabled`, and nothing else sets it. A row may be claimed when `active` and `next_poll_at`
    has come, and `lease_until`, too, while somebody has it.
    """

    # No index of their own: every poll writes each index of the row, and the constraint and the
    # index below begin with these columns.
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, db_index=False
    )
    instance = models.ForeignKey(
        "instances.ElementInstance",
        on_delete=models.CASCADE,
        db_index=False,
        related_name="polling_resources",
    )
    name = models.CharField(max_length=100)
    configuration = models.JSONField(default=dict)  # its entry of event.poller.configuration
    interval = models.PositiveIntegerField()  # seconds
    enabled = models.BooleanField(default=True)
    active = models.BooleanField(default=True)
    next_poll_at = models.DateTimeField()
    lease_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    cursor = models.TextField(null=True)  # noqa: DJ001 - None: not started yet
    # When it was to be polled first: what happened before is no news. Null while events are off.
    watched_since = models.DateTimeField(null=True)
    last_polled_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    # When the last poll began that left nothing unread; null where that is the last success.
    behind_since = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    error = models.TextField(blank=True)
    stall_told_of = models.DateTimeField(null=True)  # the next_poll_at of which it was told
    # What the last poll could not do as it was asked.
    note = models.TextField(blank=True, default="", db_default="")
    # A digest of what a poll left out when it last left out anything: polling.untold.
    left_out = models.CharField(max_length=32, default="", db_default="")
    put_aside_due_at = models.DateTimeField(null=True)  # earliest try of its put-aside objects
    reconciliation = models.JSONField(null=True)  # the one under way: polling.reconciliation
    told_at = models.DateTimeField(null=True)  # when the provider said that there may be news
    # Put off until then: the provider's quota had no units left. Null once polled again.
    units_awaited_until = models.DateTimeField(null=True)
    idle_units = models.PositiveIntegerField(default=0, db_default=0)  # of the last idle poll
    units_day = models.DateField(null=True)  # as the provider begins its days
    units_today = models.BigIntegerField(default=0, db_default=0)  # what polls cost on `units_day`
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instance", "name"], name="one_resource_of_a_name"),
        ]
        indexes = [
            # Each claim, and what is overdue.
            models.Index(
                fields=["organization", "next_poll_at"],
                condition=models.Q(active=True),
                name="polling_resource_due",
            ),
            # Few rows are in one of these, and no idle poll writes any.
            models.Index(
                fields=["id"],
                condition=models.Q(failures__gt=0),
                name="polling_resource_failing",
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(put_aside_due_at__isnull=False),
                name="polling_resource_put_aside",
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(cursor__isnull=True),
                name="polling_resource_not_started",
            ),
            models.Index(
                fields=["id"], condition=models.Q(active=False), name="polling_resource_off"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of instance {self.instance_id}"


class PolledObject(models.Model):
    """The last state of one object that was put into an event."""

    resource = models.ForeignKey(PollingResource, on_delete=models.CASCADE, db_index=False)
    object_id = models.CharField(max_length=500)
    fingerprint = models.CharField(max_length=200)
    occurred_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["resource", "object_id"], name="one_row_an_object"),
        ]

    def __str__(self) -> str:
        return self.object_id


class ListedObject(models.Model):
    """A known object that the reconciliation under way has listed, and under what.

    `tags` are the feed's own, such as labels. The rows go when the reconciliation ends.
    """

    resource = models.ForeignKey(PollingResource, on_delete=models.CASCADE, db_index=False)
    object_id = models.CharField(max_length=500)
    tags = ArrayField(models.TextField(), default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["resource", "object_id"], name="listed_once"),
        ]

    def __str__(self) -> str:
        return self.object_id


class PutAsideObject(models.Model):
    """An object known to have changed whose record is not fetched yet; tried again until it is.

    `attempts` is 0 while it merely waits its turn behind many others.
    """

    resource = models.ForeignKey(
        PollingResource, on_delete=models.CASCADE, db_index=False, related_name="put_aside"
    )
    object_id = models.CharField(max_length=500)
    change_type = models.CharField(max_length=10)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    next_try_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["resource", "object_id"], name="put_aside_once"),
        ]

    def __str__(self) -> str:
        return self.object_id


class PollOutcome(models.TextChoices):
    FOUND = "found", "found changes"
    FAILED = "failed", "failed"
    RECOVERED = "recovered", "recovered a gap"
    RECONCILED = "reconciled", "reconciled on request"
    STARTED = "started", "started"


class PollRun(models.Model):
    """A poll that found something, newly left something out, failed, or ended a reconciliation.

    Idle polls write no row.
    """

    resource = models.ForeignKey(
        PollingResource, on_delete=models.CASCADE, db_index=False, related_name="runs"
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=PollOutcome)
    found = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)  # gone before they could be fetched
    put_aside = models.PositiveIntegerField(default=0)
    cursor_before = models.TextField(blank=True)
    cursor_after = models.TextField(blank=True)
    gap_seconds = models.PositiveIntegerField(null=True)  # width of a recovered gap
    units = models.PositiveIntegerField(default=0, db_default=0)  # of the provider's quota
    error = models.TextField(blank=True)
    # What it noticed and no event tells, some of it at least, and why: polling.untold.
    untold = models.JSONField(default=list, db_default=[])
    receipt = models.JSONField(null=True)  # of the reconciliation that it ended

    class Meta:
        indexes = [
            models.Index(fields=["resource", "-started_at"], name="poll_run_latest"),
            models.Index(
                fields=["resource", "started_at", "id"],
                condition=models.Q(outcome="failed"),
                name="poll_run_failed",
            ),
            # Finds an object's; few runs have any.
            GinIndex(
                fields=["untold"],
                opclasses=["jsonb_path_ops"],
                condition=~models.Q(untold=[]),
                name="poll_run_untold",
            ),
            models.Index(
                fields=["outcome", "id"],
                condition=models.Q(outcome__in=["failed", "recovered"]),
                name="poll_run_notable",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.started_at:%Y-%m-%d %H:%M:%S}"
