"""The hosts that run the worker, which loops each of them runs, and what engines are told."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class WorkerHost(models.Model):
    """A cluster of processes on some host, and when it was last heard of: worker.leases.

    All times are by PostgreSQL's clock.
    """

    name = models.CharField(max_length=200, primary_key=True)  # host name, process id, a random end
    processes = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    clock_offset = models.FloatField(
        default=0.0, db_default=0.0
    )  # seconds that its clock is ahead of PostgreSQL's
    trouble = models.TextField(
        default="", db_default="", blank=True
    )  # which of its loops do not work

    def __str__(self) -> str:
        return self.name


class LoopLease(models.Model):
    """One loop, and the host that runs it until its lease ends: worker.leases."""

    loop = models.CharField(max_length=32)
    slot = models.PositiveSmallIntegerField()
    host = models.CharField(max_length=200)
    lease_until = models.DateTimeField()
    taken_at = models.DateTimeField()
    worked_at = models.DateTimeField(null=True)  # when it last got an answer from the database

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["loop", "slot"], name="one_lease_of_a_loop"),
        ]

    def __str__(self) -> str:
        return f"{self.loop} loop {self.slot + 1}"


class WakeUp(models.Model):
    """Something was made due, for those who look for it: worker.wakeups. Rows are only added."""

    queue = models.CharField(max_length=20)
    keys = ArrayField(models.BigIntegerField())  # organizations or subscriptions, as the queue has
    due_at = models.DateTimeField()  # when the first of it is due
    written_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.queue} of {len(self.keys)}"
