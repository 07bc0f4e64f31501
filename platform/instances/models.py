"""Authenticated accounts at providers, and how we stay authorized to use them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Upper

from encryption.fields import (
    EncryptedModel,
    EncryptedTextField,
    SparseEncryptedTextField,
    opens,
)


class ElementInstance(EncryptedModel):
    """One authenticated account at a provider.

    `configuration` holds what may be read back in clear, key to text; `secrets` holds the other
    keys as encrypted JSON of the same form. The columns below `events_enabled` are derived from
    the two by instances.configuration and never set elsewhere.

    Only instances.provision deletes one, for it revokes the grant: organization and user cannot
    be deleted under it.
    """

    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, related_name="instances"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="instances"
    )
    element_key = models.CharField(max_length=100)
    name = models.CharField(max_length=200)
    tags = models.JSONField(default=list)
    token = EncryptedTextField()
    token_digest = models.CharField(max_length=64, unique=True)
    configuration = models.JSONField(default=dict)
    secrets = EncryptedTextField(default="{}")
    external_authentication = models.CharField(max_length=20, default="none")
    enabled = models.BooleanField(default=True)
    # Equal for instances of one application at the provider: a digest of its id and secret. Empty
    # where the instance names none of its own.
    application = models.CharField(max_length=64, blank=True, default="", db_default="")
    valid = models.BooleanField(default=True)  # False once the provider's grant is lost
    problem = models.TextField(blank=True)  # what a person must know or do
    reason_code = models.CharField(max_length=30, blank=True, default="", db_default="")
    events_enabled = models.BooleanField(default=False)
    vendor_type = models.CharField(max_length=10, default="polling")
    refresh_interval = models.PositiveIntegerField(default=15)  # minutes
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "instance"
        indexes = [
            models.Index(fields=["organization", "id"], name="instance_of_organization"),
            models.Index(fields=["organization", "element_key"], name="instance_of_element"),
            GinIndex(fields=["tags"], opclasses=["jsonb_path_ops"], name="instance_tags"),
            # Of lists over all organizations.
            models.Index(OpClass(Upper("name"), "text_pattern_ops"), name="instance_by_name"),
            models.Index(fields=["element_key", "id"], name="instance_element_of_all"),
            models.Index(fields=["events_enabled", "id"], name="instance_events_enabled"),
            models.Index(fields=["id"], condition=models.Q(valid=False), name="instance_not_valid"),
            models.Index(
                fields=["id"], condition=models.Q(enabled=False), name="instance_not_enabled"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.element_key} {self.pk})"


class CredentialState(models.TextChoices):
    OK = "ok", "ok"
    LOST = "lost", "lost: must be connected again"


class Credential(EncryptedModel):
    """The OAuth 2 tokens of one instance. `refresh_due_at` makes it a due row of its own."""

    instance = models.OneToOneField(
        ElementInstance, on_delete=models.CASCADE, related_name="credential"
    )
    access_token = EncryptedTextField()
    refresh_token = EncryptedTextField(default="")
    expires_at = models.DateTimeField(null=True)
    refresh_due_at = models.DateTimeField(null=True)
    scope = models.TextField(blank=True)  # as granted, space-separated
    state = models.CharField(max_length=10, choices=CredentialState, default=CredentialState.OK)
    error = models.TextField(blank=True)  # of the last refresh; empty when it succeeded
    failures = models.PositiveIntegerField(default=0)  # refreshes that failed, in a row
    # The provider's code where it refuses renewals for good though the grant is there; else empty.
    refusal = models.CharField(max_length=100, blank=True, default="", db_default="")
    refreshed_at = models.DateTimeField(null=True)  # when the access token was obtained
    # Equal for grants of one account (instances.account); empty where that is not known.
    account = models.CharField(max_length=64, blank=True, default="")
    identity = SparseEncryptedTextField()  # the provider's name of the account
    # When the refresh token ends by itself, where the provider says so, and when that was told.
    ends_at = models.DateTimeField(null=True)
    warned_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["refresh_due_at"],
                condition=models.Q(state="ok"),
                name="credential_refresh_due",
            ),
            models.Index(
                fields=["account"], condition=~models.Q(account=""), name="credential_account"
            ),
            models.Index(
                fields=["ends_at"],
                condition=models.Q(state="ok", ends_at__isnull=False),
                name="credential_ends",
            ),
            models.Index(
                fields=["state"], condition=models.Q(state="lost"), name="credential_lost"
            ),
        ]

    def __str__(self) -> str:
        return f"credential of instance {self.instance_id}"

    @property
    def has_refresh_token(self) -> bool:
        """One that cannot be opened counts."""
        return not opens(self, "refresh_token") or bool(self.refresh_token)


class OAuthState(EncryptedModel):
    """One trip to a provider's consent page: what its `state` parameter stands for.

    Single use: `used_at` is set by the first callback that brings it.
    """

    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    request = EncryptedTextField()  # the body of POST /instances that follows, as JSON
    code_verifier = EncryptedTextField()  # PKCE, RFC 7636
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"OAuth state {self.pk}"


class ReconnectLink(models.Model):
    """A link that connects one instance again; see instances.reconnect_link.

    `digest` is of the secret in it. `used_at` is when the instance was connected again.
    """

    instance = models.ForeignKey(
        ElementInstance, on_delete=models.CASCADE, related_name="reconnect_links"
    )
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link {self.pk} of instance {self.instance_id}"


class IdempotencyKey(EncryptedModel):
    """A request that was given an `Idempotency-Key`, and its answer once there is one.

    A key is an account's own: the answer holds a token.

    `holder` works on the request until `held_until`. The answer is encrypted: it has the token.
    """

    account = models.ForeignKey(
        "accounts.Account",
        on_delete=models.CASCADE,
        db_index=False,  # the constraint below begins with it
    )
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    answer = EncryptedTextField(default="")
    holder = models.UUIDField(null=True)
    held_until = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "key"], name="one_use_of_a_key"),
        ]

    def __str__(self) -> str:
        return self.key


class Cleanup(EncryptedModel):
    """What is to be said to a provider of an instance that is gone; see instances.cleanup.

    It names organization and instance without referring to them: neither need be there any more.
    `account` as of the instance's Credential. `details` is JSON with the secrets that it takes.
    It may be claimed at `due_at`, which a claim moves to the end of its lease.
    """

    organization_id = models.BigIntegerField()
    instance_id = models.BigIntegerField()
    element_key = models.CharField(max_length=100)
    account = models.CharField(max_length=64, blank=True)
    details = EncryptedTextField()
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    lease_id = models.UUIDField(null=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    error = models.TextField(blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="cleanup_due")]

    def __str__(self) -> str:
        return f"cleanup of instance {self.instance_id}"
