"""The hosts that run the worker."""

from __future__ import annotations

from django.db import models


class WorkerHost(models.Model):
    """A cluster of processes on some host, and when it was last heard of: worker.heartbeat."""

    name = models.CharField(max_length=200, primary_key=True)  # host name and process id
    processes = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
