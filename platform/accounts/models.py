"""Organizations, their accounts, and the people in them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.contrib.postgres.indexes import OpClass
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.functions import Lower, Upper
from django.utils import timezone

from accounts.roles import GRANTABLE


class FailurePolicy(models.TextChoices):
    """What happens to a notification whose delivery fails."""

    RETRY = "retry", "retry"
    QUEUE = "queue", "queue"


class Organization(models.Model):
    """A customer. Its secret is shown once and stored as a digest (accounts.secret).

    Saving a new one makes its default account.
    """

    name = models.CharField(max_length=200)
    secret_digest = models.CharField(max_length=64, unique=True)
    secret_hint = models.CharField(max_length=4, blank=True)  # the last four characters
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(OpClass(Upper("name"), "text_pattern_ops"), name="organization_by_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        new = self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if new:
                Account.objects.create(
                    organization=self, name=self.name, description=self.name, is_default=True
                )

    @property
    def default_account(self) -> Account:
        return self.accounts.get(is_default=True)


class Account(models.Model):
    """A part of an organization with users of its own, who see what is its (accounts.reach).

    Every organization has a default one.

    Inactive: its users can neither sign in nor call, and what they connected is not polled.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="accounts"
    )
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=1000, blank=True)
    external_id = models.CharField(max_length=200, blank=True)  # the customer's name of it
    active = models.BooleanField(default=True)
    is_default = models.BooleanField(default=False)
    failure_policy = models.CharField(
        max_length=10, choices=FailurePolicy, default=FailurePolicy.RETRY
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(OpClass(Upper("name"), "text_pattern_ops"), name="account_by_name"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(is_default=True),
                name="one_default_account",
            ),
            # An inactive account gives its external id up: whoever deletes one may make another.
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=models.Q(active=True),
                name="one_active_account_an_external_id",
            ),
            models.CheckConstraint(
                condition=models.Q(is_default=False) | models.Q(active=True),
                name="default_account_is_active",
            ),
        ]

    def __str__(self) -> str:
        return self.name


TAKEN = "A user with that e-mail address already exists."


class UserManager(DjangoUserManager["User"]):
    use_in_migrations = False

    def of_address(self, address: str | None) -> models.QuerySet[User]:
        """Return who may be meant by that e-mail address, in whatever case it is typed.

        One user where it is verified; otherwise all who have it, each in another organization.
        """
        users = self.filter(username=(address or "").strip().lower())
        verified = users.filter(address_verified_at__isnull=False)
        return verified if verified.exists() else users.order_by("pk")

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the one user of that address. Raises DoesNotExist, MultipleObjectsReturned."""
        return self.of_address(username).get()

    def create_superuser(self, username: str, *args: Any, **fields: Any) -> User:
        """Make one on the server itself: whoever does that vouches for the address."""
        fields.setdefault("address_verified_at", timezone.now())
        return super().create_superuser(username, *args, **fields)


class User(AbstractUser):
    """A person in an organization; signs in with the e-mail address, which is the username.

    The address is kept in lower case. It is one user's alone once it is verified
    (accounts.address_verification), and before that one user's of an organization. A user without
    organization administers the installation and cannot call the API. Saving a user of an
    organization puts it into the default account unless it is in another of that organization's.

    `removed_at` is set on who was removed for good: of that person nothing is left, only the row
    that connected accounts belong to (accounts.access).
    """

    username = models.EmailField("e-mail address", db_index=True)
    address_verified_at = models.DateTimeField("address verified", null=True, editable=False)
    verification_sent_at = models.DateTimeField(null=True, editable=False)  # the last mail for it
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, null=True, blank=True, related_name="users"
    )
    account = models.ForeignKey(
        Account, on_delete=models.RESTRICT, null=True, blank=True, related_name="users"
    )
    secret_digest = models.CharField(max_length=64, unique=True, null=True, blank=True)
    secret_hint = models.CharField(max_length=4, blank=True)
    removed_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                condition=models.Q(address_verified_at__isnull=False),
                name="one_user_a_verified_address",
                violation_error_message=TAKEN,
            ),
            models.UniqueConstraint(
                Lower("username"),
                "organization",
                name="one_user_an_address_in_an_organization",
                violation_error_message=TAKEN,
            ),
            models.UniqueConstraint(
                Lower("username"),
                condition=models.Q(organization__isnull=True),
                name="one_user_an_address_without_organization",
                violation_error_message=TAKEN,
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(is_active=False), name="user_off"),
            models.Index(fields=["id"], condition=models.Q(is_staff=True), name="user_of_staff"),
            models.Index(
                fields=["id"], condition=models.Q(is_superuser=True), name="user_with_all_rights"
            ),
        ]

    def clean(self) -> None:
        # A form that refused the address leaves None here, whatever the column allows.
        self.username = (self.username or "").strip().lower()
        self.email = self.username
        if self.account is not None and self.account.organization_id != self.organization_id:
            raise ValidationError({"account": "This account is of another organization."})

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.username = self.username.strip().lower()
        self.email = self.email or self.username
        if kwargs.get("update_fields") is None:
            self._settle_account()
        super().save(*args, **kwargs)

    def _settle_account(self) -> None:
        if self.organization is None:
            self.account = None
        elif self.account is None or self.account.organization_id != self.organization.pk:
            self.account = self.organization.default_account

    @property
    def has_access(self) -> bool:
        """Whether the user may sign in and call: neither the user nor the account is off."""
        return self.is_active and (self.account is None or self.account.active)


class RoleGrant(models.Model):
    """That a user has a role of accounts.roles."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_grants")
    key = models.CharField(max_length=20, choices=[(role.key, role.name) for role in GRANTABLE])
    granted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="one_grant_of_a_role"),
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.user_id}"


class BrowserSession(AbstractBaseSession):
    """That a browser is known: where a person is signed in, or is on a way without signing in.

    accounts.sessions keeps it. Without its row a session is over.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")
    address = models.CharField(max_length=50, blank=True)  # where it began, as text
    agent = models.CharField(max_length=300, blank=True)  # the browser's own words
    began_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()  # to within accounts.sessions.SEEN_EVERY

    @classmethod
    def get_session_store_class(cls) -> Any:
        from accounts.sessions import SessionStore

        return SessionStore


class PasswordReset(models.Model):
    """When a person was last sent an e-mail to choose a password by; accounts.password_reset."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")
    sent_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"e-mail to user {self.user_id}"
