"""The address of an instance whose provider does not sign what it sends."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class UnsignedAddress(models.Model):
    """Takes unsigned webhooks of one instance, from its networks; see events.unsigned.

    `key_digest` is SHA-256, in hexadecimal, of the key that the address ends with. `networks` are
    in CIDR notation (RFC 4632, RFC 4291), or networks.ANY alone. `refused_from` is the last client
    that knew the key and came from elsewhere. Both times are exact to a minute.
    """

    instance = models.OneToOneField(
        "instances.ElementInstance", on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    key_digest = models.CharField(max_length=64, unique=True)
    networks = ArrayField(models.TextField())
    created_at = models.DateTimeField()
    received_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    refused_from = models.GenericIPAddressField(null=True)

    def __str__(self) -> str:
        return f"unsigned webhooks of {self.instance_id}"
