"""What people changed: rows that are added, and after AUDIT_KEPT_DAYS removed; never changed."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class Action(models.TextChoices):
    """What was done, in words that follow who did it: `… changed the instance`."""

    SIGNED_IN = "signed-in", "signed in"
    SIGN_IN_STOPPED = "sign-in-stopped", "was guessed at: too many wrong passwords"
    SESSIONS_ENDED = "sessions-ended", "ended other sessions"
    PASSWORD_CHANGED = "password-changed", "changed the password"
    PASSWORD_RESET = "password-reset", "chose a new password by e-mail"

    ORGANIZATION_CREATED = "organization-created", "made the organization"
    ORGANIZATION_CHANGED = "organization-changed", "changed the organization"
    ORGANIZATION_DELETED = "organization-deleted", "deleted the organization"
    ORGANIZATION_SECRET = "organization-secret", "gave the organization a new secret"
    ACCOUNT_CREATED = "account-created", "made the account"
    ACCOUNT_CHANGED = "account-changed", "changed the account"
    ACCOUNT_DELETED = "account-deleted", "deleted the account"
    ACCOUNT_ON = "account-on", "switched the account on"
    ACCOUNT_OFF = "account-off", "switched the account off"

    USER_CREATED = "user-created", "made the user"
    USER_CHANGED = "user-changed", "changed the user"
    USER_REMOVED = "user-removed", "removed the user"
    USER_ON = "user-on", "switched the user on"
    USER_OFF = "user-off", "switched the user off"
    USER_SECRET = "user-secret", "gave a new secret to the user"
    ROLE_GRANTED = "role-granted", "granted a role to the user"
    ROLE_TAKEN = "role-taken", "took a role from the user"

    INSTANCE_CREATED = "instance-created", "connected the instance"
    INSTANCE_CHANGED = "instance-changed", "changed the instance"
    INSTANCE_DELETED = "instance-deleted", "deleted the instance"
    INSTANCE_RECONNECTED = "instance-reconnected", "connected the instance again"
    INSTANCE_TOKEN_SHOWN = "instance-token-shown", "looked at the token of the instance"
    INSTANCE_LINK_MADE = "instance-link-made", "made a link to connect the instance again"
    UNSIGNED_WEBHOOKS = "unsigned-webhooks", "changed the unsigned webhooks of the instance"
    EVENTS_ON = "events-on", "switched events on for the instance"
    EVENTS_OFF = "events-off", "switched events off for the instance"

    ELEMENT_CREATED = "element-created", "made the element"
    ELEMENT_CHANGED = "element-changed", "changed the element"
    ELEMENT_DELETED = "element-deleted", "deleted the element"

    SUBSCRIPTION_CREATED = "subscription-created", "subscribed to topics"
    SUBSCRIPTION_CHANGED = "subscription-changed", "changed the subscription"
    SUBSCRIPTION_DELETED = "subscription-deleted", "deleted the subscription"
    SUBSCRIPTION_ON = "subscription-on", "switched sending on"
    SUBSCRIPTION_OFF = "subscription-off", "switched sending off"
    SIGNATURE_KEY = "signature-key", "changed the signature key"
    SENT_AGAIN = "sent-again", "sent deliveries again"

    ADMIN_ADDED = "admin-added", "added in the admin"
    ADMIN_CHANGED = "admin-changed", "changed in the admin"
    ADMIN_DELETED = "admin-deleted", "deleted in the admin"


class Source(models.TextChoices):
    CONSOLE = "console", "console"
    API = "api", "API"
    ADMIN = "admin", "admin"
    SERVER = "server", "server"  # a command, or the worker on somebody's behalf


class AuditEntry(models.Model):
    """One thing that a person did. Ids are no keys: what is deleted stays told of.

    No e-mail address is in it: who was removed for good is removed from here as well. `changes`
    are the fields that changed, `{"enabled": [true, false], "password": null}`; null where values
    are not for reading.
    """

    at = models.DateTimeField()
    organization_id = models.BigIntegerField(null=True)  # none: of the whole installation
    # The account that the subject belonged to then; none: of the organization as a whole.
    account_id = models.BigIntegerField(null=True)
    user_id = models.BigIntegerField(null=True)  # none: who followed a link without signing in
    action = models.CharField(max_length=30)  # an Action
    subject_kind = models.CharField(max_length=40, blank=True)
    subject_id = models.BigIntegerField(null=True)
    subject_name = models.CharField(max_length=200, blank=True)  # as it was called then
    instance_id = models.BigIntegerField(null=True)
    changes = models.JSONField(default=dict)
    source = models.CharField(max_length=10)  # a Source
    address = models.CharField(max_length=50, blank=True)
    request_id = models.CharField(max_length=24, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["organization_id", "at", "id"], name="audit_of_organization"),
            models.Index(fields=["organization_id", "user_id", "at", "id"], name="audit_of_person"),
            models.Index(
                fields=["instance_id", "at", "id"],
                condition=models.Q(instance_id__isnull=False),
                name="audit_of_instance",
            ),
            BrinIndex(fields=["at"], name="audit_age"),
        ]

    def __str__(self) -> str:
        return f"{self.done} at {self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def done(self) -> str:
        """What was done, in words."""
        known = self.action in Action.values
        return str(Action(self.action).label) if known else self.action
