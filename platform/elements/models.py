"""Elements that an organization has made for itself."""

from __future__ import annotations

from django.db import models

from encryption.fields import EncryptedModel, EncryptedTextField


class PrivateElement(EncryptedModel):
    """An element of one account, as JSON (elements.definition says of what form).

    Its key is the organization's, whose instances are found by it. `shared_with` are other accounts
    that may use it; one without an account is the organization's own.

    The definition is encrypted: it may hold the secret of the organization's application at the
    provider. `version` counts its changes, so that what was read once serves until the next.
    """

    organization = models.ForeignKey(
        "accounts.Organization",
        on_delete=models.CASCADE,
        related_name="private_elements",
        db_index=False,  # the constraint below begins with it
    )
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.CASCADE, null=True, related_name="+"
    )
    shared_with = models.ManyToManyField("accounts.Account", related_name="+")
    key = models.CharField(max_length=100)
    definition = EncryptedTextField()
    active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "key"], name="one_element_of_a_key"),
        ]

    def __str__(self) -> str:
        return self.key
