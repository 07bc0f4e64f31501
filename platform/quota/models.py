from __future__ import annotations

from django.db import models


class QuotaBucket(models.Model):
    """What has been drawn of one project's quota, or of one account's. Written by quota.bucket.

    Times are PostgreSQL's. `drawn` units and `seats` are of the running `minute`, `late` and
    `late_seats` the part of them that counts in the next one, too; `day_drawn` is of the
    provider's `day`. The last four columns are what the latest draw was told.
    """

    subject = models.CharField(max_length=200, primary_key=True)
    minute = models.DateTimeField()
    drawn = models.BigIntegerField(default=0)
    late = models.BigIntegerField(default=0)
    seats = models.IntegerField(default=0)
    late_seats = models.IntegerField(default=0)
    day = models.DateField()
    day_drawn = models.BigIntegerField(default=0)
    called = models.BigIntegerField(default=0)  # of `day_drawn`, by others than polls
    closed_until = models.DateTimeField(null=True)  # the provider itself has said so
    block = models.BigIntegerField(default=0)
    seated = models.BooleanField(default=False)
    ends_at = models.DateTimeField(null=True)
    again_at = models.DateTimeField(null=True)  # null: a block was granted

    def __str__(self) -> str:
        return f"{self.subject}: {self.drawn} since {self.minute:%H:%M}"
