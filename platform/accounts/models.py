"""Organizations and the people in them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models
from django.db.models.functions import Lower


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


class UserManager(DjangoUserManager["User"]):
    use_in_migrations = False

    def get_by_natural_key(self, username: str | None) -> User:
        """The user who signs in with that e-mail address, in whatever case it is typed."""
        return super().get_by_natural_key((username or "").strip().lower())


class User(AbstractUser):
    """A person in an organization; signs in with the e-mail address, which is the username.

    The address is kept in lower case. A user without organization administers the installation
    and cannot call the API.
    """

    username = models.EmailField(
        "e-mail address",
        unique=True,
        error_messages={"unique": "A user with that e-mail address already exists."},
    )
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="users"
    )
    secret_digest = models.CharField(max_length=64, unique=True, null=True, blank=True)
    secret_hint = models.CharField(max_length=4, blank=True)

    objects: ClassVar[UserManager] = UserManager()

    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="one_user_an_address"),
        ]

    def clean(self) -> None:
        # A form that refused the address leaves None here, whatever the column allows.
        self.username = (self.username or "").strip().lower()
        self.email = self.username

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.username = self.username.strip().lower()
        self.email = self.email or self.username
        super().save(*args, **kwargs)
