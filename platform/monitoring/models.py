"""What is remembered of each minute."""

from __future__ import annotations

from django.db import models


class Sample(models.Model):
    """How things stood at the end of a minute, and what happened within it: monitoring.sample."""

    at = models.DateTimeField(primary_key=True)  # the minute's beginning
    connected = models.PositiveIntegerField(default=0)  # instances, overdue ones among them
    lost = models.PositiveIntegerField(default=0)  # instances that must be connected again
    disabled = models.PositiveIntegerField(default=0)  # instances
    overdue = models.PositiveIntegerField(default=0)  # instances
    polls = models.PositiveIntegerField(default=0)
    failed_polls = models.PositiveIntegerField(default=0)  # of `polls`
    events = models.PositiveIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)
    failed_attempts = models.PositiveIntegerField(default=0)  # of `attempts`
    # By element, but for private ones: [resources, those that fail] of monitoring.sample.Polled
    elements = models.JSONField(default=dict, db_default={})
    last_attempt_id = models.BigIntegerField(default=0)  # the next sample counts from there

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"
