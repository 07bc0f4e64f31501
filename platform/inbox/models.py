"""A callback URL of the platform's own for each account, and what arrived at it."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from encryption.fields import EncryptedModel, EncryptedTextField


class Inbox(EncryptedModel):
    """An account's inbox. Anyone with the key may send to it."""

    account = models.OneToOneField(
        "accounts.Account", on_delete=models.CASCADE, related_name="inbox"
    )
    key = EncryptedTextField()
    key_digest = models.CharField(max_length=64, unique=True)
    received = models.BigIntegerField(default=0)  # the number of its latest delivery
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "inboxes"

    def __str__(self) -> str:
        return f"inbox of account {self.account_id}"


class InboxDelivery(models.Model):
    """One request that arrived. Numbers count from 1 in each inbox, and leave none out.

    `body` is its beginning, `size` the bytes of all of it. `checks` are the verdicts on its
    signatures when it arrived (inbox.checks), for keys change. `event_id` and `instance_id` are
    of what it says it is, where the account has that (0: a test from a form, of an instance
    that is not there yet); no keys, for those go before it.
    """

    inbox = models.ForeignKey(
        Inbox,
        on_delete=models.CASCADE,
        related_name="deliveries",
        db_index=False,  # the constraint below begins with it
    )
    number = models.BigIntegerField()
    received_at = models.DateTimeField()
    webhook_id = models.CharField(max_length=100, blank=True)
    event_id = models.BigIntegerField(null=True)
    instance_id = models.BigIntegerField(null=True)
    headers = models.JSONField(default=list)  # [[name, value]]
    body = models.BinaryField()
    size = models.PositiveIntegerField()
    checks = models.JSONField(default=list)  # [{"scheme", "verifies", "why"}]

    class Meta:
        verbose_name_plural = "inbox deliveries"
        constraints = [
            models.UniqueConstraint(fields=["inbox", "number"], name="number_in_an_inbox"),
        ]
        indexes = [BrinIndex(fields=["received_at"], name="inbox_delivery_age")]

    def __str__(self) -> str:
        return f"delivery {self.number} of inbox {self.inbox_id}"
