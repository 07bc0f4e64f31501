"""Organizations and the people in them."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class FailurePolicy(models.TextChoices):
    """What happens to a notification whose delivery fails."""

    RETRY = "retry", "retry"
    QUEUE = "queue", "queue"


class Organization(models.Model):
    """A customer. Its secret is shown once and stored as a digest (accounts.secret)."""

    name = models.CharField(max_length=200)
    secret_digest = models.CharField(max_length=64, unique=True)
    secret_hint = models.CharField(max_length=4, blank=True)  # the last four characters
    failure_policy = models.CharField(
        max_length=10, choices=FailurePolicy, default=FailurePolicy.RETRY
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person in an organization; signs in with the e-mail address, which is the username."""

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="users"
    )
    secret_digest = models.CharField(max_length=64, unique=True, null=True, blank=True)  # noqa: DJ001 - unique
    secret_hint = models.CharField(max_length=4, blank=True)
