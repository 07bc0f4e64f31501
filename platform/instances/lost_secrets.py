"""Stored secrets that cannot be opened, for the key that sealed them is lost or not there.

Rule 1: they stay as they are stored until a request gives all of them again: their key may come
back.
Rule 2: nothing of them is dropped unsaid, and nothing is led to another address
(instances.destination).
"""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from django.db import transaction

from api.errors import SEALED, BadRequest
from elements.types import Element
from encryption.fields import opens
from instances import callback
from instances import configuration as keys
from instances.models import Credential, CredentialState, ElementInstance
from instances.reason import Reason
from instances.signals import grant_lost

log = structlog.get_logger(__name__)


def replace(
    instance: ElementInstance, element: Element, given: Mapping[str, str | None] | None
) -> None:
    """Drop secrets that cannot be opened where a request gives all of them again. Doesn't save.

    A request that gives none leaves them as they are stored: their key may come back. Nobody knows
    which there are, so each that there may be has to be named; null is for none. Raises BadRequest
    naming those that are missing.
    """
    if given is None or keys.are_open(instance):
        return
    if not any(keys.is_secret(element, key) for key in given):
        return
    missing = sorted(
        key for key in possible(element) if key not in given or given[key] == keys.MASK
    )
    if missing:
        names = ", ".join(f"configuration.{key}" for key in missing)
        raise BadRequest(
            f"Missing: {names}: the stored secrets cannot be opened, for their encryption key is "
            "not there, so all must be given again; null where there is to be none"
        )
    instance.secrets = "{}"


def possible(element: Element) -> set[str]:
    """Return the secret keys that an instance of the element may have, as far as is known."""
    known = {field.key for field in element.configuration if keys.is_secret(element, field.key)}
    return (known | {keys.SIGNATURE_KEY, *callback.SECRETS}) - keys.CREDENTIAL_KEYS


def truly_missing(instance: ElementInstance, element: Element, missing: list[str]) -> list[str]:
    """The paths of `missing` that are not secrets which may only be unreadable."""
    if keys.are_open(instance):
        return missing
    return [
        path for path in missing if not keys.is_secret(element, path.removeprefix("configuration."))
    ]


def token_to_revoke(spent: Credential | None) -> str:
    """Empty where nothing can be revoked: nothing was granted, or it cannot be opened."""
    if spent is None:
        return ""
    if not opens(spent, "refresh_token", "access_token"):
        log.warning("grant not revoked", instance=spent.instance_id, reason=SEALED)
        return ""
    return spent.refresh_token or spent.access_token


@transaction.atomic
def mark_lost(instance_id: int) -> bool:
    """Ask for an account to be connected again, whose secrets cannot be opened.

    Returns whether it was marked: not where they open, nor where there is no grant to lose.
    """
    rows = ElementInstance.objects.select_for_update(no_key=True).filter(pk=instance_id)
    instance = rows.first()
    grant = Credential.objects.select_for_update(no_key=True).filter(instance=instance_id).first()
    if instance is None or grant is None or grant.state == CredentialState.LOST:
        return False
    if keys.are_open(instance) and opens(grant, "access_token", "refresh_token"):
        return False
    grant.state, grant.refresh_due_at = CredentialState.LOST, None
    grant.error = "The encryption key of its secrets is lost: connect the account again."
    grant.save(update_fields=["state", "error", "refresh_due_at"])
    code = Reason.SECRETS_UNREADABLE
    instance.valid, instance.reason_code, instance.problem = False, code, grant.error
    instance.save(update_fields=["valid", "reason_code", "problem", "updated_at"])
    grant_lost.send(sender=ElementInstance, instance=instance, reason=grant.error, code=code)
    return True
