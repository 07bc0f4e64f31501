"""What providers have been asked to tell of by themselves: one row an instance."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models.functions import Coalesce

from encryption.fields import EncryptedModel, EncryptedTextField

MOST_UNANNOUNCED = 3  # a notice may come a little later than the poll that it announces
# As InstanceWatch.status, of the row `w` at %(now)s.
STATUS = f"""
CASE WHEN NOT w.wanted OR w.suspended
     THEN CASE WHEN w.due_at IS NULL THEN 'off' ELSE 'stopping' END
     WHEN w.started_at IS NULL THEN CASE WHEN w.failures > 0 THEN 'failed' ELSE 'starting' END
     WHEN w.expires_at <= %(now)s THEN 'failed'
     WHEN w.unannounced >= {MOST_UNANNOUNCED} THEN 'silent'
     ELSE 'on' END
"""


class InstanceWatch(EncryptedModel):
    """The watch of one instance at its provider (elements.types.Watch), wanted or not any more.

    `wanted` follows from the instance and `suspended` from its user; watching.wish sets both, and
    counts `version` up with each change of what is to be at the provider. A row that is due is
    worked on: it is started where it is `on`, and stopped otherwise. It may be claimed when its
    claimable time has come: `lease_until` while somebody has it, `due_at` otherwise.
    """

    instance = models.OneToOneField(
        "instances.ElementInstance", on_delete=models.CASCADE, related_name="watch"
    )
    secret = EncryptedTextField()  # what the provider signs with
    state = models.JSONField(default=dict)  # of the last start
    wanted = models.BooleanField(default=True)
    suspended = models.BooleanField(default=False)  # the instance's user is switched off
    version = models.PositiveIntegerField(default=0)
    configured = models.CharField(max_length=64)  # digest of the configuration that is wanted
    due_at = models.DateTimeField(null=True)  # None: nothing to do
    lease_id = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)  # the last start that succeeded; None: stopped
    expires_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    error = models.TextField(blank=True)
    last_heard_at = models.DateTimeField(null=True)  # when the provider told something
    # Digest of what its notices call the account (watching.notices); empty where there are none.
    account = models.CharField(max_length=64, blank=True, default="")
    unannounced = models.PositiveIntegerField(default=0)  # finds of polls since then

    class Meta:
        indexes = [
            models.Index(
                Coalesce("lease_until", "due_at"),
                condition=models.Q(due_at__isnull=False),
                name="watch_claimable",
            ),
            models.Index(
                fields=["account"], condition=~models.Q(account=""), name="watch_of_account"
            ),
            models.Index(fields=["id"], condition=models.Q(suspended=True), name="watch_suspended"),
            models.Index(fields=["id"], condition=models.Q(wanted=False), name="watch_not_wanted"),
        ]

    def __str__(self) -> str:
        return f"watch of instance {self.instance_id}"

    @property
    def on(self) -> bool:
        return self.wanted and not self.suspended

    def status(self, now: datetime) -> str:
        """off, stopping, starting, on; failed: never started, or ended before it was renewed;
        silent: polls have found again and again what nothing had announced."""
        if not self.on:
            return "off" if self.due_at is None else "stopping"
        if self.started_at is None:
            return "failed" if self.failures else "starting"
        if self.expires_at is not None and self.expires_at <= now:
            return "failed"
        return "silent" if self.unannounced >= MOST_UNANNOUNCED else "on"
