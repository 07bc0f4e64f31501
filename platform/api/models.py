from __future__ import annotations

from django.db import models


class RequestWindow(models.Model):
    """How many requests a caller may still make in the running minute, on all hosts together.

    Written by api.allowance alone. The table is unlogged: a crash of PostgreSQL empties it, which
    costs no more than a minute's counts.
    """

    subject = models.CharField(max_length=100, primary_key=True)  # "user 7"
    started_at = models.DateTimeField()  # of the window, by PostgreSQL's clock
    drawn = models.BigIntegerField()  # requests that processes have taken, made or not
    block = models.BigIntegerField()  # how many the latest draw was granted

    def __str__(self) -> str:
        return f"{self.subject}: {self.drawn} since {self.started_at:%H:%M}"
