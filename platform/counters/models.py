"""The sums of what all processes have counted."""

from __future__ import annotations

from django.db import models


class CounterTotal(models.Model):
    """One sample of a counter or histogram, as Prometheus names it, over all processes."""

    sample = models.TextField()  # periodic_polls_total, periodic_event_age_seconds_bucket
    labels = models.TextField()  # JSON with sorted keys: {"element": "gmail", "outcome": "idle"}
    value = models.FloatField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sample", "labels"], name="counter_total_once"),
        ]

    def __str__(self) -> str:
        return f"{self.sample}{self.labels}"


class CounterWriter(models.Model):
    """A process that adds to the sums, and which of its batches they hold: counters.counting."""

    id = models.UUIDField(primary_key=True)
    batch = models.BigIntegerField()  # the last one
    stored_at = models.DateTimeField()  # by PostgreSQL's clock

    def __str__(self) -> str:
        return f"{self.id}"
